//! A process that is killed after it wrote to its database's WAL and before it synced it leaves rows that are
//! only in the page cache. The next process that opens the database reads them and acts on them (receipts,
//! uploads); so they must be synced by then, otherwise a power cut revokes what was acknowledged.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use server::{
    params,
    store::{Migration, Options, Store},
};
use sim::disk::{HandsetDisk, store_disk};
use simdisk::{Cut, Fault, Host};
use std::{path::Path, sync::Arc};
use terminal_core::store::{self, testing};

const SCHEMA: &[Migration] = &[Migration {
    version: 1,
    name: "one",
    sql: "CREATE TABLE item (id BIGINT PRIMARY KEY, y BYTEA NOT NULL);",
}];

fn server(host: &Host) -> Store {
    let options = Options {
        migrations: SCHEMA,
        disk: Some(store_disk(host)),
        ..Options::default()
    };
    Store::open_inline("store.db", options).unwrap()
}

fn put(store: &Store, id: i64) -> bool {
    let statement = "INSERT INTO item (id, y) VALUES (?1, ?2)";
    store
        .write_blocking(move |tx| tx.execute(statement, params![id, vec![7_u8; 9_000]]))
        .is_ok()
}

fn ids(store: &Store) -> Vec<i64> {
    store
        .read_blocking(|tx| tx.all("SELECT id FROM item ORDER BY id", params![], |row| row.get("id")))
        .unwrap()
}

#[test]
fn rows_read_by_a_server_after_a_kill_survive_a_power_cut() {
    let (mut k, mut unsynced) = (0, 0);
    loop {
        let host = Host::new("server", k);
        let store = server(&host);
        assert!(put(&store, 1));
        host.fault_in(k, Fault::PowerCut);
        if put(&store, 2) {
            break;
        }
        drop(store);
        host.power_cycle(Cut::Process);

        let store = server(&host);
        let seen = ids(&store);
        unsynced += u64::from(seen == [1, 2]);
        host.kill();
        drop(store);
        host.power_cycle(Cut::LoseAll);
        assert_eq!(ids(&server(&host)), seen, "killed at operation {k}");
        k += 1;
    }
    assert!(
        unsynced > 0,
        "none of {k} operations is between the write and its sync"
    );
}

#[test]
fn rows_read_by_a_handset_after_a_kill_survive_a_power_cut() {
    let open = |host: &Host| {
        let disk = Arc::new(HandsetDisk::new(host, false));
        store::HandsetStore::open_on(disk, Path::new("home"), [7; 32]).unwrap()
    };
    let county = "220104".parse().unwrap();
    let (mut k, mut unsynced) = (0, 0);
    loop {
        let host = Host::new("handset", k);
        let store = open(&host);
        host.fault_in(k, Fault::PowerCut);
        if testing::enrol(&store, county).is_ok() {
            break;
        }
        drop(store);
        host.power_cycle(Cut::Process);

        let store = open(&host);
        let seen = store.account().ok();
        unsynced += u64::from(seen.is_some());
        host.kill();
        drop(store);
        host.power_cycle(Cut::LoseAll);
        assert_eq!(open(&host).account().ok(), seen, "killed at operation {k}");
        k += 1;
    }
    assert!(
        unsynced > 0,
        "none of {k} operations is between the write and its sync"
    );
}
