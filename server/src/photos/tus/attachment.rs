//! Attachments by tus: any client of the protocol, signed in as staff, over any line. What is promised is the same as
//! for a handset's photo: what arrived is kept, and the answer to the last byte says what is held.

use super::{
    attachment_row::AttachmentUpload as Upload,
    expiry::{AT_ONCE, REMEMBERED_MS, discard_all},
    receive::{arrived, discard_uncounted, put},
    upload::{Upload as PhotoUpload, expiry},
    wire::{self, Checksum, answer, empty, text},
};
use crate::{
    app::state::App,
    auth::actor::Staff,
    http::body::Path,
    kernel::failure::Failure,
    photos::attachments::{self, Attached},
};
use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderName, StatusCode, header},
    response::Response,
};
use bytes::BytesMut;
use protocol::{
    ids::{PersonId, UploadId},
    photo::Sha256,
    problem::{Problem, ProblemCode},
};

/// Carries an [`Attached`] as JSON once all bytes are held.
const ATTACHMENT: HeaderName = HeaderName::from_static("xunge-attachment");
const ROUTE: &str = "/v1/attachments/uploads";

/// What this server speaks.
#[utoipa::path(
    options, path = "/v1/attachments/uploads", tag = "attachments",
    responses((status = 204, description = "`Tus-Version`, `Tus-Extension`, `Tus-Max-Size`, `Tus-Checksum-Algorithm`"))
)]
pub(in crate::photos) async fn speak(State(app): State<App>) -> Response {
    wire::spoken(app.settings.photo_bytes)
}

/// Begins the upload of an attachment by tus 1.0.0; a body is taken as its first bytes.
///
/// `Upload-Metadata` may hold `sha256`: then only those bytes are taken.
#[utoipa::path(
    post, path = "/v1/attachments/uploads", tag = "attachments",
    params(
        ("tus-resumable" = String, Header), ("upload-length" = u64, Header),
        ("upload-metadata" = Option<String>, Header), ("upload-checksum" = Option<String>, Header),
    ),
    responses(
        (status = 201, description = "`Location`, `Upload-Offset`, `Upload-Expires` or `xunge-attachment`"),
        (status = 400, body = Problem), (status = 412, body = Problem),
        (status = 413, body = Problem, description = "`photo.size`"),
        (status = 422, body = Problem, description = "`photo.empty`, `photo.not_an_image`, `photo.hash_mismatch` …"),
        (status = 460, body = Problem, description = "`upload.checksum`"),
    )
)]
pub(in crate::photos) async fn begin(
    State(app): State<App>,
    staff: Staff,
    headers: HeaderMap,
    body: Body,
) -> Response {
    answer(create(&app, staff.person, &headers, body).await)
}

/// Where an upload stands.
#[utoipa::path(
    head, path = "/v1/attachments/uploads/{upload}", tag = "attachments",
    params(("upload" = inline(UploadId), Path), ("tus-resumable" = String, Header)),
    responses(
        (status = 200, description = "`Upload-Offset`, `Upload-Length`; `xunge-attachment` when finished"),
        (status = 404), (status = 410), (status = 412), (status = 422),
    )
)]
pub(in crate::photos) async fn look(
    State(app): State<App>,
    staff: Staff,
    Path(upload): Path<UploadId>,
    headers: HeaderMap,
) -> Response {
    answer(stand(&app, staff.person, upload, &headers).await)
}

/// Goes on with an upload. What arrived of a body that was cut off is kept.
#[utoipa::path(
    patch, path = "/v1/attachments/uploads/{upload}", tag = "attachments",
    params(
        ("upload" = inline(UploadId), Path), ("tus-resumable" = String, Header), ("upload-offset" = u64, Header),
        ("upload-checksum" = Option<String>, Header),
    ),
    request_body(content = String, content_type = "application/offset+octet-stream"),
    responses(
        (status = 204, description = "`Upload-Offset`, `Upload-Expires`; `xunge-attachment` with the last byte"),
        (status = 400, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem, description = "`upload.offset`"),
        (status = 410, body = Problem, description = "`upload.gone`"),
        (status = 412, body = Problem), (status = 413, body = Problem), (status = 415, body = Problem),
        (status = 422, body = Problem, description = "`photo.hash_mismatch`, `photo.not_an_image` …"),
        (status = 460, body = Problem, description = "`upload.checksum`"),
    )
)]
pub(in crate::photos) async fn go_on(
    State(app): State<App>,
    staff: Staff,
    Path(upload): Path<UploadId>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    answer(append(&app, staff.person, upload, &headers, body).await)
}

/// Gives an upload up. An attachment that is held stays.
#[utoipa::path(
    delete, path = "/v1/attachments/uploads/{upload}", tag = "attachments",
    params(("upload" = inline(UploadId), Path), ("tus-resumable" = String, Header)),
    responses((status = 204), (status = 404, body = Problem), (status = 410, body = Problem), (status = 412, body = Problem))
)]
pub(in crate::photos) async fn give_up(
    State(app): State<App>,
    staff: Staff,
    Path(upload): Path<UploadId>,
    headers: HeaderMap,
) -> Response {
    answer(terminate(&app, staff.person, upload, &headers).await)
}

/// PATCH, DELETE or HEAD for clients behind something that lets only POST through (`X-HTTP-Method-Override`).
#[utoipa::path(
    post, path = "/v1/attachments/uploads/{upload}", tag = "attachments",
    params(
        ("upload" = inline(UploadId), Path), ("tus-resumable" = String, Header), ("x-http-method-override" = String, Header),
    ),
    responses(
        (status = 200), (status = 204), (status = 400), (status = 405), (status = 410), (status = 412), (status = 413),
        (status = 415), (status = 460),
    )
)]
pub(in crate::photos) async fn instead(
    State(app): State<App>,
    staff: Staff,
    Path(upload): Path<UploadId>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let person = staff.person;
    answer(match text(&headers, &wire::METHOD_OVERRIDE) {
        Some("PATCH") => append(&app, person, upload, &headers, body).await,
        Some("DELETE") => terminate(&app, person, upload, &headers).await,
        Some("HEAD") => stand(&app, person, upload, &headers).await,
        _ => Err(Failure::of(ProblemCode::MethodNotAllowed)),
    })
}

async fn create(app: &App, person: PersonId, headers: &HeaderMap, body: Body) -> Result<Response, Failure> {
    wire::check_version(headers)?;
    if headers.contains_key(wire::UPLOAD_DEFER_LENGTH) {
        return Err(wire::malformed("upload-defer-length: say how long it is"));
    }
    let length = wire::number(headers, &wire::UPLOAD_LENGTH)?
        .ok_or_else(|| wire::malformed("upload-length is missing"))?;
    if length > app.settings.photo_bytes {
        let detail = format!("{length} bytes, at most {}", app.settings.photo_bytes);
        return Err(Failure::because(ProblemCode::PhotoSize, detail));
    }
    if length == 0 {
        return Err(Failure::of(ProblemCode::PhotoEmpty));
    }
    let metadata = text(headers, &wire::UPLOAD_METADATA)
        .unwrap_or_default()
        .to_owned();
    let sha256 = if metadata.is_empty() {
        None
    } else {
        wire::hash_in(&metadata)?
    };
    let checksum = Checksum::of(headers)?;
    let hours = app.settings.upload_hours;
    let (upload, given_up) = app
        .write(move |tx, ctx| {
            let upload = Upload {
                id: ctx.upload_id(),
                person,
                sha256,
                length,
                arrived: 0,
                metadata: metadata.clone(),
                expires: expiry(ctx.now, hours),
                finished: None,
            };
            let given_up = Upload::give_up_oldest(tx, person)?;
            upload.insert(tx)?;
            Ok((upload, given_up))
        })
        .await?;
    for id in given_up {
        app.blobs.remove_all(&PhotoUpload::folder(id)).await?;
    }
    let id = upload.id;
    let taken = if wire::is_chunk(headers) {
        take(app, upload, checksum, body).await
    } else {
        Ok((upload, None))
    };
    match taken {
        Ok((upload, held)) => {
            let location = (header::LOCATION, format!("{ROUTE}/{id}"));
            let headers = standing(&upload, held.as_ref()).chain([location]);
            Ok(empty(StatusCode::CREATED, headers))
        }
        Err(failure) => {
            // Nobody learns of an upload whose first bytes were refused.
            remove(app, id).await?;
            Err(failure)
        }
    }
}

async fn stand(app: &App, person: PersonId, id: UploadId, headers: &HeaderMap) -> Result<Response, Failure> {
    wire::check_version(headers)?;
    let mut upload = load(app, person, id).await?;
    let mut held = None;
    if upload.arrived == upload.length {
        // Also when the server died between the last byte and its answer.
        match finish(app, &upload).await {
            Ok(attached) => held = Some(attached),
            Err(failure) if failure.code() == Some(ProblemCode::PhotoHash) => {
                upload = load(app, person, id).await?;
            }
            Err(failure) => return Err(failure),
        }
    }
    let about = [
        (wire::UPLOAD_LENGTH, upload.length.to_string()),
        (wire::UPLOAD_METADATA, upload.metadata.clone()),
        (header::CACHE_CONTROL, "no-store".to_owned()),
    ];
    let about = about.into_iter().filter(|(_, value)| !value.is_empty());
    Ok(empty(
        StatusCode::OK,
        standing(&upload, held.as_ref()).chain(about),
    ))
}

async fn append(
    app: &App,
    person: PersonId,
    id: UploadId,
    headers: &HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    wire::check_version(headers)?;
    if !wire::is_chunk(headers) {
        return Err(Failure::of(ProblemCode::UnsupportedMedia));
    }
    let offset = wire::number(headers, &wire::UPLOAD_OFFSET)?
        .ok_or_else(|| wire::malformed("upload-offset is missing"))?;
    let checksum = Checksum::of(headers)?;
    let upload = load(app, person, id).await?;
    if offset != upload.arrived {
        let detail = format!("the upload stands at {}", upload.arrived);
        return Err(Failure::because(ProblemCode::UploadOffset, detail));
    }
    let (upload, held) = take(app, upload, checksum, body).await?;
    Ok(empty(StatusCode::NO_CONTENT, standing(&upload, held.as_ref())))
}

async fn terminate(
    app: &App,
    person: PersonId,
    id: UploadId,
    headers: &HeaderMap,
) -> Result<Response, Failure> {
    wire::check_version(headers)?;
    load(app, person, id).await?;
    remove(app, id).await?;
    Ok(empty(StatusCode::NO_CONTENT, []))
}

async fn load(app: &App, person: PersonId, id: UploadId) -> Result<Upload, Failure> {
    let now = app.clock.now();
    app.read(move |tx| Upload::load(tx, person, id, now)).await
}

async fn remove(app: &App, id: UploadId) -> Result<(), Failure> {
    app.write(move |tx, _| Ok(Upload::remove(tx, id)?)).await?;
    app.blobs.remove_all(&PhotoUpload::folder(id)).await
}

/// Takes a body that begins where the upload stands, on a task of its own: when the client goes away the server drops
/// the request, and with it what had arrived.
async fn take(
    app: &App,
    upload: Upload,
    checksum: Option<Checksum>,
    body: Body,
) -> Result<(Upload, Option<Attached>), Failure> {
    let room = app.blobs.receive(upload.person.0)?;
    let inner = app.clone();
    let task = tokio::spawn(async move {
        let _room = room;
        store(&inner, upload, checksum, body).await
    });
    let upload = task.await.map_err(Failure::internal)??;
    let held = if upload.arrived == upload.length {
        Some(finish(app, &upload).await?)
    } else {
        None
    };
    Ok((upload, held))
}

async fn store(app: &App, upload: Upload, checksum: Option<Checksum>, body: Body) -> Result<Upload, Failure> {
    let (id, person, hours) = (upload.id, upload.person, app.settings.upload_hours);
    let room = upload.length.saturating_sub(upload.arrived);
    let bytes = arrived(body, room, checksum.as_ref()).await?;
    if bytes.is_empty() {
        return Ok(upload);
    }
    let part = put(app, &PhotoUpload::folder(id), upload.arrived, bytes).await?;
    let object = part.object.clone();
    let appended = app
        .write(move |tx, ctx| Upload::append(tx, ctx, person, id, &part, hours))
        .await;
    discard_uncounted(app, &object, &appended).await;
    appended
}

/// Parts become an attachment, again and again until it is done; bytes that are none end the upload.
async fn finish(app: &App, upload: &Upload) -> Result<Attached, Failure> {
    let (id, person) = (upload.id, upload.person);
    if let (Some(_), Some(sha256)) = (upload.finished, upload.sha256) {
        let held = app
            .read(move |tx| Ok(attachments::held(tx, person, sha256)?))
            .await?;
        return held
            .ok_or_else(|| Failure::internal("an upload is finished and its attachment is not there"));
    }
    let parts = app.read(move |tx| Ok(Upload::parts(tx, id)?)).await?;
    let mut bytes = BytesMut::new();
    for object in &parts {
        bytes.extend_from_slice(&app.blobs.get(object).await?);
    }
    let bytes = bytes.freeze();
    let named = upload.sha256.is_none_or(|sha256| Sha256::of(&bytes) == sha256);
    if !named || bytes.len() as u64 != upload.length {
        app.write(move |tx, _| Ok(Upload::start_again(tx, id)?)).await?;
        app.blobs.remove_all(&PhotoUpload::folder(id)).await?;
        return Err(Failure::of(ProblemCode::PhotoHash));
    }
    let attached = match attachments::keep(app, person, bytes).await {
        Ok(attached) => attached,
        Err(failure) if failure.public_code().status() == 422 => {
            remove(app, id).await?;
            return Err(failure);
        }
        Err(failure) => return Err(failure),
    };
    let sha256 = attached.sha256;
    app.write(move |tx, ctx| Ok(Upload::finish(tx, id, sha256, ctx.now)?))
        .await?;
    app.blobs.remove_all(&PhotoUpload::folder(id)).await?;
    Ok(attached)
}

/// Offset, and either until when the upload waits or what arrived.
fn standing(upload: &Upload, held: Option<&Attached>) -> impl Iterator<Item = (HeaderName, String)> + use<> {
    let ends = match held.map(serde_json::to_string) {
        Some(attached) => (ATTACHMENT, attached.unwrap_or_default()),
        None => (wire::UPLOAD_EXPIRES, wire::http_date(upload.expires)),
    };
    [(wire::UPLOAD_OFFSET, upload.arrived.to_string()), ends].into_iter()
}

/// Drops the parts of expired uploads, and the rows of old ones some days later.
pub(super) async fn sweep(app: &App) -> Result<usize, Failure> {
    let now = app.clock.now();
    let expired = app.read(move |tx| Ok(Upload::expired(tx, now, AT_ONCE)?)).await?;
    for id in expired.iter().copied() {
        let dropped = app
            .write(move |tx, _| Ok(Upload::drop_expired(tx, id, now)?))
            .await?;
        discard_all(app, &dropped).await;
    }
    let over = app
        .read(move |tx| Ok(Upload::over(tx, now.plus(-REMEMBERED_MS), AT_ONCE)?))
        .await?;
    for id in over.iter().copied() {
        remove(app, id).await?;
    }
    Ok(expired.len() + over.len())
}
