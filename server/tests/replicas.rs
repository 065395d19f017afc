//! Several servers over one database and one object store agree on everything that a client can see.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

#[path = "support/centre.rs"]
mod centre;
mod support;
#[path = "support/tus.rs"]
mod tus_client;

use axum::{
    body::{Body, BodyDataStream},
    http::Request,
};
use centre::{DistrictFixture, check_in, report};
use futures_util::StreamExt as _;
use protocol::{
    feed::{FeedRow, Mailbox, PullAnswer},
    payload::Payload,
    photo::Sha256,
    role::Role,
};
use serde_json::Value;
use server::{
    app::{identity::Identity, lease::Lease, mailbox::MailboxId, tally::CountedKind},
    auth::field_tokens,
    kernel::failure::Failure,
    params,
    people::login::SignIn,
    service::{jobs, rooms},
    store::Hint,
    terminals::streams,
};
use std::collections::BTreeMap;
use support::{FieldClient, TestApp};
use tus_client::{begin, head, header, patch, photos_of_case, picture, receipt};

/// Puts a row into a mailbox.
async fn write_row(app: &TestApp, mailbox: MailboxId, entity: usize, body: String) {
    app.write(move |_, ctx| ctx.mail.put(mailbox, "note", entity, &body))
        .await;
}

/// The smallest write of a background job.
async fn job_writes(app: &TestApp, holder: &str, mark: &'static str) -> Result<(), Failure> {
    let at_work = app.app.under(Lease::new("some.job", holder));
    at_work
        .write(move |tx, _| {
            tx.execute("INSERT INTO meta (key, value) VALUES (?1, 'done')", params![mark])?;
            Ok(())
        })
        .await
}

const PROVISIONAL: &str = "SELECT COUNT(*) AS n FROM case_file WHERE deadline_provisional";
const FIGURES: &str = "SELECT CASE WHEN COUNT(*) > 0 THEN 1 ELSE 0 END AS n FROM tally_change";
const IDLE: &str = "SELECT COUNT(*) AS n FROM session WHERE last_used = 0";
const DONE: &str = "SELECT COUNT(*) AS n FROM meta WHERE value = 'done'";
const PRESENT: &str = "SELECT COUNT(*) AS n FROM presence WHERE present";
const PENDING: &str = "SELECT COUNT(*) AS n FROM entry WHERE state = 'pending'";
const PARTS: &str = "SELECT COUNT(*) AS n FROM upload_part";
const COMPARABLE: &str = "SELECT COUNT(*) AS n FROM photo WHERE compared IS NULL AND received IS NOT NULL";
const HISTORY: &str = "SELECT COUNT(*) AS n FROM mailbox_row WHERE kind = 'case' AND body IS NOT NULL
     AND entity IN (SELECT id FROM case_file WHERE state = 'withdrawn')";

both_engines! {
    async fn job_belongs_to_one_replica_until_its_lease_expires(app: TestApp) {
        job_writes(&app, "a", "1").await.unwrap();
        assert_eq!(job_writes(&app, "b", "2").await.unwrap_err().code().unwrap().as_str(), "server.busy");
        app.advance(19_999);
        job_writes(&app, "a", "3").await.unwrap();
        app.advance(19_999);
        assert!(job_writes(&app, "b", "4").await.is_err(), "every write must renew the lease");
        app.advance(1);
        job_writes(&app, "b", "5").await.unwrap();
        assert!(job_writes(&app, "a", "6").await.is_err(), "a job without the lease must change nothing");
        assert_eq!(app.count(DONE).await, 3);
    }

    async fn job_of_a_dead_replica_is_taken_over_after_its_lease(app: TestApp) {
        let mut c = DistrictFixture::new(&app).await;
        check_in(&mut c.patroller, &app).await;
        let bytes = picture(1);
        let entry = c.patroller.entry(&app, &tus_client::report(&[&bytes]));
        c.patroller.push(&app, &[entry]).await;
        let path = begin(&app, &c.patroller, &bytes).await;
        patch(&app, &c.patroller, &path, 0, bytes[..100].to_vec()).await.expect(204);
        // A photo that was received and that nobody compared yet.
        let stream = c.patroller.stream.to_string();
        app.write(move |tx, _| Ok(tx.execute(
            "INSERT INTO photo (stream, sha256, size, received) VALUES (?1, ?2, 1, 1)",
            params![&stream, "00".repeat(32)],
        )?)).await;
        app.write(|tx, _| Ok(tx.execute("UPDATE entry SET state = 'pending'", &[])?)).await;
        let case = c.reported(&app).await;
        c.steps(&app, case, &["prefile", "file", "dispatch"]).await;
        let idle = app.staff(Role::Acceptor, c.city.district).await.person.to_string();
        app.advance_minutes(80 * 60);
        // A closed case of long ago, a deadline of a year that is known by now, a session that nobody uses.
        app.write(move |tx, _| {
            tx.execute("UPDATE case_file SET deadline_provisional = TRUE WHERE state = 'handling'", &[])?;
            tx.execute("UPDATE session SET last_used = 0 WHERE person = ?1", params![&idle])?;
            tx.execute("UPDATE case_file SET state = 'withdrawn' WHERE state <> 'handling'", &[])?;
            Ok(tx.execute("UPDATE mailbox_row SET at = 0 WHERE kind = 'case'", &[])?)
        }).await;
        app.recount().await;
        // Figures that changed since, and back.
        for n in [1, -1] {
            app.write(move |_, ctx| {
                ctx.tally.add(CountedKind::Case, "", "closed", n);
                Ok(())
            }).await;
        }
        let due = async || {
            let mut found = Vec::new();
            for sql in [PRESENT, PENDING, PARTS, COMPARABLE, HISTORY, PROVISIONAL, IDLE, FIGURES] {
                found.push(app.count(sql).await);
            }
            found
        };
        assert_eq!(due().await, [1, 2, 1, 1, 1, 1, 1, 1]);

        let until = app.now().plus(20_000).0;
        app.write(move |tx, _| {
            for job in rooms::JOBS {
                tx.execute(
                    "INSERT INTO job (name, holder, lease_until) VALUES (?1, 'dead', ?2)",
                    params![job.name, until],
                )?;
            }
            Ok(())
        }).await;
        for job in rooms::JOBS {
            assert!(!jobs::once(&app.app, job, "alive").await.unwrap(), "{}", job.name);
        }
        assert_eq!(due().await, [1, 2, 1, 1, 1, 1, 1, 1]);
        app.advance(20_000);
        for job in rooms::JOBS {
            assert!(jobs::once(&app.app, job, "alive").await.unwrap(), "{}", job.name);
        }
        assert_eq!(due().await, [0; 8]);
    }

    async fn job_without_work_writes_nothing(app: TestApp) {
        for job in rooms::JOBS {
            assert!(jobs::once(&app.app, job, "a").await.unwrap());
        }
        assert_eq!(app.count("SELECT COUNT(*) AS n FROM job").await, 0);
    }
}

#[tokio::test]
async fn challenge_of_one_replica_is_accepted_by_another_with_a_late_clock() {
    let a = TestApp::postgres().await;
    let b = a.replica().await;
    b.advance(-3_000);
    let city = a.city().await;
    let post = a.post(city.community, &["2201040503"]).await;
    let mut client = a.holder(post).await;
    let request = client.token_request(&b, &client.challenge(&a).await);
    let body = serde_json::to_value(request).unwrap();
    let answer = b.call("POST", "/v1/field/token", None, body).await.expect(200);
    client.token = answer.json["token"].as_str().unwrap().to_owned();
    for app in [&a, &b] {
        assert!(
            field_tokens::identify(&app.app, client.token.clone())
                .await
                .is_ok()
        );
    }
    // Revoked at one replica, refused at all of them at once.
    let stream = client.stream;
    a.write(move |tx, ctx| Ok(streams::revoke(tx, stream, ctx.now)?))
        .await;
    assert!(
        field_tokens::identify(&b.app, client.token.clone())
            .await
            .is_err()
    );
}

#[tokio::test]
async fn sessions_and_wrong_passwords_are_shared_by_all_replicas() {
    let a = TestApp::postgres().await;
    let b = a.replica().await;
    let city = a.city().await;
    let acceptor = a.staff(Role::Acceptor, city.district).await;
    for app in [&a, &b] {
        app.get("/v1/session", &acceptor.token).await.expect(200);
    }
    a.call("DELETE", "/v1/session", Some(&acceptor.token), Value::Null)
        .await
        .expect(204);
    b.get("/v1/session", &acceptor.token).await.expect(401);

    let wrong = SignIn {
        account: "shouli".into(),
        password: "falsch".into(),
    };
    let wrong = serde_json::to_value(wrong).unwrap();
    for app in [&a, &b, &a, &b, &a] {
        let answer = app.call("POST", "/v1/session", None, wrong.clone()).await;
        answer.expect(401);
    }
    b.call("POST", "/v1/session", None, wrong)
        .await
        .expect_code("auth.locked");
}

#[tokio::test]
async fn renewed_epoch_is_used_by_every_replica_from_its_next_response() {
    let a = TestApp::postgres().await;
    let b = a.replica().await;
    let city = a.city().await;
    let post = a.post(city.community, &["2201040503"]).await;
    let client = a.holder(post).await;
    let before = client.pull(&a, "").await;
    assert_eq!(client.pull(&b, &before.cursor).await.reset, Vec::new());
    let renewed = Identity::renew_epoch(&a.app.store, [9; 32], protocol::time::Millis(1))
        .await
        .unwrap();
    assert_ne!(renewed, before.epoch);
    for app in [&a, &b] {
        let answer = client.pull(app, &before.cursor).await;
        assert_eq!(answer.epoch, renewed);
        assert_eq!(answer.reset.len(), 2, "numbers of another epoch must be reset");
        let pushed = client.push(app, &[]).await;
        assert_eq!(pushed.epoch, renewed);
    }
}

#[tokio::test]
async fn upload_continues_at_another_replica_when_the_first_is_gone() {
    let a = TestApp::postgres().await;
    let b = a.replica().await;
    let bytes = picture(7);
    let city = a.city().await;
    let post = a.post(city.community, &["2201040503"]).await;
    let mut client = a.holder(post).await;
    let entry = client.entry(&a, &tus_client::report(&[&bytes]));
    client.push(&a, &[entry]).await;
    let path = begin(&a, &client, &bytes).await;
    patch(&a, &client, &path, 0, bytes[..1000].to_vec())
        .await
        .expect(204);
    a.app.store.clone().close().await;

    let stands = head(&b, &client, &path).await.expect(200);
    assert_eq!(header(&stands, "upload-offset"), "1000");
    let last = patch(&b, &client, &path, 1000, bytes[1000..].to_vec())
        .await
        .expect(204);
    assert_eq!(receipt(&last).sha256, Sha256::of(&bytes));
    assert_eq!(photos_of_case(&b, &client).await, (1, 1));
}

/// The next event of a stream of server-sent events.
async fn event(stream: &mut BodyDataStream) -> String {
    let frame = stream.next().await.unwrap().unwrap();
    String::from_utf8(frame.to_vec()).unwrap()
}

#[tokio::test]
async fn hint_reaches_a_listener_at_another_replica() {
    let a = TestApp::postgres().await;
    let b = a.replica().await;
    let city = a.city().await;
    let post = a.post(city.community, &["2201040503"]).await;
    let other = a.post(city.community, &["2201040504"]).await;
    let client = a.holder(post).await;
    let request = Request::get("/v1/field/events")
        .header("authorization", format!("Bearer {}", client.token))
        .body(Body::empty())
        .unwrap();
    let mut events = b.open(request).await.into_body().into_data_stream();
    assert!(
        event(&mut events).await.contains("pull"),
        "something may have come before"
    );
    write_row(&a, MailboxId::Post(other), 1, "不是我的".into()).await;
    write_row(&a, MailboxId::Post(post), 1, "有新任务".into()).await;
    assert!(event(&mut events).await.contains("pull"));
    let rows = client.pull(&b, "").await.rows;
    assert!(
        rows.iter().any(|row| row.kind == "note"),
        "what it points at is there"
    );
}

#[tokio::test]
async fn grid_imported_at_one_replica_is_announced_to_the_others() {
    let a = TestApp::postgres().await;
    let b = a.replica().await;
    let mut hints = b.app.store.listen(vec![Hint::Grids]);
    centre::put_grid(&a).await;
    assert!(hints.heard().await.of(0));
    assert!(b.app.grids.renew(&b.app.store, &b.app.blobs).await.unwrap());
    let at = centre::inside(centre::CELL);
    assert_eq!(b.app.grids.locate(at), a.app.grids.locate(at));
    assert!(a.app.grids.locate(at).is_some());
}

type MailboxState = BTreeMap<(String, String), (u64, Option<Value>)>;

/// Stores rows as a handset does; a number that is not higher than all before would be a change sent twice.
fn store_rows(state: &mut MailboxState, reached: &mut u64, rows: Vec<FeedRow>) {
    for row in rows.into_iter().filter(|row| row.mailbox == Mailbox::Post.into()) {
        assert!(row.n > *reached, "{} after {reached}", row.n);
        *reached = row.n;
        state.insert((row.kind, row.entity), (row.n, row.body));
    }
}

/// Pulls from `cursor` until no more rows come.
async fn pull_all(
    app: &TestApp,
    client: &FieldClient,
    cursor: &mut String,
    state: &mut MailboxState,
    reached: &mut u64,
) {
    loop {
        let answer: PullAnswer = client.pull(app, cursor).await;
        store_rows(state, reached, answer.rows);
        *cursor = answer.cursor;
        if !answer.more {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn mailbox_written_by_two_replicas_is_read_without_gaps() {
    const WRITERS: usize = 4;
    const ROUNDS: usize = 20;
    let a = TestApp::postgres().await;
    let b = a.replica().await;
    let city = a.city().await;
    let post = a.post(city.community, &["2201040503"]).await;
    let client = a.holder(post).await;
    let (mut cursor, mut state, mut reached) = (String::new(), MailboxState::new(), 0);
    pull_all(&b, &client, &mut cursor, &mut state, &mut reached).await;
    let stood = reached;

    let write = async |app: &TestApp, writer: usize| {
        for round in 0..ROUNDS {
            write_row(app, MailboxId::Post(post), round % 5, format!("{writer} {round}")).await;
        }
    };
    let writers =
        futures_util::future::join_all((0..WRITERS).map(|w| write(if w % 2 == 0 { &a } else { &b }, w)));
    // A concurrent reader: if a number became visible before a lower one, the reader would skip the lower
    // one.
    let reader = async {
        let mut seen = 0;
        while seen < stood + (WRITERS * ROUNDS) as u64 {
            pull_all(&b, &client, &mut cursor, &mut state, &mut reached).await;
            seen = reached;
        }
    };
    futures_util::future::join(writers, reader).await;
    let (mut whole, mut from_nothing) = (MailboxState::new(), 0);
    pull_all(&a, &client, &mut String::new(), &mut whole, &mut from_nothing).await;
    assert_eq!(state, whole);
    assert_eq!(
        reached,
        stood + (WRITERS * ROUNDS) as u64,
        "each change must take one number"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn equal_entries_sent_to_two_replicas_at_once_are_filed_once() {
    let a = TestApp::postgres().await;
    let b = a.replica().await;
    let mut c = DistrictFixture::new(&a).await;
    b.app.grids.renew(&b.app.store, &b.app.blobs).await.unwrap();
    let entries: Vec<_> = (0..6)
        .map(|i| {
            c.patroller
                .entry(&a, &Payload::Report(report(&format!("第 {i} 件"))))
        })
        .collect();
    let (client, entries) = (&c.patroller, &entries);
    let pushes = [&a, &b]
        .repeat(4)
        .into_iter()
        .map(|app| client.push(app, entries));
    let answers = futures_util::future::join_all(pushes).await;
    for answer in &answers {
        assert_eq!(
            answer.receipts, answers[0].receipts,
            "all must give the same receipt"
        );
    }
    assert_eq!(a.count("SELECT COUNT(*) AS n FROM entry").await, 6);
    assert_eq!(a.count("SELECT COUNT(*) AS n FROM case_file").await, 6);
}
