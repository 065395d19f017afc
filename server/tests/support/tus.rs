//! A minimal tus client over the test's router, and pictures to upload.
#![allow(clippy::disallowed_methods, reason = "waits for a real thread")]
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use super::support::{FieldClient, TestApp, TestResponse};
use axum::{body::Body, http::Request};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use futures_util::StreamExt as _;
use object_store::{ObjectStore as _, memory::InMemory};
use protocol::{
    field::{PHOTO_RECEIPT_HEADER, PhotoReceipt},
    payload::{Payload, Report},
    photo::{PhotoRef, PhotoRole, Sha256},
};
use serde_json::Value;
use server::{app::object_name::ObjectName, store::StoreError};
use std::{
    sync::{Mutex, mpsc::channel},
    time::Duration,
};

/// A noise PNG of a few kilobytes that differs by seed.
pub fn picture(seed: u8) -> Vec<u8> {
    let side: u32 = 40;
    let mut noise = Vec::new();
    while noise.len() < 3 * 40 * 40 {
        let block = Sha256::of(&[&[seed], noise.len().to_le_bytes().as_slice()].concat());
        noise.extend_from_slice(&block.0);
    }
    noise.truncate(3 * 40 * 40);
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, side, side);
    encoder.set_color(png::ColorType::Rgb);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&noise).unwrap();
    writer.finish().unwrap();
    bytes
}

/// A picture of more than 1.5 MB, too large to be in memory as a whole while it arrives: it has a chunk of filler data.
pub fn large(seed: u8) -> Vec<u8> {
    let bytes = picture(seed);
    // Before the last chunk, IEND, which takes twelve bytes.
    let (start, end) = bytes.split_at(bytes.len() - 12);
    let mut chunk = b"teSt".to_vec();
    chunk.resize(1_500_000, seed);
    let length = u32::try_from(chunk.len() - 4).unwrap();
    let mut crc = flate2::Crc::new();
    crc.update(&chunk);
    [
        start,
        &length.to_be_bytes(),
        &chunk,
        &crc.sum().to_be_bytes(),
        end,
    ]
    .concat()
}

/// The name of a part of the upload at `path` that begins after ten bytes.
pub fn last_part(path: &str) -> ObjectName {
    let upload = path.rsplit('/').next().unwrap().parse().unwrap();
    ObjectName::Part {
        upload,
        offset: 10,
        nonce: [0; 8],
    }
}

pub fn named(bytes: &[u8]) -> PhotoRef {
    PhotoRef {
        sha256: Sha256::of(bytes),
        size: bytes.len() as u64,
        role: PhotoRole::Scene,
        width: 40,
        height: 40,
        evidence: None,
    }
}

/// A report that names these photos.
pub fn report(photos: &[&[u8]]) -> Payload {
    Payload::Report(Report {
        matter: Some("E0102".parse().unwrap()),
        text: "垃圾堆放".into(),
        place: None,
        cell: None,
        address: "桂林路 1 号".into(),
        cell_chosen: false,
        self_handled: false,
        photos: photos.iter().map(|bytes| named(bytes)).collect(),
    })
}

pub fn metadata(sha256: Sha256) -> String {
    format!(
        "filename {},sha256 {}",
        BASE64.encode("a.jpg"),
        BASE64.encode(sha256.to_string())
    )
}

pub fn receipt(answer: &TestResponse) -> PhotoReceipt {
    let header = answer
        .headers
        .get(PHOTO_RECEIPT_HEADER)
        .unwrap_or_else(|| panic!("no receipt: {answer:?}"));
    serde_json::from_slice(header.as_bytes()).unwrap()
}

pub fn header(answer: &TestResponse, name: &str) -> String {
    answer
        .headers
        .get(name)
        .map(|v| v.to_str().unwrap().to_owned())
        .unwrap_or_default()
}

/// A tus request with these headers.
pub async fn tus(
    app: &TestApp,
    client: &FieldClient,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: impl Into<Body>,
) -> TestResponse {
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .header("authorization", format!("Bearer {}", client.token));
    if !headers.iter().any(|(name, _)| *name == "tus-resumable") {
        request = request.header("tus-resumable", "1.0.0");
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = app.send(request.body(body.into()).unwrap()).await;
    assert_eq!(header(&answer, "tus-resumable"), "1.0.0", "{answer:?}");
    answer
}

/// Creates an upload for these bytes; returns its path.
pub async fn begin(app: &TestApp, client: &FieldClient, bytes: &[u8]) -> String {
    let answer = create(app, client, Sha256::of(bytes), bytes.len())
        .await
        .expect(201);
    header(&answer, "location")
}

pub async fn create(app: &TestApp, client: &FieldClient, sha256: Sha256, length: usize) -> TestResponse {
    let (length, metadata) = (length.to_string(), metadata(sha256));
    let headers = [
        ("upload-length", length.as_str()),
        ("upload-metadata", metadata.as_str()),
    ];
    tus(app, client, "POST", "/v1/field/photos", &headers, Body::empty()).await
}

pub async fn patch(
    app: &TestApp,
    client: &FieldClient,
    path: &str,
    offset: usize,
    body: impl Into<Body>,
) -> TestResponse {
    let offset = offset.to_string();
    let headers = [
        ("content-type", "application/offset+octet-stream"),
        ("upload-offset", offset.as_str()),
    ];
    tus(app, client, "PATCH", path, &headers, body).await
}

pub async fn head(app: &TestApp, client: &FieldClient, path: &str) -> TestResponse {
    tus(app, client, "HEAD", path, &[], Body::empty()).await
}

/// Uploads all bytes in one PATCH.
pub async fn upload(app: &TestApp, client: &FieldClient, bytes: &[u8]) -> PhotoReceipt {
    let path = begin(app, client, bytes).await;
    receipt(&patch(app, client, &path, 0, bytes.to_vec()).await.expect(204))
}

/// `photos_held` and `photos_named` of the author's only case.
pub async fn photos_of_case(app: &TestApp, client: &FieldClient) -> (u64, u64) {
    let state = client.state(app).await;
    let cases: Vec<&Value> = state
        .iter()
        .filter(|((kind, _), _)| kind == "case")
        .map(|(_, body)| body)
        .collect();
    let [case] = cases.as_slice() else {
        panic!("expected one case: {cases:?}")
    };
    (
        case["photos_held"].as_u64().unwrap(),
        case["photos_named"].as_u64().unwrap(),
    )
}

/// Runs the expiry sweep while a chunk that was sent in time waits for the writer. Returns the response to
/// the chunk. `objects` is the app's store and holds `before` objects until the chunk arrives.
pub async fn sweep_while_a_chunk_waits(
    app: &TestApp,
    objects: &InMemory,
    before: usize,
    chunk: impl Future<Output = TestResponse>,
) -> TestResponse {
    let (open, gate) = channel::<()>();
    let (running, runs) = channel();
    let (store, gate) = (app.app.store.clone(), Mutex::new(gate));
    let holder = std::thread::spawn(move || {
        store.write_blocking(move |_| {
            let _ = running.send(());
            let _ = gate.lock().unwrap().recv();
            Ok::<_, StoreError>(())
        })
    });
    runs.recv().unwrap();
    let meanwhile = async {
        // When its bytes are in the store, the chunk is in the writer's queue with its time of arrival.
        while objects.list(None).count().await == before {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        tokio::task::yield_now().await;
        app.advance_minutes(2);
        let open = async {
            // Gives the sweep time to look. If the time were too short, the chunk would be written before.
            tokio::time::sleep(Duration::from_millis(300)).await;
            open.send(()).unwrap();
        };
        tokio::join!(server::photos::sweep(&app.app), open).0.unwrap();
    };
    let (answer, ()) = tokio::join!(chunk, meanwhile);
    holder.join().unwrap().unwrap();
    answer
}
