//! A worker with a real handset, in a process that may be killed at any instruction.
//!
//! What a call returned as done is written to a journal outside the handset's home afterwards; the audit
//! compares the handset and the server with it. A call that failed may or may not have had its effect, as on
//! any disk; therefore each attempt is written before it is made, so that the audit finds entries that nobody
//! attempted.

use crate::{
    handset::{Handset, fix},
    random::ScenarioRandom,
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

/// A line of the journal, which is outside the home.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JournalLine {
    /// Written before a report with this id is submitted.
    TryReport(EntryId),
    /// Written before a check-in or check-out; it has no id yet.
    TryCheck,
    /// A photo was added to this report.
    Photo(EntryId, String),
    /// The call returned: this item is filed, with these photos.
    Filed(EntryId, Vec<String>),
    /// A sync returned with this many receipts for entries and for photos.
    Received(u64, u64),
}

/// What a handset holds after a calm phase.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct HandsetInventory {
    pub stream: String,
    pub items: Vec<InventoryItem>,
    /// Drafts and entries that were not delivered, in words.
    pub left: Vec<String>,
}

/// An item of the outbox.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct InventoryItem {
    pub id: EntryId,
    pub n: u64,
    pub is_report: bool,
    /// The handset shows it as received by the server with all its photos.
    pub is_received: bool,
    pub state: String,
    pub sha256: String,
    pub text: String,
    pub photos: Vec<String>,
}

/// Folders and seed of one handset process.
#[derive(Debug, Clone)]
pub struct HandsetHome {
    pub home: PathBuf,
    pub notes: PathBuf,
    pub seed: u64,
}

/// Centre of the small city's first cell: latitude and longitude in 1e-7 degrees.
const HERE: (i32, i32) = (438_574_500, 1_253_006_225);

/// Works until the process is killed. A failed call does not end it: the disk may get free space, the server
/// may come back.
pub fn work(place: &HandsetHome) -> Result<()> {
    let mut random = ScenarioRandom::of(place.seed, "hand");
    let mut notes = Journal::open(&place.notes)?;
    let mut handset = Handset::existing(&place.home);
    loop {
        if let Err(error) = act(&mut handset, &mut notes, &mut random) {
            eprintln!("{error:#}");
            handset.kill();
            thread::sleep(Duration::from_millis(50));
        }
    }
}

struct Journal(File);

impl Journal {
    fn open(path: &Path) -> Result<Self> {
        Ok(Self(File::options().append(true).create(true).open(path)?))
    }
    /// Writes a line with one call, so that a kill leaves it whole or leaves it out.
    fn write(&mut self, note: &JournalLine) -> Result<()> {
        let mut line = serde_json::to_vec(note)?;
        line.push(b'\n');
        Ok(self.0.write_all(&line)?)
    }
}

fn act(handset: &mut Handset, notes: &mut Journal, random: &mut ScenarioRandom) -> Result<()> {
    match random.below(10) {
        0..5 => report(handset.open()?, notes, random),
        5 => finish_drafts(handset.open()?, notes),
        6 => check(handset.open()?, notes),
        _ => {
            let report = handset.sync()?;
            if report.entries_received == 0 && report.photos_received == 0 {
                thread::sleep(Duration::from_millis(20)); // With nothing to do the loop would only spin.
                return Ok(());
            }
            notes.write(&JournalLine::Received(
                report.entries_received,
                report.photos_received,
            ))
        }
    }
}

fn here() -> PointE7 {
    PointE7 {
        lat: HERE.0,
        lon: HERE.1,
    }
}

fn report(terminal: &Terminal, notes: &mut Journal, random: &mut ScenarioRandom) -> Result<()> {
    let mut draft = terminal.new_report()?;
    draft.matter("E0102".parse()?)?;
    draft.text(format!("{:016x}", random.bits())).at(fix(here(), 8));
    let (id, mut photos) = (draft.id(), Vec::new());
    for _ in 0..random.below(3) {
        let picture = noise(random.bits())?;
        draft.add_photo(PhotoSource::Bytes(&picture))?;
        let now = draft.photos().into_iter().map(|photo| photo.sha256.to_string());
        photos = now.collect::<Vec<_>>();
        if let Some(last) = photos.last() {
            notes.write(&JournalLine::Photo(id, last.clone()))?;
        }
    }
    if !photos.is_empty() && random.percent(10) {
        return Ok(()); // Interrupted: the draft with its photos is submitted later.
    }
    notes.write(&JournalLine::TryReport(id))?;
    draft.submit()?;
    notes.write(&JournalLine::Filed(id, photos))
}

fn finish_drafts(terminal: &Terminal, notes: &mut Journal) -> Result<()> {
    let drafts = terminal.queue()?.into_iter().filter(|row| row.is_draft());
    for row in drafts {
        let mut draft = terminal.report_draft(row.id)?;
        notes.write(&JournalLine::TryReport(row.id))?;
        let photos = draft
            .photos()
            .into_iter()
            .map(|photo| photo.sha256.to_string())
            .collect();
        draft.submit()?;
        notes.write(&JournalLine::Filed(row.id, photos))?;
    }
    Ok(())
}

fn check(terminal: &Terminal, notes: &mut Journal) -> Result<()> {
    let on_duty = terminal.presence()?.on_duty;
    notes.write(&JournalLine::TryCheck)?;
    let item = if on_duty {
        terminal.check_out(Some(fix(here(), 8)), "")?
    } else {
        terminal.check_in(Some(fix(here(), 8)), "")?
    };
    notes.write(&JournalLine::Filed(item.id, Vec::new()))
}

/// Number of syncs without faults in a row that deliver nothing and announce no wait, after which the process
/// gives up.
const SYNCS_WITHOUT_EFFECT: u32 = 60;
/// The same for syncs that announce a wait: longer than any wait that the server asks for, because a server
/// with a damaged database asks for one forever.
const SYNCS_TOLD_TO_WAIT: u32 = 600;
const BETWEEN_TRIES: Duration = Duration::from_millis(250);

/// Submits the drafts and syncs until everything is delivered or the limits above are reached; returns the
/// inventory.
pub fn deliver_all(place: &HandsetHome) -> Result<HandsetInventory> {
    let mut notes = Journal::open(&place.notes)?;
    let mut handset = Handset::existing(&place.home);
    finish_drafts(handset.open()?, &mut notes)?;
    let (mut last, mut in_vain, mut told) = (String::new(), 0, 0);
    while in_vain < SYNCS_WITHOUT_EFFECT && told < SYNCS_TOLD_TO_WAIT {
        in_vain += 1;
        match handset.sync() {
            Ok(report) if report.is_success() => {
                last.clear();
                break;
            }
            Ok(report) => {
                let got = report.entries_received + report.photos_received + report.rows_pulled;
                // A handset that must wait does so for a manual sync too; that may take more than a minute.
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

fn take_inventory(terminal: &Terminal) -> Result<HandsetInventory> {
    let mut inventory = HandsetInventory {
        stream: terminal.account().stream.to_string(),
        ..HandsetInventory::default()
    };
    let queue = terminal.queue()?;
    let drafts = queue.iter().filter(|row| row.is_draft());
    inventory
        .left
        .extend(drafts.map(|row| format!("draft {} was not submitted", row.id)));
    for item in terminal.store().items()? {
        let row = queue.iter().find(|row| row.id == item.id);
        let row = row.with_context(|| format!("the queue does not show {}", item.id))?;
        let received = matches!(item.custody, Custody::Received(_)) && item.is_complete();
        inventory.items.push(InventoryItem {
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

/// A noise JPEG that differs by seed.
fn noise(seed: u64) -> Result<Vec<u8>> {
    const SIDES: (u16, u16) = (240, 180);
    let mut random = ScenarioRandom::new(seed);
    let size = usize::from(SIDES.0) * usize::from(SIDES.1) * 3;
    let mut pixels = Vec::with_capacity(size + 8);
    while pixels.len() < size {
        pixels.extend(random.bits().to_le_bytes());
    }
    pixels.truncate(size);
    let mut jpeg = Vec::new();
    let encoder = jpeg_encoder::Encoder::new(&mut jpeg, 60);
    encoder.encode(&pixels, SIDES.0, SIDES.1, jpeg_encoder::ColorType::Rgb)?;
    Ok(jpeg)
}
