//! The comparison of a handset's mailboxes with the server's.

use crate::wire::{WireClient, document};
use e2e::{city::City, handset::Handset};
use protocol::feed::kind;
use serde_json::{Value, json};

/// Every row that the server holds for this handset: a pull from the beginning.
fn server_rows(city: &City, handset: &mut Handset) -> Vec<Value> {
    let wire = WireClient::of(city, handset);
    let (mut cursor, mut rows) = (String::new(), Vec::new());
    loop {
        let path = format!("/v1/field/pull?cursor={cursor}");
        let asked = wire.request(reqwest::Method::GET, &path).send().unwrap();
        let (status, page) = document(asked);
        assert_eq!(status, 200, "{page}");
        rows.extend(
            page["rows"]
                .as_array()
                .unwrap()
                .iter()
                .filter(|row| !row["body"].is_null())
                .cloned(),
        );
        page["cursor"].as_str().unwrap().clone_into(&mut cursor);
        if page["more"] != true {
            break;
        }
    }
    sorted(rows)
}

fn sorted(mut rows: Vec<Value>) -> Vec<Value> {
    rows.sort_by_key(|row| format!("{} {} {}", row["mailbox"], row["kind"], row["entity"]));
    rows
}

/// Asserts that the handset's mailboxes equal the server's, row by row.
pub fn assert_converged(city: &City, handset: &mut Handset) {
    let server_rows = server_rows(city, handset);
    let mut held = Vec::new();
    let mut kinds: Vec<&str> = server_rows
        .iter()
        .filter_map(|row| row["kind"].as_str())
        .collect();
    kinds.extend([
        kind::TASK,
        kind::CASE,
        kind::DISPOSITION,
        kind::UNSETTLED,
        kind::ACTIVITY,
        kind::POST,
        kind::PRESENCE,
    ]);
    kinds.sort_unstable();
    kinds.dedup();
    for kind in kinds {
        for row in handset.open().unwrap().store().mailbox(kind).unwrap() {
            held.push(json!({
                "mailbox": row.mailbox, "n": row.n, "kind": kind, "entity": row.entity, "body": row.body,
            }));
        }
    }
    assert_eq!(sorted(held), server_rows);
}
