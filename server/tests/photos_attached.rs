//! What is served of pictures that staff attach: upright, without the office's position, with a thumbnail; the bytes that were
//! sent are kept (finding use_b14).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

#[path = "support/centre.rs"]
mod centre;
mod support;

use axum::{body::Body, http::Request};
use base64::{Engine as _, prelude::BASE64_STANDARD as BASE64};
use centre::{CELL, DistrictFixture, check_in, inside, send};
use media::{Orientation, PhotoLimits};
use protocol::{
    ids::CaseId,
    payload::{Payload, Report},
    photo::{PhotoRef, Sha256},
};
use serde_json::{Value, json};
use server::{app::object_name::ObjectName, params, photos::Attached};
use support::{StaffMember, TestApp, TestResponse};

/// Stored turned, with a position in its EXIF block; upright it is 600 x 400.
const TURNED: &[u8] = include_bytes!("../../media/tests/files/library-shanghai-2025.jpg");

async fn attach(app: &TestApp, by: &StaffMember) -> Attached {
    attach_bytes(app, by, TURNED.to_vec()).await
}

/// The same by tus, in one request.
async fn attach_by_tus(app: &TestApp, by: &StaffMember) -> Attached {
    let hash = BASE64.encode(Sha256::of(TURNED).to_string());
    let request = Request::post("/v1/attachments/uploads")
        .header("authorization", format!("Bearer {}", by.token))
        .header("tus-resumable", "1.0.0")
        .header("upload-length", TURNED.len())
        .header("upload-metadata", format!("sha256 {hash}"))
        .header("content-type", "application/offset+octet-stream")
        .body(Body::from(TURNED))
        .unwrap();
    let answer = app.send(request).await.expect(201);
    serde_json::from_slice(answer.headers["xunge-attachment"].as_bytes()).unwrap()
}

/// A case that the department has handled with the picture.
async fn handled(app: &TestApp, c: &mut DistrictFixture, attached: &Attached) -> CaseId {
    let case = c.reported(app).await;
    c.steps(app, case, &["prefile", "file", "dispatch"]).await;
    let fields = json!({"opinion": "已清理", "attachments": [attached.sha256]});
    c.act(app, case, "handle", fields).await.expect(200);
    case
}

/// Asserts that these bytes show the picture as it should be shown.
fn assert_clean(answer: &TestResponse, longest: u32) {
    let has = |word: &[u8]| answer.bytes.windows(word.len()).any(|part| part == word);
    assert!(!has(b"Exif") && !has(b"WGS-84") && !has(b"2025:03:02"));
    let info = media::inspect(&answer.bytes, &PhotoLimits::default()).unwrap();
    assert_eq!(info.orientation, Orientation::Upright);
    assert_eq!((info.width, info.height), (longest, longest * 2 / 3));
}

/// Sends these bytes as an attachment.
async fn attach_bytes(app: &TestApp, by: &StaffMember, bytes: Vec<u8>) -> Attached {
    let request = Request::post("/v1/attachments")
        .header("authorization", format!("Bearer {}", by.token))
        .header("content-type", "image/jpeg")
        .body(Body::from(bytes))
        .unwrap();
    app.send(request).await.expect(200).body()
}

/// The flags of a case, and what the doubts about its attachments name.
async fn doubts(app: &TestApp, c: &DistrictFixture, case: CaseId) -> (Value, Vec<(Value, Value)>) {
    let seen = c.case(app, case).await;
    let photos = seen["photos"].as_array().unwrap().clone();
    let staff = photos.iter().filter(|photo| photo["origin"] == "staff");
    let all = staff.flat_map(|photo| photo["doubts"].as_array().cloned().unwrap_or_default());
    let named = all
        .map(|doubt| (doubt["case"].clone(), doubt["bits"].clone()))
        .collect();
    (seen["flags"].clone(), named)
}

both_engines! {
    async fn field_01_a_department_that_files_a_known_picture_again_is_flagged(app: TestApp) {
        let mut c = DistrictFixture::new(&app).await;
        check_in(&mut c.patroller, &app).await;
        // The photo of the report, downloaded and attached as the photo of the handling.
        let scene = media::prepare(
            include_bytes!("../../tests/photos/meadow.jpg"),
            &PhotoLimits::default(),
            &media::Stamp { lines: vec!["2026-11-22 08:15:03".into()] },
            &media::PrepareOptions::default(),
        )
        .unwrap();
        let named = PhotoRef {
            sha256: Sha256(scene.sha256),
            size: scene.jpeg.len() as u64,
            ..centre::named(1)
        };
        let report = Report { photos: vec![named], ..centre::report("垃圾堆放") };
        let entry = c.patroller.entry_at(&app, inside(CELL), &Payload::Report(report));
        let id = entry.id;
        assert_eq!(send(&mut c.patroller, &app, entry).await.0, "applied");
        let first = centre::case_of(&app, id).await;
        c.steps(&app, first, &["prefile", "file", "dispatch"]).await;
        let again = attach_bytes(&app, &c.department, scene.jpeg.clone()).await;
        let fields = json!({"opinion": "已清理", "attachments": [again.sha256]});
        let theirs = c.act(&app, first, "handle", fields).await.expect(200).json;
        let number = c.case(&app, first).await["number"].clone();
        let (flags, named) = doubts(&app, &c, first).await;
        assert_eq!(flags[0]["code"], "photo_reused", "{flags}");
        assert_eq!(named, [(number, Value::Null)]);
        // The department is not told.
        assert!(!theirs.to_string().contains("photo_reused"), "{theirs}");

        // A picture of its own is taken without a doubt, and doubted in the next case: once as it is, once smaller.
        let attached = attach(&app, &c.department).await;
        let second = handled(&app, &mut c, &attached).await;
        assert_eq!(doubts(&app, &c, second).await, (json!([]), Vec::new()));
        let number = c.case(&app, second).await["number"].clone();
        let smaller = media::prepare(
            TURNED,
            &PhotoLimits::default(),
            &media::Stamp::default(),
            &media::PrepareOptions { longest_side: 400, shorter_side: 0, ..media::PrepareOptions::default() },
        )
        .unwrap();
        let smaller = attach_bytes(&app, &c.department, smaller.jpeg).await;
        for (picture, same_file) in [(&attached, true), (&smaller, false)] {
            let next = handled(&app, &mut c, picture).await;
            let (flags, named) = doubts(&app, &c, next).await;
            assert_eq!(flags[0]["code"], "photo_reused", "{flags}");
            let (case, bits) = named.iter().find(|(case, _)| *case == number).unwrap();
            assert_eq!((case, bits.is_null()), (&number, same_file), "{named:?}");
        }
    }

    async fn use_b14_an_attachment_is_shown_upright_without_metadata_and_kept_as_it_came(app: TestApp) {
        let mut c = DistrictFixture::new(&app).await;
        check_in(&mut c.patroller, &app).await;
        let attached = attach(&app, &c.department).await;
        assert_eq!((attached.sha256, attached.size), (Sha256::of(TURNED), TURNED.len() as u64));
        assert_eq!((attached.width, attached.height), (600, 400));
        assert_eq!(attach_by_tus(&app, &c.department).await, attached);
        let case = handled(&app, &mut c, &attached).await;
        let shown = attached.shown.clone().unwrap();
        let path = format!("/v1/cases/{case}/photos/{}", attached.sha256);
        for reader in [&c.department, &c.command, &c.supervisor] {
            let answer = app.get(&path, &reader.token).await.expect(200);
            assert_clean(&answer, 600);
            assert_eq!(Sha256::of(&answer.bytes), shown.sha256);
            assert_eq!(answer.headers["etag"], format!("\"{}\"", shown.sha256));
            // Under its own hash it is found as well.
            let named = format!("/v1/cases/{case}/photos/{}", shown.sha256);
            assert_eq!(app.get(&named, &reader.token).await.expect(200).bytes, answer.bytes);
            let small = app.get(&format!("{path}?thumbnail=true"), &reader.token).await.expect(200);
            assert_clean(&small, 320);
        }
        let original = ObjectName::Attachment { sha256: attached.sha256 };
        assert_eq!(app.app.blobs.get(&original).await.unwrap(), TURNED);
    }

    async fn use_b14_an_attachment_of_an_older_server_is_cleaned_when_somebody_looks(app: TestApp) {
        let mut c = DistrictFixture::new(&app).await;
        check_in(&mut c.patroller, &app).await;
        let attached = attach(&app, &c.department).await;
        let case = handled(&app, &mut c, &attached).await;
        app.write(|tx, _| Ok(tx.execute(
            "UPDATE attachment SET shown_sha256 = NULL, shown_size = NULL, shown_width = NULL, shown_height = NULL",
            params![],
        )?)).await;
        let path = format!("/v1/cases/{case}/photos/{}", attached.sha256);
        for _ in 0..2 {
            let answer = app.get(&path, &c.department.token).await.expect(200);
            assert_clean(&answer, 600);
            assert_eq!(app.count("SELECT COUNT(*) AS n FROM attachment WHERE shown_sha256 IS NOT NULL").await, 1);
        }
    }

    async fn use_b14_a_handset_compares_with_what_is_shown(app: TestApp) {
        let mut c = DistrictFixture::new(&app).await;
        check_in(&mut c.patroller, &app).await;
        let attached = attach(&app, &c.supervisor).await;
        let body = json!({
            "cell": CELL, "purpose": "inspect", "wording": "看现场", "compare": attached.sha256,
            "due": app.now().plus(3_600_000),
        });
        app.post_json("/v1/tasks", &c.supervisor.token, body).await.expect(200);
        let state = c.patroller.state(&app).await;
        let row = state.iter().find(|((kind, _), _)| kind == "task").unwrap().1;
        let compare: Sha256 = row["compare"].as_str().unwrap().parse().unwrap();
        let path = format!("/v1/field/photos/by-hash/{compare}");
        let answer = app.get(&path, &c.patroller.token).await.expect(200);
        assert_clean(&answer, 600);
        assert_eq!(Sha256::of(&answer.bytes), compare);
        // The bytes that were sent are nobody's to fetch.
        let path = format!("/v1/field/photos/by-hash/{}", attached.sha256);
        app.get(&path, &c.patroller.token).await.expect(404);
    }
}
