//! The server's line of hints (`GET /v1/field/events`, server-sent events). A hint says "pull now" and nothing
//! else, so what an event holds is not looked at, and a line that lies costs no more than a pull.

use crate::transport::{
    cancel::CancelToken,
    error::{TransportError, failed},
    request::{Response, Traffic},
};
use std::time::Duration;
use tokio::runtime::Runtime;

/// Why no stream of hints was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoHintStream {
    /// The server answered with something else than an event stream.
    Answer(Response),
    /// No response came.
    Failed(TransportError),
}

/// What came from the line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HintEvent {
    /// Pull now.
    Hint,
    /// A sign of life.
    Alive,
    /// Nothing within the time.
    Quiet,
    /// The line is gone: closed by the server, cut or cancelled.
    Closed(TransportError),
}

/// An open line.
pub struct HintStream<'a> {
    runtime: &'a Runtime,
    answer: reqwest::Response,
    lines: Lines,
    traffic: Traffic,
}

impl<'a> HintStream<'a> {
    pub(super) fn new(runtime: &'a Runtime, answer: reqwest::Response, traffic: Traffic) -> Self {
        Self {
            runtime,
            answer,
            lines: Lines::default(),
            traffic,
        }
    }
    /// Waits at most `wait` for the next sign.
    pub fn next(&mut self, wait: Duration, cancel: &CancelToken) -> HintEvent {
        let answer = &mut self.answer;
        let piece = self.runtime.block_on(async {
            tokio::select! {
                biased;
                () = cancel.cancelled() => Some(Err(TransportError::Cancelled)),
                piece = tokio::time::timeout(wait, answer.chunk()) => match piece {
                    Ok(Ok(Some(piece))) => Some(Ok(piece)),
                    Ok(Ok(None)) => Some(Err(TransportError::Cut("the line of hints ended".into()))),
                    Ok(Err(error)) => Some(Err(failed(error))),
                    Err(_quiet) => None,
                },
            }
        });
        match piece {
            None => HintEvent::Quiet,
            Some(Err(error)) => HintEvent::Closed(error),
            Some(Ok(piece)) => {
                self.traffic.received += u64::try_from(piece.len()).unwrap_or(0);
                if self.lines.take(&piece) {
                    HintEvent::Hint
                } else {
                    HintEvent::Alive
                }
            }
        }
    }
    /// What the line has cost since this was last asked.
    pub fn take_traffic(&mut self) -> Traffic {
        std::mem::take(&mut self.traffic)
    }
}

/// Splits the stream into lines. An event is one when it has data and is ended by an empty line; comments (signs
/// of life) and other fields are none.
#[derive(Default)]
struct Lines {
    /// Of the line under way only as much as tells what it is.
    begun: Vec<u8>,
    has_data: bool,
}

impl Lines {
    /// Whether an event ended within these bytes.
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
    fn an_event_is_heard_once_however_its_bytes_arrive_and_a_comment_is_none() {
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
