//! Power cycle: determines which data survived.

use crate::cut::Cut;
use crate::machine::{DiskEvent, SimMachine};
use crate::rng::Rng;

impl SimMachine {
    /// Discards unsynced data according to `cut`, then starts a new epoch: locks, shared memory and open handles are
    /// discarded, and handles of an old epoch always fail.
    pub fn power_cycle(&mut self, cut: Cut) {
        self.epoch += 1;
        self.dead = false;
        self.faults.clear();
        self.stats.cuts += 1;
        if cut != Cut::Process {
            self.forget(cut);
        }
        for inode in self.inodes.values_mut() {
            inode.locks.clear();
            inode.shm = None;
            inode.open = 0;
            inode.linked = false;
        }
        for ino in self.names.now.values() {
            if let Some(inode) = self.inodes.get_mut(ino) {
                inode.linked = true;
            }
        }
        self.inodes.retain(|_, inode| inode.linked || inode.pins > 0);
        let linked = self.inodes.values().filter(|inode| inode.linked);
        self.used = linked.map(|inode| inode.data.len()).sum();
        self.trace(DiskEvent::PowerCycle, 0, self.epoch, self.used as u64);
    }
    fn forget(&mut self, cut: Cut) {
        let mut rng = Rng(self.rng.next());
        let limit = match cut {
            Cut::Process => u64::MAX,
            Cut::LoseAll | Cut::Scatter { .. } => 0,
            Cut::Prefix => {
                let contents = self.inodes.values().flat_map(|inode| inode.unsynced());
                let mut unsynced: Vec<u64> = self.names.unsynced().chain(contents).collect();
                unsynced.sort_unstable();
                let survivors = rng.up_to(unsynced.len());
                unsynced.get(survivors).copied().unwrap_or(u64::MAX)
            }
        };
        for inode in self.inodes.values_mut() {
            self.stats.lost += inode.cut(cut, limit, &mut rng);
            inode.pins = 0;
        }
        let keep = match cut {
            Cut::Process => self.names.pending(),
            Cut::LoseAll => 0,
            Cut::Prefix => self.names.unsynced().filter(|seq| *seq < limit).count(),
            Cut::Scatter { .. } => rng.up_to(self.names.pending()),
        };
        self.stats.lost += self.names.cut(keep);
    }
}
