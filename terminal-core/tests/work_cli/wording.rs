//! What the command line says where it used to mislead.

use super::*;
use protocol::field::Invitation;
use std::os::unix::fs::PermissionsExt as _;

fn invitation() -> String {
    Invitation {
        v: 1,
        server: "http://127.0.0.1:1".into(),
        code: "CODE-1".into(),
        pins: vec![],
        parcel_key: String::new(),
        contact: None,
    }
    .to_text()
    .unwrap()
}

#[test]
fn use_c_refusals_name_what_is_wrong_and_what_to_do() {
    let home = Home::new();
    let invitation = invitation();
    for (arguments, parts) in [
        (
            &["enroll", &invitation][..],
            &["本机已登记给", "enroll --another"][..],
        ),
        (&["set", "wifi", "on"], &["没有设置 wifi"]),
        (&["set", "sync", "maybe"], &["sync 不能是 maybe，可以是 on|off"]),
    ] {
        let said = home.refuses(arguments);
        for part in parts {
            assert!(said.contains(part), "{part} in {said}");
        }
    }
    // A wrong command line in one language.
    let (_, zh) = texts(&home.run(&["where"]));
    assert!(
        zh.starts_with("缺少 ") && zh.contains("\n用法：xunge where"),
        "{zh}"
    );
    assert!(!zh.contains("error:") && !zh.contains("Usage"), "{zh}");
    let (_, en) = texts(&home.run(&["--lang", "en", "where"]));
    assert!(en.starts_with("error: ") && !en.contains("缺少"), "{en}");

    let keys = home.path().join("keys.json");
    fs::set_permissions(&keys, fs::Permissions::from_mode(0o644)).unwrap();
    assert!(
        home.refuses(&["queue"])
            .contains("keys.json 权限过宽，请改为 600")
    );
    fs::set_permissions(&keys, fs::Permissions::from_mode(0o600)).unwrap();
    let kept = fs::read(&keys).unwrap();
    fs::write(&keys, b"{").unwrap();
    assert!(home.refuses(&["queue"]).contains("keys.json 已损坏"));
    fs::remove_file(&keys).unwrap();
    assert!(home.refuses(&["queue"]).contains("找不到 keys.json"));
    fs::write(&keys, kept).unwrap();
    fs::set_permissions(&keys, fs::Permissions::from_mode(0o600)).unwrap();
    home.says(&["queue"]);
}

#[test]
fn use_c_the_queue_names_commands_that_fit_its_rows() {
    let home = Home::new();
    let store = home.store();
    let task = TaskRow {
        task: TaskId(Uuid::from_u128(0xabcd_ef01)),
        purpose: Purpose::Verify.into(),
        wording: "请核实".into(),
        cell: "220104010102".parse().unwrap(),
        place: None,
        address: None,
        due: Millis(now() + 8_050_000),
        compare: None,
        case: None,
        post: PostId(Uuid::from_u128(3)),
        holder: PersonId(Uuid::from_u128(4)),
        holder_name: None,
        issued: Millis(now()),
    };
    testing::pull(&store, vec![row(Mailbox::Post, 1, kind::TASK, task.task, &task)]).unwrap();
    let said = home.json(&["answer", "abcdef01", "属实", "--fewer-photos"]);
    let id: EntryId = said["item"]["id"].as_str().unwrap().parse().unwrap();
    testing::receive_all(&store, Millis(now()), true).unwrap();
    let disposition = DispositionRow {
        entry: id,
        record: store.item(id).unwrap().unwrap().record,
        disposition: Disposition::rejected(Reason::new(
            ErrorCode::parse("task.blurred"),
            "看不清",
            "blurred",
        )),
        at: Millis(now()),
    };
    testing::pull(
        &store,
        vec![row(Mailbox::Author, 2, kind::DISPOSITION, id, disposition)],
    )
    .unwrap();
    let queue = home.says(&["queue"]);
    assert!(
        queue.contains("被退回的可修改后重新提交：answer 任务编号 回答"),
        "{queue}"
    );
    assert!(!queue.contains("--revise"), "{queue}");

    home.says(&["activity", "--title", "广场健身操", "--save"]);
    let queue = home.says(&["queue"]);
    assert!(queue.contains("草稿可继续：activity --draft 编号；"), "{queue}");
    home.says(&["report", "--text", "井盖破损", "--save"]);
    let queue = home.says(&["queue"]);
    for way in ["report --draft 编号", "activity --draft 编号"] {
        assert!(queue.contains(way), "{queue}");
    }

    // What the centre did not take is not withdrawn from the centre.
    let said = home.says(&["withdraw", &id.to_string()]);
    assert_eq!(said.trim(), "已从待办中去掉");
}

#[test]
fn field_e_no_text_commands_the_terminal_and_no_nul_is_filed() {
    let home = Home::new();
    let store = home.store();
    let hostile = "清空\u{1b}[2J\u{7}\u{9b}2J屏幕";
    let task = TaskRow {
        task: TaskId(Uuid::from_u128(0xabcd_ef01)),
        purpose: Purpose::Verify.into(),
        wording: hostile.into(),
        cell: "220104010102".parse().unwrap(),
        place: None,
        address: Some(hostile.into()),
        due: Millis(now() + 8_050_000),
        compare: None,
        case: None,
        post: PostId(Uuid::from_u128(3)),
        holder: PersonId(Uuid::from_u128(4)),
        holder_name: Some(hostile.into()),
        issued: Millis(now()),
    };
    testing::pull(&store, vec![row(Mailbox::Post, 1, kind::TASK, task.task, &task)]).unwrap();
    for arguments in [&["tasks"][..], &["--json", "tasks"]] {
        let (said, _) = texts(&home.run(arguments));
        assert!(said.contains("清空") && said.contains("屏幕"), "{said:?}");
        let commands = |c: char| c.is_control() && c != '\n';
        assert!(!said.contains(commands), "{said:?}");
    }
    // A scanner's NUL cannot be typed as an argument, so it comes through the core.
    let platform = Platform::command_line(&home.path()).unwrap();
    let terminal = terminal_core::terminal::Terminal::open(&home.path(), platform).unwrap();
    let mut draft = terminal.new_report().unwrap();
    let id = draft
        .text("井盖\0破\u{1b}损\r\n第二行\t\"引\"")
        .address("桂林路\u{9b}12")
        .submit()
        .unwrap()
        .item;
    let (entry, _) = store.entry(id).unwrap();
    let filed: Value = serde_json::from_str(entry.payload.get()).unwrap();
    assert_eq!(filed["text"], "井盖破损\n第二行\t\"引\"");
    assert_eq!(filed["address"], "桂林路12");
}
