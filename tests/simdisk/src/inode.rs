//! The content of a file: its visible bytes, and how to undo unsynced operations.
//!
//! An undo log and not a redo log: reading is simple, a sync clears the log, and an append (the usual operation of a
//! WAL) saves no bytes. A cut undoes everything unsynced and then redoes the operations that survive.

use std::ffi::c_int;
use std::sync::Arc;

use crate::cut::{Cut, SECTOR};
use crate::rng::Rng;
use crate::wal_index::Shm;

#[derive(Default)]
pub struct Inode {
    pub data: Vec<u8>,
    undo: Vec<Undo>,
    /// SQLite's locks: which handle holds which level.
    pub locks: Vec<(u64, c_int)>,
    /// The index of a WAL, shared by the connections of one epoch.
    pub shm: Option<Arc<Shm>>,
    pub open: u32,
    pub linked: bool,
    /// Number of pending name operations whose undo needs this file.
    pub pins: u32,
}

/// How to undo one unsynced operation.
enum Undo {
    Write {
        seq: u64,
        at: usize,
        len: usize,
        old_len: usize,
        old: Vec<u8>,
    },
    Resize {
        seq: u64,
        old_len: usize,
        tail: Vec<u8>,
    },
}

/// An undone operation that may still survive.
enum Redo {
    Write(u64, usize, Vec<u8>),
    Resize(u64, usize),
}

impl Undo {
    fn seq(&self) -> u64 {
        match self {
            Self::Write { seq, .. } | Self::Resize { seq, .. } => *seq,
        }
    }
}

impl Inode {
    pub fn write(&mut self, seq: u64, at: usize, bytes: &[u8]) {
        let old_len = self.data.len();
        let end = old_len.min(at + bytes.len());
        let old = self.data.get(at..end).unwrap_or_default().to_vec();
        self.put(at, bytes);
        self.undo.push(Undo::Write {
            seq,
            at,
            len: bytes.len(),
            old_len,
            old,
        });
    }
    pub fn resize(&mut self, seq: u64, len: usize) {
        let old_len = self.data.len();
        let tail = self.data.get(len..).unwrap_or_default().to_vec();
        self.data.resize(len, 0);
        self.undo.push(Undo::Resize { seq, old_len, tail });
    }
    pub fn sync(&mut self) {
        self.undo.clear();
    }
    /// Returns the numbers of the unsynced operations.
    pub fn unsynced(&self) -> impl Iterator<Item = u64> {
        self.undo.iter().map(Undo::seq)
    }
    /// Undoes all unsynced operations, then redoes those that survive; operations before `limit` survive a
    /// [`Cut::Prefix`]. Returns how many were lost, at least in part.
    pub fn cut(&mut self, cut: Cut, limit: u64, rng: &mut Rng) -> u64 {
        let undone = self.take_back();
        let mut lost = 0;
        for redo in undone.into_iter().rev() {
            let whole = match redo {
                Redo::Resize(seq, len) => {
                    let keep = match cut {
                        Cut::Scatter { keep, .. } => rng.chance(keep),
                        Cut::Process | Cut::LoseAll | Cut::Prefix => seq < limit,
                    };
                    if keep {
                        self.data.resize(len, 0);
                    }
                    keep
                }
                Redo::Write(seq, at, new) => match cut {
                    Cut::Scatter { keep, tear, garbage } => {
                        self.scatter(at, &new, [keep, tear, garbage], rng)
                    }
                    Cut::Process | Cut::LoseAll | Cut::Prefix if seq < limit => {
                        self.put(at, &new);
                        true
                    }
                    Cut::Prefix if seq == limit => {
                        self.put_part(at, &new, rng);
                        false
                    }
                    Cut::Process | Cut::LoseAll | Cut::Prefix => false,
                },
            };
            lost += u64::from(!whole);
        }
        lost
    }
    fn take_back(&mut self) -> Vec<Redo> {
        let mut redo = Vec::with_capacity(self.undo.len());
        for undo in self.undo.drain(..).rev() {
            match undo {
                Undo::Write {
                    seq,
                    at,
                    len,
                    old_len,
                    old,
                } => {
                    let new = self.data.get(at..at + len).unwrap_or_default().to_vec();
                    redo.push(Redo::Write(seq, at, new));
                    if let Some(place) = self.data.get_mut(at..at + old.len()) {
                        place.copy_from_slice(&old);
                    }
                    self.data.truncate(old_len);
                }
                Undo::Resize { seq, old_len, tail } => {
                    redo.push(Redo::Resize(seq, self.data.len()));
                    self.data.extend_from_slice(&tail);
                    self.data.resize(old_len, 0);
                }
            }
        }
        redo
    }
    /// Redoes the surviving sectors of a write. Returns true if all of them survived.
    fn scatter(&mut self, at: usize, new: &[u8], [keep, tear, garbage]: [u32; 3], rng: &mut Rng) -> bool {
        let (mut done, mut whole) = (0, true);
        while done < new.len() {
            let place = at + done;
            let len = (SECTOR - place % SECTOR).min(new.len() - done);
            let sector = new.get(done..done + len).unwrap_or_default();
            if rng.chance(keep) {
                self.put(place, sector);
            } else {
                whole = false;
                if rng.chance(tear) {
                    self.put_part(place, sector, rng);
                } else if place >= self.data.len() && rng.chance(garbage) {
                    let mut waste = vec![0; len];
                    rng.fill(&mut waste);
                    self.put(place, &waste);
                }
            }
            done += len;
        }
        whole
    }
    fn put_part(&mut self, at: usize, bytes: &[u8], rng: &mut Rng) {
        let len = rng.up_to(bytes.len());
        self.put(at, bytes.get(..len).unwrap_or_default());
    }
    fn put(&mut self, at: usize, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        if self.data.len() < at {
            self.data.resize(at, 0);
        }
        let over = self.data.len().min(at + bytes.len()) - at;
        let (inside, beyond) = bytes.split_at(over);
        if let Some(place) = self.data.get_mut(at..at + over) {
            place.copy_from_slice(inside);
        }
        self.data.extend_from_slice(beyond);
    }
}
