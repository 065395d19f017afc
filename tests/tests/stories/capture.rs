//! Photos and position fixes at capture: a camera app that causes the app to be killed, files that are no
//! photos, and misleading positions.

use crate::stage::{
    self, StoryStage, at, cases, entries, file, noise, photos, real_now, row, xunge, xunge_json,
};
use e2e::{city::City, handset::fix, staff_api::StaffSession};
use grid::datum;
use protocol::{
    duty::Answer,
    evidence::Position,
    geo::{Datum, PointE7},
    ids::EntryId,
    payload::Payload,
    role::Role,
};
use serde_json::{Value, json};
use std::{path::Path, process::Stdio};
use terminal_core::{grid::PlaceAnswer, photos::PhotoSource, work::ItemState};

on_both_engines!(
    story_31_app_killed_by_the_camera_loses_no_draft_and_no_photo,
    story_31_17_mb_photo_is_delivered_and_empty_file_is_refused,
    story_34_mock_fix_on_a_report_is_flagged_and_never_refused,
    story_34_mock_fix_is_flagged_on_check_ins_answers_and_activities,
    story_34_other_datums_and_edge_points_get_the_same_cell_on_both_ends,
);

const CELL: &str = "220104010101";

/// Runs the command line and kills it when `far_enough` returns true, or after it ended.
fn killed(home: &Path, args: &[&str], far_enough: &dyn Fn() -> bool) {
    let mut child = xunge(home, args)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    while !far_enough() && child.try_wait().unwrap().is_none() {
        std::thread::yield_now();
    }
    let _ = child.kill();
    child.wait().unwrap();
}

/// File names in the photo folder.
fn files(home: &Path) -> Vec<String> {
    let names = std::fs::read_dir(home.join("photos")).into_iter().flatten();
    names
        .map(|f| f.unwrap().file_name().into_string().unwrap())
        .collect()
}

fn path(file: &Path) -> &str {
    file.to_str().unwrap()
}

fn story_31_app_killed_by_the_camera_loses_no_draft_and_no_photo(stage: &StoryStage) {
    let city = stage.city();
    let mut handset = stage.patroller(&city, "131", None);
    let home = handset.home().to_owned();
    let first = stage.small_photo(310);
    let (code, said) = xunge_json(
        &home,
        &[
            "report",
            "--save",
            "--text",
            "相机杀进程",
            "--photo",
            path(&first),
        ],
    );
    assert_eq!(code, 0, "{said}");
    let id: EntryId = said["item"]["id"].as_str().unwrap().parse().unwrap();
    let draft = id.to_string();
    let intact = |at_least: usize| {
        let mut handset = e2e::handset::Handset::existing(&home);
        let terminal = handset.open().unwrap();
        let saved = terminal.report_draft(id).unwrap();
        assert_eq!(saved.content().text, "相机杀进程");
        assert!(
            saved.photos().len() >= at_least,
            "{} photos",
            saved.photos().len()
        );
        for photo in saved.photos() {
            let bytes = terminal.photo_folder().read(photo.sha256).unwrap();
            assert_eq!(bytes.len() as u64, photo.size);
        }
        saved.photos().len()
    };
    // Killed at once, when the first part of a file exists, and when a whole file exists.
    let pieces: [&dyn Fn(usize) -> bool; 3] = [&|_| true, &|before| files(&home).len() > before, &|before| {
        files(&home)
            .iter()
            .filter(|name| name.ends_with(".photo"))
            .count()
            > before / 2
    }];
    let mut named = 1;
    for (seed, far_enough) in (311..).zip(pieces) {
        let picture = stage.photo(seed, 1000, 800);
        let before = files(&home).len();
        let more = ["report", "--save", "--draft", &draft, "--photo", path(&picture)];
        killed(&home, &more, &|| far_enough(before));
        named = intact(named);
        // The camera is opened again: the same picture is one photo, whether or not it was stored before.
        let (code, said) = xunge_json(&home, &more);
        assert_eq!(code, 0, "{said}");
        assert!(intact(named) <= named + 1);
        named = intact(named);
    }
    assert_eq!(named, 4);
    let (code, said) = xunge_json(&home, &["report", "--draft", &draft]);
    assert_eq!((code, &said["item"]["photos"]["named"]), (0, &json!(4)), "{said}");

    // The same while a task is open: the photo must be there when the task is opened again.
    let supervisor = stage::desk(&city, "dudao", Role::Supervisor);
    handset
        .open()
        .unwrap()
        .check_in(Some(at(&city, CELL)), "")
        .unwrap();
    assert!(handset.sync().unwrap().is_success());
    let body = json!({"purpose": "inspect", "wording": "请核验", "cell": CELL, "minutes": 60});
    supervisor.post("/v1/tasks", &body).unwrap();
    assert!(handset.sync().unwrap().is_success());
    let task = handset.open().unwrap().tasks().unwrap().remove(0);
    task.begin_answer(Answer::True)
        .unwrap()
        .add_photo(PhotoSource::Path(&stage.small_photo(315)))
        .unwrap();
    drop(task);
    handset.kill();
    let task = handset.open().unwrap().tasks().unwrap().remove(0);
    let mut again = task.begin_answer(Answer::NotTrue).unwrap();
    assert_eq!(again.photos().len(), 1, "the photo must still be there");
    again
        .add_photo(PhotoSource::Path(&stage.small_photo(316)))
        .unwrap();
    let answer = again.submit().unwrap().item;

    assert!(handset.sync().unwrap().is_success());
    for (item, photos) in [(id, 4), (answer, 2)] {
        let shown = row(&mut handset, item);
        assert_eq!((shown.state, shown.photos_sent), (ItemState::Received, photos));
    }
    assert_eq!((cases(&city), entries(&city), photos(&city)), (1, 3, (6, 6)));
    assert_eq!(handset.open().unwrap().status().unwrap().drafts, 0);
}

fn story_31_17_mb_photo_is_delivered_and_empty_file_is_refused(stage: &StoryStage) {
    let city = stage.city();
    let mut handset = stage.patroller(&city, "231", None);
    let home = handset.home().to_owned();
    // As cameras write them: megabytes of manufacturer data before the picture.
    let large = stage.path("IMG_17MB.jpg");
    let mut jpeg = noise(17, 1600, 1200);
    let note = [&[0xff, 0xe5, 0xff, 0xff][..], &vec![0x4d; 65_533]].concat();
    let notes = (17 * 1024 * 1024 - jpeg.len()) / note.len() + 1;
    jpeg.splice(2..2, note.repeat(notes));
    assert!(jpeg.len() > 17 * 1024 * 1024);
    std::fs::write(&large, jpeg).unwrap();
    let empty = stage.path("IMG_0.jpg");
    std::fs::write(&empty, []).unwrap();

    let mut draft = handset.open().unwrap().new_report().unwrap();
    draft.text("大照片").add_photo(PhotoSource::Path(&large)).unwrap();
    let error = draft
        .add_photo(PhotoSource::Path(&empty))
        .err()
        .expect("an empty file must be refused");
    assert_eq!(error.code(), "photo.empty");
    assert!(!error.reason().zh.is_empty());
    assert_eq!(draft.photos().len(), 1, "the draft must not change");
    let id = draft.id();
    drop(draft);
    let (code, said) = xunge_json(
        &home,
        &["report", "--draft", &id.to_string(), "--photo", path(&empty)],
    );
    assert_eq!(
        (code, &said["error"]["code"]),
        (1, &json!("photo.empty")),
        "{said}"
    );
    let mut draft = handset.open().unwrap().report_draft(id).unwrap();
    assert_eq!(draft.photos().len(), 1);
    draft
        .add_photo(PhotoSource::Path(&stage.small_photo(32)))
        .unwrap();
    draft.submit().unwrap();
    assert!(handset.sync().unwrap().is_success());
    assert_eq!(row(&mut handset, id).photos_sent, 2);
    assert_eq!((cases(&city), photos(&city)), (1, (2, 2)));
}

/// The case with this text, as the centre sees it.
fn case(desk: &StaffSession, text: &str) -> Value {
    let cases = desk.all("/v1/cases").unwrap();
    let line = cases
        .iter()
        .find(|case| case["text"] == text)
        .unwrap_or_else(|| panic!("no case with the text {text}"));
    desk.get(&format!("/v1/cases/{}", line["id"].as_str().unwrap()))
        .unwrap()
}

fn flags(view: &Value) -> Vec<&str> {
    codes(&view["flags"])
}

/// Codes of flags; an absent list counts as empty.
fn codes(flags: &Value) -> Vec<&str> {
    let flags = flags.as_array().into_iter().flatten();
    flags.map(|flag| flag["code"].as_str().unwrap()).collect()
}

fn story_34_mock_fix_is_flagged_on_check_ins_answers_and_activities(stage: &StoryStage) {
    let city = stage.city();
    let supervisor = stage::desk(&city, "dudao", Role::Supervisor);
    let mut handset = stage.patroller(&city, "135", None);
    // Each entry has a photo of its own: one used again is flagged too.
    for (photos, mock, zero, wanted) in [
        ([341, 342], false, false, &[][..]),
        ([343, 344], true, false, &["mock_position"]),
        ([345, 346], true, true, &["mock_position", "zero_accuracy"]),
    ] {
        let fix = Position {
            mock,
            accuracy_cm: if zero { 0 } else { 500 },
            ..at(&city, CELL)
        };
        let terminal = handset.open().unwrap();
        terminal.check_in(Some(fix.clone()), "").unwrap();
        assert!(handset.sync().unwrap().is_success());
        let duty = supervisor.all("/v1/duty").unwrap();
        assert_eq!(
            (duty.len(), flags(&duty[0])),
            (1, wanted.to_vec()),
            "the check-in"
        );

        let asked = json!({"purpose": "inspect", "wording": "请到现场看", "cell": CELL});
        let task = supervisor.post("/v1/tasks", &asked).unwrap();
        assert!(handset.sync().unwrap().is_success());
        let terminal = handset.open().unwrap();
        let open = terminal.tasks().unwrap();
        let open = open.iter().find(|task| task.answered.is_none()).unwrap();
        let mut draft = open.begin_answer(Answer::True).unwrap();
        draft
            .text("看过")
            .at(fix.clone())
            .add_photo(PhotoSource::Path(&stage.small_photo(photos[0])))
            .unwrap();
        draft.submit().unwrap();
        let mut draft = terminal.new_activity().unwrap();
        draft
            .category("fitness")
            .title("健步走")
            .starts(real_now().plus(-4 * 3_600_000))
            .ends(real_now().plus(-2 * 3_600_000))
            .place("广场")
            .organiser("居委会")
            .participants(40)
            .at(fix)
            .add_photo(PhotoSource::Path(&stage.small_photo(photos[1])))
            .unwrap();
        let record = draft.submit().unwrap().record;
        terminal.check_out(None, "").unwrap();
        assert!(handset.sync().unwrap().is_success());

        let task = task["id"].as_str().unwrap();
        let task = supervisor.get(&format!("/v1/tasks/{task}")).unwrap();
        assert_eq!(task["state"], "answered", "a flagged answer must be accepted");
        assert_eq!(codes(&task["answer_flags"]), wanted, "the answer");
        let activity = supervisor.get(&format!("/v1/activities/{record}")).unwrap();
        assert_eq!(flags(&activity), wanted, "the activity");
    }
}

fn story_34_mock_fix_on_a_report_is_flagged_and_never_refused(stage: &StoryStage) {
    let city = stage.city();
    let mut handset = stage.patroller(&city, "134", None);
    let acceptor = stage::desk(&city, "shouli", Role::Acceptor);
    let good = at(&city, CELL);
    handset.open().unwrap().check_in(Some(good.clone()), "").unwrap();
    assert!(handset.sync().unwrap().is_success());
    let mock = Position {
        mock: true,
        ..good.clone()
    };
    let zero = Position {
        accuracy_cm: 0,
        ..good.clone()
    };
    let both = Position {
        accuracy_cm: 0,
        mock: true,
        ..good.clone()
    };
    let typed = Position {
        provider: "manual".into(),
        ..good
    };
    // (position of the worker, position of the matter, flags that the centre sees)
    type FixCase<'a> = (&'a str, &'a Position, Option<&'a Position>, &'a [&'a str]);
    let told: [FixCase<'_>; 5] = [
        ("真实定位", &good, None, &[]),
        ("虚拟定位", &mock, None, &["mock_position"]),
        ("精度为零", &zero, None, &["zero_accuracy"]),
        ("又虚拟又为零", &both, None, &["mock_position", "zero_accuracy"]),
        (
            "手填地点盖不住虚拟定位",
            &both,
            Some(&typed),
            &["mock_position", "zero_accuracy"],
        ),
    ];
    for (text, stands, place, _) in told {
        let mut draft = handset.open().unwrap().new_report().unwrap();
        draft.text(text).at(stands.clone());
        if let Some(place) = place {
            draft.place(place.clone());
        }
        // An accuracy of 0 m is not exact: the handset must answer with a cell and not fail.
        let place = handset
            .open()
            .unwrap()
            .where_is(stands.point, Some(stands.accuracy_cm))
            .unwrap();
        assert_eq!(place.cell().unwrap().code.as_str(), CELL);
        draft.submit().unwrap();
    }
    assert!(handset.sync().unwrap().is_success());
    assert_eq!(cases(&city), 5, "no report may be refused");
    for (text, stands, _, wanted) in told {
        let case = case(&acceptor, text);
        assert_eq!(flags(&case), wanted, "{text}");
        assert_eq!(case["cell"], CELL);
        assert_eq!(
            case["place"],
            json!(stands.point),
            "{text}: the original position must be stored unchanged"
        );
    }
    for row in handset.open().unwrap().queue().unwrap() {
        assert_eq!(row.state, ItemState::Received, "{:?}", row.summary);
    }
}

/// The cell that the handset wrote into a report.
fn cell_of(handset: &mut e2e::handset::Handset, id: EntryId) -> Value {
    let (entry, _) = handset.open().unwrap().store().entry(id).unwrap();
    let Payload::Report(report) =
        Payload::read(protocol::payload::EntryKind::Report, &entry.payload).unwrap()
    else {
        panic!("not a report")
    };
    json!(report.cell)
}

fn corners(city: &City) -> Vec<PointE7> {
    let pack = city.pack.view();
    let cell = pack.cell("220104010101".parse().unwrap()).unwrap();
    let centre = cell.centroid();
    // All cells of the small city have the same size: half a cell east and north of a centre is a corner of
    // four cells.
    let east = pack.cell("220104010102".parse().unwrap()).unwrap().centroid();
    let north = pack.cell("220104010103".parse().unwrap()).unwrap().centroid();
    let (lon, lat) = (
        i32::midpoint(centre.lon, east.lon),
        i32::midpoint(centre.lat, north.lat),
    );
    vec![
        PointE7 { lat, lon },
        PointE7 { lat: centre.lat, lon },
        PointE7 { lat, lon: centre.lon },
    ]
}

fn story_34_other_datums_and_edge_points_get_the_same_cell_on_both_ends(stage: &StoryStage) {
    let city = stage.city();
    let mut handset = stage.patroller(&city, "234", None);
    let acceptor = stage::desk(&city, "shouli", Role::Acceptor);
    handset
        .open()
        .unwrap()
        .check_in(Some(at(&city, CELL)), "")
        .unwrap();
    let home = handset.home().to_owned();

    // On the edge of two cells and the corner of four: the same single cell on both ends, and the neighbours
    // are listed.
    for (k, point) in corners(&city).into_iter().enumerate() {
        let on_the_edge = fix(point, 8);
        let place = handset.open().unwrap().where_is(point, Some(800)).unwrap();
        let PlaceAnswer::In { cell, candidates, .. } = place.answer else {
            panic!("{:?}", place.answer)
        };
        let around = if k == 0 { 4 } else { 2 };
        assert_eq!(candidates.len(), around, "{candidates:?}");
        let shares: f64 = candidates.iter().map(|c| c.share).sum();
        assert!((shares - 1.0).abs() < 0.01, "{candidates:?}");
        assert!(candidates.windows(2).all(|pair| pair[0].share >= pair[1].share));
        let text = format!("边上{k}");
        let id = {
            let mut draft = handset.open().unwrap().new_report().unwrap();
            draft.text(&text).at(on_the_edge);
            draft.submit().unwrap().item
        };
        assert_eq!(cell_of(&mut handset, id), json!(cell.code));
        assert!(handset.sync().unwrap().is_success());
        let case = case(&acceptor, &text);
        assert_eq!(
            (&case["cell"], flags(&case)),
            (&json!(cell.code), vec![]),
            "both ends must choose the same cell"
        );
    }

    // Coordinates from a Chinese map are off by hundreds of metres; labelled with their datum they are
    // converted once.
    let here = at(&city, CELL).point;
    for datum in [Datum::Gcj02, Datum::Bd09] {
        let shifted = datum::from_wgs84(here, datum);
        let off = shifted.metres_to(here);
        assert!((50.0..2_000.0).contains(&off), "{off} m");
        let name = if datum == Datum::Gcj02 { "gcj02" } else { "bd09" };
        let (lat, lon) = shifted.degrees();
        let (named, bare) = (
            format!("{lat:.7},{lon:.7},8,{name}"),
            format!("{lat:.7},{lon:.7},8"),
        );
        let text = format!("地图坐标{name}");
        let (code, said) = xunge_json(&home, &["report", "--text", &text, "--at", &named]);
        assert_eq!(code, 0, "{said}");
        let (_, wrong) = xunge_json(&home, &["where", &bare]);
        assert_ne!(
            wrong["place"]["cell"]["code"], CELL,
            "without the label the place must differ"
        );
        assert!(handset.sync().unwrap().is_success());
        let case = case(&acceptor, &text);
        assert_eq!((&case["cell"], flags(&case)), (&json!(CELL), vec![]));
        let stored: PointE7 = serde_json::from_value(case["place"].clone()).unwrap();
        assert!(stored.metres_to(here) < 1.0, "must be stored in WGS-84");
    }
    let plain = file(&city, &mut handset, "直接定位", &[]);
    assert!(handset.sync().unwrap().is_success());
    assert_eq!(cell_of(&mut handset, plain), json!(CELL));
    assert_eq!(cases(&city), 6);
}
