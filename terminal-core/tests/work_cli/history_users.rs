//! History, months and the users of the handset.

use super::*;

#[test]
fn history_and_months_are_listed_by_pages_and_as_documents() {
    let home = Home::new();
    assert!(home.says(&["history"]).contains("没有更多记录"));
    let store = home.store();
    let at = now();
    let rows = (0..3).map(|n: i64| {
        let record = RecordId(Uuid::from_u128(u128::from(n.unsigned_abs()) + 1));
        let body = json!({
            "record": record, "entry": EntryId(record.0), "version": 1, "title": format!("第{n}场"),
            "state": "approved", "at": at, "made": at - n * 86_400_000, "starts": at, "place": "文化广场",
        });
        row(
            Mailbox::Author,
            n.unsigned_abs() + 1,
            kind::ACTIVITY,
            record,
            body,
        )
    });
    testing::pull(&store, rows.collect()).unwrap();
    drop(store);
    let page = home.json(&["history", "--limit", "2"]);
    let titles = |page: &Value| -> Vec<String> {
        let rows = page["rows"].as_array().unwrap();
        rows.iter()
            .map(|row| row["title"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(titles(&page), ["第0场", "第1场"]);
    let next = page["next"].as_str().unwrap();
    let text = home.says(&["history", "--limit", "2"]);
    assert!(
        text.contains("第0场，文化广场") && text.contains("通过") && text.contains(next),
        "{text}"
    );
    let last = home.json(&["history", "--limit", "2", "--after", next]);
    assert_eq!(
        (titles(&last), &last["next"]),
        (vec!["第2场".to_owned()], &Value::Null)
    );
    assert_eq!(
        home.run(&["history", "--after", "rubbish"]).status.code(),
        Some(2)
    );
    let months = home.json(&["months", "--last", "2"]);
    assert_eq!(months["months"][0]["approved"], 3);
    assert_eq!(months["months"].as_array().unwrap().len(), 2);
    assert!(home.says(&["--lang", "en", "months"]).starts_with("Month"));
}

#[test]
fn w09_users_lists_what_waits_and_the_condition_of_each_home() {
    let home = Home::new();
    let filed = home.json(&["check-in", "--note", "早"]);
    assert_eq!(filed["ok"], json!(true));
    let second = home.path().join("users/2");
    let platform = Platform::command_line(&second).unwrap();
    let store = HandsetStore::open(&second, platform.keystore.database_key().unwrap()).unwrap();
    testing::enrol_as(&store, "220104".parse().unwrap(), 2, "李强").unwrap();
    drop(store);
    let third = home.path().join("users/3");
    enrol(&third);
    fs::write(third.join("account.db"), [0; 4096]).unwrap();

    let listed = home.json(&["users"]);
    let rows: Vec<Value> = listed["users"]
        .as_array()
        .unwrap()
        .iter()
        .map(|user| {
            json!([
                user["number"],
                user["name"],
                user["waiting"],
                user["current"],
                user["condition"],
                user["salvage_due"]
            ])
        })
        .collect();
    assert_eq!(
        rows,
        [
            json!([1, "王芳", 1, true, "enrolled", false]),
            json!([2, "李强", 0, false, "enrolled", false]),
            json!([3, null, null, false, "moved_aside", true]),
        ]
    );
    let text = home.says(&["users"]);
    assert!(
        text.starts_with("* 1 王芳，1 条待上传\n  2 李强\n  3 （姓名未知）：数据库损坏"),
        "{text}"
    );
    home.says(&["switch", "李强"]);
    assert_eq!(home.json(&["status"])["holder"]["name"], "李强");
    // The settings are the phone's.
    home.says(&["set", "budget-mb", "7"]);
    home.says(&["switch", "1"]);
    assert_eq!(home.json(&["set"])["settings"]["budget_mb"], "7");
}

#[test]
fn storage_tells_waiting_photos_from_kept_ones() {
    let home = Home::new();
    let file = home.file("photo.jpg", &picture(5));
    home.json(&["report", "--text", "井盖破损", "--photo", &file]);
    let used = &home.json(&["storage"])["storage"];
    assert!(used["photos_waiting"].as_u64().unwrap() > 1000, "{used}");
    assert_eq!((&used["photos_kept"], &used["reference"]), (&json!(0), &json!(0)));
    assert!(used["database"].as_u64().unwrap() > 0);
}
