//! Who was here before, for requests from an address that strangers flood: its count is used up, and only those who are
//! known are let through. Asked in no other case.
//!
//! In memory and per replica. After a restart the streams are read again when they are needed; a token is known again when
//! its count is not used up.

use protocol::{ids::StreamId, photo::Sha256, time::Millis};
use std::{
    collections::HashSet,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// How long the list of streams is used, in ms.
const FRESH_MS: i64 = 60_000;
/// Tokens at most. A full table begins again.
const MOST_TOKENS: usize = 100_000;

/// See the module.
#[derive(Default)]
pub struct KnownCallers {
    streams: Mutex<Option<(Millis, HashSet<StreamId>)>>,
    tokens: Mutex<HashSet<Sha256>>,
}

impl KnownCallers {
    /// Whether the deployment has the stream, ended or not; `None` if the list is too old to say so.
    pub fn stream(&self, stream: StreamId, now: Millis) -> Option<bool> {
        let streams = lock(&self.streams);
        let (read, all) = streams.as_ref()?;
        (0..FRESH_MS)
            .contains(&now.since(*read))
            .then(|| all.contains(&stream))
    }
    /// Replaces the list of streams, which was read at `now`.
    pub fn read(&self, streams: HashSet<StreamId>, now: Millis) {
        *lock(&self.streams) = Some((now, streams));
    }
    /// Adds a stream that was just enrolled.
    pub fn enrolled(&self, stream: StreamId) {
        if let Some((_, all)) = lock(&self.streams).as_mut() {
            all.insert(stream);
        }
    }
    /// Remembers a token that somebody has or got.
    pub fn has_token(&self, token: &str) {
        let mut tokens = lock(&self.tokens);
        if tokens.len() >= MOST_TOKENS {
            tokens.clear();
        }
        tokens.insert(Sha256::of(token.as_bytes()));
    }
    /// Whether the token was good once; it may have ended.
    pub fn token(&self, token: &str) -> bool {
        lock(&self.tokens).contains(&Sha256::of(token.as_bytes()))
    }
}

fn lock<T>(what: &Mutex<T>) -> MutexGuard<'_, T> {
    what.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_of_streams_is_used_for_a_minute() {
        let known = KnownCallers::default();
        let (ours, other) = (StreamId::from_parts(0, [1; 10]), StreamId::from_parts(0, [2; 10]));
        assert_eq!(known.stream(ours, Millis(0)), None);
        known.read(HashSet::from([ours]), Millis(1000));
        assert_eq!(known.stream(ours, Millis(60_999)), Some(true));
        assert_eq!(known.stream(other, Millis(60_999)), Some(false));
        known.enrolled(other);
        assert_eq!(known.stream(other, Millis(60_999)), Some(true));
        assert_eq!(known.stream(ours, Millis(61_000)), None);
    }

    #[test]
    fn a_token_is_known_when_it_was_good_once() {
        let known = KnownCallers::default();
        known.has_token("xf_1");
        assert!(known.token("xf_1") && !known.token("xf_2"));
    }
}
