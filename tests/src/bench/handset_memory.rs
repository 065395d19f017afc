//! The largest memory use of a handset. Each task runs in a process of its own, which reports its peak (`VmHWM`): in
//! a process that did other things before, the peak would be theirs.

use super::{Goals, handset::copy_folder, machine};
use crate::{
    city::City,
    handset::{Handset, fix},
    pictures::PhotoAlbum,
    random::ScenarioRandom,
};
use anyhow::{Result, bail, ensure};
use protocol::geo::PointE7;
use std::{path::Path, process::Command};
use terminal_core::{
    photos::PhotoSource,
    platform::{Connectivity, Power, Surroundings},
    sync::SyncTrigger,
    transport::CancelToken,
    work::QueueFilter,
};

/// Megabytes (10^6 bytes).
const GOAL_MB: f64 = 40.0;
/// A sync: entries, and photos among them.
const SYNC: (usize, usize) = (100, 20);
/// An export: a handset that was without a network for weeks.
const EXPORT: (usize, usize) = (1_100, 45);
/// The file that an export writes.
const EXPORTED: &str = "export.parcels";

/// A task whose memory is measured.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub enum MemoryTask {
    /// Opens the home, reads its keys, and ends: the part of every other figure.
    Idle,
    /// Opens, and shows the home screen and a page of the queue.
    Open,
    /// Opens, and finds the cell of a place in the grid of a district.
    Locate,
    /// Opens and syncs.
    Sync,
    /// Opens and exports.
    Export,
}

impl MemoryTask {
    fn name(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Open => "open",
            Self::Locate => "locate",
            Self::Sync => "sync",
            Self::Export => "export",
        }
    }
}

/// Does the task on the handset in `home` and prints the peak of this process in megabytes.
pub fn perform(task: MemoryTask, home: &Path) -> Result<()> {
    let mut handset = Handset::existing(home);
    match task {
        MemoryTask::Idle => drop(handset.platform()?),
        MemoryTask::Open => {
            let terminal = handset.open()?;
            terminal.status()?;
            terminal.queue_page(QueueFilter::All, None, 50)?;
        }
        MemoryTask::Locate => {
            let place = handset.open()?.where_is(somewhere(), Some(500))?;
            ensure!(place.cell().is_some(), "the place is in no cell");
        }
        MemoryTask::Sync => {
            let terminal = handset.open()?;
            let (around, cancel) = (WiFi, CancelToken::default());
            let report = terminal.sync_now(&around, SyncTrigger::Person, &cancel, &mut |_| {})?;
            ensure!(report.is_success(), "the sync failed: {report:?}");
            let left = (
                terminal.store().items_not_received()?.len(),
                terminal.store().photos_waiting()?,
            );
            ensure!(left == (0, 0), "left after the sync: {left:?}");
        }
        MemoryTask::Export => {
            let exported = handset.open()?.export_parcels(&home.join(EXPORTED))?;
            ensure!(exported.entries > 0, "nothing was exported");
        }
    }
    println!("{}", machine::peak_memory()?);
    Ok(())
}

/// `full` is the home with the most items.
pub fn run(folder: &Path, full: &Path, goals: &Goals) -> Result<()> {
    let mut city = City::create(&folder.join("district"), None, |_| {})?;
    let invited = city.patroller_of_first_community()?;
    let home = folder.join("memory");
    let mut handset = Handset::enrol(&home, &invited.invitation, None)?;
    // Grid and catalogues.
    handset.sync()?;
    let (album, mut random) = (PhotoAlbum::load()?, ScenarioRandom::new(12));
    file(&mut handset, SYNC, &album, &mut random)?;
    handset.kill();
    let offline = folder.join("memory-export");
    copy_folder(&home, &offline)?;
    let more = (EXPORT.0 - SYNC.0, EXPORT.1 - SYNC.1);
    file(&mut Handset::existing(&offline), more, &album, &mut random)?;

    let idle = measure(MemoryTask::Idle, &home)?;
    println!("  the program alone: {idle:.1}MB");
    for (task, home) in [
        (MemoryTask::Open, full),
        (MemoryTask::Locate, &home),
        (MemoryTask::Sync, &home),
        (MemoryTask::Export, &offline),
    ] {
        let promise = format!("handset_memory_{}", task.name());
        goals.at_most(&promise, measure(task, home)?, "MB", GOAL_MB);
    }
    ensure!(city.server.stop()?, "the server did not stop cleanly");
    Ok(())
}

/// The peak of this program in a process that does only this task.
fn measure(task: MemoryTask, home: &Path) -> Result<f64> {
    let done = Command::new(std::env::current_exe()?)
        .args(["memory", task.name()])
        .arg(home)
        .output()?;
    if !done.status.success() {
        bail!("{task:?} failed: {}", String::from_utf8_lossy(&done.stderr));
    }
    Ok(String::from_utf8(done.stdout)?.trim().parse()?)
}

/// Files entries, the first of them with one photo each.
fn file(
    handset: &mut Handset,
    (entries, photos): (usize, usize),
    album: &PhotoAlbum,
    random: &mut ScenarioRandom,
) -> Result<()> {
    let terminal = handset.open()?;
    for number in 0..entries {
        let mut draft = terminal.new_report()?;
        draft.text(super::fleet::words(random)).at(fix(somewhere(), 5));
        if number < photos {
            draft.add_photo(PhotoSource::Bytes(&album.crop(random)?))?;
        }
        draft.submit()?;
    }
    Ok(())
}

/// 桂林路, in the district of the demo.
fn somewhere() -> PointE7 {
    PointE7 {
        lat: 438_600_000,
        lon: 1_253_100_000,
    }
}

struct WiFi;

impl Surroundings for WiFi {
    fn connectivity(&self) -> Connectivity {
        Connectivity::default()
    }
    fn power(&self) -> Power {
        Power::default()
    }
}
