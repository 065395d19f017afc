//! Photos by tus 1.0: every kind of error has its own code, and nothing is lost.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support;
#[path = "support/tus.rs"]
mod tus_client;

use axum::body::Body;
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use futures_util::StreamExt as _;
use object_store::{ObjectStore as _, memory::InMemory};
use protocol::photo::Sha256;
use server::app::{object_name::ObjectFolder, objects::Blobs};
use std::sync::Arc;
use support::{FieldClient, TestApp};
use tus_client::{
    begin, create, head, header, metadata, patch, photos_of_case, picture, report, sweep_while_a_chunk_waits,
    tus, upload,
};

const CHUNK: (&str, &str) = ("content-type", "application/offset+octet-stream");

async fn reported(app: &TestApp, photos: &[&[u8]]) -> FieldClient {
    let city = app.city().await;
    let post = app.post(city.community, &["2201040503"]).await;
    let mut client = app.holder(post).await;
    let entry = client.entry(app, &report(photos));
    assert_eq!(client.push(app, &[entry]).await.receipts.len(), 1);
    client
}

/// Uploads `sent` for the photo that the entry names, and expects this refusal.
async fn refused(app: &TestApp, sent: &[u8], status: u16, code: &str) -> FieldClient {
    let client = reported(app, &[sent]).await;
    let path = begin(app, &client, sent).await;
    patch(app, &client, &path, 0, sent.to_vec())
        .await
        .expect(status)
        .expect_code(code);
    assert_eq!(photos_of_case(app, &client).await, (0, 1));
    client
}

both_engines! {
    async fn photo_not_named_by_an_entry_of_the_stream_is_refused(app: TestApp) {
        let bytes = picture(1);
        let client = reported(&app, &[]).await;
        create(&app, &client, Sha256::of(&bytes), bytes.len()).await.expect(422).expect_code("photo.unnamed");
    }

    async fn length_and_metadata_are_checked_at_creation(app: TestApp) {
        let bytes = picture(1);
        let client = reported(&app, &[&bytes]).await;
        let hash = Sha256::of(&bytes);
        create(&app, &client, hash, bytes.len() + 1).await.expect(413).expect_code("photo.size");
        create(&app, &client, hash, 1 << 40).await.expect(413).expect_code("photo.size");
        let names = metadata(hash);
        let length = bytes.len().to_string();
        for headers in [
            vec![("upload-metadata", names.as_str())],
            vec![("upload-metadata", names.as_str()), ("upload-length", "-1")],
            vec![("upload-metadata", names.as_str()), ("upload-length", "many")],
            vec![("upload-metadata", names.as_str()), ("upload-defer-length", "1")],
            vec![("upload-length", length.as_str())],
            vec![("upload-length", length.as_str()), ("upload-metadata", "sha256 abc")],
        ] {
            let answer = tus(&app, &client, "POST", "/v1/field/photos", &headers, Body::empty()).await;
            answer.expect(400).expect_code("request.malformed");
        }
        assert_eq!(app.count("SELECT COUNT(*) AS n FROM upload").await, 0);
    }

    async fn empty_photo_is_refused_as_empty(app: TestApp) {
        let client = reported(&app, &[&[]]).await;
        create(&app, &client, Sha256::of(&[]), 0).await.expect(422).expect_code("photo.empty");
    }

    async fn other_tus_version_is_refused(app: TestApp) {
        let bytes = picture(1);
        let client = reported(&app, &[&bytes]).await;
        let path = begin(&app, &client, &bytes).await;
        for (method, path) in [
            ("POST", "/v1/field/photos"), ("HEAD", path.as_str()), ("PATCH", path.as_str()), ("DELETE", path.as_str()),
        ] {
            let headers = [("tus-resumable", "0.2.2"), CHUNK, ("upload-offset", "0")];
            let answer = tus(&app, &client, method, path, &headers, bytes.clone()).await.expect(412);
            assert_eq!(header(&answer, "tus-version"), "1.0.0", "{method}");
        }
        assert_eq!(header(&head(&app, &client, &path).await.expect(200), "upload-offset"), "0");
    }

    async fn chunk_of_wrong_type_offset_or_length_changes_nothing(app: TestApp) {
        let bytes = picture(1);
        let client = reported(&app, &[&bytes]).await;
        let path = begin(&app, &client, &bytes).await;
        let wrong_type = [("content-type", "application/octet-stream"), ("upload-offset", "0")];
        tus(&app, &client, "PATCH", &path, &wrong_type, bytes.clone()).await.expect(415);
        tus(&app, &client, "PATCH", &path, &[CHUNK], bytes.clone()).await.expect(400);
        patch(&app, &client, &path, 5, bytes.clone()).await.expect(409).expect_code("upload.offset");
        let longer = [bytes.as_slice(), b"x"].concat();
        patch(&app, &client, &path, 0, longer).await.expect(413).expect_code("photo.size");
        let sum = [CHUNK, ("upload-offset", "0"), ("upload-checksum", "md5 AAAA")];
        tus(&app, &client, "PATCH", &path, &sum, bytes.clone()).await.expect(400);
        assert_eq!(header(&head(&app, &client, &path).await.expect(200), "upload-offset"), "0");
        patch(&app, &client, &path, 0, bytes).await.expect(204);
    }

    async fn photo_with_a_wrong_hash_restarts_at_zero(app: TestApp) {
        let (named, other) = (picture(1), picture(2));
        let client = reported(&app, &[&named]).await;
        let path = begin(&app, &client, &named).await;
        let mut wrong = other;
        wrong.resize(named.len(), 0);
        patch(&app, &client, &path, 0, wrong).await.expect(422).expect_code("photo.hash_mismatch");
        assert_eq!(photos_of_case(&app, &client).await, (0, 1));
        assert_eq!(app.count("SELECT COUNT(*) AS n FROM photo WHERE fault = 'photo.hash_mismatch'").await, 1);
        assert_eq!(header(&head(&app, &client, &path).await.expect(200), "upload-offset"), "0");
        patch(&app, &client, &path, 0, named).await.expect(204);
        assert_eq!(photos_of_case(&app, &client).await, (1, 1));
        assert_eq!(app.count("SELECT COUNT(*) AS n FROM photo WHERE fault IS NULL").await, 1);
    }

    async fn file_that_is_no_picture_is_refused_and_recorded(app: TestApp) {
        refused(&app, b"this is a letter, not a photo", 422, "photo.not_an_image").await;
        assert_eq!(app.count("SELECT COUNT(*) AS n FROM photo WHERE fault = 'photo.not_an_image'").await, 1);
        assert_eq!(app.count("SELECT COUNT(*) AS n FROM upload").await, 0);
    }

    async fn truncated_picture_is_refused(app: TestApp) {
        let mut bytes = picture(1);
        bytes.truncate(bytes.len() / 2);
        refused(&app, &bytes, 422, "photo.cut_off").await;
    }

    async fn picture_with_too_many_pixels_is_refused_by_its_header(app: TestApp) {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, 20_000, 16_000);
        encoder.set_color(png::ColorType::Grayscale);
        encoder.set_depth(png::BitDepth::One);
        let mut writer = encoder.write_header().unwrap();
        writer.write_image_data(&vec![0; 2_500 * 16_000]).unwrap();
        writer.finish().unwrap();
        refused(&app, &bytes, 422, "photo.too_many_pixels").await;
    }

    async fn story_13_expired_upload_is_gone_and_the_photo_restarts(app: TestApp) {
        let bytes = picture(1);
        let mut client = reported(&app, &[&bytes]).await;
        let path = begin(&app, &client, &bytes).await;
        patch(&app, &client, &path, 0, bytes[..100].to_vec()).await.expect(204);
        app.advance_minutes(i64::from(app.app.settings.upload_hours) * 60 + 1);
        client.sign_in(&app).await.expect(200);
        let gone = head(&app, &client, &path).await.expect(410);
        assert!(!gone.headers.contains_key("upload-offset"));
        patch(&app, &client, &path, 100, bytes[100..].to_vec()).await.expect(410).expect_code("upload.gone");
        server::photos::sweep(&app.app).await.unwrap();
        assert_eq!(app.count("SELECT COUNT(*) AS n FROM upload_part").await, 0);
        head(&app, &client, &path).await.expect(410);
        app.advance_minutes(8 * 24 * 60);
        server::photos::sweep(&app.app).await.unwrap();
        client.sign_in(&app).await.expect(200);
        head(&app, &client, &path).await.expect(404);
        // Nothing of the photo is lost: it is still named and still missing.
        upload(&app, &client, &bytes).await;
        assert_eq!(photos_of_case(&app, &client).await, (1, 1));
    }

    async fn sweep_skips_a_part_or_upload_that_cannot_be_decoded(app: TestApp) {
        let objects = Arc::new(InMemory::new());
        let app = app.with_blobs(Blobs::new(objects.clone())).await;
        let photos = [picture(1), picture(2), picture(3)];
        let client = reported(&app, &[&photos[0], &photos[1], &photos[2]]).await;
        for bytes in &photos[..2] {
            let path = begin(&app, &client, bytes).await;
            patch(&app, &client, &path, 0, bytes[..100].to_vec()).await.expect(204);
        }
        begin(&app, &client, &photos[2]).await;
        app.write(|tx, _| {
            tx.execute(
                "UPDATE upload_part SET object = 'changed by hand' WHERE upload = (SELECT MIN(upload) FROM upload_part)",
                &[],
            )?;
            let damage = "UPDATE upload SET id = 'changed by hand' WHERE id NOT IN (SELECT upload FROM upload_part)";
            Ok(tx.execute(damage, &[])?)
        })
        .await;
        app.advance_minutes(i64::from(app.app.settings.upload_hours) * 60 + 1);
        assert_eq!(server::photos::sweep(&app.app).await.unwrap(), 2);
        assert_eq!(app.count("SELECT COUNT(*) AS n FROM upload_part").await, 0);
        assert_eq!(objects.list(None).count().await, 1, "the object whose name was changed");
        app.advance_minutes(8 * 24 * 60);
        assert_eq!(server::photos::sweep(&app.app).await.unwrap(), 2);
        assert_eq!(app.count("SELECT COUNT(*) AS n FROM upload").await, 1, "the upload whose id was changed");
        assert_eq!(objects.list(None).count().await, 0);
    }

    async fn acknowledged_chunk_survives_a_concurrent_expiry_sweep(app: TestApp) {
        let objects = Arc::new(InMemory::new());
        let app = app.with_blobs(Blobs::new(objects.clone())).await;
        let bytes = picture(1);
        let mut client = reported(&app, &[&bytes]).await;
        let path = begin(&app, &client, &bytes).await;
        patch(&app, &client, &path, 0, bytes[..100].to_vec()).await.expect(204);
        app.advance_minutes(i64::from(app.app.settings.upload_hours) * 60 - 1);
        client.sign_in(&app).await.expect(200);
        let chunk = patch(&app, &client, &path, 100, bytes[100..200].to_vec());
        let counted = sweep_while_a_chunk_waits(&app, &objects, 1, chunk).await.expect(204);
        assert_eq!(header(&counted, "upload-offset"), "200");
        patch(&app, &client, &path, 200, bytes[200..].to_vec()).await.expect(204);
        assert_eq!(photos_of_case(&app, &client).await, (1, 1));
    }

    async fn upload_of_another_stream_is_not_found(app: TestApp) {
        let bytes = picture(1);
        let client = reported(&app, &[&bytes]).await;
        let path = begin(&app, &client, &bytes).await;
        let stranger = app.holder(client.post).await;
        head(&app, &stranger, &path).await.expect(404);
        patch(&app, &stranger, &path, 0, bytes.clone()).await.expect(404);
        tus(&app, &stranger, "DELETE", &path, &[], Body::empty()).await.expect(404);
        let own = create(&app, &stranger, Sha256::of(&bytes), bytes.len()).await;
        own.expect(422).expect_code("photo.unnamed");
    }

    async fn refused_first_bytes_leave_no_upload(app: TestApp) {
        let bytes = picture(1);
        let client = reported(&app, &[&bytes]).await;
        let (length, names) = (bytes.len().to_string(), metadata(Sha256::of(&bytes)));
        let sum = format!("sha1 {}", BASE64.encode([0; 20]));
        let headers = [
            ("upload-length", length.as_str()), ("upload-metadata", names.as_str()), CHUNK,
            ("upload-checksum", sum.as_str()),
        ];
        tus(&app, &client, "POST", "/v1/field/photos", &headers, bytes.clone()).await.expect(460);
        assert_eq!(app.count("SELECT COUNT(*) AS n FROM upload").await, 0);
    }

    async fn photo_whose_object_was_lost_is_requested_again(app: TestApp) {
        let bytes = picture(1);
        let client = reported(&app, &[&bytes]).await;
        upload(&app, &client, &bytes).await;
        app.app.blobs.remove_all(&ObjectFolder::Photos { stream: client.stream }).await.unwrap();
        let again = create(&app, &client, Sha256::of(&bytes), bytes.len()).await.expect(201);
        assert_eq!(header(&again, "upload-offset"), "0");
        upload(&app, &client, &bytes).await;
        app.get(&format!("/v1/field/photos/by-hash/{}", Sha256::of(&bytes)), &client.token).await.expect(200);
    }

    async fn receipt_is_not_repeated_for_a_lost_object(app: TestApp) {
        let bytes = picture(1);
        let client = reported(&app, &[&bytes]).await;
        // Another upload of the same photo was started before.
        let second = begin(&app, &client, &bytes).await;
        let path = begin(&app, &client, &bytes).await;
        patch(&app, &client, &path, 0, bytes.clone()).await.expect(204);
        let lose = || async { app.app.blobs.remove_all(&ObjectFolder::Photos { stream: client.stream }).await.unwrap() };
        lose().await;
        // A handset that continues an upload after its server was restored must start again.
        head(&app, &client, &path).await.expect(404);
        patch(&app, &client, &second, 0, bytes.clone()).await.expect(204);
        lose().await;
        let third = begin(&app, &client, &bytes).await;
        patch(&app, &client, &third, 0, bytes.clone()).await.expect(204);
        let held = app.get(&format!("/v1/field/photos/by-hash/{}", Sha256::of(&bytes)), &client.token).await;
        assert_eq!(held.expect(200).bytes, bytes);
    }

    async fn abandoned_photo_uploads_are_limited(app: TestApp) {
        let bytes = picture(1);
        let client = reported(&app, &[&bytes]).await;
        let first = begin(&app, &client, &bytes).await;
        patch(&app, &client, &first, 0, bytes[..100].to_vec()).await.expect(204);
        let mut last = String::new();
        for _ in 0..8 {
            app.advance(1_000);
            last = begin(&app, &client, &bytes).await;
        }
        head(&app, &client, &first).await.expect(404);
        assert_eq!(app.count("SELECT COUNT(*) AS n FROM upload").await, 8);
        assert_eq!(app.count("SELECT COUNT(*) AS n FROM upload_part").await, 0);
        patch(&app, &client, &last, 0, bytes.clone()).await.expect(204);
    }
}
