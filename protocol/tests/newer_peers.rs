//! Messages of a newer peer are kept and passed on unchanged (failure story 20), and names never change.
#![allow(clippy::unwrap_used)]

use protocol::{
    entry::{Entry, receipt_number},
    feed::{ActivityRow, CaseRow},
    ids::EntryId,
    open::Open,
    role::Role,
};

#[test]
fn story_20_values_of_a_newer_server_survive_an_old_handset() {
    let json = r#"{"case":"019f0000-0000-7000-8000-000000000001","record":"019f0000-0000-7000-8000-000000000002",
        "number":"x","state":"archived","photos_held":0,"photos_named":0,"at":1,"colour":"new field"}"#;
    let row: CaseRow = serde_json::from_str(json).unwrap();
    assert_eq!(row.state, Open::Other("archived".into()));
    assert_eq!(serde_json::to_value(&row).unwrap()["state"], "archived");
    let roles: Vec<Open<Role>> = serde_json::from_str(r#"["patroller","drone_pilot"]"#).unwrap();
    assert_eq!(
        roles,
        [Open::Known(Role::Patroller), Open::Other("drone_pilot".into())]
    );
}

/// [`CaseRow`] and [`ActivityRow`] as a handset before the history has them.
mod before_the_history {
    use protocol::{case::CaseState, feed::ActivityState, ids::*, open::Open, time::Millis};

    #[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
    pub struct CaseRow {
        pub case: CaseId,
        pub record: RecordId,
        pub number: String,
        pub state: Open<CaseState>,
        pub photos_held: u32,
        pub photos_named: u32,
        pub at: Millis,
    }
    #[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
    pub struct ActivityRow {
        pub record: RecordId,
        pub entry: EntryId,
        pub version: u32,
        pub title: String,
        pub state: Open<ActivityState>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub reason: Option<String>,
        pub at: Millis,
    }
}

const OLD_CASE: &str = r#"{"case":"019f0000-0000-7000-8000-000000000001",
    "record":"019f0000-0000-7000-8000-000000000002","number":"261122-1","state":"closed","photos_held":1,
    "photos_named":1,"at":5}"#;
const OLD_ACTIVITY: &str = r#"{"record":"019f0000-0000-7000-8000-000000000002",
    "entry":"019f0000-0000-7000-8000-000000000003","version":1,"title":"健步走","state":"approved","at":5}"#;

/// The row, with fields that a newer peer added.
fn with(row: &str, more: &str) -> String {
    row.replacen('{', &format!("{{{more},"), 1)
}

#[test]
fn story_20_an_older_handset_reads_rows_with_history_fields() {
    let old: before_the_history::CaseRow = serde_json::from_str(OLD_CASE).unwrap();
    let row: CaseRow = serde_json::from_str(&with(
        OLD_CASE,
        r#""made":1,"matter":"E0102","cell":"220104050301","address":"同志街","text":"纸箱","withdrawn":true"#,
    ))
    .unwrap();
    assert_eq!(row.matter, Some("E0102".parse().unwrap()));
    assert!(row.withdrawn);
    assert_eq!(
        serde_json::from_value::<before_the_history::CaseRow>(serde_json::to_value(&row).unwrap()).unwrap(),
        old
    );
    let old: before_the_history::ActivityRow = serde_json::from_str(OLD_ACTIVITY).unwrap();
    let row: ActivityRow = serde_json::from_str(&with(
        OLD_ACTIVITY,
        r#""made":1,"starts":2,"ends":3,"category":"fitness","participants":60,"place":"文化广场""#,
    ))
    .unwrap();
    assert_eq!(
        (row.starts, row.participants),
        (Some(protocol::time::Millis(2)), Some(60))
    );
    assert_eq!(
        serde_json::from_value::<before_the_history::ActivityRow>(serde_json::to_value(&row).unwrap())
            .unwrap(),
        old
    );
}

#[test]
fn story_20_rows_of_an_older_server_are_read_and_written_without_the_new_fields() {
    let row: CaseRow = serde_json::from_str(OLD_CASE).unwrap();
    assert_eq!((row.made, row.matter, row.withdrawn), (None, None, false));
    let wanted: serde_json::Value = serde_json::from_str(OLD_CASE).unwrap();
    assert_eq!(serde_json::to_value(&row).unwrap(), wanted);
    let row: ActivityRow = serde_json::from_str(OLD_ACTIVITY).unwrap();
    assert_eq!((row.made, row.starts, row.participants), (None, None, None));
    let wanted: serde_json::Value = serde_json::from_str(OLD_ACTIVITY).unwrap();
    assert_eq!(serde_json::to_value(&row).unwrap(), wanted);
}

#[test]
fn an_entry_of_an_unknown_kind_is_parsed_without_its_payload() {
    let json = r#"{"v":1,"id":"019f0000-0000-7000-8000-000000000001","n":7,"kind":"drone_flight",
        "record":"019f0000-0000-7000-8000-000000000002","author":"019f0000-0000-7000-8000-000000000003",
        "post":"019f0000-0000-7000-8000-000000000004","payload":{"altitude":30},
        "evidence":{"clock":{"wall":1795305600000,"boot":"b-1","monotonic_ms":86400000}}}"#;
    let (entry, payload) = Entry::read(json.as_bytes()).unwrap();
    assert_eq!(entry.kind, Open::Other("drone_flight".into()));
    assert_eq!(payload, None);
    assert_eq!(entry.payload.get(), r#"{"altitude":30}"#);
}

#[test]
fn the_receipt_number_is_derived_from_the_id_alone() {
    let id =
        |n: u8| EntryId(uuid::Builder::from_unix_timestamp_millis(1_795_305_600_000, &[n; 10]).into_uuid());
    assert_eq!(receipt_number(id(1)), receipt_number(id(1)));
    assert_ne!(receipt_number(id(1)), receipt_number(id(2)));
    assert!(receipt_number(id(1)).starts_with("261122-"));
}
