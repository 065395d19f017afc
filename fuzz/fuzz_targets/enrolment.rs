//! The answer to an enrolment: keys, signatures and the certificate that the server claims to have signed.
#![no_main]
use protocol::{
    field::{Certificate, EnrolAnswer, EnrolRequest},
    sign::certificate_message,
};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(answer) = serde_json::from_slice::<EnrolAnswer>(bytes) {
        let signed = &answer.certificate;
        if answer.server_key.check().is_ok() {
            let _ = answer.server_key.verify(&certificate_message(&signed.certificate), &signed.signature);
        }
        let _ = serde_json::from_str::<Certificate>(&signed.certificate).is_ok();
    }
    if let Ok(request) = serde_json::from_slice::<EnrolRequest>(bytes) {
        let message = protocol::sign::enrol_message(&request.code, request.stream);
        if request.key.check().is_ok() {
            let _ = request.key.verify(&message, &request.signature);
        }
    }
});
