//! Mailboxes: repeated pulls give the complete state, even after a year's absence.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support;

use axum::{body::Body, http::Request};
use futures_util::StreamExt as _;
use protocol::{
    feed::{Mailbox, PullAnswer, kind},
    ids::EntryId,
    open::Open,
    payload::{CheckIn, Payload},
};
use serde_json::json;
use server::app::mailbox::MailboxId;
use std::collections::BTreeSet;
use support::{FieldClient, TestApp};
use tower::ServiceExt as _;

async fn handset(app: &TestApp) -> FieldClient {
    let city = app.city().await;
    let post = app.post(city.community, &["2201040503"]).await;
    app.holder(post).await
}

/// Writes ten rows to the author's mailbox; returns after the commit.
async fn write_rows(app: &TestApp, client: &FieldClient, entities: std::ops::Range<u32>, word: &'static str) {
    let person = client.person;
    app.write(move |_, ctx| {
        for entity in entities.clone() {
            ctx.mail
                .put(MailboxId::Author(person), "note", entity, &json!({"word": word}))?;
        }
        Ok(())
    })
    .await;
}

fn both_mailboxes() -> Vec<Open<Mailbox>> {
    vec![Mailbox::Post.into(), Mailbox::Author.into()]
}

async fn pull(app: &TestApp, client: &FieldClient, query: &str) -> PullAnswer {
    app.get(&format!("/v1/field/pull?{query}"), &client.token)
        .await
        .body()
}

both_engines! {
    async fn pull_from_the_beginning_returns_all_rows_and_then_only_new_ones(app: TestApp) {
        let mut client = handset(&app).await;
        write_rows(&app, &client, 0..3, "a").await;
        let all = client.pull(&app, "").await;
        assert_eq!(all.reset, both_mailboxes());
        assert_eq!(all.epoch, app.app.identity.epoch);
        assert!(all.rows.iter().any(|row| row.mailbox == Mailbox::Post.into() && row.kind == kind::POST));
        assert_eq!(all.rows.iter().filter(|row| row.kind == "note").count(), 3);
        let nothing = client.pull(&app, &all.cursor).await;
        assert!(nothing.rows.is_empty() && nothing.reset.is_empty() && !nothing.more);
        assert_eq!(nothing.cursor, all.cursor);
        let entry = client.entry(&app, &Payload::Void);
        client.push(&app, std::slice::from_ref(&entry)).await;
        let news = client.pull(&app, &all.cursor).await;
        assert_eq!(news.rows.len(), 1);
        assert_eq!((news.rows[0].kind.as_str(), news.rows[0].entity.parse()), (kind::DISPOSITION, Ok::<EntryId, _>(entry.id)));
    }

    async fn changed_row_gets_a_new_number_and_exists_once(app: TestApp) {
        let client = handset(&app).await;
        write_rows(&app, &client, 0..3, "a").await;
        let first = client.pull(&app, "").await;
        write_rows(&app, &client, 1..2, "b").await;
        // Writing the same body again changes nothing.
        write_rows(&app, &client, 0..1, "a").await;
        let news = client.pull(&app, &first.cursor).await;
        assert_eq!(news.rows.len(), 1);
        assert_eq!((news.rows[0].entity.as_str(), news.rows[0].body.clone()), ("1", Some(json!({"word": "b"}))));
        let all = client.pull(&app, "").await;
        let notes: Vec<_> = all.rows.iter().filter(|row| row.kind == "note").map(|row| row.entity.clone()).collect();
        assert_eq!(notes, ["0", "2", "1"]);
    }

    async fn removed_row_is_a_tombstone_for_handsets_that_had_it(app: TestApp) {
        let client = handset(&app).await;
        write_rows(&app, &client, 0..2, "a").await;
        let first = client.pull(&app, "").await;
        let person = client.person;
        app.write(move |_, ctx| {
            ctx.mail.remove(MailboxId::Author(person), "note", 0);
            ctx.mail.remove(MailboxId::Author(person), "note", "never there");
            Ok(())
        })
        .await;
        let news = client.pull(&app, &first.cursor).await;
        assert_eq!(news.rows.len(), 1);
        assert_eq!((news.rows[0].entity.as_str(), news.rows[0].body.clone()), ("0", None));
        let fresh = client.pull(&app, "").await;
        assert!(fresh.rows.iter().all(|row| row.body.is_some()));
        assert_eq!(fresh.cursor, news.cursor);
    }

    async fn small_pages_return_all_rows_in_number_order(app: TestApp) {
        let client = handset(&app).await;
        write_rows(&app, &client, 0..25, "a").await;
        let whole = client.pull(&app, "").await;
        let (mut cursor, mut rows, mut pages) = (String::new(), Vec::new(), 0);
        loop {
            let page = pull(&app, &client, &format!("limit=7&cursor={cursor}")).await;
            assert!(page.rows.len() <= 7);
            rows.extend(page.rows);
            cursor = page.cursor;
            pages += 1;
            // A row that changes while pages are read appears again on a later page.
            if pages == 2 {
                write_rows(&app, &client, 3..4, "moved").await;
            }
            if !page.more {
                break;
            }
        }
        let kinds: BTreeSet<_> = rows.iter().map(|row| (row.kind.clone(), row.entity.clone())).collect();
        let wanted: BTreeSet<_> = whole.rows.iter().map(|row| (row.kind.clone(), row.entity.clone())).collect();
        assert_eq!(kinds, wanted);
        assert_eq!(rows.last().unwrap().body, Some(json!({"word": "moved"})));
        for mailbox in both_mailboxes() {
            let numbers: Vec<u64> = rows.iter().filter(|row| row.mailbox == mailbox).map(|row| row.n).collect();
            assert!(numbers.is_sorted(), "{numbers:?}");
        }
    }

    async fn invalid_cursor_restarts_the_pull_and_reports_a_reset(app: TestApp) {
        let client = handset(&app).await;
        write_rows(&app, &client, 0..3, "a").await;
        let whole = client.pull(&app, "").await;
        let (epoch, post, person) = (&whole.epoch, client.post, client.person);
        let other = uuid::Uuid::from_u128(7);
        for (cursor, reset) in [
            ("rubbish".to_owned(), both_mailboxes()),
            (format!("other-epoch.{post}.1.{person}.1"), both_mailboxes()),
            (format!("{epoch}.{post}.1.{person}.999"), vec![Mailbox::Author.into()]),
            (format!("{epoch}.{other}.1.{person}.3"), vec![Mailbox::Post.into()]),
            (format!("{epoch}.{post}.1.{other}.3"), vec![Mailbox::Author.into()]),
        ] {
            let answer = client.pull(&app, &cursor).await;
            assert_eq!(answer.reset, reset, "{cursor}");
            for mailbox in reset {
                let of = |a: &PullAnswer| a.rows.iter().filter(|r| r.mailbox == mailbox).cloned().collect::<Vec<_>>();
                assert_eq!(of(&answer), of(&whole), "{cursor}");
            }
            assert_eq!(answer.cursor, whole.cursor, "{cursor}");
        }
    }

    async fn rows_are_delivered_to_their_own_mailbox_only(app: TestApp) {
        let mut client = handset(&app).await;
        let other = app.holder(client.post).await;
        let entry = client.entry(&app, &Payload::CheckIn(CheckIn::default()));
        client.push(&app, &[entry]).await;
        let theirs = client.pull(&app, "").await;
        assert!(theirs.rows.iter().any(|row| row.kind == kind::DISPOSITION));
        let ours = other.pull(&app, "").await;
        assert!(ours.rows.iter().all(|row| row.mailbox == Mailbox::Post.into()));
    }

    async fn hint_is_sent_for_own_rows_and_not_for_others(app: TestApp) {
        let client = handset(&app).await;
        let other = app.holder(client.post).await;
        let request = Request::get("/v1/field/events")
            .header("authorization", format!("Bearer {}", client.token))
            .body(Body::empty())
            .unwrap();
        let response = server::service::router::router(&app.app).oneshot(request).await.unwrap();
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        let mut events = response.into_body().into_data_stream();
        let mut next = async || String::from_utf8(events.next().await.unwrap().unwrap().to_vec()).unwrap();
        // One hint at once, because a row may have arrived before.
        assert!(next().await.contains("event: pull"));
        write_rows(&app, &other, 0..1, "not for us").await;
        write_rows(&app, &client, 0..1, "a").await;
        assert!(next().await.contains("event: pull"));
        // If the other's row had caused a hint here, a second event would come before ours: there is none.
        let more = tokio::time::timeout(std::time::Duration::from_millis(20), next()).await;
        assert!(more.is_err(), "{more:?}");
    }

    async fn post_mailbox_belongs_to_its_holder_and_is_complete_after_reassignment(app: TestApp) {
        let city = app.city().await;
        let post = app.post(city.community, &["2201040503"]).await;
        let client = app.holder(post).await;
        let admin = app.staff(protocol::role::Role::Admin, city.district).await;
        let all = client.pull(&app, "").await;
        let path = format!("/v1/posts/{post}/holders");
        app.advance_minutes(1);
        app.call("DELETE", &format!("{path}/{}", client.person), Some(&admin.token), serde_json::Value::Null).await.expect(200);
        app.write(move |_, ctx| ctx.mail.put(MailboxId::Post(post), "note", "later", &json!({"word": "secret"}))).await;
        // The known rows are reset once, and no row of the post is delivered, whatever the cursor says.
        let relieved = client.pull(&app, &all.cursor).await;
        assert_eq!(relieved.reset, [Mailbox::Post.into()]);
        let of_the_post = |answer: &PullAnswer| answer.rows.iter().filter(|row| row.mailbox == Mailbox::Post.into()).count();
        assert_eq!(of_the_post(&relieved), 0);
        assert_eq!(of_the_post(&client.pull(&app, "").await), 0);
        let again = client.pull(&app, &relieved.cursor).await;
        assert!(again.reset.is_empty() && of_the_post(&again) == 0 && !again.more);
        app.post_json(&path, &admin.token, json!({"person": client.person})).await.expect(200);
        let back = client.pull(&app, &again.cursor).await;
        assert!(back.reset.is_empty());
        assert_eq!(of_the_post(&back), 2);
    }

    async fn open_hint_stream_does_not_delay_the_servers_stop(app: TestApp) {
        let client = handset(&app).await;
        let request = Request::get("/v1/field/events")
            .header("authorization", format!("Bearer {}", client.token))
            .body(Body::empty())
            .unwrap();
        let response = server::service::router::router(&app.app).oneshot(request).await.unwrap();
        app.app.stopping.send_replace(true);
        let rest = axum::body::to_bytes(response.into_body(), usize::MAX);
        tokio::time::timeout(std::time::Duration::from_secs(10), rest).await.unwrap().unwrap();
    }
}
