//! Unsent entries are safe when the terminal is revoked or wiped, when there is no network for days, and when the
//! database is damaged.

use crate::stage::{
    self, StoryStage, at, cases, counts, entries, file, invite, line, photos, xunge, xunge_json,
};
use e2e::{city::City, handset::Handset, line::LineFault, process::program};
use protocol::role::Role;
use serde_json::{Value, json};
use std::{
    path::Path,
    process::{Command, Stdio},
};
use terminal_core::photos::PhotoSource;

on_both_engines!(
    revoked_terminal_deletes_its_data_only_after_the_sealed_parcel_is_received,
    wipe_order_is_executed_only_after_the_receipt_despite_crashes,
    exported_entries_count_once_for_any_carrier_and_time,
    damaged_database_is_salvaged_and_new_work_starts_a_new_stream,
);

/// Runs a tool of the server's command line on the story's data; returns exit code and output.
fn tool(stage: &StoryStage, city: &City, verbs: &[&str], args: &[&str]) -> (i32, String) {
    let mut command = Command::new(program("xunge-server").unwrap());
    command
        .args(verbs)
        .arg("--data")
        .arg(city.server.data())
        .args(args);
    if let Some(database) = stage.setup().database {
        command.arg("--database").arg(database);
    }
    let output = command.env("RUST_LOG", "warn").output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.code().is_some(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    (output.status.code().unwrap(), said)
}

fn revoke(city: &City, handset: &mut Handset) {
    let stream = handset.open().unwrap().account().stream;
    let path = format!("/v1/streams/{stream}/revoke");
    city.admin.post(&path, &json!({"reason": "lost"})).unwrap();
}

/// Files that are left in a home that must be empty.
fn remains(home: &Path) -> Vec<String> {
    let mut names: Vec<String> = walk(home)
        .into_iter()
        .filter(|name| !name.ends_with(".lock") && name != "handed-over.json")
        .collect();
    names.sort();
    names
}

fn walk(folder: &Path) -> Vec<String> {
    std::fs::read_dir(folder)
        .unwrap()
        .flat_map(|entry| {
            let entry = entry.unwrap();
            if entry.path().is_dir() {
                walk(&entry.path())
            } else {
                vec![entry.file_name().to_string_lossy().into_owned()]
            }
        })
        .collect()
}

fn revoked_terminal_deletes_its_data_only_after_the_sealed_parcel_is_received(stage: &StoryStage) {
    let city = stage.plain_city();
    let line = line(&city);
    let leader = stage::desk(&city, "banzhang", Role::ShiftLeader);
    let mut handset = stage.patroller(&city, "140", Some(&line));
    let one = file(
        &city,
        &mut handset,
        "井盖缺失",
        &[stage.small_photo(1), stage.small_photo(2)],
    );
    let two = file(&city, &mut handset, "乱堆物料", &[]);
    let here = at(&city, "220104010101");
    let mut draft = handset.open().unwrap().new_report().unwrap();
    draft.text("没写完").at(here);
    draft.add_photo(PhotoSource::Path(&stage.small_photo(3))).unwrap();
    drop(draft);
    revoke(&city, &mut handset);

    // The server has stored everything, but its response is lost: nothing may be deleted.
    line.set(LineFault::LoseAnswer("POST /v1/field/parcel".into()));
    let report = handset.sync().unwrap();
    assert!(report.handed_over.is_none() && !report.is_success());
    assert_eq!((report.entries_waiting, report.photos_waiting), (2, 2));
    assert_eq!(entries(&city), 2);
    assert_eq!(handset.open().unwrap().store().drafts().unwrap().len(), 1);

    line.set(LineFault::Good);
    handset.kill();
    let stream = handset.open().unwrap().account().stream;
    let done = handset
        .sync()
        .unwrap()
        .handed_over
        .expect("everything must be delivered");
    assert_eq!(
        (done.entries, done.photos, done.drafts, done.photos_missing),
        (2, 3, 1, 0)
    );
    handset.kill();
    assert_eq!(remains(handset.home()), Vec::<String>::new());
    let (exit, said) = xunge_json(handset.home(), &["status"]);
    assert_eq!(
        (exit, said["error"]["code"].as_str().unwrap()),
        (1, "terminal.handed_over")
    );
    assert!(
        said["error"]["zh"]
            .as_str()
            .unwrap()
            .contains("2 条内容、3 张照片、1 份草稿已封存交接"),
        "{said}"
    );

    // Everything is in the review queue once, and none of it is applied.
    assert_eq!((entries(&city), cases(&city)), (2, 0));
    assert_eq!(counts(&city)["entries"], json!({"review": 2}));
    let lane = leader.all("/v1/review").unwrap();
    assert_eq!(lane.len(), 2);
    assert_eq!(lane[0]["entry"], json!(one));
    assert_eq!(lane[0]["photos_held"].as_array().unwrap().len(), 2);
    let parcels = leader.all("/v1/parcels").unwrap();
    let kept: Vec<(&Value, &Value)> = parcels
        .iter()
        .flat_map(|p| {
            p["kept"]
                .as_array()
                .unwrap()
                .iter()
                .map(|kept| (&p["id"], &kept["sha256"]))
        })
        .collect();
    assert_eq!(kept.len(), 1);
    let [parcel, sha256] = [kept[0].0, kept[0].1].map(|id| id.as_str().unwrap());
    let draft = leader
        .get(&format!("/v1/parcels/{parcel}/kept/{sha256}"))
        .unwrap();
    assert_eq!(draft["content"]["text"], "没写完");
    leader
        .post(&format!("/v1/review/{one}"), &json!({"decision": "apply"}))
        .unwrap();
    leader
        .post(
            &format!("/v1/review/{two}"),
            &json!({"decision": "reject", "reason": "已由他人上报"}),
        )
        .unwrap();
    assert_eq!(cases(&city), 1);
    assert_eq!(photos(&city), (2, 2), "only the photos that entries name");

    let (exit, said) = tool(stage, &city, &["audit", "completeness"], &["--json"]);
    assert_eq!(exit, 0, "{said}");
    let audit: Value = serde_json::from_str(&said).unwrap();
    let of = audit["streams"]
        .as_array()
        .unwrap()
        .iter()
        .find(|s| s["stream"] == json!(stream))
        .unwrap();
    assert_eq!(
        (&of["sealed"], &of["missing"], &of["photos_held"]),
        (&json!(2), &json!(0), &json!(3))
    );
    assert!(of["handed_over"].is_i64());
}

fn wipe_order_is_executed_only_after_the_receipt_despite_crashes(stage: &StoryStage) {
    let city = stage.plain_city();
    let line = line(&city);
    let mut handset = stage.patroller(&city, "141", Some(&line));
    for n in 0..5 {
        file(&city, &mut handset, &format!("第{n}条"), &[stage.small_photo(n)]);
    }
    let (terminal, home) = (
        handset.open().unwrap().account().terminal,
        handset.home().to_owned(),
    );
    handset.kill();
    city.admin
        .post(
            &format!("/v1/terminals/{terminal}/wipe"),
            &json!({"reason": "lost"}),
        )
        .unwrap();
    let sync = || {
        xunge(&home, &["sync"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    };
    for fault in [
        LineFault::Stall(4_000),
        LineFault::HoldAnswer("POST /v1/field/parcel".into()),
        LineFault::HoldAnswer("POST /v1/field/parcel".into()),
    ] {
        let before = line.faults();
        line.set(fault);
        let mut dying = sync();
        assert!(line.wait_for_faults(before + 1));
        dying.kill().unwrap();
        dying.wait().unwrap();
        line.set(LineFault::Good);
        let waiting = Handset::existing(&home).open().unwrap().status().unwrap();
        assert_eq!(
            (waiting.items_waiting, waiting.photos_waiting),
            (5, 5),
            "nothing may be deleted without a receipt"
        );
    }
    let (exit, said) = xunge_json(&home, &["sync"]);
    assert_eq!(exit, 0, "{said}");
    assert_eq!(said["report"]["handed_over"]["code"], "terminal.wipe");
    assert_eq!(said["report"]["handed_over"]["entries"], 5);
    assert_eq!(remains(&home), Vec::<String>::new());
    assert_eq!((entries(&city), photos(&city)), (5, (5, 5)));
    let terminals = city.admin.all("/v1/terminals").unwrap();
    let view = terminals.iter().find(|t| t["id"] == json!(terminal)).unwrap();
    assert!(view["streams"][0]["handed_over"].is_i64(), "{view}");

    // The folder can be enrolled for another user, who sees nothing of the previous one.
    let next = invite(&city, "142");
    let mut handset = Handset::enrol(&home, &next.invitation, None).unwrap();
    assert!(handset.sync().unwrap().is_success());
    assert!(handset.open().unwrap().queue().unwrap().is_empty());
}

fn exported_entries_count_once_for_any_carrier_and_time(stage: &StoryStage) {
    let city = stage.city();
    let mut handset = stage.patroller(&city, "143", None);
    file(&city, &mut handset, "没有网络一", &[stage.small_photo(1)]);
    file(&city, &mut handset, "没有网络二", &[]);
    handset.kill();
    let (card, again) = (stage.path("card.xgp"), stage.path("card-2.xgp"));
    let export = |file: &Path| xunge_json(handset.home(), &["export-parcel", file.to_str().unwrap()]);
    let (exit, said) = export(&card);
    assert_eq!(
        (exit, &said["entries"], &said["photos"]),
        (0, &json!(2), &json!(1)),
        "{said}"
    );
    assert_eq!(export(&card).1["error"]["code"], "parcel.file_exists");
    assert_eq!(export(&again).0, 0);
    let bytes = std::fs::read(&card).unwrap();
    assert!(!bytes.windows(12).any(|w| w == "没有网络".as_bytes()), "sealed");

    for card in [&card, &again, &card] {
        let (exit, said) = tool(stage, &city, &["parcel", "import"], &[card.to_str().unwrap()]);
        assert_eq!(exit, 0, "{said}");
        assert!(said.contains("条目 2，照片 1"), "{said}");
    }
    assert_eq!((entries(&city), cases(&city), photos(&city)), (2, 2, (1, 1)));
    let changed = stage.path("changed.xgp");
    std::fs::write(&changed, &bytes[..bytes.len() - 1]).unwrap();
    assert_ne!(
        tool(stage, &city, &["parcel", "import"], &[changed.to_str().unwrap()]).0,
        0
    );

    // The network is back: the handset gets receipts for the entries that the card delivered.
    assert!(handset.sync().unwrap().is_success());
    assert_eq!((entries(&city), cases(&city), photos(&city)), (2, 2, (1, 1)));
}

fn damaged_database_is_salvaged_and_new_work_starts_a_new_stream(stage: &StoryStage) {
    const PAGE: usize = 4096;
    let city = stage.city();
    type Damage = fn(&mut Vec<u8>);
    let damages: [(&str, Damage); 3] = [
        ("150", |bytes| bytes[..16].fill(0)),
        ("151", |bytes| bytes[..PAGE].fill(0)),
        ("152", |bytes| bytes.truncate(bytes.len() / PAGE * 3 / 4 * PAGE)),
    ];
    let mut taken = 0;
    for (number, damage) in damages {
        let invited = invite(&city, number);
        let mut handset = stage.handset(&city, &invited, number, None, None);
        for n in 0..12 {
            file(&city, &mut handset, &format!("{number} 第{n}条"), &[]);
        }
        file(&city, &mut handset, "有照片", &[stage.small_photo(7)]);
        let old = handset.open().unwrap().account().stream;
        handset.kill();
        let home = handset.home().to_owned();
        let database = home.join("account.db");
        let mut bytes = std::fs::read(&database).unwrap();
        damage(&mut bytes);
        std::fs::write(&database, bytes).unwrap();

        let (exit, said) = xunge_json(&home, &["salvage"]);
        assert_eq!(exit, 0, "{number}: {said}");
        let report = &said["salvaged"][0];
        assert_eq!(report["delivered"], true, "{report}");
        let saved = report["entries"].as_u64().unwrap();
        let lost: u64 = report["lost"]
            .as_array()
            .unwrap()
            .iter()
            .map(|range| range[1].as_u64().unwrap() - range[0].as_u64().unwrap() + 1)
            .sum();
        assert_eq!(
            saved + lost,
            13,
            "{number}: each number must be saved or listed as lost: {report}"
        );
        if number != "152" {
            assert_eq!(saved, 13, "{number}: nothing may be lost");
        }
        assert_eq!(report["photos"], 1, "{number}");
        let audit = city
            .admin
            .get(&format!("/v1/streams/{old}/completeness"))
            .unwrap();
        assert_eq!(audit["sealed"].as_u64().unwrap(), saved, "{number}: {audit}");
        assert_eq!(
            xunge_json(&home, &["salvage"]).1["salvaged"],
            json!([]),
            "{number}: the report must be shown once"
        );
        taken += saved;

        // The stream was active, so its reports are applied; new work starts in a new stream.
        assert_eq!(cases(&city), taken);
        let again = city.invite(number, &invited.post, &invited.person).unwrap();
        let mut handset = Handset::enrol(&home, &again.invitation, None).unwrap();
        assert!(handset.sync().unwrap().is_success());
        file(&city, &mut handset, "新的开始", &[]);
        assert!(handset.sync().unwrap().is_success());
        taken += 1;
        assert_eq!(cases(&city), taken);
        assert_ne!(handset.open().unwrap().account().stream, old);
        let certificate = &handset.open().unwrap().account().certificate.certificate;
        assert!(
            certificate.contains(&format!("\"predecessor\":\"{old}\"")),
            "{certificate}"
        );
    }
}
