//! The line between a handset and the server: a TCP proxy that can be bad.
//!
//! It works below HTTP and TLS, where real lines break: it cuts after some bytes in either direction,
//! swallows the answer, refuses, or answers by itself like a captive portal. Only [`Weather::LoseAnswer`] and
//! [`Weather::HoldAnswer`] look at what passes, so those need plain HTTP.

use anyhow::Result;
use std::{
    io::{Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
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
    /// Plain HTTP only. The request whose head holds these words arrives whole and is answered, and the
    /// connection dies before a byte of that answer has come back.
    LoseAnswer(String),
    /// As [`Self::LoseAnswer`], but the connection stays open and silent until the weather changes.
    HoldAnswer(String),
    /// After this many bytes from the handset nothing more of them is passed on; the connection stays open and
    /// silent until the weather changes.
    Stall(u64),
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
    faults: Mutex<u64>,
    harmed: Condvar,
    sent: AtomicU64,
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
            faults: Mutex::new(0),
            harmed: Condvar::new(),
            sent: AtomicU64::new(0),
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
        self.shared.faults.lock().map_or(0, |faults| *faults)
    }
    /// Waits until as many connections were harmed, at most for a minute; whether they were.
    pub fn wait_for_faults(&self, wanted: u64) -> bool {
        let until = Instant::now() + Duration::from_secs(60);
        let Ok(mut faults) = self.shared.faults.lock() else {
            return false;
        };
        while *faults < wanted {
            let left = until.saturating_duration_since(Instant::now());
            match self.shared.harmed.wait_timeout(faults, left) {
                Ok((now, waited)) if waited.timed_out() => return *now >= wanted,
                Ok((now, _)) => faults = now,
                Err(_) => return false,
            }
        }
        true
    }
    /// Bytes that handsets have sent to the server so far, as they were on the line.
    pub fn bytes_sent(&self) -> u64 {
        self.shared.sent.load(Ordering::SeqCst)
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
    fn fault(&self) {
        if let Ok(mut faults) = self.faults.lock() {
            *faults += 1;
        }
        self.harmed.notify_all();
    }
    fn serve(self: &Arc<Self>, handset: TcpStream, server: SocketAddr) {
        self.connections.fetch_add(1, Ordering::SeqCst);
        let weather = self.weather.lock().map_or(Weather::Down, |w| w.clone());
        let (mut up, mut down, mut words) = (u64::MAX, u64::MAX, None);
        let mut end = End::Cut;
        match weather {
            Weather::Good => {}
            Weather::Down => {
                self.fault();
                let _ = handset.shutdown(Shutdown::Both);
                return;
            }
            Weather::CutUp(bytes) => up = bytes,
            Weather::CutDown(bytes) => down = bytes,
            Weather::Portal(answer) => {
                self.fault();
                portal(handset, &answer);
                return;
            }
            Weather::LoseAnswer(asked) => words = Some(asked),
            Weather::HoldAnswer(asked) => (words, end) = (Some(asked), End::Hold),
            Weather::Stall(bytes) => (up, end) = (bytes, End::Hold),
        }
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
        let asked = Arc::new(AtomicBool::new(false));
        let (inner, seen) = (Arc::clone(self), Arc::clone(&asked));
        let upward = thread::spawn(move || {
            let mut said = Vec::new();
            inner.pass(handset_in, far_out, up, end, &mut |bytes| {
                inner.sent.fetch_add(bytes.len() as u64, Ordering::SeqCst);
                if let Some(words) = words.as_ref().filter(|_| !seen.load(Ordering::SeqCst)) {
                    said.extend_from_slice(bytes);
                    let found = said.windows(words.len().max(1)).any(|w| w == words.as_bytes());
                    seen.store(found, Ordering::SeqCst);
                }
                true
            });
        });
        self.pass(far, handset, down, end, &mut |_| !asked.load(Ordering::SeqCst));
        let _ = upward.join();
    }

    /// Copies at most `limit` bytes, and only what `allow` lets through. When either ends it, that is a fault, and
    /// `end` says how it ends.
    fn pass(
        &self,
        mut from: TcpStream,
        mut to: TcpStream,
        limit: u64,
        end: End,
        allow: &mut dyn FnMut(&[u8]) -> bool,
    ) {
        let mut left = limit;
        let mut buffer = [0; 16 * 1024];
        let harmed = loop {
            let Ok(n) = from.read(&mut buffer) else {
                break false;
            };
            let send = usize::try_from(left).unwrap_or(usize::MAX).min(n);
            let bytes = buffer.get(..send).unwrap_or_default();
            if n == 0 {
                break false;
            }
            if !allow(bytes) {
                break true;
            }
            if to.write_all(bytes).is_err() {
                break false;
            }
            left -= send as u64;
            if left == 0 {
                break true;
            }
        };
        if harmed {
            self.fault();
            if end == End::Hold {
                while from.read(&mut buffer).is_ok_and(|n| n > 0) {}
            }
        }
        let _ = to.shutdown(Shutdown::Both);
        let _ = from.shutdown(Shutdown::Both);
    }
}

/// How a harmed connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Cut,
    /// Silence, until the weather changes or an end goes away.
    Hold,
}

/// Reads what is asked and answers with the same bytes whatever it was.
///
/// A request is read whole first: whoever is answered in the middle of speaking, or is hung up on with bytes unread,
/// may see a reset instead of the answer.
fn portal(mut handset: TcpStream, answer: &[u8]) {
    let _ = handset.set_read_timeout(Some(Duration::from_secs(20)));
    let mut asked = Vec::new();
    let mut buffer = [0; 16 * 1024];
    while let Ok(n) = handset.read(&mut buffer)
        && n > 0
    {
        asked.extend_from_slice(buffer.get(..n).unwrap_or_default());
        if is_whole(&asked) {
            break;
        }
    }
    let _ = handset.write_all(answer);
    let _ = handset.shutdown(Shutdown::Write);
    while handset.read(&mut buffer).is_ok_and(|n| n > 0) {}
}

/// Whether these bytes are a whole HTTP/1.1 request with a stated length. What is not HTTP (a TLS greeting) counts
/// as whole.
fn is_whole(asked: &[u8]) -> bool {
    const METHODS: [&str; 5] = ["GET ", "HEAD ", "POST ", "PATCH ", "DELETE "];
    if !METHODS.iter().any(|method| asked.starts_with(method.as_bytes())) {
        return true;
    }
    let Some(end) = asked.windows(4).position(|w| w == b"\r\n\r\n") else {
        return false;
    };
    let head = String::from_utf8_lossy(asked.get(..end).unwrap_or_default()).to_ascii_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok())
        .unwrap_or(0);
    asked.len() >= end + 4 + length
}
