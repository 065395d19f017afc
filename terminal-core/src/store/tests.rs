//! Tests: failed COMMITs, restored servers, newer versions.

use super::*;
use crate::{
    Error,
    platform::{home::DATABASE, system_disk::SystemDisk},
    store::{
        connect::{connect, set_key},
        database::{CommitFault, HandsetStore},
    },
    words::{Lang, Summary, SummaryPart},
};
use protocol::{
    duty::{Answer, Purpose},
    evidence::{ClockReading, Evidence},
    field::SignedCertificate,
    ids::{EntryId, PersonId, PostId, RecordId, StreamId, TerminalId},
    payload::{CheckIn, Payload},
    sign::{Signer, SoftwareKey},
    time::Millis,
};
use std::path::Path;
use uuid::Uuid;

fn store(home: &Path) -> HandsetStore {
    let store = HandsetStore::open(home, [3; 32]).unwrap();
    let key = SoftwareKey::from_secret(&[7; 32]);
    let account = Account {
        stream: StreamId(Uuid::from_u128(1)),
        terminal: TerminalId(Uuid::from_u128(2)),
        post: PostId(Uuid::from_u128(3)),
        holder: PersonId(Uuid::from_u128(4)),
        holder_name: String::new(),
        roles: vec![],
        county: "220104".parse().unwrap(),
        server: String::new(),
        pins: vec![],
        server_key: key.public_key(),
        server_keys: Vec::new(),
        parcel_key: String::new(),
        certificate: SignedCertificate {
            certificate: String::new(),
            signature: key.sign(b"").unwrap(),
        },
        enrolled: Millis(0),
        contact: None,
    };
    store.save_account(&account, "e").unwrap();
    store
}

fn check_in(id: u128) -> NewEntry {
    NewEntry {
        id: EntryId(Uuid::from_u128(id)),
        payload: Payload::CheckIn(CheckIn::default()),
        record: RecordId(Uuid::from_u128(id)),
        after: None,
        supersedes: None,
        grid: None,
        evidence: Evidence {
            position: None,
            clock: ClockReading {
                wall: Millis(1),
                boot: "b".into(),
                monotonic_ms: 1,
                offset_ms: None,
            },
        },
        summary: Summary::default(),
        photo_files: vec![],
    }
}

#[test]
fn a_failed_commit_neither_loses_nor_duplicates_an_item() {
    for fault in [CommitFault::AfterCommit, CommitFault::BeforeCommit] {
        let home = tempfile::tempdir().unwrap();
        let store = store(home.path());
        store.fail_next_commit(fault);
        let item = store.submit(&check_in(10)).unwrap();
        assert_eq!(item.n, 1);
        assert_eq!(store.submit(&check_in(11)).unwrap().n, 2, "{fault:?}");
        assert_eq!(store.items().unwrap().len(), 2);
    }
}

#[test]
fn an_unknown_commit_outcome_is_reported() {
    let home = tempfile::tempdir().unwrap();
    let store = store(home.path());
    store.fail_next_commit(CommitFault::AfterCommit);
    let unknown = store.set_setting("k", "v");
    assert!(matches!(unknown, Err(Error::OutcomeUnknown)));
    assert_eq!(
        store.setting("k").unwrap().as_deref(),
        Some("v"),
        "the store goes on by itself"
    );
}

#[test]
fn a_database_of_a_newer_version_is_refused() {
    let home = tempfile::tempdir().unwrap();
    drop(store(home.path()));
    let connection = connect(&SystemDisk, &home.path().join(DATABASE), &[3; 32])
        .unwrap()
        .connection;
    connection.pragma_update(None, "user_version", 99).unwrap();
    drop(connection);
    assert!(matches!(
        HandsetStore::open(home.path(), [3; 32]),
        Err(Error::Newer { found: 99, .. })
    ));
}

fn page(epoch: &str, cursor: &str, entity: &str) -> protocol::feed::PullAnswer {
    protocol::feed::PullAnswer {
        epoch: epoch.into(),
        server_time: Millis(0),
        reset: vec![],
        rows: vec![protocol::feed::FeedRow {
            mailbox: protocol::feed::Mailbox::Author.into(),
            n: 1,
            kind: "x".into(),
            entity: entity.into(),
            body: Some(serde_json::json!({})),
        }],
        cursor: cursor.into(),
        more: false,
    }
}

#[test]
fn an_outdated_page_is_not_applied() {
    let home = tempfile::tempdir().unwrap();
    let store = store(home.path());
    assert!(store.apply_pull("", &page("e", "c1", "one")).unwrap());
    assert!(!store.apply_pull("", &page("e", "c0", "late")).unwrap());
    let rows: Vec<_> = store
        .mailbox("x")
        .unwrap()
        .into_iter()
        .map(|r| r.entity)
        .collect();
    assert_eq!(
        (rows, store.cursor().unwrap().as_str()),
        (vec!["one".to_owned()], "c1")
    );
}

#[test]
fn a_new_epoch_pulls_the_mailboxes_from_the_beginning() {
    let home = tempfile::tempdir().unwrap();
    let store = store(home.path());
    assert!(store.apply_pull("", &page("e", "c1", "one")).unwrap());
    assert!(
        !store.apply_pull("c1", &page("f", "c2", "two")).unwrap(),
        "it continues what is gone"
    );
    assert_eq!(store.cursor().unwrap(), "");
    assert_eq!(
        store.mailbox("x").unwrap().len(),
        1,
        "shown until the new state is here"
    );
    assert!(store.apply_pull("", &page("f", "c1", "three")).unwrap());
    assert_eq!(store.mailbox("x").unwrap()[0].entity, "three");
    assert_eq!(store.mailbox("x").unwrap().len(), 1);
}

/// Two programs may open a new home together, such as an enrolment and a shown queue.
#[test]
fn opening_a_new_store_waits_for_another_connection_that_writes_first() {
    let home = tempfile::tempdir().unwrap();
    let other = rusqlite::Connection::open(home.path().join(DATABASE)).unwrap();
    set_key(&SystemDisk, &other, &[3; 32]).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    std::thread::scope(|scope| {
        let (send, opened) = std::sync::mpsc::channel();
        let path = home.path();
        scope.spawn(move || send.send(HandsetStore::open(path, [3; 32]).map(drop)));
        let early = opened.recv_timeout(std::time::Duration::from_millis(300));
        assert!(early.is_err(), "opening must wait: {early:?}");
        other.execute_batch("ROLLBACK").unwrap();
        opened.recv().unwrap().unwrap();
    });
    assert!(!store(home.path()).has_quarantined_databases().unwrap());
}

#[test]
fn w22_an_item_shows_its_chinese_words_if_its_parts_are_missing_or_of_a_newer_version() {
    let home = tempfile::tempdir().unwrap();
    let store = store(home.path());
    let answer = SummaryPart::Answer {
        purpose: Some(Purpose::Verify),
        answer: Answer::True,
    };
    let new = NewEntry {
        summary: Summary::new([answer]),
        ..check_in(10)
    };
    store.submit(&new).unwrap();
    let shown = || store.items().unwrap()[0].summary.words(Lang::En);
    assert_eq!(shown(), "Verification true");
    for parts in [None, Some(r#"[{"seen_from_space":1}]"#)] {
        store
            .write(|tx| Ok(tx.execute("UPDATE item SET summary_parts = ?1", [parts])?))
            .unwrap();
        assert_eq!(shown(), "核实 属实");
    }
}
