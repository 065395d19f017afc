//! Attachments of staff by tus 1.0, uploaded by a browser over an unreliable network.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support;
#[path = "support/tus.rs"]
mod tus_client;

use axum::{body::Body, http::Request};
use object_store::memory::InMemory;
use protocol::{photo::Sha256, role::Role};
use serde_json::Value;
use server::{
    app::{object_name::ObjectName, objects::Blobs},
    params,
};
use std::sync::Arc;
use support::{TestApp, TestResponse};
use tus_client::{header, large, last_part, metadata, picture, sweep_while_a_chunk_waits};

const ROUTE: &str = "/v1/attachments/uploads";
const CHUNK: (&str, &str) = ("content-type", "application/offset+octet-stream");

async fn department(app: &TestApp) -> String {
    let city = app.city().await;
    app.staff(Role::Department, city.city).await.token
}

async fn tus(
    app: &TestApp,
    token: &str,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: impl Into<Body>,
) -> TestResponse {
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .header("authorization", format!("Bearer {token}"))
        .header("tus-resumable", "1.0.0");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = app.send(request.body(body.into()).unwrap()).await;
    assert_eq!(header(&answer, "tus-resumable"), "1.0.0", "{answer:?}");
    answer
}

async fn begin(app: &TestApp, token: &str, length: usize, names: &str) -> String {
    let length = length.to_string();
    let mut headers = vec![("upload-length", length.as_str())];
    if !names.is_empty() {
        headers.push(("upload-metadata", names));
    }
    let answer = tus(app, token, "POST", ROUTE, &headers, Body::empty()).await;
    header(&answer.expect(201), "location")
}

async fn patch(app: &TestApp, token: &str, path: &str, offset: usize, body: &[u8]) -> TestResponse {
    let offset = offset.to_string();
    let headers = [CHUNK, ("upload-offset", offset.as_str())];
    tus(app, token, "PATCH", path, &headers, body.to_vec()).await
}

async fn head(app: &TestApp, token: &str, path: &str) -> TestResponse {
    tus(app, token, "HEAD", path, &[], Body::empty()).await
}

fn attached(answer: &TestResponse) -> Value {
    serde_json::from_str(&header(answer, "xunge-attachment")).unwrap_or_else(|_| panic!("{answer:?}"))
}

both_engines! {
    async fn attachment_sent_in_parts_is_held_with_its_hash(app: TestApp) {
        let (token, bytes) = (department(&app).await, picture(1));
        let path = begin(&app, &token, bytes.len(), "").await;
        patch(&app, &token, &path, 0, &bytes[..900]).await.expect(204);
        let stands = head(&app, &token, &path).await.expect(200);
        assert_eq!(header(&stands, "upload-offset"), "900");
        assert_eq!(header(&stands, "upload-length"), bytes.len().to_string());
        assert!(!stands.headers.contains_key("upload-metadata"));
        patch(&app, &token, &path, 0, &bytes[..900]).await.expect(409).expect_code("upload.offset");
        let last = patch(&app, &token, &path, 900, &bytes[900..]).await.expect(204);
        let hash = Sha256::of(&bytes);
        assert_eq!(attached(&last)["sha256"], hash.to_string());
        assert_eq!(attached(&head(&app, &token, &path).await.expect(200)), attached(&last));
        assert_eq!(app.app.blobs.get(&ObjectName::Attachment { sha256: hash }).await.unwrap(), bytes);
        assert_eq!(app.count("SELECT COUNT(*) AS n FROM attachment").await, 1);
        assert_eq!(app.count("SELECT COUNT(*) AS n FROM attachment_part").await, 0);
    }

    async fn large_attachment_is_stored_in_objects_of_512_kib(app: TestApp) {
        let (token, bytes) = (department(&app).await, large(1));
        let path = begin(&app, &token, bytes.len(), "").await;
        patch(&app, &token, &path, 0, &bytes[..600_000]).await.expect(204);
        assert_eq!(app.count("SELECT COUNT(*) AS n FROM attachment_part").await, 2);
        assert_eq!(app.count("SELECT MAX(size) AS n FROM attachment_part").await, 512 * 1024);
        let last = patch(&app, &token, &path, 600_000, &bytes[600_000..]).await.expect(204);
        assert_eq!(attached(&last)["sha256"], Sha256::of(&bytes).to_string());
    }

    async fn sweep_finishes_a_complete_attachment(app: TestApp) {
        let (token, bytes) = (department(&app).await, picture(6));
        let path = begin(&app, &token, bytes.len(), "").await;
        patch(&app, &token, &path, 0, &bytes[..10]).await.expect(204);
        // The server stops between the commit of the last part and the end of the upload.
        let last = last_part(&path);
        app.app.blobs.put_durable(&last, bytes[10..].to_vec().into()).await.unwrap();
        app.write(move |tx, _| {
            tx.execute(
                "INSERT INTO attachment_part (upload, position, size, object)
                 SELECT id, 10, length - 10, ?1 FROM attachment_upload",
                params![last.to_string()],
            )?;
            tx.execute("UPDATE attachment_upload SET arrived = length", &[])?;
            Ok(())
        })
        .await;
        server::photos::sweep(&app.app).await.unwrap();
        assert_eq!(app.count("SELECT COUNT(*) AS n FROM attachment").await, 1);
        assert_eq!(attached(&head(&app, &token, &path).await.expect(200))["size"], bytes.len());
    }

    async fn attachment_creation_may_carry_the_body(app: TestApp) {
        let (token, bytes) = (department(&app).await, picture(2));
        let (length, names) = (bytes.len().to_string(), metadata(Sha256::of(&bytes)));
        let headers = [CHUNK, ("upload-length", &length), ("upload-metadata", &names)];
        let made = tus(&app, &token, "POST", ROUTE, &headers, bytes.clone()).await.expect(201);
        assert_eq!(attached(&made)["size"], bytes.len());
    }

    async fn attachment_with_a_wrong_hash_restarts_at_zero(app: TestApp) {
        let (token, bytes) = (department(&app).await, picture(3));
        let path = begin(&app, &token, bytes.len(), &metadata(Sha256::of(b"other"))).await;
        let refused = patch(&app, &token, &path, 0, &bytes).await;
        refused.expect(422).expect_code("photo.hash_mismatch");
        assert_eq!(header(&head(&app, &token, &path).await.expect(200), "upload-offset"), "0");
        assert_eq!(app.count("SELECT COUNT(*) AS n FROM attachment").await, 0);
    }

    async fn attachment_that_is_no_picture_ends_the_upload(app: TestApp) {
        let token = department(&app).await;
        let path = begin(&app, &token, 5, "").await;
        patch(&app, &token, &path, 0, b"hello").await.expect(422).expect_code("photo.not_an_image");
        head(&app, &token, &path).await.expect(404);
        assert_eq!(app.count("SELECT COUNT(*) AS n FROM attachment_upload").await, 0);
    }

    async fn expired_attachment_upload_and_its_parts_are_deleted(app: TestApp) {
        let (token, bytes) = (department(&app).await, picture(4));
        let path = begin(&app, &token, bytes.len(), "").await;
        patch(&app, &token, &path, 0, &bytes[..100]).await.expect(204);
        app.advance_minutes(i64::from(app.app.settings.upload_hours) * 60 + 1);
        patch(&app, &token, &path, 100, &bytes[100..]).await.expect(410).expect_code("upload.gone");
        server::photos::sweep(&app.app).await.unwrap();
        assert_eq!(app.count("SELECT COUNT(*) AS n FROM attachment_part").await, 0);
        head(&app, &token, &path).await.expect(410);
        app.advance_minutes(8 * 24 * 60);
        server::photos::sweep(&app.app).await.unwrap();
        head(&app, &token, &path).await.expect(404);
    }

    async fn acknowledged_chunk_survives_a_concurrent_expiry_sweep(app: TestApp) {
        let objects = Arc::new(InMemory::new());
        let app = app.with_blobs(Blobs::new(objects.clone())).await;
        let (token, bytes) = (department(&app).await, picture(5));
        let path = begin(&app, &token, bytes.len(), "").await;
        patch(&app, &token, &path, 0, &bytes[..100]).await.expect(204);
        app.advance_minutes(i64::from(app.app.settings.upload_hours) * 60 - 1);
        let chunk = patch(&app, &token, &path, 100, &bytes[100..200]);
        sweep_while_a_chunk_waits(&app, &objects, 1, chunk).await.expect(204);
        let last = patch(&app, &token, &path, 200, &bytes[200..]).await.expect(204);
        assert_eq!(attached(&last)["sha256"], Sha256::of(&bytes).to_string());
    }

    async fn attachment_upload_is_visible_only_to_its_person(app: TestApp) {
        let city = app.city().await;
        let one = app.staff(Role::Department, city.city).await.token;
        let other = app.staff(Role::Acceptor, city.city).await.token;
        let path = begin(&app, &one, 10, "").await;
        head(&app, &other, &path).await.expect(404);
        patch(&app, &other, &path, 0, b"0123456789").await.expect(404);
        tus(&app, &other, "DELETE", &path, &[], Body::empty()).await.expect(404);
        tus(&app, &one, "DELETE", &path, &[], Body::empty()).await.expect(204);
        head(&app, &one, &path).await.expect(404);
    }

    async fn abandoned_attachment_uploads_are_limited(app: TestApp) {
        let token = department(&app).await;
        let first = begin(&app, &token, 10, "").await;
        for _ in 0..32 {
            app.advance(1_000);
            begin(&app, &token, 10, "").await;
        }
        head(&app, &token, &first).await.expect(404);
        assert_eq!(app.count("SELECT COUNT(*) AS n FROM attachment_upload").await, 32);
    }
}
