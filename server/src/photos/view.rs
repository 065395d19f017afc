//! Photos for staff: those that an entry names, and those that staff attached.

use super::{
    doubts::{self, PhotoDoubt},
    shown::{self, ShownPicture},
};
use crate::{
    app::{audit, object_name::ObjectName, state::App},
    auth::actor::Staff,
    http::range,
    kernel::failure::Failure,
    params,
    store::{error::StoreError, tx::Tx, value::Row},
};
use axum::{
    http::{HeaderMap, HeaderValue, header},
    response::Response,
};
use bytes::Bytes;
use protocol::{
    ids::{EntryId, PersonId, StreamId},
    photo::{PhotoRole, Sha256},
};
use serde::{Deserialize, Serialize};

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
    /// True if the server holds the photo and has confirmed its hash.
    pub held: bool,
    /// Doubts about it; not shown to departments.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub doubts: Vec<PhotoDoubt>,
    /// Hash of the picture that is served, if it is not the photo itself: an attachment is shown upright and without
    /// metadata, and `sha256` names it as it was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shown: Option<Sha256>,
    /// Whose store holds it; absent: staff.
    #[serde(skip)]
    pub stream: Option<StreamId>,
    /// Who attached it, among staff.
    #[serde(skip)]
    pub person: Option<PersonId>,
}

impl CasePhoto {
    /// Returns true if the photo, or what is served of it, has this hash.
    pub fn is_named(&self, sha256: Sha256) -> bool {
        self.sha256 == sha256 || self.shown == Some(sha256)
    }
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
        doubts: Vec::new(),
        shown: None,
        stream: Some(row.parse("stream")?),
        person: None,
    })
}

/// Returns the photos that an entry names, in its order, with the doubts about each.
pub fn named_by(tx: &mut Tx<'_>, entry: EntryId, origin: Origin) -> Result<Vec<CasePhoto>, StoreError> {
    let mut photos = tx.all(
        "SELECT e.position, e.sha256, e.role, e.size, e.width, e.height, e.stream, p.received
         FROM entry_photo e LEFT JOIN photo p ON p.stream = e.stream AND p.sha256 = e.sha256
         WHERE e.entry = ?1 ORDER BY e.position",
        params![entry.to_string()],
        |row| Ok((row.get::<i64>("position")?, of_entry(row, origin)?)),
    )?;
    for (position, doubt) in doubts::of_entry(tx, entry)? {
        if let Some((_, photo)) = photos.iter_mut().find(|(at, _)| *at == position) {
            photo.doubts.push(doubt);
        }
    }
    Ok(photos.into_iter().map(|(_, photo)| photo).collect())
}

/// Returns how many photos an entry names, and how many of them the server holds.
pub fn counts(tx: &mut Tx<'_>, entry: EntryId) -> Result<(u32, u32), StoreError> {
    tx.one(
        "SELECT COUNT(*) AS named, COUNT(p.received) AS held
         FROM entry_photo e LEFT JOIN photo p ON p.stream = e.stream AND p.sha256 = e.sha256
         WHERE e.entry = ?1",
        params![entry.to_string()],
        |row| Ok((row.get("named")?, row.get("held")?)),
    )
}

/// Returns whether this person uploaded the attachment.
pub fn is_uploaded_by(tx: &mut Tx<'_>, sha256: Sha256, person: PersonId) -> Result<bool, StoreError> {
    let found = tx.opt(
        "SELECT size FROM attachment WHERE sha256 = ?1 AND person = ?2",
        params![sha256.to_string(), person.to_string()],
        |_| Ok(()),
    )?;
    Ok(found.is_some())
}

/// Returns the attachment of this person, as a photo of staff.
pub(crate) fn attached(
    tx: &mut Tx<'_>,
    sha256: Sha256,
    person: PersonId,
) -> Result<Option<CasePhoto>, StoreError> {
    tx.opt(
        "SELECT size, width, height, shown_sha256, shown_size, shown_width, shown_height
         FROM attachment WHERE sha256 = ?1 AND person = ?2",
        params![sha256.to_string(), person.to_string()],
        |row| {
            let shown = ShownPicture::read(row)?;
            let (size, width, height) = match &shown {
                Some(shown) => (shown.size, shown.width, shown.height),
                None => (row.get("size")?, row.get("width")?, row.get("height")?),
            };
            Ok(CasePhoto {
                sha256,
                origin: Origin::Staff,
                role: "after".to_owned(),
                size,
                width,
                height,
                held: true,
                doubts: Vec::new(),
                shown: shown.map(|shown| shown.sha256),
                stream: None,
                person: Some(person),
            })
        },
    )
}

/// Returns a role as its text in the database.
pub fn role_text(role: &PhotoRole) -> String {
    match role {
        PhotoRole::Scene => "scene".to_owned(),
        PhotoRole::Before => "before".to_owned(),
        PhotoRole::After => "after".to_owned(),
        PhotoRole::Activity => "activity".to_owned(),
        PhotoRole::Other(text) => text.clone(),
    }
}

/// Answers with a photo's bytes. Nobody keeps them: a browser of a shared desk must not show them after a sign-out, and
/// each view is noted (DC-05).
///
/// `entity` is what the photo belongs to, such as `case:ID`.
pub async fn answer(
    app: &App,
    staff: &Staff,
    entity: String,
    photo: &CasePhoto,
    asked: &HeaderMap,
) -> Result<Response, Failure> {
    let (bytes, sha256) = served(app, photo).await?;
    respond(app, staff, entity, photo, asked, (&bytes, sha256)).await
}

/// As [`answer`], with a small picture for a list.
pub async fn answer_small(
    app: &App,
    staff: &Staff,
    entity: String,
    photo: &CasePhoto,
    asked: &HeaderMap,
) -> Result<Response, Failure> {
    let bytes = match photo.stream {
        Some(_) => shown::thumbnail(app, served(app, photo).await?.0).await?,
        None => {
            let sha256 = shown::of_attachment(app, photo.sha256).await?.sha256;
            app.blobs.get(&ObjectName::AttachmentThumbnail { sha256 }).await?
        }
    };
    let sha256 = Sha256::of(&bytes);
    respond(app, staff, entity, photo, asked, (&bytes, sha256)).await
}

/// The bytes that are served of a photo, and their hash.
async fn served(app: &App, photo: &CasePhoto) -> Result<(Bytes, Sha256), Failure> {
    let (name, sha256) = match photo.stream {
        Some(stream) => {
            let sha256 = photo.sha256;
            (ObjectName::Photo { stream, sha256 }, sha256)
        }
        None => {
            let sha256 = shown::of_attachment(app, photo.sha256).await?.sha256;
            (ObjectName::AttachmentView { sha256 }, sha256)
        }
    };
    Ok((app.blobs.get(&name).await?, sha256))
}

async fn respond(
    app: &App,
    staff: &Staff,
    entity: String,
    photo: &CasePhoto,
    asked: &HeaderMap,
    (bytes, sha256): (&Bytes, Sha256),
) -> Result<Response, Failure> {
    let kind = range::picture_type(bytes);
    let mut response = range::respond(asked, bytes, sha256, kind);
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if response.status().is_success() {
        let (person, sha256) = (staff.person, photo.sha256.to_string());
        app.write(move |tx, ctx| {
            Ok(audit::note(
                tx,
                ctx,
                Some(person),
                "photo.view",
                &entity,
                &sha256,
            )?)
        })
        .await?;
    }
    Ok(response)
}
