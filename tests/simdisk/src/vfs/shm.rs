//! SQLite's calls on the index of a WAL.

use std::ffi::{c_int, c_void};
use std::ptr;
use std::sync::atomic::{Ordering, fence};

use rusqlite::ffi;

use super::handle::handle;
use crate::wal_index::{ShmRegion, Slot, guard, release};

pub unsafe extern "C" fn map(
    file: *mut ffi::sqlite3_file,
    region: c_int,
    size: c_int,
    extend: c_int,
    out: *mut *mut c_void,
) -> c_int {
    // SAFETY: an open file.
    let handle = unsafe { handle(file) };
    let Ok(mut machine) = handle.machine() else {
        return ffi::SQLITE_IOERR_SHMMAP;
    };
    let Some(inode) = machine.inodes.get_mut(&handle.ino) else {
        return ffi::SQLITE_IOERR_SHMMAP;
    };
    let shm = match &handle.shm {
        Some(shm) => shm.clone(),
        None => inode.shm.get_or_insert_default().clone(),
    };
    drop(machine);
    let wanted = usize::try_from(region).unwrap_or(0);
    let mut regions = guard(&shm.regions);
    while extend != 0 && regions.len() <= wanted {
        regions.push(ShmRegion::new(usize::try_from(size).unwrap_or(0)));
    }
    let found = regions
        .get(wanted)
        .map_or(ptr::null_mut(), |region| region.0.cast::<c_void>());
    // SAFETY: `out` is SQLite's own pointer. The region stays valid until this handle, which keeps a share, unmaps it.
    unsafe { *out = found };
    drop(regions);
    handle.shm = Some(shm);
    ffi::SQLITE_OK
}

pub unsafe extern "C" fn lock(
    file: *mut ffi::sqlite3_file,
    first: c_int,
    count: c_int,
    flags: c_int,
) -> c_int {
    // SAFETY: an open file.
    let handle = unsafe { handle(file) };
    let alive = handle.machine().is_ok();
    let Some(shm) = handle.shm.clone() else {
        return ffi::SQLITE_IOERR_SHMLOCK;
    };
    let mut slots = guard(&shm.slots);
    let (first, count) = (
        usize::try_from(first).unwrap_or(0),
        usize::try_from(count).unwrap_or(0),
    );
    let asked = || (first..first + count).map(|i| (i, 1u8 << i));
    if flags & ffi::SQLITE_SHM_UNLOCK != 0 {
        for (i, bit) in asked() {
            if let Some(slot) = slots.get_mut(i) {
                release(
                    slot,
                    handle.shm_shared & bit != 0,
                    handle.shm_exclusive & bit != 0,
                );
            }
            handle.shm_shared &= !bit;
            handle.shm_exclusive &= !bit;
        }
        return ffi::SQLITE_OK;
    }
    if !alive {
        return ffi::SQLITE_IOERR_SHMLOCK;
    }
    let shared = flags & ffi::SQLITE_SHM_SHARED != 0;
    let mine = if shared {
        handle.shm_shared
    } else {
        handle.shm_exclusive
    };
    let wanted = || asked().filter(|(_, bit)| mine & bit == 0);
    let busy = wanted().any(|(i, _)| match slots.get(i) {
        None | Some(Slot::Exclusive) => true,
        Some(Slot::Shared(_)) => !shared,
        Some(Slot::Free) => false,
    });
    if busy {
        return ffi::SQLITE_BUSY;
    }
    for (i, bit) in wanted() {
        if let Some(slot) = slots.get_mut(i) {
            *slot = match *slot {
                Slot::Shared(readers) if shared => Slot::Shared(readers + 1),
                _ if shared => Slot::Shared(1),
                _ => Slot::Exclusive,
            };
        }
        if shared {
            handle.shm_shared |= bit;
        } else {
            handle.shm_exclusive |= bit;
        }
    }
    ffi::SQLITE_OK
}

pub unsafe extern "C" fn barrier(_file: *mut ffi::sqlite3_file) {
    fence(Ordering::SeqCst);
}

pub unsafe extern "C" fn unmap(file: *mut ffi::sqlite3_file, delete: c_int) -> c_int {
    // SAFETY: an open file.
    let handle = unsafe { handle(file) };
    if let Some(shm) = handle.shm.take() {
        for (i, slot) in guard(&shm.slots).iter_mut().enumerate() {
            let bit = 1u8 << i;
            release(
                slot,
                handle.shm_shared & bit != 0,
                handle.shm_exclusive & bit != 0,
            );
        }
    }
    handle.shm_shared = 0;
    handle.shm_exclusive = 0;
    if delete != 0
        && let Ok(mut machine) = handle.machine()
        && let Some(inode) = machine.inodes.get_mut(&handle.ino)
    {
        inode.shm = None;
    }
    ffi::SQLITE_OK
}
