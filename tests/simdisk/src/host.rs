//! The control interface of a machine: opens databases and files on it, schedules its faults, cuts its power.

use std::sync::Arc;

use rusqlite::{Connection, OpenFlags};

use crate::cut::Cut;
use crate::files::Files;
use crate::machine::{Fault, Stats};
use crate::rng::hash_bytes;
use crate::vfs::inner::HostState;
use crate::vfs::registered::RegisteredVfs;

/// One simulated machine. Cheap to clone; its disk is freed with the last clone.
#[derive(Clone)]
pub struct Host(Arc<RegisteredVfs>);

impl Host {
    /// Creates a machine with an empty disk. `label` only makes its VFS name readable.
    pub fn new(label: &str, seed: u64) -> Self {
        Self(Arc::new(RegisteredVfs::new(label, seed)))
    }
    fn inner(&self) -> &Arc<HostState> {
        self.0.inner()
    }
    /// Returns the name under which SQLite knows it, as long as a clone of the host exists.
    pub fn vfs(&self) -> &str {
        self.inner().name.to_str().unwrap_or_default()
    }
    /// Opens a plain connection to a database on this machine.
    pub fn open(&self, file: &str) -> rusqlite::Result<Connection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        Connection::open_with_flags_and_vfs(file, flags, self.inner().name.as_c_str())
    }
    /// Returns the plain files; valid until the next power cycle.
    pub fn files(&self) -> Files {
        Files::of(self.inner().clone())
    }

    /// Returns the number of mutating operations so far: creations, writes, truncations, syncs, renames, removals.
    pub fn ops(&self) -> u64 {
        self.inner().lock().ops
    }
    /// Schedules `fault` at the k-th mutating operation from now; 0 is the next one.
    pub fn fault_in(&self, k: u64, fault: Fault) {
        let mut machine = self.inner().lock();
        let at = machine.ops + k;
        machine.faults.insert(at, fault);
    }
    pub fn clear_faults(&self) {
        self.inner().lock().faults.clear();
    }
    /// Returns true if a fault is scheduled, or the disk has a limit.
    pub fn is_faulty(&self) -> bool {
        let machine = self.inner().lock();
        machine.dead || machine.quota.is_some() || !machine.faults.is_empty()
    }
    /// Returns the names of the files that SQLite has open.
    pub fn open_files(&self) -> Vec<String> {
        let machine = self.inner().lock();
        let is_open = |ino: &u64| machine.inodes.get(ino).is_some_and(|inode| inode.open > 0);
        let open = machine.names.now.iter().filter(|(_, ino)| is_open(ino));
        open.map(|(name, _)| name.clone()).collect()
    }
    pub fn is_dead(&self) -> bool {
        self.inner().lock().dead
    }
    /// Stops the machine now, between two operations: every later call fails until [`Self::power_cycle`].
    pub fn kill(&self) {
        self.inner().lock().dead = true;
    }
    /// Restores the power, or starts the process again: determines which data survived. Older connections and
    /// [`Files`] fail from now on; they may be dropped before or after this call.
    pub fn power_cycle(&self, cut: Cut) {
        self.inner().lock().power_cycle(cut);
    }

    pub fn set_quota(&self, bytes: Option<usize>) {
        self.inner().lock().quota = bytes;
    }
    /// Makes the disk report a sync as done without doing it.
    pub fn set_lying_sync(&self, on: bool) {
        self.inner().lock().lying_sync = on;
    }
    /// Makes names durable without a sync of their folder. POSIX does not promise that.
    pub fn set_names_durable_at_once(&self, on: bool) {
        self.inner().lock().names_durable_at_once = on;
    }
    /// Sets whether SQLite may assume that a torn write leaves neighbouring bytes intact; they always are.
    pub fn set_powersafe_overwrite(&self, on: bool) {
        self.inner().lock().powersafe_overwrite = on;
    }

    /// Returns a hash over the operations so far: kind, file, position and length.
    pub fn trace_hash(&self) -> u64 {
        self.inner().lock().hash
    }
    /// Includes the written bytes in the trace hash.
    pub fn set_hash_content(&self, on: bool) {
        self.inner().lock().hash_content = on;
    }
    pub fn set_log(&self, on: bool) {
        self.inner().lock().log = on.then(Vec::new);
    }
    /// Returns one line for each operation since the last call.
    pub fn take_log(&self) -> Vec<String> {
        let mut machine = self.inner().lock();
        machine.log.as_mut().map(std::mem::take).unwrap_or_default()
    }
    /// Returns a hash over everything that is visible on the disk.
    pub fn disk_hash(&self) -> u64 {
        let machine = self.inner().lock();
        machine.names.now.iter().fold(7, |hash, (name, ino)| {
            let data = machine.inodes.get(ino).map(|inode| inode.data.as_slice());
            hash_bytes(hash_bytes(hash, name.as_bytes()), data.unwrap_or_default())
        })
    }
    pub fn stats(&self) -> Stats {
        self.inner().lock().stats.clone()
    }
    pub fn used(&self) -> usize {
        self.inner().lock().used
    }
    pub fn names(&self) -> Vec<String> {
        self.inner().lock().names.now.keys().cloned().collect()
    }
    /// Returns the machine's own clock as SQLite sees it, in microseconds since the Unix epoch.
    pub fn now_us(&self) -> u64 {
        self.inner().lock().clock_us
    }
    pub fn advance_us(&self, us: u64) {
        self.inner().lock().clock_us += us;
    }
}
