//! A running server: listener, TLS, and a stop that finishes requests in progress.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use server::{
    app::seal::SealKey,
    cli,
    service::{
        run::{self, RunningServer, ServerOptions},
        seal_source::SealSource,
        start_error::StartError,
        tls::Tls,
    },
};
use std::{net::SocketAddr, path::Path, time::Duration};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

fn options(data: &Path) -> ServerOptions {
    let loopback: SocketAddr = "127.0.0.1:0".parse().unwrap();
    ServerOptions {
        tls: Tls::Plain,
        seal: SealSource::Key(SealKey::new([4; 32])),
        ..ServerOptions::new(data, loopback)
    }
}

/// Founds the city in a new folder, as a server starts in no other.
async fn founded(data: &Path) {
    let opened = run::open(&options(data)).await.unwrap();
    cli::found(&opened.store, "2201", "长春市", "Zhao.Min")
        .await
        .unwrap();
    opened.store.close().await;
}

async fn started(data: &Path) -> RunningServer {
    if !data.join("xunge.db").exists() {
        founded(data).await;
    }
    Box::pin(run::start(options(data))).await.unwrap()
}

async fn send_raw(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
}

#[tokio::test]
async fn sec_a18_started_server_is_ready_and_serves_metrics_on_their_own_listener() {
    let folder = tempfile::tempdir().unwrap();
    let free = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    founded(folder.path()).await;
    let mut options = options(folder.path());
    options.settings.metrics_listen.0 = Some(free);
    let server = Box::pin(run::start(options)).await.unwrap();
    assert!(
        send_raw(server.address, &get("/readyz"))
            .await
            .starts_with("HTTP/1.1 200")
    );
    let shown = send_raw(free, &get("/metrics")).await;
    assert!(shown.contains("xunge_requests_total"), "{shown}");
    assert!(send_raw(free, &get("/readyz")).await.starts_with("HTTP/1.1 404"));
    let refused = send_raw(server.address, &get("/metrics")).await;
    assert!(refused.starts_with("HTTP/1.1 403"), "{refused}");
    server.stop().await;
}

#[tokio::test]
async fn stop_finishes_the_current_request_and_accepts_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let server = started(folder.path()).await;
    let address = server.address;
    let body = r#"{"stream":"01900000-0000-7000-8000-000000000000"}"#;
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST /v1/field/challenge HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
         content-length: {}\r\nexpect: 100-continue\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    // The server answers 100 Continue: the request is in progress.
    let mut so_far = [0; 12];
    stream.read_exact(&mut so_far).await.unwrap();
    assert_eq!(&so_far, b"HTTP/1.1 100");
    let told = server.app.stopping.subscribe();
    let stopping = tokio::spawn(server.stop());
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    stream.write_all(body.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(
        answer.contains("HTTP/1.1 200") && answer.contains("challenge"),
        "{answer}"
    );
    tokio::time::timeout(Duration::from_secs(20), stopping)
        .await
        .unwrap()
        .unwrap();
    assert!(*told.borrow(), "endless responses must be asked to end");
}

#[tokio::test]
async fn plain_http_beyond_loopback_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut options = options(folder.path());
    options.listen = "0.0.0.0:0".parse().unwrap();
    let refused = Box::pin(run::start(options)).await;
    assert!(matches!(refused.err(), Some(StartError::PlainOutside(_))));
}

#[tokio::test]
async fn restart_keeps_epoch_keys_and_pins() {
    let folder = tempfile::tempdir().unwrap();
    let own = |data: &Path| ServerOptions {
        tls: Tls::Own,
        ..options(data)
    };
    founded(folder.path()).await;
    let first = Box::pin(run::start(own(folder.path()))).await.unwrap();
    let kept = (
        first.app.identity.epoch.clone(),
        first.app.identity.parcel_key.clone(),
        first.app.public.pins.clone(),
    );
    assert_eq!(kept.2.len(), 2);
    first.stop().await;
    let again = Box::pin(run::start(own(folder.path()))).await.unwrap();
    assert_eq!(kept.0, again.app.identity.epoch);
    assert_eq!(kept.1, again.app.identity.parcel_key);
    assert_eq!(kept.2, again.app.public.pins);
    again.stop().await;
}

#[tokio::test]
async fn server_on_the_objects_of_another_database_does_not_start() {
    let (own, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for folder in [&own, &other] {
        started(folder.path()).await.stop().await;
    }
    let objects = own.path().join("objects");
    std::fs::rename(&objects, own.path().join("aside")).unwrap();
    std::os::unix::fs::symlink(other.path().join("objects"), &objects).unwrap();
    let refused = Box::pin(run::start(options(own.path()))).await.err().unwrap();
    assert!(matches!(refused, StartError::OtherObjects { .. }), "{refused}");
    std::fs::remove_file(&objects).unwrap();
    std::fs::rename(own.path().join("aside"), &objects).unwrap();
    started(own.path()).await.stop().await;
}

#[tokio::test]
async fn initialised_city_has_one_administrator_and_no_default_account() {
    let folder = tempfile::tempdir().unwrap();
    let opened = run::open(&options(folder.path())).await.unwrap();
    for default in ["admin", "root", ""] {
        assert!(
            cli::found(&opened.store, "2201", "长春市", default)
                .await
                .is_err(),
            "{default}"
        );
    }
    let founded = cli::found(&opened.store, "2201", "长春市", "Zhao.Min")
        .await
        .unwrap();
    assert!(
        cli::found(&opened.store, "2202", "吉林市", "qian.er")
            .await
            .is_err()
    );
    // The response was lost: the same city may be initialised again until somebody has signed in. 220100 is its national
    // code.
    let again = cli::found(&opened.store, "220100", "长春市", "Zhao.Min")
        .await
        .unwrap();
    assert_eq!((again.city, again.admin), (founded.city, founded.admin));
    assert_ne!(again.password, founded.password);
    let other = cli::found(&opened.store, "2201", "长春市", "qian.er").await;
    assert!(other.is_err());
    opened.store.close().await;
    let server = started(folder.path()).await;
    let body = format!(r#"{{"account":"zhao.min","password":"{}"}}"#, again.password);
    let request = format!(
        "POST /v1/session HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let answer = send_raw(server.address, &request).await;
    assert!(
        answer.starts_with("HTTP/1.1 200") && answer.contains("\"password_due\":true"),
        "{answer}"
    );
    let late = cli::found(&server.app.store, "2201", "长春市", "Zhao.Min").await;
    assert!(late.is_err(), "a city in use must not be initialised again");
    server.stop().await;
}

#[tokio::test]
async fn field_e_an_answer_to_an_unread_body_says_that_the_connection_ends() {
    let folder = tempfile::tempdir().unwrap();
    let server = started(folder.path()).await;
    let body = "x".repeat(20 * 1024);
    let large = format!(
        "POST /v1/field/challenge HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    let answer = send_raw(server.address, &large).await.to_lowercase();
    assert!(answer.starts_with("http/1.1 413"), "{answer}");
    assert!(answer.contains("\r\nconnection: close\r\n"), "{answer}");
    server.stop().await;
}
