//! Judges when the entries of a batch were made, and corrects earlier entries of the same boot when a better estimate
//! comes.

use crate::{
    app::{changes::Change, ctx::Ctx},
    entries::{boot_time, reading::Reading},
    kernel::failure::Failure,
    params,
    store::{error::StoreError, tx::Tx},
};
use protocol::{
    boot_time::{BootTime, Exchange, TimeFrame, trusted_time, wall_only},
    evidence::{ClockReading, TimeBasis, TrustedTime},
    ids::{EntryId, PersonId, StreamId},
    time::Millis,
};
use std::collections::BTreeMap;

/// Entries of a boot that are corrected at once, the latest first. More are not made in one boot.
const AT_ONCE: u32 = 5_000;

/// How a batch came.
pub(super) struct Delivery<'a> {
    pub stream: StreamId,
    /// Clock reading of the envelope, or of the parcel at sealing.
    pub sent: &'a ClockReading,
    /// The exchange that the envelope states.
    pub exchange: Option<&'a Exchange>,
    pub arrival: Millis,
    /// True for a parcel: it may have been under way for days.
    pub is_parcel: bool,
}

/// What is known when the entries of a batch are judged.
pub(super) struct BatchTimes {
    stream: StreamId,
    enrolled: Millis,
    arrival: Millis,
    /// The boot in which the batch was sent; `None` for a parcel, whose arrival shows nothing.
    sent: Option<String>,
    consistent: bool,
    boots: BTreeMap<String, Option<BootTime>>,
    /// The clock at sealing, of a parcel.
    sealed: Option<ClockReading>,
    /// Earlier entries of the boot have to be judged again.
    pub corrects: bool,
}

impl BatchTimes {
    /// Learns from the batch's own clock reading and loads what is known.
    pub fn of(tx: &mut Tx<'_>, batch: &Delivery<'_>) -> Result<Self, StoreError> {
        let mut times = Self {
            stream: batch.stream,
            enrolled: boot_time::enrolled(tx, batch.stream)?,
            arrival: batch.arrival,
            sent: None,
            consistent: true,
            boots: BTreeMap::new(),
            sealed: None,
            corrects: false,
        };
        if batch.is_parcel {
            times.sealed = Some(batch.sent.clone());
            return Ok(times);
        }
        let reading = (batch.sent, batch.exchange);
        let (boot, consistent) = boot_time::learn_arrival(tx, batch.stream, reading, batch.arrival)?;
        times.corrects = boot.as_ref().is_some_and(|boot| !boot.judged);
        times.consistent = consistent;
        times.sent = Some(batch.sent.boot.clone());
        times
            .boots
            .insert(batch.sent.boot.clone(), boot.map(|boot| boot.times));
        Ok(times)
    }

    /// When an entry was made.
    pub fn judge(&mut self, tx: &mut Tx<'_>, reading: &Reading) -> Result<TrustedTime, StoreError> {
        let Some(clock) = &reading.clock else {
            return Ok(wall_only(self.arrival, self.enrolled, self.arrival));
        };
        if !self.boots.contains_key(&clock.boot) {
            let stored = boot_time::load(tx, self.stream, clock)?;
            self.boots
                .insert(clock.boot.clone(), stored.map(|stored| stored.times));
        }
        let frame = TimeFrame {
            boot: self.boots.get(&clock.boot).and_then(Option::as_ref),
            consistent: self.consistent || self.sent.as_ref() != Some(&clock.boot),
            enrolled: self.enrolled,
            arrival: self.arrival,
        };
        Ok(match &self.sealed {
            Some(sealed) if frame.boot.is_none() => trusted_time(&at_sealing(clock, sealed), frame),
            Some(_) | None => trusted_time(clock, frame),
        })
    }
}

/// The clock of an entry of a parcel with the offset that the handset knew at sealing, if that was in the same boot.
fn at_sealing(made: &ClockReading, sealed: &ClockReading) -> ClockReading {
    let age = sealed.monotonic_ms.saturating_sub(made.monotonic_ms);
    let mut made = made.clone();
    if sealed.is_trusted() && made.boot == sealed.boot && age >= 0 {
        made.wall = sealed.estimate().plus(age.saturating_neg());
        made.offset_ms = Some(0);
    }
    made
}

/// Judges the entries of a boot again by all that is known now. Entries whose time was doubted keep it, and so do those
/// that a frozen figure used. The time given at arrival is kept beside the better one, and rooms that stored the time
/// follow ([`Change::EntryTime`]).
pub(super) fn correct(
    tx: &mut Tx<'_>,
    ctx: &mut Ctx,
    stream: StreamId,
    clock: &ClockReading,
) -> Result<(), Failure> {
    let Some(boot) = boot_time::load(tx, stream, clock)? else {
        return Ok(());
    };
    let enrolled = boot_time::enrolled(tx, stream)?;
    let rows: Vec<(EntryId, PersonId, i64, Millis, Millis, i64)> = tx.all(
        "SELECT e.id, s.person, e.monotonic, e.received, e.made_at, e.uncertainty
         FROM entry e JOIN stream s ON s.id = e.stream
         WHERE e.stream = ?1 AND e.boot = ?2 AND e.monotonic >= ?3 AND e.basis = 'monotonic'
             AND e.time_frozen IS NULL ORDER BY e.monotonic DESC LIMIT ?4",
        params![stream.to_string(), &clock.boot, boot.times.covers_from(), AT_ONCE],
        |row| {
            Ok((
                row.parse("id")?,
                row.parse("person")?,
                row.get("monotonic")?,
                Millis(row.get("received")?),
                Millis(row.get("made_at")?),
                row.get("uncertainty")?,
            ))
        },
    )?;
    for (entry, author, monotonic_ms, received, was, uncertainty) in rows {
        let reading = ClockReading {
            monotonic_ms,
            ..clock.clone()
        };
        let frame = TimeFrame {
            boot: Some(&boot.times),
            consistent: true,
            enrolled,
            arrival: received,
        };
        let better = trusted_time(&reading, frame);
        let same = better.at == was && better.uncertainty_ms == uncertainty;
        if same || better.basis != TimeBasis::Monotonic {
            continue;
        }
        tx.run(
            "UPDATE entry SET first_made_at = COALESCE(first_made_at, made_at),
                 first_uncertainty = COALESCE(first_uncertainty, uncertainty), made_at = ?2, uncertainty = ?3
             WHERE id = ?1",
            params![entry.to_string(), better.at.0, better.uncertainty_ms],
        )?;
        if better.at != was {
            ctx.changed(Change::EntryTime {
                entry,
                author,
                was,
                at: better.at,
            });
        }
    }
    boot_time::set_judged(tx, stream, &clock.boot)?;
    Ok(())
}
