//! The short form of a push: one time instead of a receipt for each entry, and bodies compressed with a
//! shared dictionary. Both only on request, and with the same meaning as the long form.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support;

use axum::{body::Body, http::Request};
use protocol::{
    coding::{CODING, Words},
    entry::Entry,
    ids::StreamId,
    payload::{CheckOut, Payload},
    photo::Sha256,
    push::{BRIEF, MAX_PUSH_BYTES, PushAnswer},
    sign::{SIGNATURE_HEADER, Signer as _, push_message},
};
use support::{FieldClient, TestApp, TestResponse};

async fn handset(app: &TestApp) -> FieldClient {
    let city = app.city().await;
    let post = app.post(city.community, &["2201040503"]).await;
    app.holder(post).await
}

fn void_entries(client: &mut FieldClient, app: &TestApp, count: usize) -> Vec<Entry> {
    let left = Payload::CheckOut(CheckOut::default());
    (0..count).map(|_| client.entry(app, &left)).collect()
}

/// A signed push of `plain`, sent as the bytes `sent`.
async fn push(
    app: &TestApp,
    client: &FieldClient,
    plain: &[u8],
    sent: Vec<u8>,
    headers: &[(&str, &str)],
) -> TestResponse {
    let signature = client.key.sign(&push_message(&client.token, plain)).unwrap();
    let mut request = Request::post("/v1/field/push")
        .header("authorization", format!("Bearer {}", client.token))
        .header("content-type", "application/json")
        .header(SIGNATURE_HEADER, signature.to_string());
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    app.send(request.body(Body::from(sent)).unwrap()).await
}

fn dictionary(client: &FieldClient) -> Words {
    Words::of(client.stream, client.person, client.post)
}

both_engines! {
    async fn short_form_is_given_on_request_and_equals_the_receipts(app: TestApp) {
        let mut client = handset(&app).await;
        let entries = void_entries(&mut client, &app, 3);
        let body = client.envelope(&app, &entries);
        let brief = || push(&app, &client, &body, body.clone(), &[BRIEF]);
        let short: PushAnswer = brief().await.body();
        assert_eq!(short.taken, Some(app.now()));
        assert!(short.receipts.is_empty() && short.refused.is_empty());
        assert_eq!((short.body_sha256, short.mark.upto), (Sha256::of(&body), 3));
        // Later the same entries again: the time is that of the first acceptance, in the long form too.
        let at = app.now();
        app.advance(60_000);
        assert_eq!(brief().await.body::<PushAnswer>().taken, Some(at));
        let long: PushAnswer = push(&app, &client, &body, body.clone(), &[]).await.body();
        assert_eq!(long.taken, None);
        assert!(long.receipts.len() == 3 && long.receipts.iter().all(|receipt| receipt.received == at));
    }

    async fn receipts_are_listed_where_the_short_form_cannot_express_them(app: TestApp) {
        let mut client = handset(&app).await;
        let mut entries = void_entries(&mut client, &app, 1);
        client.push(&app, &entries).await;
        app.advance(60_000);
        entries.extend(void_entries(&mut client, &app, 1));
        // Entries with two different times.
        let body = client.envelope(&app, &entries);
        let answer: PushAnswer = push(&app, &client, &body, body.clone(), &[BRIEF]).await.body();
        assert_eq!((answer.taken, answer.receipts.len()), (None, 2));
        // One entry is refused, because its number belongs to another entry.
        let mut refused = void_entries(&mut client, &app, 1);
        refused[0].n = 1;
        let mut mixed = void_entries(&mut client, &app, 1);
        mixed.extend(refused);
        let body = client.envelope(&app, &mixed);
        let answer: PushAnswer = push(&app, &client, &body, body.clone(), &[BRIEF]).await.body();
        assert_eq!((answer.taken, answer.receipts.len(), answer.refused.len()), (None, 1, 1));
        // A push without entries.
        let body = client.envelope(&app, &[]);
        let answer: PushAnswer = push(&app, &client, &body, body.clone(), &[BRIEF]).await.body();
        assert_eq!((answer.taken, answer.receipts.len()), (None, 0));
    }
}

#[tokio::test]
async fn packed_push_equals_its_plain_bytes_and_is_answered_packed_on_request() {
    let app = TestApp::sqlite().await;
    let mut client = handset(&app).await;
    let entries = void_entries(&mut client, &app, 2);
    let body = client.envelope(&app, &entries);
    let packed = dictionary(&client).pack(&body).unwrap();
    assert!(packed.len() * 2 < body.len());
    let coded = ("content-encoding", CODING);
    let plain: PushAnswer = push(&app, &client, &body, packed.clone(), &[coded]).await.body();
    assert_eq!((plain.body_sha256, plain.receipts.len()), (Sha256::of(&body), 2));
    let accept = ("accept-encoding", "gzip, xunge-1");
    let answer = push(&app, &client, &body, packed, &[coded, accept]).await;
    assert_eq!(answer.headers["content-encoding"], CODING);
    let words = dictionary(&client).answering(Sha256::of(&body));
    let again: PushAnswer = serde_json::from_slice(&words.unpack(&answer.bytes, 1 << 20).unwrap()).unwrap();
    assert_eq!(again.receipts, plain.receipts);
    // Not requested in this coding, so not answered in it.
    let answer = push(
        &app,
        &client,
        &body,
        body.clone(),
        &[("accept-encoding", "xunge-1")],
    )
    .await;
    assert!(answer.headers.get("content-encoding").is_none());
}

#[tokio::test]
async fn other_dictionary_route_bomb_or_damage_is_refused() {
    let app = TestApp::sqlite().await;
    let mut client = handset(&app).await;
    let entries = void_entries(&mut client, &app, 1);
    let body = client.envelope(&app, &entries);
    let send = |sent: Vec<u8>, coding: &'static str| {
        let (app, client, body) = (&app, &client, &body);
        async move { push(app, client, body, sent, &[("content-encoding", coding)]).await }
    };
    let other = Words::of(StreamId::from_parts(9, [9; 10]), client.person, client.post);
    let strange = send(other.pack(&body).unwrap(), CODING).await.expect(415);
    strange.expect_code("request.media_type");
    let unknown = send(body.clone(), "xunge-2").await.expect(415);
    assert_eq!(unknown.headers["accept-encoding"], "gzip, xunge-1");
    let bomb = dictionary(&client).pack(&vec![b' '; MAX_PUSH_BYTES + 1]).unwrap();
    assert!(bomb.len() < 20_000);
    send(bomb, CODING)
        .await
        .expect(413)
        .expect_code("request.too_large");
    send(body[..20].to_vec(), CODING)
        .await
        .expect(400)
        .expect_code("request.malformed");
    let elsewhere = Request::post("/v1/field/challenge")
        .header("content-type", "application/json")
        .header("content-encoding", CODING)
        .body(Body::from("{}"))
        .unwrap();
    app.send(elsewhere)
        .await
        .expect(415)
        .expect_code("request.media_type");
    assert_eq!(app.count("SELECT COUNT(*) AS n FROM entry").await, 0);
}
