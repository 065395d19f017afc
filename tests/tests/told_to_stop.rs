//! A server stops cleanly on SIGTERM at any time.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]
#![allow(
    clippy::disallowed_methods,
    reason = "real processes run against the real clock"
)]

use e2e::process::{ServerProcess, ServerSetup, program};
use std::{
    io::{Read as _, Write as _, pipe},
    net::{TcpListener, TcpStream},
    process::{Command, Stdio},
    thread,
    time::Duration,
};

/// Capacity of a pipe: a writer blocks after this many bytes.
const PIPE: usize = 64 * 1024;

#[test]
fn server_stopped_before_it_printed_its_address_ends_cleanly() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let setup = ServerSetup {
        plain_http: true,
        ..ServerSetup::default()
    };
    drop(ServerProcess::init(&data, setup).unwrap());
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    // The pipe is full, so the server blocks when it prints its address; the short moment before that lasts
    // as long as the test needs.
    let (mut said, mut mouth) = pipe().unwrap();
    mouth.write_all(&[b' '; PIPE]).unwrap();
    let mut server = Command::new(program("xunge-server").unwrap())
        .args(["serve", "--plain-http", "--listen", &free.to_string(), "--data"])
        .arg(&data)
        .stdin(Stdio::null())
        .stdout(mouth)
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    while TcpStream::connect(free).is_err() {
        assert!(server.try_wait().unwrap().is_none(), "the server ended too early");
        thread::sleep(Duration::from_millis(20));
    }
    let told = Command::new("kill")
        .arg(server.id().to_string())
        .status()
        .unwrap();
    assert!(told.success());
    let mut text = String::new();
    said.read_to_string(&mut text).unwrap();
    let ended = server.wait().unwrap();
    assert!(ended.success(), "{ended}");
    assert_eq!(text.trim(), format!("http://{free}"));
}
