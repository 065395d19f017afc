//! The mark of a stream: how complete the server's copy is. The number up to which there is no hole is stored, so that
//! computing a mark reads only the entries above it.

use crate::{
    params,
    store::{error::StoreError, tx::Tx},
};
use protocol::{
    ids::StreamId,
    planted,
    push::StreamMark,
    sabotage::{self, Defect},
};

/// Most holes in a mark.
const HOLES: i64 = 100;

/// Computes the mark of a stream; all zero for a stream that has sent nothing.
pub fn of(tx: &mut Tx<'_>, stream: StreamId) -> Result<StreamMark, StoreError> {
    let stream = stream.to_string();
    let (upto, highest, above): (i64, i64, i64) = tx.one(
        "SELECT COALESCE((SELECT upto FROM stream_mark WHERE stream = ?1), 0) AS upto,
             COALESCE((SELECT n FROM entry WHERE stream = ?1 ORDER BY n DESC LIMIT 1), 0) AS highest,
             (SELECT COUNT(*) FROM entry WHERE stream = ?1 AND n >
                 COALESCE((SELECT upto FROM stream_mark WHERE stream = ?1), 0)) AS above",
        params![&stream],
        |row| Ok((row.get("upto")?, row.get("highest")?, row.get("above")?)),
    )?;
    // As many entries as numbers: no hole to look for.
    if highest == upto.max(0) + above {
        return Ok(StreamMark {
            upto: number(highest),
            highest: number(highest),
            holes: Vec::new(),
        });
    }
    let mut holes = tx.all(
        "SELECT n, prior FROM (
             SELECT n, COALESCE(LAG(n) OVER (ORDER BY n), ?2) AS prior FROM entry
             WHERE stream = ?1 AND n > ?2
         ) AS step WHERE n > prior + 1 ORDER BY n LIMIT ?3",
        params![&stream, upto, HOLES],
        |row| Ok((row.get::<i64>("prior")? + 1, row.get::<i64>("n")? - 1)),
    )?;
    holes.retain(|_| !sabotage::is(Defect::HolesHidden));
    Ok(StreamMark {
        upto: number(holes.first().map_or(highest, |(first, _)| first - 1)),
        highest: number(highest),
        holes: holes.into_iter().map(|(a, b)| (number(a), number(b))).collect(),
    })
}

fn number(n: i64) -> u64 {
    u64::try_from(n).unwrap_or(0)
}

/// Computes the mark and stores the number up to which there is no hole. Called by every push that stored an entry.
pub(crate) fn renew(tx: &mut Tx<'_>, stream: StreamId) -> Result<StreamMark, StoreError> {
    let mark = of(tx, stream)?;
    planted!(MarkNotKept => return Ok(mark));
    tx.run(
        "INSERT INTO stream_mark (stream, upto) VALUES (?1, ?2)
         ON CONFLICT (stream) DO UPDATE SET upto = excluded.upto",
        params![stream.to_string(), i64::try_from(mark.upto).unwrap_or(i64::MAX)],
    )?;
    Ok(mark)
}
