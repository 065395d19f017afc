//! Pushes with the preset dictionary over a real connection: what is counted, what is returned, and what
//! happens if the server does not support the coding.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use flate2::read::GzDecoder;
use protocol::{
    coding::{CODING, Words},
    ids::{PersonId, PostId, StreamId},
    photo::Sha256,
};
use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    thread,
};
use terminal_core::transport::{CancelToken, Https, Method, Request, Transport, TransportError};

fn words() -> Words {
    let ten = [3; 10];
    Words::of(
        StreamId::from_parts(1, ten),
        PersonId::from_parts(1, ten),
        PostId::from_parts(1, ten),
    )
}

fn push(body: &[u8]) -> Request {
    Request::new(Method::Post, "/v1/field/push")
        .known_by(words())
        .json(body.to_vec())
}

struct Heard {
    head: String,
    body: Vec<u8>,
}

fn read(stream: &mut TcpStream) -> Heard {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap().to_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(0, |text| text.parse().unwrap())];
    stream.read_exact(&mut body).unwrap();
    Heard { head, body }
}

fn answer(stream: &mut TcpStream, status: u16, coding: &str, body: &[u8]) {
    let head = format!(
        "HTTP/1.1 {status} x\r\n{coding}content-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(body).unwrap();
}

/// A server on loopback that runs this on its only connection.
fn serve<T: Send + 'static>(
    work: impl FnOnce(&mut TcpStream) -> T + Send + 'static,
) -> (Https, thread::JoinHandle<T>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let https = Https::new(&format!("http://{}", listener.local_addr().unwrap()), &[]).unwrap();
    let server = thread::spawn(move || work(&mut listener.accept().unwrap().0));
    (https, server)
}

const PLAIN: &[u8] =
    br#"{"v":1,"stream":"01a2008d","clock":{"wall":1795305600000},"entries":[{"v":1,"id":"x"}]}"#;
const ANSWER: &[u8] = br#"{"epoch":"0011223344556677","receipts":[],"refused":[]}"#;

#[test]
fn a_push_and_its_answer_use_the_dictionary_and_are_counted_as_sent() {
    let (https, server) = serve(|stream| {
        let heard = read(stream);
        let packed = words().answering(Sha256::of(PLAIN)).pack(ANSWER).unwrap();
        answer(stream, 200, "content-encoding: xunge-1\r\n", &packed);
        heard
    });
    let (answer, traffic) = https.carry(&push(PLAIN), &CancelToken::default());
    let heard = server.join().unwrap();
    assert_eq!(answer.unwrap().body, ANSWER);
    assert!(heard.head.contains("content-encoding: xunge-1"), "{}", heard.head);
    assert!(
        heard.head.contains("accept-encoding: gzip, xunge-1"),
        "{}",
        heard.head
    );
    assert_eq!(words().unpack(&heard.body, 1 << 20).unwrap(), PLAIN);
    assert!(heard.body.len() < PLAIN.len());
    assert_eq!(traffic.sent, (heard.head.len() + heard.body.len()) as u64);
}

#[test]
fn a_server_that_rejects_the_dictionary_gets_gzip_from_then_on() {
    let (https, server) = serve(|stream| {
        let refused = read(stream);
        answer(stream, 415, "", b"{}");
        let again = read(stream);
        answer(stream, 200, "", b"{}");
        let next = read(stream);
        answer(stream, 200, "", b"{}");
        (refused, again, next)
    });
    let body = PLAIN.repeat(5);
    for _ in 0..2 {
        assert_eq!(https.exchange(&push(&body)).unwrap().status, 200);
    }
    let (refused, again, next) = server.join().unwrap();
    assert!(refused.head.contains("content-encoding: xunge-1"));
    for heard in [again, next] {
        assert!(heard.head.contains("content-encoding: gzip"), "{}", heard.head);
        assert!(!heard.head.contains(CODING), "{}", heard.head);
        let mut plain = Vec::new();
        GzDecoder::new(heard.body.as_slice())
            .read_to_end(&mut plain)
            .unwrap();
        assert_eq!(plain, body);
    }
}

#[test]
fn an_answer_packed_for_another_body_is_refused() {
    let (https, server) = serve(|stream| {
        read(stream);
        let other = words().answering(Sha256::of(b"another body"));
        answer(
            stream,
            200,
            "content-encoding: xunge-1\r\n",
            &other.pack(ANSWER).unwrap(),
        );
    });
    let outcome = https.exchange(&push(PLAIN));
    assert!(matches!(outcome, Err(TransportError::Cut(_))), "{outcome:?}");
    server.join().unwrap();
}
