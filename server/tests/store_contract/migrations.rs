//! Migrations of the schema.

use server::params;
use server::store::{Migration, Options, Store, StoreError};

use crate::helpers::{ids, insert};
use crate::{ContractStore, SCHEMA};

const TWO: &[Migration] = &[
    SCHEMA[0],
    Migration {
        version: 2,
        name: "more",
        sql: "CREATE TABLE more (id BIGINT PRIMARY KEY);",
    },
];

fn with(migrations: &'static [Migration]) -> Options {
    Options {
        migrations,
        ..Options::default()
    }
}

fn history(store: &Store) -> Vec<(i64, String, String)> {
    store
        .read_blocking(|tx| {
            tx.all(
                "SELECT version, sha256, applied_at FROM schema_migration ORDER BY version",
                params![],
                |row| Ok((row.get("version")?, row.get("sha256")?, row.get("applied_at")?)),
            )
        })
        .unwrap()
}

pub fn migrating_again_changes_nothing(engine: &ContractStore) {
    let store = engine.open();
    insert(&store, 1).unwrap();
    let before = history(&store);
    store.close_blocking();
    let store = engine.open();
    assert_eq!((history(&store), ids(&store)), (before.clone(), vec![1]));
    store.close_blocking();
    let store = engine.open_with(with(TWO));
    assert_eq!(
        (
            history(&store).len(),
            history(&store)[0] == before[0],
            ids(&store)
        ),
        (2, true, vec![1])
    );
}

pub fn a_changed_migration_is_refused(engine: &ContractStore) {
    engine.open().close_blocking();
    const CHANGED: &[Migration] = &[Migration {
        version: 1,
        name: "contract",
        sql: "CREATE TABLE other (id BIGINT);",
    }];
    let refused = engine.try_open(with(CHANGED)).unwrap_err();
    assert_eq!(
        refused,
        StoreError::MigrationChanged {
            version: 1,
            name: "contract".to_owned()
        }
    );
    engine.open();
}

pub fn a_newer_database_is_refused(engine: &ContractStore) {
    engine.open_with(with(TWO)).close_blocking();
    assert_eq!(
        engine.try_open(with(SCHEMA)).unwrap_err(),
        StoreError::MigrationNewer { found: 2, known: 1 }
    );
}

pub fn a_failing_migration_keeps_the_previous_version(engine: &ContractStore) {
    const BROKEN: &[Migration] = &[
        SCHEMA[0],
        Migration {
            version: 2,
            name: "broken",
            sql: "CREATE TABLE half (id BIGINT); SELECT no_such FROM half;",
        },
    ];
    let failed = engine.try_open(with(BROKEN)).unwrap_err();
    assert!(
        matches!(failed, StoreError::MigrationFailed { version: 2, .. }),
        "{failed:?}"
    );
    let store = engine.open();
    assert_eq!(history(&store).len(), 1);
    let half = store.read_blocking(|tx| tx.all("SELECT id FROM half", params![], |_| Ok(())));
    assert!(
        matches!(half, Err(StoreError::Statement { .. })),
        "the failed migration must leave nothing"
    );
}

pub fn stores_opened_at_once_migrate_once(engine: &ContractStore) {
    std::thread::scope(|scope| {
        let opened: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| engine.try_open(with(TWO))))
            .collect();
        for store in opened {
            assert_eq!(history(&store.join().unwrap().unwrap()).len(), 2);
        }
    });
}

pub fn the_servers_schema_applies_to_an_empty_database(engine: &ContractStore) {
    let store = engine.open_with(Options::default());
    let versions: Vec<i64> = history(&store).into_iter().map(|(version, ..)| version).collect();
    assert_eq!(
        versions,
        server::store::MIGRATIONS
            .iter()
            .map(|m| m.version)
            .collect::<Vec<_>>()
    );
}
