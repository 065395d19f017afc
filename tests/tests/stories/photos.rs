//! Photos are sent after their report, resume at the byte, are never dropped, and never create a second
//! report.

use crate::{
    stage::{self, ManualClock, StoryStage, at, cases, entries, file, line, photos, row},
    wire::WireClient,
};
use e2e::{city::City, handset::Handset, line::LineFault, staff_api::StaffSession};
use protocol::{ids::EntryId, photo::Sha256, role::Role};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use terminal_core::{photos::PhotoSource, work::ItemState};

on_both_engines!(
    story_04_missing_photos_arrive_later_without_a_second_report,
    story_05_photos_are_identified_by_content_not_by_file_name,
    story_12_photo_upload_resumes_at_the_last_received_byte,
    story_13_lost_upload_restarts_and_the_photo_is_kept,
);

/// The only case of a report.
fn case_of(desk: &StaffSession, handset: &mut Handset, id: EntryId) -> Value {
    let number = row(handset, id).receipt_number().unwrap();
    let lines = desk.all("/v1/cases").unwrap();
    let mut of_number = lines.iter().filter(|line| line["number"] == json!(number));
    let line = of_number.next().unwrap();
    assert!(of_number.next().is_none(), "a report must be one case");
    desk.get(&format!("/v1/cases/{}", line["id"].as_str().unwrap()))
        .unwrap()
}

/// Asserts that every photo of the case equals the handset's photo.
fn assert_same_photos(desk: &StaffSession, handset: &mut Handset, id: EntryId) {
    let case = case_of(desk, handset, id);
    let items = handset.open().unwrap().store().item(id).unwrap().unwrap().photos;
    let shown: Vec<&str> = case["photos"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| p["sha256"].as_str().unwrap())
        .collect();
    assert_eq!(
        shown,
        items.iter().map(|p| p.sha256.to_string()).collect::<Vec<_>>()
    );
    for photo in &items {
        let path = format!(
            "/v1/cases/{}/photos/{}",
            case["id"].as_str().unwrap(),
            photo.sha256
        );
        let there = desk.download(&path).unwrap();
        let here = handset.open().unwrap().photo_folder().read(photo.sha256).unwrap();
        assert_eq!(Sha256::of(&there), photo.sha256);
        assert!(there == here, "the photo must be equal byte for byte");
    }
}

fn held(case: &Value) -> Vec<bool> {
    case["photos"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| p["held"].as_bool().unwrap())
        .collect()
}

fn story_04_missing_photos_arrive_later_without_a_second_report(stage: &StoryStage) {
    let city = stage.plain_city();
    let line = line(&city);
    let mut handset = stage.patroller(&city, "104", Some(&line));
    let acceptor = stage::desk(&city, "shouli", Role::Acceptor);
    let pictures = [
        stage.small_photo(41),
        stage.small_photo(42),
        stage.small_photo(43),
    ];
    let id = file(&city, &mut handset, "三张照片", &pictures);

    // The report is delivered, its photos are not.
    line.set(LineFault::LoseAnswer("POST /v1/field/photos".into()));
    let report = handset.sync().unwrap();
    assert_eq!(
        (report.entries_received, report.photos_received),
        (1, 0),
        "{report:?}"
    );
    assert!(!report.is_success());
    assert_eq!(row(&mut handset, id).state, ItemState::PhotosPending);
    let case = case_of(&acceptor, &mut handset, id);
    // The first photo arrived with its creation; only the answer was lost.
    assert_eq!(
        held(&case),
        [true, false, false],
        "the case must be visible at once, with the photos that have not arrived marked as missing"
    );
    assert_eq!(
        row(&mut handset, id).photos_sent,
        0,
        "must not be shown as sent before the receipt"
    );
    line.set(LineFault::Good);
    assert!(handset.sync().unwrap().is_success());
    let sent = row(&mut handset, id);
    assert_eq!(
        (sent.photos_sent, sent.photos_named, sent.state),
        (3, 3, ItemState::Received)
    );
    assert_same_photos(&acceptor, &mut handset, id);
    assert_eq!((cases(&city), entries(&city), photos(&city)), (1, 1, (3, 3)));

    // Sending the whole report again changes nothing.
    let (_, bytes) = handset.open().unwrap().store().entry(id).unwrap();
    let (status, _) = WireClient::of(&city, &mut handset).push(&[&bytes]);
    assert_eq!((status, cases(&city), photos(&city)), (200, 1, (3, 3)));
}

fn story_05_photos_are_identified_by_content_not_by_file_name(stage: &StoryStage) {
    let city = stage.city();
    // One capture time for all photos; otherwise the time in the watermark would make them differ.
    let mut handset = stage.patroller_by(&city, "105", None, &ManualClock::now());
    let acceptor = stage::desk(&city, "shouli", Role::Acceptor);
    // Two different pictures with the same file name, as cameras write them.
    let named = |folder: &str, seed: u64| {
        let folder = stage.path(folder);
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("IMG_0001.jpg");
        std::fs::copy(stage.small_photo(seed), &path).unwrap();
        path
    };
    let (one, two) = (named("a", 51), named("b", 52));
    // The first picture twice, once under another name: equal bytes are one photo of a report.
    let copy = stage.path("copy.jpg");
    std::fs::copy(&one, &copy).unwrap();
    let id = file(&city, &mut handset, "同名照片", &[one.clone(), two, copy]);
    assert_eq!(row(&mut handset, id).photos_named, 2, "expected two photos");

    // Equal prepared bytes named by two reports of one stream: each report has its photo.
    let twin = |handset: &mut Handset| {
        let here = at(&city, "220104010101");
        let mut draft = handset.open().unwrap().new_report().unwrap();
        draft
            .text("同一张")
            .at(here)
            .add_photo(PhotoSource::Path(&one))
            .unwrap();
        draft.submit().unwrap().item
    };
    let twins = [twin(&mut handset), twin(&mut handset)];
    let of = |handset: &mut Handset, id| {
        handset.open().unwrap().store().item(id).unwrap().unwrap().photos[0].sha256
    };
    assert_eq!(of(&mut handset, twins[0]), of(&mut handset, twins[1]));
    assert!(handset.sync().unwrap().is_success());
    for id in [id, twins[0], twins[1]] {
        assert_eq!(row(&mut handset, id).state, ItemState::Received);
        assert_same_photos(&acceptor, &mut handset, id);
    }
    assert_eq!(cases(&city), 3);

    // Knowing the hash is not enough: another terminal with the same picture must send its own bytes.
    let mut other = stage.patroller(&city, "115", None);
    let stolen = handset.open().unwrap().store().item(id).unwrap().unwrap().photos[0].clone();
    let wire = WireClient::of(&city, &mut other);
    let answer = wire
        .tus(reqwest::Method::POST, "/v1/field/photos")
        .header("upload-length", stolen.size.to_string())
        .header(
            "upload-metadata",
            format!("sha256 {}", base64_of(&stolen.sha256.to_string())),
        )
        .send()
        .unwrap();
    let (status, problem) = crate::wire::document(answer);
    assert_eq!((status, problem["code"].as_str()), (422, Some("photo.unnamed")));
}

fn base64_of(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(text)
}

fn story_12_photo_upload_resumes_at_the_last_received_byte(stage: &StoryStage) {
    let city = stage.city();
    let line = line(&city);
    let mut handset = stage.patroller(&city, "112", Some(&line));
    let acceptor = stage::desk(&city, "shouli", Role::Acceptor);
    let id = file(&city, &mut handset, "大照片", &[stage.photo(12, 1200, 900)]);
    let photo = handset.open().unwrap().store().item(id).unwrap().unwrap().photos[0].clone();
    assert!(
        photo.size > 600_000,
        "must be large enough to be cut: {}",
        photo.size
    );

    line.set(LineFault::CutUp(400_000));
    let report = handset.sync().unwrap();
    assert_eq!(line.faults(), 1);
    assert!(!report.is_success());
    assert_eq!((report.entries_received, report.photos_waiting), (1, 1));
    assert!(report.next_try.is_some(), "must announce the next try");
    let code = report.problem.unwrap().code;
    assert!(code.starts_with("network."), "{code}");
    // The progress is stored, the item shows its own state, and nothing stays in "sending".
    let shown = row(&mut handset, id);
    assert_eq!(
        (shown.state, shown.photos_sent, shown.photos_named),
        (ItemState::PhotosPending, 0, 1)
    );
    let item = handset.open().unwrap().store().item(id).unwrap().unwrap();
    assert!(
        item.photos[0].sent > 0,
        "some bytes must be confirmed before the cut"
    );

    // The process dies too. Afterwards only the rest is sent.
    handset.kill();
    line.set(LineFault::Good);
    let before = line.bytes_sent();
    assert!(handset.sync().unwrap().is_success());
    let sent = line.bytes_sent() - before;
    // Handshakes, headers and all other requests stay far below 40 kB.
    let rest = photo.size - item.photos[0].sent;
    assert!(
        sent < rest + 40_000,
        "{sent} bytes sent, {rest} of {} were missing",
        photo.size
    );
    assert_eq!(row(&mut handset, id).state, ItemState::Received);
    assert_same_photos(&acceptor, &mut handset, id);
}

/// A report whose photo upload has started.
fn begun(stage: &StoryStage, city: &City, number: &str) -> (Handset, e2e::line::FaultProxy, EntryId) {
    let line = line(city);
    let mut handset = stage.patroller(city, number, Some(&line));
    let id = file(city, &mut handset, "照片传到一半", &[stage.photo(13, 1000, 800)]);
    line.set(LineFault::CutUp(250_000));
    let report = handset.sync().unwrap();
    assert_eq!(
        (report.entries_received, report.photos_waiting),
        (1, 1),
        "{report:?}"
    );
    let item = handset.open().unwrap().store().item(id).unwrap().unwrap();
    assert!(item.photos[0].sent > 0);
    line.set(LineFault::Good);
    (handset, line, id)
}

fn story_13_lost_upload_restarts_and_the_photo_is_kept(stage: &StoryStage) {
    let mut city = stage.city();
    let acceptor = stage::desk(&city, "shouli", Role::Acceptor);

    // 404: the server has lost its upload record.
    let (mut handset, line, id) = begun(stage, &city, "113");
    assert!(city.server.stop().unwrap());
    stage.sql("DELETE FROM upload_part; DELETE FROM upload;");
    city.server.start().unwrap();
    let before = line.bytes_sent();
    assert!(handset.sync().unwrap().is_success());
    let item = handset.open().unwrap().store().item(id).unwrap().unwrap();
    assert!(
        line.bytes_sent() - before > item.photos[0].size,
        "the whole photo must be sent again"
    );
    assert_same_photos(&acceptor, &mut handset, id);

    // 410: every started upload has already expired, so no photo is delivered; all of them stay on the
    // handset.
    let (mut handset, _line, id) = begun(stage, &city, "123");
    stage.sql("UPDATE upload SET expires = 1 WHERE finished IS NULL;");
    assert!(city.server.stop().unwrap());
    city.server.set_settings("upload_hours = 0").unwrap();
    city.server.start().unwrap();
    let report = handset.sync().unwrap();
    assert!(!report.is_success());
    assert_eq!(report.photos_waiting, 1);
    assert_eq!(report.problem.as_ref().unwrap().code, "upload.gone");
    let waiting = handset.open().unwrap().store().item(id).unwrap().unwrap().photos[0].clone();
    assert_eq!((waiting.received, waiting.sent), (None, 0));
    assert_eq!(waiting.retry.problem.unwrap().code, "upload.gone");
    assert!(
        handset
            .open()
            .unwrap()
            .photo_folder()
            .read(waiting.sha256)
            .is_ok(),
        "the photo must still be on the handset"
    );
    assert_eq!(row(&mut handset, id).state, ItemState::PhotosPending);

    assert!(city.server.stop().unwrap());
    city.server.set_settings("upload_hours = 72").unwrap();
    city.server.start().unwrap();
    assert!(handset.sync().unwrap().is_success());
    assert_same_photos(&acceptor, &mut handset, id);
    let distinct: BTreeSet<String> = acceptor
        .all("/v1/cases")
        .unwrap()
        .iter()
        .map(|case| case["number"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!((cases(&city), distinct.len(), photos(&city)), (2, 2, (2, 2)));
}
