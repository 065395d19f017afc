//! Photos that a terminal may fetch: those of its own stream, and those that its tasks ask to compare with.

use crate::{
    app::{audit, object_name::ObjectName, state::App},
    auth::actor::FieldStream,
    http::{body::Path, range},
    kernel::failure::Failure,
    params,
    store::{error::StoreError, tx::Tx},
};
use axum::{extract::State, http::HeaderMap, response::Response};
use protocol::{
    ids::{CaseId, StreamId, TaskId},
    photo::Sha256,
    problem::{Problem, ProblemCode},
    time::Millis,
};

/// A photo of the caller's stream, or the comparison photo of a task of a post that the person holds. Each view of a
/// comparison photo is noted (DC-05). Any other photo is not found, even if its hash is known.
#[utoipa::path(
    get, path = "/v1/field/photos/by-hash/{sha256}", tag = "field",
    params(("sha256" = Sha256, Path)),
    responses(
        (status = 200, content_type = "image/jpeg", body = String),
        (status = 206, content_type = "image/jpeg", body = String),
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
    let reader = field.clone();
    let names = app
        .read(move |tx| Ok(within_reach(tx, &reader, sha256, now)?))
        .await?;
    for (name, shown_for) in names {
        match app.blobs.get(&name).await {
            Ok(bytes) => {
                if let Some(entity) = shown_for {
                    let (person, detail) = (field.person, sha256.to_string());
                    app.write(move |tx, ctx| {
                        let actor = Some(person);
                        Ok(audit::note(tx, ctx, actor, "photo.view", &entity, &detail)?)
                    })
                    .await?;
                }
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

/// The names of the objects with this hash that the terminal may read; for a photo of somebody else, with what it belongs
/// to, such as `case:ID`.
fn within_reach(
    tx: &mut Tx<'_>,
    field: &FieldStream,
    sha256: Sha256,
    now: Millis,
) -> Result<Vec<(ObjectName, Option<String>)>, StoreError> {
    let hash = sha256.to_string();
    let own: i64 = tx.one(
        "SELECT COUNT(*) AS n FROM photo WHERE stream = ?1 AND sha256 = ?2 AND received IS NOT NULL",
        params![field.stream.to_string(), &hash],
        |row| row.get("n"),
    )?;
    if own > 0 {
        let stream = field.stream;
        return Ok(vec![(ObjectName::Photo { stream, sha256 }, None)]);
    }
    // Who was relieved of the post reads nothing more, whether or not a task still names him.
    let named = tx.all(
        "SELECT id, case_id, compare_stream FROM task t WHERE compare = ?1 AND (post = ?2 OR holder = ?3)
           AND EXISTS (SELECT 1 FROM post_holder h WHERE h.post = t.post AND h.person = ?3
                       AND h.since <= ?4 AND (h.until IS NULL OR h.until > ?4))
         ORDER BY issued DESC, id",
        params![&hash, field.post.to_string(), field.person.to_string(), now.0],
        |row| {
            let stream: Option<StreamId> = row.parse_opt("compare_stream")?;
            // A task without `compare_stream` names what is shown of an attachment. One from before that was made names the
            // attachment itself, whose bytes its handset expects.
            let names = match stream {
                Some(stream) => vec![ObjectName::Photo { stream, sha256 }],
                None => vec![
                    ObjectName::AttachmentView { sha256 },
                    ObjectName::Attachment { sha256 },
                ],
            };
            let (task, case): (TaskId, Option<CaseId>) = (row.parse("id")?, row.parse_opt("case_id")?);
            let entity = case.map_or_else(|| format!("task:{task}"), |case| format!("case:{case}"));
            Ok(names
                .into_iter()
                .map(|name| (name, Some(entity.clone())))
                .collect::<Vec<_>>())
        },
    )?;
    Ok(named.into_iter().flatten().collect())
}
