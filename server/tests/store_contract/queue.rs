//! Accepting, finishing and refusing work, and the hints after it.

use std::sync::Mutex;
use std::sync::mpsc::channel;

use server::params;
use server::store::{Hint, HintListener, Options, StoreError};

use crate::ContractStore;
use crate::helpers::{DomainError, StoreResult, add, hear, hold, ids, insert};

pub fn close_finishes_accepted_work(engine: &ContractStore) {
    // With one connection, on both engines, all later work waits behind the held write.
    let store = engine.open_with(Options {
        connections: 1,
        ..ContractStore::options()
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
        // Polled once, so it is accepted before `close` is called.
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
    assert_eq!(ids(&engine.open()), (0..=20).collect::<Vec<_>>());
}

pub fn async_code_may_open_use_and_close_a_store(engine: &ContractStore) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let store = engine.open();
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

pub fn a_write_is_done_even_if_its_future_is_dropped(engine: &ContractStore) {
    let store = engine.open_with(Options {
        connections: 1,
        ..ContractStore::options()
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

pub fn a_full_queue_refuses_work_as_busy(engine: &ContractStore) {
    let store = engine.open_with(Options {
        connections: 1,
        queue: 2,
        ..ContractStore::options()
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
    assert_eq!(ids(&engine.open()), [0, 1, 2]);
}

pub fn hints_are_sent_only_after_commit(engine: &ContractStore) {
    let store = engine.open();
    let box_of = |name: &str| Hint::Mailbox(name.to_owned());
    let topics = || vec![box_of("kept"), Hint::Jobs, box_of("undone")];
    let (mut hints, witness) = (store.listen(topics()), Mutex::new(store.listen(topics())));
    let done: StoreResult<()> = store.write_blocking(move |tx| {
        add(tx, 1)?;
        tx.after_commit(Hint::Mailbox("kept".to_owned()));
        let _: Result<(), DomainError> = tx.attempt(|tx| {
            tx.after_commit(Hint::Mailbox("undone".to_owned()));
            Err(DomainError::Domain("no"))
        });
        tx.after_commit(Hint::Jobs);
        assert_eq!(witness.lock().unwrap().heard_already(), None);
        Ok(())
    });
    done.unwrap();
    // A hint leaves after the answer. This write's own hint shows that those of the first have left.
    let heard = until(&mut hints, 1);
    assert_eq!(heard, [true, true, false]);
    let refused: Result<(), DomainError> = store.write_blocking(|tx| {
        tx.after_commit(Hint::Mailbox("kept".to_owned()));
        Err(DomainError::Domain("no"))
    });
    refused.unwrap_err();
    let panicked: StoreResult<()> = store.write_blocking(|tx| {
        tx.after_commit(Hint::Mailbox("kept".to_owned()));
        panic!("panic on purpose")
    });
    panicked.unwrap_err();
    store
        .write_blocking(|tx| {
            tx.after_commit(Hint::Jobs);
            add(tx, 2)
        })
        .unwrap();
    assert_eq!(until(&mut hints, 1), [false, true, false]);
}

/// What was heard of the first three topics, up to the first hint of one of them.
fn until(hints: &mut HintListener, topic: usize) -> [bool; 3] {
    let mut all = [false; 3];
    while !all.get(topic).is_some_and(|heard| *heard) {
        let heard = hear(hints);
        for (n, one) in all.iter_mut().enumerate() {
            *one |= heard.of(n);
        }
    }
    all
}
