//! State of the whole process: the random generators of SQLite and SQLCipher, and the heap.

use std::ffi::{c_int, c_void};
use std::sync::Mutex;

use rusqlite::ffi;

use crate::rng::Rng;

/// Seeds the random numbers of SQLite and SQLCipher: WAL salts, journal nonces, `random()`, IVs and salts.
///
/// The generators are global to the process, so at most one simulation may run in a process at a time; otherwise the
/// order of the draws depends on threads.
pub fn seed_process(seed: u64) {
    // Zero would mean "seed from the system".
    let low = u32::try_from(seed & u64::from(u32::MAX)).unwrap_or_default() | 1;
    // SAFETY: both calls are documented as callable at any time from one thread; the test control takes an int and a
    // database pointer, which may be null.
    unsafe {
        ffi::sqlite3_initialize();
        ffi::sqlite3_test_control(
            ffi::SQLITE_TESTCTRL_PRNG_SEED,
            low.cast_signed(),
            std::ptr::null_mut::<ffi::sqlite3>(),
        );
    }
    *draws() = Rng(seed ^ 0x5EED);
    // SAFETY: SQLite was initialised above, so the provider exists and is a live static of the bundled SQLCipher
    // whose first five fields are pointers in this order (the same-seed test fails when a version changes that).
    // `random` is called with a buffer of the length it is given. No other thread draws while it is swapped: one
    // simulation per process.
    unsafe {
        let provider = sqlcipher_get_provider();
        if !provider.is_null() {
            (*provider).random = seeded;
        }
    }
}

static DRAWS: Mutex<Rng> = Mutex::new(Rng(1));

fn draws() -> std::sync::MutexGuard<'static, Rng> {
    DRAWS.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// The first fields of SQLCipher's table of functions.
#[repr(C)]
struct Provider {
    init: *const c_void,
    shutdown: *const c_void,
    name: *const c_void,
    add_random: *const c_void,
    random: unsafe extern "C" fn(*mut c_void, *mut c_void, c_int) -> c_int,
}

unsafe extern "C" {
    fn sqlcipher_get_provider() -> *mut Provider;
}

unsafe extern "C" fn seeded(_context: *mut c_void, buffer: *mut c_void, len: c_int) -> c_int {
    let len = usize::try_from(len).unwrap_or(0);
    // SAFETY: SQLCipher hands a buffer of `len` bytes that is its own during the call.
    let bytes = unsafe { std::slice::from_raw_parts_mut(buffer.cast::<u8>(), len) };
    draws().fill(bytes);
    ffi::SQLITE_OK
}

/// Keeps freed disk images in the heap instead of returning them to the kernel; otherwise half of the time is spent
/// in page faults. No effect without glibc.
pub fn tune_allocator() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        unsafe extern "C" {
            fn mallopt(parameter: c_int, value: c_int) -> c_int;
        }
        const TRIM_THRESHOLD: c_int = -1;
        const TOP_PAD: c_int = -2;
        const MMAP_THRESHOLD: c_int = -3;
        // SAFETY: mallopt only stores numbers; glibc locks its arena for it.
        unsafe {
            mallopt(MMAP_THRESHOLD, 32 << 20);
            mallopt(TRIM_THRESHOLD, 1 << 30);
            mallopt(TOP_PAD, 64 << 20);
        }
    }
}
