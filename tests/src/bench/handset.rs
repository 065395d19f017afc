//! What a screen asks of the core while the handset holds 1,000, 10,000 and 100,000 items: opening, pages of the
//! queue, home screen, one item. Compared with the same call at 1,000 items in the same run: a call may cost what it
//! returns, and not what the handset holds.
//!
//! This machine stands in for a phone: the ratios are the claim, the times are not.

use super::{Goals, fleet::words, handset_memory, median};
use crate::{city::City, handset::Handset, process::ServerSetup, random::ScenarioRandom};
use anyhow::{Context, Result, ensure};
use protocol::{codes::CellCode, ids::EntryId};
use std::{
    fs,
    path::{Path, PathBuf},
    time::Instant,
};
use terminal_core::{
    terminal::Terminal,
    work::{QueueFilter, QueueRow},
};

/// How many items the handset holds.
const STEPS: [usize; 3] = [1_000, 10_000, 100_000];
/// Of these, so many were not sent.
const UNSENT: usize = 50;
/// Rows that a screen asks for at once.
const PAGE: usize = 50;
const LONG_PAGE: usize = 500;
/// Each call is made so often in a round; the median counts.
const REPEATS: usize = 5;
/// At most so many times the same call at 1,000 items.
const GROWTH: f64 = 2.0;
/// A page of ten times as many rows may cost ten times as much; the rest is for noise.
const PAGE_GROWTH: f64 = 12.0;
/// Below this a call counts as taking this long: shorter times are noise. Unit: milliseconds.
const FLOOR_MS: f64 = 0.5;
/// No request limit, because this handset sends what a city sends.
const SETTINGS: &str = "field_requests_per_minute = 0\npush_kb_per_minute = 0\n";

/// What is measured.
pub struct HandsetPlan {
    pub folder: PathBuf,
    pub rounds: usize,
}

pub fn run(plan: &HandsetPlan, goals: &Goals) -> Result<()> {
    println!("stand-in: this machine stands in for a phone");
    let homes = fill(&plan.folder)?;
    grow(&homes, plan.rounds, goals)?;
    let largest = homes.last().context("no homes")?;
    handset_memory::run(&plan.folder, &largest.folder, goals)
}

/// A handset's folder with so many items.
struct FilledHome {
    items: usize,
    folder: PathBuf,
}

/// Files the items on one handset through the core, sends them to a real server, and copies the folder at each step.
fn fill(folder: &Path) -> Result<Vec<FilledHome>> {
    let setup = ServerSetup {
        settings: Some(SETTINGS.into()),
        ..ServerSetup::default()
    };
    let mut city = City::small(&folder.join("city"), setup)?;
    let invited = city.patroller_of_first_community()?;
    let home = folder.join("handset");
    let mut handset = Handset::enrol(&home, &invited.invitation, None)?;
    handset.sync()?;
    let cells: Vec<CellCode> = city.pack.view().cells().map(|cell| cell.code).collect();
    let (mut random, mut held) = (ScenarioRandom::new(11), 0);
    let mut homes = Vec::new();
    for items in STEPS {
        let began = Instant::now();
        report(handset.open()?, items - UNSENT - held, &cells, &mut random)?;
        let filed = began.elapsed();
        let synced = handset.sync()?;
        ensure!(synced.is_success(), "the sync failed: {synced:?}");
        report(handset.open()?, UNSENT, &cells, &mut random)?;
        held = items;
        println!(
            "  {items} items: filed in {:.1}s, sent in {:.1}s",
            filed.as_secs_f64(),
            (began.elapsed() - filed).as_secs_f64()
        );
        handset.kill();
        let copy = folder.join(format!("handset-{items}"));
        copy_folder(&home, &copy)?;
        homes.push(FilledHome { items, folder: copy });
    }
    ensure!(city.server.stop()?, "the server did not stop cleanly");
    Ok(homes)
}

fn report(
    terminal: &Terminal,
    reports: usize,
    cells: &[CellCode],
    random: &mut ScenarioRandom,
) -> Result<()> {
    for _ in 0..reports {
        let mut draft = terminal.new_report()?;
        draft.text(words(random)).cell(random.pick(cells).copied())?;
        draft.submit()?;
    }
    Ok(())
}

/// Copies a closed home.
pub fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let copy = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &copy)?;
        } else {
            fs::copy(entry.path(), copy)?;
        }
    }
    Ok(())
}

/// A home that is open, with what the calls need.
struct OpenHome {
    terminal: Terminal,
    /// An item in the middle, and its number.
    middle: (EntryId, u64),
}

impl OpenHome {
    fn of(home: &FilledHome) -> Result<Self> {
        let terminal = open(home)?;
        let number = u64::try_from(home.items / 2)?;
        let rows = terminal.queue_page(QueueFilter::All, Some(number + 1), 1)?;
        let row = rows.first().context("no item in the middle")?;
        Ok(Self {
            middle: (row.id, number),
            terminal,
        })
    }
    fn page(&self, filter: QueueFilter, after: Option<u64>, rows: usize, expected: usize) -> Result<()> {
        let page: Vec<QueueRow> = self.terminal.queue_page(filter, after, rows)?;
        ensure!(
            page.len() == expected,
            "{} rows in a page of {expected}",
            page.len()
        );
        Ok(())
    }
}

fn open(home: &FilledHome) -> Result<Terminal> {
    let platform = Handset::existing(&home.folder).platform()?;
    Ok(Terminal::open(&home.folder, platform)?)
}

type Call = fn(&FilledHome, &OpenHome) -> Result<()>;

/// (name of the promise, call)
const CALLS: [(&str, Call); 7] = [
    ("open", |home, _| open(home).map(drop)),
    ("queue", |_, home| home.page(QueueFilter::All, None, PAGE, PAGE)),
    ("queue_middle", |_, home| {
        home.page(QueueFilter::All, Some(home.middle.1), PAGE, PAGE)
    }),
    ("queue_unsent", |_, home| {
        home.page(QueueFilter::Unsent, None, PAGE, UNSENT)
    }),
    // Nothing was returned, so a page is never full.
    ("queue_needs_you", |_, home| {
        home.page(QueueFilter::NeedsYou, None, PAGE, 0)
    }),
    ("status", |_, home| {
        let status = home.terminal.status()?;
        ensure!(
            status.items_waiting == UNSENT,
            "{} items wait",
            status.items_waiting
        );
        Ok(())
    }),
    ("item", |_, home| {
        let detail = home.terminal.item(home.middle.0)?;
        ensure!(detail.case.is_some(), "the item has no case");
        Ok(())
    }),
];

fn grow(homes: &[FilledHome], rounds: usize, goals: &Goals) -> Result<()> {
    let opened = homes.iter().map(OpenHome::of).collect::<Result<Vec<_>>>()?;
    for (name, call) in CALLS {
        let mut times = vec![Vec::new(); homes.len()];
        // The first round warms up and is not counted.
        for round in 0..=rounds {
            for ((home, open), times) in homes.iter().zip(&opened).zip(&mut times) {
                for _ in 0..REPEATS {
                    let took = timed(|| call(home, open))?;
                    if round > 0 {
                        times.push(took);
                    }
                }
            }
        }
        let mut medians = homes
            .iter()
            .zip(times)
            .map(|(home, times)| (home.items, median(times)));
        let (_, small) = medians.next().context("no homes")?;
        for (items, ours) in medians {
            compare(&format!("handset_{name}_{items}"), ours, small, GROWTH, goals);
        }
    }
    let largest = opened.last().context("no homes")?;
    let (mut short, mut long) = (Vec::new(), Vec::new());
    for _ in 0..rounds * REPEATS {
        short.push(timed(|| largest.page(QueueFilter::All, None, PAGE, PAGE))?);
        long.push(timed(|| {
            largest.page(QueueFilter::All, None, LONG_PAGE, LONG_PAGE)
        })?);
    }
    compare(
        "handset_queue_page_500",
        median(long),
        median(short),
        PAGE_GROWTH,
        goals,
    );
    Ok(())
}

/// Milliseconds of a call.
fn timed(call: impl FnOnce() -> Result<()>) -> Result<f64> {
    let began = Instant::now();
    call()?;
    Ok(began.elapsed().as_secs_f64() * 1000.0)
}

/// `peer`: the same call at 1,000 items, or for a shorter page.
fn compare(promise: &str, ours: f64, peer: f64, goal: f64, goals: &Goals) {
    let ratio = ours.max(FLOOR_MS) / peer.max(FLOOR_MS);
    goals.within(
        promise,
        &format!("{ours:.2}ms"),
        &format!("{peer:.2}ms"),
        ratio,
        goal,
    );
}
