//! Custody: an entry that a handset pushed is stored once, receipted and never overwritten, despite lost
//! responses and repeated sends.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support;

use axum::{body::Body, http::Request};
use protocol::{
    entry::{Entry, MAX_ENTRY_BYTES},
    payload::{CheckIn, CheckOut, Payload, Report},
    push::{Envelope, MAX_BATCH, MAX_PUSH_BYTES, PushAnswer, StreamMark},
    role::Role,
    sign::{SIGNATURE_HEADER, Signer as _, push_message},
};
use serde_json::{Value, json, value::RawValue};
use server::intake::Completeness;
use std::collections::BTreeSet;
use support::{FieldClient, TestApp, TestResponse};

async fn handset(app: &TestApp) -> FieldClient {
    let city = app.city().await;
    let post = app.post(city.community, &["2201040503"]).await;
    app.holder(post).await
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

fn void_entries(client: &mut FieldClient, app: &TestApp, count: usize) -> Vec<Entry> {
    (0..count).map(|_| client.entry(app, &Payload::Void)).collect()
}

/// A push whose elements need not be entries.
async fn push_raw(app: &TestApp, client: &FieldClient, elements: &[Value]) -> TestResponse {
    let raw = |e: &Value| RawValue::from_string(e.to_string()).unwrap();
    let envelope = Envelope {
        v: 1,
        stream: client.stream,
        clock: client.clock(app),
        exchange: None,
        entries: elements.iter().map(raw).collect(),
    };
    client
        .push_bytes(app, serde_json::to_vec(&envelope).unwrap())
        .await
}

const ENTRIES: &str = "SELECT COUNT(*) AS n FROM entry";
const CASES: &str = "SELECT COUNT(*) AS n FROM case_file";

both_engines! {
    async fn story_01_lost_response_is_repeated(app: TestApp) {
        let mut client = handset(&app).await;
        let body = { let entry = client.entry(&app, &report("一")); client.envelope(&app, &[entry]) };
        let first: PushAnswer = client.push_bytes(&app, body.clone()).await.body();
        app.advance(90_000);
        let again: PushAnswer = client.push_bytes(&app, body.clone()).await.body();
        assert_eq!(again.receipts, first.receipts);
        assert_eq!(first.body_sha256, protocol::photo::Sha256::of(&body));
        assert_eq!((app.count(ENTRIES).await, app.count(CASES).await), (1, 1));
        assert_eq!(app.count("SELECT COUNT(*) AS n FROM push").await, 1);
    }

    async fn story_02_five_concurrent_identical_pushes_are_one_row(app: TestApp) {
        let mut client = handset(&app).await;
        let entry = client.entry(&app, &report("一"));
        let body = client.envelope(&app, &[entry]);
        let push = || async { client.push_bytes(&app, body.clone()).await.body::<PushAnswer>().receipts };
        let (a, b, c, d, e) = tokio::join!(push(), push(), push(), push(), push());
        assert_eq!(a.len(), 1);
        assert!([b, c, d, e].iter().all(|other| *other == a));
        assert_eq!((app.count(ENTRIES).await, app.count(CASES).await), (1, 1));
    }

    async fn story_03_used_id_with_other_bytes_is_a_conflict(app: TestApp) {
        let mut client = handset(&app).await;
        let entry = client.entry(&app, &report("一"));
        let first = client.push(&app, std::slice::from_ref(&entry)).await;
        let mut other = entry.clone();
        other.payload = report("二").to_json().unwrap();
        let answer = client.push(&app, &[other]).await;
        assert!(answer.receipts.is_empty());
        assert_eq!(answer.refused[0].code, "entry.conflict");
        assert_eq!(answer.refused[0].id, Some(entry.id));
        // Nothing was overwritten, and the original bytes still get the first receipt.
        assert_eq!(client.push(&app, &[entry]).await.receipts, first.receipts);
        assert_eq!(app.count("SELECT COUNT(*) AS n FROM case_file WHERE text = '一'").await, 1);
    }

    async fn used_number_or_id_is_refused_and_other_entries_are_accepted(app: TestApp) {
        let mut client = handset(&app).await;
        let first = client.entry(&app, &Payload::Void);
        client.push(&app, std::slice::from_ref(&first)).await;
        let mut same_number = client.entry(&app, &Payload::Void);
        same_number.n = first.n;
        let next = client.entry(&app, &Payload::Void);
        let answer = client.push(&app, &[same_number, next.clone()]).await;
        assert_eq!(answer.refused.len(), 1);
        assert_eq!((answer.refused[0].index, answer.refused[0].code.as_str()), (0, "entry.number_taken"));
        assert_eq!(answer.receipts[0].id, next.id);
        let mut thief = app.holder(client.post).await;
        let mut stolen = thief.entry(&app, &Payload::Void);
        stolen.id = first.id;
        assert_eq!(thief.push(&app, &[stolen]).await.refused[0].code, "entry.conflict");
    }

    async fn field_06_a_phone_with_another_history_is_noted_and_its_entry_arrives_under_a_free_number(app: TestApp) {
        let mut client = handset(&app).await;
        let original = client.entry(&app, &report("原件"));
        client.push(&app, std::slice::from_ref(&original)).await;
        // A copy of the phone files its own report under the same number, and sends it twice.
        let mut copied = client.entry(&app, &report("副本"));
        copied.n = original.n;
        for _ in 0..2 {
            let answer = client.push(&app, std::slice::from_ref(&copied)).await;
            assert_eq!(answer.refused[0].code, "entry.number_taken");
            assert_eq!(answer.mark.highest, original.n, "the mark says which number is free");
        }
        let noted = "SELECT COUNT(*) AS n FROM audit_event WHERE action = 'stream.number_taken'";
        assert_eq!(app.count(noted).await, 1, "one line an hour, however often it is sent");
        app.advance_minutes(59);
        client.sign_in(&app).await.expect(200);
        client.push(&app, std::slice::from_ref(&copied)).await;
        assert_eq!(app.count(noted).await, 1);
        app.advance_minutes(2);
        client.sign_in(&app).await.expect(200);
        client.push(&app, std::slice::from_ref(&copied)).await;
        assert_eq!(app.count(noted).await, 2);
        // With the next number the same id is accepted, and nothing is missing.
        copied.n = original.n + 1;
        let answer = client.push(&app, std::slice::from_ref(&copied)).await;
        assert_eq!((answer.receipts[0].id, answer.mark.upto), (copied.id, copied.n));
        assert_eq!(app.count("SELECT COUNT(*) AS n FROM case_file").await, 2);
    }

    async fn field_06_what_is_refused_for_its_number_or_id_is_kept_for_a_reviewer(app: TestApp) {
        let city = app.city().await;
        let post = app.post(city.community, &["2201040503"]).await;
        let mut client = app.holder(post).await;
        let original = client.entry(&app, &report("原件"));
        client.push(&app, std::slice::from_ref(&original)).await;
        let mut copied = client.entry(&app, &report("副本"));
        copied.n = original.n;
        let mut other = original.clone();
        other.payload = serde_json::value::to_raw_value(&json!({"text": "另一内容"})).unwrap();
        for _ in 0..2 {
            let answer = client.push(&app, &[copied.clone(), other.clone()]).await;
            assert_eq!(answer.refused.len(), 2);
        }
        let leader = app.staff(Role::ShiftLeader, city.district).await;
        let list = async |app: &TestApp| {
            let page = app.get("/v1/review/refused", &leader.token).await.expect(200).json;
            page["items"].as_array().unwrap().clone()
        };
        let kept = list(&app).await;
        let codes: BTreeSet<&str> = kept.iter().map(|item| item["code"].as_str().unwrap()).collect();
        assert_eq!(codes, BTreeSet::from(["entry.conflict", "entry.number_taken"]));
        let texts: BTreeSet<&str> = kept.iter().map(|i| i["content"]["payload"]["text"].as_str().unwrap()).collect();
        assert_eq!(texts, BTreeSet::from(["副本", "另一内容"]));
        // The handset gives it a free number: it arrived, and needs nobody.
        copied.n = original.n + 1;
        client.push(&app, std::slice::from_ref(&copied)).await;
        let kept = list(&app).await;
        assert_eq!((kept.len(), &kept[0]["code"]), (1, &json!("entry.conflict")));
        let path = format!("/v1/review/refused/{}/{}", kept[0]["stream"].as_str().unwrap(), kept[0]["sha256"].as_str().unwrap());
        let settle = async |app: &TestApp, token: &str, words: &str| app.post_json(&path, token, json!({"words": words})).await;
        settle(&app, &leader.token, " ").await.expect(422).expect_code("request.invalid");
        let elsewhere = app.staff(Role::ShiftLeader, city.other_district).await;
        settle(&app, &elsewhere.token, "已看").await.expect(403).expect_code("auth.scope");
        assert_eq!(app.get("/v1/review/refused", &elsewhere.token).await.expect(200).json["items"], json!([]));
        for _ in 0..2 {
            settle(&app, &leader.token, "已登记为新案卷").await.expect(204);
        }
        assert_eq!(list(&app).await, Vec::<Value>::new());
        let noted = "SELECT COUNT(*) AS n FROM audit_event WHERE action = 'review.refused'";
        assert_eq!(app.count(noted).await, 1);
        // What was settled is not listed again when the phone sends it again.
        client.push(&app, std::slice::from_ref(&other)).await;
        assert_eq!(list(&app).await, Vec::<Value>::new());
    }

    async fn field_06_a_stolen_phone_cannot_fill_the_disk_with_refused_entries(app: TestApp) {
        let mut client = handset(&app).await;
        let original = client.entry(&app, &report("原件"));
        client.push(&app, std::slice::from_ref(&original)).await;
        for part in 0..3 {
            let forged: Vec<Entry> = (0..90)
                .map(|k| {
                    let mut entry = client.entry(&app, &report(&format!("{part} {k}")));
                    entry.n = original.n;
                    entry
                })
                .collect();
            client.push(&app, &forged).await;
        }
        assert_eq!(app.count("SELECT COUNT(*) AS n FROM refused_entry").await, 200);
    }

    async fn story_07_batch_resent_with_more_entries_files_the_earlier_ones_once(app: TestApp) {
        let mut client = handset(&app).await;
        let mut entries: Vec<Entry> = (0..3).map(|i| client.entry(&app, &report(&i.to_string()))).collect();
        let first = client.push(&app, &entries).await;
        app.advance(60_000);
        entries.extend((3..5).map(|i| client.entry(&app, &report(&i.to_string()))));
        let second = client.push(&app, &entries).await;
        assert_eq!(second.receipts[..3], first.receipts[..]);
        assert_eq!(second.receipts[4].received, app.now());
        assert_eq!((app.count(ENTRIES).await, app.count(CASES).await), (5, 5));
        assert_eq!(second.mark, StreamMark { upto: 5, highest: 5, holes: vec![] });
    }

    async fn story_10_duplicate_entry_in_a_batch_blocks_nothing(app: TestApp) {
        let mut client = handset(&app).await;
        let entries = void_entries(&mut client, &app, 2);
        let (one, two) = (entries[0].clone(), entries[1].clone());
        let mut forged = one.clone();
        forged.payload = RawValue::from_string("{\"x\":1}".into()).unwrap();
        let answer = client.push(&app, &[one.clone(), one, forged, two.clone()]).await;
        assert_eq!(answer.receipts.len(), 3);
        assert_eq!(answer.receipts[0], answer.receipts[1]);
        assert_eq!(answer.receipts[2].id, two.id);
        assert_eq!((answer.refused.len(), answer.refused[0].index), (1, 2));
        assert_eq!(answer.refused[0].code, "entry.conflict");
        assert_eq!(app.count(ENTRIES).await, 2);
    }

    async fn story_15_handset_that_disconnected_gets_the_receipt_later(app: TestApp) {
        let mut client = handset(&app).await;
        let entry = client.entry(&app, &report("一"));
        let body = client.envelope(&app, std::slice::from_ref(&entry));
        // The request is started and dropped: the client does not wait for the response.
        let hung_up = tokio::time::timeout(std::time::Duration::ZERO, client.push_bytes(&app, body.clone())).await;
        assert!(hung_up.is_err());
        let answer: PushAnswer = client.push_bytes(&app, body).await.body();
        assert_eq!(answer.receipts[0].id, entry.id);
        assert_eq!((app.count(ENTRIES).await, app.count(CASES).await), (1, 1));
    }

    async fn story_21_malformed_entry_is_refused_and_others_are_accepted(app: TestApp) {
        let mut client = handset(&app).await;
        let good = client.entry(&app, &report("一"));
        let huge = client.entry(&app, &report(&"长".repeat(MAX_ENTRY_BYTES / 3)));
        let elements = [
            json!("not an entry"),
            json!({"v": 1, "id": good.id, "n": 0}),
            serde_json::to_value(&huge).unwrap(),
            json!({"v": 1, "id": "no uuid", "n": 1}),
            serde_json::to_value(&good).unwrap(),
        ];
        let answer: PushAnswer = push_raw(&app, &client, &elements).await.body();
        assert_eq!(answer.receipts.iter().map(|r| r.id).collect::<Vec<_>>(), [good.id]);
        let refused: Vec<_> = answer.refused.iter().map(|r| (r.index, r.id, r.code.as_str())).collect();
        assert_eq!(refused, [
            (0, None, "entry.unframed"),
            (1, None, "entry.unframed"),
            (2, Some(huge.id), "entry.too_large"),
            (3, None, "entry.unframed"),
        ]);
        assert!(!answer.refused[0].detail.is_empty());
    }

    async fn story_22_error_response_stored_nothing(app: TestApp) {
        let mut client = handset(&app).await;
        let entry = client.entry(&app, &report("一"));
        let body = client.envelope(&app, &[entry]);
        let other = app.holder(client.post).await;
        let send = |signature: String, body: Vec<u8>| {
            let request = Request::post("/v1/field/push")
                .header("authorization", format!("Bearer {}", client.token))
                .header(SIGNATURE_HEADER, signature)
                .body(Body::from(body))
                .unwrap();
            app.send(request)
        };
        let by = |c: &FieldClient, token: &str, body: &[u8]| c.key.sign(&push_message(token, body)).unwrap().to_string();
        // A signature by another key, of other bytes, and no signature.
        send(by(&other, &client.token, &body), body.clone()).await.expect(401).expect_code("auth.signature");
        send(by(&client, &client.token, b"other"), body.clone()).await.expect(401).expect_code("auth.signature");
        send("ed25519:AAAA".into(), body.clone()).await.expect(401).expect_code("auth.signature");
        // The stream of another terminal.
        let foreign = other.envelope(&app, &[]);
        client.push_bytes(&app, foreign).await.expect(403).expect_code("push.stream");
        client.push_bytes(&app, b"{\"v\":1".to_vec()).await.expect(400).expect_code("request.malformed");
        client.push_bytes(&app, b"{\"v\":1}".to_vec()).await.expect(422).expect_code("request.invalid");
        assert_eq!(app.count(ENTRIES).await, 0);
        client.push_bytes(&app, body).await.expect(200);
    }

    async fn replayed_push_of_an_old_token_is_refused(app: TestApp) {
        let mut client = handset(&app).await;
        let entry = client.entry(&app, &Payload::Void);
        let body = client.envelope(&app, &[entry]);
        let yesterday = client.key.sign(&push_message(&client.token, &body)).unwrap();
        let old_token = client.token.clone();
        app.advance_minutes(24 * 60);
        client.sign_in(&app).await.expect(200);
        let replay = |token: String| {
            Request::post("/v1/field/push")
                .header("authorization", format!("Bearer {token}"))
                .header(SIGNATURE_HEADER, yesterday.to_string())
                .body(Body::from(body.clone()))
                .unwrap()
        };
        app.send(replay(client.token.clone())).await.expect(401).expect_code("auth.signature");
        app.send(replay(old_token)).await.expect(401).expect_code("auth.token");
        assert_eq!(app.count(ENTRIES).await, 0);
    }

    async fn story_29_too_large_batch_is_refused_whole_and_its_halves_are_accepted(app: TestApp) {
        let mut client = handset(&app).await;
        let entries = void_entries(&mut client, &app, MAX_BATCH + 1);
        let body = client.envelope(&app, &entries);
        client.push_bytes(&app, body).await.expect(413).expect_code("push.too_many");
        assert_eq!(app.count(ENTRIES).await, 0);
        for half in entries.chunks(MAX_BATCH / 2 + 1) {
            assert_eq!(client.push(&app, half).await.receipts.len(), half.len());
        }
        assert_eq!(app.count(ENTRIES).await, i64::try_from(entries.len()).unwrap());
        let beyond = vec![b' '; MAX_PUSH_BYTES + 1];
        client.push_bytes(&app, beyond).await.expect(413).expect_code("request.too_large");
    }

    async fn push_of_ten_thousand_entries_is_refused_and_loses_nothing(app: TestApp) {
        let client = handset(&app).await;
        let elements: Vec<Value> = (1..=10_000).map(|n| json!({"v": 1, "n": n})).collect();
        push_raw(&app, &client, &elements).await.expect(413).expect_code("push.too_many");
        assert_eq!(app.count(ENTRIES).await, 0);
    }

    async fn stream_mark_lists_the_holes_and_proves_completeness(app: TestApp) {
        let mut client = handset(&app).await;
        let entries = void_entries(&mut client, &app, 9);
        let pick = |numbers: &[usize]| numbers.iter().map(|n| entries[n - 1].clone()).collect::<Vec<_>>();
        let mark = client.push(&app, &pick(&[2, 3, 7, 9])).await.mark;
        assert_eq!(mark, StreamMark { upto: 0, highest: 9, holes: vec![(1, 1), (4, 6), (8, 8)] });
        let mark = client.push(&app, &pick(&[1, 5])).await.mark;
        assert_eq!(mark, StreamMark { upto: 3, highest: 9, holes: vec![(4, 4), (6, 6), (8, 8)] });
        let mark = client.push(&app, &pick(&[4, 6, 8])).await.mark;
        assert_eq!(mark, StreamMark { upto: 9, highest: 9, holes: vec![] });
        assert_eq!(client.push(&app, &[]).await.mark, mark);
        let city = app.city().await;
        let supervisor = app.staff(Role::Supervisor, city.district).await;
        let path = format!("/v1/streams/{}/completeness", client.stream);
        let whole: Completeness = app.get(&path, &supervisor.token).await.body();
        assert_eq!(whole.mark, mark);
        assert_eq!((whole.states.len(), whole.states[0].entries), (1, 9));
        let stranger = app.staff(Role::Supervisor, city.other_district).await;
        app.get(&path, &stranger.token).await.expect(403).expect_code("auth.scope");
    }

    async fn clock_three_years_off_moves_no_entry(app: TestApp) {
        let mut client = handset(&app).await;
        client.wall_offset = -3 * 365 * 86_400_000;
        let made = app.now();
        let entry = client.entry(&app, &Payload::CheckIn(CheckIn::default()));
        app.advance_minutes(40);
        client.push(&app, &[entry]).await;
        let at = app.count("SELECT made_at AS n FROM entry").await;
        assert_eq!(at, made.0);
        assert_eq!(app.count("SELECT COUNT(*) AS n FROM entry WHERE basis = 'monotonic'").await, 1);
    }

    async fn push_is_kept_as_evidence(app: TestApp) {
        let mut client = handset(&app).await;
        let entry = client.entry(&app, &Payload::CheckOut(CheckOut::default()));
        let body = client.envelope(&app, std::slice::from_ref(&entry));
        client.push_bytes(&app, body.clone()).await.expect(200);
        let (bytes, body_sha256, token_sha256, signature): (Vec<u8>, String, String, String) = app
            .app
            .read(|tx| {
                Ok(tx.one(
                    "SELECT e.bytes, p.body_sha256, p.token_sha256, p.signature FROM entry e JOIN push p ON p.id = e.push",
                    &[],
                    |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)),
                )?)
            })
            .await
            .unwrap();
        assert_eq!(bytes, entry.to_bytes().unwrap());
        assert_eq!(body_sha256, protocol::photo::Sha256::of(&body).to_string());
        assert_eq!(token_sha256, protocol::photo::Sha256::of(client.token.as_bytes()).to_string());
        // With body and token the signature can be verified at any later time.
        let message = push_message(&client.token, &body);
        client.key.public_key().verify(&message, &signature.parse().unwrap()).unwrap();
    }

    async fn invalid_envelope_fields_do_not_prevent_custody(app: TestApp) {
        let mut client = handset(&app).await;
        app.write(|tx, _| Ok(tx.execute("ALTER TABLE presence RENAME COLUMN last_contact TO lost_contact", &[])?)).await;
        let entry = client.entry(&app, &Payload::Void);
        assert_eq!(client.push(&app, std::slice::from_ref(&entry)).await.receipts.len(), 1);
    }
}
