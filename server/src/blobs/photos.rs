//! Photos that a terminal may fetch: its own stream's, and those it is asked to compare with.

use super::{Blobs, range};
use crate::{
    app::App,
    failure::Failure,
    http::{actor::Field, body::Path},
    params,
};
use axum::{extract::State, http::HeaderMap, response::Response};
use protocol::{
    ids::StreamId,
    photo::Sha256,
    problem::{Problem, ProblemCode},
};

/// A photo of the own stream, or the one to compare with of a task of the post or the person. Any other is
/// not found, whoever knows its hash.
#[utoipa::path(
    get, path = "/v1/field/photos/by-hash/{sha256}", tag = "field",
    params(("sha256" = Sha256, Path)),
    responses(
        (status = 200, content_type = "image/jpeg", body = String, description = "Also 206 for a `Range`"),
        (status = 404, body = Problem),
    )
)]
pub(super) async fn by_hash(
    State(app): State<App>,
    field: Field,
    Path(sha256): Path<Sha256>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let owner: Option<StreamId> = app
        .read(move |tx| {
            let hash = sha256.to_string();
            let own: i64 = tx.one(
                "SELECT COUNT(*) AS n FROM photo WHERE stream = ?1 AND sha256 = ?2 AND received IS NOT NULL",
                params![field.stream.to_string(), &hash],
                |row| row.get("n"),
            )?;
            if own > 0 {
                return Ok(Some(field.stream));
            }
            let compared = tx.opt(
                "SELECT t.compare_stream FROM task t
                 JOIN photo p ON p.stream = t.compare_stream AND p.sha256 = t.compare
                 WHERE t.compare = ?1 AND (t.post = ?2 OR t.holder = ?3) AND p.received IS NOT NULL
                 ORDER BY t.issued DESC, t.id LIMIT 1",
                params![&hash, field.post.to_string(), field.person.to_string()],
                |row| row.parse("compare_stream"),
            )?;
            Ok(compared)
        })
        .await?;
    let owner = owner.ok_or_else(|| Failure::of(ProblemCode::NotFound))?;
    let bytes = app.blobs.get(&Blobs::photo(owner, sha256)).await?;
    let kind = range::picture_type(&bytes);
    Ok(range::respond(&headers, bytes, sha256, kind))
}
