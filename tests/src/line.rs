//! A TCP proxy between a handset and the server that injects network faults.
//!
//! It works below HTTP and TLS: it cuts a connection after a number of bytes in either direction, drops the
//! response, refuses connections, or answers by itself like a captive portal. Only [`LineFault::LoseAnswer`]
//! and [`LineFault::HoldAnswer`] read the requests, so those two need plain HTTP.

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

/// The behaviour of the proxy, from the next connection on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LineFault {
    Good,
    /// Closes each connection as soon as it is accepted: no signal.
    Down,
    /// Closes the connection after this many bytes from the handset have been passed on.
    CutUp(u64),
    /// Closes the connection after this many bytes of the response; the request has arrived.
    CutDown(u64),
    /// Answers every request with these bytes; the server receives nothing.
    Portal(Vec<u8>),
    /// Plain HTTP only. A request whose head contains this text is passed on whole and answered by the
    /// server; the proxy closes the connection before the first byte of that response.
    LoseAnswer(String),
    /// As [`Self::LoseAnswer`], but the connection stays open and silent until [`FaultProxy::set`] is called.
    HoldAnswer(String),
    /// Passes on this many bytes from the handset and then nothing more; the connection stays open and silent
    /// until [`FaultProxy::set`] is called.
    Stall(u64),
}

/// A running proxy; it ends when the last handle is dropped.
pub struct FaultProxy {
    address: SocketAddr,
    shared: Arc<ProxyShared>,
}

struct ProxyShared {
    fault: Mutex<LineFault>,
    open: AtomicBool,
    connections: AtomicU64,
    faults: Mutex<u64>,
    harmed: Condvar,
    sent: AtomicU64,
    live: Mutex<Vec<TcpStream>>,
}

impl FaultProxy {
    /// Starts a proxy to `server` without faults.
    pub fn to(server: SocketAddr) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let shared = Arc::new(ProxyShared {
            fault: Mutex::new(LineFault::Good),
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
    /// Sets the fault and closes all open connections, as a lost signal does.
    pub fn set(&self, fault: LineFault) {
        if let Ok(mut now) = self.shared.fault.lock() {
            *now = fault;
        }
        if let Ok(mut live) = self.shared.live.lock() {
            for stream in live.drain(..) {
                let _ = stream.shutdown(Shutdown::Both);
            }
        }
    }
    /// Number of connections so far.
    pub fn connections(&self) -> u64 {
        self.shared.connections.load(Ordering::SeqCst)
    }
    /// Number of connections that a fault has hit, so that a story can check that its fault happened.
    pub fn faults(&self) -> u64 {
        self.shared.faults.lock().map_or(0, |faults| *faults)
    }
    /// Waits until `wanted` connections were hit, at most one minute. Returns false on timeout.
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

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.shared.open.store(false, Ordering::SeqCst);
        self.set(LineFault::Down);
        // Wakes the listener thread, which then ends.
        let _ = TcpStream::connect(self.address);
    }
}

impl ProxyShared {
    fn fault(&self) {
        if let Ok(mut faults) = self.faults.lock() {
            *faults += 1;
        }
        self.harmed.notify_all();
    }
    fn serve(self: &Arc<Self>, handset: TcpStream, server: SocketAddr) {
        self.connections.fetch_add(1, Ordering::SeqCst);
        let fault = self.fault.lock().map_or(LineFault::Down, |w| w.clone());
        let (mut up, mut down, mut words) = (u64::MAX, u64::MAX, None);
        let mut end = FaultEnd::Cut;
        match fault {
            LineFault::Good => {}
            LineFault::Down => {
                self.fault();
                let _ = handset.shutdown(Shutdown::Both);
                return;
            }
            LineFault::CutUp(bytes) => up = bytes,
            LineFault::CutDown(bytes) => down = bytes,
            LineFault::Portal(answer) => {
                self.fault();
                portal(handset, &answer);
                return;
            }
            LineFault::LoseAnswer(asked) => words = Some(asked),
            LineFault::HoldAnswer(asked) => (words, end) = (Some(asked), FaultEnd::Hold),
            LineFault::Stall(bytes) => (up, end) = (bytes, FaultEnd::Hold),
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

    /// Copies at most `limit` bytes, and only while `allow` permits it. If one of the two stops the copy,
    /// counts a fault and ends the connection as `end` says.
    fn pass(
        &self,
        mut from: TcpStream,
        mut to: TcpStream,
        limit: u64,
        end: FaultEnd,
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
            if end == FaultEnd::Hold {
                while from.read(&mut buffer).is_ok_and(|n| n > 0) {}
            }
        }
        let _ = to.shutdown(Shutdown::Both);
        let _ = from.shutdown(Shutdown::Both);
    }
}

/// How a connection ends that a fault has hit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FaultEnd {
    Cut,
    /// Stay silent until [`FaultProxy::set`] is called or an end closes.
    Hold,
}

/// Reads a request and answers with fixed bytes.
///
/// The request is read completely first: a client that is answered while it still sends, or whose connection
/// is closed with unread bytes, may see a reset instead of the response.
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

/// Returns true if these bytes are a complete HTTP/1.1 request with a content length. Bytes that are not HTTP
/// (a TLS client hello) count as complete.
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
