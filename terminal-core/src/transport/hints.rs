//! The server's stream of hints (`GET /v1/field/events`, server-sent events). A hint means "pull now". The
//! content of an event is ignored, so a false hint costs no more than one pull.

use crate::transport::{
    cancel::CancelToken,
    error::{TransportError, failed},
    nudge::{Nudge, Nudged},
    request::{Response, Traffic},
};
use std::time::Duration;
use tokio::runtime::Runtime;

/// Why no hint stream was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoHintStream {
    /// The response is not an event stream.
    Answer(Response),
    /// No response was received.
    Failed(TransportError),
}

/// An event of the hint stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HintEvent {
    /// The server asks for a pull.
    Hint,
    /// A keep-alive comment.
    Alive,
    /// Nothing was received within the wait.
    Quiet,
    /// This process ended the wait.
    Nudged(Nudged),
    /// The stream has ended: closed by the server, cut or cancelled.
    Closed(TransportError),
}

/// An open hint stream.
pub struct HintStream<'a> {
    runtime: &'a Runtime,
    answer: reqwest::Response,
    lines: Lines,
    traffic: Traffic,
    heartbeat_s: u32,
}

impl<'a> HintStream<'a> {
    pub(super) fn new(
        runtime: &'a Runtime,
        answer: reqwest::Response,
        traffic: Traffic,
        heartbeat_s: u32,
    ) -> Self {
        Self {
            runtime,
            answer,
            lines: Lines::default(),
            traffic,
            heartbeat_s,
        }
    }
    /// Seconds between two keep-alives, as the server said when the stream was opened.
    pub fn heartbeat_s(&self) -> u32 {
        self.heartbeat_s
    }
    /// Waits at most `wait` for the next event.
    pub fn next(&mut self, wait: Duration, cancel: &CancelToken, nudge: &Nudge) -> HintEvent {
        let answer = &mut self.answer;
        let piece = self.runtime.block_on(async {
            tokio::select! {
                biased;
                () = cancel.cancelled() => Err(HintEvent::Closed(TransportError::Cancelled)),
                nudged = nudge.nudged() => Err(HintEvent::Nudged(nudged)),
                piece = tokio::time::timeout(wait, answer.chunk()) => match piece {
                    Ok(Ok(Some(piece))) => Ok(piece),
                    Ok(Ok(None)) => Err(HintEvent::Closed(TransportError::Cut("the line of hints ended".into()))),
                    Ok(Err(error)) => Err(HintEvent::Closed(failed(error))),
                    Err(_quiet) => Err(HintEvent::Quiet),
                },
            }
        });
        match piece {
            Err(event) => event,
            Ok(piece) => {
                let received = u64::try_from(piece.len()).unwrap_or(0);
                self.traffic = self.traffic.plus(Traffic::exchange(0, received));
                if self.lines.take(&piece) {
                    HintEvent::Hint
                } else {
                    HintEvent::Alive
                }
            }
        }
    }
    /// Returns the bytes used since the last call.
    pub fn take_traffic(&mut self) -> Traffic {
        std::mem::take(&mut self.traffic)
    }
}

/// Parses server-sent events. Counts an event when a `data` field was followed by an empty line; comments
/// (keep-alives) and other fields are ignored.
#[derive(Default)]
struct Lines {
    /// The first bytes of the current line, as many as are needed to recognise `data:`.
    begun: Vec<u8>,
    has_data: bool,
}

impl Lines {
    /// Returns true if an event ended within these bytes.
    fn take(&mut self, bytes: &[u8]) -> bool {
        const FIELD: &[u8] = b"data";
        let mut ended = false;
        for byte in bytes {
            match byte {
                b'\n' if self.begun.is_empty() => ended |= std::mem::take(&mut self.has_data),
                b'\n' => {
                    self.has_data |= self.begun.as_slice() == FIELD || self.begun.starts_with(b"data:");
                    self.begun.clear();
                }
                b'\r' => {}
                byte if self.begun.len() <= FIELD.len() => self.begun.push(*byte),
                _ => {}
            }
        }
        ended
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_counted_once_for_any_chunking_and_comments_are_ignored() {
        let stream = b": hello\n\nevent: pull\r\ndata: {}\r\n\r\n:\n\nretry: 5\n\ndata\n\n";
        for size in 1..=stream.len() {
            let mut lines = Lines::default();
            let heard = stream.chunks(size).filter(|piece| lines.take(piece)).count();
            assert!((1..=2).contains(&heard), "{heard} in pieces of {size}");
        }
        let mut lines = Lines::default();
        let heard = stream.iter().filter(|byte| lines.take(&[**byte])).count();
        assert_eq!(heard, 2, "byte by byte");
        assert!(!Lines::default().take(b": data: no\n\ndatabase: no\n\n"));
    }
}
