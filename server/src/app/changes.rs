//! Changes: a room reports an event, and rooms above it react without being called from below.
//!
//! A room reports a change with [`Ctx::changed`](super::ctx::Ctx::changed). The service reacts to each change once, in
//! the same transaction: after the closure of [`App::write`](super::state::App::write), or at the end of
//! [`App::attempt`](super::state::App::attempt), before its savepoint ends. A reaction may report
//! further changes; they follow in the next round. Reactions must be idempotent: two rooms may report the same change.

use protocol::{
    ids::{EntryId, PersonId, PostId, StreamId},
    time::Millis,
};

/// An event in a room, to which rooms above it react.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Areas, name or holders of a post changed.
    PostChanged { post: PostId },
    /// An administrator ended a person's assignments to a post. Not reported when an assignment ends by its date: the
    /// job `duty.end` finds that presence and ends it.
    HolderRelieved { post: PostId, person: PersonId },
    /// A person was disabled: all streams of the person are revoked and the duty ends.
    PersonDisabled { person: PersonId },
    /// A stream was revoked.
    StreamRevoked { stream: StreamId },
    /// Duty at a post began or ended.
    DutyChanged { post: PostId },
    /// A better estimate corrected the time at which an entry was made.
    EntryTime {
        entry: EntryId,
        author: PersonId,
        was: Millis,
        at: Millis,
    },
    /// A photo that an entry names was stored.
    PhotoHeld { entry: EntryId },
    /// Another entry was found to have one of its pictures.
    PhotoDoubted { entry: EntryId },
}

/// The changes of one write whose reactions have not run yet, in the order of reporting.
#[derive(Debug, Clone, Default)]
pub struct Changes(Vec<Change>);

impl Changes {
    /// Adds a change unless it is already there.
    pub fn add(&mut self, change: Change) {
        if !self.0.contains(&change) {
            self.0.push(change);
        }
    }
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl IntoIterator for Changes {
    type Item = Change;
    type IntoIter = std::vec::IntoIter<Change>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}
