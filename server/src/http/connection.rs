//! One connection: who uses it, what is under way on it, and whether its client reads.
//!
//! [`Watched`] is the socket under HTTP, with or without TLS below it. It counts what the client takes and ends when the
//! connection is cut. An answer that waits for its client is a second measure ([`AnswerBody`]): with HTTP/2 the client can
//! hold a single answer back while the socket takes everything.

use crate::{
    app::{bounds::Place, rate::RateCaller},
    kernel::clock::uptime,
};
use axum::body::{Body, Bytes, HttpBody};
use futures_util::task::AtomicWaker;
use http_body::{Frame, SizeHint};
use std::{
    io::{self, IoSlice},
    net::IpAddr,
    pin::Pin,
    sync::{
        Arc, Mutex, OnceLock, PoisonError, Weak,
        atomic::{
            AtomicBool, AtomicU64, AtomicUsize,
            Ordering::{Relaxed, SeqCst},
        },
    },
    task::{Context, Poll},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

/// Fewest bytes that a client which is waited for takes in the time for a stalled answer.
const LEAST: u64 = 16 * 1024;
/// Larger pieces of an answer are split, so that an answer which nobody reads keeps little in memory.
const PIECE: usize = 32 * 1024;

/// Milliseconds since the first call, never 0.
pub(super) fn now() -> u64 {
    u64::try_from(uptime().as_millis()).unwrap_or(u64::MAX).max(1)
}

/// What a connection reports to the registry of all of them.
pub(super) trait Registry: Send + Sync {
    /// It carries the requests of somebody who is signed in.
    fn is_known(&self, connection: &OpenConnection, caller: RateCaller);
    fn closed(&self, connection: &OpenConnection);
}

/// An open connection.
pub struct OpenConnection {
    pub(super) id: u64,
    /// Under which its strangers are counted; `None` for a trusted proxy, which is nobody's connection.
    pub(super) address: Option<IpAddr>,
    registry: Weak<dyn Registry>,
    /// Whose requests it carries; set by the first one with a sign-in.
    caller: OnceLock<RateCaller>,
    /// Requests and answers under way.
    under_way: AtomicUsize,
    /// When it was opened, or when the last answer ended.
    pub(super) idle_since: AtomicU64,
    /// Bytes that the socket took.
    written: AtomicU64,
    /// Since when the socket takes no more; 0 = it takes everything.
    blocked: AtomicU64,
    /// `written` at `blocked`.
    mark: AtomicU64,
    answers: Mutex<Vec<Weak<Waiting>>>,
    cut: AtomicBool,
    task: AtomicWaker,
}

impl OpenConnection {
    pub(super) fn new(id: u64, address: Option<IpAddr>, registry: Weak<dyn Registry>) -> Self {
        Self {
            id,
            address,
            registry,
            caller: OnceLock::new(),
            under_way: AtomicUsize::new(0),
            idle_since: AtomicU64::new(now()),
            written: AtomicU64::new(0),
            blocked: AtomicU64::new(0),
            mark: AtomicU64::new(0),
            answers: Mutex::default(),
            cut: AtomicBool::new(false),
            task: AtomicWaker::new(),
        }
    }
    /// Ends the connection: its task finds out at once.
    pub(super) fn cut(&self) {
        self.cut.store(true, SeqCst);
        self.task.wake();
    }
    pub(super) fn is_idle(&self) -> bool {
        self.under_way.load(Relaxed) == 0
    }
    pub(super) fn caller(&self) -> Option<RateCaller> {
        self.caller.get().copied()
    }
    /// A request of this caller came on the connection.
    pub(crate) fn belongs_to(&self, caller: RateCaller) {
        // What a handset sends and what it hands over is one owner's.
        let caller = match caller {
            RateCaller::Parcels(stream) | RateCaller::ParcelsFrom(stream, _) => RateCaller::Stream(stream),
            other => other,
        };
        if self.address.is_none() || self.caller.set(caller).is_err() {
            // Of several people behind one proxy that is not configured the first one keeps the connection: one that
            // belonged to nobody would escape every limit.
            return;
        }
        if let Some(registry) = self.registry.upgrade() {
            registry.is_known(self, caller);
        }
    }
    /// Counts a request until the guard is dropped.
    pub(super) fn begin(self: &Arc<Self>) -> UnderWay {
        self.under_way.fetch_add(1, Relaxed);
        UnderWay(Arc::clone(self))
    }
    /// Returns true if the client did not take enough for `stall` ms. Called about once a second.
    pub(super) fn is_stalled(&self, stall: u64) -> bool {
        let now = now();
        let since = self.blocked.load(Relaxed);
        if since > 0 && now.saturating_sub(since) >= stall {
            let written = self.written.load(Relaxed);
            if written.saturating_sub(self.mark.load(Relaxed)) < LEAST {
                return true;
            }
            self.mark.store(written, Relaxed);
            self.blocked.store(now, Relaxed);
        }
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        answers.retain(|answer| answer.strong_count() > 0);
        let waits = |answer: &Arc<Waiting>| {
            let since = answer.0.load(Relaxed);
            since > 0 && now.saturating_sub(since) >= stall
        };
        answers
            .iter()
            .filter_map(Weak::upgrade)
            .any(|answer| waits(&answer))
    }
    fn is_cut(&self, cx: &Context<'_>) -> bool {
        self.task.register(cx.waker());
        self.cut.load(SeqCst)
    }
    fn has_written(&self, result: &Poll<io::Result<usize>>) {
        match result {
            Poll::Ready(Ok(bytes)) => {
                self.written.fetch_add(*bytes as u64, Relaxed);
            }
            Poll::Pending if self.blocked.load(Relaxed) == 0 => {
                self.mark.store(self.written.load(Relaxed), Relaxed);
                self.blocked.store(now(), Relaxed);
            }
            Poll::Pending | Poll::Ready(Err(_)) => {}
        }
    }
}

/// A request or an answer on a connection.
pub(super) struct UnderWay(Arc<OpenConnection>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.idle_since.store(now(), Relaxed);
        self.0.under_way.fetch_sub(1, Relaxed);
    }
}

/// Since when an answer waits for its client; 0 = it does not.
pub(super) struct Waiting(AtomicU64);

/// The body of an answer. It notes when it waits for its client, and holds what belongs to the request until it ends.
pub(super) struct AnswerBody {
    body: Body,
    /// The rest of a large piece.
    rest: Bytes,
    waiting: Option<Arc<Waiting>>,
    _held: (Option<UnderWay>, Option<Place>),
}

impl AnswerBody {
    pub(super) fn new(body: Body, under_way: Option<UnderWay>, place: Option<Place>) -> Self {
        let waiting = under_way.as_ref().map(|UnderWay(connection)| {
            let waiting = Arc::new(Waiting(AtomicU64::new(now())));
            let mut answers = connection.answers.lock().unwrap_or_else(PoisonError::into_inner);
            answers.retain(|answer| answer.strong_count() > 0);
            answers.push(Arc::downgrade(&waiting));
            waiting
        });
        Self {
            body,
            rest: Bytes::new(),
            waiting,
            _held: (under_way, place),
        }
    }
    fn next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if self.rest.is_empty() {
            match Pin::new(&mut self.body).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(bytes) => self.rest = bytes,
                    Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
                },
                other => return other,
            }
            if self.rest.len() <= PIECE {
                return Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut self.rest)))));
            }
        }
        // A copy: a slice would keep the whole piece in memory until the client took the last of it.
        let piece = self.rest.split_to(PIECE.min(self.rest.len()));
        Poll::Ready(Some(Ok(Frame::data(Bytes::copy_from_slice(&piece)))))
    }
}

impl HttpBody for AnswerBody {
    type Data = Bytes;
    type Error = axum::Error;
    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = self.next(cx);
        if let Some(waiting) = &self.waiting {
            let since = if frame.is_ready() { now() } else { 0 };
            waiting.0.store(since, Relaxed);
        }
        frame
    }
    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }
    fn size_hint(&self) -> SizeHint {
        let body = self.body.size_hint();
        let rest = self.rest.len() as u64;
        let mut hint = SizeHint::new();
        hint.set_lower(body.lower().saturating_add(rest));
        if let Some(upper) = body.upper() {
            hint.set_upper(upper.saturating_add(rest));
        }
        hint
    }
}

/// The socket of a connection.
pub struct Watched {
    socket: TcpStream,
    connection: Arc<OpenConnection>,
}

impl Watched {
    pub(super) fn new(socket: TcpStream, connection: Arc<OpenConnection>) -> Self {
        Self { socket, connection }
    }
    /// Fails once the connection was cut. The system drops what it has not sent yet, instead of keeping it for a client
    /// that does not read.
    fn check(&self, cx: &Context<'_>) -> io::Result<()> {
        if self.connection.is_cut(cx) {
            // Without this the connection ends all the same, only later.
            let _ = self.socket.set_zero_linger();
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        Ok(())
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        if let Some(registry) = self.connection.registry.upgrade() {
            registry.closed(&self.connection);
        }
    }
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check(cx)?;
        Pin::new(&mut self.socket).poll_read(cx, buf)
    }
}

impl AsyncWrite for Watched {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.check(cx)?;
        let result = Pin::new(&mut self.socket).poll_write(cx, bytes);
        self.connection.has_written(&result);
        result
    }
    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.check(cx)?;
        let result = Pin::new(&mut self.socket).poll_write_vectored(cx, bytes);
        self.connection.has_written(&result);
        result
    }
    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }
    /// Reached only when everything was written: HTTP and TLS write first and flush then.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.socket).poll_flush(cx);
        if matches!(result, Poll::Ready(Ok(()))) {
            self.connection.blocked.store(0, Relaxed);
        }
        result
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}
