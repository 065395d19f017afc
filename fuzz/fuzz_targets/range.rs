//! `Range`, `If-Range` and `If-None-Match`, one per line, on a small file: the answer's status matches its body, and
//! a partial answer is a part of the file.
#![no_main]
#[allow(dead_code)]
#[path = "../../server/src/http/range.rs"]
mod range;

mod http {
    pub mod problem {
        use axum::response::{IntoResponse, Response};

        pub fn of(code: protocol::problem::ProblemCode) -> Response {
            axum::http::StatusCode::from_u16(code.status()).expect("a status").into_response()
        }
    }
}

use axum::{
    body::Bytes,
    http::{HeaderMap, HeaderValue, header},
};

libfuzzer_sys::fuzz_target!(|text: &[u8]| {
    let mut headers = HeaderMap::new();
    let names = [header::RANGE, header::IF_RANGE, header::IF_NONE_MATCH];
    for (name, line) in names.into_iter().zip(text.split(|b| *b == b'\n')) {
        if let Ok(value) = HeaderValue::from_bytes(line) {
            headers.insert(name, value);
        }
    }
    let file = Bytes::from_static(b"0123456789");
    let hash = protocol::photo::Sha256::of(&file);
    let answer = range::respond(&headers, &file, hash, "text/plain");
    let partial = answer.headers().contains_key(header::CONTENT_RANGE);
    match answer.status().as_u16() {
        200 | 304 => assert!(!partial),
        206 | 416 => assert!(partial),
        other => panic!("{other}"),
    }
});
