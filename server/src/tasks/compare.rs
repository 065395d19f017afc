//! Photos that a terminal may fetch: those of its own stream, and those that its tasks ask to compare with.

use crate::{
    app::{object_name::ObjectName, state::App},
    auth::actor::FieldStream,
    http::{body::Path, range},
    kernel::failure::Failure,
    params,
    people::posts,
    store::{error::StoreError, tx::Tx},
};
use axum::{extract::State, http::HeaderMap, response::Response};
use protocol::{
    ids::StreamId,
    photo::Sha256,
    problem::{Problem, ProblemCode},
    time::Millis,
};

/// A photo of the caller's stream, or the comparison photo of a task that is addressed to the person or to a post
/// that the person holds. Any other photo is not found, even if its hash is known.
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
    field: FieldStream,
    Path(sha256): Path<Sha256>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let now = app.clock.now();
    let names = app
        .read(move |tx| Ok(within_reach(tx, &field, sha256, now)?))
        .await?;
    for name in names {
        match app.blobs.get(&name).await {
            Ok(bytes) => {
                let kind = range::picture_type(&bytes);
                return Ok(range::respond(&headers, &bytes, sha256, kind));
            }
            // The photo is named by an entry but was not uploaded yet.
            Err(failure) if failure.code() == Some(ProblemCode::NotFound) => {}
            Err(failure) => return Err(failure),
        }
    }
    Err(Failure::of(ProblemCode::NotFound))
}

/// The names of the objects with this hash that the terminal may read.
fn within_reach(
    tx: &mut Tx<'_>,
    field: &FieldStream,
    sha256: Sha256,
    now: Millis,
) -> Result<Vec<ObjectName>, StoreError> {
    let hash = sha256.to_string();
    let own: i64 = tx.one(
        "SELECT COUNT(*) AS n FROM photo WHERE stream = ?1 AND sha256 = ?2 AND received IS NOT NULL",
        params![field.stream.to_string(), &hash],
        |row| row.get("n"),
    )?;
    if own > 0 {
        return Ok(vec![ObjectName::Photo {
            stream: field.stream,
            sha256,
        }]);
    }
    let holds = posts::holds(tx, field.post, field.person, now)?;
    tx.all(
        "SELECT DISTINCT compare_stream FROM task WHERE compare = ?1 AND ((post = ?2 AND ?4) OR holder = ?3)
         ORDER BY compare_stream",
        params![&hash, field.post.to_string(), field.person.to_string(), holds],
        |row| {
            let stream: Option<StreamId> = row.parse_opt("compare_stream")?;
            // A task without `compare_stream` names an attachment of staff.
            Ok(
                stream.map_or(ObjectName::Attachment { sha256 }, |stream| ObjectName::Photo {
                    stream,
                    sha256,
                }),
            )
        },
    )
}
