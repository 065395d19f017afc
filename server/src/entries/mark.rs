//! How complete the server's copy of a stream is. The number up to which there is no hole is kept beside the
//! stream, so that a mark costs what lies above it and not the whole stream.

use crate::{
    params,
    store::{error::StoreError, tx::Tx},
};
use protocol::sabotage::{self, Defect};
use protocol::{ids::StreamId, push::StreamMark};

/// Holes that a mark names at most.
const HOLES: i64 = 100;

/// What is held of a stream; all zero for a stream that has sent nothing.
pub fn of(tx: &mut Tx<'_>, stream: StreamId) -> Result<StreamMark, StoreError> {
    let stream = stream.to_string();
    let upto: i64 = tx
        .opt(
            "SELECT upto FROM stream_mark WHERE stream = ?1",
            params![&stream],
            |row| row.get("upto"),
        )?
        .unwrap_or(0);
    let highest: i64 = tx
        .opt(
            "SELECT n FROM entry WHERE stream = ?1 ORDER BY n DESC LIMIT 1",
            params![&stream],
            |row| row.get("n"),
        )?
        .unwrap_or(0);
    let holes = tx.all(
        "SELECT n, prior FROM (
             SELECT n, COALESCE(LAG(n) OVER (ORDER BY n), ?2) AS prior FROM entry
             WHERE stream = ?1 AND n > ?2
         ) AS step WHERE n > prior + 1 ORDER BY n LIMIT ?3",
        params![&stream, upto, HOLES],
        |row| Ok((row.get::<i64>("prior")? + 1, row.get::<i64>("n")? - 1)),
    )?;
    let holes = match sabotage::is(Defect::HolesHidden) {
        true => Vec::new(),
        false => holes,
    };
    let number = |n: i64| u64::try_from(n).unwrap_or(0);
    Ok(StreamMark {
        upto: number(holes.first().map_or(highest, |(first, _)| first - 1)),
        highest: number(highest),
        holes: holes.into_iter().map(|(a, b)| (number(a), number(b))).collect(),
    })
}

/// [`of`], and keeps how far it reaches; called by every push that took something.
pub(crate) fn renew(tx: &mut Tx<'_>, stream: StreamId) -> Result<StreamMark, StoreError> {
    let mark = of(tx, stream)?;
    if sabotage::is(Defect::MarkNotKept) {
        return Ok(mark);
    }
    tx.execute(
        "INSERT INTO stream_mark (stream, upto) VALUES (?1, ?2)
         ON CONFLICT (stream) DO UPDATE SET upto = excluded.upto",
        params![stream.to_string(), i64::try_from(mark.upto).unwrap_or(i64::MAX)],
    )?;
    Ok(mark)
}
