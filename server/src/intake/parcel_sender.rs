//! Who sealed a parcel, and how it came.

use crate::{
    app::state::App,
    auth::field_tokens,
    kernel::failure::Failure,
    params,
    store::{error::StoreError, tx::Tx},
    terminals::tokens,
};
use protocol::{
    ids::{PersonId, PostId, StreamId},
    parcel::{BadParcel, Head},
    problem::ProblemCode,
    sign::PublicKey,
};
use serde::{Deserialize, Serialize};

/// How a parcel reached the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = Carrier)]
pub enum ParcelSource {
    Network,
    File,
}

/// Who sealed a parcel.
pub(super) struct Sender {
    pub person: PersonId,
    pub post: PostId,
    pub key: PublicKey,
    pub has_ended: bool,
}

pub(super) fn malformed(bad: &BadParcel) -> Failure {
    match bad {
        BadParcel::Signature(_) => Failure::of(ProblemCode::Signature),
        BadParcel::Unknown
        | BadParcel::Length
        | BadParcel::Malformed(_)
        | BadParcel::TooMuch
        | BadParcel::Sealed => Failure::because(ProblemCode::ParcelMalformed, bad.to_string()),
    }
}

pub(super) fn sender(tx: &mut Tx<'_>, stream: StreamId) -> Result<Option<Sender>, StoreError> {
    tx.opt(
        "SELECT s.person, s.post, s.public_key, s.revoked, s.wipe_ordered, p.disabled FROM stream s
         JOIN person p ON p.id = s.person WHERE s.id = ?1",
        params![stream.to_string()],
        |row| {
            Ok(Sender {
                person: row.parse("person")?,
                post: row.parse("post")?,
                key: row.parse("public_key")?,
                has_ended: field_tokens::end_of(row)?.is_some(),
            })
        },
    )
}

/// The certificate in the head.
///
/// # Errors
/// `stream.unknown` unless this deployment signed it for this stream.
pub(super) fn certified(app: &App, head: &Head) -> Result<protocol::field::Certificate, Failure> {
    tokens::ours(app, &head.certificate)
        .filter(|certificate| certificate.stream == head.stream)
        .ok_or_else(|| Failure::of(ProblemCode::StreamUnknown))
}
