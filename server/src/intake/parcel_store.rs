//! Stores an opened parcel: entries in custody, the rest as bytes. A large parcel is stored in several transactions, so
//! that other writes get in between; each of them can be repeated, and the answer names only what is stored.

use super::{
    custody::{self, Batch, Element, Sealed, StoredBatch},
    parcel_sender::{ParcelSource, certified, sender},
    reasons,
};
use crate::{
    app::{audit, ctx::Ctx, identity, state::App},
    kernel::failure::Failure,
    params,
    photos::receipts,
    store::{error::StoreError, tx::Tx},
    terminals::{streams, tokens},
};
use protocol::{
    entry::Receipt,
    field::PhotoReceipt,
    ids::{EventId, StreamId},
    open::Open,
    parcel::{Contents, FULL_PARCEL_ITEMS, Head, ParcelAnswer, SealedPhoto},
    photo::Sha256,
    problem::ProblemCode,
    push::StreamMark,
    sabotage::{self, Defect},
};
use std::{ops::Range, sync::Arc};

/// An opened parcel, ready to be stored.
pub(super) struct Work {
    head: Head,
    sha256: Sha256,
    signature: String,
    contents: Contents,
    parts: Vec<Part>,
    photos: Vec<(SealedPhoto, Option<ProblemCode>)>,
    source: ParcelSource,
}

/// What one transaction stores: at most [`FULL_PARCEL_ITEMS`] of each kind.
struct Part {
    entries: Range<usize>,
    elements: Arc<Vec<Element>>,
    drafts: Range<usize>,
    photos: Range<usize>,
    missing: Range<usize>,
    is_last: bool,
}

impl Work {
    pub fn new(
        (head, sha256, signature): (Head, Sha256, String),
        contents: Contents,
        photos: Vec<(SealedPhoto, Option<ProblemCode>)>,
        source: ParcelSource,
    ) -> Self {
        let lengths = [
            contents.entries.len(),
            contents.drafts.len(),
            photos.len(),
            contents.missing.len(),
        ];
        let longest = lengths.into_iter().max().unwrap_or(0);
        let count = longest.div_ceil(FULL_PARCEL_ITEMS).max(1);
        let part = |n: usize| {
            let [entries, drafts, photos, missing] = lengths.map(|len| {
                let at = |n: usize| n.saturating_mul(FULL_PARCEL_ITEMS).min(len);
                at(n)..at(n + 1)
            });
            let raw = contents.entries.get(entries.clone()).unwrap_or_default();
            let elements = raw.iter().map(|raw| Element::of(raw.get().as_bytes())).collect();
            Part {
                entries,
                elements: Arc::new(elements),
                drafts,
                photos,
                missing,
                is_last: n + 1 == count,
            }
        };
        Self {
            parts: (0..count).map(part).collect(),
            head,
            sha256,
            signature,
            contents,
            photos,
            source,
        }
    }
    fn holds_nothing(&self) -> bool {
        let contents = &self.contents;
        contents.entries.is_empty()
            && contents.drafts.is_empty()
            && contents.photos.is_empty()
            && contents.missing.is_empty()
    }
}

/// Stores the parcel part by part and returns what was stored.
pub(super) async fn store(app: &App, work: Work) -> Result<ParcelAnswer, Failure> {
    let work = Arc::new(work);
    let mut all: Option<ParcelAnswer> = None;
    for n in 0..work.parts.len() {
        let (parts, taken) = (app.clone(), Arc::clone(&work));
        let written = app
            .write(move |tx, ctx| {
                let part = taken
                    .parts
                    .get(n)
                    .ok_or_else(|| Failure::internal("no such part"))?;
                record(tx, ctx, &parts, &taken, part)
            })
            .await;
        let answer = match written {
            Err(_) if sabotage::is(Defect::ParcelReceiptBeforeCommit) => {
                return Ok(unstored_answer(app, &work));
            }
            written => written?,
        };
        all = Some(match all {
            None => answer,
            Some(mut all) => {
                all.receipts.extend(answer.receipts);
                all.kept.extend(answer.kept);
                all.photos.extend(answer.photos);
                (all.mark, all.epoch, all.server_time) = (answer.mark, answer.epoch, answer.server_time);
                all
            }
        });
    }
    all.ok_or_else(|| Failure::internal("a parcel without parts"))
}

fn record(
    tx: &mut Tx<'_>,
    ctx: &mut Ctx,
    app: &App,
    work: &Work,
    part: &Part,
) -> Result<ParcelAnswer, Failure> {
    let stream = work.head.stream;
    let sender = match sender(tx, stream)? {
        Some(sender) => sender,
        None => {
            let certificate = certified(app, &work.head)?;
            tokens::readmit(tx, ctx, &certificate, &work.head.certificate)?;
            sender(tx, stream)?.ok_or_else(|| Failure::internal("a stream that was just taken back"))?
        }
    };
    // A parcel that only asks for the mark gets no row, so that staff do not see it.
    let parcel = if work.contents.left > 0 && work.holds_nothing() {
        ctx.event_id()
    } else {
        note(tx, ctx, work)?
    };
    let batch = Batch {
        stream,
        person: sender.person,
        post: sender.post,
        sent: work.contents.clock.clone(),
        exchange: None,
        arrival: ctx.now,
        body_sha256: work.sha256,
        token_sha256: Sha256::of(b""),
        signature: work.signature.clone(),
        elements: Arc::clone(&part.elements),
        sealed: Some(Sealed {
            parcel,
            review: sender.has_ended.then(reasons::sealed),
        }),
    };
    let StoredBatch {
        receipts,
        refused,
        mark,
        ..
    } = custody::take(tx, ctx, app, &batch)?;
    let mut kept = Vec::new();
    for refused in refused {
        if let Some(raw) = work.contents.entries.get(part.entries.start + refused.index) {
            let bytes = raw.get().as_bytes();
            keep(tx, (stream, parcel), "entry", &refused.code, bytes)?;
            kept.push(Sha256::of(bytes));
        }
    }
    for draft in work.contents.drafts.get(part.drafts.clone()).unwrap_or_default() {
        keep(tx, (stream, parcel), "draft", &draft.kind, draft.json.as_bytes())?;
        kept.push(draft.sha256());
    }
    let mut photos = Vec::new();
    for (photo, fault) in work.photos.get(part.photos.clone()).unwrap_or_default() {
        photos.push(receipts::hold(tx, ctx, stream, *photo, *fault)?);
    }
    for missing in work
        .contents
        .missing
        .get(part.missing.clone())
        .unwrap_or_default()
    {
        receipts::missing(tx, stream, missing.sha256, &printable(&missing.code))?;
    }
    let last = part.is_last && work.contents.left == 0 && sender.has_ended;
    streams::handed_over(tx, stream, ctx.now, last)?;
    Ok(ParcelAnswer {
        epoch: identity::epoch(tx)?,
        server_time: ctx.now,
        parcel: work.sha256,
        receipts,
        kept,
        photos,
        mark,
    })
}

/// A code of the handset as it is stored.
fn printable(code: &str) -> String {
    code.chars().filter(|c| !c.is_control()).take(64).collect()
}

/// Inserts the parcel's row, or finds that of the same parcel, and returns its id.
fn note(tx: &mut Tx<'_>, ctx: &mut Ctx, work: &Work) -> Result<EventId, Failure> {
    let stream = work.head.stream.to_string();
    let before = tx.opt(
        "SELECT id FROM parcel WHERE stream = ?1 AND sha256 = ?2",
        params![&stream, work.sha256.to_string()],
        |row| row.parse("id"),
    )?;
    if let Some(id) = before {
        return Ok(id);
    }
    let id = ctx.event_id();
    let count = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
    let sealed_for = match &work.contents.sealed_for {
        Open::Known(why) => why.as_str(),
        Open::Other(_) => "other",
    };
    tx.run(
        "INSERT INTO parcel (id, stream, sha256, key_id, sealed_for, sealed_at, received, carried_by, remaining,
                             entries, drafts, photos)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        params![
            id.to_string(),
            &stream,
            work.sha256.to_string(),
            &work.head.key,
            sealed_for,
            work.contents.clock.estimate().0,
            ctx.now.0,
            match work.source {
                ParcelSource::Network => "network",
                ParcelSource::File => "file",
            },
            i64::try_from(work.contents.left).unwrap_or(i64::MAX),
            count(work.contents.entries.len()),
            count(work.contents.drafts.len()),
            count(work.contents.photos.len())
        ],
    )?;
    let detail = format!("{sealed_for} {}", work.sha256);
    audit::note(tx, ctx, None, "parcel.take", &format!("stream:{stream}"), &detail)?;
    Ok(id)
}

fn keep(
    tx: &mut Tx<'_>,
    (stream, parcel): (StreamId, EventId),
    kind: &str,
    code: &str,
    bytes: &[u8],
) -> Result<(), StoreError> {
    let code = printable(code);
    tx.run(
        "INSERT INTO parcel_item (stream, sha256, parcel, kind, code, bytes) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (stream, sha256) DO NOTHING",
        params![
            stream.to_string(),
            Sha256::of(bytes).to_string(),
            parcel.to_string(),
            kind,
            code,
            bytes
        ],
    )?;
    Ok(())
}

/// [`Defect::ParcelReceiptBeforeCommit`]: the answer of a parcel that was not stored.
fn unstored_answer(app: &App, work: &Work) -> ParcelAnswer {
    let now = app.clock.now();
    let receipt = |element: &Element| match element {
        Element::Framed { reading, sha256, .. } => Some(Receipt {
            id: reading.id,
            n: reading.n,
            sha256: *sha256,
            received: now,
        }),
        Element::Refused { .. } => None,
    };
    let photo = |(photo, _): &(SealedPhoto, Option<ProblemCode>)| PhotoReceipt {
        sha256: photo.sha256,
        size: photo.size,
        received: now,
    };
    ParcelAnswer {
        epoch: app.identity.epoch.clone(),
        server_time: now,
        parcel: work.sha256,
        receipts: work
            .parts
            .iter()
            .flat_map(|part| part.elements.iter())
            .filter_map(receipt)
            .collect(),
        kept: work.contents.drafts.iter().map(|draft| draft.sha256()).collect(),
        photos: work.photos.iter().map(photo).collect(),
        mark: StreamMark::default(),
    }
}
