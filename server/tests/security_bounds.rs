//! What strangers, and clients that do not read, can use up: connections, memory, places (A4, A6, A7, A17).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::indexing_slicing
)]

#[path = "support/serving.rs"]
mod serving;
mod support;

use axum::{
    body::{Body, Bytes},
    http::Request,
};
use futures_util::{StreamExt as _, stream};
use protocol::{
    payload::{CheckIn, Payload},
    role::Role,
};
use serde_json::json;
use server::{
    app::seal::SealKey,
    kernel::config::Settings,
    service::{
        run::{self, ServerOptions},
        seal_source::SealSource,
    },
    store::Hint,
};
use serving::{Serving, eventually, get, read_until, silent};
use std::{io::Write as _, sync::Arc, time::Duration};
use support::{FieldClient, TestApp, TestCity};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

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
    // 70 of them fill the share; the others are told to come later.
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
    // A sign-in and a request for a token are small and need none of the share.
    let wrong = json!({ "account": "x", "password": "y" });
    app.call("POST", "/v1/session", None, wrong).await.expect(401);
    let stream = json!({ "stream": client.stream });
    app.call("POST", "/v1/field/challenge", None, stream)
        .await
        .expect(200);
    waiting.iter().for_each(|request| request.abort());
    for request in waiting {
        let _ = request.await;
    }
    let long = json!({ "account": "x".repeat(10_000), "password": "y" });
    let freed = app.call("POST", "/v1/session", None, long).await;
    assert_ne!(freed.status, 503);
}

#[tokio::test]
async fn sec_a17_a_push_over_the_bytes_of_a_minute_is_taken_in_the_next() {
    let settings = Settings {
        push_kb_per_minute: 1,
        ..Settings::default()
    };
    let app = TestApp::sqlite_with(settings).await;
    let (_, mut client) = handset(&app).await;
    let mut entry = || client.entry(&app, &Payload::CheckIn(CheckIn::default()));
    let (first, second) = (entry(), entry());
    assert_eq!(client.push(&app, &[first]).await.receipts.len(), 1);
    let body = client.envelope(&app, std::slice::from_ref(&second));
    let late = client
        .push_bytes(&app, body)
        .await
        .expect(429)
        .expect_code("request.rate");
    assert!(late.headers.contains_key("retry-after"));
    app.advance(60_000);
    assert_eq!(client.push(&app, &[second]).await.receipts.len(), 1);
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

#[tokio::test]
async fn sec_a07_list_of_divisions_larger_than_any_city_is_refused() {
    let app = TestApp::sqlite().await;
    let city = app.city().await;
    let admin = app.staff(Role::Admin, city.city).await;
    let list = |spaces: usize| {
        let body = json!({"city": city.city, "divisions": {"counties": []}, "outlined": []});
        let request = Request::post("/v1/divisions")
            .header("content-type", "application/json")
            .header("authorization", format!("Bearer {}", admin.token));
        let text = format!("{}{body}", " ".repeat(spaces));
        request.body(Body::from(text)).unwrap()
    };
    app.send(list(1_500_000)).await.expect(200);
    app.send(list(2_100_000))
        .await
        .expect(413)
        .expect_code("request.too_large");
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
    options.seal = SealSource::Key(SealKey::new([4; 32]));
    let opened = run::open(&options).await.unwrap();
    server::cli::found(&opened.store, "2201", "长春市", "Zhao.Min")
        .await
        .unwrap();
    opened.store.close().await;
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
