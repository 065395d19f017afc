//! Changes: what a room says happened, so that rooms above it can follow without being called from below.
//!
//! A room says a change with [`Ctx::changed`](super::ctx::Ctx::changed). The service follows each change once, inside
//! the same transaction: after the closure of [`App::write`](super::state::App::write), or at the end of
//! [`App::attempt`](super::state::App::attempt), before its savepoint ends. A reaction may say further changes; they
//! are followed in the next round. A change must be safe to follow twice: the same one may be said by two rooms.

use protocol::ids::{EntryId, PersonId, PostId, StreamId};

/// Something that happened in a room and that rooms above it follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Areas, name or holders of a post changed.
    PostChanged { post: PostId },
    /// A person no longer holds a post.
    HolderRelieved { post: PostId, person: PersonId },
    /// A person was disabled: no terminal of theirs may speak, no duty of theirs goes on.
    PersonDisabled { person: PersonId },
    /// A stream was revoked.
    StreamRevoked { stream: StreamId },
    /// Duty at a post began or ended.
    DutyChanged { post: PostId },
    /// The server holds one more photo of those that an entry names.
    PhotoHeld { entry: EntryId },
}

/// The changes of one write that are not followed yet, in the order in which they were said.
#[derive(Debug, Clone, Default)]
pub struct Changes(Vec<Change>);

impl Changes {
    /// Adds a change; one that waits already is not added again.
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
