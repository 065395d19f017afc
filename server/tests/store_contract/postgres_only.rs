//! Tests for PostgreSQL only: lost connections, other replicas, schema changes during use.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use server::{
    params,
    store::{Heard, Hint, Migration, Options, Store, StoreError, Tx},
};

use crate::helpers::{add, hear, hold, ids, insert};
use crate::{ContractStore, SCHEMA};

fn die(tx: &mut Tx<'_>) -> Result<Vec<()>, StoreError> {
    tx.all(
        "SELECT pg_terminate_backend(pg_backend_pid()) AS dead",
        params![],
        |_| Ok(()),
    )
}

#[test]
fn lost_connection_is_reopened_and_the_closure_runs_again() {
    let engine = ContractStore::postgres();
    let store = engine.open();
    let runs = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&runs);
    let done = store.write_blocking(move |tx| {
        add(tx, 1)?;
        if counted.fetch_add(1, Ordering::Relaxed) == 0 {
            die(tx)?;
        }
        add(tx, 2)
    });
    assert_eq!((done, runs.load(Ordering::Relaxed)), (Ok(1), 2));
    let runs = AtomicU32::new(0);
    let read = store.read_blocking(move |tx| {
        if runs.fetch_add(1, Ordering::Relaxed) == 0 {
            die(tx)?;
        }
        tx.one("SELECT COUNT(*) AS n FROM sample", params![], |row| {
            row.get::<i64>("n")
        })
    });
    assert_eq!(read, Ok(2));
}

#[test]
fn connection_lost_in_commit_is_an_unknown_outcome() {
    let engine = ContractStore::postgres();
    let store = engine.open();
    engine.run_sql(
        "CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS
            'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END';
         CREATE CONSTRAINT TRIGGER late AFTER INSERT ON sample DEFERRABLE INITIALLY DEFERRED
            FOR EACH ROW WHEN (NEW.id = 13) EXECUTE FUNCTION die();",
    );
    let mut hints = store.listen(vec![Hint::Jobs]);
    let lost = store.write_blocking(|tx| {
        tx.after_commit(Hint::Jobs);
        add(tx, 13)
    });
    assert!(matches!(lost, Err(StoreError::CommitUnknown { .. })), "{lost:?}");
    assert_eq!(hints.heard_already(), None);
    insert(&store, 14).unwrap();
    assert_eq!(ids(&store), [14]);
}

#[test]
fn hints_reach_the_other_replica_once() {
    let engine = ContractStore::postgres();
    let (here, there) = (engine.open(), engine.open());
    let topics = || ["岗位一", "answer", "later", "never"].map(|name| Hint::Mailbox(name.to_owned()));
    let (mut at_home, mut abroad) = (here.listen(topics().into()), there.listen(topics().into()));
    let say = |store: &Store, id: i64, name: &'static str| {
        store
            .write_blocking(move |tx| {
                tx.after_commit(Hint::Mailbox(name.to_owned()));
                add(tx, id)
            })
            .unwrap();
    };
    let refused: Result<(), StoreError> = here.write_blocking(|tx| {
        tx.after_commit(Hint::Mailbox("never".to_owned()));
        Err(StoreError::NotFound)
    });
    refused.unwrap_err();
    let news = |heard: Heard| ([0, 1, 2, 3].map(|n| heard.of(n)), heard.lost());
    say(&here, 1, "岗位一");
    assert_eq!(news(hear(&mut abroad)), ([true, false, false, false], false));
    assert_eq!(news(hear(&mut at_home)), ([true, false, false, false], false));
    // A hint from the other replica shows that our own hint had time to come back, and did not.
    say(&there, 2, "answer");
    assert_eq!(news(hear(&mut at_home)), ([false, true, false, false], false));
    assert_eq!(news(hear(&mut abroad)), ([false, true, false, false], false));

    // After its connection was lost, the listener reports that it may have missed a hint.
    engine.run_sql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE datname = current_database() AND query LIKE 'LISTEN%'",
    );
    assert!(hear(&mut abroad).lost());
    say(&here, 3, "later");
    assert_eq!(news(hear(&mut abroad)), ([false, false, true, false], false));
}

#[test]
fn serialization_conflicts_between_replicas_are_retried() {
    const ROOM: i64 = 12;
    const PLACES: i64 = 6;
    let engine = ContractStore::postgres();
    let patient = || Options {
        patience: Duration::from_secs(120),
        ..ContractStore::options()
    };
    let replicas = [engine.open_with(patient()), engine.open_with(patient())];
    // Each counts the rows and adds one if there is a free place: two concurrent ones see the same count, and
    // neither changes a row of the other.
    let takers: Vec<_> = (0..ROOM)
        .map(|id| {
            let store = replicas[usize::try_from(id).unwrap() % 2].clone();
            std::thread::spawn(move || {
                store.write_blocking(move |tx| {
                    let there: i64 =
                        tx.one("SELECT COUNT(*) AS n FROM sample", params![], |row| row.get("n"))?;
                    if there < PLACES { add(tx, id) } else { Ok(0) }
                })
            })
        })
        .collect();
    let taken: u64 = takers
        .into_iter()
        .map(|taker| taker.join().unwrap().unwrap())
        .sum();
    assert_eq!(
        i64::try_from(taken),
        Ok(PLACES),
        "each successful closure must have a place"
    );
    assert_eq!(ids(&replicas[0]).len(), usize::try_from(PLACES).unwrap());

    // A client that takes no turns, such as an older replica, commits between the read and the write of the first run.
    let (old, runs) = (Arc::new(engine), Arc::new(AtomicU32::new(0)));
    let (writes, counted) = (Arc::clone(&old), Arc::clone(&runs));
    let counter: Result<u64, StoreError> = replicas[0].write_blocking(move |tx| {
        let n: i64 = tx.one("SELECT COUNT(*) AS n FROM parent", params![], |row| row.get("n"))?;
        if counted.fetch_add(1, Ordering::Relaxed) == 0 {
            writes.run_sql(
                "BEGIN ISOLATION LEVEL SERIALIZABLE; INSERT INTO parent SELECT COUNT(*) FROM parent; COMMIT",
            );
        }
        tx.execute("INSERT INTO parent (id) VALUES (?1)", params![n])
    });
    assert_eq!(counter, Ok(1));
    assert_eq!(runs.load(Ordering::Relaxed), 2, "the closure must run again");
    let parents = replicas[1].read_blocking(|tx| {
        tx.all("SELECT id FROM parent ORDER BY id", params![], |row| {
            row.get::<i64>("id")
        })
    });
    assert_eq!(parents, Ok(vec![0, 1]));
}

#[test]
fn pg_03_writes_of_two_replicas_take_turns() {
    const EACH: u32 = 40;
    let engine = ContractStore::postgres();
    let replicas = [engine.open(), engine.open()];
    let runs = Arc::new(AtomicU32::new(0));
    let writers: Vec<_> = (0..2 * EACH)
        .map(|id| {
            let (store, runs) = (
                replicas[usize::try_from(id % 2).unwrap()].clone(),
                Arc::clone(&runs),
            );
            std::thread::spawn(move || {
                store.write_blocking(move |tx| {
                    runs.fetch_add(1, Ordering::Relaxed);
                    // Reads the page that everybody adds to: two at once would conflict.
                    tx.one("SELECT COUNT(*) AS n FROM sample", params![], |row| {
                        row.get::<i64>("n")
                    })?;
                    add(tx, id.into())
                })
            })
        })
        .collect();
    for writer in writers {
        assert_eq!(writer.join().unwrap(), Ok(1));
    }
    assert_eq!(runs.load(Ordering::Relaxed), 2 * EACH, "no write may run again");
}

#[test]
fn pg_03_a_write_whose_turn_does_not_come_is_busy_and_a_lost_replica_gives_the_turn_back() {
    let engine = ContractStore::postgres();
    // Also the time after which PostgreSQL cuts off a transaction in which nothing happens: longer than a busy machine lets
    // a thread wait.
    let hasty = engine.open_with(Options {
        statement_timeout: Duration::from_millis(750),
        patience: Duration::from_millis(1500),
        ..ContractStore::options()
    });
    let patient = engine.open();
    let mut stuck = postgres::Client::connect(engine.url(), postgres::NoTls).unwrap();
    stuck
        .batch_execute("BEGIN; LOCK TABLE schema_migration IN SHARE UPDATE EXCLUSIVE MODE")
        .unwrap();
    assert_eq!(insert(&hasty, 1), Err(StoreError::Busy));
    assert!(ids(&hasty).is_empty(), "reads wait for nobody");
    let waiting = std::thread::spawn(move || insert(&patient, 2));
    drop(stuck);
    assert_eq!(waiting.join().unwrap(), Ok(1));
    assert_eq!(insert(&hasty, 3), Ok(1));
    assert_eq!(ids(&hasty), [2, 3]);
}

#[test]
fn i15_a_migration_may_take_longer_than_a_statement() {
    const SLOW: &[Migration] = &[
        SCHEMA[0],
        Migration {
            version: 2,
            name: "slow",
            sql: "SELECT pg_sleep(1.5);",
        },
    ];
    let engine = ContractStore::postgres();
    let store = engine.open_with(Options {
        migrations: SLOW,
        statement_timeout: Duration::from_millis(500),
        ..ContractStore::options()
    });
    let slow: Result<Vec<()>, StoreError> =
        store.write_blocking(|tx| tx.all("SELECT pg_sleep(1.5)", params![], |_| Ok(())));
    assert!(slow.is_err(), "the limit is in force after it");
    assert_eq!(insert(&store, 1), Ok(1));
}

#[test]
fn pg_03_a_role_that_may_not_lock_writes_without_turns() {
    let engine = ContractStore::postgres();
    drop(engine.open());
    engine.run_sql(
        "CREATE ROLE clerk_pg_03 LOGIN; GRANT CREATE ON SCHEMA public TO clerk_pg_03; GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA public TO clerk_pg_03",
    );
    let url = engine.url().replace("xunge@", "clerk_pg_03@");
    let store = Store::open(&url, ContractStore::options()).unwrap();
    let done = insert(&store, 1);
    store.close_blocking();
    engine.run_sql("DROP OWNED BY clerk_pg_03; DROP ROLE clerk_pg_03");
    assert_eq!(done, Ok(1));
}

#[test]
fn pg_03_a_connection_that_died_idle_is_replaced_before_anything_is_committed() {
    let engine = ContractStore::postgres();
    let store = engine.open();
    insert(&store, 1).unwrap();
    for id in 2..10 {
        engine.run_sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
             WHERE datname = current_database() AND pid <> pg_backend_pid()",
        );
        // No statement waits for an answer: without a question before COMMIT its outcome would be unknown.
        let done: Result<(), StoreError> =
            store.write_blocking(move |tx| tx.run("INSERT INTO sample (id) VALUES (?1)", params![id]));
        assert_eq!(done, Ok(()));
    }
    assert_eq!(ids(&store), [1, 2, 3, 4, 5, 6, 7, 8, 9]);
}

#[test]
fn pg_03_unanswered_statements_of_a_lost_connection_run_again() {
    let engine = ContractStore::postgres();
    let store = engine.open();
    let runs = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&runs);
    let done: Result<(), StoreError> = store.write_blocking(move |tx| {
        let put = |tx: &mut Tx<'_>, id: i64| tx.run("INSERT INTO sample (id) VALUES (?1)", params![id]);
        put(tx, 1)?;
        if counted.fetch_add(1, Ordering::Relaxed) == 0 {
            tx.run("SELECT pg_terminate_backend(pg_backend_pid())", params![])?;
        }
        put(tx, 2)?;
        tx.one("SELECT COUNT(*) AS n FROM sample", params![], |row| {
            row.get::<i64>("n")
        })?;
        put(tx, 3)
    });
    assert_eq!((done, runs.load(Ordering::Relaxed)), (Ok(()), 2));
    assert_eq!(ids(&store), [1, 2, 3]);
}

#[test]
fn grouped_writes_share_a_commit_without_conflicts() {
    let engine = ContractStore::postgres();
    let store = engine.open();
    let runs = Arc::new(AtomicU32::new(0));
    let (gate, held) = hold(&store, 0);
    // Each reads the whole table and adds to it, so concurrently they would conflict. The first one's id is
    // already used.
    let mut waiting: Vec<_> = (0..6_i64)
        .map(|id| {
            let runs = Arc::clone(&runs);
            Box::pin(store.write(move |tx| {
                runs.fetch_add(1, Ordering::Relaxed);
                tx.one("SELECT COUNT(*) AS n FROM sample", params![], |row| {
                    row.get::<i64>("n")
                })?;
                add(tx, id)?;
                tx.one(
                    "SELECT CAST(pg_current_xact_id() AS TEXT) AS id",
                    params![],
                    |row| row.get::<String>("id"),
                )
            }))
        })
        .collect();
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    for write in &mut waiting {
        assert!(write.as_mut().poll(&mut context).is_pending());
    }
    gate.send(()).unwrap();
    assert_eq!(held.join().unwrap(), Ok(1));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let done: Vec<Result<String, StoreError>> = runtime.block_on(futures_util::future::join_all(waiting));
    assert!(matches!(done[0], Err(StoreError::Conflict { .. })), "{done:?}");
    assert!(
        done[1].is_ok() && done[1..].iter().all(|other| *other == done[1]),
        "{done:?}"
    );
    assert_eq!(runs.load(Ordering::Relaxed), 6, "no closure may run again");
    assert_eq!(ids(&store), [0, 1, 2, 3, 4, 5]);
}

#[test]
fn schema_change_under_a_prepared_statement_is_handled() {
    let engine = ContractStore::postgres();
    let store = engine.open_with(Options {
        connections: 1,
        ..ContractStore::options()
    });
    let look =
        || store.read_blocking(|tx| tx.all("SELECT * FROM parent", params![], |row| Ok(row.columns().len())));
    engine.run_sql("INSERT INTO parent (id) VALUES (1)");
    assert_eq!(look(), Ok(vec![1]));
    engine.run_sql("ALTER TABLE parent ADD COLUMN name TEXT");
    assert_eq!(look(), Ok(vec![2]));
}

#[test]
fn commit_is_durable_despite_database_settings() {
    let engine = ContractStore::postgres();
    let durability = |store: &Store| {
        let write = store.write_blocking(|tx| {
            tx.one(
                "SELECT current_setting('synchronous_commit') AS s",
                params![],
                |row| row.get::<String>("s"),
            )
        });
        write.unwrap()
    };
    let set = |to: &str| {
        engine.run_sql(&format!(
            "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET synchronous_commit = {to}', current_database()); END $$"
        ));
    };
    set("off");
    let store = engine.open();
    assert_eq!(durability(&store), "on");
    // A reopened connection must not be less durable.
    let first = AtomicU32::new(0);
    let again = store.write_blocking(move |tx| {
        if first.fetch_add(1, Ordering::Relaxed) == 0 {
            die(tx)?;
        }
        add(tx, 1)
    });
    assert_eq!(again, Ok(1));
    assert_eq!(durability(&store), "on");
    set("local");
    assert_eq!(
        durability(&engine.open()),
        "local",
        "the operator's setting must be kept"
    );
}

#[test]
fn write_uses_key_lookup_despite_stale_statistics() {
    let engine = ContractStore::postgres();
    let store = engine.open();
    engine.run_sql(
        "CREATE TABLE unit (id BIGINT PRIMARY KEY);
         CREATE TABLE report (id BIGINT PRIMARY KEY, unit BIGINT NOT NULL);
         INSERT INTO unit SELECT generate_series(1, 5000);
         INSERT INTO report SELECT n, 1 + n % 3 FROM generate_series(1, 5000) AS n;
         ANALYZE",
    );
    let plan = |tx: &mut Tx<'_>| {
        let lines = tx.all(
            "EXPLAIN SELECT u.id FROM report r JOIN unit u ON u.id = r.unit WHERE r.id = 4711",
            params![],
            |row| row.get::<String>("QUERY PLAN"),
        )?;
        Ok::<_, StoreError>(lines.join("\n"))
    };
    // The statistics contain only reports of the three oldest units, so a merge join with all units looks
    // cheap.
    let (read, write) = (
        store.read_blocking(plan).unwrap(),
        store.write_blocking(plan).unwrap(),
    );
    assert!(
        read.contains("Merge Join"),
        "expected a merge join for the read:\n{read}"
    );
    assert_eq!(write.matches("Index Cond").count(), 2, "{write}");
}
