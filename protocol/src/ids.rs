//! All id types, in one append-only list. Ids are UUIDv7, created by the program that creates the object. Never use
//! an id as a sync cursor, because clocks are skewed.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};
use uuid::Uuid;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);
        impl $name {
            /// Builds a version 7 id from Unix milliseconds and 10 random bytes. The caller gives both, so that a
            /// simulation reproduces its ids.
            pub fn from_parts(unix_ms: u64, random: [u8; 10]) -> Self {
                Self(uuid::Builder::from_unix_timestamp_millis(unix_ms, &random).into_uuid())
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }
        impl FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, uuid::Error> {
                Uuid::parse_str(text).map(Self)
            }
        }
        #[cfg(feature = "openapi")]
        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                utoipa::openapi::ObjectBuilder::new()
                    .schema_type(utoipa::openapi::schema::Type::String)
                    .format(Some(utoipa::openapi::SchemaFormat::KnownFormat(utoipa::openapi::KnownFormat::Uuid)))
                    .into()
            }
        }
        #[cfg(feature = "openapi")]
        impl utoipa::ToSchema for $name {
            fn name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
        }
    )*};
}

ids! {
    /// One person's store on one terminal: the unit of numbering and signing.
    StreamId,
    /// One item that a worker submitted, never reused; the 受理号 is derived from it.
    EntryId,
    /// The subject of entries: a report, an activity record, an answer. A corrected version keeps the record's id.
    RecordId,
    /// An issued handset (终端).
    TerminalId,
    /// A post (岗位), to which the number belongs (SP-02).
    PostId,
    /// A person with an account: holder of a terminal, or staff.
    PersonId,
    /// A unit of the organisation tree: city, district, street, community, department.
    OrgId,
    /// A case (案卷).
    CaseId,
    /// A task pushed to the field (核实/核查 or a supervisor's).
    TaskId,
    /// A photo upload in progress.
    UploadId,
    /// One event in a case's ledger.
    EventId,
    /// One request to the server, in logs and problem bodies.
    RequestId,
}
