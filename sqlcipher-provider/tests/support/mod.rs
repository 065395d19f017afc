//! Both providers in one program.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use rusqlite::{Connection, Error};
use sqlcipher_provider::{Provider, xunge_sqlcipher_setup};
use std::{
    ffi::{c_int, c_void},
    path::Path,
    sync::{LazyLock, Mutex, PoisonError},
};

unsafe extern "C" {
    /// Makes a provider the default for the databases that are opened from now on.
    fn sqlcipher_register_provider(provider: *mut Provider) -> c_int;
    fn sqlcipher_get_provider() -> *mut Provider;
    /// From the heap that SQLCipher frees its providers to, when the program ends.
    fn sqlcipher_malloc(size: u64) -> *mut c_void;
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Library {
    Ours,
    Stock,
}
pub use Library::{Ours, Stock};

/// The addresses of both providers, (ours, stock).
static PROVIDERS: LazyLock<Mutex<[usize; 2]>> = LazyLock::new(|| {
    // Initialises SQLite, and with it the stock provider.
    drop(Connection::open_in_memory().unwrap());
    // SAFETY: SQLCipher is initialised; its list keeps each provider for as long as the program runs.
    let stock = unsafe { sqlcipher_get_provider() };
    assert!(!stock.is_null());
    // SAFETY: SQLCipher is initialised.
    let ours: *mut Provider = unsafe { sqlcipher_malloc(size_of::<Provider>() as u64) }.cast();
    // SAFETY: null, or memory for one provider.
    assert_eq!(unsafe { xunge_sqlcipher_setup(ours) }, 0);
    Mutex::new([ours as usize, stock as usize])
});

/// As the handset's store keys its database: a raw key of 32 bytes.
pub const RAW: &str = "x'000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f'";

/// A connection with its key, before it reads the file.
fn keyed(path: &Path, key: &str, library: Library) -> Result<Connection, Error> {
    let providers = PROVIDERS.lock().unwrap_or_else(PoisonError::into_inner);
    let address = match library {
        Ours => providers[0],
        Stock => providers[1],
    };
    // SAFETY: the address of a provider that lives as long as the program.
    let registered = unsafe { sqlcipher_register_provider(address as *mut Provider) };
    assert_eq!(registered, 0);
    let connection = Connection::open(path)?;
    connection.execute_batch("PRAGMA cipher_log_level = NONE")?;
    connection.pragma_update(None, "key", key)?;
    let name: String = connection.query_row("PRAGMA cipher_provider", [], |row| row.get(0))?;
    assert_eq!(name == "rustcrypto", library == Ours, "{name}");
    Ok(connection)
}

/// Opens a file with these settings of SQLCipher; the key is derived, and the first page read.
pub fn open_with(path: &Path, key: &str, library: Library, settings: &str) -> Result<Connection, Error> {
    let connection = keyed(path, key, library)?;
    connection.execute_batch(settings)?;
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
    Ok(connection)
}

pub fn open(path: &Path, key: &str, library: Library) -> Result<Connection, Error> {
    open_with(path, key, library, "")
}
