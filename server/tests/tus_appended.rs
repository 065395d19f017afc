//! Uploads in parts on an object folder: the parts are appended to one file, which any server on the folder continues.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support;
#[path = "support/tus.rs"]
mod tus_client;

use axum::body::{Body, Bytes};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use futures_util::StreamExt as _;
use protocol::{ids::UploadId, photo::Sha256};
use server::{
    app::{object_name::ObjectName, objects::Blobs},
    params,
};
use std::{
    fs,
    io::Write as _,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};
use support::{FieldClient, TestApp};
use tus_client::{
    begin, head, header, large, last_part, metadata, patch, photos_of_case, picture, receipt, report, tus,
};

const CHUNK: (&str, &str) = ("content-type", "application/offset+octet-stream");
const PARTS: &str = "SELECT COUNT(*) AS n FROM upload_part";
const SIZE: &str = "SELECT CAST(SUM(size) AS BIGINT) AS n FROM upload_part";

/// A server over an object folder, and a handset whose report names these photos.
struct OnFolder {
    app: TestApp,
    client: FieldClient,
    folder: tempfile::TempDir,
}

impl OnFolder {
    async fn new(app: TestApp, photos: &[&[u8]]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let app = app.with_blobs(Blobs::folder(folder.path()).unwrap()).await;
        let city = app.city().await;
        let post = app.post(city.community, &["2201040503"]).await;
        let mut client = app.holder(post).await;
        let entry = client.entry(&app, &report(photos));
        assert_eq!(client.push(&app, &[entry]).await.receipts.len(), 1);
        Self { app, client, folder }
    }
    /// Another server over the same database and folder.
    async fn replica(&self) -> TestApp {
        let blobs = Blobs::folder(self.folder.path()).unwrap();
        self.app.replica().await.with_blobs(blobs).await
    }
    async fn begin(&self, bytes: &[u8]) -> String {
        begin(&self.app, &self.client, bytes).await
    }
    /// Appends at one server; the response has this status.
    async fn send(&self, app: &TestApp, path: &str, at: usize, bytes: &[u8], status: u16) {
        patch(app, &self.client, path, at, bytes.to_vec())
            .await
            .expect(status);
    }
    async fn offset(&self, app: &TestApp, path: &str) -> String {
        header(&head(app, &self.client, path).await.expect(200), "upload-offset")
    }
    /// The files with parts of an upload.
    fn files(&self, path: &str) -> Vec<PathBuf> {
        let staging = self.folder.path().join("staging");
        let id = path.rsplit('/').next().unwrap();
        let folder = names(&staging.join(id));
        let file = Some(staging.join(format!("{id}.parts"))).filter(|file| file.exists());
        folder.into_iter().chain(file).collect()
    }
    fn only_file(&self, path: &str) -> PathBuf {
        let files = self.files(path);
        assert_eq!(files.len(), 1, "{files:?}");
        files[0].clone()
    }
    fn photo(&self, bytes: &[u8]) -> PathBuf {
        let (stream, sha256) = (self.client.stream, Sha256::of(bytes));
        self.folder
            .path()
            .join(ObjectName::Photo { stream, sha256 }.to_string())
    }
    /// The photo is received once, its object holds exactly these bytes, and nothing else is left on the disk.
    async fn assert_kept(&self, app: &TestApp, path: &str, bytes: &[u8]) {
        assert_eq!(photos_of_case(app, &self.client).await.0, 1);
        let answer = head(app, &self.client, path).await.expect(200);
        assert_eq!(receipt(&answer).sha256, Sha256::of(bytes));
        let photo = self.photo(bytes);
        assert!(fs::read(&photo).unwrap() == bytes, "byte for byte");
        assert_eq!(fs::metadata(&photo).unwrap().nlink(), 1);
        assert_eq!(
            names(photo.parent().unwrap()),
            [photo],
            "no temporary file may be left"
        );
        assert_eq!(self.files(path), [] as [PathBuf; 0]);
        assert_eq!(app.count(PARTS).await, 0);
    }
}

fn names(folder: &Path) -> Vec<PathBuf> {
    let Ok(files) = fs::read_dir(folder) else {
        return Vec::new();
    };
    files.map(|file| file.unwrap().path()).collect()
}

/// A request that was killed before its commit leaves bytes that no row counts.
fn leave_bytes(file: &Path, bytes: &[u8]) {
    let mut file = fs::OpenOptions::new().append(true).open(file).unwrap();
    file.write_all(bytes).unwrap();
}

both_engines! {
    async fn parts_are_appended_to_one_file_that_becomes_the_photo(app: TestApp) {
        let bytes = large(1);
        let on = OnFolder::new(app, &[&bytes]).await;
        let path = on.begin(&bytes).await;
        on.send(&on.app, &path, 0, &bytes[..64_000], 204).await;
        let file = on.only_file(&path);
        on.send(&on.app, &path, 64_000, &bytes[64_000..700_000], 204).await;
        assert_eq!((on.only_file(&path), on.app.count(SIZE).await), (file.clone(), 700_000));
        assert_eq!(on.app.count(PARTS).await, 1);
        assert!(fs::read(&file).unwrap() == bytes[..700_000]);
        let number = fs::metadata(&file).unwrap().ino();
        on.send(&on.app, &path, 700_000, &bytes[700_000..], 204).await;
        on.assert_kept(&on.app, &path, &bytes).await;
        assert_eq!(fs::metadata(on.photo(&bytes)).unwrap().ino(), number, "the bytes were written a second time");
    }

    async fn bytes_that_no_row_counts_are_cut_away_by_the_next_part(app: TestApp) {
        let bytes = picture(1);
        let on = OnFolder::new(app, &[&bytes]).await;
        let path = on.begin(&bytes).await;
        // The first part of all was never counted.
        let id = path.rsplit('/').next().unwrap();
        let file = on.folder.path().join(format!("staging/{id}.parts"));
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, [7; 5000]).unwrap();
        on.send(&on.app, &path, 0, &bytes[..1000], 204).await;
        assert_eq!(fs::read(on.only_file(&path)).unwrap(), bytes[..1000]);
        leave_bytes(&on.only_file(&path), &[7; 9000]);
        assert_eq!(on.offset(&on.app, &path).await, "1000");
        on.send(&on.app, &path, 1000, &bytes[1000..1500], 204).await;
        assert_eq!(fs::read(on.only_file(&path)).unwrap(), bytes[..1500]);
        // The last part too, and bytes after the end of a photo whose last part was counted and not finished.
        leave_bytes(&on.only_file(&path), b"x");
        on.send(&on.app, &path, 1500, &bytes[1500..], 204).await;
        on.assert_kept(&on.app, &path, &bytes).await;
    }

    async fn complete_file_with_bytes_after_its_end_is_finished_without_them(app: TestApp) {
        let bytes = picture(1);
        let on = OnFolder::new(app, &[&bytes]).await;
        let path = on.begin(&bytes).await;
        on.send(&on.app, &path, 0, &bytes[..10], 204).await;
        let file = on.only_file(&path);
        leave_bytes(&file, &bytes[10..]);
        on.app.write(|tx, _| {
            tx.execute("UPDATE upload_part SET size = (SELECT length FROM upload)", &[])?;
            Ok(tx.execute("UPDATE upload SET arrived = length", &[])?)
        }).await;
        leave_bytes(&file, b"and more");
        server::photos::sweep(&on.app.app).await.unwrap();
        on.assert_kept(&on.app, &path, &bytes).await;
    }

    async fn upload_of_the_previous_version_is_continued_after_an_upgrade(app: TestApp) {
        let bytes = picture(1);
        let on = OnFolder::new(app, &[&bytes]).await;
        let path = on.begin(&bytes).await;
        let id: UploadId = path.rsplit('/').next().unwrap().parse().unwrap();
        // The previous version put an object for each 128 KiB of a part.
        for (at, end) in [(0, 10), (10, 700)] {
            let object = match at {
                0 => ObjectName::Part { upload: id, offset: 0, nonce: [1; 8] },
                _ => last_part(&path),
            };
            on.app.app.blobs.put_durable(&object, Bytes::copy_from_slice(&bytes[at..end])).await.unwrap();
            on.app.write(move |tx, _| Ok(tx.execute(
                "INSERT INTO upload_part (upload, position, size, object) VALUES (?1, ?2, ?3, ?4)",
                params![id.to_string(), at as i64, (end - at) as i64, object.to_string()],
            )?)).await;
        }
        on.app.write(|tx, _| Ok(tx.execute("UPDATE upload SET arrived = 700", &[])?)).await;
        on.send(&on.app, &path, 700, &bytes[700..1500], 204).await;
        assert_eq!((on.files(&path).len(), on.app.count(PARTS).await), (2, 2));
        on.send(&on.app, &path, 1500, &bytes[1500..], 204).await;
        on.assert_kept(&on.app, &path, &bytes).await;
    }

    async fn of_two_parts_for_one_offset_one_is_counted(app: TestApp) {
        let bytes = picture(1);
        let on = OnFolder::new(app, &[&bytes]).await;
        let path = on.begin(&bytes).await;
        let mut at = 0;
        for end in [1000, 1700] {
            let part = || patch(&on.app, &on.client, &path, at, bytes[at..end].to_vec());
            let (a, b) = tokio::join!(part(), part());
            let mut statuses = [a.status, b.status];
            statuses.sort_unstable();
            assert_eq!(statuses, [204, 409], "{a:?} {b:?}");
            assert_eq!(on.offset(&on.app, &path).await, end.to_string());
            at = end;
        }
        on.send(&on.app, &path, at, &bytes[at..], 204).await;
        on.assert_kept(&on.app, &path, &bytes).await;
    }

    async fn part_that_waited_while_another_was_counted_changes_nothing(app: TestApp) {
        let photos = [picture(1), picture(2)];
        let on = OnFolder::new(app, &[&photos[0], &photos[1]]).await;
        for (first, bytes) in [(0, &photos[0]), (1000, &photos[1])] {
            let path = on.begin(bytes).await;
            if first > 0 {
                on.send(&on.app, &path, 0, &bytes[..first], 204).await;
            }
            // Its row was read when its body is asked for; then its bytes, which differ, are late.
            let (asked, is_asked) = tokio::sync::oneshot::channel::<()>();
            let (more, wait) = tokio::sync::oneshot::channel::<()>();
            let late = async {
                asked.send(()).unwrap();
                let _ = wait.await;
                Ok::<_, std::io::Error>(Bytes::from(vec![7; 300]))
            };
            let body = Body::from_stream(futures_util::stream::once(late));
            let waiting = patch(&on.app, &on.client, &path, first, body);
            let meanwhile = async {
                is_asked.await.unwrap();
                on.send(&on.app, &path, first, &bytes[first..first + 500], 204).await;
                drop(more);
            };
            let (refused, ()) = tokio::join!(waiting, meanwhile);
            refused.expect(409).expect_code("upload.offset");
            assert_eq!(on.offset(&on.app, &path).await, (first + 500).to_string());
            let last = patch(&on.app, &on.client, &path, first + 500, bytes[first + 500..].to_vec()).await;
            assert_eq!(receipt(&last.expect(204)).sha256, Sha256::of(bytes));
            assert!(fs::read(on.photo(bytes)).unwrap() == *bytes);
        }
    }

    async fn part_with_a_wrong_checksum_leaves_the_file_as_it_was(app: TestApp) {
        let bytes = large(1);
        let on = OnFolder::new(app, &[&bytes]).await;
        let path = on.begin(&bytes).await;
        let wrong = format!("sha256 {}", BASE64.encode(Sha256::of(b"other bytes").0));
        let refuse = async |at: usize| {
            let at_text = at.to_string();
            let headers = [CHUNK, ("upload-offset", at_text.as_str()), ("upload-checksum", wrong.as_str())];
            let rest = bytes[at..bytes.len() - 1].to_vec();
            let answer = tus(&on.app, &on.client, "PATCH", &path, &headers, rest).await;
            answer.expect(460).expect_code("upload.checksum");
        };
        refuse(0).await;
        assert_eq!(fs::read(on.only_file(&path)).unwrap(), b"");
        on.send(&on.app, &path, 0, &bytes[..1000], 204).await;
        refuse(1000).await;
        assert!(fs::read(on.only_file(&path)).unwrap() == bytes[..1000]);
        on.send(&on.app, &path, 1000, &bytes[1000..], 204).await;
        on.assert_kept(&on.app, &path, &bytes).await;
    }

    async fn cut_connection_keeps_the_bytes_in_the_file(app: TestApp) {
        let bytes = large(1);
        let on = OnFolder::new(app, &[&bytes]).await;
        let path = on.begin(&bytes).await;
        on.send(&on.app, &path, 0, &bytes[..1000], 204).await;
        let broken = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
        let chunks = vec![Ok(bytes[1000..400_000].to_vec()), Ok(bytes[400_000..400_001].to_vec()), Err(broken)];
        patch(&on.app, &on.client, &path, 1000, Body::from_stream(futures_util::stream::iter(chunks))).await;
        assert_eq!(on.offset(&on.app, &path).await, "400001");
        assert!(fs::read(on.only_file(&path)).unwrap() == bytes[..400_001]);
        on.send(&on.app, &path, 400_001, &bytes[400_001..], 204).await;
        on.assert_kept(&on.app, &path, &bytes).await;
    }

    async fn other_bytes_in_parts_restart_at_zero_and_no_picture_ends_the_upload(app: TestApp) {
        let (named, letter) = (picture(1), b"this is a letter, not a photo".to_vec());
        let on = OnFolder::new(app, &[&named, &letter]).await;
        let path = on.begin(&named).await;
        let mut other = picture(2);
        other.resize(named.len(), 0);
        on.send(&on.app, &path, 0, &other[..1000], 204).await;
        let refused = patch(&on.app, &on.client, &path, 1000, other[1000..].to_vec()).await;
        refused.expect(422).expect_code("photo.hash_mismatch");
        assert_eq!((on.offset(&on.app, &path).await.as_str(), on.files(&path).len()), ("0", 0));
        assert!(!on.photo(&named).exists() && !on.photo(&other).exists());
        on.send(&on.app, &path, 0, &named[..1000], 204).await;
        on.send(&on.app, &path, 1000, &named[1000..], 204).await;
        on.assert_kept(&on.app, &path, &named).await;

        let path = on.begin(&letter).await;
        on.send(&on.app, &path, 0, &letter[..10], 204).await;
        let refused = patch(&on.app, &on.client, &path, 10, letter[10..].to_vec()).await;
        refused.expect(422).expect_code("photo.not_an_image");
        head(&on.app, &on.client, &path).await.expect(404);
        assert!(on.files(&path).is_empty() && !on.photo(&letter).exists());
    }

    async fn file_lost_with_an_older_copy_of_the_folder_restarts_at_zero(app: TestApp) {
        let bytes = picture(1);
        let on = OnFolder::new(app, &[&bytes]).await;
        let path = on.begin(&bytes).await;
        for _ in 0..2 {
            on.send(&on.app, &path, 0, &bytes[..1000], 204).await;
            fs::remove_file(on.only_file(&path)).unwrap();
            let lost = patch(&on.app, &on.client, &path, 1000, bytes[1000..].to_vec()).await;
            lost.expect(422).expect_code("photo.hash_mismatch");
            assert_eq!(on.offset(&on.app, &path).await, "0");
        }
        on.send(&on.app, &path, 0, &bytes, 204).await;
        on.assert_kept(&on.app, &path, &bytes).await;
    }

    async fn photo_named_before_the_server_was_killed_is_not_cut_by_the_repeated_part(app: TestApp) {
        let bytes = picture(1);
        let on = OnFolder::new(app, &[&bytes]).await;
        let path = on.begin(&bytes).await;
        on.send(&on.app, &path, 0, &bytes[..1000], 204).await;
        // Killed between the final name and the commit.
        let file = on.only_file(&path);
        leave_bytes(&file, &bytes[1000..]);
        fs::create_dir_all(on.photo(&bytes).parent().unwrap()).unwrap();
        fs::hard_link(&file, on.photo(&bytes)).unwrap();
        on.send(&on.app, &path, 1000, &bytes[1000..1500], 204).await;
        assert_eq!(fs::read(on.photo(&bytes)).unwrap(), bytes, "the photo may be in use");
        on.send(&on.app, &path, 1500, &bytes[1500..], 204).await;
        on.assert_kept(&on.app, &path, &bytes).await;
    }

    async fn abandoned_and_expired_files_are_deleted(app: TestApp) {
        let bytes = picture(1);
        let on = OnFolder::new(app, &[&bytes]).await;
        let (first, second) = (on.begin(&bytes).await, on.begin(&bytes).await);
        for path in [&first, &second] {
            on.send(&on.app, path, 0, &bytes[..1000], 204).await;
        }
        tus(&on.app, &on.client, "DELETE", &first, &[], Body::empty()).await.expect(204);
        assert!(on.files(&first).is_empty());
        on.app.advance_minutes(i64::from(on.app.app.settings.upload_hours) * 60 + 1);
        server::photos::sweep(&on.app.app).await.unwrap();
        assert_eq!((on.files(&second).len(), on.app.count(PARTS).await), (0, 0));
    }

    async fn whole_photo_at_creation_is_one_file_under_its_name(app: TestApp) {
        let bytes = picture(1);
        let on = OnFolder::new(app, &[&bytes]).await;
        let (length, names) = (bytes.len().to_string(), metadata(Sha256::of(&bytes)));
        let headers = [("upload-length", length.as_str()), ("upload-metadata", names.as_str()), CHUNK];
        let create = |body: Vec<u8>| tus(&on.app, &on.client, "POST", "/v1/field/photos", &headers, body);
        let mut other = bytes.clone();
        other[100] ^= 1;
        create(other).await.expect(422).expect_code("photo.hash_mismatch");
        assert!(!on.photo(&bytes).exists());
        let made = create(bytes.clone()).await.expect(201);
        assert_eq!(receipt(&made).sha256, Sha256::of(&bytes));
        on.assert_kept(&on.app, &header(&made, "location"), &bytes).await;
    }
}

#[tokio::test]
async fn another_replica_continues_an_upload_after_the_synced_bytes_of_a_killed_one() {
    let bytes = large(3);
    let on = OnFolder::new(TestApp::postgres().await, &[&bytes]).await;
    let other = on.replica().await;
    let path = on.begin(&bytes).await;
    on.send(&on.app, &path, 0, &bytes[..500_000], 204).await;
    on.send(&other, &path, 500_000, &bytes[500_000..900_000], 204)
        .await;
    // Killed while it appended: its bytes are on the disk, and no row counts them.
    leave_bytes(&on.only_file(&path), &[9; 70_000]);
    on.app.app.store.clone().close().await;
    assert_eq!(on.offset(&other, &path).await, "900000");
    on.send(&other, &path, 900_000, &bytes[900_000..], 204).await;
    on.assert_kept(&other, &path, &bytes).await;
}

#[tokio::test]
async fn of_two_replicas_that_append_at_once_one_is_refused_and_nothing_is_damaged() {
    for first in [0, 1000] {
        let bytes = large(4);
        let on = OnFolder::new(TestApp::postgres().await, &[&bytes]).await;
        let other = on.replica().await;
        let path = on.begin(&bytes).await;
        if first > 0 {
            on.send(&on.app, &path, 0, &bytes[..first], 204).await;
        }
        // A slow request at one replica has appended bytes that differ, and goes on later.
        let (more, wait) = tokio::sync::oneshot::channel::<()>();
        let chunk = async { Ok::<_, std::io::Error>(Bytes::from(vec![7; 300_000])) };
        let later = async {
            let _ = wait.await;
            Ok(Bytes::from(vec![8; 1000]))
        };
        let chunks = futures_util::stream::once(chunk).chain(futures_util::stream::once(later));
        let slow = patch(&on.app, &on.client, &path, first, Body::from_stream(chunks));
        let meanwhile = async {
            while !on
                .files(&path)
                .iter()
                .any(|file| fs::metadata(file).unwrap().len() > first as u64)
            {
                tokio::task::yield_now().await;
            }
            on.send(&other, &path, first, &bytes[first..600_000], 204).await;
            on.send(&on.app, &path, 600_000, &bytes[600_000..700_000], 204)
                .await;
            drop(more);
        };
        let (refused, ()) = tokio::join!(slow, meanwhile);
        refused.expect(409).expect_code("upload.offset");
        assert_eq!(on.offset(&on.app, &path).await, "700000");
        on.send(&other, &path, 700_000, &bytes[700_000..], 204).await;
        on.assert_kept(&other, &path, &bytes).await;
    }
}
