//! The production transport against a TLS server on loopback: which keys it trusts, and what it refuses.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use flate2::read::GzDecoder;
use protocol::photo::Sha256;
use rcgen::{CertificateParams, KeyPair, PublicKeyData as _};
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex, mpsc},
    thread,
};
use terminal_core::transport::{CancelToken, Https, Method, Request, Response, Transport, TransportError};

/// What a client sent.
struct Heard {
    head: String,
    body: Vec<u8>,
}

/// Serves one exchange per answer, then stops listening. `None`: the connection is cut in the middle.
struct Loopback {
    address: String,
    pin: Sha256,
    heard: mpsc::Receiver<Heard>,
}

fn read_request(stream: &mut impl Read) -> Option<Heard> {
    let mut bytes = Vec::new();
    let mut byte = [0];
    while !bytes.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte).ok()? == 0 {
            return None;
        }
        bytes.push(byte[0]);
    }
    let head = String::from_utf8(bytes).unwrap().to_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .map_or(0, |text| text.trim().parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    Some(Heard { head, body })
}

fn serve(answers: Vec<&'static str>, tls: bool) -> Loopback {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec!["another.example".into()]).unwrap();
    // The certificate has expired and is for another name: only the pin counts.
    params.not_before = rcgen::date_time_ymd(2001, 1, 1);
    params.not_after = rcgen::date_time_ymd(2002, 1, 1);
    let certificate = params.self_signed(&key).unwrap();
    let pin = Sha256::of(&key.subject_public_key_info());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der())),
        )
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (tell, heard) = mpsc::channel();
    let answers = Arc::new(Mutex::new(answers));
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream: TcpStream = stream.unwrap();
            let (config, tell, answers) = (config.clone(), tell.clone(), answers.clone());
            thread::spawn(move || {
                let exchange = |stream: &mut dyn ReadWrite| {
                    if let Some(request) = read_request(&mut &mut *stream) {
                        let answer = answers.lock().unwrap().remove(0);
                        let _ = stream.write_all(answer.as_bytes()).and_then(|()| stream.flush());
                        let _ = tell.send(request);
                    }
                };
                if tls {
                    let connection = rustls::ServerConnection::new(config).unwrap();
                    exchange(&mut rustls::StreamOwned::new(connection, stream));
                } else {
                    exchange(&mut stream);
                }
            });
        }
    });
    let scheme = if tls { "https" } else { "http" };
    Loopback {
        address: format!("{scheme}://127.0.0.1:{port}"),
        pin,
        heard,
    }
}
trait ReadWrite: Read + Write {}
impl<T: Read + Write> ReadWrite for T {}

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-other: 1\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}";

fn get() -> Request {
    Request::new(Method::Get, "/v1/field/manifest").header("authorization", "Bearer t")
}

#[test]
fn the_pinned_key_is_trusted_whatever_name_and_date_its_certificate_has() {
    let server = serve(vec![OK], true);
    let https = Https::new(&server.address, &[Sha256([9; 32]), server.pin]).unwrap();
    let answer = https.exchange(&get()).unwrap();
    assert_eq!(
        answer,
        Response {
            status: 200,
            headers: vec![("content-type".into(), "application/json".into())],
            body: b"{}".to_vec()
        }
    );
    let heard = server.heard.recv().unwrap();
    assert!(
        heard.head.starts_with("get /v1/field/manifest http/1.1\r\n"),
        "{}",
        heard.head
    );
    assert!(heard.head.contains("authorization: bearer t"));
}

#[test]
fn any_other_key_is_refused_before_a_byte_of_the_request_is_sent() {
    let server = serve(vec![OK], true);
    let https = Https::new(&server.address, &[Sha256([9; 32])]).unwrap();
    let error = https.exchange(&get()).unwrap_err();
    assert!(matches!(error, TransportError::Pin(_)), "{error:?}");
    assert_eq!(error.reason().code, "network.pin");
    assert!(server.heard.try_recv().is_err());
}

#[test]
fn large_json_is_compressed_and_photos_are_not() {
    let server = serve(vec![OK, OK], true);
    let https = Https::new(&server.address, &[server.pin]).unwrap();
    let body = br#"{"text":"garbage"}"#.repeat(200);
    https
        .exchange(&Request::new(Method::Post, "/v1/field/push").json(body.clone()))
        .unwrap();
    let heard = server.heard.recv().unwrap();
    assert!(heard.head.contains("content-encoding: gzip") && heard.body.len() < body.len() / 4);
    let mut plain = Vec::new();
    GzDecoder::new(heard.body.as_slice())
        .read_to_end(&mut plain)
        .unwrap();
    assert_eq!(plain, body);
    let mut patch = Request::new(Method::Patch, "/v1/field/photos/1")
        .header("content-type", "application/offset+octet-stream");
    patch.body.clone_from(&body);
    https.exchange(&patch).unwrap();
    let heard = server.heard.recv().unwrap();
    assert!(!heard.head.contains("content-encoding"));
    assert_eq!(heard.body, body);
}

#[test]
fn redirects_are_responses_and_a_cut_response_is_an_error() {
    let server = serve(
        vec![
            "HTTP/1.1 302 Found\r\nlocation: http://portal.example/\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: 100\r\nconnection: close\r\n\r\n{\"cut",
        ],
        false,
    );
    let http = Https::new(&server.address, &[]).unwrap();
    let answer = http.exchange(&get()).unwrap();
    assert_eq!(
        (answer.status, answer.header("location")),
        (302, Some("http://portal.example/"))
    );
    let error = http.exchange(&get()).unwrap_err();
    assert!(matches!(error, TransportError::Cut(_)), "{error:?}");
}

#[test]
fn a_closed_port_is_unreachable() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = Https::new(&address, &[]).unwrap().exchange(&get()).unwrap_err();
    assert!(matches!(error, TransportError::Unreachable(_)), "{error:?}");
}

/// A server that accepts a connection and then sends nothing, or half of an answer.
fn silent_after(said: &'static [u8]) -> (String, mpsc::Receiver<TcpStream>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let (tell, met) = mpsc::channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream: TcpStream = stream.unwrap();
            // The request is being sent.
            stream.read_exact(&mut [0]).unwrap();
            stream.write_all(said).unwrap();
            tell.send(stream).unwrap();
        }
    });
    (address, met)
}

#[test]
fn story_36_cancel_ends_a_request_in_its_middle_and_says_what_it_cost() {
    let head = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf";
    for said in [&b""[..], head] {
        let (address, met) = silent_after(said);
        let https = Https::new(&address, &[]).unwrap();
        let cancel = CancelToken::default();
        let mut request = Request::new(Method::Patch, "/v1/field/photos/1");
        // More than the buffers hold, so the body is never sent completely.
        request.body = vec![7; 24 * 1024 * 1024];
        let (outcome, traffic) = thread::scope(|scope| {
            let asking = scope.spawn(|| https.carry(&request, &cancel));
            let held = met.recv().unwrap();
            cancel.cancel();
            let done = asking.join().unwrap();
            drop(held);
            done
        });
        assert_eq!(outcome.unwrap_err(), TransportError::Cancelled);
        assert!(traffic.sent > 0 && traffic.sent < request.size(), "{traffic:?}");
        // Cancelled before it began: not even a connection is made.
        assert_eq!(
            https.carry(&request, &cancel).0.unwrap_err(),
            TransportError::Cancelled
        );
        assert!(met.try_recv().is_err());
    }
}

#[test]
fn one_connection_serves_many_requests_and_its_bytes_are_counted() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let https = Https::new(&format!("http://{}", listener.local_addr().unwrap()), &[]).unwrap();
    let body = gzip(&[b'a'; 5000]);
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut heard = 0;
        for _ in 0..3 {
            let request = read_request(&mut stream).unwrap();
            heard += request.head.len() + request.body.len();
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\n\r\n",
                body.len()
            );
            stream.write_all(head.as_bytes()).unwrap();
            stream.write_all(&body).unwrap();
        }
        (heard as u64, body.len() as u64)
    });
    let mut request = Request::new(Method::Post, "/v1/field/push").json(vec![b'x'; 100_000]);
    let mut counted = terminal_core::transport::Traffic::default();
    for _ in 0..3 {
        let (answer, traffic) = https.carry(&request, &CancelToken::default());
        assert_eq!(answer.unwrap().body, [b'a'; 5000]);
        counted = counted.plus(traffic);
        request.path.push('a');
    }
    let (heard, body) = server.join().unwrap();
    // Compressed in both directions, and counted as on the wire.
    assert!(heard < 3 * 1000, "{heard}");
    assert_eq!(counted.sent, heard);
    assert!(
        (3 * body..3 * (body + 100)).contains(&counted.received),
        "{counted:?} {body}"
    );
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}
