//! The table of functions that SQLCipher calls (`sqlcipher_provider` of sqlcipher.h, SQLCipher 4.19).

use crate::primitives::{self, BLOCK, Direction, HMAC, KEY};
use std::{
    ffi::{CStr, c_char, c_int, c_uchar, c_void},
    ptr, slice,
};

const OK: c_int = 0;
/// `SQLITE_ERROR`: SQLCipher refuses to read or write the page.
const ERROR: c_int = 1;
/// `SQLCIPHER_DECRYPT`, `SQLCIPHER_ENCRYPT`.
const DECRYPT: c_int = 0;
const ENCRYPT: c_int = 1;
/// `SQLCIPHER_HMAC_SHA512`, `SQLCIPHER_PBKDF2_HMAC_SHA512`.
const SHA512: c_int = 2;

const NAME: &CStr = c"rustcrypto";
const VERSION: &CStr = c"1";
const CIPHER: &CStr = c"aes-256-cbc";

type Context = *mut c_void;

/// `sqlcipher_provider`. The order of the fields is that of the C struct; `tests/stock.rs` calls each of them through C.
#[repr(C)]
pub struct Provider {
    init: Option<extern "C" fn() -> c_int>,
    shutdown: Option<extern "C" fn()>,
    get_provider_name: extern "C" fn(Context) -> *const c_char,
    add_random: extern "C" fn(Context, *const c_void, c_int) -> c_int,
    random: unsafe extern "C" fn(Context, *mut c_void, c_int) -> c_int,
    hmac: unsafe extern "C" fn(
        Context,
        c_int,
        *const c_uchar,
        c_int,
        *const c_uchar,
        c_int,
        *const c_uchar,
        c_int,
        *mut c_uchar,
    ) -> c_int,
    kdf: unsafe extern "C" fn(
        Context,
        c_int,
        *const c_uchar,
        c_int,
        *const c_uchar,
        c_int,
        c_int,
        c_int,
        *mut c_uchar,
    ) -> c_int,
    cipher: unsafe extern "C" fn(
        Context,
        c_int,
        *const c_uchar,
        c_int,
        *const c_uchar,
        *const c_uchar,
        c_int,
        *mut c_uchar,
    ) -> c_int,
    get_cipher: extern "C" fn(Context) -> *const c_char,
    get_key_sz: extern "C" fn(Context) -> c_int,
    get_iv_sz: extern "C" fn(Context) -> c_int,
    get_block_sz: extern "C" fn(Context) -> c_int,
    get_hmac_sz: extern "C" fn(Context, c_int) -> c_int,
    ctx_init: extern "C" fn(*mut Context) -> c_int,
    ctx_free: extern "C" fn(*mut Context) -> c_int,
    fips_status: extern "C" fn(Context) -> c_int,
    get_provider_version: extern "C" fn(Context) -> *const c_char,
    /// SQLCipher's list of providers; it writes this field itself.
    next: *mut Provider,
}

/// Fills SQLCipher's provider. Called by SQLCipher once, when SQLite is initialised.
///
/// # Safety
/// `provider` is null, or memory for a `sqlcipher_provider` that nothing else reads meanwhile.
// SAFETY: the name is ours; no other library exports it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn xunge_sqlcipher_setup(provider: *mut Provider) -> c_int {
    if provider.is_null() {
        return ERROR;
    }
    let ours = Provider {
        init: None,
        shutdown: None,
        get_provider_name,
        add_random,
        random,
        hmac,
        kdf,
        cipher,
        get_cipher,
        get_key_sz,
        get_iv_sz,
        get_block_sz,
        get_hmac_sz,
        ctx_init,
        ctx_free,
        fips_status,
        get_provider_version,
        next: ptr::null_mut(),
    };
    // SAFETY: the caller gives memory for one provider; `write` does not read or drop what was there.
    unsafe { provider.write(ours) };
    OK
}

extern "C" fn get_provider_name(_: Context) -> *const c_char {
    NAME.as_ptr()
}
extern "C" fn get_provider_version(_: Context) -> *const c_char {
    VERSION.as_ptr()
}
extern "C" fn get_cipher(_: Context) -> *const c_char {
    CIPHER.as_ptr()
}
/// The system's generator needs no seed from us.
extern "C" fn add_random(_: Context, _: *const c_void, _: c_int) -> c_int {
    OK
}
extern "C" fn get_key_sz(_: Context) -> c_int {
    KEY as c_int
}
extern "C" fn get_iv_sz(_: Context) -> c_int {
    BLOCK as c_int
}
extern "C" fn get_block_sz(_: Context) -> c_int {
    BLOCK as c_int
}
/// 0 means: not supported.
extern "C" fn get_hmac_sz(_: Context, algorithm: c_int) -> c_int {
    if algorithm == SHA512 { HMAC as c_int } else { 0 }
}
extern "C" fn ctx_init(_: *mut Context) -> c_int {
    OK
}
extern "C" fn ctx_free(_: *mut Context) -> c_int {
    OK
}
extern "C" fn fips_status(_: Context) -> c_int {
    0
}

/// Random bytes for salts and initialisation vectors.
unsafe extern "C" fn random(_: Context, buffer: *mut c_void, length: c_int) -> c_int {
    // SAFETY: SQLCipher gives a buffer of `length` initialised bytes.
    let Some(buffer) = (unsafe { bytes_mut(buffer.cast(), length) }) else {
        return ERROR;
    };
    code(getrandom::fill(buffer).is_ok())
}

/// HMAC of `first` and, if it is not null, `second`. `out` has room for [`HMAC`] bytes.
unsafe extern "C" fn hmac(
    _: Context,
    algorithm: c_int,
    key: *const c_uchar,
    key_size: c_int,
    first: *const c_uchar,
    first_size: c_int,
    second: *const c_uchar,
    second_size: c_int,
    out: *mut c_uchar,
) -> c_int {
    if algorithm != SHA512 || first.is_null() || out.is_null() {
        return ERROR;
    }
    let second_size = if second.is_null() { 0 } else { second_size };
    // SAFETY: SQLCipher gives each pointer with its size. `out` may be the memory after `first`, so it is written only
    // when the inputs are no longer borrowed.
    let mac = unsafe {
        match (
            bytes(key, key_size),
            bytes(first, first_size),
            bytes(second, second_size),
        ) {
            (Some(key), Some(first), Some(second)) => primitives::hmac_sha512(key, [first, second]),
            _ => return ERROR,
        }
    };
    let Ok(mac) = mac else { return ERROR };
    // SAFETY: `out` has room for as many bytes as `get_hmac_sz` says.
    unsafe { ptr::copy_nonoverlapping(mac.as_ptr(), out, HMAC) };
    OK
}

/// Derives a key of `key_size` bytes.
unsafe extern "C" fn kdf(
    _: Context,
    algorithm: c_int,
    password: *const c_uchar,
    password_size: c_int,
    salt: *const c_uchar,
    salt_size: c_int,
    rounds: c_int,
    key_size: c_int,
    key: *mut c_uchar,
) -> c_int {
    let Ok(rounds) = u32::try_from(rounds) else {
        return ERROR;
    };
    if algorithm != SHA512 || rounds == 0 {
        return ERROR;
    }
    // SAFETY: SQLCipher gives each pointer with its size, and a buffer for the key of its own.
    unsafe {
        match (
            bytes(password, password_size),
            bytes(salt, salt_size),
            bytes_mut(key, key_size),
        ) {
            (Some(password), Some(salt), Some(key)) => {
                primitives::pbkdf2_sha512(password, salt, rounds, key);
                OK
            }
            _ => ERROR,
        }
    }
}

/// Encrypts or decrypts whole blocks. `input` and `out` may be the same buffer.
unsafe extern "C" fn cipher(
    _: Context,
    mode: c_int,
    key: *const c_uchar,
    key_size: c_int,
    iv: *const c_uchar,
    input: *const c_uchar,
    size: c_int,
    out: *mut c_uchar,
) -> c_int {
    let direction = match mode {
        DECRYPT => Direction::Decrypt,
        ENCRYPT => Direction::Encrypt,
        _ => return ERROR,
    };
    let Ok(length) = usize::try_from(size) else {
        return ERROR;
    };
    // Checked before anything is copied, so that `out` never holds what should have been encrypted.
    if input.is_null() || out.is_null() || !length.is_multiple_of(BLOCK) {
        return ERROR;
    }
    let mut vector = [0; BLOCK];
    // SAFETY: SQLCipher gives a key of `key_size` bytes, a vector of `get_iv_sz` bytes, and `size` bytes at `input` and at
    // `out`. `copy` allows that those overlap. `iv` may be in the page that `out` belongs to, so it is copied first.
    let (key, data) = unsafe {
        let (Some(key), Some(iv)) = (bytes(key, key_size), bytes(iv, BLOCK as c_int)) else {
            return ERROR;
        };
        vector.copy_from_slice(iv);
        ptr::copy(input, out, length);
        (key, slice::from_raw_parts_mut(out, length))
    };
    code(primitives::aes_256_cbc(direction, key, &vector, data).is_ok())
}

fn code(is_ok: bool) -> c_int {
    if is_ok { OK } else { ERROR }
}

/// The bytes at `start`; empty for a size of 0, whatever the pointer is.
///
/// # Safety
/// `start` points to `size` initialised bytes that nobody writes while the slice lives, or `size` is 0, or `start` null.
unsafe fn bytes<'a>(start: *const c_uchar, size: c_int) -> Option<&'a [u8]> {
    match usize::try_from(size).ok()? {
        0 => Some(&[]),
        _ if start.is_null() => None,
        // SAFETY: the caller's promise.
        size => Some(unsafe { slice::from_raw_parts(start, size) }),
    }
}

/// As [`bytes`], to write.
///
/// # Safety
/// As for [`bytes`], and nobody reads them while the slice lives.
unsafe fn bytes_mut<'a>(start: *mut c_uchar, size: c_int) -> Option<&'a mut [u8]> {
    match usize::try_from(size).ok()? {
        0 => Some(&mut []),
        _ if start.is_null() => None,
        // SAFETY: the caller's promise.
        size => Some(unsafe { slice::from_raw_parts_mut(start, size) }),
    }
}
