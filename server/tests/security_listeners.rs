//! Streams of events: many beside a flood of strangers, few of one terminal, none of an ended one (A7, A17). What strangers
//! may ask for from one address, and who is let through all the same (A11).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

#[path = "support/serving.rs"]
mod serving;
mod support;

use axum::{
    body::{Body, Bytes},
    extract::ConnectInfo,
    http::{HeaderValue, Request},
};
use futures_util::{StreamExt as _, future::join_all};
use protocol::{ids::StreamId, role::Role};
use serde_json::{Value, json};
use server::{kernel::config::Settings, store::Hint};
use serving::{Serving, get, read_until, send, silent};
use std::{
    io::{BufRead as _, BufReader, Lines, Write as _},
    net::SocketAddr,
    process::{Child, ChildStderr, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};
use support::{FieldClient, TestApp, TestResponse};
use tokio::io::AsyncWriteExt as _;

const WRONG_SIGN_IN: &str = "POST /v1/session HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
    content-length: 2\r\n\r\n{}";

/// How many streams one terminal opens in the test of many.
const EACH: usize = 50;

/// How many listeners the test opens; `cargo xtask proof listeners` opens 10,000.
fn listeners() -> usize {
    let asked = std::env::var("XUNGE_LISTENERS").ok();
    asked.and_then(|text| text.parse().ok()).unwrap_or(1000)
}

/// The far ends of the streams, in a process of their own: a process may not have 20,000 files open.
struct Listeners {
    process: Child,
    said: Lines<BufReader<ChildStderr>>,
}

impl Listeners {
    /// Opens [`EACH`] streams with each token, and returns when each was greeted.
    fn open(address: SocketAddr, tokens: &[String]) -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["listening_process", "--exact", "--ignored", "--nocapture"])
            .env("XUNGE_LISTEN_AT", address.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = process.stdin.take().unwrap();
        writeln!(input, "{}", tokens.join(" ")).unwrap();
        process.stdin = Some(input);
        let said = BufReader::new(process.stderr.take().unwrap()).lines();
        let mut all = Self { process, said };
        all.wait_for("greeted");
        all
    }
    /// Returns when each stream has got a hint since [`Listeners::open`].
    fn hear(&mut self) {
        self.wait_for("heard");
    }
    fn wait_for(&mut self, word: &str) {
        let mut others = Vec::new();
        for line in self.said.by_ref() {
            let line = line.unwrap();
            if line == word {
                return;
            }
            others.push(line);
        }
        panic!("the listening process ended without {word:?}: {others:?}");
    }
}

impl Drop for Listeners {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a process of the test of many listeners, which starts it"]
async fn listening_process() {
    let address: SocketAddr = std::env::var("XUNGE_LISTEN_AT").unwrap().parse().unwrap();
    let mut tokens = String::new();
    std::io::stdin().read_line(&mut tokens).unwrap();
    let mut open = Vec::new();
    for token in tokens.split_whitespace() {
        let events = get("/v1/field/events", token);
        for _ in 0..EACH / 25 {
            let begun = (0..25).map(|_| send(address, &events, "event: pull"));
            for (stream, text) in join_all(begun).await {
                assert!(text.contains("event: pull"), "{text}");
                open.push(stream);
            }
        }
    }
    eprintln!("greeted");
    for text in join_all(open.iter_mut().map(|stream| read_until(stream, "event: pull"))).await {
        assert!(text.contains("event: pull"));
    }
    eprintln!("heard");
    // The streams stay open until the test has ended.
    let _ = std::io::stdin().read_line(&mut String::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn listeners_and_desks_work_while_strangers_of_their_address_are_refused() {
    const TRIES: usize = 10;
    let desks_wanted = listeners() / 50;
    // Each desk opens a connection for each request, and is a stranger until its token was read.
    let strangers = u32::try_from(2 * desks_wanted).unwrap();
    let settings = Settings {
        events_per_terminal: 100,
        connections: 20_000,
        connections_per_caller: 1000,
        field_requests_per_minute: 0,
        stranger_connections: strangers + 20,
        stranger_connections_per_address: strangers,
        stranger_requests_per_minute: 100,
        ..Settings::default()
    };
    let app = TestApp::sqlite_with(settings).await;
    let city = app.city().await;
    let serving = Serving::of(&app);
    let mut tokens = Vec::new();
    while tokens.len() * EACH < listeners() {
        let post = app.post(city.community, &["2201040503"]).await;
        tokens.push(app.holder(post).await.token);
    }
    let address = serving.address;
    let count = tokens.len() * EACH;
    let mut all = tokio::task::spawn_blocking(move || Listeners::open(address, &tokens))
        .await
        .unwrap();
    let mut desks = Vec::new();
    while desks.len() < desks_wanted {
        desks.push(app.staff(Role::Acceptor, city.district).await.token);
    }
    // Strangers of the same address: silent sockets, and wrong sign-ins until they are refused.
    let flood = async {
        let mut silence = Vec::new();
        let mut refused = 0;
        for _ in 0..15 * desks_wanted {
            let mut stream = serving.connect().await;
            let _ = stream.write_all(silent("/v1/session", 10_000).as_bytes()).await;
            silence.push(stream);
            refused += u32::from([0, 429].contains(&serving.status(WRONG_SIGN_IN).await));
        }
        refused
    };
    let work = async {
        let mut answered = 0;
        for _ in 0..TRIES {
            let requests: Vec<String> = desks.iter().map(|token| get("/v1/session", token)).collect();
            let statuses = join_all(requests.iter().map(|request| serving.status(request))).await;
            answered += statuses.iter().filter(|status| **status == 200).count();
        }
        answered
    };
    let (refused, answered) = tokio::join!(flood, work);
    assert_eq!(answered, TRIES * desks.len());
    assert!(refused >= 200, "{refused}");
    assert_eq!(app.app.bounds.listeners.count(), count);
    // Each listener still hears.
    app.write(|tx, _| {
        tx.after_commit(Hint::All);
        Ok(())
    })
    .await;
    tokio::task::spawn_blocking(move || all.hear()).await.unwrap();
    println!(
        "{count} listeners, {} desks, {refused} strangers refused",
        desks.len()
    );
}

/// Asks an open route of handsets from an address.
async fn ask(app: &TestApp, what: &str, body: &Value) -> TestResponse {
    let peer: SocketAddr = "192.0.2.7:1".parse().unwrap();
    let request = Request::post(format!("/v1/field/{what}"))
        .header("content-type", "application/json")
        .extension(ConnectInfo(peer));
    app.send(request.body(Body::from(body.to_string())).unwrap())
        .await
}

async fn pull(app: &TestApp, address: &str, path: &str, token: &str) -> TestResponse {
    let peer: SocketAddr = address.parse().unwrap();
    let request = Request::get(path)
        .header("authorization", format!("Bearer {token}"))
        .extension(ConnectInfo(peer));
    app.send(request.body(Body::empty()).unwrap()).await
}

async fn events(app: &TestApp, client: &FieldClient) -> axum::body::BodyDataStream {
    let request =
        Request::get("/v1/field/events").header("authorization", format!("Bearer {}", client.token));
    let answer = app.open(request.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.status(), 200);
    let mut body = answer.into_body().into_data_stream();
    body.next().await.unwrap().unwrap();
    body
}

/// The memory from which the values of a request's head are cut, as it is with HTTP/1.
struct Head(Arc<AtomicBool>, String);

impl AsRef<[u8]> for Head {
    fn as_ref(&self) -> &[u8] {
        self.1.as_bytes()
    }
}

impl Drop for Head {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[tokio::test]
async fn issue_15_open_stream_of_events_keeps_nothing_of_its_requests_head() {
    let app = TestApp::sqlite().await;
    let city = app.city().await;
    let client = app.holder(app.post(city.community, &["2201040503"]).await).await;
    let released = Arc::new(AtomicBool::new(false));
    let head = Head(Arc::clone(&released), format!("Bearer {}", client.token));
    let value = HeaderValue::from_maybe_shared(Bytes::from_owner(head)).unwrap();
    let request = Request::get("/v1/field/events").header("authorization", value);
    let answer = app.open(request.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.status(), 200);
    assert!(released.load(Ordering::Relaxed));
    let mut body = answer.into_body().into_data_stream();
    assert!(body.next().await.is_some());
}

#[tokio::test]
async fn issue_15_silent_stream_of_events_beats_until_its_token_expires() {
    let app = TestApp::sqlite().await;
    let city = app.city().await;
    let client = app.holder(app.post(city.community, &["2201040503"]).await).await;
    let mut open = events(&app, &client).await;
    // From here on nothing but the timers of the stream is waited for.
    tokio::time::pause();
    let mut beats = 0;
    while let Some(frame) = open.next().await {
        assert_eq!(frame.unwrap(), ":\n\n");
        beats += 1;
    }
    let minutes = i64::from(app.app.settings.field_token_minutes);
    assert!(
        (2 * minutes - 2..=2 * minutes).contains(&beats),
        "{beats} in {minutes} minutes"
    );
}

both_engines! {
    async fn sec_a11_enrolled_handset_gets_its_token_while_strangers_flood_its_address(app: TestApp) {
        let city = app.city().await;
        let client = app.holder(app.post(city.community, &["2201040503"]).await).await;
        let most = app.app.settings.stranger_requests_per_minute;
        let invented = StreamId::from_parts(1, [9; 10]);
        for _ in 0..most {
            ask(&app, "challenge", &json!({"stream": invented})).await.expect(200);
            ask(&app, "token", &json!({"stream": invented})).await.expect(422);
        }
        ask(&app, "challenge", &json!({"stream": invented})).await.expect(429).expect_code("request.rate");
        ask(&app, "token", &json!({"stream": invented})).await.expect(429);
        // The handset that was there before, and one that is enrolled meanwhile.
        let newcomer = app.holder(app.post(city.community, &["2201040503"]).await).await;
        for honest in [&client, &newcomer] {
            let said = ask(&app, "challenge", &json!({"stream": honest.stream})).await.expect(200);
            let request = honest.token_request(&app, said.json["challenge"].as_str().unwrap());
            ask(&app, "token", &serde_json::to_value(request).unwrap()).await.expect(200);
        }
        // It is let through in measure: who knows its name cannot flood under it.
        let returning = app.app.settings.returning_requests_per_minute;
        for _ in 2..returning {
            ask(&app, "challenge", &json!({"stream": client.stream})).await.expect(200);
        }
        ask(&app, "challenge", &json!({"stream": client.stream})).await.expect(429);
        // Each open route has its own count.
        ask(&app, "enrol", &json!({})).await.expect(422);
    }

    async fn sec_a11_tokens_that_nobody_has_are_counted_and_good_ones_still_answered(app: TestApp) {
        let city = app.city().await;
        let client = app.holder(app.post(city.community, &["2201040503"]).await).await;
        let desk = app.staff(Role::Acceptor, city.district).await.token;
        pull(&app, "192.0.2.7:1", "/v1/session", &desk).await.expect(200);
        for n in 0..app.app.settings.stranger_requests_per_minute {
            let path = if n % 2 == 0 { "/v1/session" } else { "/v1/field/pull" };
            pull(&app, "192.0.2.7:1", path, &format!("invented-{n}")).await.expect(401);
        }
        pull(&app, "192.0.2.7:1", "/v1/session", "invented").await.expect(429).expect_code("request.rate");
        pull(&app, "192.0.2.7:1", "/v1/field/pull", "invented").await.expect(429);
        pull(&app, "192.0.2.7:1", "/v1/session", &desk).await.expect(200);
        // A token that was given and not used yet.
        pull(&app, "192.0.2.7:1", "/v1/field/pull", &client.token).await.expect(200);
        pull(&app, "192.0.2.8:1", "/v1/session", "invented").await.expect(401);
    }

    async fn sec_a17_terminal_keeps_its_newest_streams_of_events(app: TestApp) {
        let city = app.city().await;
        let client = app.holder(app.post(city.community, &["2201040503"]).await).await;
        let mut first = events(&app, &client).await;
        let mut newer = Vec::new();
        for _ in 0..3 {
            newer.push(events(&app, &client).await);
        }
        assert!(first.next().await.is_none(), "the oldest one must end");
        assert_eq!(app.app.bounds.listeners.count(), 3);
        drop(newer);
        assert_eq!(app.app.bounds.listeners.count(), 0);
    }

    async fn sec_a17_streams_of_events_end_with_revoke_wipe_and_disable(app: TestApp) {
        let city = app.city().await;
        let admin = app.staff(Role::Admin, city.city).await;
        let neighbour = app.holder(app.post(city.community, &["2201040503"]).await).await;
        let mut stays = events(&app, &neighbour).await;
        let terminals = async || app.get("/v1/terminals", &admin.token).await.expect(200).json["items"].clone();
        for way in ["revoke", "wipe", "disable"] {
            let client = app.holder(app.post(city.community, &["2201040503"]).await).await;
            let mut open = events(&app, &client).await;
            let (path, body) = match way {
                "revoke" => (format!("/v1/streams/{}/revoke", client.stream), json!({ "reason": "lost" })),
                "disable" => (format!("/v1/people/{}/disable", client.person), json!({})),
                _ => {
                    let stream = json!(client.stream);
                    let all = terminals().await;
                    let own = |t: &&Value| t["streams"].as_array().unwrap().iter().any(|s| s["id"] == stream);
                    let id = all.as_array().unwrap().iter().find(own).unwrap()["id"].clone();
                    (format!("/v1/terminals/{}/wipe", id.as_str().unwrap()), json!({ "reason": "lost" }))
                }
            };
            app.post_json(&path, &admin.token, body).await.expect(200);
            // Hints may come before the end, but the end comes.
            while open.next().await.is_some() {}
        }
        app.write(|tx, _| {
            tx.after_commit(Hint::All);
            Ok(())
        }).await;
        assert!(stays.next().await.is_some());
    }
}
