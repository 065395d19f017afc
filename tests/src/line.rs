//! The line between a handset and the server: a TCP proxy that can be bad.
//!
//! It works below HTTP and TLS, where real lines break: it cuts after some bytes in either direction,
//! swallows the answer, refuses, or answers by itself like a captive portal.

use anyhow::Result;
use std::{
    io::{Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

/// How the line is, from the next connection on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Weather {
    Good,
    /// Connections are closed as soon as they are made: no signal.
    Down,
    /// The connection dies after this many bytes from the handset have been passed on.
    CutUp(u64),
    /// The connection dies after this many bytes of the answer; what the handset sent has arrived.
    CutDown(u64),
    /// Whatever is asked, these bytes are the answer; the server never hears of it.
    Portal(Vec<u8>),
}

/// A running proxy; it ends with its last handle.
pub struct Line {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    weather: Mutex<Weather>,
    open: AtomicBool,
    connections: AtomicU64,
    faults: AtomicU64,
    live: Mutex<Vec<TcpStream>>,
}

impl Line {
    /// A good line to `server`.
    pub fn to(server: SocketAddr) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            weather: Mutex::new(Weather::Good),
            open: AtomicBool::new(true),
            connections: AtomicU64::new(0),
            faults: AtomicU64::new(0),
            live: Mutex::new(Vec::new()),
        });
        let inner = shared.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if !inner.open.load(Ordering::SeqCst) {
                    return;
                }
                let inner = inner.clone();
                thread::spawn(move || inner.serve(stream, server));
            }
        });
        Ok(Self { address, shared })
    }
    pub fn address(&self) -> SocketAddr {
        self.address
    }
    pub fn port(&self) -> u16 {
        self.address.port()
    }
    /// Changes the weather and drops what is under way, as a lost signal does.
    pub fn set(&self, weather: Weather) {
        if let Ok(mut now) = self.shared.weather.lock() {
            *now = weather;
        }
        if let Ok(mut live) = self.shared.live.lock() {
            for stream in live.drain(..) {
                let _ = stream.shutdown(Shutdown::Both);
            }
        }
    }
    /// Connections so far.
    pub fn connections(&self) -> u64 {
        self.shared.connections.load(Ordering::SeqCst)
    }
    /// Connections that were harmed on purpose: a story checks that its fault happened.
    pub fn faults(&self) -> u64 {
        self.shared.faults.load(Ordering::SeqCst)
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.shared.open.store(false, Ordering::SeqCst);
        self.set(Weather::Down);
        // Wakes the listener, which then ends.
        let _ = TcpStream::connect(self.address);
    }
}

impl Shared {
    fn serve(&self, handset: TcpStream, server: SocketAddr) {
        self.connections.fetch_add(1, Ordering::SeqCst);
        let weather = self.weather.lock().map_or(Weather::Down, |w| w.clone());
        let (up, down) = match weather {
            Weather::Good => (u64::MAX, u64::MAX),
            Weather::Down => {
                self.faults.fetch_add(1, Ordering::SeqCst);
                let _ = handset.shutdown(Shutdown::Both);
                return;
            }
            Weather::CutUp(bytes) => (bytes, u64::MAX),
            Weather::CutDown(bytes) => (u64::MAX, bytes),
            Weather::Portal(answer) => {
                self.faults.fetch_add(1, Ordering::SeqCst);
                portal(handset, &answer);
                return;
            }
        };
        let Ok(far) = TcpStream::connect(server) else {
            return;
        };
        let clones = (
            handset.try_clone(),
            far.try_clone(),
            handset.try_clone(),
            far.try_clone(),
        );
        let (Ok(handset_in), Ok(far_out), Ok(handset_kept), Ok(far_kept)) = clones else {
            return;
        };
        if let Ok(mut live) = self.live.lock() {
            live.push(handset_kept);
            live.push(far_kept);
        }
        let upward = thread::spawn(move || pass(handset_in, far_out, up));
        let cut_down = pass(far, handset, down);
        let cut_up = upward.join().unwrap_or(false);
        if cut_down || cut_up {
            self.faults.fetch_add(1, Ordering::SeqCst);
        }
    }
}

/// Copies at most `limit` bytes, then closes both ends; whether the limit was what ended it.
fn pass(mut from: TcpStream, mut to: TcpStream, limit: u64) -> bool {
    let mut left = limit;
    let mut buffer = [0; 16 * 1024];
    let cut = loop {
        let Ok(n) = from.read(&mut buffer) else {
            break false;
        };
        let send = usize::try_from(left).unwrap_or(usize::MAX).min(n);
        if n == 0 || to.write_all(buffer.get(..send).unwrap_or_default()).is_err() {
            break false;
        }
        left -= send as u64;
        if left == 0 {
            break true;
        }
    };
    let _ = to.shutdown(Shutdown::Both);
    let _ = from.shutdown(Shutdown::Both);
    cut
}

/// Reads what is asked and answers with the same bytes whatever it was.
fn portal(mut handset: TcpStream, answer: &[u8]) {
    let _ = handset.set_read_timeout(Some(Duration::from_millis(200)));
    let mut buffer = [0; 16 * 1024];
    let _ = handset.read(&mut buffer);
    let _ = handset.write_all(answer);
    let _ = handset.shutdown(Shutdown::Write);
    while handset.read(&mut buffer).is_ok_and(|n| n > 0) {}
}
