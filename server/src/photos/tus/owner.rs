//! The owner of an upload, and what depends on who owns it: tables, route, texts.

use protocol::ids::{PersonId, StreamId};
use uuid::Uuid;

/// Who owns an upload. Nobody else can see or continue it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    /// The stream of a terminal. The upload becomes a photo.
    Stream(StreamId),
    /// A member of staff. The upload becomes an attachment.
    Person(PersonId),
}

impl Owner {
    /// The tables that hold the uploads of this kind of owner.
    pub fn tables(self) -> Tables {
        match self {
            Self::Stream(_) => Tables::Photos,
            Self::Person(_) => Tables::Attachments,
        }
    }
    /// The value of the column that names the owner.
    pub fn column(self) -> String {
        match self {
            Self::Stream(stream) => stream.to_string(),
            Self::Person(person) => person.to_string(),
        }
    }
    /// Returns the id whose share of the concurrently received bodies an upload counts towards.
    pub fn sender(self) -> Uuid {
        match self {
            Self::Stream(stream) => stream.0,
            Self::Person(person) => person.0,
        }
    }
    /// The path of the collection of uploads, without a slash at its end.
    pub fn route(self) -> &'static str {
        match self {
            Self::Stream(_) => "/v1/field/photos",
            Self::Person(_) => "/v1/attachments/uploads",
        }
    }
    /// Returns the reason text for refusing an upload whose length is announced later.
    pub fn no_deferred_length(self) -> &'static str {
        match self {
            Self::Stream(_) => "upload-defer-length: the entry says how long the photo is",
            Self::Person(_) => "upload-defer-length: say how long it is",
        }
    }
}

/// A pair of tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tables {
    /// `upload` and `upload_part`.
    Photos,
    /// `attachment_upload` and `attachment_part`.
    Attachments,
}

impl Tables {
    pub const ALL: [Self; 2] = [Self::Photos, Self::Attachments];

    /// Replaces `{upload}`, `{part}` and `{owner}` by the names of the tables and of the column with the owner.
    pub fn sql(self, statement: &str) -> String {
        let (upload, part, owner) = match self {
            Self::Photos => ("upload", "upload_part", "stream"),
            Self::Attachments => ("attachment_upload", "attachment_part", "person"),
        };
        statement
            .replace("{upload}", upload)
            .replace("{part}", part)
            .replace("{owner}", owner)
    }
}
