//! What the server's store says of a COMMIT that met a full disk is true, also after the power was cut.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use server::{
    params,
    store::{Migration, Options, Store, StoreError},
};
use simdisk::{Cut, Fault, Host};

const SCHEMA: &[Migration] = &[Migration {
    version: 1,
    name: "one",
    sql: "CREATE TABLE item (id BIGINT PRIMARY KEY, y BYTEA NOT NULL);",
}];

fn open(host: &Host) -> Store {
    let options = Options {
        migrations: SCHEMA,
        vfs: Some(host.vfs().to_owned()),
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

/// What was told of item 2 when the disk was full at the k-th operation of its write, and what was there before and
/// after a cut of the power.
fn try_at(k: u64, cut: Cut) -> (Result<u64, StoreError>, Vec<i64>, Vec<i64>) {
    let host = Host::new("full", k);
    let store = open(&host);
    put(&store, 1).unwrap();
    host.fault_in(k, Fault::Full);
    let told = put(&store, 2);
    host.clear_faults();
    let before = ids(&store);
    // The machine dies as it stands: nothing is closed, so nothing is tidied up either.
    host.kill();
    drop(store);
    host.power_cycle(cut);
    (told, before, ids(&open(&host)))
}

#[test]
fn a_commit_on_a_full_disk_is_full_and_never_comes_back() {
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
                // Not a write but the sync met it: the frames are in the log.
                Err(StoreError::CommitUnknown { .. }) => {}
                Err(other) => assert_eq!((before, after), (vec![1], vec![1]), "{k} {cut:?} {other}"),
            }
            k += 1;
        }
        assert!(k > 3, "the write has several operations");
    }
    assert!(full > 4, "{full}");
}

#[test]
fn the_store_goes_on_once_there_is_room() {
    let host = Host::new("room", 1);
    let store = open(&host);
    put(&store, 1).unwrap();
    host.fault_in(1, Fault::Full);
    assert_eq!(put(&store, 2), Err(StoreError::Full));
    assert_eq!(put(&store, 2), Ok(1));
    assert_eq!(ids(&store), [1, 2]);
}
