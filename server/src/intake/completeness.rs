//! How complete a stream is, for whoever has to vouch for it: both sides can prove it by number.

use super::{INSPECTORS, mark, row::EntryState};
use crate::{
    app::App,
    failure::Failure,
    http::{
        actor::Staff,
        body::{Json, Path},
    },
    params,
};
use axum::extract::State;
use protocol::{
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
    pub mark: StreamMark,
    /// Entries by what became of them; states without any are left out.
    pub states: Vec<StateCount>,
    /// Different photos that entries of the stream name, and those whose hash is confirmed.
    pub photos_named: u32,
    pub photos_held: u32,
}

#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct StateCount {
    pub state: EntryState,
    pub entries: u32,
}

/// Mark, holes, states and photos of a stream.
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
            let id = stream.to_string();
            let found = tx.opt(
                "SELECT s.terminal, s.person, s.post, s.last_contact, o.area FROM stream s
                 JOIN post p ON p.id = s.post JOIN org o ON o.id = p.org WHERE s.id = ?1",
                params![&id],
                |row| {
                    let area: String = row.get("area")?;
                    let contact = Millis(row.get("last_contact")?);
                    Ok((
                        row.parse("terminal")?,
                        row.parse("person")?,
                        row.parse("post")?,
                        contact,
                        area,
                    ))
                },
            )?;
            let (terminal, holder, post, last_contact, area) =
                found.ok_or_else(|| Failure::of(ProblemCode::NotFound))?;
            if !areas.iter().any(|reach| area.starts_with(reach)) {
                return Err(Failure::of(ProblemCode::OutOfScope));
            }
            let states = tx.all(
                "SELECT state, COUNT(*) AS n FROM entry WHERE stream = ?1 GROUP BY state ORDER BY state",
                params![&id],
                |row| {
                    Ok(StateCount {
                        state: row.parse("state")?,
                        entries: row.get("n")?,
                    })
                },
            )?;
            let (photos_named, photos_held) = tx.one(
                "SELECT COUNT(*) AS named, COUNT(received) AS held FROM photo WHERE stream = ?1",
                params![&id],
                |row| Ok((row.get("named")?, row.get("held")?)),
            )?;
            let mark = mark::of(tx, stream)?;
            Ok(Completeness {
                stream,
                terminal,
                holder,
                post,
                last_contact,
                mark,
                states,
                photos_named,
                photos_held,
            })
        })
        .await?;
    Ok(Json(answer))
}
