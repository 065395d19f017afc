//! The methods of an open file. SQLite calls each only between xOpen and xClose and never two on one file at a time,
//! as [`handle`] requires.

use std::ffi::{c_int, c_void};
use std::slice;

use rusqlite::ffi;

use super::handle::{SimFile, handle};
use super::shm;
use crate::machine::Fail;
use crate::names::folder;

pub static METHODS: ffi::sqlite3_io_methods = ffi::sqlite3_io_methods {
    iVersion: 2,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(size),
    xLock: Some(lock),
    xUnlock: Some(unlock),
    xCheckReservedLock: Some(check_reserved),
    xFileControl: Some(control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(characteristics),
    xShmMap: Some(shm::map),
    xShmLock: Some(shm::lock),
    xShmBarrier: Some(shm::barrier),
    xShmUnmap: Some(shm::unmap),
    xFetch: None,
    xUnfetch: None,
};

fn usize_of(n: impl TryInto<usize>) -> usize {
    n.try_into().unwrap_or(0)
}

/// Returns `error` for every failure except a full disk, for which SQLite has its own code.
fn code(result: Result<(), Fail>, error: c_int) -> c_int {
    match result {
        Ok(()) => ffi::SQLITE_OK,
        Err(Fail::Full) => ffi::SQLITE_FULL,
        Err(Fail::Dead | Fail::Io | Fail::Missing | Fail::Exists) => error,
    }
}

unsafe extern "C" fn close(file: *mut ffi::sqlite3_file) -> c_int {
    // SAFETY: the box was made in xOpen; SQLite calls xClose once and uses the file no more.
    let handle = unsafe { Box::from_raw((*file.cast::<SimFile>()).handle) };
    if let Ok(mut machine) = handle.machine() {
        if let Some(inode) = machine.inodes.get_mut(&handle.ino) {
            inode.locks.retain(|(id, _)| *id != handle.id);
        }
        if let Some(name) = handle.name.as_ref().filter(|_| handle.delete_on_close) {
            let _ = machine.remove(name, false); // a temporary file: nobody misses what stays
        }
        machine.close(handle.ino);
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn read(file: *mut ffi::sqlite3_file, buffer: *mut c_void, len: c_int, at: i64) -> c_int {
    // SAFETY: an open file, and a buffer of `len` bytes that is ours during the call.
    let (handle, out) = unsafe {
        let out = slice::from_raw_parts_mut(buffer.cast::<u8>(), usize_of(len));
        (handle(file), out)
    };
    let Ok(machine) = handle.machine() else {
        return ffi::SQLITE_IOERR_READ;
    };
    let data = machine.inodes.get(&handle.ino).map(|inode| inode.data.as_slice());
    let there = data.and_then(|data| data.get(usize_of(at)..)).unwrap_or_default();
    let len = there.len().min(out.len());
    let (whole, beyond) = out.split_at_mut(len);
    whole.copy_from_slice(there.get(..len).unwrap_or_default());
    beyond.fill(0);
    if beyond.is_empty() {
        ffi::SQLITE_OK
    } else {
        ffi::SQLITE_IOERR_SHORT_READ
    }
}

unsafe extern "C" fn write(
    file: *mut ffi::sqlite3_file,
    buffer: *const c_void,
    len: c_int,
    at: i64,
) -> c_int {
    // SAFETY: an open file, and a buffer of `len` bytes that nobody changes during the call.
    let (handle, bytes) = unsafe {
        let bytes = slice::from_raw_parts(buffer.cast::<u8>(), usize_of(len));
        (handle(file), bytes)
    };
    let written = handle
        .machine()
        .and_then(|mut machine| machine.write(handle.ino, usize_of(at), bytes));
    code(written, ffi::SQLITE_IOERR_WRITE)
}

unsafe extern "C" fn truncate(file: *mut ffi::sqlite3_file, len: i64) -> c_int {
    // SAFETY: an open file.
    let handle = unsafe { handle(file) };
    let cut = handle
        .machine()
        .and_then(|mut machine| machine.resize(handle.ino, usize_of(len)));
    match code(cut, ffi::SQLITE_IOERR_TRUNCATE) {
        ffi::SQLITE_FULL => ffi::SQLITE_IOERR_TRUNCATE,
        other => other,
    }
}

unsafe extern "C" fn sync(file: *mut ffi::sqlite3_file, _flags: c_int) -> c_int {
    // SAFETY: an open file.
    let handle = unsafe { handle(file) };
    let of = handle.name.as_deref().filter(|_| handle.sync_folder).map(folder);
    let synced = handle
        .machine()
        .and_then(|mut machine| machine.sync(handle.ino, of));
    if synced.is_ok() {
        handle.sync_folder = false;
        return ffi::SQLITE_OK;
    }
    ffi::SQLITE_IOERR_FSYNC
}

unsafe extern "C" fn size(file: *mut ffi::sqlite3_file, out: *mut i64) -> c_int {
    // SAFETY: an open file.
    let handle = unsafe { handle(file) };
    let Ok(machine) = handle.machine() else {
        return ffi::SQLITE_IOERR_FSTAT;
    };
    let len = machine
        .inodes
        .get(&handle.ino)
        .map_or(0, |inode| inode.data.len());
    // SAFETY: `out` is SQLite's own integer.
    unsafe { *out = i64::try_from(len).unwrap_or(i64::MAX) };
    ffi::SQLITE_OK
}

unsafe extern "C" fn lock(file: *mut ffi::sqlite3_file, want: c_int) -> c_int {
    // SAFETY: an open file.
    let handle = unsafe { handle(file) };
    let id = handle.id;
    let Ok(mut machine) = handle.machine() else {
        return ffi::SQLITE_IOERR_LOCK;
    };
    let Some(inode) = machine.inodes.get_mut(&handle.ino) else {
        return ffi::SQLITE_IOERR_LOCK;
    };
    let locks = &mut inode.locks;
    let level = |(_, level): &(u64, c_int)| *level;
    let others = locks.iter().filter(|(other, _)| *other != id).map(level).max();
    let others = others.unwrap_or(ffi::SQLITE_LOCK_NONE);
    let mine = locks
        .iter()
        .find(|(own, _)| *own == id)
        .map_or(ffi::SQLITE_LOCK_NONE, level);
    if mine >= want {
        return ffi::SQLITE_OK;
    }
    let (gets, answer) = match want {
        ffi::SQLITE_LOCK_SHARED if others >= ffi::SQLITE_LOCK_PENDING => (mine, ffi::SQLITE_BUSY),
        ffi::SQLITE_LOCK_RESERVED | ffi::SQLITE_LOCK_EXCLUSIVE if others >= ffi::SQLITE_LOCK_RESERVED => {
            (mine, ffi::SQLITE_BUSY)
        }
        // Readers still hold the lock: new readers are blocked until the writer has got it.
        ffi::SQLITE_LOCK_EXCLUSIVE if others >= ffi::SQLITE_LOCK_SHARED => {
            (ffi::SQLITE_LOCK_PENDING, ffi::SQLITE_BUSY)
        }
        _ => (want, ffi::SQLITE_OK),
    };
    locks.retain(|(own, _)| *own != id);
    if gets > ffi::SQLITE_LOCK_NONE {
        locks.push((id, gets));
    }
    answer
}

unsafe extern "C" fn unlock(file: *mut ffi::sqlite3_file, to: c_int) -> c_int {
    // SAFETY: an open file.
    let handle = unsafe { handle(file) };
    let id = handle.id;
    if let Ok(mut machine) = handle.machine()
        && let Some(inode) = machine.inodes.get_mut(&handle.ino)
    {
        if to == ffi::SQLITE_LOCK_NONE {
            inode.locks.retain(|(own, _)| *own != id);
        } else if let Some((_, level)) = inode.locks.iter_mut().find(|(own, _)| *own == id) {
            *level = to.min(*level);
        }
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn check_reserved(file: *mut ffi::sqlite3_file, out: *mut c_int) -> c_int {
    // SAFETY: an open file.
    let handle = unsafe { handle(file) };
    let Ok(machine) = handle.machine() else {
        return ffi::SQLITE_IOERR_CHECKRESERVEDLOCK;
    };
    let inode = machine.inodes.get(&handle.ino);
    let reserved = inode.is_some_and(|inode| {
        let mut levels = inode.locks.iter();
        levels.any(|(_, level)| *level >= ffi::SQLITE_LOCK_RESERVED)
    });
    // SAFETY: `out` is SQLite's own integer.
    unsafe { *out = c_int::from(reserved) };
    ffi::SQLITE_OK
}

unsafe extern "C" fn control(_file: *mut ffi::sqlite3_file, _op: c_int, _argument: *mut c_void) -> c_int {
    ffi::SQLITE_NOTFOUND
}

unsafe extern "C" fn sector_size(_file: *mut ffi::sqlite3_file) -> c_int {
    4096
}

unsafe extern "C" fn characteristics(file: *mut ffi::sqlite3_file) -> c_int {
    // SAFETY: an open file.
    let handle = unsafe { handle(file) };
    if handle.host.lock().powersafe_overwrite {
        ffi::SQLITE_IOCAP_POWERSAFE_OVERWRITE
    } else {
        0
    }
}
