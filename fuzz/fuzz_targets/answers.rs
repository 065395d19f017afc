//! HTTP answers to a handset, from the server, a proxy or a portal: the first two bytes are the status, the next line
//! is Retry-After, the rest is the body. A failure always has a reason text, and only a 2xx is an answer.
#![no_main]
use protocol::{field, manifest, push};

/// The items of terminal-core that `sync/failure.rs` needs.
#[allow(dead_code)]
mod transport {
    pub mod request {
        pub struct Response {
            pub status: u16,
            pub headers: Vec<(String, String)>,
            pub body: Vec<u8>,
        }

        impl Response {
            pub fn header(&self, name: &str) -> Option<&str> {
                self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
            }
        }
    }

    pub struct TransportError;

    impl TransportError {
        pub fn reason(&self) -> protocol::entry::Reason {
            protocol::entry::Reason::new(protocol::problem::HandsetCode::Unreachable, "连不上", "unreachable")
        }
    }
}

mod sync {
    pub mod step {
        #[allow(dead_code)]
        pub enum StepOutcome {
            Answer(crate::transport::request::Response),
            Failed(crate::transport::TransportError),
            Photo(()),
        }
    }
}

#[allow(dead_code)]
#[path = "../../terminal-core/src/sync/failure.rs"]
mod failure;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((status, rest)) = bytes.split_first_chunk::<2>() else {
        return;
    };
    let status = u16::from_be_bytes(*status);
    let line = rest.iter().position(|b| *b == b'\n').unwrap_or(0);
    let (wait, body) = rest.split_at(line);
    let header = |name: &str, value: &[u8]| (name.to_owned(), String::from_utf8_lossy(value).into_owned());
    let response = transport::request::Response {
        status,
        headers: vec![header("retry-after", wait), header("date", b"Wed, 21 Oct 2015 07:28:00 GMT")],
        body: body.to_vec(),
    };
    match failure::classify(sync::step::StepOutcome::Answer(response)) {
        Ok(answer) => {
            assert!((200..300).contains(&status));
            let body = &answer.body;
            let _ = serde_json::from_slice::<push::PushAnswer>(body).is_ok();
            let _ = serde_json::from_slice::<field::ChallengeAnswer>(body).is_ok();
            let _ = serde_json::from_slice::<field::TokenAnswer>(body).is_ok();
            let _ = serde_json::from_slice::<field::PhotoReceipt>(body).is_ok();
            if let Ok(signed) = serde_json::from_slice::<manifest::SignedManifest>(body) {
                let _ = serde_json::from_str::<manifest::Manifest>(&signed.manifest).is_ok();
            }
            let _ = serde_json::from_slice::<manifest::Catalogue>(body).is_ok();
        }
        Err(failure) => assert!(!failure.reason.code.as_str().is_empty()),
    }
});
