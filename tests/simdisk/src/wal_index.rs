//! The index of a WAL: memory and lock slots that the connections of a host share.
//!
//! SQLite keeps raw pointers into the regions until a file unmaps them, also after a power cut. So each handle holds
//! a share, and the regions are freed with the last one; a restarted machine gets new ones and recovers the WAL.

use std::sync::{Mutex, MutexGuard, PoisonError};

const SLOTS: usize = 8; // SQLITE_SHM_NLOCK

/// One lock slot.
#[derive(Clone, Copy, Default)]
pub enum Slot {
    #[default]
    Free,
    Shared(u32),
    Exclusive,
}

#[derive(Default)]
pub struct Shm {
    pub regions: Mutex<Vec<ShmRegion>>,
    pub slots: Mutex<[Slot; SLOTS]>,
}

/// Memory that is only touched through SQLite's raw pointers.
pub struct ShmRegion(pub *mut [u64]);

// SAFETY: this crate only allocates and frees it; SQLite orders its own accesses by the lock slots and barriers.
unsafe impl Send for ShmRegion {}

impl ShmRegion {
    pub fn new(bytes: usize) -> Self {
        Self(Box::into_raw(vec![0; bytes.div_ceil(8)].into_boxed_slice()))
    }
}

impl Drop for ShmRegion {
    fn drop(&mut self) {
        // SAFETY: made by `Box::into_raw`. The last handle that mapped it is gone, so SQLite holds no pointer any more.
        drop(unsafe { Box::from_raw(self.0) });
    }
}

pub fn guard<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Releases the locks that one handle held on a slot.
pub fn release(slot: &mut Slot, shared: bool, exclusive: bool) {
    *slot = match *slot {
        Slot::Exclusive if exclusive => Slot::Free,
        Slot::Shared(readers) if shared && readers > 1 => Slot::Shared(readers - 1),
        Slot::Shared(_) if shared => Slot::Free,
        other => other,
    };
}
