//! The object store has one contract for both kinds: a folder, and a bucket of an S3 server.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

#[path = "support/bucket.rs"]
mod bucket;
mod support;
#[path = "support/tus.rs"]
mod tus_client;

use bucket::S3Bucket;
use bytes::Bytes;
use protocol::{
    ids::{StreamId, UploadId},
    photo::Sha256,
};
use server::{
    app::{
        object_name::{ObjectFolder, ObjectName},
        objects::Blobs,
    },
    service::{run::Opened, start_error::StartError},
};
use support::TestApp;
use tus_client::{begin, head, header, patch, photos_of_case, picture, receipt, upload};
use uuid::Uuid;

/// What all users of the store rely on.
async fn contract(blobs: &Blobs) {
    let (one, other) = (UploadId(Uuid::from_u128(1)), UploadId(Uuid::from_u128(2)));
    let part = |upload, offset| ObjectName::Part {
        upload,
        offset,
        nonce: [0; 8],
    };
    let folder = ObjectFolder::Parts { upload: one };
    let put = async |name: &ObjectName, bytes: &'static [u8]| {
        blobs.put_durable(name, Bytes::from_static(bytes)).await.unwrap();
    };
    let code = async |name: &ObjectName| blobs.get(name).await.unwrap_err().code().unwrap();
    assert_eq!(code(&part(one, 0)).await.as_str(), "request.not_found");
    put(&part(one, 0), b"one").await;
    put(&part(one, 3), b"two").await;
    put(&part(other, 0), b"other").await;
    assert_eq!(blobs.get(&part(one, 0)).await.unwrap(), "one");
    // Writing the same name again replaces the bytes completely.
    put(&part(one, 0), b"longer than before").await;
    assert_eq!(blobs.get(&part(one, 0)).await.unwrap(), "longer than before");
    // Removing a folder removes everything in it, may be repeated, and does not touch a neighbouring folder.
    blobs.remove_all(&folder).await.unwrap();
    blobs.remove_all(&folder).await.unwrap();
    assert_eq!(code(&part(one, 0)).await.as_str(), "request.not_found");
    assert_eq!(code(&part(one, 3)).await.as_str(), "request.not_found");
    assert_eq!(blobs.get(&part(other, 0)).await.unwrap(), "other");
    // A photo of the largest size.
    let large: Bytes = (0..16 * 1024 * 1024_u32).map(|i| (i % 251) as u8).collect();
    let name = ObjectName::Photo {
        stream: StreamId(Uuid::from_u128(3)),
        sha256: Sha256::of(&large),
    };
    blobs.put_durable(&name, large.clone()).await.unwrap();
    assert!(
        blobs.get(&name).await.unwrap() == large,
        "the object must be equal byte for byte"
    );
}

#[tokio::test]
async fn folder_store_keeps_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    contract(&Blobs::folder(folder.path()).unwrap()).await;
}

#[tokio::test]
async fn s3_store_keeps_the_contract() {
    let bucket = S3Bucket::start().await;
    contract(&bucket.blobs()).await;
}

#[tokio::test]
async fn bucket_of_another_database_is_refused() {
    let bucket = S3Bucket::start().await;
    let opened = |app: &TestApp| Opened {
        store: app.app.store.clone(),
        blobs: bucket.blobs(),
        identity: app.app.identity.clone(),
    };
    let (own, other) = (TestApp::sqlite().await, TestApp::sqlite().await);
    opened(&own).settle_objects(false).await.unwrap();
    opened(&own).settle_objects(false).await.unwrap();
    // Another database with its own objects, whose server is started on this bucket by mistake.
    let mut elsewhere = Opened {
        blobs: Blobs::new(std::sync::Arc::new(object_store::memory::InMemory::new())),
        ..opened(&other)
    };
    elsewhere.settle_objects(false).await.unwrap();
    let refused = opened(&other).settle_objects(false).await;
    assert!(matches!(refused, Err(StartError::OtherObjects { .. })));
    opened(&own).settle_objects(false).await.unwrap();
}

#[tokio::test]
async fn server_waits_for_a_store_that_is_unreachable_or_refuses_the_keys() {
    let bucket = S3Bucket::start().await;
    let refused = bucket::open(&bucket.endpoint, "falsch")
        .get(&ObjectName::Probe)
        .await
        .unwrap_err();
    assert_ne!(refused.code().map(|c| c.as_str()), Some("request.not_found"));
    let gone = bucket::open("http://127.0.0.1:9", "x");
    let away = gone
        .put_durable(&ObjectName::Probe, Bytes::from_static(b"a"))
        .await
        .unwrap_err();
    assert_eq!(away.code().unwrap().as_str(), "server.busy");
}

/// One PostgreSQL, one bucket, two servers: the complete scaled-out deployment.
#[tokio::test]
async fn upload_started_at_one_replica_is_finished_and_read_at_another_over_s3() {
    let bucket = S3Bucket::start().await;
    let a = TestApp::postgres().await.with_blobs(bucket.blobs()).await;
    let b = a.replica().await.with_blobs(bucket.blobs()).await;
    let bytes = picture(3);
    let city = a.city().await;
    let post = a.post(city.community, &["2201040503"]).await;
    let mut client = a.holder(post).await;
    let (second, third) = (picture(4), picture(5));
    let entry = client.entry(&a, &tus_client::report(&[&bytes, &second, &third]));
    client.push(&a, &[entry]).await;

    let path = begin(&a, &client, &bytes).await;
    patch(&a, &client, &path, 0, bytes[..1500].to_vec())
        .await
        .expect(204);
    let stands = head(&b, &client, &path).await.expect(200);
    assert_eq!(header(&stands, "upload-offset"), "1500");
    let last = patch(&b, &client, &path, 1500, bytes[1500..].to_vec())
        .await
        .expect(204);
    assert_eq!(receipt(&last).sha256, Sha256::of(&bytes));
    upload(&b, &client, &second).await;
    upload(&a, &client, &third).await;
    assert_eq!(photos_of_case(&a, &client).await, (3, 3));
    for (app, photo) in [(&a, &bytes), (&a, &second), (&b, &third)] {
        let path = format!("/v1/field/photos/by-hash/{}", Sha256::of(photo));
        assert_eq!(app.get(&path, &client.token).await.expect(200).bytes, *photo);
    }
    // No upload parts may be left.
    let staged = a.count("SELECT COUNT(*) AS n FROM upload_part").await;
    assert_eq!(staged, 0);
    a.get("/readyz", "").await.expect(200);
}
