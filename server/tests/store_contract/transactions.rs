//! Isolation and rollback of closures.

use std::sync::Mutex;
use std::sync::mpsc::{Receiver, channel};

use server::params;
use server::store::{Options, StoreError};

use crate::ContractStore;
use crate::helpers::{DomainError, StoreResult, add, hold, ids, insert};

pub fn every_later_read_sees_a_committed_write(engine: &ContractStore) {
    let store = engine.open();
    for id in 0..100 {
        insert(&store, id).unwrap();
        assert_eq!(ids(&store.clone()).last(), Some(&id));
    }
    // Also one that runs where it is asked for.
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    for id in 100..200 {
        insert(&store, id).unwrap();
        let last = store.read_quickly(|tx| {
            tx.one("SELECT MAX(id) AS n FROM sample", params![], |row| {
                row.get::<i64>("n")
            })
        });
        assert_eq!(runtime.block_on(last), Ok(id));
    }
}

pub fn an_error_undoes_only_its_own_closure(engine: &ContractStore) {
    let store = engine.open();
    let threads: Vec<_> = (0..40)
        .map(|id| {
            let store = store.clone();
            std::thread::spawn(move || {
                store.write_blocking(move |tx| {
                    add(tx, id)?;
                    if id % 2 == 0 {
                        Ok(id)
                    } else {
                        Err(DomainError::Domain("odd"))
                    }
                })
            })
        })
        .collect();
    for (id, thread) in (0..).zip(threads) {
        let expected = if id % 2 == 0 {
            Ok(id)
        } else {
            Err(DomainError::Domain("odd"))
        };
        assert_eq!(thread.join().unwrap(), expected);
    }
    assert_eq!(ids(&store), (0..40).filter(|id| id % 2 == 0).collect::<Vec<_>>());
}

pub fn a_panic_undoes_only_its_own_closure_and_the_store_continues(engine: &ContractStore) {
    // More panics than workers: a worker thread that died of a panic would be noticed.
    let store = engine.open_with(Options {
        connections: 2,
        readers: 2,
        ..ContractStore::options()
    });
    for id in 0..6 {
        let panicked: StoreResult<()> = store.write_blocking(move |tx| {
            add(tx, 100 + id)?;
            panic!("panic on purpose")
        });
        assert_eq!(panicked, Err(StoreError::Panicked));
        let panicked: StoreResult<()> = store.read_blocking(|_| panic!("panic on purpose"));
        assert_eq!(panicked, Err(StoreError::Panicked));
        insert(&store, id).unwrap();
    }
    assert_eq!(ids(&store), [0, 1, 2, 3, 4, 5]);
}

pub fn concurrent_closures_each_get_their_own_result(engine: &ContractStore) {
    let store = engine.open();
    insert(&store, 7).unwrap();
    let (gate, held) = hold(&store, 1000);
    let threads: Vec<_> = (0..30)
        .map(|id: i64| {
            let store = store.clone();
            std::thread::spawn(move || store.write_blocking(move |tx| add(tx, id).map(|_| id * 10)))
        })
        .collect();
    gate.send(()).unwrap();
    assert_eq!(held.join().unwrap(), Ok(1));
    for (id, thread) in (0..).zip(threads) {
        let answer = thread.join().unwrap();
        if id == 7 {
            assert!(matches!(answer, Err(StoreError::Conflict { .. })), "{answer:?}");
        } else {
            assert_eq!(answer, Ok(id * 10));
        }
    }
    assert_eq!(ids(&store).len(), 31);
}

pub fn no_increment_is_lost_among_eight_writers(engine: &ContractStore) {
    let store = engine.open_with(Options {
        patience: std::time::Duration::from_secs(60),
        ..ContractStore::options()
    });
    store
        .write_blocking(|tx| tx.execute("INSERT INTO counter (name, n) VALUES ('all', 0)", params![]))
        .unwrap();
    let threads: Vec<_> = (0..8)
        .map(|_| {
            let store = store.clone();
            std::thread::spawn(move || {
                for _ in 0..50 {
                    // Read, compute, write: no increment is lost only with serializable transactions.
                    let done: StoreResult<u64> = store.write_blocking(|tx| {
                        let n: i64 =
                            tx.one("SELECT n FROM counter WHERE name = 'all'", params![], |row| {
                                row.get("n")
                            })?;
                        tx.execute("UPDATE counter SET n = ?1 WHERE name = 'all'", params![n + 1])
                    });
                    done.unwrap();
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    let n: StoreResult<i64> =
        store.read_blocking(|tx| tx.one("SELECT n FROM counter", params![], |row| row.get("n")));
    assert_eq!(n, Ok(400));
}

pub fn a_read_sees_one_snapshot(engine: &ContractStore) {
    let store = engine.open();
    let (looked, when_looked) = channel();
    let (wrote, when_wrote) = channel::<()>();
    let when_wrote: Mutex<Receiver<()>> = Mutex::new(when_wrote);
    let reader = store.clone();
    let reader = std::thread::spawn(move || {
        reader.read_blocking(move |tx| {
            let mut count = || {
                tx.one("SELECT COUNT(*) AS n FROM sample", params![], |row| {
                    row.get::<i64>("n")
                })
            };
            let before = count()?;
            looked.send(()).unwrap();
            when_wrote.lock().unwrap().recv().unwrap();
            Ok::<_, StoreError>((before, count()?))
        })
    });
    when_looked.recv().unwrap();
    insert(&store, 1).unwrap();
    wrote.send(()).unwrap();
    assert_eq!(reader.join().unwrap(), Ok((0, 0)));
    assert_eq!(ids(&store), [1]);
}

pub fn a_read_cannot_write(engine: &ContractStore) {
    let store = engine.open();
    assert_eq!(store.read_blocking(|tx| add(tx, 1)), Err(StoreError::ReadOnly));
    let sneaked = store.read_blocking(|tx| {
        tx.one(
            "INSERT INTO sample (id) VALUES (2) RETURNING id",
            params![],
            |row| row.get::<i64>("id"),
        )
    });
    assert_eq!(sneaked, Err(StoreError::ReadOnly));
    assert!(ids(&store).is_empty());
}

pub fn a_failed_statement_dooms_the_closure(engine: &ContractStore) {
    let store = engine.open();
    insert(&store, 1).unwrap();
    let swallowed: StoreResult<&str> = store.write_blocking(|tx| {
        add(tx, 2)?;
        assert!(add(tx, 1).is_err());
        assert!(matches!(add(tx, 3), Err(StoreError::Conflict { .. })));
        Ok("ignores the error")
    });
    assert!(
        matches!(swallowed, Err(StoreError::Conflict { .. })),
        "{swallowed:?}"
    );
    let own: Result<(), DomainError> = store.write_blocking(|tx| {
        assert!(add(tx, 1).is_err());
        Err(DomainError::Domain("already known"))
    });
    assert_eq!(own, Err(DomainError::Domain("already known")));
    assert_eq!(ids(&store), [1]);
}

pub fn a_savepoint_undoes_only_its_part(engine: &ContractStore) {
    let store = engine.open();
    insert(&store, 1).unwrap();
    let done: StoreResult<()> = store.write_blocking(|tx| {
        add(tx, 2)?;
        let first = tx.attempt(|tx| {
            add(tx, 3)?;
            add(tx, 1)
        });
        assert!(matches!(first, Err(StoreError::Conflict { .. })));
        let swallowed: StoreResult<()> = tx.attempt(|tx| {
            let _ = add(tx, 1);
            Ok(())
        });
        assert!(matches!(swallowed, Err(StoreError::Conflict { .. })));
        let nested: StoreResult<()> = tx.attempt(|tx| {
            add(tx, 4)?;
            let inner: Result<(), DomainError> = tx.attempt(|tx| {
                add(tx, 5)?;
                Err(DomainError::Domain("no"))
            });
            assert_eq!(inner, Err(DomainError::Domain("no")));
            Ok(())
        });
        nested?;
        add(tx, 6)?;
        Ok(())
    });
    done.unwrap();
    assert_eq!(ids(&store), [1, 2, 4, 6]);
}
