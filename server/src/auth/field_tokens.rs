//! Tokens of streams, and the reason why an ended stream gets none.

use super::actor::FieldStream;
use crate::{
    app::{right::Right, state::App},
    kernel::failure::Failure,
    params,
    store::{error::StoreError, tx::Tx, value::Row},
};
use protocol::{
    ids::{PersonId, PostId, StreamId},
    photo::Sha256,
    problem::ProblemCode,
    time::Millis,
};

/// The stream that holds a token.
pub async fn identify(app: &App, token: String) -> Result<FieldStream, Failure> {
    Ok(identify_and(app, token, |_, _| ()).await?.0)
}

/// [`identify`], and what `look` reads for the stream in the same transaction. It is not called for a token that nobody
/// holds.
pub(crate) async fn identify_and<T: Send + 'static>(
    app: &App,
    token: String,
    mut look: impl FnMut(&mut Tx<'_>, StreamId) -> T + Send + 'static,
) -> Result<(FieldStream, T), Failure> {
    let hash = Sha256::of(token.as_bytes()).to_string();
    let now = app.clock.now();
    let read = move |tx: &mut Tx<'_>| {
        let holder = find(tx, &hash, now)?;
        let seen = look(tx, holder.stream);
        Ok((holder, seen))
    };
    let (holder, seen) = app.read_quickly(read).await?;
    let field = FieldStream {
        stream: holder.stream,
        person: holder.person,
        post: holder.post,
        certificate: serde_json::from_str(&holder.certificate)?,
        token,
        expires: holder.expires,
    };
    Ok((field, seen))
}

/// The right of a request of this stream: it has not ended. A token that expires while a body arrives on a slow line takes
/// nothing away: the bytes would be sent again.
pub fn right(stream: StreamId) -> Right {
    let id = stream.to_string();
    Right::new(move |tx, _| {
        let end = tx.one(
            "SELECT s.revoked, s.wipe_ordered, p.disabled FROM stream s JOIN person p ON p.id = s.person WHERE s.id = ?1",
            params![&id],
            end_of,
        )?;
        end.map_or(Ok(()), |code| Err(Failure::of(code)))
    })
}

/// Whether the deployment has the stream, ended or not. Asked while strangers flood an address: all streams are read at
/// once and kept for a minute, so that invented ones cost nothing.
pub async fn is_enrolled(app: &App, stream: StreamId) -> Result<bool, Failure> {
    let now = app.clock.now();
    if let Some(is_known) = app.known.stream(stream, now) {
        return Ok(is_known);
    }
    let all = app
        .read(|tx| Ok(tx.all("SELECT id FROM stream", params![], |row| row.parse("id"))?))
        .await?;
    app.known.read(all.into_iter().collect(), now);
    Ok(app.known.stream(stream, now).unwrap_or(false))
}

fn find(tx: &mut Tx<'_>, hash: &str, now: Millis) -> Result<TokenHolder, Failure> {
    let found = tx.opt(
        "SELECT t.expires, s.id, s.certificate, s.person, s.post, s.revoked, s.wipe_ordered, p.disabled
         FROM field_token t JOIN stream s ON s.id = t.stream JOIN person p ON p.id = s.person
         WHERE t.token_sha256 = ?1 AND t.expires > ?2",
        params![hash, now.0],
        TokenHolder::read,
    )?;
    let holder = found.ok_or_else(|| Failure::of(ProblemCode::TokenExpired))?;
    match holder.end {
        Some(code) => Err(Failure::of(code)),
        None => Ok(holder),
    }
}

struct TokenHolder {
    stream: StreamId,
    person: PersonId,
    post: PostId,
    certificate: String,
    expires: Millis,
    end: Option<ProblemCode>,
}

impl TokenHolder {
    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            stream: row.parse("id")?,
            person: row.parse("person")?,
            post: row.parse("post")?,
            certificate: row.get("certificate")?,
            expires: Millis(row.get("expires")?),
            end: end_of(row)?,
        })
    }
}

/// The problem code of an ended stream, from `revoked`, `wipe_ordered` and the holder's `disabled`; `None` while it is
/// active.
pub(crate) fn end_of(row: &Row) -> Result<Option<ProblemCode>, StoreError> {
    let told = |column, code| Ok::<_, StoreError>(row.get::<Option<i64>>(column)?.map(|_| code));
    Ok(told("wipe_ordered", ProblemCode::TerminalWipe)?
        .or(told("revoked", ProblemCode::StreamRevoked)?)
        .or(told("disabled", ProblemCode::StreamRevoked)?))
}

/// The person's streams that are not revoked, by id.
pub(crate) fn active_streams(tx: &mut Tx<'_>, person: PersonId) -> Result<Vec<StreamId>, StoreError> {
    tx.all(
        "SELECT id FROM stream WHERE person = ?1 AND revoked IS NULL ORDER BY id",
        params![person.to_string()],
        |row| row.parse("id"),
    )
}
