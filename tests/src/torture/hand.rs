//! A worker with a real handset, in a process that may be killed at any instruction.
//!
//! Whatever a call has returned as done is written to a file outside the handset's home afterwards: the audit holds the
//! handset and the server to it. A call that failed may or may not have happened, as on any disk; what was tried is written
//! before, so that nothing can be there that nobody tried.

use crate::{
    chance::Chance,
    handset::{Handset, fix},
};
use anyhow::{Context, Result};
use protocol::{geo::PointE7, ids::EntryId, open::Open, payload::EntryKind};
use serde::{Deserialize, Serialize};
use std::{
    fs::File,
    io::Write as _,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};
use terminal_core::{photos::PhotoSource, store::Custody, terminal::Terminal, work::ItemState};

/// A line of the file outside the home.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Note {
    /// A report with this id is about to be submitted.
    TryReport(EntryId),
    /// A check-in or check-out is about to be made; it has no id before.
    TryCheck,
    /// A photo was taken into this report.
    Photo(EntryId, String),
    /// The call returned: this item is filed, with these photos.
    Filed(EntryId, Vec<String>),
    /// A sync returned: so many receipts for entries and for photos came.
    Received(u64, u64),
}

/// What a handset says of itself when the world is calm.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Inventory {
    pub stream: String,
    pub items: Vec<Thing>,
    /// Drafts and entries that did not reach the server, in words.
    pub left: Vec<String>,
}

/// An item of the outbox.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Thing {
    pub id: EntryId,
    pub n: u64,
    pub is_report: bool,
    /// What the screen says: the server holds it with all its photos.
    pub is_received: bool,
    pub state: String,
    pub sha256: String,
    pub text: String,
    pub photos: Vec<String>,
}

/// Where a hand works.
#[derive(Debug, Clone)]
pub struct Place {
    pub home: PathBuf,
    pub notes: PathBuf,
    pub seed: u64,
}

/// The middle of the small city's first cell.
const HERE: (i32, i32) = (438_574_500, 1_253_006_225);

/// Works until it is killed. Nothing that fails ends it: the disk may have room again, the server may come back.
pub fn work(place: &Place) -> Result<()> {
    let mut chance = Chance::of(place.seed, "hand");
    let mut notes = Notes::open(&place.notes)?;
    let mut handset = Handset::at(&place.home);
    loop {
        if let Err(error) = act(&mut handset, &mut notes, &mut chance) {
            eprintln!("{error:#}");
            handset.die();
            thread::sleep(Duration::from_millis(50));
        }
    }
}

struct Notes(File);

impl Notes {
    fn open(path: &Path) -> Result<Self> {
        Ok(Self(File::options().append(true).create(true).open(path)?))
    }
    /// One write for a line, so that a kill leaves it whole or not at all.
    fn write(&mut self, note: &Note) -> Result<()> {
        let mut line = serde_json::to_vec(note)?;
        line.push(b'\n');
        Ok(self.0.write_all(&line)?)
    }
}

fn act(handset: &mut Handset, notes: &mut Notes, chance: &mut Chance) -> Result<()> {
    match chance.below(10) {
        0..5 => report(handset.open()?, notes, chance),
        5 => finish_drafts(handset.open()?, notes),
        6 => check(handset.open()?, notes),
        _ => {
            let report = handset.sync()?;
            if report.entries_received == 0 && report.photos_received == 0 {
                thread::sleep(Duration::from_millis(20)); // with nothing to do it would only turn
                return Ok(());
            }
            notes.write(&Note::Received(report.entries_received, report.photos_received))
        }
    }
}

fn here() -> PointE7 {
    PointE7 {
        lat: HERE.0,
        lon: HERE.1,
    }
}

fn report(terminal: &Terminal, notes: &mut Notes, chance: &mut Chance) -> Result<()> {
    let mut draft = terminal.new_report()?;
    draft.matter("E0102".parse()?)?;
    draft.text(format!("{:016x}", chance.bits())).at(fix(here(), 8));
    let (id, mut photos) = (draft.id(), Vec::new());
    for _ in 0..chance.below(3) {
        let picture = noise(chance.bits())?;
        draft.add_photo(PhotoSource::Bytes(&picture))?;
        let now = draft.photos().into_iter().map(|photo| photo.sha256.to_string());
        photos = now.collect::<Vec<_>>();
        if let Some(last) = photos.last() {
            notes.write(&Note::Photo(id, last.clone()))?;
        }
    }
    if !photos.is_empty() && chance.percent(10) {
        return Ok(()); // interrupted; the draft with its photos is finished another time
    }
    notes.write(&Note::TryReport(id))?;
    draft.submit()?;
    notes.write(&Note::Filed(id, photos))
}

fn finish_drafts(terminal: &Terminal, notes: &mut Notes) -> Result<()> {
    let drafts = terminal.queue()?.into_iter().filter(|row| row.is_draft());
    for row in drafts {
        let mut draft = terminal.report_draft(row.id)?;
        notes.write(&Note::TryReport(row.id))?;
        let photos = draft
            .photos()
            .into_iter()
            .map(|photo| photo.sha256.to_string())
            .collect();
        draft.submit()?;
        notes.write(&Note::Filed(row.id, photos))?;
    }
    Ok(())
}

fn check(terminal: &Terminal, notes: &mut Notes) -> Result<()> {
    let on_duty = terminal.presence()?.on_duty;
    notes.write(&Note::TryCheck)?;
    let item = if on_duty {
        terminal.check_out(Some(fix(here(), 8)), "")?
    } else {
        terminal.check_in(Some(fix(here(), 8)), "")?
    };
    notes.write(&Note::Filed(item.id, Vec::new()))
}

/// Tries in a row, in a calm world, that bring nothing and were not told to wait: then it will not be delivered.
const IN_VAIN: u32 = 60;
/// The same for one that is told to wait each time: longer than any wait that the server asks for, but a server whose
/// database is damaged says it for ever.
const TOLD_TO_WAIT: u32 = 600;
const BETWEEN_TRIES: Duration = Duration::from_millis(250);

/// Finishes the drafts and syncs until everything is delivered, or it is clear that it will not be; then says what is here.
pub fn settle(place: &Place) -> Result<Inventory> {
    let mut notes = Notes::open(&place.notes)?;
    let mut handset = Handset::at(&place.home);
    finish_drafts(handset.open()?, &mut notes)?;
    let (mut last, mut in_vain, mut told) = (String::new(), 0, 0);
    while in_vain < IN_VAIN && told < TOLD_TO_WAIT {
        in_vain += 1;
        match handset.sync() {
            Ok(report) if report.is_success() => {
                last.clear();
                break;
            }
            Ok(report) => {
                let got = report.entries_received + report.photos_received + report.rows_pulled;
                // A handset that was told to wait keeps to it, also when its user asks; that is a minute and more.
                if got > 0 {
                    (in_vain, told) = (0, 0);
                } else if report.wait_asked {
                    (in_vain, told) = (0, told + 1);
                }
                last = format!("not everything was delivered: {report:?}");
            }
            Err(error) => last = error.to_string(),
        }
        thread::sleep(BETWEEN_TRIES);
    }
    let mut inventory = take_inventory(handset.open()?)?;
    if !last.is_empty() {
        inventory.left.push(last);
    }
    Ok(inventory)
}

fn take_inventory(terminal: &Terminal) -> Result<Inventory> {
    let mut inventory = Inventory {
        stream: terminal.account().stream.to_string(),
        ..Inventory::default()
    };
    let queue = terminal.queue()?;
    let drafts = queue.iter().filter(|row| row.is_draft());
    inventory
        .left
        .extend(drafts.map(|row| format!("the draft {} is left", row.id)));
    for item in terminal.store().items()? {
        let row = queue.iter().find(|row| row.id == item.id);
        let row = row.with_context(|| format!("the queue does not show {}", item.id))?;
        let received = matches!(item.custody, Custody::Received(_)) && item.is_complete();
        inventory.items.push(Thing {
            id: item.id,
            n: item.n,
            is_report: item.kind == Open::Known(EntryKind::Report),
            is_received: received && row.state == ItemState::Received && row.photos_sent == row.photos_named,
            state: format!("{:?}, {:?}, {:?}", item.custody, row.state, row.problem),
            sha256: item.sha256.to_string(),
            text: text_of(&terminal.store().entry(item.id)?.1)?,
            photos: item.photos.iter().map(|photo| photo.sha256.to_string()).collect(),
        });
    }
    Ok(inventory)
}

fn text_of(entry: &[u8]) -> Result<String> {
    let json: serde_json::Value = serde_json::from_slice(entry)?;
    let text = json.pointer("/payload/text").and_then(serde_json::Value::as_str);
    Ok(text.unwrap_or_default().to_owned())
}

/// A JPEG of noise, another for each seed.
fn noise(seed: u64) -> Result<Vec<u8>> {
    const SIDES: (u16, u16) = (240, 180);
    let mut chance = Chance::new(seed);
    let size = usize::from(SIDES.0) * usize::from(SIDES.1) * 3;
    let mut pixels = Vec::with_capacity(size + 8);
    while pixels.len() < size {
        pixels.extend(chance.bits().to_le_bytes());
    }
    pixels.truncate(size);
    let mut jpeg = Vec::new();
    let encoder = jpeg_encoder::Encoder::new(&mut jpeg, 60);
    encoder.encode(&pixels, SIDES.0, SIDES.1, jpeg_encoder::ColorType::Rgb)?;
    Ok(jpeg)
}
