//! A server that is told to stop ends cleanly, whenever it is told.
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

use e2e::process::{Server, Setup, program};
use std::{
    io::{Read as _, Write as _, pipe},
    net::{TcpListener, TcpStream},
    process::{Command, Stdio},
    thread,
    time::Duration,
};

/// What a pipe holds before whoever writes has to wait.
const PIPE: usize = 64 * 1024;

#[test]
fn a_server_told_to_stop_before_it_has_said_its_address_ends_cleanly() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let setup = Setup {
        plain_http: true,
        ..Setup::default()
    };
    drop(Server::init(&data, setup).unwrap());
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    // Its first word waits in this pipe, so the moment that is a millisecond elsewhere lasts as long as the test wants.
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
        assert!(server.try_wait().unwrap().is_none(), "it starts");
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
