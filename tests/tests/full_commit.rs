//! A COMMIT on a full disk: what the server's store reports is true, even after a power cut.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use protocol::problem::ProblemCode;
use server::{
    kernel::failure::Failure,
    params,
    store::{Migration, Options, SimulatedDisk, Store, StoreError},
};
use simdisk::{Cut, Fault, Host};

const SCHEMA: &[Migration] = &[Migration {
    version: 1,
    name: "one",
    sql: "CREATE TABLE item (id BIGINT PRIMARY KEY, y BYTEA NOT NULL);",
}];

fn disk(host: &Host) -> SimulatedDisk {
    let files = host.files();
    SimulatedDisk::new(host.vfs(), move |log| {
        files.sync_file(&log.to_string_lossy())?;
        files.sync_dir("")
    })
}

fn open(host: &Host) -> Store {
    let options = Options {
        migrations: SCHEMA,
        disk: Some(disk(host)),
        ..Options::default()
    };
    Store::open_inline("store.db", options).unwrap()
}

fn put(store: &Store, id: i64) -> Result<u64, StoreError> {
    store.write_blocking(move |tx| {
        tx.execute(
            "INSERT INTO item (id, y) VALUES (?1, ?2)",
            params![id, vec![7_u8; 9_000]],
        )
    })
}

fn ids(store: &Store) -> Vec<i64> {
    store
        .read_blocking(|tx| tx.all("SELECT id FROM item ORDER BY id", params![], |row| row.get("id")))
        .unwrap()
}

/// The result of writing item 2 when the disk is full at the k-th operation, and the rows before and after a
/// power cut.
fn try_at(k: u64, cut: Cut) -> (Result<u64, StoreError>, Vec<i64>, Vec<i64>) {
    let host = Host::new("full", k);
    let store = open(&host);
    put(&store, 1).unwrap();
    host.fault_in(k, Fault::Full);
    let told = put(&store, 2);
    host.clear_faults();
    let before = ids(&store);
    // The machine dies at this point: the store is not closed and cleans nothing up.
    host.kill();
    drop(store);
    host.power_cycle(cut);
    (told, before, ids(&open(&host)))
}

#[test]
fn commit_refused_for_a_full_disk_never_appears_later() {
    let scatter = Cut::Scatter {
        keep: 700,
        tear: 300,
        garbage: 300,
    };
    let mut full = 0;
    for cut in [Cut::Process, Cut::LoseAll, Cut::Prefix, scatter] {
        let mut k = 0;
        loop {
            let (told, before, after) = try_at(k, cut);
            match told {
                Ok(_) => {
                    assert_eq!((before, after), (vec![1, 2], vec![1, 2]), "{k} {cut:?}");
                    break;
                }
                Err(StoreError::Full) => {
                    full += 1;
                    assert_eq!((before, after), (vec![1], vec![1]), "{k} {cut:?}");
                }
                // The sync failed and not a write: the frames are in the WAL.
                Err(StoreError::CommitUnknown { .. }) => {}
                Err(other) => assert_eq!((before, after), (vec![1], vec![1]), "{k} {cut:?} {other}"),
            }
            k += 1;
        }
        assert!(k > 3, "the write must have several operations");
    }
    assert!(full > 4, "{full}");
}

/// Nothing can be undone on a disk that stays full, so the outcome may be unknown; the reason is not.
#[test]
fn use_a15_a_disk_that_stays_full_is_named_whatever_the_outcome() {
    let mut unknown = 0;
    for room in (0..24_000).step_by(512) {
        let host = Host::new("stays full", room);
        let store = open(&host);
        put(&store, 1).unwrap();
        host.set_quota(Some(host.used() + usize::try_from(room).unwrap()));
        let Err(error) = put(&store, 2) else { continue };
        unknown += usize::from(matches!(error, StoreError::CommitUnknown { .. }));
        assert_eq!(Failure::from(error).public_code(), ProblemCode::Full, "{room}");
        assert_eq!(ids(&store), [1]);
    }
    assert!(unknown > 0);
}

#[test]
fn store_works_again_after_space_is_freed() {
    let host = Host::new("room", 1);
    let store = open(&host);
    put(&store, 1).unwrap();
    host.fault_in(1, Fault::Full);
    assert_eq!(put(&store, 2), Err(StoreError::Full));
    assert_eq!(put(&store, 2), Ok(1));
    assert_eq!(ids(&store), [1, 2]);
}
