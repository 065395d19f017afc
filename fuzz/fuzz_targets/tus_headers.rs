//! The headers of tus: numbers, metadata, checksum. The input is one header's value.
#![no_main]
#[allow(dead_code)]
#[path = "../../server/src/photos/tus/wire.rs"]
mod wire;

mod kernel {
    /// The server's failure for a header, reduced to its code and a text.
    pub mod failure {
        use axum::response::{IntoResponse, Response};
        use protocol::problem::ProblemCode;

        pub struct Failure(ProblemCode);

        impl Failure {
            pub fn of(code: ProblemCode) -> Self {
                Self(code)
            }
            pub fn because(code: ProblemCode, what: impl Into<String>) -> Self {
                assert!(!what.into().is_empty());
                Self(code)
            }
            pub fn code(&self) -> Option<ProblemCode> {
                Some(self.0)
            }
        }

        impl IntoResponse for Failure {
            fn into_response(self) -> Response {
                Response::default()
            }
        }
    }
}

use axum::http::{HeaderMap, HeaderValue};

libfuzzer_sys::fuzz_target!(|value: &[u8]| {
    let Ok(value) = HeaderValue::from_bytes(value) else {
        return;
    };
    let mut headers = HeaderMap::new();
    for name in [wire::UPLOAD_OFFSET, wire::UPLOAD_CHECKSUM, wire::UPLOAD_METADATA] {
        headers.insert(name, value.clone());
    }
    let _ = wire::number(&headers, &wire::UPLOAD_OFFSET).is_ok();
    if let Ok(Some(checksum)) = wire::Checksum::of(&headers) {
        let _ = checksum.fits(b"hello world");
    }
    let metadata = wire::text(&headers, &wire::UPLOAD_METADATA).unwrap_or_default();
    let _ = wire::named_hash(metadata).is_ok();
});
