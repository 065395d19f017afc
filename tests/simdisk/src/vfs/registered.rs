//! The functions of a VFS, and its registration with SQLite.

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::ptr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use rusqlite::ffi;

use super::file;
use super::handle::{self, OpenFile, SimFile};
use super::inner::HostState;
use crate::machine::{DiskEvent, Fail, SimMachine};

/// A host's registration; dropping it unregisters the VFS.
pub struct RegisteredVfs {
    vfs: *mut ffi::sqlite3_vfs,
    inner: Arc<HostState>,
}

// SAFETY: the VFS structure is never changed after registration but by SQLite under its own mutex, and `HostState` is
// guarded by a mutex.
unsafe impl Send for RegisteredVfs {}
// SAFETY: as above.
unsafe impl Sync for RegisteredVfs {}

static HOSTS: AtomicU64 = AtomicU64::new(0);

impl RegisteredVfs {
    pub fn new(label: &str, seed: u64) -> Self {
        let number = HOSTS.fetch_add(1, Ordering::Relaxed);
        let label: String = label.chars().filter(|c| *c != '\0').collect();
        let inner = Arc::new(HostState {
            name: CString::new(format!("sim-{number}-{label}")).unwrap_or_default(),
            machine: Mutex::new(SimMachine::new(seed)),
        });
        // One Arc and the structure are leaked on purpose, some 500 bytes per host: a connection that outlives its host
        // still points to both.
        let data = Arc::into_raw(inner.clone());
        let vfs = Box::into_raw(Box::new(ffi::sqlite3_vfs {
            iVersion: 2,
            szOsFile: c_int::try_from(size_of::<SimFile>()).unwrap_or(c_int::MAX),
            mxPathname: 512,
            pNext: ptr::null_mut(),
            zName: inner.name.as_ptr(),
            pAppData: data.cast::<c_void>().cast_mut(),
            xOpen: Some(open),
            xDelete: Some(delete),
            xAccess: Some(access),
            xFullPathname: Some(full_pathname),
            xDlOpen: None,
            xDlError: None,
            xDlSym: None,
            xDlClose: None,
            xRandomness: Some(randomness),
            xSleep: Some(sleep),
            xCurrentTime: Some(current_time),
            xGetLastError: Some(last_error),
            xCurrentTimeInt64: Some(current_time_ms),
            xSetSystemCall: None,
            xGetSystemCall: None,
            xNextSystemCall: None,
        }));
        // SAFETY: the structure is complete and never freed (leaked), and its name is in the leaked Arc. If SQLite
        // rejects it, every open fails with "no such vfs".
        unsafe { ffi::sqlite3_vfs_register(vfs, 0) };
        Self { vfs, inner }
    }
    pub fn inner(&self) -> &Arc<HostState> {
        &self.inner
    }
}

impl Drop for RegisteredVfs {
    fn drop(&mut self) {
        // SAFETY: it was registered in `new`; SQLite takes it out of its list and does not free it.
        unsafe { ffi::sqlite3_vfs_unregister(self.vfs) };
        let mut machine = self.inner.lock();
        machine.dead = true;
        machine.inodes.clear();
        machine.names = Default::default();
        machine.log = None;
    }
}

/// # Safety
/// `vfs` is one that [`RegisteredVfs::new`] registered.
unsafe fn host<'a>(vfs: *mut ffi::sqlite3_vfs) -> &'a HostState {
    // SAFETY: the structure and the HostState behind pAppData are leaked, so both stay valid.
    unsafe { &*(*vfs).pAppData.cast::<HostState>() }
}

/// # Safety
/// `name` is null or a C string that is valid during the call.
unsafe fn text(name: *const c_char) -> Option<String> {
    if name.is_null() {
        return None;
    }
    // SAFETY: by the contract of this function.
    Some(unsafe { CStr::from_ptr(name) }.to_string_lossy().into_owned())
}

unsafe extern "C" fn open(
    vfs: *mut ffi::sqlite3_vfs,
    name: ffi::sqlite3_filename,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    out_flags: *mut c_int,
) -> c_int {
    // SAFETY: SQLite hands its VFS, a name that is valid as long as the file, and szOsFile bytes for the file. A null
    // pMethods tells it that there is nothing to close.
    let (host, name) = unsafe {
        (*file).pMethods = ptr::null();
        (host(vfs), text(name))
    };
    let mut machine = host.lock();
    if machine.dead {
        return ffi::SQLITE_CANTOPEN;
    }
    let create = flags & ffi::SQLITE_OPEN_CREATE != 0;
    let taken = name
        .as_ref()
        .is_some_and(|name| machine.names.now.contains_key(name));
    let refuse_taken = create && flags & ffi::SQLITE_OPEN_EXCLUSIVE != 0;
    if (taken && refuse_taken) || (!taken && !create) {
        return ffi::SQLITE_CANTOPEN;
    }
    let (ino, made) = match &name {
        None => (machine.nameless(), true),
        Some(name) => match machine.find_or_create(name) {
            Ok(found) => found,
            Err(_) => return ffi::SQLITE_CANTOPEN,
        },
    };
    if let Some(inode) = machine.inodes.get_mut(&ino) {
        inode.open += 1;
    }
    let id = machine.next_id();
    machine.trace(
        DiskEvent::Open,
        ino,
        u64::from(flags.cast_unsigned()),
        u64::from(made),
    );
    let journals = ffi::SQLITE_OPEN_MAIN_JOURNAL | ffi::SQLITE_OPEN_SUPER_JOURNAL | ffi::SQLITE_OPEN_WAL;
    let handle = OpenFile {
        host: handle::shared(host),
        ino,
        epoch: machine.epoch,
        id,
        name,
        delete_on_close: flags & ffi::SQLITE_OPEN_DELETEONCLOSE != 0,
        // As the unix VFS: by the flag, not by whether the file was created. A WAL whose creator stopped before the
        // sync still has no durable name.
        sync_folder: create && flags & journals != 0,
        shm: None,
        shm_shared: 0,
        shm_exclusive: 0,
    };
    drop(machine);
    // SAFETY: `file` has room for a SimFile (szOsFile), and `out_flags` is null or writable.
    unsafe {
        if !out_flags.is_null() {
            *out_flags = flags;
        }
        (*file.cast::<SimFile>()).handle = Box::into_raw(Box::new(handle));
        (*file).pMethods = &raw const file::METHODS;
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn delete(vfs: *mut ffi::sqlite3_vfs, name: *const c_char, sync_dir: c_int) -> c_int {
    // SAFETY: SQLite hands its VFS and a C string.
    let (host, name) = unsafe { (host(vfs), text(name).unwrap_or_default()) };
    let mut machine = host.lock();
    if machine.dead {
        return ffi::SQLITE_IOERR_DELETE;
    }
    match machine.remove(&name, sync_dir != 0) {
        Ok(()) => ffi::SQLITE_OK,
        Err(Fail::Missing) => ffi::SQLITE_IOERR_DELETE_NOENT,
        Err(Fail::Dead | Fail::Io | Fail::Full | Fail::Exists) => ffi::SQLITE_IOERR_DELETE,
    }
}

unsafe extern "C" fn access(
    vfs: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    question: c_int,
    out: *mut c_int,
) -> c_int {
    // SAFETY: SQLite hands its VFS and a C string.
    let (host, name) = unsafe { (host(vfs), text(name).unwrap_or_default()) };
    let machine = host.lock();
    if machine.dead {
        return ffi::SQLITE_IOERR_ACCESS;
    }
    // An empty file does not "exist", as in the unix VFS: an empty journal does not count as a journal.
    let inode = machine
        .names
        .now
        .get(&name)
        .and_then(|ino| machine.inodes.get(ino));
    let yes = inode.is_some_and(|inode| question != ffi::SQLITE_ACCESS_EXISTS || !inode.data.is_empty());
    // SAFETY: `out` is SQLite's own integer.
    unsafe { *out = c_int::from(yes) };
    ffi::SQLITE_OK
}

unsafe extern "C" fn full_pathname(
    _vfs: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    room: c_int,
    out: *mut c_char,
) -> c_int {
    // SAFETY: SQLite hands a C string.
    let bytes = unsafe { CStr::from_ptr(name) }.to_bytes_with_nul();
    if bytes.len() > usize::try_from(room).unwrap_or(0) {
        return ffi::SQLITE_CANTOPEN;
    }
    // SAFETY: `out` has `room` bytes, which is enough, and does not overlap the name.
    unsafe { ptr::copy_nonoverlapping(bytes.as_ptr().cast::<c_char>(), out, bytes.len()) };
    ffi::SQLITE_OK
}

unsafe extern "C" fn randomness(vfs: *mut ffi::sqlite3_vfs, len: c_int, out: *mut c_char) -> c_int {
    let room = usize::try_from(len).unwrap_or(0);
    // SAFETY: SQLite hands its VFS and a buffer of `len` bytes that is ours during the call.
    let (host, bytes) = unsafe { (host(vfs), std::slice::from_raw_parts_mut(out.cast::<u8>(), room)) };
    host.lock().rng.fill(bytes);
    len
}

unsafe extern "C" fn sleep(vfs: *mut ffi::sqlite3_vfs, us: c_int) -> c_int {
    // SAFETY: SQLite hands its VFS.
    let host = unsafe { host(vfs) };
    host.lock().clock_us += u64::try_from(us).unwrap_or(0); // virtual time, so a busy timeout ends at once
    us
}

/// The Julian day number of 1970-01-01 in milliseconds.
const UNIX_EPOCH_MS: u64 = 210_866_760_000_000;

fn julian_ms(host: &HostState) -> i64 {
    i64::try_from(host.lock().clock_us / 1000 + UNIX_EPOCH_MS).unwrap_or(i64::MAX)
}

unsafe extern "C" fn current_time_ms(vfs: *mut ffi::sqlite3_vfs, out: *mut i64) -> c_int {
    // SAFETY: SQLite hands its VFS and its own integer.
    unsafe { *out = julian_ms(host(vfs)) };
    ffi::SQLITE_OK
}

unsafe extern "C" fn current_time(vfs: *mut ffi::sqlite3_vfs, out: *mut f64) -> c_int {
    // SAFETY: SQLite hands its VFS and its own number.
    unsafe { *out = julian_ms(host(vfs)) as f64 / 86_400_000.0 };
    ffi::SQLITE_OK
}

unsafe extern "C" fn last_error(_vfs: *mut ffi::sqlite3_vfs, _room: c_int, _out: *mut c_char) -> c_int {
    0
}
