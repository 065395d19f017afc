//! What is known of the true time in the boots of a stream, in the database. Messages that carry a clock reading add
//! bounds ([`learn_challenge`], [`learn_arrival`]); `intake` judges entries by them.

use crate::{
    params,
    store::{error::StoreError, tx::Tx},
};
use protocol::{
    boot_time::{BootTime, Bound, Exchange, Learnt},
    evidence::ClockReading,
    ids::{PersonId, StreamId},
    time::Millis,
};

/// Boots of a stream that are kept; older ones have nothing left to send.
const BOOTS: u32 = 32;
/// Longest boot id in bytes. Platforms use UUIDs or counters.
const MAX_BOOT_ID: usize = 100;
/// Predecessors of a stream that are followed.
const CHAIN: usize = 16;

/// Returns true if the reading can be compared with others of its boot.
pub(crate) fn is_comparable(clock: &ClockReading) -> bool {
    let id = &clock.boot;
    clock.monotonic_ms >= 0 && !id.is_empty() && id.len() <= MAX_BOOT_ID && !id.contains('\0')
}

/// A boot of a stream as it is stored.
#[derive(Debug, Clone, Default)]
pub(crate) struct StoredBoot {
    pub times: BootTime,
    /// False if its entries have to be judged again.
    pub judged: bool,
}

/// Loads what is known of the boot of a reading. `None` if nothing is, or if the reading cannot be compared.
pub(crate) fn load(
    tx: &mut Tx<'_>,
    stream: StreamId,
    clock: &ClockReading,
) -> Result<Option<StoredBoot>, StoreError> {
    if !is_comparable(clock) {
        return Ok(None);
    }
    tx.opt(
        "SELECT times, judged FROM stream_boot WHERE stream = ?1 AND boot = ?2",
        params![stream.to_string(), &clock.boot],
        |row| {
            let times: String = row.get("times")?;
            Ok(StoredBoot {
                times: serde_json::from_str(&times)
                    .map_err(|e| StoreError::decode("times", "bounds of a boot", e))?,
                judged: row.get("judged")?,
            })
        },
    )
}

fn save(
    tx: &mut Tx<'_>,
    stream: StreamId,
    boot: &str,
    stored: &StoredBoot,
    now: Millis,
) -> Result<(), StoreError> {
    let times = serde_json::to_string(&stored.times)
        .map_err(|e| StoreError::decode("times", "bounds of a boot", e))?;
    tx.run(
        "INSERT INTO stream_boot (stream, boot, times, judged, seen) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (stream, boot) DO UPDATE SET times = excluded.times, judged = excluded.judged,
             seen = excluded.seen",
        params![stream.to_string(), boot, times, stored.judged, now.0],
    )?;
    Ok(())
}

/// Notes that the entries of a boot were judged by all that is known.
pub(crate) fn set_judged(tx: &mut Tx<'_>, stream: StreamId, boot: &str) -> Result<(), StoreError> {
    tx.run(
        "UPDATE stream_boot SET judged = TRUE WHERE stream = ?1 AND boot = ?2",
        params![stream.to_string(), boot],
    )?;
    Ok(())
}

/// Learns from an answered challenge, issued at `issued` and answered at `arrival` with the reading `clock`.
pub(crate) fn learn_challenge(
    tx: &mut Tx<'_>,
    stream: StreamId,
    clock: &ClockReading,
    issued: Millis,
    arrival: Millis,
) -> Result<(), StoreError> {
    if !is_comparable(clock) {
        return Ok(());
    }
    let stored = load(tx, stream, clock)?;
    let is_new = stored.is_none();
    let mut stored = stored.unwrap_or_default();
    let bound = Bound::between(issued, clock.monotonic_ms, arrival);
    match stored.times.learn_challenge(bound) {
        Learnt::Known => return Ok(()),
        Learnt::Better => stored.judged = is_new,
        Learnt::Contradicts => {
            tracing::warn!(%stream, "the clock of a terminal or of this server was changed");
            // Earlier entries keep the time that they were given by the earlier bounds.
            stored.judged = true;
        }
    }
    save(tx, stream, &clock.boot, &stored, arrival)?;
    if is_new {
        tx.run(
            "DELETE FROM stream_boot WHERE stream = ?1 AND boot NOT IN
                 (SELECT boot FROM stream_boot WHERE stream = ?1 ORDER BY seen DESC, boot LIMIT ?2)",
            params![stream.to_string(), BOOTS],
        )?;
    }
    Ok(())
}

/// Learns from a push that was sent at the reading `clock` and arrived at `arrival`, and from the exchange that it
/// states. Returns the boot, `None` if the reading cannot be compared, and false if the reading contradicts what is
/// known. A stated exchange that contradicts it is ignored.
pub(crate) fn learn_arrival(
    tx: &mut Tx<'_>,
    stream: StreamId,
    (clock, exchange): (&ClockReading, Option<&Exchange>),
    arrival: Millis,
) -> Result<(Option<StoredBoot>, bool), StoreError> {
    if !is_comparable(clock) {
        return Ok((None, true));
    }
    let stored = load(tx, stream, clock)?;
    let is_new = stored.is_none();
    let mut stored = stored.unwrap_or_default();
    let arrived = stored.times.learn(Bound::before(clock.monotonic_ms, arrival));
    let stated = exchange
        .filter(|exchange| exchange.got_ms <= clock.monotonic_ms)
        .and_then(Bound::of)
        .map(|bound| stored.times.learn(bound));
    if arrived == Learnt::Better || stated == Some(Learnt::Better) {
        stored.judged = is_new;
        save(tx, stream, &clock.boot, &stored, arrival)?;
    }
    Ok((Some(stored), arrived != Learnt::Contradicts))
}

/// When a stream was enrolled, or the first one of its chain: a salvaged store opens a new stream for the same person, and
/// brings entries of the old one. An error if there is no such stream.
pub(crate) fn enrolled(tx: &mut Tx<'_>, stream: StreamId) -> Result<Millis, StoreError> {
    let read = |tx: &mut Tx<'_>, id: StreamId| {
        tx.opt(
            "SELECT created, person, predecessor FROM stream WHERE id = ?1",
            params![id.to_string()],
            |row| {
                let person: PersonId = row.parse("person")?;
                Ok((
                    Millis(row.get("created")?),
                    person,
                    row.parse_opt::<StreamId>("predecessor")?,
                ))
            },
        )
    };
    let Some((mut first, person, mut before)) = read(tx, stream)? else {
        // The caller's statement on the stream fails anyway.
        return Ok(Millis(0));
    };
    for _ in 0..CHAIN {
        let Some(id) = before else { break };
        match read(tx, id)? {
            Some((created, holder, earlier)) if holder == person => {
                first = first.min(created);
                before = earlier;
            }
            Some(_) | None => break,
        }
    }
    Ok(first)
}
