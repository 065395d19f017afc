//! The names on a disk: durable only after a sync of their folder, independent of the content of their files.

use std::collections::{BTreeMap, BTreeSet};

#[derive(Default)]
pub struct Names {
    /// The visible names.
    pub now: BTreeMap<String, u64>,
    pending: Vec<(u64, NameOp)>,
}

/// One change of names that a cut may undo.
pub enum NameOp {
    Add {
        name: String,
        ino: u64,
    },
    Remove {
        name: String,
        ino: u64,
    },
    Rename {
        from: String,
        to: String,
        ino: u64,
        replaced: Option<u64>,
    },
}

/// Returns the folder of a name; empty at the root.
pub fn folder(name: &str) -> &str {
    name.rsplit_once('/').map_or("", |(folder, _)| folder)
}

impl NameOp {
    /// Returns the name whose folder must be synced. A rename between folders is one record in the journal of the new
    /// folder.
    fn decides(&self) -> &str {
        match self {
            Self::Add { name, .. } | Self::Remove { name, .. } => name,
            Self::Rename { to, .. } => to,
        }
    }
    fn names(&self) -> impl Iterator<Item = &String> {
        let (first, second) = match self {
            Self::Add { name, .. } | Self::Remove { name, .. } => (name, None),
            Self::Rename { from, to, .. } => (from, Some(to)),
        };
        [first].into_iter().chain(second)
    }
    /// Returns the files that an undo of this change needs.
    pub fn inodes(&self) -> impl Iterator<Item = u64> + use<> {
        let (ino, replaced) = match self {
            Self::Add { ino, .. } | Self::Remove { ino, .. } => (*ino, None),
            Self::Rename { ino, replaced, .. } => (*ino, *replaced),
        };
        [ino].into_iter().chain(replaced)
    }
}

impl Names {
    /// Applies `op`, and records it if it is not durable immediately.
    pub fn apply(&mut self, seq: u64, op: NameOp, durable: bool) {
        match &op {
            NameOp::Add { name, ino } => {
                self.now.insert(name.clone(), *ino);
            }
            NameOp::Remove { name, .. } => {
                self.now.remove(name);
            }
            NameOp::Rename { from, to, ino, .. } => {
                self.now.remove(from);
                self.now.insert(to.clone(), *ino);
            }
        }
        if !durable {
            self.pending.push((seq, op));
        }
    }
    pub fn unsynced(&self) -> impl Iterator<Item = u64> {
        self.pending.iter().map(|(seq, _)| *seq)
    }
    /// Makes the changes in `folder` durable, and those that they depend on. Returns the changes that became durable.
    pub fn sync(&mut self, folder_synced: &str) -> Vec<NameOp> {
        let mut built_on: BTreeSet<String> = BTreeSet::new();
        let (mut durable, mut rest) = (Vec::new(), Vec::new());
        for (seq, op) in self.pending.drain(..).rev() {
            if folder(op.decides()) == folder_synced || op.names().any(|name| built_on.contains(name)) {
                built_on.extend(op.names().cloned());
                durable.push(op);
            } else {
                rest.push((seq, op));
            }
        }
        rest.reverse();
        self.pending = rest;
        durable
    }
    /// Undoes all pending changes except the first `keep`. Returns how many were lost; nothing is pending afterwards.
    pub fn cut(&mut self, keep: usize) -> u64 {
        let ops = std::mem::take(&mut self.pending);
        let mut lost = 0;
        for (_, op) in ops.into_iter().skip(keep).rev() {
            lost += 1;
            match op {
                NameOp::Add { name, .. } => {
                    self.now.remove(&name);
                }
                NameOp::Remove { name, ino } => {
                    self.now.insert(name, ino);
                }
                NameOp::Rename {
                    from,
                    to,
                    ino,
                    replaced,
                } => {
                    self.now.remove(&to);
                    self.now.insert(from, ino);
                    if let Some(old) = replaced {
                        self.now.insert(to, old);
                    }
                }
            }
        }
        lost
    }
    pub fn pending(&self) -> usize {
        self.pending.len()
    }
}
