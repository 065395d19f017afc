//! One open file of one connection.

use std::sync::{Arc, MutexGuard};

use rusqlite::ffi;

use super::inner::HostState;
use crate::machine::{Fail, SimMachine};
use crate::wal_index::Shm;

pub struct OpenFile {
    pub host: Arc<HostState>,
    pub ino: u64,
    pub epoch: u64,
    pub id: u64,
    pub name: Option<String>,
    pub delete_on_close: bool,
    /// The first sync also makes the names of its folder durable.
    pub sync_folder: bool,
    pub shm: Option<Arc<Shm>>,
    /// Slots of the WAL index that this file holds, one bit each.
    pub shm_shared: u8,
    pub shm_exclusive: u8,
}

impl OpenFile {
    /// Returns the machine, if it runs and was not restarted since this file was opened.
    pub fn machine(&self) -> Result<MutexGuard<'_, SimMachine>, Fail> {
        let machine = self.host.lock();
        if machine.dead || machine.epoch != self.epoch {
            return Err(Fail::Dead);
        }
        Ok(machine)
    }
}

/// The memory that SQLite allocates for a file (szOsFile): its own head, then our handle.
#[repr(C)]
pub struct SimFile {
    pub base: ffi::sqlite3_file,
    pub handle: *mut OpenFile,
}

/// Returns a share in a host that the VFS reached through its pointer.
pub fn shared(host: &HostState) -> Arc<HostState> {
    let raw = std::ptr::from_ref(host);
    // SAFETY: an HostState is only ever made inside an Arc, one share of which is leaked, so the count is at least one and
    // the pointer came from `Arc::into_raw`.
    unsafe {
        Arc::increment_strong_count(raw);
        Arc::from_raw(raw)
    }
}

/// # Safety
/// `file` was opened by our xOpen and not closed yet, and no other reference to its handle exists.
pub unsafe fn handle<'a>(file: *mut ffi::sqlite3_file) -> &'a mut OpenFile {
    // SAFETY: then it is a SimFile whose handle is a live box.
    unsafe { &mut *(*file.cast::<SimFile>()).handle }
}
