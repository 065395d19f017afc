//! Photos by tus 1.0: uploads over an unreliable network.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support;
#[path = "support/tus.rs"]
mod tus_client;

use axum::{
    body::{Body, Bytes},
    http::Request,
};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use protocol::photo::Sha256;
use server::{app::object_name::ObjectName, params};
use support::{FieldClient, TestApp};
use tus_client::{
    begin, create, head, header, large, last_part, metadata, patch, photos_of_case, picture, receipt, report,
    tus, upload,
};

const CHUNK: (&str, &str) = ("content-type", "application/offset+octet-stream");

async fn handset(app: &TestApp) -> FieldClient {
    let city = app.city().await;
    let post = app.post(city.community, &["2201040503"]).await;
    app.holder(post).await
}

/// A handset whose report names these photos.
async fn reported(app: &TestApp, photos: &[&[u8]]) -> FieldClient {
    let mut client = handset(app).await;
    let entry = client.entry(app, &report(photos));
    assert_eq!(client.push(app, &[entry]).await.receipts.len(), 1);
    client
}

both_engines! {
    async fn options_list_the_supported_tus_features(app: TestApp) {
        let request = Request::options("/v1/field/photos").body(Body::empty()).unwrap();
        let answer = app.send(request).await.expect(204);
        assert_eq!(header(&answer, "tus-version"), "1.0.0");
        assert_eq!(
            header(&answer, "tus-extension"),
            "creation,creation-with-upload,checksum,expiration,termination"
        );
        assert!(header(&answer, "tus-checksum-algorithm").contains("sha1"));
        assert_eq!(header(&answer, "tus-max-size"), app.app.settings.photo_bytes.to_string());
    }

    async fn photo_sent_in_parts_is_receipted_by_its_hash(app: TestApp) {
        let bytes = picture(1);
        let client = reported(&app, &[&bytes]).await;
        assert_eq!(photos_of_case(&app, &client).await, (0, 1));
        let path = begin(&app, &client, &bytes).await;
        let (first, second) = bytes.split_at(1000);
        let answer = patch(&app, &client, &path, 0, first.to_vec()).await.expect(204);
        assert_eq!(header(&answer, "upload-offset"), "1000");
        assert!(header(&answer, "upload-expires").ends_with(" GMT"), "{answer:?}");
        assert!(!answer.headers.contains_key("xunge-photo-receipt"));
        let stands = head(&app, &client, &path).await.expect(200);
        assert_eq!(header(&stands, "upload-offset"), "1000");
        assert_eq!(header(&stands, "upload-length"), bytes.len().to_string());
        assert_eq!(header(&stands, "upload-metadata"), metadata(Sha256::of(&bytes)));
        assert_eq!(header(&stands, "cache-control"), "no-store");
        app.advance(5_000);
        let last = patch(&app, &client, &path, 1000, second.to_vec()).await.expect(204);
        let got = receipt(&last);
        assert_eq!((got.sha256, got.size, got.received), (Sha256::of(&bytes), bytes.len() as u64, app.now()));
        assert_eq!(photos_of_case(&app, &client).await, (1, 1));
        // The receipt is repeated on request, and never changes.
        app.advance(5_000);
        assert_eq!(receipt(&head(&app, &client, &path).await.expect(200)), got);
        let fetched = app.get(&format!("/v1/field/photos/by-hash/{}", got.sha256), &client.token).await.expect(200);
        assert_eq!(fetched.bytes, bytes);
        assert_eq!(header(&fetched, "content-type"), "image/png");
        let stream = client.stream;
        assert_eq!(app.app.blobs.get(&ObjectName::Photo { stream, sha256: got.sha256 }).await.unwrap(), bytes);
    }

    async fn lost_receipt_needs_no_second_upload(app: TestApp) {
        let bytes = picture(1);
        let client = reported(&app, &[&bytes]).await;
        let first = upload(&app, &client, &bytes).await;
        app.advance(60_000);
        let again = create(&app, &client, Sha256::of(&bytes), bytes.len()).await.expect(201);
        assert_eq!(header(&again, "upload-offset"), bytes.len().to_string());
        assert_eq!(receipt(&again), first);
        assert_eq!(receipt(&head(&app, &client, &header(&again, "location")).await), first);
    }

    async fn creation_may_carry_the_first_bytes(app: TestApp) {
        let bytes = picture(1);
        let client = reported(&app, &[&bytes]).await;
        let (length, names) = (bytes.len().to_string(), metadata(Sha256::of(&bytes)));
        let headers = [("upload-length", length.as_str()), ("upload-metadata", names.as_str()), CHUNK];
        let part = bytes[..700].to_vec();
        let answer = tus(&app, &client, "POST", "/v1/field/photos", &headers, part).await.expect(201);
        assert_eq!(header(&answer, "upload-offset"), "700");
        let path = header(&answer, "location");
        receipt(&patch(&app, &client, &path, 700, bytes[700..].to_vec()).await.expect(204));
        let whole = tus(&app, &client, "POST", "/v1/field/photos", &headers, bytes.clone()).await.expect(201);
        receipt(&whole);
    }

    async fn story_04_resent_report_adds_its_missing_photo_and_no_second_report(app: TestApp) {
        let (one, two) = (picture(1), picture(2));
        let mut client = handset(&app).await;
        let entry = client.entry(&app, &report(&[&one, &two]));
        client.push(&app, std::slice::from_ref(&entry)).await;
        upload(&app, &client, &one).await;
        assert_eq!(photos_of_case(&app, &client).await, (1, 2));
        client.push(&app, std::slice::from_ref(&entry)).await;
        upload(&app, &client, &two).await;
        assert_eq!(photos_of_case(&app, &client).await, (2, 2));
        assert_eq!(app.count("SELECT COUNT(*) AS n FROM case_file").await, 1);
    }

    async fn story_05_identical_bytes_are_sent_once_and_counted_twice(app: TestApp) {
        let same = picture(1);
        let client = reported(&app, &[&same, &same]).await;
        assert_eq!(photos_of_case(&app, &client).await, (0, 2));
        upload(&app, &client, &same).await;
        assert_eq!(photos_of_case(&app, &client).await, (2, 2));
        // Another stream that names the same bytes cannot read this stream's photo.
        let mut other = handset(&app).await;
        let by_hash = format!("/v1/field/photos/by-hash/{}", Sha256::of(&same));
        app.get(&by_hash, &other.token).await.expect(404);
        let entry = other.entry(&app, &report(&[&same]));
        other.push(&app, &[entry]).await;
        app.get(&by_hash, &other.token).await.expect(404);
        assert_eq!(photos_of_case(&app, &other).await, (0, 1));
        upload(&app, &other, &same).await;
        app.get(&by_hash, &other.token).await.expect(200);
    }

    async fn story_12_cut_connection_keeps_the_received_bytes(app: TestApp) {
        let bytes = picture(1);
        let client = reported(&app, &[&bytes]).await;
        let path = begin(&app, &client, &bytes).await;
        let broken = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
        let chunks = vec![Ok(bytes[..500].to_vec()), Ok(bytes[500..900].to_vec()), Err(broken)];
        patch(&app, &client, &path, 0, Body::from_stream(futures_util::stream::iter(chunks))).await;
        let stands = head(&app, &client, &path).await.expect(200);
        assert_eq!(header(&stands, "upload-offset"), "900");
        receipt(&patch(&app, &client, &path, 900, bytes[900..].to_vec()).await.expect(204));
    }

    async fn cut_chunk_with_a_checksum_is_discarded(app: TestApp) {
        let bytes = picture(1);
        let client = reported(&app, &[&bytes]).await;
        let path = begin(&app, &client, &bytes).await;
        let sum = format!("sha256 {}", BASE64.encode(Sha256::of(&bytes).0));
        let headers = [CHUNK, ("upload-offset", "0"), ("upload-checksum", sum.as_str())];
        let broken = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
        let body = Body::from_stream(futures_util::stream::iter(vec![Ok(bytes[..500].to_vec()), Err(broken)]));
        tus(&app, &client, "PATCH", &path, &headers, body).await.expect(460).expect_code("upload.checksum");
        let wrong = tus(&app, &client, "PATCH", &path, &headers, bytes[..900].to_vec()).await;
        wrong.expect(460).expect_code("upload.checksum");
        assert_eq!(header(&head(&app, &client, &path).await, "upload-offset"), "0");
        receipt(&tus(&app, &client, "PATCH", &path, &headers, bytes).await.expect(204));
    }

    async fn large_part_counts_only_with_a_matching_checksum(app: TestApp) {
        let bytes = large(1);
        let client = reported(&app, &[&bytes]).await;
        let path = begin(&app, &client, &bytes).await;
        let wrong = format!("sha256 {}", BASE64.encode(Sha256::of(b"other bytes").0));
        let headers = [CHUNK, ("upload-offset", "0"), ("upload-checksum", wrong.as_str())];
        let answer = tus(&app, &client, "PATCH", &path, &headers, bytes.clone()).await;
        answer.expect(460).expect_code("upload.checksum");
        assert_eq!(header(&head(&app, &client, &path).await, "upload-offset"), "0");
        let right = format!("sha256 {}", BASE64.encode(Sha256::of(&bytes).0));
        let headers = [CHUNK, ("upload-offset", "0"), ("upload-checksum", right.as_str())];
        receipt(&tus(&app, &client, "PATCH", &path, &headers, bytes).await.expect(204));
    }

    async fn photo_sent_whole_at_creation_is_received_once(app: TestApp) {
        let bytes = picture(1);
        let client = reported(&app, &[&bytes]).await;
        let (length, names) = (bytes.len().to_string(), metadata(Sha256::of(&bytes)));
        let headers = [("upload-length", length.as_str()), ("upload-metadata", names.as_str()), CHUNK];
        let create = |body: Vec<u8>| tus(&app, &client, "POST", "/v1/field/photos", &headers, body);
        // Bytes that differ from the named hash leave only the recorded fault.
        let mut other = bytes.clone();
        other[100] ^= 1;
        create(other).await.expect(422).expect_code("photo.hash_mismatch");
        assert_eq!(app.count("SELECT COUNT(*) AS n FROM upload").await, 0);
        assert_eq!(photos_of_case(&app, &client).await, (0, 1));
        // More bytes than announced are refused, and nothing of them is kept.
        create([bytes.clone(), vec![0]].concat()).await.expect(413);
        assert_eq!(app.count("SELECT COUNT(*) AS n FROM upload").await, 0);
        let (a, b) = tokio::join!(create(bytes.clone()), create(bytes.clone()));
        for answer in [a.expect(201), b.expect(201)] {
            assert_eq!(receipt(&answer).sha256, Sha256::of(&bytes));
            assert_eq!(header(&answer, "upload-offset"), length);
            receipt(&head(&app, &client, &header(&answer, "location")).await.expect(200));
        }
        assert_eq!(photos_of_case(&app, &client).await, (1, 1));
        let fetched = app.get(&format!("/v1/field/photos/by-hash/{}", Sha256::of(&bytes)), &client.token).await;
        assert_eq!(fetched.expect(200).bytes, bytes);
    }

    async fn photo_sent_in_one_patch_is_received_once(app: TestApp) {
        let bytes = picture(1);
        let client = reported(&app, &[&bytes]).await;
        let path = begin(&app, &client, &bytes).await;
        let (a, b) = tokio::join!(
            patch(&app, &client, &path, 0, bytes.clone()),
            patch(&app, &client, &path, 0, bytes.clone())
        );
        let mut statuses = [a.status, b.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [204, 409], "{a:?} {b:?}");
        receipt(&head(&app, &client, &path).await.expect(200));
        assert_eq!(photos_of_case(&app, &client).await, (1, 1));
    }

    async fn one_of_two_concurrent_patches_wins(app: TestApp) {
        let bytes = picture(1);
        let client = reported(&app, &[&bytes]).await;
        let path = begin(&app, &client, &bytes).await;
        let half = bytes[..1000].to_vec();
        let (a, b) = tokio::join!(
            patch(&app, &client, &path, 0, half.clone()),
            patch(&app, &client, &path, 0, half.clone())
        );
        let mut statuses = [a.status, b.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [204, 409], "{a:?} {b:?}");
        assert_eq!(header(&head(&app, &client, &path).await, "upload-offset"), "1000");
        receipt(&patch(&app, &client, &path, 1000, bytes[1000..].to_vec()).await.expect(204));
    }

    async fn server_killed_before_the_receipt_gives_it_later(app: TestApp) {
        let bytes = picture(1);
        let client = reported(&app, &[&bytes]).await;
        let path = begin(&app, &client, &bytes).await;
        patch(&app, &client, &path, 0, bytes[..10].to_vec()).await.expect(204);
        // The last part is counted, and the server dies before it checks the whole photo.
        let last = last_part(&path);
        app.app.blobs.put_durable(&last, bytes[10..].to_vec().into()).await.unwrap();
        app.write(move |tx, _| {
            tx.execute(
                "INSERT INTO upload_part (upload, position, size, object) SELECT id, 10, length - 10, ?1 FROM upload",
                params![last.to_string()],
            )?;
            tx.execute("UPDATE upload SET arrived = length", &[])?;
            Ok(())
        })
        .await;
        receipt(&head(&app, &client, &path).await.expect(200));
        assert_eq!(photos_of_case(&app, &client).await, (1, 1));
    }

    async fn sweep_finishes_complete_uploads_without_a_request(app: TestApp) {
        let bytes = picture(1);
        let client = reported(&app, &[&bytes]).await;
        let path = begin(&app, &client, &bytes).await;
        patch(&app, &client, &path, 0, bytes[..10].to_vec()).await.expect(204);
        let last = last_part(&path);
        app.app.blobs.put_durable(&last, bytes[10..].to_vec().into()).await.unwrap();
        app.write(move |tx, _| {
            tx.execute(
                "INSERT INTO upload_part (upload, position, size, object) SELECT id, 10, length - 10, ?1 FROM upload",
                params![last.to_string()],
            )?;
            tx.execute("UPDATE upload SET arrived = length", &[])?;
            Ok(())
        })
        .await;
        server::photos::sweep(&app.app).await.unwrap();
        assert_eq!(photos_of_case(&app, &client).await, (1, 1));
    }

    async fn post_with_method_override_is_handled_as_that_method(app: TestApp) {
        let bytes = picture(1);
        let client = reported(&app, &[&bytes]).await;
        let path = begin(&app, &client, &bytes).await;
        let way = |method| [CHUNK, ("upload-offset", "0"), ("x-http-method-override", method)];
        let part = bytes[..100].to_vec();
        let answer = tus(&app, &client, "POST", &path, &way("PATCH"), part).await.expect(204);
        assert_eq!(header(&answer, "upload-offset"), "100");
        let stands = tus(&app, &client, "POST", &path, &way("HEAD"), Body::empty()).await.expect(200);
        assert_eq!(header(&stands, "upload-offset"), "100");
        tus(&app, &client, "POST", &path, &way("DELETE"), Body::empty()).await.expect(204);
        head(&app, &client, &path).await.expect(404);
        tus(&app, &client, "POST", &path, &[], Body::empty()).await.expect(405);
    }

    async fn terminated_upload_is_gone_and_the_photo_can_restart(app: TestApp) {
        let bytes = picture(1);
        let client = reported(&app, &[&bytes]).await;
        let path = begin(&app, &client, &bytes).await;
        patch(&app, &client, &path, 0, bytes[..100].to_vec()).await.expect(204);
        tus(&app, &client, "DELETE", &path, &[], Body::empty()).await.expect(204);
        head(&app, &client, &path).await.expect(404);
        patch(&app, &client, &path, 100, bytes[100..].to_vec()).await.expect(404);
        tus(&app, &client, "DELETE", &path, &[], Body::empty()).await.expect(404);
        upload(&app, &client, &bytes).await;
    }
}

/// Over a real socket: the client sends half of what it announced and closes the connection.
#[tokio::test]
async fn story_12_bytes_received_before_a_socket_closed_are_kept() {
    use tokio::io::AsyncWriteExt as _;
    let app = TestApp::sqlite().await;
    let bytes = picture(1);
    let client = reported(&app, &[&bytes]).await;
    let path = begin(&app, &client, &bytes).await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = server::service::router::router(&app.app);
    let serving = tokio::spawn(async move { axum::serve(listener, router).await });
    let mut socket = tokio::net::TcpStream::connect(address).await.unwrap();
    let request = format!(
        "PATCH {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ntus-resumable: 1.0.0\r\n\
         content-type: application/offset+octet-stream\r\nupload-offset: 0\r\ncontent-length: {}\r\n\r\n",
        client.token,
        bytes.len()
    );
    socket.write_all(request.as_bytes()).await.unwrap();
    socket.write_all(&bytes[..1500]).await.unwrap();
    socket.flush().await.unwrap();
    drop(socket);
    let arrived = async {
        while app.count("SELECT arrived AS n FROM upload").await != 1500 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), arrived)
        .await
        .expect("the received bytes must be kept");
    serving.abort();
    receipt(
        &patch(&app, &client, &path, 1500, bytes[1500..].to_vec())
            .await
            .expect(204),
    );
}

#[tokio::test]
async fn story_12_a_creation_that_was_cut_goes_on_where_its_bytes_ended() {
    let app = TestApp::sqlite().await;
    let bytes = picture(1);
    let client = reported(&app, &[&bytes]).await;
    let length = bytes.len().to_string();
    let (new, again) = (
        metadata(Sha256::of(&bytes)),
        format!("{},resume", metadata(Sha256::of(&bytes))),
    );
    let first = Ok(Bytes::copy_from_slice(&bytes[..1500]));
    let cut = Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset));
    let body = Body::from_stream(futures_util::stream::iter([first, cut]));
    let headers = [
        ("upload-length", length.as_str()),
        ("upload-metadata", new.as_str()),
        ("content-type", "application/offset+octet-stream"),
    ];
    let _lost = tus(&app, &client, "POST", "/v1/field/photos", &headers, body).await;
    let ask = |metadata: &str| {
        let headers = [
            ("upload-length", length.clone()),
            ("upload-metadata", metadata.to_owned()),
        ];
        let (app, client) = (&app, &client);
        async move {
            let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
            tus(app, client, "POST", "/v1/field/photos", &headers, Body::empty())
                .await
                .expect(201)
        }
    };
    let resumed = ask(&again).await;
    assert_eq!(header(&resumed, "upload-offset"), "1500");
    assert_eq!(
        header(&ask(&again).await, "location"),
        header(&resumed, "location")
    );
    let other = ask(&new).await;
    assert_eq!(
        header(&other, "upload-offset"),
        "0",
        "only who asks gets the old one"
    );
    let path = header(&resumed, "location");
    receipt(
        &patch(&app, &client, &path, 1500, bytes[1500..].to_vec())
            .await
            .expect(204),
    );
    receipt(&ask(&again).await);
}
