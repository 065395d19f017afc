//! The ledger of a case: one event for every change, each sealed by the hash of the one before.
//!
//! `hash = SHA-256(previous hash as hex, then the body's bytes)`; the first event follows [`GENESIS`]. The body
//! contains the id of its case, so an event cannot be moved to another case; the case's version is the number of its
//! events, so removing events at the end is detected. Bodies contain ids and no names, so the ledger can be shown
//! unchanged.

use crate::{
    params,
    store::{error::StoreError, tx::Tx},
};
use protocol::{
    case::CaseState,
    ids::{CaseId, EventId, PersonId, PostId},
    photo::Sha256,
    role::Role,
    time::Millis,
};
use serde::{Deserialize, Serialize};
use sha2::Digest;

/// The previous hash of the first event.
pub const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// Who performed the action.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct EventActor {
    /// Absent for the system itself and for an anonymous source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<PersonId>,
    /// Role in which the actor performed the action.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// Post of the actor; only for actions from the field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub post: Option<PostId>,
}

impl EventActor {
    /// The system itself.
    pub const SYSTEM: Self = Self {
        person: None,
        role: None,
        post: None,
    };
}

/// Body of an event; the hash is computed over it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct LedgerEvent {
    pub case: CaseId,
    /// 1, 2, 3 … without gaps; equal to the version of the case after the event.
    pub seq: i64,
    pub id: EventId,
    /// Row of the transition table, such as `T9`. Absent if the event does not change the state (a revised report).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transition: Option<String>,
    pub action: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<CaseState>,
    pub to: CaseState,
    pub actor: EventActor,
    pub at: Millis,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub opinion: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Sha256>,
    /// Values that the action set or that decided it, such as `deadline` or `task`.
    #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
    #[schema(value_type = Object)]
    pub facts: serde_json::Map<String, serde_json::Value>,
}

/// An event as stored in the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedEvent {
    pub seq: i64,
    pub id: String,
    pub body: String,
    pub previous: String,
    pub hash: String,
}

/// The position and the kind of damage in a chain.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BrokenChain {
    #[error("event {0} is missing")]
    Gap(i64),
    #[error("event {0} does not follow the one before it")]
    Link(i64),
    #[error("event {0} was changed")]
    Hash(i64),
    #[error("event {0} does not match its case or its number")]
    Place(i64),
    #[error("the case is at version {version} in {state}, but its ledger is not")]
    End { version: i64, state: CaseState },
}

/// Returns the hash of a body.
pub fn seal(previous: &str, body: &str) -> String {
    let digest = sha2::Sha256::new()
        .chain_update(previous)
        .chain_update(body)
        .finalize();
    hex::encode(digest)
}

/// Verifies that `events` (in order) are the complete, unchanged history of a case with this `version` and `state`.
pub fn verify(
    case: CaseId,
    version: i64,
    state: CaseState,
    events: &[SealedEvent],
) -> Result<Vec<LedgerEvent>, BrokenChain> {
    let mut previous = GENESIS;
    let mut read = Vec::with_capacity(events.len());
    for (expected, sealed) in (1..).zip(events) {
        if sealed.seq != expected {
            return Err(BrokenChain::Gap(expected));
        }
        if sealed.previous != previous {
            return Err(BrokenChain::Link(expected));
        }
        if seal(previous, &sealed.body) != sealed.hash {
            return Err(BrokenChain::Hash(expected));
        }
        let event: LedgerEvent =
            serde_json::from_str(&sealed.body).map_err(|_| BrokenChain::Place(expected))?;
        if event.case != case || event.seq != expected || event.id.to_string() != sealed.id {
            return Err(BrokenChain::Place(expected));
        }
        previous = &sealed.hash;
        read.push(event);
    }
    match read.last() {
        Some(last) if last.seq == version && last.to == state => Ok(read),
        _ => Err(BrokenChain::End { version, state }),
    }
}

/// Returns all events of a case, in order.
pub fn load(tx: &mut Tx<'_>, case: CaseId) -> Result<Vec<SealedEvent>, StoreError> {
    tx.all(
        "SELECT seq, id, body, previous, hash FROM case_event WHERE case_id = ?1 ORDER BY seq",
        params![case.to_string()],
        |row| {
            Ok(SealedEvent {
                seq: row.get("seq")?,
                id: row.get("id")?,
                body: row.get("body")?,
                previous: row.get("previous")?,
                hash: row.get("hash")?,
            })
        },
    )
}

/// Returns the events that can be parsed, in order. An event that cannot be parsed is left out; [`verify`] reports
/// it.
pub fn events(sealed: &[SealedEvent]) -> Vec<LedgerEvent> {
    sealed
        .iter()
        .filter_map(|s| serde_json::from_str(&s.body).ok())
        .collect()
}

/// Writes the next event of a case.
pub fn append(tx: &mut Tx<'_>, event: &LedgerEvent) -> Result<(), crate::kernel::failure::Failure> {
    let case = event.case.to_string();
    let before = match event.seq {
        // Nothing to look for.
        ..=1 => None,
        seq => tx.opt(
            "SELECT hash FROM case_event WHERE case_id = ?1 AND seq = ?2",
            params![&case, seq - 1],
            |row| row.get::<String>("hash"),
        )?,
    };
    let previous = before.unwrap_or_else(|| GENESIS.to_owned());
    let body = serde_json::to_string(event)?;
    let hash = seal(&previous, &body);
    tx.run(
        "INSERT INTO case_event (case_id, seq, id, body, previous, hash, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![case, event.seq, event.id.to_string(), body, previous, hash, event.at.0],
    )?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn case() -> CaseId {
        CaseId::from_parts(1, [7; 10])
    }

    fn chain(n: i64) -> Vec<SealedEvent> {
        let mut previous = GENESIS.to_owned();
        (1..=n)
            .map(|seq| {
                let event = LedgerEvent {
                    case: case(),
                    seq,
                    id: EventId::from_parts(u64::try_from(seq).unwrap(), [1; 10]),
                    transition: Some("T1".into()),
                    action: "report".into(),
                    from: None,
                    to: CaseState::Reported,
                    actor: EventActor {
                        person: None,
                        role: Some(Role::Patroller),
                        post: None,
                    },
                    at: Millis(seq),
                    opinion: format!("意见 {seq}"),
                    attachments: Vec::new(),
                    facts: serde_json::Map::new(),
                };
                let body = serde_json::to_string(&event).unwrap();
                let hash = seal(&previous, &body);
                let sealed = SealedEvent {
                    seq,
                    id: event.id.to_string(),
                    body,
                    previous: previous.clone(),
                    hash: hash.clone(),
                };
                previous = hash;
                sealed
            })
            .collect()
    }

    fn check(n: i64, events: &[SealedEvent]) -> Result<(), BrokenChain> {
        verify(case(), n, CaseState::Reported, events).map(|_| ())
    }

    #[test]
    fn an_untouched_chain_verifies() {
        assert_eq!(check(5, &chain(5)), Ok(()));
        assert!(verify(case(), 5, CaseState::Closed, &chain(5)).is_err());
        assert!(check(0, &[]).is_err());
    }

    #[test]
    fn an_event_resealed_after_a_change_breaks_the_next_link() {
        let mut events = chain(3);
        events[1].body = events[1].body.replace("意见 2", "意见 9");
        assert_eq!(check(3, &events), Err(BrokenChain::Hash(2)));
        events[1].hash = seal(&events[1].previous, &events[1].body);
        assert_eq!(check(3, &events), Err(BrokenChain::Link(3)));
    }

    #[test]
    fn an_event_of_another_case_is_detected() {
        let other = CaseId::from_parts(2, [8; 10]);
        assert_eq!(
            verify(other, 1, CaseState::Reported, &chain(1)),
            Err(BrokenChain::Place(1))
        );
    }

    proptest! {
        #[test]
        fn losing_swapping_or_changing_any_event_is_detected(n in 1usize..7, at in 0usize..7, how in 0u8..4, byte in 0usize..400) {
            let total = i64::try_from(n).unwrap();
            let mut events = chain(total);
            let at = at % n;
            match how {
                0 => { events.remove(at); }
                1 if n > 1 => { let other = (at + 1) % n; events.swap(at, other); }
                2 => {
                    let mut bytes = events[at].body.clone().into_bytes();
                    let byte = byte % bytes.len();
                    bytes[byte] ^= 1;
                    events[at].body = String::from_utf8_lossy(&bytes).into_owned();
                }
                _ => { events[at].hash = seal("", &events[at].body); }
            }
            prop_assert!(check(total, &events).is_err());
        }
    }
}
