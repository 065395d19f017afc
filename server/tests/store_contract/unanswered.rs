//! Promises about statements whose answer nobody waits for: apart from the time of the answer they are like others.

use server::params;
use server::store::{StoreError, Tx};

use crate::ContractStore;
use crate::helpers::{DomainError, StoreResult, add, hold, ids, insert};

fn put(tx: &mut Tx<'_>, id: i64) -> StoreResult<()> {
    tx.run("INSERT INTO sample (id) VALUES (?1)", params![id])
}

fn count(tx: &mut Tx<'_>) -> StoreResult<i64> {
    tx.one("SELECT COUNT(*) AS n FROM sample", params![], |row| row.get("n"))
}

pub fn an_unanswered_statement_is_seen_by_the_next(engine: &ContractStore) {
    let store = engine.open();
    let seen: StoreResult<(i64, u64, i64)> = store.write_blocking(|tx| {
        put(tx, 1)?;
        put(tx, 2)?;
        let first = count(tx)?;
        tx.run("UPDATE sample SET i = id * 10", params![])?;
        let changed = tx.execute("UPDATE sample SET t = 'ten' WHERE i = 10", params![])?;
        tx.run("DELETE FROM sample WHERE i = 20", params![])?;
        Ok((first, changed, count(tx)?))
    });
    assert_eq!(seen, Ok((2, 1, 1)));
    assert_eq!(ids(&store), [1]);
}

pub fn an_unanswered_statement_that_fails_dooms_its_own_closure_and_no_other(engine: &ContractStore) {
    let store = engine.open();
    insert(&store, 1).unwrap();
    let (gate, held) = hold(&store, 2);
    let writes: Vec<_> = (0..6_i64)
        .map(|n| {
            Box::pin(store.write(move |tx| {
                put(tx, 10 + n)?;
                match n {
                    // The last statement of its closure; then one that is followed by a query; then one whose error is
                    // ignored.
                    1 => put(tx, 1),
                    2 => put(tx, 1).and_then(|()| count(tx)).map(drop),
                    3 => {
                        let _ = put(tx, 1);
                        Ok(())
                    }
                    _ => put(tx, 20 + n),
                }
            }))
        })
        .collect();
    let mut writes = writes;
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    for write in &mut writes {
        assert!(write.as_mut().poll(&mut context).is_pending());
    }
    // Dropped, because the first closure is in the same group and runs again with it.
    gate.send(()).unwrap();
    drop(gate);
    assert_eq!(held.join().unwrap(), Ok(1));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let done: Vec<StoreResult<()>> = runtime.block_on(futures_util::future::join_all(writes));
    for (n, done) in done.iter().enumerate() {
        match n {
            1..=3 => assert!(matches!(done, Err(StoreError::Conflict { .. })), "{n}: {done:?}"),
            _ => assert_eq!(*done, Ok(()), "{n}"),
        }
    }
    assert_eq!(ids(&store), [1, 2, 10, 14, 15, 20, 24, 25]);
}

pub fn an_unanswered_statement_that_fails_undoes_only_its_savepoint(engine: &ContractStore) {
    let store = engine.open();
    insert(&store, 1).unwrap();
    let done: StoreResult<(bool, bool)> = store.write_blocking(|tx| {
        put(tx, 2)?;
        let inside: StoreResult<()> = tx.attempt(|tx| {
            put(tx, 3)?;
            put(tx, 1)
        });
        put(tx, 4)?;
        let followed: StoreResult<i64> = tx.attempt(|tx| {
            put(tx, 1)?;
            count(tx)
        });
        put(tx, 5)?;
        Ok((inside.is_err(), followed.is_err()))
    });
    assert_eq!(done, Ok((true, true)));
    assert_eq!(ids(&store), [1, 2, 4, 5]);
    // A statement before the savepoint is not the savepoint's.
    let done: StoreResult<i64> = store.write_blocking(|tx| {
        put(tx, 1)?;
        let _: StoreResult<i64> = tx.attempt(count);
        add(tx, 6)?;
        Ok(0)
    });
    assert!(matches!(done, Err(StoreError::Conflict { .. })), "{done:?}");
    assert_eq!(ids(&store), [1, 2, 4, 5]);
}

pub fn unanswered_errors_are_those_of_answered_statements(engine: &ContractStore) {
    let store = engine.open();
    let seeded: StoreResult<u64> = store.write_blocking(|tx| {
        tx.execute("INSERT INTO parent (id) VALUES (1)", params![])?;
        tx.execute(
            "INSERT INTO child (id, parent, street, number) VALUES (1, 1, '桂林路', 7)",
            params![],
        )
    });
    seeded.unwrap();
    for sql in [
        "INSERT INTO parent (id) VALUES (1)",
        "INSERT INTO child (id, parent, street, number) VALUES (2, 1, '桂林路', 7)",
        "INSERT INTO child (id, parent, street) VALUES (2, 9, 'x')",
        "INSERT INTO child (id, parent, street) VALUES (2, 1, '')",
        "DELETE FROM parent WHERE id = 1",
        "INSERT INTO nowhere (id) VALUES (1)",
    ] {
        let answered: StoreResult<u64> = store.write_blocking(|tx| tx.execute(sql, params![]));
        let unanswered: StoreResult<()> = store.write_blocking(|tx| tx.run(sql, params![]));
        assert_eq!(unanswered.unwrap_err(), answered.unwrap_err(), "{sql}");
    }
    let unportable: StoreResult<()> =
        store.write_blocking(|tx| tx.run("INSERT INTO sample (id, t) VALUES (1, ?1)", params!["a\0b"]));
    assert!(matches!(unportable, Err(StoreError::Unportable { index: 1, .. })));
    assert_eq!(
        store.read_blocking(|tx| put(tx, 1)),
        Err(StoreError::ReadOnly),
        "a read must not write"
    );
}

pub fn unanswered_statements_are_undone_with_their_closure(engine: &ContractStore) {
    let store = engine.open();
    let refused: Result<(), DomainError> = store.write_blocking(|tx| {
        put(tx, 1)?;
        Err(DomainError::Domain("no"))
    });
    assert_eq!(refused, Err(DomainError::Domain("no")));
    // The closure's own error wins over that of a statement, as it does with answered ones.
    insert(&store, 2).unwrap();
    let refused: Result<(), DomainError> = store.write_blocking(|tx| {
        let _ = put(tx, 2);
        Err(DomainError::Domain("known"))
    });
    assert_eq!(refused, Err(DomainError::Domain("known")));
    assert_eq!(ids(&store), [2]);
}

pub fn any_number_of_statements_may_be_unanswered(engine: &ContractStore) {
    let store = engine.open();
    let done: StoreResult<()> = store.write_blocking(|tx| (0..1000).try_for_each(|id| put(tx, id)));
    done.unwrap();
    assert_eq!(ids(&store).len(), 1000);
    // Large ones, so that the buffers of the sockets are full.
    let done: StoreResult<i64> = store.write_blocking(|tx| {
        let text = "市".repeat(40_000);
        for id in 1000..1100 {
            tx.run("INSERT INTO sample (id, t) VALUES (?1, ?2)", params![id, &text])?;
        }
        count(tx)
    });
    assert_eq!(done, Ok(1100));
}
