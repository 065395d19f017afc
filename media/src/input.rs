//! The bytes of a photo as a stream: read once through a small buffer, and hashed on the way.

use std::io::{self, Read};

use sha2::{Digest, Sha256};

use crate::error::MediaError;

/// Bytes that are read at once.
const CHUNK: usize = 32 * 1024;

/// A buffered reader that hashes what it reads. An error of the source counts as its end, and is returned by
/// [`check`](Self::check) and [`finish`](Self::finish), so that the inner loops need not ask.
pub(crate) struct PhotoBytes<'a> {
    source: &'a mut dyn Read,
    /// Bytes that were read; those from `at` on are not consumed yet.
    buffer: Vec<u8>,
    at: usize,
    ended: bool,
    failure: Option<io::Error>,
    hash: Sha256,
}

impl<'a> PhotoBytes<'a> {
    /// Reads `source` from where it is.
    pub(crate) fn new(source: &'a mut dyn Read) -> Self {
        Self {
            source,
            buffer: Vec::with_capacity(CHUNK),
            at: 0,
            ended: false,
            failure: None,
            hash: Sha256::new(),
        }
    }

    /// Returns the bytes that are not consumed yet, at least `wanted` of them unless the source ended before.
    /// `wanted` is at most a few kilobytes.
    pub(crate) fn peek(&mut self, wanted: usize) -> &[u8] {
        while self.buffer.len() - self.at < wanted && !self.ended {
            self.fill();
        }
        self.rest()
    }

    /// Returns the next eight bytes when they are in the buffer already.
    #[inline(always)]
    pub(crate) fn buffered8(&self) -> Option<[u8; 8]> {
        self.buffer.get(self.at..)?.first_chunk::<8>().copied()
    }

    /// Consumes `count` bytes, which must have been peeked at.
    #[inline(always)]
    pub(crate) fn advance(&mut self, count: usize) {
        self.at = (self.at + count).min(self.buffer.len());
    }

    /// Consumes one byte; `None` at the end.
    pub(crate) fn byte(&mut self) -> Option<u8> {
        let byte = self.peek(1).first().copied();
        self.advance(1);
        byte
    }

    /// Consumes `length` bytes into `to`, which is cleared first. Returns false if the source ended before.
    pub(crate) fn take(&mut self, mut length: usize, to: &mut Vec<u8>) -> bool {
        to.clear();
        while length > 0 {
            let rest = self.peek(1);
            let part = rest.get(..length.min(rest.len())).unwrap_or_default();
            if part.is_empty() {
                return false;
            }
            to.extend_from_slice(part);
            let taken = part.len();
            self.advance(taken);
            length -= taken;
        }
        true
    }

    /// Consumes `length` bytes. Returns false if the source ended before.
    pub(crate) fn skip(&mut self, mut length: usize) -> bool {
        while length > 0 {
            let part = self.peek(1).len().min(length);
            if part == 0 {
                return false;
            }
            self.advance(part);
            length -= part;
        }
        true
    }

    /// Returns the error of the source, if there was one.
    pub(crate) fn check(&mut self) -> Result<(), MediaError> {
        match self.failure.take() {
            Some(error) => Err(MediaError::unreadable(&error)),
            None => Ok(()),
        }
    }

    /// Reads to the end of the source and returns the hash of all its bytes.
    pub(crate) fn finish(mut self) -> Result<[u8; 32], MediaError> {
        while !self.ended {
            self.at = self.buffer.len();
            self.fill();
        }
        self.check()?;
        Ok(self.hash.finalize().into())
    }

    fn rest(&self) -> &[u8] {
        self.buffer.get(self.at..).unwrap_or_default()
    }

    /// Moves what is not consumed to the front and reads once.
    fn fill(&mut self) {
        self.buffer.drain(..self.at);
        self.at = 0;
        let kept = self.buffer.len();
        self.buffer.resize(kept.max(CHUNK / 2) + CHUNK / 2, 0);
        let free = self.buffer.get_mut(kept..).unwrap_or_default();
        let read = loop {
            match self.source.read(free) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.failure = Some(error);
                    break 0;
                }
                Ok(read) => break read.min(free.len()),
            }
        };
        self.buffer.truncate(kept + read);
        self.hash.update(self.buffer.get(kept..).unwrap_or_default());
        self.ended = read == 0;
    }
}
