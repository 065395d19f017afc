//! Messages of a newer peer are kept and passed on unchanged (failure story 20), and names never change.
#![allow(clippy::unwrap_used)]

use protocol::{
    entry::{Entry, receipt_number},
    feed::CaseRow,
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
