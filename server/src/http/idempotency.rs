//! Named requests: a client repeats one after a lost answer, and it runs only once.

use crate::{
    auth::actor::Staff,
    kernel::failure::{Failure, field_error, invalid},
};
use axum::http::HeaderMap;
use protocol::{
    ids::{EventId, PersonId},
    problem::FieldError,
};

/// Header with the name of a request; requests of one person with the same name run once.
const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// The event id of a request that is named by header or in the body; `None` if it has no name.
pub(crate) fn request_of(
    headers: &HeaderMap,
    staff: &Staff,
    in_body: Option<uuid::Uuid>,
) -> Result<Option<EventId>, Failure> {
    let named = match headers.get(IDEMPOTENCY_KEY) {
        Some(value) => {
            let text = value.to_str().unwrap_or_default();
            if text.is_empty() || text.len() > 200 {
                return Err(invalid(
                    "Idempotency-Key",
                    "请求编号为 1 至 200 个字符",
                    "the request id must be 1 to 200 visible ASCII characters",
                ));
            }
            Some(text.to_owned())
        }
        None => in_body.map(|id| id.to_string()),
    };
    Ok(named.map(|key| request_event(staff.person, &key)))
}

/// The id of the event that a request creates: equal for the same person and key, so that a repeated request finds its
/// event.
fn request_event(person: PersonId, key: &str) -> EventId {
    use sha2::Digest;
    let digest: [u8; 32] = sha2::Sha256::new()
        .chain_update(person.0.as_bytes())
        .chain_update(key)
        .finalize()
        .into();
    let mut half = [0; 16];
    for (slot, byte) in half.iter_mut().zip(digest) {
        *slot = byte;
    }
    EventId(uuid::Builder::from_custom_bytes(half).into_uuid())
}

/// The error of a request whose name was used for another request.
pub(crate) fn reused() -> FieldError {
    field_error(
        "/request",
        "这个请求编号已用于另一次操作",
        "this request id was already used for another request",
    )
}
