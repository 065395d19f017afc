//! Entries that the server refused because their stream has another entry of the same number or id (finding field_06).
//!
//! Two phones use one key, or one was put back to an older copy of its storage. The handset gives such an entry another
//! number and sends it again, so most of them arrive after all. What does not is all that is left if that phone is lost:
//! its bytes are kept here until a reviewer has looked at them.

use super::{
    readers::{REVIEWERS, reach},
    review::Paging,
};
use crate::{
    app::{audit, ctx::Ctx, state::App},
    auth::actor::Staff,
    entries::reading::Reading,
    http::body::{Json, Path, Query},
    kernel::{
        failure::{Failure, invalid},
        page::{List, Page, Where},
    },
    params,
    store::tx::Tx,
};
use axum::extract::State;
use protocol::{
    area::Area,
    ids::{EntryId, PersonId, PostId, StreamId},
    photo::Sha256,
    problem::{Problem, ProblemCode},
    time::Millis,
};
use serde::{Deserialize, Serialize};

/// Open entries of one stream that are kept at most, and their bytes: a stolen handset must not fill the disk.
const MOST: i64 = 200;
const MOST_BYTES: i64 = 4 * 1024 * 1024;
/// Characters of a reviewer's words.
const MOST_WORDS: usize = 2000;

/// Keeps a refused entry, unless it is kept already or its stream has no room left.
pub(super) fn keep(
    tx: &mut Tx<'_>,
    ctx: &Ctx,
    stream: StreamId,
    (reading, bytes, sha256): (&Reading, &[u8], Sha256),
    code: ProblemCode,
) -> Result<(), Failure> {
    let (rows, size): (i64, i64) = tx.one(
        "SELECT COUNT(*) AS n, CAST(COALESCE(SUM(length(bytes)), 0) AS BIGINT) AS size FROM refused_entry
         WHERE stream = ?1 AND settled IS NULL",
        params![stream.to_string()],
        |row| Ok((row.get("n")?, row.get("size")?)),
    )?;
    let more = i64::try_from(bytes.len()).unwrap_or(i64::MAX);
    if rows >= MOST || size.saturating_add(more) > MOST_BYTES {
        return Ok(());
    }
    tx.run(
        "INSERT INTO refused_entry (stream, sha256, entry, n, code, bytes, received)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (stream, sha256) DO NOTHING",
        params![
            stream.to_string(),
            sha256.to_string(),
            reading.id.to_string(),
            i64::try_from(reading.n).unwrap_or(i64::MAX),
            code.as_str(),
            bytes,
            ctx.now.0
        ],
    )?;
    Ok(())
}

/// A refused entry whose content is nowhere else.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct RefusedItem {
    pub stream: StreamId,
    pub sha256: Sha256,
    pub entry: EntryId,
    pub n: u64,
    /// `entry.number_taken` or `entry.conflict`.
    pub code: String,
    /// Holder of the stream that sent the entry.
    pub author: PersonId,
    pub author_name: String,
    pub post: PostId,
    pub post_name: String,
    /// When it was sent first.
    pub received: Millis,
    /// The complete entry, as it was sent.
    #[schema(value_type = Object)]
    pub content: serde_json::Value,
}

/// Neither settled, nor arrived under another number meanwhile.
const OPEN: &str = "r.settled IS NULL AND NOT (r.code = 'entry.number_taken'
    AND EXISTS (SELECT 1 FROM entry e WHERE e.id = r.entry))";

/// Entries that were refused because their stream has another one of their number or id, and that did not arrive
/// otherwise: two phones use one key, or one was put back to an older copy. Of the posts in the caller's areas, oldest
/// first.
#[utoipa::path(
    get, path = "/v1/review/refused", tag = "review", params(Paging),
    responses((status = 200, body = Page<RefusedItem>), (status = 403, body = Problem))
)]
pub(super) async fn list(
    State(app): State<App>,
    staff: Staff,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<RefusedItem>>, Failure> {
    let list = List::new(paging.limit, paging.after.as_deref())?;
    let areas = staff.areas(REVIEWERS);
    app.read(move |tx| {
        let mut filter = Where::default();
        filter.and(OPEN);
        filter.within("o.area", &areas);
        let select = "SELECT r.stream, r.sha256, r.entry, r.n, r.code, r.received, length(r.bytes) AS size,
                        s.person, s.post, h.name AS author_name, p.name AS post_name
                 FROM refused_entry r JOIN stream s ON s.id = r.stream JOIN post p ON p.id = s.post
                 JOIN org o ON o.id = p.org JOIN person h ON h.id = s.person";
        let rows = list.rows(tx, (select, "r.received, r.stream, r.sha256"), &filter, |row| {
            let size: i64 = row.get("size")?;
            let item = RefusedItem {
                stream: row.parse("stream")?,
                sha256: row.parse("sha256")?,
                entry: row.parse("entry")?,
                n: row.get("n")?,
                code: row.get("code")?,
                author: row.parse("person")?,
                author_name: row.get("author_name")?,
                post: row.parse("post")?,
                post_name: row.get("post_name")?,
                received: Millis(row.get("received")?),
                content: serde_json::Value::Null,
            };
            Ok((item, usize::try_from(size).unwrap_or(0)))
        })?;
        let whole = |item: RefusedItem| {
            let bytes: Vec<u8> = tx.one(
                "SELECT bytes FROM refused_entry WHERE stream = ?1 AND sha256 = ?2",
                params![item.stream.to_string(), item.sha256.to_string()],
                |row| row.get("bytes"),
            )?;
            Ok(RefusedItem {
                content: serde_json::from_slice(&bytes).unwrap_or_default(),
                ..item
            })
        };
        list.page_of_large(rows, whole, |item| (item.received.0, item.stream, item.sha256))
    })
    .await
    .map(Json)
}

/// What the reviewer did about a refused entry.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SettleBody {
    /// Kept with the entry, such as the number of the case that was registered for it.
    pub words: String,
}

/// Takes a refused entry off the list, with what was done about it. A repetition changes nothing.
#[utoipa::path(
    post, path = "/v1/review/refused/{stream}/{sha256}", tag = "review",
    params(("stream" = StreamId, Path), ("sha256" = Sha256, Path)),
    request_body = SettleBody,
    responses((status = 204), (status = 403, body = Problem, description = "`auth.scope`"), (status = "4XX", body = Problem))
)]
pub(super) async fn settle(
    State(app): State<App>,
    staff: Staff,
    Path((stream, sha256)): Path<(StreamId, Sha256)>,
    Json(body): Json<SettleBody>,
) -> Result<axum::http::StatusCode, Failure> {
    let words = body.words.trim().to_owned();
    if words.is_empty() || words.chars().count() > MOST_WORDS || words.contains('\0') {
        return Err(invalid(
            "/words",
            "请写明如何处理（2000 字以内）",
            "enter what was done about it, up to 2000 characters",
        ));
    }
    app.write(move |tx, ctx| {
        let area: Option<Area> = tx.opt(
            "SELECT o.area FROM refused_entry r JOIN stream s ON s.id = r.stream JOIN post p ON p.id = s.post
             JOIN org o ON o.id = p.org WHERE r.stream = ?1 AND r.sha256 = ?2",
            params![stream.to_string(), sha256.to_string()],
            |row| row.parse("area"),
        )?;
        reach(&staff, area)?;
        let changed = tx.execute(
            "UPDATE refused_entry SET settled = ?3, settled_by = ?4, words = ?5
             WHERE stream = ?1 AND sha256 = ?2 AND settled IS NULL",
            params![
                stream.to_string(),
                sha256.to_string(),
                ctx.now.0,
                staff.person.to_string(),
                &words
            ],
        )?;
        if changed > 0 {
            let entity = format!("stream:{stream}");
            audit::note(
                tx,
                ctx,
                Some(staff.person),
                "review.refused",
                &entity,
                &sha256.to_string(),
            )?;
        }
        Ok(())
    })
    .await?;
    Ok(axum::http::StatusCode::NO_CONTENT)
}
