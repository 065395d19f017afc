//! Custody: every well-framed element of a batch is stored and receipted in one transaction, with the evidence of the
//! push that brought it. An entry that is stored already gets the same receipt again; no stored entry is overwritten.

use super::{
    apply, defects, disposition,
    held::{self, DueEntry, Fresh, HeldEntry},
    needs_action, photo_doubts, reasons, refused,
    times::{self, BatchTimes, Delivery},
};
use crate::{
    app::{audit, ctx::Ctx, state::App, tally::CountedKind},
    entries::{
        boot_time,
        flags::{self, FixLimits, Flag},
        mark,
        reading::{self, EntryContent, Reading},
        row::{EntryState, basis_text},
    },
    kernel::failure::Failure,
    params,
    photos::{doubts, receipts},
    store::tx::Tx,
};
use protocol::{
    boot_time::Exchange,
    entry::{Disposition, MAX_ENTRY_BYTES, Reason, Receipt},
    evidence::ClockReading,
    ids::{EntryId, EventId, PersonId, PostId, StreamId},
    open::Open,
    payload::Payload,
    photo::{PhotoOrigin, PhotoRef, PhotoRole, Sha256},
    problem::ProblemCode,
    push::{RefusedEntry, StreamMark},
    time::Millis,
};
use std::{collections::VecDeque, sync::Arc};

/// A batch, parsed and hashed once, outside the transaction.
#[derive(Clone)]
pub(super) struct Batch {
    pub stream: StreamId,
    /// The stream's holder and post.
    pub person: PersonId,
    pub post: PostId,
    /// Clock reading of the envelope or parcel, and the exchange that the envelope states.
    pub sent: ClockReading,
    pub exchange: Option<Exchange>,
    /// When the message arrived, before it waited for the writer.
    pub arrival: Millis,
    pub body_sha256: Sha256,
    pub token_sha256: Sha256,
    pub signature: String,
    pub elements: Arc<Vec<Element>>,
    /// Set if the batch comes from a sealed parcel instead of a push.
    pub sealed: Option<Sealed>,
}

/// What differs for a batch from a parcel.
#[derive(Clone)]
pub(super) struct Sealed {
    /// The parcel's row, which its entries name as evidence.
    pub parcel: EventId,
    /// Why a person decides about its entries; `None` while the stream is active.
    pub review: Option<Reason>,
}

/// An element of a batch: with a readable frame, or refused with a code.
pub(super) enum Element {
    Framed {
        reading: Box<Reading>,
        bytes: Vec<u8>,
        sha256: Sha256,
    },
    Refused {
        id: Option<EntryId>,
        code: ProblemCode,
        detail: String,
    },
}

impl Element {
    pub fn of(bytes: &[u8]) -> Self {
        match reading::frame(bytes) {
            Err(detail) => Self::Refused {
                id: None,
                code: ProblemCode::EntryUnframed,
                detail,
            },
            Ok(frame) if bytes.len() > MAX_ENTRY_BYTES => Self::Refused {
                id: Some(frame.id),
                code: ProblemCode::EntryTooLarge,
                detail: format!("{} bytes, at most {MAX_ENTRY_BYTES}", bytes.len()),
            },
            Ok(frame) => Self::Framed {
                reading: Box::new(Reading::of(&frame, bytes)),
                bytes: bytes.to_vec(),
                sha256: Sha256::of(bytes),
            },
        }
    }
}

/// The result of storing a batch.
pub(super) struct StoredBatch {
    pub receipts: Vec<Receipt>,
    pub refused: Vec<RefusedEntry>,
    pub mark: StreamMark,
    /// Number of receipts for entries that were not stored before.
    pub new: usize,
}

/// Stores every acceptable element of a batch, then applies the new entries.
pub(super) fn take(tx: &mut Tx<'_>, ctx: &mut Ctx, app: &App, batch: &Batch) -> Result<StoredBatch, Failure> {
    let mut custody = StoredBatch {
        receipts: Vec::new(),
        refused: Vec::new(),
        mark: StreamMark::default(),
        new: 0,
    };
    let mut fresh: VecDeque<DueEntry> = VecDeque::new();
    let delivery = Delivery {
        stream: batch.stream,
        sent: &batch.sent,
        exchange: batch.exchange.as_ref(),
        arrival: batch.arrival,
        is_parcel: batch.sealed.is_some(),
    };
    let mut times = BatchTimes::of(tx, &delivery)?;
    let push = match &batch.sealed {
        Some(sealed) => sealed.parcel,
        None => ctx.event_id(),
    }
    .to_string();
    for (index, element) in batch.elements.iter().enumerate() {
        let refuse = |id: Option<EntryId>, code: ProblemCode, detail: &str| RefusedEntry {
            index,
            id,
            code: code.into(),
            detail: detail.into(),
        };
        let (reading, bytes, sha256) = match element {
            Element::Framed {
                reading,
                bytes,
                sha256,
            } => (reading, bytes, *sha256),
            Element::Refused { id, code, detail } => {
                custody.refused.push(refuse(*id, *code, detail));
                continue;
            }
        };
        let is_awaited = match existing(tx, batch.stream, reading)? {
            Existing::Free { is_awaited } => is_awaited,
            Existing::Held {
                sha256: held,
                received,
            } if defects::is_same(held, sha256) => {
                if defects::applies_again(batch.sealed.is_some()) {
                    fresh.push_back(held::load(tx, reading.id)?.into());
                }
                custody.receipts.push(Receipt {
                    id: reading.id,
                    n: reading.n,
                    sha256,
                    received,
                });
                continue;
            }
            Existing::Held { .. } | Existing::Foreign => {
                defects::overwrite(tx, reading.id, bytes, sha256)?;
                let refused = (reading.as_ref(), bytes.as_slice(), sha256);
                refused::keep(tx, ctx, batch.stream, refused, ProblemCode::EntryConflict)?;
                custody
                    .refused
                    .push(refuse(Some(reading.id), ProblemCode::EntryConflict, ""));
                continue;
            }
            Existing::NumberTaken(by) => {
                let detail = format!("number {} is entry {by}", reading.n);
                // Two phones with one key, or one that was put back to an older copy: the centre has to know (field 06).
                let stream = format!("stream:{}", batch.stream);
                let what = ("stream.number_taken", stream.as_str());
                audit::note_hourly(tx, ctx, Some(batch.person), what, &detail)?;
                let refused = (reading.as_ref(), bytes.as_slice(), sha256);
                refused::keep(tx, ctx, batch.stream, refused, ProblemCode::EntryNumberTaken)?;
                custody
                    .refused
                    .push(refuse(Some(reading.id), ProblemCode::EntryNumberTaken, &detail));
                continue;
            }
        };
        if custody.new == 0 {
            insert_push(tx, batch, &push, ctx.now)?;
        }
        let held = HeldEntry {
            reading: (**reading).clone(),
            sha256,
            stream: batch.stream,
            person: batch.person,
            post: batch.post,
            received: ctx.now,
            made: times.judge(tx, reading)?,
        };
        let doubts = photo_doubts::judge(tx, &app.settings, &held)?;
        let mut flags = entry_flags(&held, FixLimits::of(&app.settings));
        flags.extend(doubts::flags(&doubts));
        insert_entry(tx, &flags, &held, bytes, &push)?;
        let pending = EntryState::Pending.as_str();
        ctx.tally.add(CountedKind::Entry, batch.stream, pending, 1);
        if batch.sealed.is_some() {
            ctx.tally.add(CountedKind::Sealed, batch.stream, "", 1);
        }
        insert_photos(tx, ctx, &held)?;
        doubts::insert(tx, reading.id, &doubts, ctx.now)?;
        custody.receipts.push(Receipt {
            id: reading.id,
            n: reading.n,
            sha256,
            received: ctx.now,
        });
        custody.new += 1;
        let was_sealed = batch.sealed.is_some();
        fresh.push_back(DueEntry {
            held,
            fresh: Some(Fresh {
                was_sealed,
                is_awaited,
            }),
        });
    }
    if times.corrects {
        // A failure in another room must not prevent custody; the next push tries again.
        let corrected = app.attempt(tx, ctx, |tx, ctx| {
            times::correct(tx, ctx, batch.stream, &batch.sent)
        });
        if let Err(failure) = corrected {
            tracing::error!(%failure, "the times of earlier entries were not corrected");
        }
    }
    custody.mark = if custody.new > 0 {
        mark::renew(tx, batch.stream)?
    } else {
        mark::of(tx, batch.stream)?
    };
    for DueEntry { held, .. } in &fresh {
        if let EntryContent::Known(entry, _) = &held.reading.content
            && let Some(old) = entry.supersedes
        {
            needs_action::close(tx, ctx, held.person, old, reasons::superseded)?;
        }
    }
    match batch.sealed.as_ref().and_then(|sealed| sealed.review.as_ref()) {
        None => apply::run(tx, ctx, app, fresh)?,
        Some(why) => to_review_queue(tx, ctx, app, fresh, why)?,
    }
    Ok(custody)
}

/// Sends the entries of an ended stream to the review queue. Void entries (unused numbers) are applied.
fn to_review_queue(
    tx: &mut Tx<'_>,
    ctx: &mut Ctx,
    app: &App,
    fresh: VecDeque<DueEntry>,
    why: &Reason,
) -> Result<(), Failure> {
    let (voids, others): (VecDeque<DueEntry>, VecDeque<DueEntry>) = fresh
        .into_iter()
        .partition(|due| matches!(due.held.reading.content, EntryContent::Known(_, Payload::Void)));
    for DueEntry { held, .. } in others {
        disposition::set_disposition(tx, ctx, held.reading.id, Disposition::review(why.clone()))?;
    }
    apply::run(tx, ctx, app, voids)
}

/// What the store has for the id and number of an element.
enum Existing {
    Free {
        /// Another entry waits for this id.
        is_awaited: bool,
    },
    /// The same id in the same stream and number.
    Held {
        sha256: Sha256,
        received: Millis,
    },
    /// The id belongs to another stream.
    Foreign,
    NumberTaken(EntryId),
}

/// A row with the id or number of an element, or that waits for its id.
struct Neighbour {
    id: EntryId,
    stream: StreamId,
    n: i64,
    sha256: Sha256,
    received: Millis,
}

/// Three lookups in one statement: with OR, PostgreSQL joins bitmaps of three indexes, which takes longer than the rest of
/// custody. A row may be found twice. One waiting entry is enough: there may be any number of them.
fn existing(tx: &mut Tx<'_>, stream: StreamId, reading: &Reading) -> Result<Existing, Failure> {
    let n = column(reading.n);
    let found: Vec<Neighbour> = tx.all(
        "SELECT id, stream, n, sha256, received FROM entry WHERE id = ?1
         UNION ALL SELECT id, stream, n, sha256, received FROM entry WHERE stream = ?2 AND n = ?3
         UNION ALL SELECT id, stream, n, sha256, received
            FROM (SELECT * FROM entry WHERE waits_for = ?1 LIMIT 1) AS waiting",
        params![reading.id.to_string(), stream.to_string(), n],
        |row| {
            Ok(Neighbour {
                id: row.parse("id")?,
                stream: row.parse("stream")?,
                n: row.get("n")?,
                sha256: row.parse("sha256")?,
                received: Millis(row.get("received")?),
            })
        },
    )?;
    if let Some(same) = found.iter().find(|row| row.id == reading.id) {
        return Ok(match same.stream == stream {
            true => Existing::Held {
                sha256: same.sha256,
                received: same.received,
            },
            false => Existing::Foreign,
        });
    }
    let taken = found.iter().find(|row| row.stream == stream && row.n == n);
    Ok(match taken {
        Some(by) => Existing::NumberTaken(by.id),
        None => Existing::Free {
            is_awaited: !found.is_empty(),
        },
    })
}

/// Converts a number that was checked to fit the column when it was parsed.
fn column(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// A parcel has one row, also if it is stored in several transactions.
fn insert_push(tx: &mut Tx<'_>, batch: &Batch, id: &str, now: Millis) -> Result<(), Failure> {
    tx.run(
        "INSERT INTO push (id, stream, received, body_sha256, token_sha256, signature, clock)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (id) DO NOTHING",
        params![
            id,
            batch.stream.to_string(),
            now.0,
            batch.body_sha256.to_string(),
            batch.token_sha256.to_string(),
            &batch.signature,
            serde_json::to_string(&batch.sent)?
        ],
    )?;
    Ok(())
}

fn entry_flags(held: &HeldEntry, limits: FixLimits) -> Vec<Flag> {
    let reading = &held.reading;
    flags::of_entry(reading.fix.as_ref(), reading.clock.as_ref(), &held.made, limits)
}

fn insert_entry(
    tx: &mut Tx<'_>,
    flags: &[Flag],
    held: &HeldEntry,
    bytes: &[u8],
    push: &str,
) -> Result<(), Failure> {
    let reading = &held.reading;
    let clock = reading
        .clock
        .as_ref()
        .filter(|clock| boot_time::is_comparable(clock));
    tx.run(
        "INSERT INTO entry (id, stream, n, sha256, bytes, push, received, kind, record, author, post,
                            made_at, uncertainty, basis, state, attempts, state_at, boot, monotonic, flags)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, 'pending', 0, ?7, ?15, ?16, ?17)",
        params![
            reading.id.to_string(),
            held.stream.to_string(),
            column(reading.n),
            held.sha256.to_string(),
            bytes,
            push,
            held.received.0,
            &reading.kind,
            reading.record.to_string(),
            reading.author.map(|a| a.to_string()),
            reading.post.map(|p| p.to_string()),
            held.made.at.0,
            held.made.uncertainty_ms,
            basis_text(held.made.basis),
            clock.map(|clock| clock.boot.clone()),
            clock.map(|clock| clock.monotonic_ms),
            flags::codes(flags)
        ],
    )?;
    Ok(())
}

/// Stores which photos an entry names, whatever its disposition will be: they may be uploaded from now on.
fn insert_photos(tx: &mut Tx<'_>, ctx: &mut Ctx, held: &HeldEntry) -> Result<(), Failure> {
    let stream = held.stream.to_string();
    for (position, photo) in (0_i64..).zip(&held.reading.photos) {
        let PhotoRef {
            sha256,
            size,
            role,
            width,
            height,
            evidence,
        } = photo;
        let evidence = evidence.as_ref();
        let place = evidence.and_then(|known| known.place.as_ref());
        receipts::name(tx, ctx, held.stream, *sha256, *size)?;
        tx.run(
            "INSERT INTO entry_photo (entry, position, stream, sha256, size, role, width, height,
                                      origin, original, taken_at, taken_lat, taken_lon, taken_datum)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
            params![
                held.reading.id.to_string(),
                position,
                &stream,
                sha256.to_string(),
                column(*size),
                role_text(role),
                *width,
                *height,
                evidence.map(|known| origin_text(&known.origin)),
                evidence.map(|known| known.original.to_string()),
                evidence.and_then(|known| known.taken_at.as_deref().map(short)),
                place.map(|place| place.point.lat),
                place.map(|place| place.point.lon),
                place.and_then(|place| place.datum.as_deref().map(short))
            ],
        )?;
    }
    Ok(())
}

fn role_text(role: &PhotoRole) -> String {
    match role {
        PhotoRole::Scene => "scene".into(),
        PhotoRole::Before => "before".into(),
        PhotoRole::After => "after".into(),
        PhotoRole::Activity => "activity".into(),
        PhotoRole::Other(text) => short(text),
    }
}

fn origin_text(origin: &Open<PhotoOrigin>) -> String {
    match origin {
        Open::Known(origin) => origin.as_str().into(),
        Open::Other(text) => short(text),
    }
}

/// A text of a handset for a column: no control characters, at most 64 characters.
fn short(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(64).collect()
}
