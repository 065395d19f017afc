//! One machine: its disk, its clock, its random numbers, and its scheduled faults.
//!
//! Every mutating call goes through [`SimMachine::tick`], which counts it and returns the fault that hits it. SQLite's
//! VFS and the plain files use the same calls.

use std::collections::BTreeMap;

use crate::inode::Inode;
use crate::names::{NameOp, Names};
use crate::rng::{Rng, hash_bytes, mix};

/// A fault at one mutating operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The machine stops at this operation: this and every later call fails until the power returns. A write or a
    /// change of names has reached the disk, unsynced; a sync has not happened.
    PowerCut,
    /// The operation fails without effect.
    IoErr,
    /// A write finds no space; any other operation fails like [`Fault::IoErr`].
    Full,
    /// As [`Fault::IoErr`]; meant for a sync. The written data stays unsynced.
    SyncErr,
}

/// Counts of a machine's operations and losses so far.
#[derive(Clone, Debug, Default)]
pub struct Stats {
    pub writes: u64,
    pub syncs: u64,
    pub lying: u64,
    pub lost: u64,
    pub cuts: u64,
    pub bytes: u64,
    pub dirops: u64,
}

/// Why a call failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fail {
    Dead,
    Io,
    Full,
    Missing,
    Exists,
}

/// The events that a trace counts.
#[derive(Clone, Copy)]
pub enum DiskEvent {
    Open,
    Write,
    Resize,
    Sync,
    SyncDir,
    Remove,
    Rename,
    Refused,
    PowerCycle,
}

impl DiskEvent {
    fn letter(self) -> char {
        match self {
            Self::Open => 'o',
            Self::Write => 'w',
            Self::Resize => 't',
            Self::Sync => 's',
            Self::SyncDir => 'S',
            Self::Remove => 'd',
            Self::Rename => 'r',
            Self::Refused => 'x',
            Self::PowerCycle => 'P',
        }
    }
}

pub struct SimMachine {
    pub inodes: BTreeMap<u64, Inode>,
    pub names: Names,
    next_id: u64,
    seq: u64,
    pub epoch: u64,
    pub dead: bool,
    pub ops: u64,
    pub faults: BTreeMap<u64, Fault>,
    pub quota: Option<usize>,
    /// Total bytes of the files that have a name or are open.
    pub used: usize,
    pub lying_sync: bool,
    pub powersafe_overwrite: bool,
    pub names_durable_at_once: bool,
    pub clock_us: u64,
    pub rng: Rng,
    pub hash: u64,
    pub hash_content: bool,
    pub log: Option<Vec<String>>,
    pub stats: Stats,
}

impl SimMachine {
    pub fn new(seed: u64) -> Self {
        Self {
            inodes: BTreeMap::new(),
            names: Names::default(),
            next_id: 0,
            seq: 0,
            epoch: 1,
            dead: false,
            ops: 0,
            faults: BTreeMap::new(),
            quota: None,
            used: 0,
            lying_sync: false,
            powersafe_overwrite: true,
            names_durable_at_once: false,
            clock_us: 1_767_225_600_000_000, // 2026-01-01
            rng: Rng(seed),
            hash: seed,
            hash_content: false,
            log: None,
            stats: Stats::default(),
        }
    }
    pub fn next_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }
    fn next_seq(&mut self) -> u64 {
        self.seq += 1;
        self.seq
    }
    /// Adds an event to the trace.
    pub fn trace(&mut self, event: DiskEvent, ino: u64, a: u64, b: u64) {
        let letter = event.letter();
        self.hash = mix(mix(mix(self.hash, u64::from(letter) ^ (ino << 8)), a), b);
        if let Some(log) = &mut self.log {
            log.push(format!("{letter} f{ino} {a} {b}"));
        }
    }
    fn tick(&mut self) -> Option<Fault> {
        let now = self.ops;
        self.ops += 1;
        self.faults.remove(&now)
    }
    /// Counts one operation. A power cut at this operation returns `Ok(true)`: the operation still reaches the disk,
    /// and then the machine stops.
    fn begin(&mut self) -> Result<bool, Fail> {
        match self.tick() {
            None => Ok(false),
            Some(Fault::PowerCut) => Ok(true),
            Some(Fault::Full) => Err(Fail::Full),
            Some(Fault::IoErr | Fault::SyncErr) => Err(Fail::Io),
        }
    }
    /// Ends an operation that [`Self::begin`] permitted.
    fn end(&mut self, cut: bool) -> Result<(), Fail> {
        if cut {
            self.dead = true;
            return Err(Fail::Dead);
        }
        Ok(())
    }

    /// Returns the file of a name, created when it is missing, and whether it was created.
    pub fn find_or_create(&mut self, name: &str) -> Result<(u64, bool), Fail> {
        if let Some(ino) = self.names.now.get(name) {
            return Ok((*ino, false));
        }
        let cut = self.begin()?;
        let ino = self.new_inode(true);
        self.change_names(NameOp::Add {
            name: name.to_owned(),
            ino,
        });
        self.end(cut)?;
        Ok((ino, true))
    }
    /// Creates a file without a name, freed with its handle.
    pub fn nameless(&mut self) -> u64 {
        self.new_inode(false)
    }
    fn new_inode(&mut self, linked: bool) -> u64 {
        let ino = self.next_id();
        self.inodes.entry(ino).or_default().linked = linked;
        ino
    }
    pub fn write(&mut self, ino: u64, at: usize, bytes: &[u8]) -> Result<(), Fail> {
        let begun = self.begin();
        let Some(old_len) = self.inodes.get(&ino).map(|inode| inode.data.len()) else {
            return Err(Fail::Io);
        };
        let grow = (at + bytes.len()).saturating_sub(old_len);
        let full = grow > 0 && self.quota.is_some_and(|quota| self.used + grow > quota);
        let cut = match begun {
            Ok(_) if full => Err(Fail::Full),
            other => other,
        };
        let cut = cut.inspect_err(|_| self.trace(DiskEvent::Refused, ino, at as u64, bytes.len() as u64))?;
        let seq = self.next_seq();
        self.stats.writes += 1;
        self.stats.bytes += bytes.len() as u64;
        self.used += grow;
        if let Some(inode) = self.inodes.get_mut(&ino) {
            inode.write(seq, at, bytes);
        }
        let shape = bytes.len() as u64;
        let content = if self.hash_content {
            hash_bytes(shape, bytes)
        } else {
            shape
        };
        self.trace(DiskEvent::Write, ino, at as u64, content);
        self.end(cut)
    }
    pub fn resize(&mut self, ino: u64, len: usize) -> Result<(), Fail> {
        let cut = self.begin()?;
        let seq = self.next_seq();
        let inode = self.inodes.get_mut(&ino).ok_or(Fail::Io)?;
        let old_len = inode.data.len();
        inode.resize(seq, len);
        self.used = self.used + len - old_len;
        self.trace(DiskEvent::Resize, ino, len as u64, old_len as u64);
        self.end(cut)
    }
    /// Makes the content durable; with `folder` also its names, in the same step.
    pub fn sync(&mut self, ino: u64, folder: Option<&str>) -> Result<(), Fail> {
        let cut = self.begin()?;
        self.end(cut)?; // died before the sync took effect
        self.stats.syncs += 1;
        if self.lying_sync {
            self.stats.lying += 1;
        } else if let Some(inode) = self.inodes.get_mut(&ino) {
            inode.sync();
        }
        self.trace(DiskEvent::Sync, ino, 0, 0);
        if let Some(folder) = folder {
            self.settle_names(folder);
        }
        Ok(())
    }
    pub fn sync_dir(&mut self, folder: &str) -> Result<(), Fail> {
        let cut = self.begin()?;
        self.end(cut)?;
        self.stats.syncs += 1;
        self.stats.lying += u64::from(self.lying_sync);
        self.trace(DiskEvent::SyncDir, 0, hash_bytes(0, folder.as_bytes()), 0);
        self.settle_names(folder);
        Ok(())
    }
    /// Removes a name; with `sync_dir` durably, in the same step.
    pub fn remove(&mut self, name: &str, sync_dir: bool) -> Result<(), Fail> {
        let ino = *self.names.now.get(name).ok_or(Fail::Missing)?;
        let cut = self.begin()?;
        self.change_names(NameOp::Remove {
            name: name.to_owned(),
            ino,
        });
        self.unlink(ino);
        self.trace(DiskEvent::Remove, ino, u64::from(sync_dir), 0);
        self.end(cut)?;
        if sync_dir {
            self.settle_names(crate::names::folder(name));
        }
        Ok(())
    }
    pub fn rename(&mut self, from: &str, to: &str) -> Result<(), Fail> {
        let ino = *self.names.now.get(from).ok_or(Fail::Missing)?;
        let cut = self.begin()?;
        if from != to {
            let replaced = self.names.now.get(to).copied();
            self.change_names(NameOp::Rename {
                from: from.to_owned(),
                to: to.to_owned(),
                ino,
                replaced,
            });
            if let Some(old) = replaced {
                self.unlink(old);
            }
        }
        self.trace(DiskEvent::Rename, ino, hash_bytes(0, to.as_bytes()), 0);
        self.end(cut)
    }
    fn change_names(&mut self, op: NameOp) {
        let seq = self.next_seq();
        self.stats.dirops += 1;
        if !self.names_durable_at_once {
            for ino in op.inodes() {
                if let Some(inode) = self.inodes.get_mut(&ino) {
                    inode.pins += 1;
                }
            }
        }
        self.names.apply(seq, op, self.names_durable_at_once);
    }
    fn settle_names(&mut self, folder: &str) {
        if self.lying_sync {
            return;
        }
        for ino in self.names.sync(folder).iter().flat_map(NameOp::inodes) {
            if let Some(inode) = self.inodes.get_mut(&ino) {
                inode.pins = inode.pins.saturating_sub(1);
            }
            self.free_unreachable(ino);
        }
    }
    fn unlink(&mut self, ino: u64) {
        if let Some(inode) = self.inodes.get_mut(&ino) {
            inode.linked = false;
            if inode.open == 0 {
                self.used -= inode.data.len();
            }
        }
        self.free_unreachable(ino);
    }
    /// Releases a closed handle.
    pub fn close(&mut self, ino: u64) {
        if let Some(inode) = self.inodes.get_mut(&ino) {
            inode.open = inode.open.saturating_sub(1);
            if inode.open == 0 && !inode.linked {
                self.used -= inode.data.len();
            }
        }
        self.free_unreachable(ino);
    }
    fn free_unreachable(&mut self, ino: u64) {
        if let Some(inode) = self.inodes.get(&ino)
            && !inode.linked
            && inode.open == 0
            && inode.pins == 0
        {
            self.inodes.remove(&ino);
        }
    }
}
