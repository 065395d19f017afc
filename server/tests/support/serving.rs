//! An app behind a listener on loopback, and raw requests to it.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::indexing_slicing
)]

use super::support::TestApp;
use axum_server::Handle;
use server::{
    http::connections::{Bounded, Connections},
    service::router::router,
};
use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// An app behind a listener, with the connections that it has.
pub struct Serving {
    pub address: SocketAddr,
    pub connections: Arc<Connections>,
    handle: Handle<SocketAddr>,
}

impl Serving {
    pub fn of(app: &TestApp) -> Self {
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
    pub async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }
    /// Sends a request on a new connection and reads until the answer contains `wanted` or ends.
    pub async fn send(&self, request: &str, wanted: &str) -> (TcpStream, String) {
        send(self.address, request, wanted).await
    }
    /// The status of an answer; 0 if the connection was cut.
    pub async fn status(&self, request: &str) -> u16 {
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

/// Sends a request on a new connection and reads until the answer contains `wanted` or ends.
pub async fn send(address: SocketAddr, request: &str, wanted: &str) -> (TcpStream, String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let _ = stream.write_all(request.as_bytes()).await;
    let text = read_until(&mut stream, wanted).await;
    (stream, text)
}

pub async fn read_until(stream: &mut TcpStream, wanted: &str) -> String {
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

pub fn get(path: &str, token: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\n\r\n")
}

/// The head of a request whose body never comes.
pub fn silent(path: &str, length: usize) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{{"
    )
}

/// Waits until `done` holds, for at most 30 seconds.
pub async fn eventually(what: &str, mut done: impl FnMut() -> bool) {
    let until = Instant::now() + Duration::from_secs(30);
    while !done() {
        assert!(Instant::now() < until, "{what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
