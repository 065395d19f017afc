//! The rows of the parts of an upload: which bytes of which objects it consists of.

use crate::app::object_name::ObjectName;

/// Consecutive bytes of an upload: the first `size` bytes of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Part {
    /// Position of the first byte in the upload.
    pub offset: u64,
    /// Bytes that are synced. The object may hold more, which do not count.
    pub size: u64,
    pub object: ObjectName,
}

/// Bytes that a request has stored and that no row counts yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum StoredBytes {
    /// New objects, one after the other; at least one.
    New(Vec<Part>),
    /// Bytes that were appended to the object of a part.
    Grown { part: Part, by: u64 },
}

impl StoredBytes {
    /// Where the bytes begin and end in the upload; `None` if there are none.
    pub fn span(&self) -> Option<(u64, u64)> {
        match self {
            Self::New(parts) => {
                let (first, last) = (parts.first()?, parts.last()?);
                Some((first.offset, last.offset.saturating_add(last.size)))
            }
            Self::Grown { part, by } => {
                let from = part.offset.saturating_add(part.size);
                Some((from, from.saturating_add(*by)))
            }
        }
    }
}
