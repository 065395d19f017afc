//! The promises themselves, one function each.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use proptest::prelude::{Just, any, prop_oneof};
use proptest::strategy::Strategy;
use proptest::test_runner::{Config, TestRunner};
use server::{
    params,
    store::{Hint, Migration, Options, Store, StoreError, Tx, Value},
};
use tokio::sync::broadcast::error::TryRecvError;

use crate::{Bench, SCHEMA};

type Done<T> = Result<T, StoreError>;

/// A domain's own error.
#[derive(Debug, PartialEq)]
pub enum Refusal {
    Domain(&'static str),
    Store(StoreError),
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

pub fn add(tx: &mut Tx<'_>, id: i64) -> Done<u64> {
    tx.execute("INSERT INTO sample (id) VALUES (?1)", params![id])
}

pub fn insert(store: &Store, id: i64) -> Done<u64> {
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

/// A write that says when it runs and then waits for its gate: whoever holds the gate holds a worker.
pub fn hold(store: &Store, id: i64) -> (Sender<()>, JoinHandle<Done<u64>>) {
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

pub fn what_was_written_is_seen_by_every_later_read(bench: &Bench) {
    let store = bench.open();
    for id in 0..100 {
        insert(&store, id).unwrap();
        assert_eq!(ids(&store.clone()).last(), Some(&id));
    }
}

pub fn an_error_undoes_only_its_own_closure(bench: &Bench) {
    let store = bench.open();
    let threads: Vec<_> = (0..40)
        .map(|id| {
            let store = store.clone();
            std::thread::spawn(move || {
                store.write_blocking(move |tx| {
                    add(tx, id)?;
                    if id % 2 == 0 {
                        Ok(id)
                    } else {
                        Err(Refusal::Domain("odd"))
                    }
                })
            })
        })
        .collect();
    for (id, thread) in (0..).zip(threads) {
        let expected = if id % 2 == 0 {
            Ok(id)
        } else {
            Err(Refusal::Domain("odd"))
        };
        assert_eq!(thread.join().unwrap(), expected);
    }
    assert_eq!(ids(&store), (0..40).filter(|id| id % 2 == 0).collect::<Vec<_>>());
}

pub fn a_panic_undoes_only_its_own_closure_and_the_store_lives_on(bench: &Bench) {
    // More panics than workers: a thread that died of one would be missed.
    let store = bench.open_with(Options {
        connections: 2,
        readers: 2,
        ..Bench::options()
    });
    for id in 0..6 {
        let panicked: Done<()> = store.write_blocking(move |tx| {
            add(tx, 100 + id)?;
            panic!("meant by the test")
        });
        assert_eq!(panicked, Err(StoreError::Panicked));
        let panicked: Done<()> = store.read_blocking(|_| panic!("meant by the test"));
        assert_eq!(panicked, Err(StoreError::Panicked));
        insert(&store, id).unwrap();
    }
    assert_eq!(ids(&store), [0, 1, 2, 3, 4, 5]);
}

pub fn closures_at_once_are_answered_one_by_one(bench: &Bench) {
    let store = bench.open();
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

pub fn no_increment_is_lost_among_eight_writers(bench: &Bench) {
    let store = bench.open_with(Options {
        patience: std::time::Duration::from_secs(60),
        ..Bench::options()
    });
    store
        .write_blocking(|tx| tx.execute("INSERT INTO counter (name, n) VALUES ('all', 0)", params![]))
        .unwrap();
    let threads: Vec<_> = (0..8)
        .map(|_| {
            let store = store.clone();
            std::thread::spawn(move || {
                for _ in 0..50 {
                    // Read, think, write: only serializable transactions survive this.
                    let done: Done<u64> = store.write_blocking(|tx| {
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
    let n: Done<i64> =
        store.read_blocking(|tx| tx.one("SELECT n FROM counter", params![], |row| row.get("n")));
    assert_eq!(n, Ok(400));
}

pub fn a_read_sees_one_snapshot(bench: &Bench) {
    let store = bench.open();
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

pub fn a_read_cannot_write(bench: &Bench) {
    let store = bench.open();
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

pub fn every_value_comes_back_as_it_went_in(bench: &Bench) {
    let store = bench.open();
    let texts = prop_oneof![
        "[^\\x00]{0,40}",
        Just(String::new()),
        Just("朝阳区桂林街道 🏀 'quoted' \"?1\" \\".to_owned()),
        "[巡格员🏃‍♀️\u{10ffff}]{0,20}"
    ];
    let ints = prop_oneof![
        any::<i64>(),
        Just(i64::MIN),
        Just(i64::MAX),
        Just(1 << 53),
        Just((1 << 53) + 1)
    ];
    let reals = prop_oneof![
        any::<f64>().prop_filter("NaN is refused", |r| !r.is_nan()),
        Just(f64::INFINITY),
        Just(f64::MIN_POSITIVE),
        Just(3.0)
    ];
    let row = (
        proptest::option::of(texts),
        proptest::option::of(ints),
        proptest::option::of(reals),
        proptest::option::of(any::<bool>()),
        proptest::option::of(proptest::collection::vec(any::<u8>(), 0..64)),
    );
    // The seed is fixed by the source, so that a failure here fails for everybody.
    let mut runner = TestRunner::new_with_rng(
        Config {
            cases: 200,
            failure_persistence: None,
            ..Config::default()
        },
        proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha),
    );
    runner
        .run(&row, |(t, i, r, b, y)| {
            let (t2, y2) = (t.clone(), y.clone());
            let back = store.write_blocking(move |tx| {
                tx.execute("DELETE FROM sample", params![])?;
                tx.execute(
                    "INSERT INTO sample (id, t, i, r, b, y) VALUES (1, ?1, ?2, ?3, ?4, ?5)",
                    params![&t2, i, r, b, &y2],
                )?;
                tx.one(
                    "SELECT t, i, r, b, y FROM sample WHERE t IS NOT DISTINCT FROM ?1 AND y IS NOT DISTINCT FROM ?2
                     AND b IS NOT DISTINCT FROM ?3 AND i IS NOT DISTINCT FROM ?4",
                    params![&t2, &y2, b, i],
                    |row| Ok((row.get("t")?, row.get("i")?, row.get("r")?, row.get("b")?, row.get("y")?)),
                )
            });
            proptest::prop_assert_eq!(back, Ok((t, i, r, b, y)));
            Ok(())
        })
        .unwrap();
}

pub fn question_marks_in_text_are_text_and_ten_is_not_one(bench: &Bench) {
    let store = bench.open();
    let row = store.read_blocking(|tx| {
        tx.one(
            "SELECT '?1 it''s' AS a, ?10 || ?1 AS b, '$1' AS c /* ?2 */ -- ?3
             WHERE ?2 || ?3 || ?4 || ?5 || ?6 || ?7 || ?8 || ?9 <> '?1'",
            params!["1", "2", "3", "4", "5", "6", "7", "8", "9", "ten"],
            |row| {
                Ok((
                    row.get::<String>("a")?,
                    row.get::<String>("b")?,
                    row.get::<String>(2)?,
                ))
            },
        )
    });
    assert_eq!(
        row,
        Ok(("?1 it's".to_owned(), "ten1".to_owned(), "$1".to_owned()))
    );
}

pub fn text_with_nul_and_not_a_number_are_refused(bench: &Bench) {
    let store = bench.open();
    for bad in [Value::from("a\0b"), Value::from(f64::NAN)] {
        let refused = store.write_blocking(move |tx| {
            tx.execute(
                "INSERT INTO counter (n, name) VALUES (?1, ?2)",
                params![1_i64, &bad],
            )
        });
        assert!(
            matches!(refused, Err(StoreError::Unportable { index: 2, .. })),
            "{refused:?}"
        );
    }
}

pub fn close_finishes_what_was_accepted(bench: &Bench) {
    // One connection, so that everything waits behind the held one on both engines.
    let store = bench.open_with(Options {
        connections: 1,
        ..Bench::options()
    });
    let (gate, held) = hold(&store, 0);
    let (answers, received) = channel();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .build()
        .unwrap();
    for id in 1..=20 {
        let (store, answers) = (store.clone(), answers.clone());
        let mut write = Box::pin(async move { store.write(move |tx| add(tx, id)).await });
        // Polled once here: accepted before close is called.
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(write.as_mut().poll(&mut context).is_pending());
        runtime.spawn(async move { answers.send(write.await) });
    }
    let closing = std::thread::spawn({
        let store = store.clone();
        move || store.close_blocking()
    });
    gate.send(()).unwrap();
    assert_eq!(held.join().unwrap(), Ok(1));
    for _ in 1..=20 {
        assert_eq!(received.recv().unwrap(), Ok(1));
    }
    closing.join().unwrap();
    assert_eq!(insert(&store, 99), Err(StoreError::Closed));
    assert_eq!(store.read_blocking(|tx| add(tx, 1)), Err(StoreError::Closed));
    assert_eq!(ids(&bench.open()), (0..=20).collect::<Vec<_>>());
}

pub fn async_code_may_open_use_and_close_a_store(bench: &Bench) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let store = bench.open();
        let writes = (0..10).map(|id| store.write(move |tx| add(tx, id)));
        for done in futures_util::future::join_all(writes).await {
            assert_eq!(done, Ok(1));
        }
        let count = store
            .read(|tx| {
                tx.one("SELECT COUNT(*) AS n FROM sample", params![], |row| {
                    row.get::<i64>("n")
                })
            })
            .await;
        assert_eq!(count, Ok(10));
        store.clone().close().await;
        assert_eq!(store.write(|tx| add(tx, 10)).await, Err(StoreError::Closed));
    });
}

pub fn a_write_nobody_waits_for_is_done_all_the_same(bench: &Bench) {
    let store = bench.open_with(Options {
        connections: 1,
        ..Bench::options()
    });
    let (gate, held) = hold(&store, 0);
    {
        let mut write = Box::pin(store.write(|tx| add(tx, 1)));
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(write.as_mut().poll(&mut context).is_pending());
    }
    gate.send(()).unwrap();
    held.join().unwrap().unwrap();
    insert(&store, 2).unwrap();
    assert_eq!(ids(&store), [0, 1, 2]);
}

pub fn more_than_the_queue_holds_is_refused_as_busy(bench: &Bench) {
    let store = bench.open_with(Options {
        connections: 1,
        queue: 2,
        ..Bench::options()
    });
    let (gate, held) = hold(&store, 0);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let mut waiting: Vec<_> = (1..=2)
        .map(|id| Box::pin(store.write(move |tx| add(tx, id))))
        .collect();
    for write in &mut waiting {
        assert!(write.as_mut().poll(&mut context).is_pending());
    }
    assert_eq!(insert(&store, 3), Err(StoreError::Busy));
    gate.send(()).unwrap();
    held.join().unwrap().unwrap();
    drop(waiting);
    store.close_blocking();
    assert_eq!(ids(&bench.open()), [0, 1, 2]);
}

pub fn hints_leave_after_commit_and_never_without(bench: &Bench) {
    let store = bench.open();
    let mut hints = store.hints();
    let box_of = |name: &str| Hint::Mailbox(name.to_owned());
    let (kept, when_kept) = (box_of("kept"), box_of("kept"));
    let witness = Arc::new(Mutex::new(store.hints()));
    let done: Done<()> = store.write_blocking(move |tx| {
        add(tx, 1)?;
        tx.after_commit(kept.clone());
        tx.after_commit(kept.clone());
        let _: Result<(), Refusal> = tx.attempt(|tx| {
            tx.after_commit(Hint::Mailbox("undone".to_owned()));
            Err(Refusal::Domain("no"))
        });
        tx.after_commit(Hint::Jobs);
        assert_eq!(witness.lock().unwrap().try_recv(), Err(TryRecvError::Empty));
        Ok(())
    });
    done.unwrap();
    assert_eq!(
        [hints.try_recv(), hints.try_recv()],
        [Ok(when_kept), Ok(Hint::Jobs)]
    );
    let refused: Result<(), Refusal> = store.write_blocking(|tx| {
        tx.after_commit(Hint::Jobs);
        Err(Refusal::Domain("no"))
    });
    refused.unwrap_err();
    let panicked: Done<()> = store.write_blocking(|tx| {
        tx.after_commit(Hint::Jobs);
        panic!("meant by the test")
    });
    panicked.unwrap_err();
    assert_eq!(hints.try_recv(), Err(TryRecvError::Empty));
}

pub fn a_failed_statement_dooms_the_closure(bench: &Bench) {
    let store = bench.open();
    insert(&store, 1).unwrap();
    let swallowed: Done<&str> = store.write_blocking(|tx| {
        add(tx, 2)?;
        assert!(add(tx, 1).is_err());
        assert!(matches!(add(tx, 3), Err(StoreError::Conflict { .. })));
        Ok("pretends that nothing was")
    });
    assert!(
        matches!(swallowed, Err(StoreError::Conflict { .. })),
        "{swallowed:?}"
    );
    let own: Result<(), Refusal> = store.write_blocking(|tx| {
        assert!(add(tx, 1).is_err());
        Err(Refusal::Domain("known already"))
    });
    assert_eq!(own, Err(Refusal::Domain("known already")));
    assert_eq!(ids(&store), [1]);
}

pub fn an_attempt_undoes_only_its_part(bench: &Bench) {
    let store = bench.open();
    insert(&store, 1).unwrap();
    let done: Done<()> = store.write_blocking(|tx| {
        add(tx, 2)?;
        let first = tx.attempt(|tx| {
            add(tx, 3)?;
            add(tx, 1)
        });
        assert!(matches!(first, Err(StoreError::Conflict { .. })));
        let swallowed: Done<()> = tx.attempt(|tx| {
            let _ = add(tx, 1);
            Ok(())
        });
        assert!(matches!(swallowed, Err(StoreError::Conflict { .. })));
        let nested: Done<()> = tx.attempt(|tx| {
            add(tx, 4)?;
            let inner: Result<(), Refusal> = tx.attempt(|tx| {
                add(tx, 5)?;
                Err(Refusal::Domain("no"))
            });
            assert_eq!(inner, Err(Refusal::Domain("no")));
            Ok(())
        });
        nested?;
        add(tx, 6)?;
        Ok(())
    });
    done.unwrap();
    assert_eq!(ids(&store), [1, 2, 4, 6]);
}

pub fn constraints_are_told_apart(bench: &Bench) {
    let store = bench.open();
    let child = |id: i64, parent: i64, street: Option<&'static str>| {
        store.write_blocking(move |tx| {
            tx.execute(
                "INSERT INTO child (id, parent, street, number) VALUES (?1, ?2, ?3, 5)",
                params![id, parent, street],
            )
        })
    };
    let conflict = |constraint: &str| {
        Err(StoreError::Conflict {
            constraint: constraint.to_owned(),
        })
    };
    store
        .write_blocking(|tx| tx.execute("INSERT INTO parent (id) VALUES (1)", params![]))
        .unwrap();
    assert_eq!(child(1, 1, Some("桂林路")), Ok(1));
    assert_eq!(child(1, 1, Some("红旗街")), conflict("child.id"));
    assert_eq!(
        child(2, 1, Some("桂林路")),
        conflict("child.street, child.number")
    );
    assert_eq!(child(2, 2, Some("红旗街")), Err(StoreError::ForeignKey));
    assert!(matches!(child(2, 1, Some("")), Err(StoreError::Check { .. })));
    assert!(matches!(child(2, 1, None), Err(StoreError::Check { .. })));
    let orphaned = store.write_blocking(|tx| tx.execute("DELETE FROM parent", params![]));
    assert_eq!(orphaned, Err(StoreError::ForeignKey));
}

pub fn a_column_is_named_when_it_cannot_be_read(bench: &Bench) {
    let store = bench.open();
    store
        .write_blocking(|tx| tx.execute("INSERT INTO sample (id, t, i) VALUES (1, 'abc', 300)", params![]))
        .unwrap();
    fn column_of<T: std::fmt::Debug + Send + 'static>(
        store: &Store,
        read: impl Fn(&server::store::Row) -> Done<T> + Send + 'static,
    ) -> String {
        match store.read_blocking(move |tx| tx.one("SELECT id, t, i, r FROM sample", params![], &read)) {
            Err(StoreError::Decode { column, .. }) => column,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(column_of(&store, |row| row.get::<i64>("t")), "t");
    assert_eq!(column_of(&store, |row| row.get::<f64>("r")), "r");
    assert_eq!(column_of(&store, |row| row.get::<u8>("i")), "i");
    assert_eq!(column_of(&store, |row| row.get::<bool>(2)), "i");
    assert_eq!(column_of(&store, |row| row.get::<i64>("absent")), "absent");
    assert_eq!(column_of(&store, |row| row.parse::<std::net::IpAddr>("t")), "t");
}

pub fn one_and_opt_count_their_rows(bench: &Bench) {
    let store = bench.open();
    for id in [1, 2] {
        insert(&store, id).unwrap();
    }
    let below = |limit: i64| {
        store.read_blocking(move |tx| {
            let sql = "SELECT id FROM sample WHERE id < ?1";
            let opt = tx.opt(sql, params![limit], |row| row.get::<i64>("id"));
            Ok::<_, StoreError>((opt, tx.one(sql, params![limit], |row| row.get::<i64>("id"))))
        })
    };
    assert_eq!(below(1), Ok((Ok(None), Err(StoreError::NotFound))));
    assert_eq!(below(2), Ok((Ok(Some(1)), Ok(1))));
    assert_eq!(
        below(3),
        Ok((Err(StoreError::TooManyRows), Err(StoreError::TooManyRows)))
    );
}

pub fn a_wrong_statement_keeps_the_engines_words_to_itself(bench: &Bench) {
    let store = bench.open();
    let error = store
        .read_blocking(|tx| tx.all("SELECT secret_column FROM sample", params![], |_| Ok(())))
        .unwrap_err();
    assert_eq!(
        (error.code(), error.to_string().contains("secret")),
        ("store.statement", false)
    );
    assert!(error.detail().unwrap().contains("secret_column"));
    let count =
        store.write_blocking(|tx| tx.execute("INSERT INTO sample (id) VALUES (?1)", params![1_i64, 2_i64]));
    assert!(matches!(count, Err(StoreError::Statement { .. })), "{count:?}");
}

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

pub fn migrating_again_changes_nothing(bench: &Bench) {
    let store = bench.open();
    insert(&store, 1).unwrap();
    let before = history(&store);
    store.close_blocking();
    let store = bench.open();
    assert_eq!((history(&store), ids(&store)), (before.clone(), vec![1]));
    store.close_blocking();
    let store = bench.open_with(with(TWO));
    assert_eq!(
        (
            history(&store).len(),
            history(&store)[0] == before[0],
            ids(&store)
        ),
        (2, true, vec![1])
    );
}

pub fn a_changed_migration_is_refused(bench: &Bench) {
    bench.open().close_blocking();
    const CHANGED: &[Migration] = &[Migration {
        version: 1,
        name: "contract",
        sql: "CREATE TABLE other (id BIGINT);",
    }];
    let refused = bench.try_open(with(CHANGED)).unwrap_err();
    assert_eq!(
        refused,
        StoreError::MigrationChanged {
            version: 1,
            name: "contract".to_owned()
        }
    );
    bench.open();
}

pub fn a_newer_database_is_refused(bench: &Bench) {
    bench.open_with(with(TWO)).close_blocking();
    assert_eq!(
        bench.try_open(with(SCHEMA)).unwrap_err(),
        StoreError::MigrationNewer { found: 2, known: 1 }
    );
}

pub fn a_failing_migration_leaves_the_version_before(bench: &Bench) {
    const BROKEN: &[Migration] = &[
        SCHEMA[0],
        Migration {
            version: 2,
            name: "broken",
            sql: "CREATE TABLE half (id BIGINT); SELECT no_such FROM half;",
        },
    ];
    let failed = bench.try_open(with(BROKEN)).unwrap_err();
    assert!(
        matches!(failed, StoreError::MigrationFailed { version: 2, .. }),
        "{failed:?}"
    );
    let store = bench.open();
    assert_eq!(history(&store).len(), 1);
    let half = store.read_blocking(|tx| tx.all("SELECT id FROM half", params![], |_| Ok(())));
    assert!(
        matches!(half, Err(StoreError::Statement { .. })),
        "the half done migration is there"
    );
}

pub fn stores_opened_at_once_migrate_once(bench: &Bench) {
    std::thread::scope(|scope| {
        let opened: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| bench.try_open(with(TWO))))
            .collect();
        for store in opened {
            assert_eq!(history(&store.join().unwrap().unwrap()).len(), 2);
        }
    });
}

pub fn the_servers_own_schema_applies_from_nothing(bench: &Bench) {
    let store = bench.open_with(Options::default());
    let versions: Vec<i64> = history(&store).into_iter().map(|(version, ..)| version).collect();
    assert_eq!(
        versions,
        server::store::MIGRATIONS
            .iter()
            .map(|m| m.version)
            .collect::<Vec<_>>()
    );
}
