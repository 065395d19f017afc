//! `GET /v1/field/pull`.

use super::cursor::{Cursor, Start};
use crate::{
    app::{identity, mailbox::MailboxId, state::App},
    auth::actor::FieldStream,
    http::body::{Json, Query},
    kernel::failure::Failure,
    params,
    people::posts,
    store::{error::StoreError, tx::Tx},
};
use axum::extract::State;
use protocol::{
    feed::{FeedRow, Mailbox, PULL_BYTES, PullAnswer},
    problem::Problem,
    sabotage::{self, Defect},
};
use serde::Deserialize;

/// Rows in an answer at most.
const MOST: u32 = 500;

/// Rows that one statement reads at most, so that large rows beyond [`PULL_BYTES`] are not read.
const CHUNK: usize = 50;

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Wish {
    /// Cursor of the previous answer; without it, all rows are returned.
    cursor: Option<String>,
    /// Maximum number of rows, 1..=500.
    limit: Option<u32>,
}

/// Returns new rows of the post's and of the author's mailbox.
///
/// The mailbox is read from the start, and `reset` names it, if the cursor belongs to another epoch, post or holder,
/// is too high, or cannot be read. Only a holder of the post can read the post's mailbox. A person who no longer
/// holds the post gets it empty, and complete again after a new assignment.
///
/// An answer ends after `limit` rows or 128 KiB of rows; then `more` is set. Rows of the post come first, so tasks never
/// wait for the author's history.
#[utoipa::path(
    get, path = "/v1/field/pull", tag = "field", params(Wish),
    responses((status = 200, body = PullAnswer), (status = 401, body = Problem))
)]
pub(super) async fn pull(
    State(app): State<App>,
    field: FieldStream,
    Query(wish): Query<Wish>,
) -> Result<Json<PullAnswer>, Failure> {
    let limit = wish.limit.unwrap_or(MOST).clamp(1, MOST);
    let cursor = wish.cursor.and_then(|text| text.parse::<Cursor>().ok());
    let (post, person, now) = (field.post, field.person, app.clock.now());
    let (epoch, posts, authors) = app
        .read(move |tx| {
            // Read in the same snapshot as the rows: numbers are valid for one epoch only.
            let epoch = identity::epoch(tx)?;
            let known = cursor.as_ref().filter(|cursor| cursor.epoch == epoch);
            let post_at = known.filter(|c| c.post.0 == post).map(|c| c.post.1);
            let author_at = known.filter(|c| c.author.0 == person).map(|c| c.author.1);
            let mut room = Room {
                rows: usize::try_from(limit).unwrap_or(usize::MAX),
                bytes: PULL_BYTES,
            };
            // The post's mailbox holds the tasks: they do not wait for the author's rows.
            let posts = if posts::holds(tx, post, person, now)? {
                read(tx, MailboxId::Post(post), Mailbox::Post, post_at, &mut room)?
            } else {
                Share::closed(post_at)
            };
            let authors = read(
                tx,
                MailboxId::Author(person),
                Mailbox::Author,
                author_at,
                &mut room,
            )?;
            Ok((epoch, posts, authors))
        })
        .await?;
    let cursor = Cursor {
        epoch: epoch.clone(),
        post: (post, posts.reached),
        author: (person, authors.reached),
    };
    let resets = [(Mailbox::Post, posts.start), (Mailbox::Author, authors.start)];
    let said = !sabotage::is(Defect::ResetNotSaid);
    let reset = resets
        .into_iter()
        .filter(|(_, start)| said && *start == Start::Reset);
    Ok(Json(PullAnswer {
        epoch,
        server_time: now,
        reset: reset.map(|(mailbox, _)| mailbox.into()).collect(),
        cursor: cursor.to_string(),
        more: posts.more || authors.more,
        rows: posts.rows.into_iter().chain(authors.rows).collect(),
    }))
}

/// The part of an answer that comes from one mailbox.
struct Share {
    start: Start,
    rows: Vec<FeedRow>,
    reached: u64,
    more: bool,
}

impl Share {
    /// A mailbox that the reader may not read any more: one answer resets it, later answers are empty.
    const fn closed(position: Option<u64>) -> Self {
        let start = match position {
            Some(0) => Start::After(0),
            Some(_) | None => Start::Reset,
        };
        Self {
            start,
            rows: Vec::new(),
            reached: 0,
            more: false,
        }
    }
}

/// What an answer may still take.
struct Room {
    rows: usize,
    bytes: usize,
}

impl Room {
    const fn is_full(&self) -> bool {
        self.rows == 0 || self.bytes == 0
    }
}

fn read(
    tx: &mut Tx<'_>,
    id: MailboxId,
    mailbox: Mailbox,
    position: Option<u64>,
    room: &mut Room,
) -> Result<Share, StoreError> {
    let id = id.to_string();
    let last: u64 = tx
        .opt("SELECT last FROM mailbox WHERE id = ?1", params![&id], |row| {
            row.get("last")
        })?
        .unwrap_or(0);
    let start = Start::of(position, last);
    let again = i64::from(sabotage::is(Defect::MailboxChangeTwice) && start.number() > 1);
    let from = i64::try_from(start.number()).unwrap_or(i64::MAX);
    // A handset that starts from the beginning needs no tombstones. Every task of a post leaves one, so the other rows of a
    // post have an index of their own. Its first column is not the mailbox but what follows "post:": PostgreSQL would take
    // the index of all rows, because in the whole table tombstones are rare.
    let (which, owner) = match (mailbox, from) {
        (Mailbox::Post, 0) => (
            "substr(mailbox, 6) = ?1 AND body IS NOT NULL AND mailbox >= 'post:'",
            id.strip_prefix("post:").unwrap_or(&id),
        ),
        (Mailbox::Author, 0) => ("mailbox = ?1 AND body IS NOT NULL", id.as_str()),
        _ => ("mailbox = ?1", id.as_str()),
    };
    let sql =
        format!("SELECT n, kind, entity, body FROM mailbox_row WHERE {which} AND n > ?2 ORDER BY n LIMIT ?3");
    let (mut after, mut rows, mut more) = (from - again, Vec::new(), false);
    'chunks: loop {
        let wanted = CHUNK.min(room.rows.saturating_add(1));
        let chunk = tx.all(
            &sql,
            params![owner, after, i64::try_from(wanted).unwrap_or(i64::MAX)],
            |row| {
                let body: Option<String> = row.get("body")?;
                Ok((row.get::<u64>("n")?, row.get("kind")?, row.get("entity")?, body))
            },
        )?;
        let is_last = chunk.len() < wanted;
        for (n, kind, entity, body) in chunk {
            if room.is_full() {
                more = true;
                break 'chunks;
            }
            room.rows -= 1;
            room.bytes = room.bytes.saturating_sub(body.as_ref().map_or(0, String::len));
            after = i64::try_from(n).unwrap_or(i64::MAX);
            rows.push(FeedRow {
                mailbox: mailbox.into(),
                n,
                kind,
                entity,
                body: body
                    .map(|text| serde_json::from_str(&text))
                    .transpose()
                    .map_err(|e| StoreError::decode("body", "JSON", e))?,
            });
        }
        if is_last {
            break;
        }
    }
    rows.truncate(
        rows.len()
            .saturating_sub(usize::from(sabotage::is(Defect::RowSkipped))),
    );
    let reached = if more {
        rows.last().map_or(start.number(), |row| row.n)
    } else {
        last
    };
    Ok(Share {
        start,
        rows,
        reached,
        more,
    })
}
