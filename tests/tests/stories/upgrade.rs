//! Programs of different versions together: a handset that was upgraded with a full outbox, and two ends of
//! which one sends what the other does not know.

use crate::{
    newer::NewerServer,
    stage::{self, StoryStage, cases, completeness, entries, file, grid_file, invite, photos, row},
    wire::WireClient,
};
use e2e::{
    handset::Handset,
    process::{ADMIN, ServerProcess, ServerSetup},
    staff_api::StaffSession,
};
use protocol::{field::Invitation, ids::EntryId, payload::EntryKind, role::Role};
use rusqlite::{Connection, types::Value as Cell};
use serde_json::{Value, json};
use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
    process::Command,
};
use terminal_core::{photos::PhotoSource, transport::Https, words::Lang, work::ItemState};

on_both_engines!(
    story_19_outbox_of_earlier_programs_is_delivered_by_todays,
    story_19_outbox_under_every_earlier_schema_is_delivered_completely,
    story_20_handset_works_with_unknown_values_of_a_newer_server,
    story_20_older_server_keeps_unknown_values_of_a_newer_handset,
);

// ------------------------------------------------------------------------------------------------- story 19

/// See `xunge-age`.
const PASSWORD: &str = "an-old-city-2026";

fn story_19_outbox_of_earlier_programs_is_delivered_by_todays(stage: &StoryStage) {
    let mut ages = 0;
    for file in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("data")).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_some_and(|e| e == "gz") {
            ages += 1;
            let stage = if stage.is_postgres() {
                StoryStage::postgres()
            } else {
                StoryStage::sqlite()
            };
            an_age(&stage, &path);
        }
    }
    assert!(ages > 0, "tests/data must hold at least one age");
}

fn an_age(stage: &StoryStage, age: &Path) {
    let folder = stage.path("age");
    std::fs::create_dir_all(&folder).unwrap();
    let unpacked = Command::new("tar")
        .arg("-xzf")
        .arg(age)
        .arg("-C")
        .arg(&folder)
        .status();
    assert!(unpacked.unwrap().success());
    let server = old_city(stage, &folder.join("server"));
    let admin = server.api().unwrap().sign_in(ADMIN, PASSWORD).unwrap();

    // Before the first request: everything is as it was left.
    let left: Value = serde_json::from_slice(&std::fs::read(folder.join("queue.json")).unwrap()).unwrap();
    let left = left["items"].as_array().unwrap();
    let mut handset = Handset::existing(&folder.join("handset"));
    let rows = handset.open().unwrap().queue().unwrap();
    assert_eq!(rows.len(), left.len());
    assert!(left.len() >= 7, "expected a full outbox and a draft");
    for (row, was) in rows.iter().zip(left) {
        assert_eq!(
            (json!(row.id), json!(row.n)),
            (was["id"].clone(), was["n"].clone())
        );
        assert_eq!(json!(row.summary.words(Lang::Zh)), was["summary"]);
        assert_eq!(json!(row.photos_named), was["photos"]["named"]);
        assert_eq!(json!(row.photos_sent), was["photos"]["sent"]);
        // A wait may have ended; nothing else may have changed.
        let is_same =
            row.state_name() == was["state"] || (was["state"] == "later" && row.state_name() == "queued");
        assert!(is_same, "{was}, now {:?}", row.state);
    }
    let half_sent = |handset: &mut Handset| {
        let items = handset.open().unwrap().store().items().unwrap();
        let photos: Vec<_> = items.into_iter().flat_map(|item| item.photos).collect();
        photos.iter().any(|p| p.sent > 0 && p.received.is_none())
    };
    assert!(half_sent(&mut handset), "an upload must be half finished");
    let draft = rows.iter().find(|row| row.is_draft()).unwrap();
    let mut draft = handset.open().unwrap().report_draft(draft.id).unwrap();
    assert_eq!((draft.content().text.as_str(), draft.photos().len()), ("草稿", 1));
    for photo in draft.photos() {
        handset.open().unwrap().photo_folder().read(photo.sha256).unwrap();
    }
    draft.submit().unwrap();

    // Everything is delivered, once. The server now offers the grid as a smaller pack too; the handset keeps its own.
    let old_grid = grid_file(&mut handset).unwrap();
    let account = handset.open().unwrap().account().clone();
    let today = Https::new(server.url(), &account.pins).unwrap();
    let report = handset.sync_over(&today).unwrap();
    assert!(report.is_success(), "{report:?}");
    assert_eq!((report.entries_waiting, report.photos_waiting), (0, 0));
    let rows = handset.open().unwrap().queue().unwrap();
    for row in &rows {
        let is_well = matches!(
            row.state,
            ItemState::Received | ItemState::Cancelled | ItemState::Review(_)
        );
        assert!(is_well, "{row:?}");
        assert_eq!(row.photos_sent, row.photos_named);
    }
    let of_stream = admin
        .get(&format!("/v1/streams/{}/completeness", account.stream))
        .unwrap();
    let n = rows.iter().filter_map(|row| row.n).max().unwrap();
    assert_eq!(of_stream["mark"], json!({"upto": n, "highest": n}));
    let named: usize = rows.iter().map(|row| row.photos_named).sum();
    let counted = || {
        let mut counts = admin.get("/v1/counts").unwrap();
        counts.as_object_mut().unwrap().remove("at");
        counts
    };
    let counts = counted();
    assert_eq!(counts["photos"], json!({"named": named, "held": named}));
    assert!(handset.sync_over(&today).unwrap().is_success());
    assert_eq!(counted(), counts, "nothing may be filed twice");
    assert_eq!(grid_file(&mut handset), Some(old_grid), "fetched again");
}

/// Today's server over the data of an old one; on PostgreSQL over the same rows.
fn old_city(stage: &StoryStage, data: &Path) -> ServerProcess {
    let mut server = ServerProcess::existing(data, ServerSetup::default()).unwrap();
    server.start().unwrap();
    if stage.is_postgres() {
        server.api().unwrap().get("/v1/session").unwrap_err();
        assert!(server.stop().unwrap());
        ServerProcess::init(&stage.path("founded"), stage.setup()).unwrap();
        stage.sql(&rows_of(&data.join("xunge.db")));
        server = ServerProcess::existing(data, stage.setup()).unwrap();
        server.start().unwrap();
    }
    server
}

/// SQL statements that replace all rows by those of an embedded database.
fn rows_of(file: &Path) -> String {
    let database = Connection::open(file).unwrap();
    let mut sql = String::from("SET session_replication_role = replica;\n");
    for table in tables(&database) {
        if table == "schema_migration" {
            continue;
        }
        let columns = columns(&database, &table);
        let names: Vec<&str> = columns.iter().map(|(name, _)| name.as_str()).collect();
        let names = names.join(", ");
        writeln!(sql, "DELETE FROM {table};").unwrap();
        let mut statement = database.prepare(&format!("SELECT {names} FROM {table}")).unwrap();
        let mut rows = statement.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            let values: Vec<String> = columns
                .iter()
                .enumerate()
                .map(|(k, (_, kind))| literal(row.get(k).unwrap(), kind))
                .collect();
            writeln!(
                sql,
                "INSERT INTO {table} ({names}) VALUES ({});",
                values.join(", ")
            )
            .unwrap();
        }
    }
    sql
}

fn literal(value: Cell, kind: &str) -> String {
    match value {
        Cell::Null => "NULL".into(),
        Cell::Integer(n) if kind == "BOOLEAN" => (n != 0).to_string(),
        Cell::Integer(n) => n.to_string(),
        Cell::Real(x) => x.to_string(),
        Cell::Text(text) => format!("'{}'", text.replace('\'', "''")),
        Cell::Blob(bytes) => {
            let hex = bytes.iter().fold(String::new(), |mut hex, byte| {
                let _ = write!(hex, "{byte:02x}");
                hex
            });
            format!("'\\x{hex}'")
        }
    }
}

fn tables(database: &Connection) -> Vec<String> {
    let mut statement = database
        .prepare("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'")
        .unwrap();
    let names = statement.query_map([], |row| row.get(0)).unwrap();
    names.map(Result::unwrap).collect()
}

/// Name and type.
fn columns(database: &Connection, table: &str) -> Vec<(String, String)> {
    let mut statement = database.prepare(&format!("PRAGMA table_info({table})")).unwrap();
    let columns = statement
        .query_map([], |row| Ok((row.get(1)?, row.get(2)?)))
        .unwrap();
    columns.map(Result::unwrap).collect()
}

/// The handset's migration files, beside its store.
fn migrations() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../terminal-core/src/store/migrations");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|f| f.unwrap().path())
        .collect();
    files.sort();
    files
}

/// Converts a handset's store back to an earlier schema, with all rows that the earlier schema can hold.
fn age(handset: &mut Handset, earlier: &[PathBuf]) {
    handset.kill();
    let key = handset.platform().unwrap().keystore.database_key().unwrap();
    let key: String = key.iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    });
    let (now, old) = (handset.home().join("account.db"), handset.home().join("old.db"));
    let database = Connection::open(&old).unwrap();
    database
        .execute_batch(&format!("PRAGMA key = \"x'{key}'\"; PRAGMA journal_mode = WAL;"))
        .unwrap();
    for step in earlier {
        database
            .execute_batch(&std::fs::read_to_string(step).unwrap())
            .unwrap();
    }
    database
        .pragma_update(None, "user_version", earlier.len() as i64)
        .unwrap();
    let attach = format!("ATTACH '{}' AS now KEY \"x'{key}'\"", now.display());
    database.execute_batch(&attach).unwrap();
    let mut copied = 0;
    for table in tables(&database) {
        let columns = columns(&database, &table);
        let names: Vec<&str> = columns.iter().map(|(name, _)| name.as_str()).collect();
        let names = names.join(", ");
        let copy = format!("INSERT OR REPLACE INTO main.{table} ({names}) SELECT {names} FROM now.{table}");
        copied += database.execute(&copy, []).unwrap();
    }
    assert!(copied > 20, "expected an outbox, mailboxes and files");
    drop(database);
    for suffix in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(handset.home().join(format!("account.db{suffix}")));
    }
    std::fs::rename(old, now).unwrap();
}

fn story_19_outbox_under_every_earlier_schema_is_delivered_completely(stage: &StoryStage) {
    let city = stage.city();
    let steps = migrations();
    let mut filed = 0;
    for schema in 1..=steps.len() {
        let mut handset = stage.patroller(&city, &format!("{}", 190 + schema), None);
        let ids: Vec<EntryId> = (0..3_u64)
            .map(|k| {
                let picture = stage.small_photo(1900 + 10 * schema as u64 + k);
                file(
                    &city,
                    &mut handset,
                    &format!("旧版第{schema}版，第{k}条"),
                    &[picture],
                )
            })
            .collect();
        let draft = {
            let mut draft = handset.open().unwrap().new_report().unwrap();
            draft
                .text("旧版草稿")
                .add_photo(PhotoSource::Path(&stage.small_photo(1909)))
                .unwrap();
            draft.id()
        };
        let bytes = |handset: &mut Handset| -> Vec<Vec<u8>> {
            let terminal = handset.open().unwrap();
            ids.iter()
                .map(|id| terminal.store().entry(*id).unwrap().1)
                .collect()
        };
        let before = bytes(&mut handset);

        age(&mut handset, &steps[..schema]);
        assert_eq!(
            bytes(&mut handset),
            before,
            "schema {schema}: the bytes must not change"
        );
        let mut draft = handset.open().unwrap().report_draft(draft).unwrap();
        assert_eq!(
            (draft.content().text.as_str(), draft.photos().len()),
            ("旧版草稿", 1)
        );
        draft.submit().unwrap();
        let report = handset.sync().unwrap();
        assert!(report.is_success(), "schema {schema}: {report:?}");
        for id in ids {
            assert_eq!(row(&mut handset, id).state, ItemState::Received);
        }
        filed += 4;
        assert_eq!(
            completeness(&city, &mut handset)["mark"],
            json!({"upto": 4, "highest": 4})
        );
        assert_eq!(
            (cases(&city), entries(&city), photos(&city)),
            (filed, filed, (filed, filed))
        );
    }
}

// ------------------------------------------------------------------------------------------------- story 20

fn story_20_handset_works_with_unknown_values_of_a_newer_server(stage: &StoryStage) {
    let city = stage.plain_city();
    let newer = NewerServer::before(&city);
    let invited = invite(&city, "120");
    let mut invitation = Invitation::from_text(&invited.invitation).unwrap();
    invitation.server = newer.url().to_owned();
    // Enrolled with a role that this version does not know.
    let home = stage.path("handset-120");
    let mut handset = Handset::enrol(&home, &invitation.to_text().unwrap(), None).unwrap();
    let account = handset.open().unwrap().account().clone();
    let roles = serde_json::to_value(&account.roles).unwrap();
    assert_eq!(roles, json!(["patroller", "star_captain"]));

    assert!(handset.sync().unwrap().is_success());
    handset
        .open()
        .unwrap()
        .check_in(Some(stage::at(&city, "220104010101")), "")
        .unwrap();
    let id = file(&city, &mut handset, "新服务器", &[stage.small_photo(20)]);
    assert!(handset.sync().unwrap().is_success());
    let supervisor = stage::desk(&city, "dudao", Role::Supervisor);
    let task = json!({"purpose": "inspect", "wording": "请核验", "cell": "220104010101", "minutes": 60});
    supervisor.post("/v1/tasks", &task).unwrap();
    let report = handset.sync().unwrap();
    assert!(report.is_success() && report.rows_pulled > 0, "{report:?}");
    assert!(newer.rewritten() > 10, "the proxy must have changed responses");

    // Unknown values are shown as received, with the text that came, and never as refused.
    assert_eq!(row(&mut handset, id).state, ItemState::Received);
    assert_eq!(
        serde_json::to_value(row(&mut handset, id).case).unwrap(),
        json!("on_the_moon")
    );
    let tasks = handset.open().unwrap().tasks().unwrap();
    assert_eq!(tasks.len(), 1);
    assert_eq!(
        serde_json::to_value(&tasks[0].row.purpose).unwrap(),
        json!("measure_noise")
    );
    assert_eq!(tasks[0].row.wording, "请核验");
    let kept = handset.open().unwrap().store().mailbox("weather").unwrap();
    assert!(!kept.is_empty(), "rows of an unknown kind must be kept unchanged");
    assert!(handset.open().unwrap().status().unwrap().items_waiting == 0);
    for args in [&["queue", "--all"][..], &["tasks", "--all"], &["status"]] {
        let (code, said) = stage::xunge_json(&home, args);
        assert_eq!(code, 0, "{said}");
        let shown = stage::xunge(&home, args).output().unwrap();
        assert!(shown.status.success() && !shown.stdout.is_empty(), "{args:?}");
    }

    // A problem with an unknown code waits or is shown like any other; nothing is lost.
    let later = file(&city, &mut handset, "新的错误", &[]);
    newer.refuse_pushes(429, "push.too_noisy");
    assert!(!handset.sync().unwrap().is_success());
    assert_eq!(row(&mut handset, later).problem.unwrap().code, "push.too_noisy");
    newer.refuse_pushes(422, "push.wrong_moon");
    assert!(!handset.sync().unwrap().is_success());
    let waiting = row(&mut handset, later);
    assert!(
        waiting.waits_for_receipt() && waiting.next_try.is_some(),
        "{waiting:?}"
    );
    newer.take_pushes();
    assert!(handset.sync().unwrap().is_success());

    // Back to a server of the same version: everything is there, once.
    let account = handset.open().unwrap().account().clone();
    let plain = Https::new(city.server.url(), &account.pins).unwrap();
    assert!(handset.sync_over(&plain).unwrap().is_success());
    assert_eq!((cases(&city), entries(&city), photos(&city)), (2, 3, (1, 1)));
}

/// An entry as a newer handset would send it, from one that this version made.
fn newer_entry(bytes: &[u8], n: u64, change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let mut entry: Value = serde_json::from_slice(bytes).unwrap();
    entry["id"] = json!(uuid::Uuid::now_v7());
    entry["record"] = json!(uuid::Uuid::now_v7());
    entry["n"] = json!(n);
    change(&mut entry);
    serde_json::to_vec(&entry).unwrap()
}

fn story_20_older_server_keeps_unknown_values_of_a_newer_handset(stage: &StoryStage) {
    let city = stage.city();
    let mut handset = stage.patroller(&city, "220", None);
    let id = file(&city, &mut handset, "老终端", &[]);
    let (_, bytes) = handset.open().unwrap().store().entry(id).unwrap();
    let extra = json!({"drone": {"height_m": 40}, "list": [1, 2]});
    let photo = json!({"sha256": "ab".repeat(32), "size": 5, "role": "thermal", "width": 640, "height": 480, "lens": 2});
    let sent = [
        bytes.clone(),
        // Unknown fields in every place, an unknown provider and photo role: applied.
        newer_entry(&bytes, 2, |entry| {
            entry["weather"] = extra.clone();
            entry["payload"]["weather"] = extra.clone();
            entry["payload"]["photos"] = json!([photo]);
            entry["evidence"]["barometer"] = extra.clone();
            entry["evidence"]["position"]["provider"] = json!("beidou_3");
            entry["evidence"]["position"]["altitude_cm"] = json!(21_000);
            entry["evidence"]["clock"]["tick_ns"] = json!(1);
        }),
        // An unknown kind: held, with its photos.
        newer_entry(&bytes, 3, |entry| {
            entry["kind"] = json!("drone_flight");
            entry["payload"] = json!({"height_m": 40, "photos": [photo]});
        }),
        // A newer wire version that cannot be read: held.
        newer_entry(&bytes, 4, |entry| {
            entry["v"] = json!(7);
            entry["evidence"] = json!("elsewhere");
        }),
        // An answer with an unknown value: held.
        newer_entry(&bytes, 5, |entry| {
            entry["kind"] = json!("answer");
            entry["payload"] = json!({"task": uuid::Uuid::now_v7(), "answer": "partly_true"});
        }),
    ];
    let wire = WireClient::of(&city, &mut handset);
    let sent: Vec<&[u8]> = sent.iter().map(Vec::as_slice).collect();
    let mut envelope: Value = serde_json::from_slice(&wire.envelope(&sent)).unwrap();
    // Parsing and serialising the entries would change their bytes, so the field is inserted as text.
    assert!(envelope.is_object());
    envelope = json!({"app": "9.1", "features": ["x"]});
    let mut body = wire.envelope(&sent);
    assert_eq!(body.pop(), Some(b'}'));
    body.extend_from_slice(format!(",\"device\":{envelope}}}").as_bytes());
    let (status, answer) = wire.push_body(body.clone());
    assert_eq!(status, 200, "{answer}");
    assert!(answer["refused"].as_array().is_none_or(Vec::is_empty), "{answer}");
    let receipts = answer["receipts"].as_array().unwrap();
    for (receipt, bytes) in receipts.iter().zip(&sent) {
        let sha256 = protocol::photo::Sha256::of(bytes);
        assert_eq!(
            receipt["sha256"],
            json!(sha256),
            "the receipt must be for exactly these bytes"
        );
    }
    assert_eq!(receipts.len(), sent.len());
    let states = completeness(&city, &mut handset);
    assert_eq!(states["mark"], json!({"upto": 5, "highest": 5}));
    assert_eq!(
        states["states"],
        json!([{"state": "applied", "entries": 2}, {"state": "held", "entries": 3}])
    );
    assert_eq!(
        (cases(&city), photos(&city).0),
        (2, 1),
        "equal photos in one stream must be one"
    );

    // Its author sees the held entries and the server's message; sending again changes nothing.
    let (status, again) = wire.push_body(body);
    assert_eq!((status, &again["receipts"]), (200, &answer["receipts"]));
    let pulled = wire
        .request(reqwest::Method::GET, "/v1/field/pull?cursor=")
        .send()
        .unwrap();
    let (_, pulled) = crate::wire::document(pulled);
    let held: Vec<&Value> = pulled["rows"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|row| row["kind"] == "disposition" && row["body"]["state"] == "held")
        .collect();
    assert_eq!(held.len(), 3, "{pulled}");
    for row in held {
        assert!(!row["body"]["reason"]["zh"].as_str().unwrap().is_empty(), "{row}");
    }
    assert_eq!(EntryKind::ALL.len(), 7, "add the new kind to this story");
    let _: StaffSession = city.admin;
}
