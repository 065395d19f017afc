//! Pictures that staff attach to an action, such as a photo of the place after handling.

use super::{
    alike,
    checks::{limits, not_a_photo},
    shown::{self, ShownPicture},
};
use crate::{
    app::{object_name::ObjectName, state::App},
    auth::actor::Staff,
    http::body::Json,
    kernel::failure::Failure,
    params,
    store::{error::StoreError, tx::Tx, value::Row},
};
use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, header},
};
use bytes::Bytes;
use protocol::{
    ids::PersonId,
    photo::Sha256,
    problem::{Problem, ProblemCode},
    time::Millis,
};
use serde::{Deserialize, Serialize};

/// A stored picture. An action refers to it by its hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Attached {
    /// Hash of the bytes as they were sent, which are kept.
    pub sha256: Sha256,
    pub size: u64,
    /// Width as a viewer shows the picture.
    pub width: u32,
    pub height: u32,
    /// What is served of it: upright and without metadata. Absent for one of an older server until somebody looks at it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shown: Option<ShownPicture>,
}

impl Attached {
    /// Reads a row of the table `attachment`.
    pub(super) fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            sha256: row.parse("sha256")?,
            size: row.get("size")?,
            width: row.get("width")?,
            height: row.get("height")?,
            shown: ShownPicture::read(row)?,
        })
    }
}

/// Stores a picture. The same bytes sent again give the same attachment.
#[utoipa::path(
    post, path = "/v1/attachments", tag = "attachments",
    request_body(content = String, content_type = "image/jpeg", description = "A JPEG or PNG"),
    responses(
        (status = 200, body = Attached),
        (status = 413, body = Problem, description = "`photo.size`"),
        (status = 415, body = Problem),
        (status = 422, body = Problem, description = "`photo.empty`, `photo.not_an_image`, `photo.cut_off` …"),
    )
)]
pub(super) async fn attach(
    State(app): State<App>,
    staff: Staff,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Attached>, Failure> {
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    if !matches!(kind, Some("image/jpeg" | "image/png")) {
        return Err(Failure::of(ProblemCode::UnsupportedMedia));
    }
    let _room = app.blobs.receive(staff.person.0)?;
    let most = usize::try_from(app.settings.photo_bytes).unwrap_or(usize::MAX);
    let bytes: Bytes = axum::body::to_bytes(body, most)
        .await
        .map_err(|_| Failure::of(ProblemCode::PhotoSize))?;
    Ok(Json(keep(&app, staff.person, bytes).await?))
}

/// Checks and stores a picture, and records that the person attached it.
async fn keep(app: &App, person: PersonId, bytes: Bytes) -> Result<Attached, Failure> {
    let (limits, inspected) = (limits(app), bytes.clone());
    // Outside the async threads: a JPEG without an end marker is decoded.
    let info = tokio::task::spawn_blocking(move || media::inspect(&inspected, &limits))
        .await
        .map_err(Failure::internal)?
        .map_err(|e| not_a_photo(&e))?;
    let (width, height) = info.upright_size();
    let shown = {
        let _room = app.blobs.assembling().await?;
        shown::make(app, bytes.clone()).await?
    };
    let attached = Attached {
        sha256: Sha256::of(&bytes),
        size: bytes.len() as u64,
        width,
        height,
        shown: Some(shown),
    };
    let name = ObjectName::Attachment {
        sha256: attached.sha256,
    };
    app.blobs.put_durable(&name, bytes).await?;
    let row = attached.clone();
    app.write(move |tx, ctx| Ok(insert(tx, person, &row, ctx.now)?))
        .await?;
    Ok(attached)
}

/// Records that a person attached a picture; of an existing row it only sets what is shown. The object must have been stored before.
pub(super) fn insert(
    tx: &mut Tx<'_>,
    person: PersonId,
    attached: &Attached,
    now: Millis,
) -> Result<(), StoreError> {
    let shown = attached.shown.as_ref();
    if let Some(print) = shown.and_then(|shown| shown.print) {
        alike::insert(tx, attached.sha256, print)?;
    }
    tx.run(
        "INSERT INTO attachment (sha256, person, size, width, height, created,
                                 shown_sha256, shown_size, shown_width, shown_height)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
         ON CONFLICT (sha256, person) DO UPDATE SET
             shown_sha256 = COALESCE(attachment.shown_sha256, excluded.shown_sha256),
             shown_size = COALESCE(attachment.shown_size, excluded.shown_size),
             shown_width = COALESCE(attachment.shown_width, excluded.shown_width),
             shown_height = COALESCE(attachment.shown_height, excluded.shown_height)",
        params![
            attached.sha256.to_string(),
            person.to_string(),
            i64::try_from(attached.size).unwrap_or(i64::MAX),
            attached.width,
            attached.height,
            now.0,
            shown.map(|shown| shown.sha256.to_string()),
            shown.map(|shown| i64::try_from(shown.size).unwrap_or(i64::MAX)),
            shown.map(|shown| shown.width),
            shown.map(|shown| shown.height)
        ],
    )?;
    Ok(())
}
