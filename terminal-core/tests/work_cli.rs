//! The command line as worker and scripts use it: the product's binary, a home of its own, no network.
#![allow(
    clippy::disallowed_methods,
    reason = "the command line runs on the real clock"
)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::wildcard_imports
)]

#[path = "work_cli/choosing.rs"]
mod choosing;
#[path = "work_cli/documents.rs"]
mod documents;
#[path = "work_cli/history_users.rs"]
mod history_users;
#[path = "work_cli/wording.rs"]
mod wording;

use protocol::{
    duty::{Purpose, TaskRow},
    entry::{Disposition, Reason},
    feed::{ActivityRow, ActivityState, DispositionRow, Mailbox, kind},
    ids::{EntryId, PersonId, PostId, RecordId, TaskId},
    manifest::FileName,
    problem::ErrorCode,
    time::Millis,
};
use serde_json::{Value, json};
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};
use tempfile::TempDir;
use terminal_core::{
    platform::Platform,
    store::{HandsetStore, testing},
};
use uuid::Uuid;

mod work_support;
use work_support::{enrol, in_the_west_cell, picture, row, two_cells};

/// The product's binary, built before with default features: these tests have the feature `testing`, the
/// binary that they run must not have it.
fn xunge() -> PathBuf {
    let here = std::env::current_exe().unwrap();
    let found = here
        .ancestors()
        .skip(1)
        .take(2)
        .map(|folder| folder.join("xunge"));
    found
        .into_iter()
        .find(|path| path.is_file())
        .expect("build it first: cargo build -p terminal-core --bin xunge")
}

struct Home(TempDir);

impl Home {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        enrol(&dir.path().join("h"));
        Self(dir)
    }
    fn path(&self) -> PathBuf {
        self.0.path().join("h")
    }
    fn store(&self) -> HandsetStore {
        let platform = Platform::command_line(&self.path()).unwrap();
        HandsetStore::open(&self.path(), platform.keystore.database_key().unwrap()).unwrap()
    }
    fn file(&self, name: &str, bytes: &[u8]) -> String {
        let path = self.0.path().join(name);
        fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    }
    fn run(&self, arguments: &[&str]) -> Output {
        run(&self.path(), arguments)
    }
    /// The text of a command that succeeds.
    fn says(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let (out, err) = texts(&output);
        assert!(output.status.success(), "{arguments:?}: {err}{out}");
        assert_eq!(err, "", "{arguments:?}");
        out
    }
    /// The text of a command that fails with exit code 1.
    fn refuses(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let (out, err) = texts(&output);
        assert_eq!(
            (output.status.code(), out.as_str()),
            (Some(1), ""),
            "{arguments:?}: {err}"
        );
        err
    }
    fn json(&self, arguments: &[&str]) -> Value {
        let output = self.run(&[&["--json"], arguments].concat());
        let (out, err) = texts(&output);
        assert_eq!(err, "", "{arguments:?}");
        serde_json::from_str(&out).unwrap_or_else(|e| panic!("{arguments:?}: {e}: {out}"))
    }
}

/// Runs without the caller's environment variables that could change the result.
fn run(home: &Path, arguments: &[&str]) -> Output {
    Command::new(xunge())
        .env_clear()
        .arg("--home")
        .arg(home)
        .args(arguments)
        .output()
        .unwrap()
}
fn texts(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (text(&output.stdout), text(&output.stderr))
}
fn now() -> i64 {
    i64::try_from(std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_millis()).unwrap()
}
fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

const AT: &str = "43.8575,125.3006,8";

#[test]
fn a_wrong_command_line_is_reported_in_both_languages_and_as_a_document() {
    let home = Home::new();
    for (arguments, zh) in [
        (&["where"][..], "缺少"),
        (&["where", "43.8", "125.3"], "不认识"),
        (&["fly"], "没有命令"),
        (&["report", "--photo"], "缺少内容"),
        (&["--lang", "de", "status"], "不能是 de"),
        (&["report", "--draft", "a", "--mend", "b"], "不能同时用"),
    ] {
        let output = home.run(arguments);
        let (out, err) = texts(&output);
        assert_eq!(
            (output.status.code(), out.as_str()),
            (Some(2), ""),
            "{arguments:?}"
        );
        assert!(err.lines().next().unwrap().contains(zh), "{arguments:?}: {err}");
        let document = home.json(arguments);
        assert_eq!(document["ok"], false);
        assert_eq!(document["error"]["code"], "cli.usage");
        assert!(
            document["error"]["zh"].as_str().unwrap().contains(zh),
            "{document}"
        );
    }
    assert!(home.says(&["--help"]).contains("退出码"));
}

#[test]
fn a_photo_given_twice_is_kept_once_and_reported() {
    let home = Home::new();
    let photo = home.file("p.jpg", &picture(3));
    let said = home.says(&["report", "--type", "E0102", "--photo", &photo, "--photo", &photo]);
    assert!(
        said.contains("照片 1 张") && said.contains("有 1 张照片重复"),
        "{said}"
    );
}

#[test]
fn a_whole_day_works_without_a_network() {
    let home = Home::new();
    assert!(home.says(&["queue"]).contains("队列是空的"));
    let said = home.says(&["check-in", "--at", AT, "--note", "早班"]);
    assert!(
        said.starts_with("已签到，保存在本机，联网后自动上传\n签到"),
        "{said}"
    );
    let again = home.refuses(&["check-in"]);
    assert!(
        again.contains("已在") && again.ends_with("（checkin.already）\n"),
        "{again}"
    );

    let photo = home.file("p.jpg", &picture(1));
    let said = home.says(&[
        "report",
        "--type",
        "暴露垃圾",
        "--photo",
        &photo,
        "--at",
        AT,
        "--text",
        "路边三袋",
    ]);
    assert!(
        said.starts_with("已保存在本机，联网后自动上传\n上报  暴露垃圾，路边三袋  照片 1 张  编号 "),
        "{said}"
    );
    assert!(!said.contains("受理号"), "no number before the receipt: {said}");

    let queue = home.says(&["queue"]);
    let lines: Vec<&str> = queue.lines().collect();
    assert_eq!(lines.len(), 3, "{queue}");
    assert!(
        lines[1].contains("暴露垃圾，路边三袋") && lines[1].contains("0/1") && lines[1].ends_with("待上传")
    );
    assert!(
        lines[2].contains("签到"),
        "what was filed last stands first: {queue}"
    );

    assert!(home.says(&["status"]).contains("在岗"));
    assert!(home.says(&["where", AT]).contains("还没有网格"));
    assert!(home.says(&["tasks"]).contains("没有待办任务"));
    assert!(home.says(&["types", "井盖"]).contains("C0101  上水井盖"));
    assert!(home.says(&["check-out"]).starts_with("已签退"));
    assert!(home.says(&["status"]).contains("未到岗"));
    assert!(home.says(&["--lang", "en", "queue"]).contains("Waiting to send"));
}

#[test]
fn a_decision_of_the_server_is_shown_with_reason_and_next_step() {
    let home = Home::new();
    let photo = home.file("p.jpg", &picture(2));
    let report = home.json(&["report", "--type", "E0102", "--photo", &photo]);
    let id: EntryId = report["item"]["id"].as_str().unwrap().parse().unwrap();
    let record: RecordId = report["item"]["record"].as_str().unwrap().parse().unwrap();
    let store = home.store();
    testing::receive_all(&store, Millis(now()), false).unwrap();
    let number = protocol::entry::receipt_number(id);
    let queue = home.says(&["queue"]);
    assert!(
        queue.contains(&format!("已收到，照片 0/1 · 受理号 {number}")),
        "{queue}"
    );
    testing::receive_all(&store, Millis(now()), true).unwrap();
    assert!(home.says(&["queue"]).contains("队列是空的"));
    assert!(
        home.says(&["queue", "--all"])
            .contains(&format!("已收到 · 受理号 {number}"))
    );
    let body = DispositionRow {
        entry: id,
        record,
        disposition: Disposition::rejected(Reason::new(
            ErrorCode::parse("report.blurred"),
            "照片看不清，请重拍",
            "blurred, take it again",
        )),
        at: Millis(now()),
    };
    testing::pull(&store, vec![row(Mailbox::Author, 1, kind::DISPOSITION, id, body)]).unwrap();
    let queue = home.says(&["queue"]);
    assert!(
        queue.contains("被退回：照片看不清，请重拍") && queue.contains("report --revise"),
        "{queue}"
    );
    let mended = home.json(&["report", "--mend", &number, "--text", "补拍"]);
    assert_eq!(mended["item"]["record"], json!(record));
    assert_eq!(mended["item"]["photos"]["named"], 1);
    let refused = home.refuses(&["report", "--mend", &number]);
    assert!(refused.contains("item.mended_already"), "{refused}");
}

#[test]
fn a_draft_is_kept_when_a_later_photo_is_refused_and_can_be_continued() {
    let home = Home::new();
    let (good, bad) = (home.file("a.jpg", &picture(3)), home.file("b.jpg", b"no photo"));
    let said = home.refuses(&["report", "--type", "E0102", "--photo", &bad]);
    assert_eq!(
        said,
        "照片 b.jpg：这不是照片，请重新选择；没有提交（photo.not_an_image）\n"
    );
    assert!(home.says(&["queue"]).contains("队列是空的"));
    let said = home.refuses(&["report", "--type", "E0102", "--photo", &good, "--photo", &bad]);
    assert!(
        said.contains("前 1 张已存入草稿") && said.contains("--draft"),
        "{said}"
    );
    let queue = home.json(&["queue"]);
    let draft = &queue["items"][0];
    assert_eq!(
        (draft["state"].as_str(), draft["photos"]["named"].as_u64()),
        (Some("draft"), Some(1))
    );
    let id = draft["id"].as_str().unwrap();
    let tail = &id[id.len() - 8..];
    let filed = home.json(&["report", "--draft", tail]);
    assert_eq!(
        (filed["item"]["id"].as_str(), &filed["again"]),
        (Some(id), &json!(false))
    );
    let again = home.says(&["report", "--draft", tail]);
    assert!(
        again.starts_with("这一条之前已提交，没有重复提交：待上传"),
        "{again}"
    );
    assert_eq!(home.json(&["queue"])["items"].as_array().unwrap().len(), 1);
    assert!(home.says(&["withdraw", tail]).contains("已取消"));
    let queue = home.json(&["queue", "--all"]);
    assert_eq!(queue["items"][0]["state"], "cancelled");
}

#[test]
fn story_31_a_kill_in_the_middle_of_a_report_loses_nothing() {
    let home = Home::new();
    let photos: Vec<String> = (0..20)
        .map(|k| home.file(&format!("{k}.jpg"), &picture(1000 + k)))
        .collect();
    let mut arguments = vec!["report", "--type", "E0102", "--text", "排水口堵塞"];
    photos
        .iter()
        .for_each(|photo| arguments.extend(["--photo", photo]));
    let mut child = Command::new(xunge())
        .env_clear()
        .arg("--home")
        .arg(home.path())
        .args(&arguments)
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let taken = || {
        let files = fs::read_dir(home.path().join("photos")).into_iter().flatten();
        files
            .filter(|f| {
                f.as_ref()
                    .is_ok_and(|f| f.path().extension() == Some("photo".as_ref()))
            })
            .count()
    };
    while taken() < 3 && child.try_wait().unwrap().is_none() {
        std::thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();

    let queue = home.json(&["queue"]);
    let items = queue["items"].as_array().unwrap();
    assert_eq!(items.len(), 1, "{queue}");
    assert_eq!(items[0]["summary"], "暴露垃圾，排水口堵塞");
    let named = items[0]["photos"]["named"].as_u64().unwrap();
    // Each photo is in the draft before the next is added, so at most the current one is missing.
    assert!(named >= 2, "{named} photos in {queue}");
    // The same photos again are added once, and one report is filed.
    let id = items[0]["id"].as_str().unwrap();
    let mut rest = vec!["report", "--draft", id];
    photos.iter().for_each(|photo| rest.extend(["--photo", photo]));
    let filed = home.json(&rest);
    assert_eq!(
        (filed["item"]["id"].as_str(), &filed["item"]["photos"]["named"]),
        (Some(id), &json!(20))
    );
    assert_eq!(
        home.json(&["queue", "--all"])["items"].as_array().unwrap().len(),
        1
    );
}

#[test]
fn an_activity_is_filed_returned_and_revised() {
    let home = Home::new();
    let photo = home.file("p.jpg", &picture(4));
    let filing = [
        "activity",
        "--category",
        "fitness",
        "--title",
        "广场健身操",
        "--starts",
        "2026-11-22 09:00",
        "--ends",
        "2026-11-22 10:30",
        "--place",
        "文化广场",
        "--organiser",
        "文体站",
        "--participants",
        "42",
        "--fewer-photos",
        "--photo",
        &photo,
    ];
    // One photo where three are asked for: a script has to say that this is meant; the draft is kept.
    let unsaid: Vec<&str> = filing
        .iter()
        .copied()
        .filter(|a| *a != "--fewer-photos")
        .collect();
    let refused = home.refuses(&unsaid);
    assert!(
        refused.contains("要求至少 3 张照片，现在只有 1 张") && refused.contains("photo.fewer"),
        "{refused}"
    );
    let draft = home.json(&["queue"])["items"][0].clone();
    assert_eq!(draft["state"], "draft");
    home.says(&["withdraw", draft["id"].as_str().unwrap()]);
    let filed = home.json(&filing);
    let (id, record) = (filed["item"]["id"].clone(), filed["item"]["record"].clone());
    assert_eq!(filed["item"]["summary"], "广场健身操，文化广场");
    let store = home.store();
    testing::receive_all(&store, Millis(now()), true).unwrap();
    let body = ActivityRow {
        record: record.as_str().unwrap().parse().unwrap(),
        entry: id.as_str().unwrap().parse().unwrap(),
        version: 1,
        title: "广场健身操".into(),
        state: ActivityState::Returned.into(),
        reason: Some("请补充参加人员名单".into()),
        at: Millis(now()),
        made: None,
        starts: None,
        ends: None,
        category: None,
        participants: None,
        place: None,
    };
    testing::pull(
        &store,
        vec![row(
            Mailbox::Author,
            1,
            kind::ACTIVITY,
            record.as_str().unwrap(),
            body,
        )],
    )
    .unwrap();
    assert!(home.says(&["queue"]).contains("被退回：请补充参加人员名单"));
    let mended = home.json(&[
        "activity",
        "--mend",
        record.as_str().unwrap(),
        "--summary",
        "名单已附",
        "--fewer-photos",
    ]);
    assert_eq!(mended["item"]["record"], record);
    assert_ne!(mended["item"]["id"], id);
    for (argument, value, code) in [
        ("--ends", "2026-11-22 08:00", "activity.times"),
        ("--participants", "0", "activity.participants"),
        ("--starts", "昨天", "time.malformed"),
    ] {
        let mut wrong: Vec<&str> = filing.to_vec();
        let at = wrong.iter().position(|a| *a == argument).unwrap();
        wrong[at + 1] = value;
        assert!(home.refuses(&wrong).contains(code), "{code}");
    }
}
