//! What strangers, and clients that do not read, can use up: connections, memory, places (A4, A6, A7, A17, A18).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support;

use axum::{
    body::{Body, Bytes},
    http::Request,
};
use axum_server::Handle;
use futures_util::{StreamExt as _, future::join_all, stream};
use protocol::{
    payload::{CheckIn, Payload},
    role::Role,
};
use serde_json::{Value, json};
use server::{
    http::connections::{Bounded, Connections},
    kernel::config::Settings,
    service::{
        router::router,
        run::{self, ServerOptions},
    },
    store::Hint,
};
use std::{
    io::Write as _,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};
use support::{FieldClient, TestApp, TestCity};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// An app behind a listener, with the connections that it has.
struct Serving {
    address: SocketAddr,
    connections: Arc<Connections>,
    handle: Handle<SocketAddr>,
}

impl Serving {
    fn of(app: &TestApp) -> Self {
        let connections = Connections::new(&app.app.settings);
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let handle = Handle::new();
        let server = axum_server::from_tcp(listener)
            .unwrap()
            .acceptor(Bounded(Arc::clone(&connections)))
            .handle(handle.clone());
        let service = router(&app.app).into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(async move { server.serve(service).await });
        tokio::spawn(Arc::clone(&connections).watch());
        Self {
            address,
            connections,
            handle,
        }
    }
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }
    /// Sends a request on a new connection and reads until the answer contains `wanted` or ends.
    async fn send(&self, request: &str, wanted: &str) -> (TcpStream, String) {
        let mut stream = self.connect().await;
        let _ = stream.write_all(request.as_bytes()).await;
        let text = read_until(&mut stream, wanted).await;
        (stream, text)
    }
    /// The status of an answer; 0 if the connection was cut.
    async fn status(&self, request: &str) -> u16 {
        let (_, text) = self.send(request, "\r\n\r\n").await;
        let status = text.split(' ').nth(1).and_then(|code| code.parse().ok());
        status.unwrap_or(0)
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.handle.shutdown();
    }
}

async fn read_until(stream: &mut TcpStream, wanted: &str) -> String {
    let mut text = String::new();
    let mut piece = [0; 4096];
    while !text.contains(wanted) {
        match stream.read(&mut piece).await {
            Ok(0) | Err(_) => break,
            Ok(n) => text.push_str(&String::from_utf8_lossy(&piece[..n])),
        }
    }
    text
}

fn get(path: &str, token: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\n\r\n")
}

/// The head of a request whose body never comes.
fn silent(path: &str, length: usize) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{{"
    )
}

const WRONG_SIGN_IN: &str = "POST /v1/session HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
    content-length: 2\r\n\r\n{}";

/// Waits until `done` holds, for at most 30 seconds.
async fn eventually(what: &str, mut done: impl FnMut() -> bool) {
    let until = Instant::now() + Duration::from_secs(30);
    while !done() {
        assert!(Instant::now() < until, "{what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn handset(app: &TestApp) -> (TestCity, FieldClient) {
    let city = app.city().await;
    let post = app.post(city.community, &["2201040503"]).await;
    (city, app.holder(post).await)
}

#[tokio::test]
async fn sec_a07_silent_strangers_are_cut_and_honest_requests_answered() {
    let settings = Settings {
        stranger_connections: 50,
        stranger_connections_per_address: 0,
        ..Settings::default()
    };
    let app = TestApp::sqlite_with(settings).await;
    let (_, client) = handset(&app).await;
    let serving = Serving::of(&app);
    let mut silence = Vec::new();
    for _ in 0..400 {
        let mut stream = serving.connect().await;
        let _ = stream.write_all(silent("/v1/session", 15_000).as_bytes()).await;
        silence.push(stream);
        assert!(serving.connections.count().1 <= 50);
    }
    assert_eq!(
        serving
            .status(&get("/v1/field/pull?cursor=", &client.token))
            .await,
        200
    );
    assert_eq!(serving.status(&get("/healthz", "")).await, 200);
}

#[tokio::test]
async fn sec_a07_strangers_share_their_memory_and_leave_that_of_others() {
    let settings = Settings {
        stranger_body_memory_mb: 1,
        stranger_requests_per_minute: 0,
        ..Settings::default()
    };
    let app = Arc::new(TestApp::sqlite_with(settings).await);
    let (_, mut client) = handset(&app).await;
    let pending = |app: Arc<TestApp>| async move {
        let first = stream::once(async { Ok::<_, std::io::Error>(Bytes::from(vec![b' '; 16_000])) });
        let body = Body::from_stream(first.chain(stream::pending()));
        let request = Request::post("/v1/session").header("content-type", "application/json");
        app.send(request.body(body).unwrap()).await
    };
    let mut waiting: Vec<_> = (0..80).map(|_| tokio::spawn(pending(Arc::clone(&app)))).collect();
    // 65 of them fill the share; the others are told to come later.
    eventually("nobody was refused", || {
        waiting.iter().any(|request| request.is_finished())
    })
    .await;
    let at = waiting.iter().position(|request| request.is_finished()).unwrap();
    let refused = waiting
        .remove(at)
        .await
        .unwrap()
        .expect(503)
        .expect_code("server.busy");
    assert!(refused.headers.contains_key("retry-after"));
    let entry = client.entry(&app, &Payload::CheckIn(CheckIn::default()));
    assert_eq!(client.push(&app, &[entry]).await.receipts.len(), 1);
    waiting.iter().for_each(|request| request.abort());
    for request in waiting {
        let _ = request.await;
    }
    app.call(
        "POST",
        "/v1/session",
        None,
        json!({ "account": "x", "password": "y" }),
    )
    .await
    .expect(401);
}

#[tokio::test(start_paused = true)]
async fn sec_a04_body_that_drips_ends_after_its_total_time() {
    let app = TestApp::sqlite().await;
    let (_, client) = handset(&app).await;
    let dripping = |path: &str, method: &str| {
        let body = stream::unfold((), |()| async {
            tokio::time::sleep(Duration::from_secs(25)).await;
            Some((Ok::<_, std::io::Error>(Bytes::from_static(b" ")), ()))
        });
        Request::builder()
            .method(method)
            .uri(path.to_owned())
            .header("content-type", "application/json")
            .header("authorization", format!("Bearer {}", client.token))
            .body(Body::from_stream(body))
            .unwrap()
    };
    let begun = tokio::time::Instant::now();
    app.send(dripping("/v1/field/push", "POST"))
        .await
        .expect(408)
        .expect_code("request.timeout");
    app.send(dripping("/v1/session", "POST")).await.expect(408);
    let took = begun.elapsed();
    assert!(
        (Duration::from_secs(100)..Duration::from_secs(200)).contains(&took),
        "{took:?}"
    );
}

#[tokio::test]
async fn sec_a06_silent_sockets_do_not_close_the_parcel_route() {
    let settings = Settings {
        stranger_connections_per_address: 0,
        ..Settings::default()
    };
    let app = TestApp::sqlite_with(settings).await;
    let serving = Serving::of(&app);
    let mut silence = Vec::new();
    for _ in 0..400 {
        let mut stream = serving.connect().await;
        stream
            .write_all(silent("/v1/field/parcel", 17_000_000).as_bytes())
            .await
            .unwrap();
        silence.push(stream);
    }
    eventually("the sockets are not all open", || {
        serving.connections.count().1 >= 400
    })
    .await;
    // What is no parcel is refused, not told that the server is busy.
    let request =
        "POST /v1/field/parcel HTTP/1.1\r\nhost: localhost\r\ncontent-length: 18\r\n\r\n123456789012345678";
    assert_eq!(serving.status(request).await, 422);
}

/// `GET /openapi.json` many times on one connection: more than the sockets hold.
fn many_answers() -> String {
    get("/openapi.json", "").repeat(300)
}

fn impatient() -> Settings {
    Settings {
        answer_stall_seconds: 1,
        ..Settings::default()
    }
}

#[tokio::test]
async fn sec_a17_client_that_does_not_read_is_cut_and_a_listener_is_not() {
    let app = TestApp::sqlite_with(impatient()).await;
    let (_, client) = handset(&app).await;
    let serving = Serving::of(&app);
    let events = get("/v1/field/events", &client.token);
    let (mut listener, begun) = serving.send(&events, "event: pull").await;
    assert!(begun.contains("200 OK"), "{begun}");
    let mut slow = serving.connect().await;
    slow.write_all(many_answers().as_bytes()).await.unwrap();
    eventually("connected", || serving.connections.count().0 == 2).await;
    eventually("the slow reader is not cut", || {
        serving.connections.count().0 == 1
    })
    .await;
    app.write(|tx, _| {
        tx.after_commit(Hint::All);
        Ok(())
    })
    .await;
    assert!(
        read_until(&mut listener, "event: pull")
            .await
            .contains("event: pull")
    );
    drop(slow);
}

/// An HTTP/2 client that opens no window: a request for `path`, frame by frame (RFC 9113, HPACK without Huffman).
fn closed_window(path: &str) -> Vec<u8> {
    let frame = |kind: u8, flags: u8, stream: u8, payload: &[u8]| {
        let mut frame = vec![
            0,
            0,
            u8::try_from(payload.len()).unwrap(),
            kind,
            flags,
            0,
            0,
            0,
            stream,
        ];
        frame.extend_from_slice(payload);
        frame
    };
    let mut head = vec![0x82, 0x86, 0x04, u8::try_from(path.len()).unwrap()];
    head.extend_from_slice(path.as_bytes());
    head.extend_from_slice(b"\x01\x09localhost");
    // SETTINGS_INITIAL_WINDOW_SIZE = 0; END_STREAM | END_HEADERS.
    let settings = frame(4, 0, 0, &[0, 4, 0, 0, 0, 0]);
    [
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
        settings,
        frame(1, 5, 1, &head),
    ]
    .concat()
}

#[tokio::test]
async fn sec_a17_client_of_http_2_that_opens_no_window_is_cut() {
    let app = TestApp::sqlite_with(impatient()).await;
    let serving = Serving::of(&app);
    for path in ["/openapi.json", "/healthz"] {
        let mut slow = serving.connect().await;
        slow.write_all(&closed_window(path)).await.unwrap();
        let mut first = [0; 9];
        slow.read_exact(&mut first).await.unwrap();
        eventually("the answer is not cut", || serving.connections.count().0 == 0).await;
    }
}

#[tokio::test]
async fn sec_a17_client_that_does_not_read_is_cut_under_tls() {
    let folder = tempfile::tempdir().unwrap();
    let mut options = ServerOptions::new(folder.path(), "127.0.0.1:0".parse().unwrap());
    options.settings = impatient();
    let server = Box::pin(run::start(options)).await.unwrap();
    let (address, pem) = (server.address, server.certificate.clone().unwrap());
    let slow = tokio::task::spawn_blocking(move || {
        use rustls::pki_types::{CertificateDer, pem::PemObject as _};
        let mut roots = rustls::RootCertStore::empty();
        roots
            .add(CertificateDer::from_pem_slice(pem.as_bytes()).unwrap())
            .unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let client =
            rustls::ClientConnection::new(Arc::new(config), "localhost".try_into().unwrap()).unwrap();
        let socket = std::net::TcpStream::connect(address).unwrap();
        let mut stream = rustls::StreamOwned::new(client, socket);
        stream.write_all(many_answers().as_bytes()).unwrap();
        stream
    })
    .await
    .unwrap();
    let connections = Arc::clone(&server.connections);
    eventually("the slow reader is not cut", || connections.count().0 == 0).await;
    drop(slow);
    server.stop().await;
}

/// How many listeners the test opens; the proof opens 10,000.
fn listeners() -> usize {
    let asked = std::env::var("XUNGE_LISTENERS").ok();
    asked.and_then(|text| text.parse().ok()).unwrap_or(1000)
}

#[tokio::test(flavor = "multi_thread")]
async fn listeners_and_desks_work_while_strangers_of_their_address_are_refused() {
    const EACH: usize = 50;
    let settings = Settings {
        events_per_terminal: 100,
        connections_per_caller: 1000,
        field_requests_per_minute: 0,
        stranger_connections: 60,
        stranger_connections_per_address: 40,
        stranger_requests_per_minute: 100,
        ..Settings::default()
    };
    let app = TestApp::sqlite_with(settings).await;
    let city = app.city().await;
    let serving = Serving::of(&app);
    let mut open = Vec::new();
    while open.len() < listeners() {
        let post = app.post(city.community, &["2201040503"]).await;
        let client = app.holder(post).await;
        let events = get("/v1/field/events", &client.token);
        for _ in 0..EACH / 25 {
            let begun = (0..25).map(|_| serving.send(&events, "event: pull"));
            for (stream, text) in join_all(begun).await {
                assert!(text.contains("event: pull"), "{text}");
                open.push(stream);
            }
        }
    }
    let mut desks = Vec::new();
    for _ in 0..20 {
        desks.push(app.staff(Role::Acceptor, city.district).await.token);
    }
    // Strangers of the same address: silent sockets, and wrong sign-ins until they are refused.
    let flood = async {
        let mut silence = Vec::new();
        let mut refused = 0;
        for _ in 0..300 {
            let mut stream = serving.connect().await;
            let _ = stream.write_all(silent("/v1/session", 10_000).as_bytes()).await;
            silence.push(stream);
            refused += u32::from([0, 429].contains(&serving.status(WRONG_SIGN_IN).await));
        }
        refused
    };
    let work = async {
        let mut answered = 0;
        for _ in 0..10 {
            let requests: Vec<String> = desks.iter().map(|token| get("/v1/session", token)).collect();
            let statuses = join_all(requests.iter().map(|request| serving.status(request))).await;
            answered += statuses.iter().filter(|status| **status == 200).count();
        }
        answered
    };
    let (refused, answered) = tokio::join!(flood, work);
    assert_eq!(answered, 200);
    assert!(refused >= 200, "{refused}");
    assert_eq!(app.app.bounds.listeners.count(), open.len());
    // Each listener still hears.
    app.write(|tx, _| {
        tx.after_commit(Hint::All);
        Ok(())
    })
    .await;
    for text in join_all(open.iter_mut().map(|stream| read_until(stream, "event: pull"))).await {
        assert!(text.contains("event: pull"));
    }
}

async fn events(app: &TestApp, client: &FieldClient) -> axum::body::BodyDataStream {
    let request =
        Request::get("/v1/field/events").header("authorization", format!("Bearer {}", client.token));
    let answer = app.open(request.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.status(), 200);
    let mut body = answer.into_body().into_data_stream();
    body.next().await.unwrap().unwrap();
    body
}

both_engines! {
    async fn sec_a17_terminal_keeps_its_newest_streams_of_events(app: TestApp) {
        let (_, client) = handset(&app).await;
        let mut first = events(&app, &client).await;
        let mut newer = Vec::new();
        for _ in 0..3 {
            newer.push(events(&app, &client).await);
        }
        assert!(first.next().await.is_none(), "the oldest one must end");
        assert_eq!(app.app.bounds.listeners.count(), 3);
        drop(newer);
        assert_eq!(app.app.bounds.listeners.count(), 0);
    }

    async fn sec_a17_streams_of_events_end_with_revoke_wipe_and_disable(app: TestApp) {
        let city = app.city().await;
        let admin = app.staff(Role::Admin, city.city).await;
        let neighbour = app.holder(app.post(city.community, &["2201040503"]).await).await;
        let mut stays = events(&app, &neighbour).await;
        let terminals = async || app.get("/v1/terminals", &admin.token).await.expect(200).json["items"].clone();
        for way in ["revoke", "wipe", "disable"] {
            let client = app.holder(app.post(city.community, &["2201040503"]).await).await;
            let mut open = events(&app, &client).await;
            let (path, body) = match way {
                "revoke" => (format!("/v1/streams/{}/revoke", client.stream), json!({ "reason": "lost" })),
                "disable" => (format!("/v1/people/{}/disable", client.person), json!({})),
                _ => {
                    let stream = json!(client.stream);
                    let all = terminals().await;
                    let own = |t: &&Value| t["streams"].as_array().unwrap().iter().any(|s| s["id"] == stream);
                    let id = all.as_array().unwrap().iter().find(own).unwrap()["id"].clone();
                    (format!("/v1/terminals/{}/wipe", id.as_str().unwrap()), json!({ "reason": "lost" }))
                }
            };
            app.post_json(&path, &admin.token, body).await.expect(200);
            // Hints may come before the end, but the end comes.
            while open.next().await.is_some() {}
        }
        app.write(|tx, _| {
            tx.after_commit(Hint::All);
            Ok(())
        }).await;
        assert!(stays.next().await.is_some());
    }
}
