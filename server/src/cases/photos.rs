//! The photos of a case: those of its report, of the answers to its tasks, and what staff attached.

use super::{file::CaseFile, ledger::Event};
use crate::{
    app::state::App,
    http::range,
    kernel::failure::Failure,
    params,
    photos::Blobs,
    store::{error::StoreError, tx::Tx, value::Row},
};
use axum::{
    http::{HeaderMap, HeaderValue, header},
    response::Response,
};
use protocol::{
    ids::{CaseId, EntryId, PersonId, StreamId},
    photo::{PhotoRole, Sha256},
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

crate::text_enum! {
    /// From where a photo came to a case.
    pub enum Origin {
        /// The report.
        Report = "report",
        /// The answer to a task.
        Answer = "answer",
        /// A member of staff.
        Staff = "staff",
    }
}

/// A photo of a case.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct CasePhoto {
    pub sha256: Sha256,
    pub origin: Origin,
    /// `scene`, `before`, `after` …
    pub role: String,
    pub size: u64,
    pub width: u32,
    pub height: u32,
    /// Whether the server holds the bytes and has confirmed their hash.
    pub held: bool,
    /// Whose store holds it; absent: staff.
    #[serde(skip)]
    pub stream: Option<StreamId>,
    /// Who attached it, among staff.
    #[serde(skip)]
    pub person: Option<PersonId>,
}

fn of_entry(row: &Row, origin: Origin) -> Result<CasePhoto, StoreError> {
    Ok(CasePhoto {
        sha256: row.parse("sha256")?,
        origin,
        role: row.get("role")?,
        size: row.get("size")?,
        width: row.get("width")?,
        height: row.get("height")?,
        held: row.get::<Option<i64>>("received")?.is_some(),
        stream: Some(row.parse("stream")?),
        person: None,
    })
}

/// The photos that an entry names, in its order.
pub fn named_by(tx: &mut Tx<'_>, entry: EntryId, origin: Origin) -> Result<Vec<CasePhoto>, StoreError> {
    tx.all(
        "SELECT e.sha256, e.role, e.size, e.width, e.height, e.stream, p.received
         FROM entry_photo e LEFT JOIN photo p ON p.stream = e.stream AND p.sha256 = e.sha256
         WHERE e.entry = ?1 ORDER BY e.position",
        params![entry.to_string()],
        |row| of_entry(row, origin),
    )
}

/// How many photos an entry names, and how many of them the server holds.
pub fn counts(tx: &mut Tx<'_>, entry: EntryId) -> Result<(u32, u32), StoreError> {
    tx.one(
        "SELECT COUNT(*) AS named, COUNT(p.received) AS held
         FROM entry_photo e LEFT JOIN photo p ON p.stream = e.stream AND p.sha256 = e.sha256
         WHERE e.entry = ?1",
        params![entry.to_string()],
        |row| Ok((row.get("named")?, row.get("held")?)),
    )
}

/// Whether this person uploaded the attachment.
pub fn is_uploaded_by(tx: &mut Tx<'_>, sha256: Sha256, person: PersonId) -> Result<bool, StoreError> {
    let found = tx.opt(
        "SELECT size FROM attachment WHERE sha256 = ?1 AND person = ?2",
        params![sha256.to_string(), person.to_string()],
        |_| Ok(()),
    )?;
    Ok(found.is_some())
}

/// All photos of a case: report, answers, staff, each once.
pub fn all(tx: &mut Tx<'_>, file: &CaseFile, events: &[Event]) -> Result<Vec<CasePhoto>, StoreError> {
    let mut photos = Vec::new();
    if let Some(entry) = file.entry {
        photos.extend(named_by(tx, entry, Origin::Report)?);
    }
    for entry in answers(tx, file.id)? {
        photos.extend(named_by(tx, entry, Origin::Answer)?);
    }
    for event in events {
        let Some(person) = event.actor.person.filter(|_| event.actor.post.is_none()) else {
            continue;
        };
        for sha256 in &event.attachments {
            photos.extend(attached(tx, *sha256, person)?);
        }
    }
    let mut seen = BTreeSet::new();
    photos.retain(|p| seen.insert((p.sha256, p.stream)));
    Ok(photos)
}

fn answers(tx: &mut Tx<'_>, case: CaseId) -> Result<Vec<EntryId>, StoreError> {
    tx.all(
        "SELECT answer_entry FROM task WHERE case_id = ?1 AND drives AND answer_entry IS NOT NULL ORDER BY issued, id",
        params![case.to_string()],
        |row| row.parse("answer_entry"),
    )
}

fn attached(tx: &mut Tx<'_>, sha256: Sha256, person: PersonId) -> Result<Option<CasePhoto>, StoreError> {
    tx.opt(
        "SELECT size, width, height FROM attachment WHERE sha256 = ?1 AND person = ?2",
        params![sha256.to_string(), person.to_string()],
        |row| {
            Ok(CasePhoto {
                sha256,
                origin: Origin::Staff,
                role: "after".to_owned(),
                size: row.get("size")?,
                width: row.get("width")?,
                height: row.get("height")?,
                held: true,
                stream: None,
                person: Some(person),
            })
        },
    )
}

/// The photo that a check (核查) is compared with: the first scene photo that is there, else the last one that
/// the department attached. The stream says in whose store it lies; none: with the attachments.
pub fn to_compare(
    tx: &mut Tx<'_>,
    file: &CaseFile,
) -> Result<Option<(Option<StreamId>, Sha256)>, StoreError> {
    if let Some(entry) = file.entry {
        let scene = named_by(tx, entry, Origin::Report)?
            .into_iter()
            .find(|p| p.held && p.role == role_text(&PhotoRole::Scene));
        if let Some(photo) = scene {
            return Ok(Some((photo.stream, photo.sha256)));
        }
    }
    let events = super::ledger::load(tx, file.id)?;
    let last = events.iter().rev().find_map(|sealed| {
        let event: Event = serde_json::from_str(&sealed.body).ok()?;
        event
            .attachments
            .last()
            .copied()
            .filter(|_| event.actor.post.is_none())
    });
    Ok(last.map(|sha256| (None, sha256)))
}

/// A role as it stands in the database.
pub fn role_text(role: &PhotoRole) -> String {
    match role {
        PhotoRole::Scene => "scene".to_owned(),
        PhotoRole::Before => "before".to_owned(),
        PhotoRole::After => "after".to_owned(),
        PhotoRole::Activity => "activity".to_owned(),
        PhotoRole::Other(text) => text.clone(),
    }
}

/// The answer with a photo's bytes. They never change, so a browser may keep them; a proxy may not (DC-05).
pub async fn answer(app: &App, photo: &CasePhoto, asked: &HeaderMap) -> Result<Response, Failure> {
    let name = match photo.stream {
        Some(stream) => Blobs::photo(stream, photo.sha256),
        None => Blobs::attachment(photo.sha256),
    };
    let bytes = app.blobs.get(&name).await?;
    let kind = range::picture_type(&bytes);
    let mut response = range::respond(asked, bytes, photo.sha256, kind);
    response.headers_mut().insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("private, max-age=31536000, immutable"),
    );
    Ok(response)
}
