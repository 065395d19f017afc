//! The disposition of an entry in custody: decided separately from custody, reported to the author, never
//! dropped.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support;

use protocol::{
    entry::Entry,
    ids::EntryId,
    open::Open,
    payload::{CheckIn, Payload, Report, Withdraw},
    role::Role,
};
use serde_json::{Value, json, value::RawValue};
use server::intake::{self, ReviewPage};
use support::{FieldClient, TestApp, TestCity};

async fn handset(app: &TestApp) -> (TestCity, FieldClient) {
    let city = app.city().await;
    let post = app.post(city.community, &["2201040503"]).await;
    (city, app.holder(post).await)
}

fn report(text: &str) -> Payload {
    Payload::Report(Report {
        matter: Some("E0102".parse().unwrap()),
        text: text.into(),
        place: None,
        cell: None,
        address: String::new(),
        cell_chosen: false,
        self_handled: false,
        photos: Vec::new(),
    })
}

/// State and reason code of an entry, as its author sees them.
async fn disposition_of(app: &TestApp, client: &FieldClient, entry: EntryId) -> (String, String) {
    let state = client.state(app).await;
    let body = state
        .get(&("disposition".into(), entry.to_string()))
        .cloned()
        .unwrap_or(Value::Null);
    let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
    (text(&body["state"]), text(&body["reason"]["code"]))
}

fn state_and_code(state: &str, code: &str) -> (String, String) {
    (state.into(), code.into())
}

fn raw_value(value: &Value) -> Box<RawValue> {
    RawValue::from_string(value.to_string()).unwrap()
}

const CASES: &str = "SELECT COUNT(*) AS n FROM case_file";

both_engines! {
    async fn unknown_kind_is_held_and_applied_by_a_newer_server(app: TestApp) {
        let (_, mut client) = handset(&app).await;
        let photo = json!({"sha256": "ab".repeat(32), "size": 9, "role": "scene", "width": 1, "height": 1});
        let mut entry = client.entry(&app, &Payload::Void);
        entry.kind = Open::Other("drone_flight".into());
        entry.payload = raw_value(&json!({"photos": [photo], "altitude_m": 40}));
        assert_eq!(client.push(&app, std::slice::from_ref(&entry)).await.receipts.len(), 1);
        assert_eq!(disposition_of(&app, &client, entry.id).await, state_and_code("held", "entry.kind_unknown"));
        assert_eq!(app.count("SELECT COUNT(*) AS n FROM photo").await, 1);
        // A server reconsiders held entries at its start; this one still does not know the kind.
        assert_eq!(intake::reconsider(&app.app).await.unwrap(), 1);
        assert_eq!(intake::sweep(&app.app).await.unwrap(), 1);
        assert_eq!(disposition_of(&app, &client, entry.id).await, state_and_code("held", "entry.kind_unknown"));
    }

    async fn unreadable_payload_is_rejected_with_the_field_name(app: TestApp) {
        let (_, mut client) = handset(&app).await;
        let mut entry = client.entry(&app, &report("一"));
        entry.payload = raw_value(&json!({"text": 5}));
        let nul = client.entry(&app, &report("a\u{0}b"));
        assert_eq!(client.push(&app, &[entry.clone(), nul.clone()]).await.receipts.len(), 2);
        assert_eq!(disposition_of(&app, &client, entry.id).await, state_and_code("rejected", "entry.unreadable"));
        assert_eq!(disposition_of(&app, &client, nul.id).await, state_and_code("rejected", "entry.unreadable"));
        let row = client.state(&app).await[&("disposition".into(), entry.id.to_string())].clone();
        assert!(row["reason"]["en"].as_str().unwrap().contains("expected a string"), "{row}");
        assert_eq!(app.count(CASES).await, 0);
    }

    async fn custody_does_not_depend_on_applying(app: TestApp) {
        let (_, mut client) = handset(&app).await;
        // The table of the case's room is missing; the table of the next entry's room is not.
        app.write(|tx, _| Ok(tx.execute("ALTER TABLE case_file RENAME TO case_gone", &[])?)).await;
        let filed = client.entry(&app, &report("一"));
        let void = client.entry(&app, &Payload::Void);
        assert_eq!(client.push(&app, &[filed.clone(), void.clone()]).await.receipts.len(), 2);
        assert_eq!(disposition_of(&app, &client, void.id).await, state_and_code("applied", ""));
        assert_eq!(disposition_of(&app, &client, filed.id).await, state_and_code("", ""));
        assert_eq!(app.count("SELECT COUNT(*) AS n FROM entry WHERE state = 'pending'").await, 1);
        // Applying is retried; if it keeps failing, the author sees that the entry is stuck.
        for _ in 0..4 {
            intake::sweep(&app.app).await.unwrap();
        }
        assert_eq!(disposition_of(&app, &client, filed.id).await, state_and_code("held", "server.apply_failed"));
        assert_eq!(intake::sweep(&app.app).await.unwrap(), 0);
        app.write(|tx, _| Ok(tx.execute("ALTER TABLE case_gone RENAME TO case_file", &[])?)).await;
        app.advance_minutes(11);
        assert_eq!(intake::sweep(&app.app).await.unwrap(), 1);
        assert_eq!(disposition_of(&app, &client, filed.id).await, state_and_code("applied", ""));
        assert_eq!(app.count(CASES).await, 1);
    }

    async fn entry_waits_only_for_the_entry_it_refers_to(app: TestApp) {
        let (_, mut client) = handset(&app).await;
        let entries: Vec<Entry> = (0..4).map(|_| client.entry(&app, &Payload::CheckIn(CheckIn::default()))).collect();
        let mut chain = entries.clone();
        for i in 1..4 {
            chain[i].after = Some(chain[i - 1].id);
        }
        client.push(&app, &[chain[3].clone(), chain[1].clone(), chain[2].clone()]).await;
        for entry in &chain[1..] {
            assert_eq!(disposition_of(&app, &client, entry.id).await, state_and_code("held", "entry.waiting"));
        }
        let free = client.entry(&app, &Payload::CheckIn(CheckIn::default()));
        client.push(&app, std::slice::from_ref(&free)).await;
        assert_eq!(disposition_of(&app, &client, free.id).await, state_and_code("applied", ""));
        client.push(&app, &[chain[0].clone()]).await;
        for entry in &chain {
            assert_eq!(disposition_of(&app, &client, entry.id).await, state_and_code("applied", ""));
        }
    }

    async fn entry_after_a_rejected_entry_is_not_blocked(app: TestApp) {
        let (_, mut client) = handset(&app).await;
        let mut wrong = client.entry(&app, &report("一"));
        wrong.payload = raw_value(&json!({"text": 5}));
        let mut mended = client.entry(&app, &report("一"));
        mended.record = wrong.record;
        mended.after = Some(wrong.id);
        mended.supersedes = Some(wrong.id);
        client.push(&app, &[mended.clone(), wrong]).await;
        assert_eq!(disposition_of(&app, &client, mended.id).await, state_and_code("applied", ""));
        assert_eq!(app.count(CASES).await, 1);
    }

    async fn story_18_report_of_a_moved_patroller_is_accepted(app: TestApp) {
        let (city, mut client) = handset(&app).await;
        let before = client.entry(&app, &report("一"));
        let next = app.post(city.community, &["2201040504"]).await;
        app.assign(next, client.person).await;
        let mut moved = app.handset(next, client.person).await;
        let mut salvaged = before.clone();
        salvaged.n = 1;
        moved.n = 1;
        moved.push(&app, &[salvaged]).await;
        assert_eq!(disposition_of(&app, &moved, before.id).await, state_and_code("applied", ""));
    }

    async fn entry_of_a_non_holder_goes_to_the_review_queue_and_is_decided_there(app: TestApp) {
        let (city, mut client) = handset(&app).await;
        let stranger = app.person("陌生人", city.community, &[Role::Patroller]).await;
        let foreign_post = app.post(city.other_district, &["220105"]).await;
        let mut by_other = client.entry(&app, &report("一"));
        by_other.author = stranger;
        let mut at_other = client.entry(&app, &report("二"));
        at_other.post = foreign_post;
        client.push(&app, &[by_other.clone(), at_other.clone()]).await;
        for entry in [&by_other, &at_other] {
            assert_eq!(disposition_of(&app, &client, entry.id).await, state_and_code("review", "entry.author"));
        }
        assert_eq!(app.count(CASES).await, 0);

        let leader = app.staff(Role::ShiftLeader, city.district).await;
        let page: ReviewPage = app.get("/v1/review", &leader.token).await.body();
        assert_eq!(page.items.len(), 2);
        assert_eq!(page.items[0].content["payload"]["text"], "一");
        assert_eq!(page.items[0].author, client.person);
        let first: ReviewPage = app.get("/v1/review?limit=1", &leader.token).await.body();
        let rest = format!("/v1/review?limit=1&after={}", first.next.unwrap());
        let second: ReviewPage = app.get(&rest, &leader.token).await.body();
        assert_eq!((first.items[0].entry, second.items[0].entry), (page.items[0].entry, page.items[1].entry));
        assert!(second.next.is_none());

        // Not outside the own area, not without the role, not without a reason.
        let elsewhere = app.staff(Role::ShiftLeader, city.other_district).await;
        let none: ReviewPage = app.get("/v1/review", &elsewhere.token).await.body();
        assert!(none.items.is_empty());
        let path = format!("/v1/review/{}", by_other.id);
        let apply = json!({"decision": "apply"});
        app.post_json(&path, &elsewhere.token, &apply).await.expect(403).expect_code("auth.scope");
        let acceptor = app.staff(Role::Acceptor, city.district).await;
        app.post_json(&path, &acceptor.token, &apply).await.expect(403).expect_code("auth.forbidden");
        app.post_json(&path, &leader.token, json!({"decision": "reject"})).await.expect(422);

        app.post_json(&path, &leader.token, &apply).await.expect(200);
        assert_eq!(disposition_of(&app, &client, by_other.id).await, state_and_code("applied", ""));
        assert_eq!(app.count(CASES).await, 1);
        app.post_json(&path, &leader.token, &apply).await.expect(409).expect_code("review.settled");
        let path = format!("/v1/review/{}", at_other.id);
        let no = json!({"decision": "reject", "reason": "岗位不符"});
        app.post_json(&path, &leader.token, no).await.expect(200);
        assert_eq!(disposition_of(&app, &client, at_other.id).await, state_and_code("rejected", "review.rejected"));
        let row = client.state(&app).await[&("disposition".into(), at_other.id.to_string())].clone();
        assert_eq!(row["reason"]["zh"], "岗位不符");
        assert_eq!(app.count("SELECT COUNT(*) AS n FROM audit_event WHERE action LIKE 'review.%'").await, 2);
    }

    async fn withdrawal_affects_only_the_authors_own_report(app: TestApp) {
        let (_, mut client) = handset(&app).await;
        let filed = client.entry(&app, &report("一"));
        client.push(&app, std::slice::from_ref(&filed)).await;
        let withdraw = |entry| Payload::Withdraw(Withdraw { entry, reason: String::new() });
        let mut other = app.holder(client.post).await;
        let theft = other.entry(&app, &withdraw(filed.id));
        other.push(&app, std::slice::from_ref(&theft)).await;
        assert_eq!(disposition_of(&app, &other, theft.id).await, state_and_code("rejected", "entry.withdraw_foreign"));
        let back = client.entry(&app, &withdraw(filed.id));
        client.push(&app, std::slice::from_ref(&back)).await;
        assert_eq!(disposition_of(&app, &client, back.id).await, state_and_code("applied", ""));
        assert_eq!(app.count("SELECT COUNT(*) AS n FROM case_file WHERE withdrawn").await, 1);
    }

    async fn withdrawal_that_arrives_before_its_entry_waits_for_it(app: TestApp) {
        let (_, mut client) = handset(&app).await;
        let filed = client.entry(&app, &report("一"));
        let back = client.entry(&app, &Payload::Withdraw(Withdraw { entry: filed.id, reason: String::new() }));
        client.push(&app, std::slice::from_ref(&back)).await;
        assert_eq!(disposition_of(&app, &client, back.id).await, state_and_code("held", "entry.waiting"));
        client.push(&app, std::slice::from_ref(&filed)).await;
        assert_eq!(disposition_of(&app, &client, back.id).await, state_and_code("applied", ""));
        assert_eq!(app.count("SELECT COUNT(*) AS n FROM case_file WHERE withdrawn").await, 1);
    }

    async fn withdrawal_of_an_unapplied_entry_ends_it(app: TestApp) {
        let (_, mut client) = handset(&app).await;
        let mut strange = client.entry(&app, &Payload::Void);
        strange.kind = Open::Other("drone_flight".into());
        let back = client.entry(&app, &Payload::Withdraw(Withdraw { entry: strange.id, reason: String::new() }));
        client.push(&app, &[strange.clone(), back.clone()]).await;
        assert_eq!(disposition_of(&app, &client, strange.id).await, state_and_code("rejected", "entry.withdrawn"));
        assert_eq!(disposition_of(&app, &client, back.id).await, state_and_code("applied", ""));
    }

    /// What a push has just stored is not read again (issue 15), unless another entry of the push changed it.
    async fn i15_withdrawal_before_its_entry_in_one_push_ends_it(app: TestApp) {
        let (_, mut client) = handset(&app).await;
        let filed = client.entry(&app, &report("一"));
        let back = client.entry(&app, &Payload::Withdraw(Withdraw { entry: filed.id, reason: String::new() }));
        client.push(&app, &[back.clone(), filed.clone()]).await;
        assert_eq!(disposition_of(&app, &client, back.id).await, state_and_code("applied", ""));
        assert_eq!(disposition_of(&app, &client, filed.id).await, state_and_code("rejected", "entry.withdrawn"));
        assert_eq!(app.count(CASES).await, 0);
    }

    async fn withdrawal_that_cannot_be_applied_goes_to_review(app: TestApp) {
        let (city, mut client) = handset(&app).await;
        let check_in = client.entry(&app, &Payload::CheckIn(CheckIn::default()));
        let back = client.entry(&app, &Payload::Withdraw(Withdraw { entry: check_in.id, reason: String::new() }));
        client.push(&app, &[check_in, back.clone()]).await;
        assert_eq!(disposition_of(&app, &client, back.id).await, state_and_code("review", "entry.withdraw_late"));
        let leader = app.staff(Role::ShiftLeader, city.district).await;
        let path = format!("/v1/review/{}", back.id);
        let apply = json!({"decision": "apply"});
        app.post_json(&path, &leader.token, apply).await.expect(409).expect_code("review.not_applicable");
        assert_eq!(disposition_of(&app, &client, back.id).await, state_and_code("review", "entry.withdraw_late"));
    }
}
