//! Shared by the tests of the contract: small reads and writes, and a write that the test holds back.

use std::sync::Mutex;
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;

use server::params;
use server::store::{Heard, HintListener, Store, StoreError, Tx};

pub type StoreResult<T> = Result<T, StoreError>;

/// An error of the calling code.
#[derive(Debug, PartialEq)]
pub enum DomainError {
    Domain(&'static str),
    Store(StoreError),
}

impl From<StoreError> for DomainError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

pub fn add(tx: &mut Tx<'_>, id: i64) -> StoreResult<u64> {
    tx.execute("INSERT INTO sample (id) VALUES (?1)", params![id])
}

pub fn insert(store: &Store, id: i64) -> StoreResult<u64> {
    store.write_blocking(move |tx| add(tx, id))
}

pub fn ids(store: &Store) -> Vec<i64> {
    store
        .read_blocking(|tx| {
            tx.all("SELECT id FROM sample ORDER BY id", params![], |row| {
                row.get::<i64>("id")
            })
        })
        .unwrap()
}

/// Starts a write that waits until the returned sender is used; until then it occupies a worker.
pub fn hold(store: &Store, id: i64) -> (Sender<()>, JoinHandle<StoreResult<u64>>) {
    let (gate, opened) = channel::<()>();
    let (running, runs) = channel();
    let opened = Mutex::new(opened);
    let store = store.clone();
    let thread = std::thread::spawn(move || {
        store.write_blocking(move |tx| {
            let _ = running.send(());
            let _ = opened.lock().unwrap().recv();
            add(tx, id)
        })
    });
    runs.recv().unwrap();
    (gate, thread)
}

/// Waits for what the listener hears next.
pub fn hear(listener: &mut HintListener) -> Heard {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(listener.heard())
}
