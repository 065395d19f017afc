//! A peer's process: started on a free port of the loopback interface, killed when it is dropped.

use super::super::http::{RawHttpClient, request};
use anyhow::{Context, Result, bail};
use std::{
    fs::File,
    net::{SocketAddr, TcpListener},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

/// A peer that does not answer in this time fails the bench.
const START: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(20);

pub struct PeerProcess {
    child: Child,
    pub address: SocketAddr,
}

impl PeerProcess {
    /// Starts the command, which listens on `address`, with its output in the file `log`; returns when `path` is answered,
    /// whatever the status.
    pub fn start(command: &mut Command, address: SocketAddr, path: &str, log: &Path) -> Result<Self> {
        let out = File::create(log)?;
        let named = command.get_program().to_string_lossy().into_owned();
        let child = command
            .stdin(Stdio::null())
            .stdout(out.try_clone()?)
            .stderr(out)
            .spawn()
            .with_context(|| format!("cannot start {named}"))?;
        let mut peer = Self { child, address };
        let asked = request("GET", path, &[], b"");
        let began = Instant::now();
        while RawHttpClient::to(address).send(&asked).is_err() {
            let ended = peer.child.try_wait()?;
            if let Some(why) = ended.map(|status| status.to_string()).or_else(|| {
                let late = began.elapsed() > START;
                late.then(|| format!("no answer in {START:?}"))
            }) {
                bail!(
                    "{named} did not start ({why}): {}",
                    std::fs::read_to_string(log).unwrap_or_default()
                );
            }
            thread::sleep(PAUSE);
        }
        Ok(peer)
    }
    pub fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for PeerProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An address on which nothing listens now.
pub fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_that_ends_at_once_fails_with_what_it_said() {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", "echo no such option >&2; exit 3"]);
        let started = PeerProcess::start(
            &mut command,
            free_address().unwrap(),
            "/",
            &folder.path().join("log"),
        );
        let Err(error) = started else {
            panic!("it started");
        };
        let error = error.to_string();
        assert!(
            error.contains("no such option") && error.contains("exit status: 3"),
            "{error}"
        );
    }
}
