//! Photos that are old, from elsewhere or used before: taken all the same, and flagged for the centre with what the doubt
//! rests on (finding field_01).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

#[path = "support/centre.rs"]
mod centre;
mod support;
#[path = "support/tus.rs"]
mod tus_client;

use centre::{CELL, DistrictFixture, case_of, check_in, inside, send};
use media::{PhotoLimits, PrepareOptions, PreparedPhoto, Stamp};
use protocol::{
    duty::Answer,
    entry::Entry,
    geo::PointE7,
    ids::CaseId,
    open::Open,
    payload::{Payload, Report, TaskAnswer},
    photo::{PhotoEvidence, PhotoOrigin, PhotoPlace, PhotoRef, PhotoRole, Sha256},
};
use serde_json::{Value, json};
use server::service::{jobs, rooms};
use support::{FieldClient, TestApp};
use tus_client::upload;

/// A picture of 2025 in Shanghai, from the library of a phone.
const LIBRARY: &[u8] = include_bytes!("../../media/tests/files/library-shanghai-2025.jpg");
const MEADOW: &[u8] = include_bytes!("../../tests/photos/meadow.jpg");
const DOGS: &[u8] = include_bytes!("../../tests/photos/dogs.jpg");

/// A photo as a handset files it, stamped with these words.
fn stamped(original: &[u8], words: &str) -> PreparedPhoto {
    let stamp = Stamp {
        lines: vec![words.into(), "无定位".into()],
    };
    media::prepare(
        original,
        &PhotoLimits::default(),
        &stamp,
        &PrepareOptions::default(),
    )
    .unwrap()
}

/// The reference as a handset of before the evidence writes it.
fn old_ref(photo: &PreparedPhoto) -> PhotoRef {
    PhotoRef {
        sha256: Sha256(photo.sha256),
        size: photo.jpeg.len() as u64,
        role: PhotoRole::Scene,
        width: photo.width,
        height: photo.height,
        evidence: None,
    }
}

/// The reference as a handset writes it.
fn photo_ref(photo: &PreparedPhoto) -> PhotoRef {
    let evidence = PhotoEvidence {
        origin: PhotoOrigin::Library.into(),
        original: Sha256(photo.original_sha256),
        taken_at: photo.taken_at.clone(),
        place: photo.gps.as_ref().map(|gps| PhotoPlace {
            point: PointE7 {
                lat: gps.latitude_e7,
                lon: gps.longitude_e7,
            },
            datum: gps.datum.clone(),
        }),
    };
    PhotoRef {
        evidence: Some(evidence),
        ..old_ref(photo)
    }
}

fn report(photos: Vec<PhotoRef>) -> Payload {
    Payload::Report(Report {
        photos,
        ..centre::report("垃圾堆放")
    })
}

fn report_at(client: &mut FieldClient, app: &TestApp, photos: Vec<PhotoRef>) -> Entry {
    client.entry_at(app, inside(CELL), &report(photos))
}

async fn filed(client: &mut FieldClient, app: &TestApp, photos: Vec<PhotoRef>) -> CaseId {
    let entry = report_at(client, app, photos);
    let id = entry.id;
    assert_eq!(send(client, app, entry).await.0, "applied");
    case_of(app, id).await
}

async fn compare(app: &TestApp) {
    let job = rooms::JOBS
        .iter()
        .find(|job| job.name == "photos.compare")
        .unwrap();
    assert!(jobs::once(&app.app, job, "test").await.unwrap());
}

fn codes(flags: &Value) -> Vec<&str> {
    let all = flags.as_array().into_iter().flatten();
    all.map(|flag| flag["code"].as_str().or(flag.as_str()).unwrap())
        .collect()
}

const NONE: [&str; 0] = [];

both_engines! {
    async fn field_01_a_picture_of_another_year_and_city_is_taken_and_flagged_for_the_centre(app: TestApp) {
        let mut c = DistrictFixture::new(&app).await;
        check_in(&mut c.patroller, &app).await;
        let photo = photo_ref(&stamped(LIBRARY, "2026-11-29 02:54:10 图库"));
        let case = filed(&mut c.patroller, &app, vec![photo.clone()]).await;
        let seen = c.case(&app, case).await;
        assert_eq!(codes(&seen["flags"]), ["photo_old", "photo_elsewhere"], "{seen}");
        let doubts = &seen["photos"][0]["doubts"];
        assert_eq!(codes(doubts), ["photo_elsewhere", "photo_old"]);
        let year_ms = 365 * 86_400_000_i64;
        assert!(doubts[1]["age_ms"].as_i64().unwrap() > year_ms, "{doubts}");
        let metres = doubts[0]["distance_m"].as_i64().unwrap();
        assert!((1_300_000..1_600_000).contains(&metres), "{doubts}");
        assert_eq!(seen["ledger"][0]["facts"]["flags"], json!(["photo_old", "photo_elsewhere"]));
        let list = app.get("/v1/cases", &c.supervisor.token).await.expect(200).json;
        assert_eq!(codes(&list["items"][0]["flags"]), ["photo_old", "photo_elsewhere"], "{list}");

        // Neither the department nor a handset learns of it.
        c.steps(&app, case, &["prefile", "file", "dispatch"]).await;
        for path in [format!("/v1/cases/{case}"), "/v1/cases?queue=department".to_owned()] {
            let theirs = app.get(&path, &c.department.token).await.expect(200);
            let text = String::from_utf8_lossy(&theirs.bytes).into_owned();
            assert!(!text.contains("photo_old") && !text.contains("doubts"), "{text}");
        }
        let mail = app.get("/v1/field/pull", &c.patroller.token).await.expect(200);
        assert!(!String::from_utf8_lossy(&mail.bytes).contains("photo_old"));

        // A photo of now and here, and one of an older app.
        let fresh = PhotoRef {
            evidence: Some(PhotoEvidence {
                origin: PhotoOrigin::Camera.into(),
                original: Sha256([8; 32]),
                taken_at: Some(app.now().text().replace('-', ":")),
                place: Some(PhotoPlace { point: inside(CELL), datum: None }),
            }),
            ..old_ref(&stamped(MEADOW, "现在"))
        };
        let old = old_ref(&stamped(DOGS, "旧版"));
        let case = filed(&mut c.patroller, &app, vec![fresh, old]).await;
        assert_eq!(codes(&c.case(&app, case).await["flags"]), NONE);
    }

    async fn field_01_one_original_in_two_reports_names_the_first_case(app: TestApp) {
        let mut c = DistrictFixture::new(&app).await;
        let mut other = c.another(&app, &["2201040503"]).await;
        check_in(&mut c.patroller, &app).await;
        check_in(&mut other, &app).await;
        let once = photo_ref(&stamped(MEADOW, "第一次"));
        let again = photo_ref(&stamped(MEADOW, "第二次"));
        assert_ne!(once.sha256, again.sha256);
        // Sent twice, and named twice by one entry: one use.
        let entry = report_at(&mut c.patroller, &app, vec![once.clone(), once.clone()]);
        let (first_entry, record) = (entry.id, entry.record);
        c.patroller.push(&app, std::slice::from_ref(&entry)).await;
        c.patroller.push(&app, &[entry]).await;
        let first = case_of(&app, first_entry).await;
        // So is a new version of the same record.
        app.advance(1000);
        let mut mended = report_at(&mut c.patroller, &app, vec![once.clone()]);
        (mended.record, mended.supersedes) = (record, Some(first_entry));
        assert_eq!(send(&mut c.patroller, &app, mended).await.0, "applied");
        let seen = c.case(&app, first).await;
        assert_eq!(codes(&seen["flags"]), NONE);

        app.advance(1000);
        let second = filed(&mut other, &app, vec![again.clone()]).await;
        let doubted = c.case(&app, second).await;
        assert_eq!(codes(&doubted["flags"]), ["photo_reused"]);
        let doubts = doubted["photos"][0]["doubts"].as_array().unwrap();
        assert_eq!(doubts.len(), 1, "{doubts:?}");
        assert_eq!(doubts[0]["entry"], json!(first_entry));
        assert_eq!(doubts[0]["case"], seen["number"]);
        assert!(doubts[0].get("bits").is_none(), "{doubts:?}");
        assert_eq!(codes(&c.case(&app, first).await["flags"]), NONE);
    }

    async fn field_01_a_similar_picture_of_another_entry_is_found_when_both_are_there(app: TestApp) {
        let mut c = DistrictFixture::new(&app).await;
        let mut other = c.another(&app, &["2201040503"]).await;
        check_in(&mut c.patroller, &app).await;
        check_in(&mut other, &app).await;
        // Handsets of before the evidence: nothing but the pictures themselves.
        let [once, again, dogs] = [(MEADOW, "第一次"), (MEADOW, "第二次，别处"), (DOGS, "第一次")]
            .map(|(original, words)| stamped(original, words));
        let first = filed(&mut c.patroller, &app, vec![old_ref(&once), old_ref(&dogs)]).await;
        app.advance(1000);
        let second = filed(&mut other, &app, vec![old_ref(&again)]).await;
        // The photo of the later report arrives first.
        upload(&app, &other, &again.jpeg).await;
        compare(&app).await;
        assert_eq!(codes(&c.case(&app, second).await["flags"]), NONE);
        upload(&app, &c.patroller, &once.jpeg).await;
        upload(&app, &c.patroller, &dogs.jpeg).await;
        for _ in 0..2 {
            compare(&app).await;
            let first = c.case(&app, first).await;
            assert_eq!(codes(&first["flags"]), NONE);
            let doubted = c.case(&app, second).await;
            assert_eq!(codes(&doubted["flags"]), ["photo_reused"]);
            let doubts = doubted["photos"][0]["doubts"].as_array().unwrap();
            assert_eq!(doubts.len(), 1, "{doubts:?}");
            assert_eq!(doubts[0]["case"], first["number"]);
            assert!(doubts[0]["bits"].as_i64().unwrap() <= 5, "{doubts:?}");
        }
        assert_eq!(app.count("SELECT COUNT(*) AS n FROM photo WHERE compared IS NULL").await, 0);
    }

    async fn field_01_an_answer_with_the_photo_of_the_report_is_flagged(app: TestApp) {
        let mut c = DistrictFixture::new(&app).await;
        check_in(&mut c.patroller, &app).await;
        let case = filed(&mut c.patroller, &app, vec![photo_ref(&stamped(MEADOW, "处置前"))]).await;
        c.steps(&app, case, &["prefile", "file", "dispatch", "handle", "forward", "send_check"]).await;
        let after = PhotoRef {
            role: PhotoRole::After,
            ..photo_ref(&stamped(MEADOW, "处置后"))
        };
        let task = c.open_task(&app, case).await;
        let answer = Payload::Answer(TaskAnswer {
            task,
            answer: Open::Known(Answer::Rectified),
            text: "已整改".into(),
            photos: vec![after],
        });
        let entry = c.patroller.entry_at(&app, inside(CELL), &answer);
        assert_eq!(send(&mut c.patroller, &app, entry).await.0, "applied");
        let seen = c.case(&app, case).await;
        assert_eq!(codes(&seen["flags"]), ["photo_reused"]);
        let photos = seen["photos"].as_array().unwrap();
        let answered = photos.iter().find(|photo| photo["origin"] == "answer").unwrap();
        assert_eq!(answered["doubts"][0]["case"], seen["number"], "{answered}");
        let ledger = seen["ledger"].as_array().unwrap();
        let step = ledger.iter().find(|event| event["transition"] == "T13").unwrap();
        assert_eq!(step["facts"]["flags"], json!(["photo_reused"]), "{step}");
        let task = app.get(&format!("/v1/tasks/{task}"), &c.supervisor.token).await.expect(200).json;
        assert_eq!(codes(&task["answer_flags"]), ["photo_reused"]);
    }

    async fn field_01_before_and_after_of_one_report_are_not_one_picture(app: TestApp) {
        let mut c = DistrictFixture::new(&app).await;
        check_in(&mut c.patroller, &app).await;
        let with = |role, photo: &PreparedPhoto| PhotoRef { role, ..old_ref(photo) };
        let [before, after] = ["处置前", "处置后"].map(|words| stamped(MEADOW, words));
        let photos = vec![with(PhotoRole::Before, &before), with(PhotoRole::After, &after)];
        let case = filed(&mut c.patroller, &app, photos).await;
        for photo in [&before, &after] {
            upload(&app, &c.patroller, &photo.jpeg).await;
        }
        compare(&app).await;
        let seen = c.case(&app, case).await;
        assert_eq!(codes(&seen["flags"]), ["photo_reused"]);
        assert!(seen["photos"][0].get("doubts").is_none(), "{seen}");
        assert_eq!(seen["photos"][1]["doubts"][0]["case"], seen["number"], "{seen}");
    }
}
