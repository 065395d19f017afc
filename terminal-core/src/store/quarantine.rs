//! Quarantine: a damaged database is moved away as a whole, with its log and its card, and never deleted. The
//! process may be killed after any step; the next open continues from what it finds.

use crate::{
    Error, Result,
    platform::{
        disk::Disk,
        home::{CARD, CARD_WITH, DATABASE, with_suffix},
    },
};
use std::{
    io::Read as _,
    path::{Path, PathBuf},
};

/// True if the database of an enrolled home is missing or empty: its card is there, and no quarantined database accounts
/// for the card. That is damage; only a home without a card is a new handset.
///
/// # Errors
/// Errors of the disk: a database that cannot be examined is not called empty.
pub(crate) fn is_lost(disk: &dyn Disk, home: &Path) -> Result<bool> {
    let path = home.join(DATABASE);
    if disk.exists(&path) {
        let mut first = [0];
        let read = disk.open(&path).and_then(|mut file| file.read(&mut first));
        if read.map_err(Error::io(&path))? > 0 {
            return Ok(false);
        }
    }
    let Some(card) = card_bytes(disk, &home.join(CARD))? else {
        return Ok(false);
    };
    for name in disk.names(home).map_err(Error::io(home))? {
        if is_moved_aside(&name) {
            let of_it = card_bytes(disk, &home.join(format!("{name}{CARD_WITH}")))?;
            if of_it.is_none_or(|of_it| of_it == card) {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

/// True for a quarantined database, whether it was handed over or not.
fn is_moved_aside(name: &str) -> bool {
    let rest = name.strip_prefix(DATABASE).unwrap_or_default();
    let number = rest
        .strip_prefix(".aside-")
        .or_else(|| rest.strip_prefix(".saved-"));
    number.is_some_and(|n| n.parse::<u32>().is_ok())
}

fn card_bytes(disk: &dyn Disk, path: &Path) -> Result<Option<Vec<u8>>> {
    if !disk.exists(path) {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    let read = disk.open(path).and_then(|mut file| file.read_to_end(&mut bytes));
    read.map(|_| Some(bytes)).map_err(Error::io(path))
}

/// Moves what is left of a lost database to quarantine: its log may hold the last commits, and the photos beside it wait
/// for the salvage.
pub(super) fn quarantine_lost(disk: &dyn Disk, path: &Path) -> Result<Error> {
    if !disk.exists(path) {
        disk.create_synced(path, b"").map_err(Error::io(path))?;
    }
    Ok(Error::Quarantined {
        moved_to: move_to_quarantine(disk, path)?,
        detail: "the database is missing or empty".into(),
    })
}

/// Copies the card beside the quarantined database, because the home's own card will soon describe the next
/// stream.
fn keep_card_with(home: &Path, disk: &dyn Disk, target: &Path) -> Result<()> {
    let path = with_suffix(target, CARD_WITH);
    let Some(bytes) = card_bytes(disk, &home.join(CARD))? else {
        return Ok(());
    };
    if disk.exists(&path) {
        disk.remove(&path).map_err(Error::io(&path))?;
    }
    disk.create_synced(&path, &bytes).map_err(Error::io(&path))
}

/// The quarantined databases of a home that were not handed over yet.
///
/// # Errors
/// Errors of the disk.
pub fn quarantined_databases(home: &Path, disk: &dyn Disk) -> Result<Vec<PathBuf>> {
    let mut names: Vec<String> = disk.names(home).map_err(Error::io(home))?;
    names.retain(|name| {
        name.strip_prefix(DATABASE)
            .and_then(|rest| rest.strip_prefix(".aside-"))
            .is_some_and(|n| n.parse::<u32>().is_ok())
    });
    names.sort();
    Ok(names.into_iter().map(|name| home.join(name)).collect())
}

/// [`Error::Quarantined`] if a database of this home waits to be salvaged, else `error`. A home without an enrolment of
/// which work waits is damaged, and no new handset.
pub(crate) fn or_quarantined(home: &Path, disk: &dyn Disk, error: Error) -> Error {
    let waiting = quarantined_databases(home, disk).unwrap_or_default();
    match (error, waiting.into_iter().next_back()) {
        (Error::NotEnrolled, Some(moved_to)) => Error::Quarantined {
            moved_to,
            detail: "it waits to be salvaged".into(),
        },
        (other, _) => other,
    }
}

/// Returns true if a quarantined database of the home was handed over.
pub(crate) fn has_salvaged(home: &Path, disk: &dyn Disk) -> Result<bool> {
    let names = disk.names(home).map_err(Error::io(home))?;
    Ok(names.iter().any(|name| {
        name.strip_prefix(DATABASE)
            .and_then(|rest| rest.strip_prefix(".saved-"))
            .is_some_and(|n| n.parse::<u32>().is_ok())
    }))
}

/// Suffix of the mark beside a database in which damage was found.
pub(super) const DAMAGED: &str = ".damaged";

pub(super) fn mark_damaged(disk: &dyn Disk, home: &Path, path: &Path) -> Result<()> {
    let mark = with_suffix(path, DAMAGED);
    if !disk.exists(&mark) {
        disk.create_synced(&mark, b"").map_err(Error::io(&mark))?;
        disk.sync_folder(home).map_err(Error::io(home))?;
    }
    Ok(())
}

/// Moves a database with a damage mark to quarantine.
pub(super) fn quarantine(disk: &dyn Disk, path: &Path) -> Result<Error> {
    let moved_to = move_to_quarantine(disk, path)?;
    let mark = with_suffix(path, DAMAGED);
    disk.remove(&mark).map_err(Error::io(&mark))?;
    Ok(Error::Quarantined {
        moved_to,
        detail: "it was found damaged while reading".into(),
    })
}

/// Lowest N with neither `.aside-N` nor `.saved-N`, and the name `account.db.aside-N`. A handed-over database
/// (`.saved-N`) keeps its number, because its report is named by it.
fn free_name(disk: &dyn Disk, path: &Path) -> Result<(u32, PathBuf)> {
    (1..=u32::MAX)
        .find(|n| {
            let is_taken = |state: &str| disk.exists(&with_suffix(path, &format!(".{state}-{n}")));
            !is_taken("aside") && !is_taken("saved")
        })
        .map(|n| (n, with_suffix(path, &format!(".aside-{n}"))))
        .ok_or_else(|| Error::Data("too many quarantined databases".into()))
}

/// Undoes an interrupted move: if only the log was moved, it is moved back, because it may contain the last
/// commits.
pub(super) fn finish_quarantine(disk: &dyn Disk, path: &Path) -> Result<()> {
    let (n, _) = free_name(disk, path)?;
    let (log, home) = (
        with_suffix(path, &format!(".aside-{n}-wal")),
        with_suffix(path, "-wal"),
    );
    if disk.exists(path) && disk.exists(&log) && !disk.exists(&home) {
        disk.rename(&log, &home).map_err(Error::io(&log))?;
    }
    Ok(())
}

/// Moves the database and its log to the first free name `account.db.aside-N`.
pub(super) fn move_to_quarantine(disk: &dyn Disk, path: &Path) -> Result<PathBuf> {
    let named = |suffix: &str| with_suffix(path, suffix);
    let (n, target) = free_name(disk, path)?;
    let folder = path.parent().unwrap_or(path);
    keep_card_with(folder, disk, &target)?;
    // The log first: an old log must never be applied to a new database of the same name.
    for suffix in ["-wal", "-shm"] {
        let (from, to) = (named(suffix), named(&format!(".aside-{n}{suffix}")));
        if disk.exists(&from) {
            disk.rename(&from, &to).map_err(Error::io(&from))?;
        }
    }
    disk.rename(path, &target).map_err(Error::io(path))?;
    disk.sync_folder(folder).map_err(Error::io(folder))?;
    Ok(target)
}
