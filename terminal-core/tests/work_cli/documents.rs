//! Tasks, places and JSON documents on the command line.

use super::*;

#[test]
fn a_task_is_found_and_answered_once() {
    let home = Home::new();
    let store = home.store();
    testing::file(&store, FileName::Grid, "220104.1", &two_cells()).unwrap();
    let task = TaskRow {
        task: TaskId(Uuid::from_u128(0xabcd_ef01)),
        purpose: Purpose::Verify.into(),
        wording: "有人反映路面积水，请核实".into(),
        cell: "220104010102".parse().unwrap(),
        place: Some(in_the_west_cell().point),
        address: Some("桂林路 12 号".into()),
        due: Millis(now() + 8_050_000),
        compare: None,
        case: None,
        post: PostId(Uuid::from_u128(3)),
        holder: PersonId(Uuid::from_u128(4)),
        holder_name: None,
        issued: Millis(now()),
    };
    testing::pull(&store, vec![row(Mailbox::Post, 1, kind::TASK, task.task, &task)]).unwrap();
    let tasks = home.says(&["tasks", "--at", "43.8575,125.3036,8"]);
    for part in [
        "abcdef01  核实  剩余 2 小时 14 分",
        "220104-01-01-02 桂林路街道 桂林社区",
        "西 241 米",
        "属实 或 不属实",
    ] {
        assert!(tasks.contains(part), "{part} in {tasks}");
    }
    assert!(
        home.refuses(&["answer", "abcdef01", "已整改"])
            .contains("task.answer_unfit")
    );
    assert!(
        home.refuses(&["answer", "abcdef01", "也许"])
            .contains("task.answer_unknown")
    );
    assert!(
        home.refuses(&["answer", "ffffffff", "属实"])
            .contains("task.unknown")
    );
    let photo = home.file("p.jpg", &picture(5));
    let said = home.says(&[
        "answer",
        "abcdef01",
        "不属实",
        "--text",
        "已退水",
        "--photo",
        &photo,
        "--at",
        AT,
    ]);
    assert!(
        said.contains("任务反馈  核实 不属实，已退水  照片 1 张"),
        "{said}"
    );
    assert!(
        home.refuses(&["answer", "abcdef01", "属实"])
            .contains("task.answered_already")
    );
    assert!(home.says(&["tasks"]).contains("没有待办任务"));
    assert!(home.says(&["tasks", "--all"]).contains("已反馈"));
}

#[test]
fn where_shows_cell_candidates_and_nearest_cell() {
    let home = Home::new();
    testing::file(&home.store(), FileName::Grid, "220104.1", &two_cells()).unwrap();
    assert_eq!(
        home.says(&["where", AT]),
        "220104-01-01-01 桂林路街道 桂林社区  ±8 米\n"
    );
    let border = home.says(&["where", "43.8575,125.3011,20"]);
    assert!(
        border.contains("可能是") && border.contains("220104-01-01-02"),
        "{border}"
    );
    let west = home.says(&["where", "43.8575,125.2990"]);
    assert!(
        west.starts_with("不在任何单元网格内\n最近：220104-01-01-01") && west.contains("80 米"),
        "{west}"
    );
    let west = home.json(&["where", "43.8575,125.2990"]);
    assert_eq!(west["answer"], "outside");
    assert_eq!(west["nearest"]["cell"]["code"], "220104010101");
    // The same place in coordinates of another datum.
    let shifted = home.json(&["where", "43.8575,125.3006", "--datum", "gcj02"]);
    assert_ne!(shifted["point"]["lon"], json!(125.3006));
    assert!(home.refuses(&["where", "125.3006,43.8575"]).contains("写反"));
    assert!(home.refuses(&["where", "x"]).contains("place.malformed"));
    assert!(
        home.refuses(&["where", AT, "--datum", "krassowski"])
            .contains("place.datum")
    );
    assert!(
        home.refuses(&["check-in", "--at", "43.8575,125.3006"])
            .contains("place.accuracy")
    );
}

#[test]
fn field_03_where_report_and_queue_say_how_good_the_fix_is() {
    let home = Home::new();
    testing::file(&home.store(), FileName::Grid, "220104.1", &two_cells()).unwrap();
    let wide = ["--fix-by", "network", "--fix-age", "2700"];
    let said = "定位误差约 120 米，请到空旷处重新定位\n定位是 45 分前的，请重新定位\n";
    let place = "43.8575,125.3006,120";
    assert!(
        home.says(&[&["where", place][..], &wide].concat())
            .ends_with(said)
    );
    let filed = home.says(&[&["report", "--type", "E0102", "--at", place][..], &wide].concat());
    // What was filed cannot be located again.
    assert!(
        filed.ends_with("定位误差约 120 米\n定位是 45 分前的\n"),
        "{filed}"
    );
    let fix = &home.json(&["queue"])["items"][0]["fix"];
    let codes: Vec<&Value> = fix["doubts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|doubt| &doubt["code"])
        .collect();
    assert_eq!(codes, ["imprecise", "stale_fix"]);
    assert_eq!(
        (&fix["accuracy_m"], &fix["provider"], &fix["mock"]),
        (&json!(120.0), &json!("network"), &json!(false))
    );
    assert_eq!(fix["age_ms"].as_i64().unwrap() / 60_000, 45);
    assert_eq!(fix["line_zh"], "网络定位 · ±120 米 · 45 分前");
    // A place that was typed has no circle of a receiver, and nothing to be doubted; a point on a map has no fix at all.
    assert_eq!(home.json(&["where", place])["fix"]["doubts"], json!([]));
    assert_eq!(home.json(&["where", "43.8575,125.3006"])["fix"], Value::Null);
    // The centre's own bounds hold, once the handset knows them.
    let asked = protocol::manifest::AskedEvidence {
        fix_accuracy_m: 200,
        fix_age_minutes: 60,
        ..Default::default()
    };
    testing::ask(&home.store(), asked).unwrap();
    let item = home.json(&[&["check-in", "--at", place][..], &wide].concat());
    assert_eq!(item["item"]["fix"]["doubts"], json!([]));
}

#[test]
fn a_sync_without_a_server_is_never_called_a_success() {
    let home = Home::new();
    home.says(&["check-in"]);
    let output = home.run(&["sync"]);
    let (out, err) = texts(&output);
    assert_eq!(output.status.code(), Some(3), "{out}{err}");
    assert!(
        out.contains("还没送达：1 条内容，都保存在本机") && out.contains("network.unreachable"),
        "{out}"
    );
    assert!(!out.contains("全部送达"), "{out}");
    let document: Value = serde_json::from_slice(&home.run(&["--json", "sync"]).stdout).unwrap();
    assert_eq!(
        (&document["ok"], &document["delivered"]),
        (&json!(true), &json!(false))
    );
    assert_eq!(document["report"]["entries_waiting"], 1);
    assert!(home.says(&["queue"]).contains("签到"));
}

#[test]
fn json_documents_keep_their_shape() {
    let home = Home::new();
    let item = [
        "awaits_reading",
        "case_state",
        "finished",
        "fix",
        "id",
        "kind",
        "made",
        "n",
        "next_try",
        "photos",
        "problem",
        "reason",
        "receipt_number",
        "record",
        "review",
        "state",
        "state_en",
        "state_zh",
        "summary",
        "summary_en",
    ];
    let mut filed = home.json(&["check-in"]);
    assert_eq!(keys(&filed), ["again", "command", "item", "ok"]);
    assert_eq!(keys(&filed["item"]), item);
    for changing in ["id", "record", "made"] {
        assert!(filed["item"][changing].is_string() || filed["item"][changing].is_i64());
        filed["item"][changing] = Value::Null;
    }
    assert_eq!(
        filed,
        json!({
            "ok": true, "command": "check-in", "again": false,
            "item": {
                "id": null, "record": null, "made": null, "n": 1, "kind": "check_in", "summary": "", "summary_en": "",
                "state": "queued", "state_zh": "待上传", "state_en": "Waiting to send", "finished": false,
                "receipt_number": null, "photos": { "sent": 0, "named": 0 }, "reason": null, "next_try": null,
                "problem": null, "case_state": null, "awaits_reading": false, "review": null, "fix": null,
            },
        })
    );
    assert_eq!(keys(&home.json(&["queue"])), ["command", "items", "ok"]);
    assert_eq!(keys(&home.json(&["queue"])["items"][0]), item);
    assert_eq!(
        keys(&home.json(&["status"])),
        [
            "clock",
            "command",
            "drafts",
            "grid",
            "held_back",
            "holder",
            "items_waiting",
            "last_contact",
            "last_sync",
            "ok",
            "on_duty",
            "on_duty_confirmed",
            "on_duty_since",
            "photos_waiting",
            "post",
            "returned",
            "server",
            "stream",
            "tasks_open",
            "tasks_overdue",
            "terminal",
            "traffic",
        ]
    );
    assert_eq!(
        keys(&home.json(&["traffic"])["traffic"]),
        ["budget", "kinds", "metered", "month"]
    );
    assert_eq!(
        home.json(&["set", "budget-mb", "300"])["settings"],
        json!({
            "sync": "on", "wifi_only_photos": "on", "wifi_only_files": "on", "wifi_only_all": "off",
            "roaming": "off", "budget_mb": "300", "poll_minutes": "5", "network": "free",
        })
    );
    for wrong in [
        ["sync", "maybe"],
        ["budget-mb", "-1"],
        ["poll-minutes", "0"],
        ["nothing", "on"],
    ] {
        assert_eq!(
            home.json(&["set", wrong[0], wrong[1]])["error"]["code"],
            "set.value",
            "{wrong:?}"
        );
    }
    assert_eq!(
        keys(&home.json(&["where", AT])),
        [
            "accuracy_m",
            "answer",
            "candidates",
            "cell",
            "command",
            "fix",
            "grid",
            "nearest",
            "ok",
            "outside_share",
            "point"
        ]
    );
    assert_eq!(
        home.json(&["tasks"]),
        json!({ "ok": true, "command": "tasks", "tasks": [] })
    );
    let types = home.json(&["types", "E0102"]);
    assert_eq!(types["types"][0]["zh"], "暴露垃圾");
    let withdrawn = home.json(&["withdraw", "#1"]);
    assert_eq!(
        (&withdrawn["outcome"], &withdrawn["withdrawal"]),
        (&json!("cancelled"), &Value::Null)
    );
    let refused = home.json(&["check-out"]);
    assert_eq!(
        (&refused["ok"], &refused["error"]["code"]),
        (&json!(false), &json!("checkin.not"))
    );
    assert_eq!(keys(&refused["error"]), ["code", "en", "zh"]);
}

#[test]
fn a_folder_without_a_handset_is_unchanged_and_the_error_says_how_to_enrol() {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join("none");
    for command in [
        &["status"][..],
        &["sync"],
        &["report", "--text", "x"],
        &["enroll", "not-a-string"],
    ] {
        let output = run(&home, command);
        let (_, err) = texts(&output);
        assert_eq!(output.status.code(), Some(1), "{command:?}");
        assert!(
            err.contains("登记") && err.contains("（enrol."),
            "{command:?}: {err}"
        );
        assert!(!home.exists(), "{command:?} left something behind");
    }
    let output = Command::new(xunge()).env_clear().arg("status").output().unwrap();
    assert!(texts(&output).1.contains("cli.home"));
    let output = run(&home, &["--help"]);
    let (help, _) = texts(&output);
    for part in ["enroll", "check-in", "withdraw", "--json", "退出码"] {
        assert!(help.contains(part), "{part}");
    }
}
