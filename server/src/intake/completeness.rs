//! How complete the server's copy of a stream is: entry numbers have no gaps, so that both ends can prove it.

use super::readers::INSPECTORS;
use crate::{
    app::{
        state::App,
        tally::{self, CountedKind},
    },
    auth::actor::Staff,
    entries::{mark, row::EntryState},
    http::body::{Json, Path},
    kernel::failure::Failure,
    params,
    store::{error::StoreError, tx::Tx},
};
use axum::extract::State;
use protocol::{
    area::Area,
    ids::{PersonId, PostId, StreamId, TerminalId},
    problem::{Problem, ProblemCode},
    push::StreamMark,
    time::Millis,
};
use serde::{Deserialize, Serialize};

/// What the server holds of a stream.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Completeness {
    pub stream: StreamId,
    pub terminal: TerminalId,
    pub holder: PersonId,
    pub post: PostId,
    pub last_contact: Millis,
    /// When the stream was revoked.
    pub revoked: Option<Millis>,
    /// When its last sealed parcel arrived.
    pub handed_over: Option<Millis>,
    pub mark: StreamMark,
    /// Entry numbers up to the highest held one that the server does not hold.
    pub missing: u64,
    /// Entries by state; states without entries are left out.
    pub states: Vec<StateCount>,
    /// Entries that arrived in sealed parcels.
    pub sealed: u32,
    /// Number of different photos that entries of the stream refer to, and number of those whose hash is confirmed.
    pub photos_named: u32,
    pub photos_held: u32,
}

impl Completeness {
    /// Returns true if every entry and photo that the server knows of is held.
    pub fn is_complete(&self) -> bool {
        self.missing == 0 && self.photos_held >= self.photos_named
    }
    /// Entries held, in any state.
    pub fn held(&self) -> u64 {
        self.states.iter().map(|s| u64::from(s.entries)).sum()
    }
    /// Entries in one state.
    pub fn in_state(&self, state: EntryState) -> u32 {
        let of = self.states.iter().filter(|s| s.state == state);
        of.map(|s| s.entries).sum()
    }
}

#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct StateCount {
    pub state: EntryState,
    pub entries: u32,
}

/// How complete a stream is; [`StoreError::NotFound`] if there is no such stream.
pub fn of(tx: &mut Tx<'_>, stream: StreamId) -> Result<Completeness, StoreError> {
    let id = stream.to_string();
    let few = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
    let states = tally::of_stream(tx, CountedKind::Entry, stream)?
        .into_iter()
        .map(|(state, n)| {
            let unknown = || StoreError::decode("state", "a state of an entry", &state);
            Ok(StateCount {
                state: state.parse().map_err(|()| unknown())?,
                entries: few(n),
            })
        })
        .collect::<Result<Vec<_>, StoreError>>()?;
    let photos = tally::of_stream(tx, CountedKind::Photo, stream)?;
    let of = |state: &str| few(photos.get(state).copied().unwrap_or(0));
    let (photos_named, photos_held) = (of(tally::NAMED), of(tally::HELD));
    let sealed = few(tally::of_stream(tx, CountedKind::Sealed, stream)?
        .into_values()
        .sum());
    let mark = mark::of(tx, stream)?;
    let held: u64 = states.iter().map(|s| u64::from(s.entries)).sum();
    tx.one(
        "SELECT terminal, person, post, last_contact, revoked, handed_over FROM stream WHERE id = ?1",
        params![&id],
        |row| {
            Ok(Completeness {
                stream,
                terminal: row.parse("terminal")?,
                holder: row.parse("person")?,
                post: row.parse("post")?,
                last_contact: Millis(row.get("last_contact")?),
                revoked: row.get::<Option<i64>>("revoked")?.map(Millis),
                handed_over: row.get::<Option<i64>>("handed_over")?.map(Millis),
                missing: mark.highest.saturating_sub(held),
                mark: mark.clone(),
                states: states.clone(),
                sealed,
                photos_named,
                photos_held,
            })
        },
    )
}

/// All streams there are, oldest first.
pub fn all(tx: &mut Tx<'_>) -> Result<Vec<StreamId>, StoreError> {
    tx.all("SELECT id FROM stream ORDER BY created, id", params![], |row| {
        row.parse("id")
    })
}

/// Returns what the server holds of a stream: highest number, missing numbers, states and photos.
#[utoipa::path(
    get, path = "/v1/streams/{id}/completeness", tag = "review",
    params(("id" = StreamId, Path)),
    responses(
        (status = 200, body = Completeness),
        (status = 403, body = Problem, description = "`auth.scope`"),
        (status = 404, body = Problem),
    )
)]
pub(super) async fn completeness(
    State(app): State<App>,
    staff: Staff,
    Path(stream): Path<StreamId>,
) -> Result<Json<Completeness>, Failure> {
    let areas = staff.areas(INSPECTORS);
    let answer = app
        .read(move |tx| {
            let area: Option<Area> = tx.opt(
                "SELECT o.area FROM stream s JOIN post p ON p.id = s.post JOIN org o ON o.id = p.org
                 WHERE s.id = ?1",
                params![stream.to_string()],
                |row| row.parse("area"),
            )?;
            let area = area.ok_or_else(|| Failure::of(ProblemCode::NotFound))?;
            if !areas.iter().any(|reach| reach.covers(area)) {
                return Err(Failure::of(ProblemCode::OutOfScope));
            }
            Ok(of(tx, stream)?)
        })
        .await?;
    Ok(Json(answer))
}
