//! The pull cursor: the position of a handset in its two mailboxes, `epoch.post.n.author.n`, opaque to the handset.

use protocol::ids::{PersonId, PostId};
use std::{fmt, str::FromStr};

/// A position in two mailboxes of one epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cursor {
    pub epoch: String,
    pub post: (PostId, u64),
    pub author: (PersonId, u64),
}

/// The text is not a cursor; the pull starts from the beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NoCursor;

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { epoch, post, author } = self;
        write!(f, "{epoch}.{}.{}.{}.{}", post.0, post.1, author.0, author.1)
    }
}

impl FromStr for Cursor {
    type Err = NoCursor;
    fn from_str(text: &str) -> Result<Self, NoCursor> {
        // Split from the end, because an epoch may contain dots.
        let mut parts = text.rsplitn(5, '.');
        let mut next = || parts.next().ok_or(NoCursor);
        let author_n = number(next()?)?;
        let author = next()?.parse().map_err(|_| NoCursor)?;
        let post_n = number(next()?)?;
        let post = next()?.parse().map_err(|_| NoCursor)?;
        Ok(Self {
            epoch: next()?.to_owned(),
            post: (post, post_n),
            author: (author, author_n),
        })
    }
}

fn number(text: &str) -> Result<u64, NoCursor> {
    text.parse().map_err(|_| NoCursor)
}

/// Where the reading of one mailbox begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Start {
    /// After this number.
    After(u64),
    /// From the beginning: the handset deletes its rows of this mailbox.
    Reset,
}

impl Start {
    /// `position` is the cursor's number for this mailbox, `last` the mailbox's newest number. A higher position was
    /// issued before the server was restored from a backup, so reading starts from the beginning.
    pub fn of(position: Option<u64>, last: u64) -> Self {
        match position {
            Some(n) if n <= last => Self::After(n),
            Some(_) | None => Self::Reset,
        }
    }
    pub const fn number(self) -> u64 {
        match self {
            Self::After(n) => n,
            Self::Reset => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_cursor_reads_back(epoch in "[a-z0-9.-]{1,20}", post: u128, n: u64, author: u128, m: u64) {
            let cursor = Cursor {
                epoch,
                post: (PostId(uuid::Uuid::from_u128(post)), n),
                author: (PersonId(uuid::Uuid::from_u128(author)), m),
            };
            prop_assert_eq!(cursor.to_string().parse(), Ok(cursor));
        }

        #[test]
        fn no_text_is_too_strange_to_be_no_cursor(text in ".*") {
            let _ = text.parse::<Cursor>();
        }
    }

    #[test]
    fn a_position_beyond_the_mailbox_starts_again() {
        assert_eq!(Start::of(Some(5), 5), Start::After(5));
        assert_eq!(Start::of(Some(0), 0), Start::After(0));
        assert_eq!(Start::of(Some(6), 5), Start::Reset);
        assert_eq!(Start::of(None, 5), Start::Reset);
    }
}
