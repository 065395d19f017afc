//! Sealed parcels of a handset: their entries get the same custody as pushed ones, once, and go to the review
//! queue if the stream has ended.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support;

use axum::{body::Body, http::Request};
use bytes::Bytes;
use protocol::{
    entry::Entry,
    parcel::{Contents, ParcelAnswer, ParcelKey, ParcelSender, SealedDraft, SealedFor, SealedPhoto, seal},
    payload::{Payload, Report},
    photo::{PhotoRef, PhotoRole, Sha256},
    push::StreamMark,
    role::Role,
    time::Millis,
};
use serde_json::{Value, json};
use server::{
    app::object_name::ObjectName,
    intake::{self, ParcelSource, ReviewPage},
    terminals::{parcel_keys, streams},
};
use support::{FieldClient, TestApp, TestCity, TestResponse};

async fn handset(app: &TestApp) -> (TestCity, FieldClient) {
    let city = app.city().await;
    let post = app.post(city.community, &["2201040503"]).await;
    (city, app.holder(post).await)
}

fn report(text: &str, photos: &[Vec<u8>]) -> Payload {
    let photos = photos
        .iter()
        .map(|bytes| PhotoRef {
            sha256: Sha256::of(bytes),
            size: bytes.len() as u64,
            role: PhotoRole::Scene,
            width: 8,
            height: 8,
            evidence: None,
        })
        .collect();
    Payload::Report(Report {
        matter: Some("E0102".parse().unwrap()),
        text: text.into(),
        place: None,
        cell: None,
        address: String::new(),
        cell_chosen: false,
        self_handled: false,
        photos,
    })
}

/// A small picture that differs by seed.
fn picture(seed: u8) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, 8, 8);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::Eight);
    encoder
        .write_header()
        .unwrap()
        .write_image_data(&[seed; 64])
        .unwrap();
    bytes
}

async fn key(app: &TestApp) -> ParcelKey {
    let seal = app.app.identity.seal.clone();
    app.app
        .read(move |tx| Ok(parcel_keys::current(tx, &seal)?.public()))
        .await
        .unwrap()
}

fn contents(app: &TestApp, client: &FieldClient, entries: &[Entry], photos: &[Vec<u8>]) -> Contents {
    Contents {
        v: 1,
        clock: client.clock(app),
        sealed_for: SealedFor::Revoked.into(),
        left: 0,
        entries: entries
            .iter()
            .map(|e| serde_json::value::to_raw_value(e).unwrap())
            .collect(),
        drafts: Vec::new(),
        photos: photos
            .iter()
            .map(|bytes| SealedPhoto {
                sha256: Sha256::of(bytes),
                size: bytes.len() as u64,
            })
            .collect(),
        missing: Vec::new(),
    }
}

fn sealed(
    client: &FieldClient,
    key: &ParcelKey,
    contents: &Contents,
    photos: &[Vec<u8>],
    seed: u8,
) -> Vec<u8> {
    let sender = ParcelSender {
        stream: client.stream,
        certificate: client.certificate.as_ref().unwrap(),
        signer: &client.key,
    };
    seal(&sender, key, contents, photos, [seed; 32]).unwrap()
}

async fn deliver(app: &TestApp, bytes: Vec<u8>) -> TestResponse {
    let request = Request::post("/v1/field/parcel")
        .header("content-type", "application/octet-stream")
        .body(Body::from(bytes))
        .unwrap();
    app.send(request).await
}

async fn revoke(app: &TestApp, client: &FieldClient) {
    let stream = client.stream;
    app.write(move |tx, ctx| Ok(streams::revoke(tx, stream, ctx.now)?))
        .await;
}

/// What the handset wrote of a kept item, read by staff.
async fn kept_text(app: &TestApp, token: &str, (parcel, kept): (&Value, &Value)) -> Value {
    let [parcel, sha256] = [parcel, &kept["sha256"]].map(|id| id.as_str().unwrap());
    let answer = app
        .get(&format!("/v1/parcels/{parcel}/kept/{sha256}"), token)
        .await
        .expect(200);
    assert_eq!(kept["size"], answer.bytes.len());
    serde_json::from_slice(&answer.bytes).unwrap()
}

async fn review_queue(app: &TestApp, token: &str) -> ReviewPage {
    app.get("/v1/review", token).await.body()
}

both_engines! {
    async fn revoked_terminal_may_use_the_parcel_route_only_and_entries_go_to_review(app: TestApp) {
        let (city, mut client) = handset(&app).await;
        let leader = app.staff(Role::ShiftLeader, city.district).await;
        let pictures = [picture(1)];
        let one = client.entry(&app, &report("井盖缺失", &pictures));
        let two = client.entry(&app, &report("乱堆物料", &[]));
        revoke(&app, &client).await;
        client.push_bytes(&app, client.envelope(&app, std::slice::from_ref(&one))).await.expect_code("auth.token");
        let mut inside = contents(&app, &client, &[one.clone(), two.clone()], &pictures);
        inside.drafts.push(SealedDraft {
            id: one.id,
            kind: "report".into(),
            json: r#"{"text":"没写完"}"#.into(),
            updated: Millis(1),
        });
        let parcel = sealed(&client, &key(&app).await, &inside, &pictures, 1);
        let answer: ParcelAnswer = deliver(&app, parcel.clone()).await.body();
        assert_eq!(answer.parcel, Sha256::of(&parcel));
        assert_eq!(answer.receipts.iter().map(|r| r.id).collect::<Vec<_>>(), [one.id, two.id]);
        assert_eq!(answer.photos[0].sha256, Sha256::of(&pictures[0]));
        assert_eq!(answer.kept, [inside.drafts[0].sha256()]);
        assert_eq!(answer.mark, StreamMark { upto: 2, highest: 2, holes: vec![] });

        // The same parcel again, and the same items sealed again, change nothing.
        for (seed, bytes) in [(1, parcel), (2, sealed(&client, &key(&app).await, &inside, &pictures, 2))] {
            let again: ParcelAnswer = deliver(&app, bytes).await.body();
            assert_eq!((again.receipts, again.photos), (answer.receipts.clone(), answer.photos.clone()), "{seed}");
        }
        assert_eq!(app.count("SELECT COUNT(*) AS n FROM entry").await, 2);
        assert_eq!(app.count("SELECT COUNT(*) AS n FROM case_file").await, 0);

        let waiting = review_queue(&app, &leader.token).await;
        assert_eq!(waiting.items.len(), 2);
        assert_eq!(waiting.items[0].reason.as_ref().unwrap().code, "parcel.handed_over");
        assert_eq!(waiting.items[0].photos_held.len(), 1);
        let (path_of_one, path_of_two) = (format!("/v1/review/{}", one.id), format!("/v1/review/{}", two.id));
        assert_eq!(app.post_json(&path_of_one, &leader.token, json!({"decision": "apply"})).await.expect(200).json["state"], "applied");
        let refused = json!({"decision": "reject", "reason": "重复"});
        assert_eq!(app.post_json(&path_of_two, &leader.token, refused).await.expect(200).json["state"], "rejected");
        assert_eq!(app.count("SELECT COUNT(*) AS n FROM case_file").await, 1);

        let parcels = app.get("/v1/parcels", &leader.token).await.expect(200).json;
        assert_eq!(parcels["items"].as_array().unwrap().len(), 2);
        assert_eq!(parcels["items"][0]["sealed_for"], "revoked");
        let kept: Vec<(&Value, &Value)> = parcels["items"]
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|parcel| parcel["kept"].as_array().unwrap().iter().map(|kept| (&parcel["id"], kept)))
            .collect();
        assert_eq!(kept.len(), 1, "must be kept once");
        assert_eq!(kept_text(&app, &leader.token, kept[0]).await["text"], "没写完");
        let complete = app
            .get(&format!("/v1/streams/{}/completeness", client.stream), &leader.token)
            .await
            .expect(200)
            .json;
        assert_eq!((&complete["sealed"], &complete["missing"]), (&json!(2), &json!(0)));
        assert_eq!(complete["handed_over"], app.now().0);
    }

    async fn exported_entries_of_an_active_stream_are_applied_as_usual(app: TestApp) {
        let (_, mut client) = handset(&app).await;
        let one = client.entry(&app, &report("井盖缺失", &[]));
        let mut inside = contents(&app, &client, std::slice::from_ref(&one), &[]);
        inside.sealed_for = SealedFor::Export.into();
        let parcel = Bytes::from(sealed(&client, &key(&app).await, &inside, &[], 1));
        app.advance_minutes(3 * 24 * 60);
        for _ in 0..2 {
            intake::take_parcel(&app.app, parcel.clone(), ParcelSource::File).await.unwrap();
        }
        assert_eq!(app.count("SELECT COUNT(*) AS n FROM case_file").await, 1);
        assert_eq!(app.count("SELECT COUNT(*) AS n FROM parcel").await, 1);
        let made = app.count("SELECT made_at AS n FROM entry").await;
        assert_eq!(app.now().0 - made, 3 * 24 * 3_600_000, "the creation time must not be the arrival time");
        // The handset's own push comes later and gets receipts for everything.
        client.sign_in(&app).await.expect(200);
        let (pushed, received) = (client.push(&app, &[one]).await, app.now().plus(-3 * 24 * 3_600_000));
        assert!(pushed.receipts[0].received > received);
        assert_eq!(app.count("SELECT COUNT(*) AS n FROM case_file").await, 1);
    }

    async fn parcel_items_that_are_no_entries_are_kept_unchanged(app: TestApp) {
        let (city, mut client) = handset(&app).await;
        let leader = app.staff(Role::ShiftLeader, city.district).await;
        let one = client.entry(&app, &report("原文", &[]));
        client.push(&app, std::slice::from_ref(&one)).await;
        let mut other = client.entry(&app, &report("同一编号的另一内容", &[]));
        (other.id, other.n) = (one.id, one.n);
        let no_picture = [b"not a picture".to_vec()];
        revoke(&app, &client).await;
        let inside = contents(&app, &client, &[other.clone()], &no_picture);
        let answer: ParcelAnswer =
            deliver(&app, sealed(&client, &key(&app).await, &inside, &no_picture, 1)).await.body();
        assert!(answer.receipts.is_empty());
        assert_eq!(answer.kept, [Sha256::of(inside.entries[0].get().as_bytes())]);
        assert_eq!(answer.photos[0].sha256, Sha256::of(&no_picture[0]));
        let parcel = app.get("/v1/parcels", &leader.token).await.json["items"][0].clone();
        let kept = (&parcel["id"], &parcel["kept"][0]);
        assert_eq!(kept.1["code"], "entry.conflict");
        assert_eq!(kept_text(&app, &leader.token, kept).await["payload"]["text"], "同一编号的另一内容");
        let (stream, sha256) = (client.stream, Sha256::of(&no_picture[0]));
        let name = ObjectName::ParcelFile { stream, sha256 };
        assert_eq!(app.app.blobs.get(&name).await.unwrap(), &no_picture[0][..]);
    }

    async fn retired_parcel_key_still_opens_and_a_foreign_one_does_not(app: TestApp) {
        let (_, mut client) = handset(&app).await;
        let one = client.entry(&app, &report("旧密钥", &[]));
        let old = key(&app).await;
        parcel_keys::renew(&app.app.store, &app.app.identity.seal, [77; 32]).await.unwrap();
        assert_ne!(old.id(), key(&app).await.id());
        let inside = contents(&app, &client, &[one], &[]);
        deliver(&app, sealed(&client, &old, &inside, &[], 1)).await.expect(200);
        let foreign = protocol::parcel::ParcelSecret::from_secret(&[5; 32]).unwrap().public();
        deliver(&app, sealed(&client, &foreign, &inside, &[], 1)).await.expect_code("parcel.key");
    }

    async fn parcel_with_a_wrong_signature_or_changed_bytes_is_refused(app: TestApp) {
        let (_, mut client) = handset(&app).await;
        let one = client.entry(&app, &report("x", &[]));
        let inside = contents(&app, &client, &[one], &[]);
        let parcel = sealed(&client, &key(&app).await, &inside, &[], 1);
        let mut changed = parcel.clone();
        *changed.last_mut().unwrap() ^= 1;
        deliver(&app, changed).await.expect_code("auth.signature");
        deliver(&app, parcel[..parcel.len() - 1].to_vec()).await.expect_code("parcel.malformed");
        deliver(&app, Vec::new()).await.expect_code("parcel.malformed");
        client.key = protocol::sign::SoftwareKey::from_secret(&[9; 32]);
        let forged = sealed(&client, &key(&app).await, &inside, &[], 1);
        deliver(&app, forged).await.expect_code("auth.signature");
        assert_eq!(app.count("SELECT COUNT(*) AS n FROM entry").await, 0);
    }

    async fn restored_server_accepts_the_parcel_of_an_unknown_stream(app: TestApp) {
        let (_, mut client) = handset(&app).await;
        let one = client.entry(&app, &report("备份之后", &[]));
        let parcel = sealed(&client, &key(&app).await, &contents(&app, &client, &[one], &[]), &[], 1);
        app.write(|tx, _| {
            tx.execute("DELETE FROM field_token", &[])?;
            tx.execute("DELETE FROM stream_boot", &[])?;
            Ok(tx.execute("DELETE FROM stream", &[])?)
        }).await;
        assert_eq!(deliver(&app, parcel).await.body::<ParcelAnswer>().receipts.len(), 1);
    }

    async fn parcel_of_a_person_missing_in_the_backup_waits_in_the_review_queue(app: TestApp) {
        let (city, mut client) = handset(&app).await;
        let one = client.entry(&app, &report("备份之后", &[]));
        let parcel = sealed(&client, &key(&app).await, &contents(&app, &client, &[one], &[]), &[], 1);
        app.forget_holder(&client).await;
        assert_eq!(deliver(&app, parcel).await.body::<ParcelAnswer>().receipts.len(), 1);
        assert_eq!(app.count("SELECT COUNT(*) AS n FROM case_file").await, 0);
        let leader = app.staff(Role::ShiftLeader, city.district).await;
        let lane: ReviewPage = app.get("/v1/review", &leader.token).await.body();
        assert_eq!(lane.items[0].reason.as_ref().unwrap().code, "entry.unverified");
    }

    async fn wipe_order_ends_every_stream_of_its_terminal(app: TestApp) {
        let (city, mut client) = handset(&app).await;
        let admin = app.staff(Role::Admin, city.district).await;
        let terminals = app.get("/v1/terminals", &admin.token).await.json;
        let terminal = terminals["items"][0]["id"].as_str().unwrap().to_owned();
        let path = format!("/v1/terminals/{terminal}/wipe");
        app.post_json(&path, &admin.token, json!({"reason": "Lost it"})).await.expect_code("request.invalid");
        let view = app.post_json(&path, &admin.token, json!({"reason": "lost"})).await.expect(200).json;
        assert_eq!(view["streams"][0]["wipe_ordered"], app.now().0);
        assert_eq!(view["streams"][0]["handed_over"], Value::Null);
        client.sign_in(&app).await.expect(403).expect_code("terminal.wipe");
        let parcel = sealed(&client, &key(&app).await, &contents(&app, &client, &[], &[]), &[], 1);
        deliver(&app, parcel).await.expect(200);
        let view = app.get("/v1/terminals", &admin.token).await.json["items"][0].clone();
        assert_eq!(view["streams"][0]["handed_over"], app.now().0);
    }
}
