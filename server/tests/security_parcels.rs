//! Parcels of a stolen handset: bounded, stored in steps, listed without their contents (A5, A6).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support;

use axum::{
    body::{Body, Bytes},
    extract::ConnectInfo,
    http::Request,
};
use futures_util::{StreamExt as _, future, stream};
use protocol::{
    entry::Entry,
    parcel::{
        Contents, FULL_PARCEL_ITEMS, MissingPhoto, ParcelAnswer, ParcelSender, SealedDraft, SealedFor,
        SealedPhoto, seal,
    },
    payload::Payload,
    photo::Sha256,
    problem::HandsetCode,
    role::Role,
    time::Millis,
};
use serde_json::json;
use server::{
    kernel::config::Settings,
    terminals::{parcel_keys, streams},
};
use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};
use support::{FieldClient, TestApp, TestCity, TestResponse};

/// A handset whose stream has ended.
async fn ended(app: &TestApp) -> (TestCity, FieldClient) {
    let city = app.city().await;
    let post = app.post(city.community, &["2201040503"]).await;
    let client = app.holder(post).await;
    let stream = client.stream;
    app.write(move |tx, ctx| Ok(streams::revoke(tx, stream, ctx.now)?))
        .await;
    (city, client)
}

fn contents(app: &TestApp, client: &FieldClient, entries: &[Entry]) -> Contents {
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
        photos: Vec::new(),
        missing: Vec::new(),
    }
}

async fn sealed(
    app: &TestApp,
    client: &FieldClient,
    contents: &Contents,
    photos: &[Vec<u8>],
    seed: u8,
) -> Vec<u8> {
    let seal_key = app.app.identity.seal.clone();
    let current = app
        .app
        .read(move |tx| Ok(parcel_keys::current(tx, &seal_key)?.public()));
    let key = current.await.unwrap();
    let sender = ParcelSender {
        stream: client.stream,
        certificate: client.certificate.as_ref().unwrap(),
        signer: &client.key,
    };
    seal(&sender, &key, contents, photos, [seed; 32]).unwrap()
}

fn request(body: Body) -> Request<Body> {
    Request::post("/v1/field/parcel")
        .header("content-type", "application/octet-stream")
        .body(body)
        .unwrap()
}

async fn deliver(app: &TestApp, bytes: Vec<u8>) -> TestResponse {
    app.send(request(Body::from(bytes))).await
}

fn draft(n: usize, text: &str) -> SealedDraft {
    SealedDraft {
        id: protocol::ids::EntryId::from_parts(n as u64, [7; 10]),
        kind: "report".into(),
        json: json!({ "n": n, "text": text }).to_string(),
        updated: Millis(1),
    }
}

fn voids(app: &TestApp, client: &mut FieldClient, count: usize) -> Vec<Entry> {
    (0..count).map(|_| client.entry(app, &Payload::Void)).collect()
}

both_engines! {
    async fn sec_a06_parcel_is_taken_while_others_send_in_its_name_and_flood_its_address(app: TestApp) {
        let (_, client) = ended(&app).await;
        let parcel = sealed(&app, &client, &contents(&app, &client, &[]), &[], 1).await;
        let head = parcel.get(..parcel.len() - 40).unwrap().to_vec();
        let from = |address: &str, body: Body| {
            let mut request = request(body);
            let peer: SocketAddr = address.parse().unwrap();
            request.extensions_mut().insert(ConnectInfo(peer));
            request
        };
        // Parcels that begin as its own and never end, from three other addresses.
        let endless = |address: &str| {
            let first = stream::once(future::ready(Ok::<_, std::io::Error>(Bytes::from(head.clone()))));
            from(address, Body::from_stream(first.chain(stream::pending())))
        };
        let app = Arc::new(app);
        let others: Vec<_> = (1..4).map(|n| {
            let (app, request) = (Arc::clone(&app), endless(&format!("192.0.2.{n}:1")));
            tokio::spawn(async move { app.send(request).await })
        }).collect();
        // Strangers use up the count of the address from which the honest one comes.
        let most = app.app.settings.stranger_requests_per_minute;
        for _ in 0..most {
            app.send(from("192.0.2.9:1", Body::from("no parcel, but long enough"))).await.expect(422);
        }
        let mut unknown = parcel.clone();
        let name = client.stream.to_string();
        let at = unknown.windows(name.len()).position(|part| part == name.as_bytes()).unwrap();
        unknown.get_mut(at..at + 4).unwrap().fill(b'0');
        app.send(from("192.0.2.9:1", Body::from(unknown))).await.expect(429);
        app.send(from("192.0.2.9:1", Body::from(parcel))).await.expect(200);
        assert!(others.iter().all(|other| !other.is_finished()));
        others.iter().for_each(tokio::task::JoinHandle::abort);
    }

    async fn sec_a05_large_parcel_of_an_older_handset_is_stored_whole_and_answered_again(app: TestApp) {
        let (_, mut client) = ended(&app).await;
        let count = FULL_PARCEL_ITEMS + 20;
        let mut inside = contents(&app, &client, &[]);
        let entries = voids(&app, &mut client, count);
        inside.entries = entries.iter().map(|e| serde_json::value::to_raw_value(e).unwrap()).collect();
        inside.drafts = (0..count).map(|n| draft(n, "没写完")).collect();
        let gone = Sha256::of(b"gone");
        inside.missing = vec![MissingPhoto { sha256: gone, code: HandsetCode::PhotoFileMissing.into() }; count];
        let parcel = sealed(&app, &client, &inside, &[], 1).await;
        let first: ParcelAnswer = deliver(&app, parcel.clone()).await.body();
        assert_eq!((first.receipts.len(), first.kept.len()), (count, count));
        assert_eq!((first.mark.upto, first.mark.highest), (count as u64, count as u64));
        // It is delivered again, as after a lost answer.
        let again: ParcelAnswer = deliver(&app, parcel).await.body();
        assert_eq!((again.receipts, again.kept.len()), (first.receipts, count));
        assert_eq!(app.count("SELECT COUNT(*) AS n FROM parcel").await, 1);
        assert_eq!(app.count("SELECT COUNT(*) AS n FROM parcel_item").await, count as i64);
        assert_eq!(app.count("SELECT COUNT(*) AS n FROM stream WHERE handed_over IS NOT NULL").await, 1);
    }

    async fn sec_a05_list_names_contents_and_each_is_read_alone(app: TestApp) {
        let (city, client) = ended(&app).await;
        let leader = app.staff(Role::ShiftLeader, city.district).await;
        let mut inside = contents(&app, &client, &[]);
        let text = "x".repeat(100_000);
        inside.drafts = (0..60).map(|n| draft(n, &text)).collect();
        deliver(&app, sealed(&app, &client, &inside, &[], 1).await).await.expect(200);
        let page = app.get("/v1/parcels?limit=200", &leader.token).await.expect(200);
        assert!(page.bytes.len() < 20_000, "{}", page.bytes.len());
        let parcel = &page.json["items"][0];
        assert_eq!((&parcel["drafts"], parcel["kept"].as_array().unwrap().len()), (&json!(60), 20));
        let path = format!("/v1/parcels/{}/kept", parcel["id"].as_str().unwrap());
        let (mut seen, mut after) = (Vec::new(), String::new());
        loop {
            let page = app.get(&format!("{path}?limit=25{after}"), &leader.token).await.expect(200).json;
            seen.extend(page["items"].as_array().unwrap().iter().map(|item| item["sha256"].clone()));
            match page["next"].as_str() {
                Some(next) => after = format!("&after={next}"),
                None => break,
            }
        }
        assert_eq!(seen.len(), 60);
        let wanted = inside.drafts[7].sha256().to_string();
        assert!(seen.contains(&json!(wanted)));
        let item = app.get(&format!("{path}/{wanted}"), &leader.token).await.expect(200);
        assert_eq!(item.bytes, inside.drafts[7].json.as_bytes());
        // Neither is shown to a leader of another district.
        let other = app.staff(Role::ShiftLeader, city.other_district).await;
        app.get(&format!("{path}/{wanted}"), &other.token).await.expect(404);
        app.get(&path, &other.token).await.expect(404);
    }
}

#[tokio::test]
async fn sec_a05_parcel_beyond_what_a_handset_can_hold_is_refused_before_it_is_stored() {
    let app = TestApp::sqlite().await;
    let (_, client) = ended(&app).await;
    let refused = async |inside: &Contents, photos: &[Vec<u8>], seed| {
        let parcel = sealed(&app, &client, inside, photos, seed).await;
        deliver(&app, parcel)
            .await
            .expect(422)
            .expect_code("parcel.malformed");
    };
    // 250,000 frames, 3,000 empty photos, a draft of 15 MB: what was tried.
    let frame = serde_json::value::to_raw_value(&json!({ "v": 1, "id": client.stream, "n": 1 })).unwrap();
    let mut many = contents(&app, &client, &[]);
    many.entries = vec![frame; 20_000];
    refused(&many, &[], 1).await;
    let empty = SealedPhoto {
        sha256: Sha256::of(b""),
        size: 0,
    };
    let mut photos = contents(&app, &client, &[]);
    photos.photos = vec![empty];
    refused(&photos, &[Vec::new()], 2).await;
    let mut drafts = contents(&app, &client, &[]);
    drafts.drafts = vec![draft(1, &"1,".repeat(5_000_000))];
    refused(&drafts, &[], 3).await;
    assert_eq!(app.count("SELECT COUNT(*) AS n FROM parcel").await, 0);
}

#[tokio::test]
async fn sec_a05_stream_that_brings_too_much_in_a_day_waits_and_loses_nothing() {
    let settings = Settings {
        parcel_mb_per_day: 32,
        ..Settings::default()
    };
    let app = TestApp::sqlite_with(settings).await;
    let (_, client) = ended(&app).await;
    let send = async |seed: u8| {
        let mut inside = contents(&app, &client, &[]);
        inside.drafts = (0..4000).map(|n| draft(n, &seed.to_string())).collect();
        let parcel = sealed(&app, &client, &inside, &[], seed).await;
        deliver(&app, parcel).await
    };
    send(1).await.expect(200);
    let late = send(2).await.expect(429);
    let wait: i64 = late.headers["retry-after"].to_str().unwrap().parse().unwrap();
    app.advance(wait * 1000);
    send(2).await.expect(200);
}

#[tokio::test]
async fn sec_a05_others_write_between_the_steps_of_a_parcel() {
    let app = Arc::new(TestApp::sqlite().await);
    let (_, mut client) = ended(&app).await;
    let entries = voids(&app, &mut client, 4000);
    let inside = contents(&app, &client, &entries);
    let parcel = sealed(&app, &client, &inside, &[], 1).await;
    let done = Arc::new(AtomicBool::new(false));
    let (parts, ended) = (Arc::clone(&app), Arc::clone(&done));
    let sent = tokio::spawn(async move {
        let answer = deliver(&parts, parcel).await.expect(200);
        ended.store(true, Ordering::SeqCst);
        answer
    });
    // Counts the parts of the parcel that another request sees.
    let mut seen = std::collections::BTreeSet::new();
    while !done.load(Ordering::SeqCst) {
        app.write(|_, _| Ok(())).await;
        seen.insert(app.count("SELECT COUNT(*) AS n FROM entry").await);
    }
    assert_eq!(sent.await.unwrap().body::<ParcelAnswer>().receipts.len(), 4000);
    assert!(seen.len() > 3, "{seen:?}");
}

#[tokio::test]
async fn sec_a06_slow_parcels_of_one_stream_do_not_hold_up_another() {
    let app = Arc::new(TestApp::sqlite().await);
    let city = app.city().await;
    let mut clients = Vec::new();
    for _ in 0..3 {
        clients.push(app.holder(app.post(city.community, &["2201040503"]).await).await);
    }
    // Parcels whose bytes stop after the head: of two streams, and of somebody who is no stream.
    let mut slow = Vec::new();
    for (n, client) in clients.iter().take(2).enumerate() {
        let inside = contents(&app, client, &[]);
        let parcel = sealed(&app, client, &inside, &[], u8::try_from(n).unwrap()).await;
        let first = Bytes::from(parcel[..parcel.len() - 1].to_vec());
        let body = stream::once(async { Ok::<_, std::io::Error>(first) }).chain(stream::pending());
        let app = Arc::clone(&app);
        slow.push(tokio::spawn(async move {
            app.send(request(Body::from_stream(body))).await
        }));
    }
    for _ in 0..20 {
        let body = stream::once(async { Ok::<_, std::io::Error>(Bytes::from_static(b"XUNGE")) });
        let body = Body::from_stream(body.chain(stream::pending()));
        let app = Arc::clone(&app);
        slow.push(tokio::spawn(async move { app.send(request(body)).await }));
    }
    tokio::task::yield_now().await;
    let honest = &mut clients[2];
    let entries = voids(&app, honest, 3);
    let inside = contents(&app, honest, &entries);
    let parcel = sealed(&app, honest, &inside, &[], 9).await;
    assert_eq!(
        deliver(&app, parcel).await.body::<ParcelAnswer>().receipts.len(),
        3
    );
    slow.iter().for_each(|request| request.abort());
}

#[tokio::test]
async fn sec_a06_unknown_sender_is_refused_after_the_head() {
    let app = TestApp::sqlite().await;
    let (_, mut client) = ended(&app).await;
    app.forget_stream(&client).await;
    // A certificate that this deployment did not sign.
    client.certificate.as_mut().unwrap().certificate.push(' ');
    let parcel = sealed(&app, &client, &contents(&app, &client, &[]), &[], 1).await;
    let body = stream::once(async { Ok::<_, std::io::Error>(Bytes::from(parcel)) }).chain(stream::pending());
    let answer = app.send(request(Body::from_stream(body))).await;
    answer.expect(404).expect_code("stream.unknown");
}
