//! What applies to every request: ids, problems, limits, panics, health, metrics.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support;

use axum::{
    Router,
    body::{Body, Bytes},
    extract::ConnectInfo,
    http::Request,
    routing::get,
};
use flate2::{Compression, write::GzEncoder};
use protocol::{ids::RequestId, role::Role};
use serde_json::{Value, json};
use server::{kernel::config::Settings, service::router::around};
use std::{io::Write as _, net::SocketAddr};
use support::TestApp;
use tower::ServiceExt as _;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn gzip_request(path: &str, token: &str, body: Vec<u8>) -> Request<Body> {
    Request::post(path)
        .header("authorization", format!("Bearer {token}"))
        .header("content-type", "application/json")
        .header("content-encoding", "gzip")
        .body(Body::from(body))
        .unwrap()
}

#[tokio::test]
async fn every_response_and_problem_carries_the_request_id() {
    let app = TestApp::sqlite().await;
    let answer = app.call("GET", "/nowhere", None, Value::Null).await.expect(404);
    assert_eq!(answer.headers["content-type"], "application/problem+json");
    let id = answer.headers["x-request-id"].to_str().unwrap();
    assert!(id.parse::<RequestId>().is_ok());
    assert_eq!(answer.json["request_id"], id);
    let fine = app.call("GET", "/healthz", None, Value::Null).await.expect(200);
    assert_ne!(fine.headers["x-request-id"], id);
    assert_eq!(fine.headers["cache-control"], "no-store");
}

#[tokio::test]
async fn compressed_body_of_staff_is_accepted_and_limited_by_its_decompressed_size() {
    let app = TestApp::sqlite().await;
    let city = app.city().await;
    let admin = app.staff(Role::Admin, city.city).await;
    let person = json!({ "account": "new", "name": "新人", "org": city.district, "roles": [] });
    let send = |body| app.send(gzip_request("/v1/people", &admin.token, body));
    send(gzip(person.to_string().as_bytes())).await.expect(200);
    let bomb = gzip(&vec![b' '; 64 * 1024 * 1024]);
    assert!(bomb.len() < 100_000);
    send(bomb).await.expect(413).expect_code("request.too_large");
    send(b"{}".to_vec()).await.expect_code("request.timeout");
}

#[tokio::test]
async fn sec_a07_what_a_stranger_compressed_is_small_unpacked_or_refused() {
    let app = TestApp::sqlite().await;
    let send = |path: &str, coding: &str, body: Vec<u8>| {
        let request = Request::post(path)
            .header("content-type", "application/json")
            .header("content-encoding", coding);
        app.send(request.body(Body::from(body)).unwrap())
    };
    let ask = br#"{"stream":"01900000-0000-7000-8000-000000000000"}"#;
    let challenge = "/v1/field/challenge";
    // Handsets compress their requests for a token.
    send(challenge, "gzip", gzip(ask)).await.expect(200);
    let bomb = gzip(&vec![b' '; 1024 * 1024]);
    send(challenge, "gzip", bomb)
        .await
        .expect(413)
        .expect_code("request.too_large");
    send(challenge, "gzip", b"{}".to_vec()).await.expect(400);
    send("/v1/field/parcel", "gzip", gzip(ask)).await.expect(415);
    // A token that means nothing here does not lead around it.
    let request = gzip_request(challenge, "x", gzip(&vec![b' '; 64 * 1024 * 1024]));
    app.send(request).await.expect(415);
}

#[tokio::test]
async fn too_large_body_is_refused() {
    let app = TestApp::sqlite().await;
    let big = json!({ "stream": "x".repeat(16 * 1024) });
    app.call("POST", "/v1/field/challenge", None, big)
        .await
        .expect(413)
        .expect_code("request.too_large");
}

#[tokio::test]
async fn invalid_json_gzip_or_schema_is_reported() {
    let app = TestApp::sqlite().await;
    let send = |kind: &str, encoding: &str, body: &'static str| {
        let mut request = Request::post("/v1/field/challenge").header("content-type", kind);
        if !encoding.is_empty() {
            request = request.header("content-encoding", encoding);
        }
        app.send(request.body(Body::from(body)).unwrap())
    };
    send("application/json", "", "{")
        .await
        .expect(400)
        .expect_code("request.malformed");
    send("text/plain", "", "{}")
        .await
        .expect(415)
        .expect_code("request.media_type");
    send("application/json", "zstd", "{}")
        .await
        .expect(415)
        .expect_code("request.media_type");
    let answer = send("application/json", "", "{\"stream\": 3}")
        .await
        .expect(422)
        .expect_code("request.invalid");
    assert_eq!(answer.json["errors"].as_array().unwrap().len(), 1);
    send("application/json", "gzip", "{}")
        .await
        .expect_code("request.malformed");
}

#[tokio::test]
async fn panic_is_a_problem_response_and_the_server_continues() {
    let app = TestApp::sqlite().await;
    async fn broken() {
        panic!("on purpose");
    }
    let router = around(&app.app, Router::new().route("/broken", get(broken)));
    for _ in 0..2 {
        let request = Request::get("/broken").body(Body::empty()).unwrap();
        let response = router.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), 500);
        let body = axum::body::to_bytes(response.into_body(), 10_000).await.unwrap();
        let problem: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(problem["code"], "server.internal");
        assert!(!String::from_utf8_lossy(&body).contains("on purpose"));
    }
}

#[tokio::test(start_paused = true)]
async fn stalled_body_times_out() {
    let app = TestApp::sqlite().await;
    let first = futures_util::stream::once(async { Ok::<_, std::io::Error>(Bytes::from("{")) });
    let body = futures_util::StreamExt::chain(first, futures_util::stream::pending());
    let request = Request::post("/v1/field/challenge")
        .header("content-type", "application/json")
        .body(Body::from_stream(body))
        .unwrap();
    app.send(request).await.expect(408).expect_code("request.timeout");
}

both_engines! {
    async fn server_is_ready_while_its_database_answers(app: TestApp) {
        app.call("GET", "/readyz", None, Value::Null).await.expect(200);
        app.app.store.clone().close().await;
        // The answer is given again for a few seconds: each look is a durable write.
        app.call("GET", "/readyz", None, Value::Null).await.expect(200);
        app.advance(5000);
        // The first look and what is given again say the same reason (use A15).
        for _ in 0..2 {
            let answer = app.call("GET", "/readyz", None, Value::Null).await.expect(503);
            assert!(answer.headers.contains_key("retry-after"), "{answer:?}");
            assert_eq!(answer.code(), "server.stopping");
        }
        app.call("GET", "/healthz", None, Value::Null).await.expect(200);
    }
}

fn metrics(peer: &str, token: &str) -> Request<Body> {
    let mut request = Request::get("/metrics").header("authorization", format!("Bearer {token}"));
    let address: SocketAddr = peer.parse().unwrap();
    request.extensions_mut().unwrap().insert(ConnectInfo(address));
    request.body(Body::empty()).unwrap()
}

#[tokio::test]
async fn metrics_hold_routes_not_paths() {
    let app = scraped().await;
    app.call("GET", "/v1/nothing/220104", None, Value::Null)
        .await
        .expect(404);
    app.call("GET", "/healthz?name=secret", None, Value::Null)
        .await
        .expect(200);
    let odd = Request::builder()
        .method("ODDITY")
        .uri("/healthz")
        .body(Body::empty());
    app.send(odd.unwrap()).await.expect(405);
    let page = app.send(metrics("127.0.0.1:5", "scrape")).await.expect(200);
    let text = String::from_utf8_lossy(&page.bytes);
    assert!(
        !text.contains("ODDITY"),
        "an unknown method must not become a label"
    );
    let text = String::from_utf8(page.bytes).unwrap();
    assert!(
        text.contains("xunge_requests_total{method=\"GET\",route=\"/healthz\",status=\"200\"}"),
        "{text}"
    );
    assert!(
        text.contains("xunge_request_seconds_bucket{route=\"/healthz\""),
        "{text}"
    );
    assert!(!text.contains("220104") && !text.contains("secret"), "{text}");
}

async fn scraped() -> TestApp {
    let settings = Settings {
        metrics_token: "scrape".into(),
        ..Settings::default()
    };
    TestApp::sqlite_with(settings).await
}

#[tokio::test]
async fn sec_a18_metrics_need_the_token_also_on_loopback() {
    let app = TestApp::sqlite().await;
    // A proxy on this machine makes everybody a peer on loopback.
    app.send(metrics("127.0.0.1:5", "")).await.expect(403);
    let app = scraped().await;
    app.send(metrics("10.0.0.7:5", "scrape")).await.expect(200);
    app.send(metrics("127.0.0.1:5", "scrap")).await.expect(403);
}

#[tokio::test]
async fn responses_are_compressed_on_request() {
    let app = TestApp::sqlite().await;
    let request = Request::get("/openapi.json")
        .header("accept-encoding", "gzip")
        .body(Body::empty())
        .unwrap();
    let answer = app.send(request).await.expect(200);
    assert_eq!(answer.headers["content-encoding"], "gzip");
}
