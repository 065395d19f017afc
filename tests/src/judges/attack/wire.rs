//! Connections of attackers: raw HTTP/1.1 over TLS from a chosen address, so that a client can send and read what no
//! proper client would.

use super::tally::{Outcome, Tally};
use anyhow::{Context as _, Result};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned,
    pki_types::{CertificateDer, ServerName, pem::PemObject as _},
};
use std::{
    io::{self, Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    sync::Arc,
    time::Duration,
};
use tokio::{net::TcpSocket, runtime::Runtime};

/// An answer that takes longer counts as none. Longer than any wait that the server imposes.
const PATIENCE: Duration = Duration::from_secs(30);
/// An attacker does not wait longer for a handshake.
const CONNECT: Duration = Duration::from_secs(5);

/// The way to the server.
pub struct Road {
    server: SocketAddr,
    tls: Arc<ClientConfig>,
    /// Only it can bind a socket before it connects.
    runtime: Runtime,
}

/// An open connection, after its handshake.
pub struct Wire {
    stream: StreamOwned<ClientConnection, TcpStream>,
}

impl Road {
    pub fn to(server: SocketAddr, certificate: &str) -> Result<Self> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(certificate.as_bytes())?)?;
        let tls = ClientConfig::builder()
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self {
            server,
            tls: Arc::new(tls),
            runtime: tokio::runtime::Builder::new_multi_thread()
                .worker_threads(1)
                .enable_all()
                .build()?,
        })
    }

    /// Opens a connection from an address of the loopback network.
    pub fn open(&self, from: Ipv4Addr) -> Result<Wire> {
        let connected = self.runtime.block_on(async {
            let socket = TcpSocket::new_v4()?;
            socket.bind((from, 0).into())?;
            tokio::time::timeout(CONNECT, socket.connect(self.server))
                .await
                .map_err(io::Error::other)?
        });
        let mut socket = connected?.into_std()?;
        socket.set_nonblocking(false)?;
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(CONNECT))?;
        socket.set_write_timeout(Some(CONNECT))?;
        let mut client = ClientConnection::new(Arc::clone(&self.tls), ServerName::try_from("localhost")?)?;
        while client.is_handshaking() {
            client.complete_io(&mut socket)?;
        }
        socket.set_read_timeout(Some(PATIENCE))?;
        Ok(Wire {
            stream: StreamOwned::new(client, socket),
        })
    }

    /// Opens a connection and counts the outcome.
    pub fn opened(&self, from: Ipv4Addr, tally: &Tally) -> Option<Wire> {
        match self.open(from) {
            Ok(wire) => {
                tally.count(Outcome::Opened);
                Some(wire)
            }
            Err(_) => {
                tally.count(Outcome::Cut);
                None
            }
        }
    }

    /// Sends one request on a connection of its own and counts its answer.
    pub fn once(&self, from: Ipv4Addr, request: &[u8], tally: &Tally) {
        match self.open(from) {
            Ok(mut wire) => tally.count(wire.ask(request)),
            Err(_) => tally.count(Outcome::Cut),
        }
    }
}

/// A client that keeps its connection while the server does.
pub struct Client<'r> {
    road: &'r Road,
    from: Ipv4Addr,
    wire: Option<Wire>,
}

impl<'r> Client<'r> {
    pub fn new(road: &'r Road, from: Ipv4Addr) -> Self {
        Self {
            road,
            from,
            wire: None,
        }
    }
    /// Sends a request, counts its answer, and opens a new connection next time if this one was cut.
    pub fn ask(&mut self, request: &[u8], tally: &Tally) -> Outcome {
        self.answer(request, tally).0
    }
    /// As [`Self::ask`], with the head of the answer.
    pub fn answer(&mut self, request: &[u8], tally: &Tally) -> (Outcome, String) {
        let wire = self.wire.take().or_else(|| self.road.open(self.from).ok());
        let Some(mut wire) = wire else {
            tally.count(Outcome::Cut);
            return (Outcome::Cut, String::new());
        };
        let (outcome, head) = wire.answer(request);
        tally.count(outcome);
        if outcome != Outcome::Cut && !head.contains("connection: close") {
            self.wire = Some(wire);
        }
        (outcome, head)
    }
}

impl Wire {
    /// Sends bytes and does not wait for an answer.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)?;
        self.stream.flush()
    }
    /// Sends as much as the server takes within `patience`; returns true while the connection stands.
    pub fn push(&mut self, bytes: &[u8], patience: Duration) -> bool {
        let _ = self.stream.sock.set_write_timeout(Some(patience));
        let waits =
            |error: &io::Error| [io::ErrorKind::WouldBlock, io::ErrorKind::TimedOut].contains(&error.kind());
        self.send(bytes).map_or_else(|error| waits(&error), |()| true)
    }
    /// Sends a request and reads its answer to the end.
    pub fn ask(&mut self, request: &[u8]) -> Outcome {
        self.answer(request).0
    }
    fn answer(&mut self, request: &[u8]) -> (Outcome, String) {
        // The server may refuse a body before it has read it all: its answer counts.
        let sent = self.send(request);
        match self.read() {
            Ok((status, head)) if sent.is_ok() => (Outcome::Answer(status), head),
            Ok((status, _)) => (Outcome::Answer(status), "connection: close".into()),
            Err(_) => (Outcome::Cut, String::new()),
        }
    }
    /// Reads some bytes of whatever comes; returns false if the connection ended.
    pub fn sip(&mut self, bytes: usize, patience: Duration) -> bool {
        let _ = self.stream.sock.set_read_timeout(Some(patience));
        let mut piece = vec![0; bytes];
        match self.stream.read(&mut piece) {
            Ok(0) => false,
            Ok(_) => true,
            Err(error) => [io::ErrorKind::WouldBlock, io::ErrorKind::TimedOut].contains(&error.kind()),
        }
    }
    /// Reads one answer; returns its status and its head in small letters.
    pub fn read(&mut self) -> Result<(u16, String)> {
        let mut bytes = Vec::new();
        let mut piece = [0; 16 * 1024];
        let end = loop {
            if let Some(at) = bytes.windows(4).position(|part| part == b"\r\n\r\n") {
                break at + 4;
            }
            self.more(&mut bytes, &mut piece)?;
        };
        let head = String::from_utf8_lossy(bytes.get(..end).unwrap_or_default()).to_lowercase();
        let status: u16 = head.split(' ').nth(1).context("no status")?.parse()?;
        let field = |name: &str| {
            let line = head.lines().find_map(|line| line.strip_prefix(name));
            line.map(|value| value.trim().to_owned())
        };
        if field("transfer-encoding:").is_some_and(|value| value.contains("chunked")) {
            // Chunks end with an empty one; the end may be split over two reads.
            bytes.drain(..end);
            while !bytes.ends_with(b"0\r\n\r\n") {
                let keep = bytes.len().saturating_sub(8);
                bytes.drain(..keep);
                self.more(&mut bytes, &mut piece)?;
            }
        } else {
            let length: usize = field("content-length:").map_or(Ok(0), |text| text.parse())?;
            let mut left = (end + length).saturating_sub(bytes.len());
            while left > 0 && status != 204 {
                bytes.clear();
                self.more(&mut bytes, &mut piece)?;
                left = left.saturating_sub(bytes.len());
            }
        }
        Ok((status, head))
    }
    fn more(&mut self, bytes: &mut Vec<u8>, piece: &mut [u8]) -> Result<()> {
        let n = self.stream.read(piece)?;
        anyhow::ensure!(n > 0, "the server closed the connection");
        bytes.extend_from_slice(piece.get(..n).unwrap_or_default());
        Ok(())
    }
}
