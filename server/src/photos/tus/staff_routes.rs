//! The routes of tus for staff. Their doc comments are the texts of the API description.

use super::{handlers, owner::Owner, wire};
use crate::{app::state::App, auth::actor::Staff, http::body::Path};
use axum::{body::Body, extract::State, http::HeaderMap, response::Response};
use protocol::{ids::UploadId, problem::Problem};

/// Supported versions and extensions of the tus protocol.
#[utoipa::path(
    options, path = "/v1/attachments/uploads", tag = "attachments",
    responses((status = 204, description = "`Tus-Version`, `Tus-Extension`, `Tus-Max-Size`, `Tus-Checksum-Algorithm`"))
)]
pub(in crate::photos) async fn options(State(app): State<App>) -> Response {
    wire::options(app.settings.photo_bytes)
}

/// Creates a tus 1.0.0 upload of an attachment. A request body is stored as its first bytes.
///
/// `Upload-Metadata` may contain `sha256`; then only bytes with this hash are accepted.
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
pub(in crate::photos) async fn create(
    State(app): State<App>,
    staff: Staff,
    headers: HeaderMap,
    body: Body,
) -> Response {
    wire::answer(handlers::create(&app, Owner::Person(staff.person), &headers, None, body).await)
}

/// Returns the offset of an upload.
#[utoipa::path(
    head, path = "/v1/attachments/uploads/{upload}", tag = "attachments",
    params(("upload" = inline(UploadId), Path), ("tus-resumable" = String, Header)),
    responses(
        (status = 200, description = "`Upload-Offset`, `Upload-Length`; `xunge-attachment` when finished"),
        (status = 404), (status = 410), (status = 412), (status = 422),
    )
)]
pub(in crate::photos) async fn head(
    State(app): State<App>,
    staff: Staff,
    Path(upload): Path<UploadId>,
    headers: HeaderMap,
) -> Response {
    wire::answer(handlers::current_offset(&app, Owner::Person(staff.person), upload, &headers, None).await)
}

/// Appends bytes to an upload. If the request body is cut off, the bytes that arrived are kept.
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
pub(in crate::photos) async fn patch(
    State(app): State<App>,
    staff: Staff,
    Path(upload): Path<UploadId>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    wire::answer(handlers::patch(&app, Owner::Person(staff.person), upload, &headers, None, body).await)
}

/// Terminates an upload. An attachment that is already stored is kept.
#[utoipa::path(
    delete, path = "/v1/attachments/uploads/{upload}", tag = "attachments",
    params(("upload" = inline(UploadId), Path), ("tus-resumable" = String, Header)),
    responses((status = 204), (status = 404, body = Problem), (status = 410, body = Problem), (status = 412, body = Problem))
)]
pub(in crate::photos) async fn terminate(
    State(app): State<App>,
    staff: Staff,
    Path(upload): Path<UploadId>,
    headers: HeaderMap,
) -> Response {
    wire::answer(handlers::terminate(&app, Owner::Person(staff.person), upload, &headers).await)
}

/// PATCH, DELETE or HEAD for clients behind a proxy that allows only POST (`X-HTTP-Method-Override`).
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
pub(in crate::photos) async fn overridden(
    State(app): State<App>,
    staff: Staff,
    Path(upload): Path<UploadId>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    wire::answer(handlers::overridden(&app, Owner::Person(staff.person), upload, &headers, body).await)
}
