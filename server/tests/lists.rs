//! Every list of the API is read in pages: pages of one row give the same rows in the same order as one page, and a
//! broken cursor is refused with the field named.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

#[path = "support/centre.rs"]
mod centre;
mod support;

use centre::{CELL, DistrictFixture, check_in, named};
use protocol::{
    ids::EventId,
    payload::{Activity, Payload},
    role::Role,
};
use serde_json::{Value, json};
use server::params;
use support::TestApp;

/// Rows that each list has at least.
const ROWS: usize = 3;

/// The paths of all operations that take `after` and `limit`.
async fn lists(app: &TestApp) -> Vec<String> {
    let api = app
        .call("GET", "/openapi.json", None, Value::Null)
        .await
        .expect(200)
        .json;
    let parcel = app
        .app
        .read(|tx| {
            let first = "SELECT MIN(id) AS id FROM parcel";
            Ok(tx.one(first, params![], |row| row.get::<Option<String>>("id"))?)
        })
        .await
        .unwrap()
        .unwrap_or_else(|| EventId::from_parts(1, [1; 10]).to_string());
    let takes = |operation: &Value, name: &str| {
        let parameters = operation["parameters"].as_array();
        parameters.is_some_and(|all| all.iter().any(|p| p["name"] == name && p["in"] == "query"))
    };
    let paths = api["paths"].as_object().unwrap().iter();
    paths
        .filter(|(_, item)| takes(&item["get"], "after") && takes(&item["get"], "limit"))
        .map(|(path, _)| path.replace("{parcel}", &parcel))
        .collect()
}

fn activity(app: &TestApp) -> Payload {
    Payload::Activity(Activity {
        category: "fitness".into(),
        title: "健步走".into(),
        starts: app.now().plus(-3 * 3_600_000),
        ends: app.now().plus(-3_600_000),
        place: "文化广场".into(),
        cell: Some(CELL.parse().unwrap()),
        organiser: "桂林街道文体站".into(),
        participants: 60,
        summary: "健步走".into(),
        photos: vec![named(app.number())],
    })
}

/// Fills every list with at least [`ROWS`] rows, some of them with equal times; returns the token of a person who reads
/// all lists.
async fn fill(app: &TestApp) -> String {
    let fixture = DistrictFixture::new(app).await;
    for _ in 0..ROWS {
        let mut client = fixture.another(app, &["2201040503"]).await;
        check_in(&mut client, app).await;
        fixture.registered(app).await;
        let task = json!({"purpose": "inspect", "wording": "看看路灯", "cell": CELL, "minutes": 60});
        app.post_json("/v1/tasks", &fixture.supervisor.token, task)
            .await
            .expect(200);
        let (activity, doubted) = (
            client.entry(app, &activity(app)),
            client.entry(app, &Payload::Void),
        );
        client.push(app, &[activity, doubted.clone()]).await;
        let parcel = EventId::from_parts(app.now().0.unsigned_abs(), app.ten());
        app.write(move |tx, ctx| {
            tx.execute(
                "UPDATE entry SET state = 'review' WHERE id = ?1",
                params![doubted.id.to_string()],
            )?;
            tx.execute(
                "INSERT INTO parcel (id, stream, sha256, key_id, sealed_for, sealed_at, received, remaining,
                                     entries, drafts, photos)
                 VALUES (?1, ?2, ?3, 'key', 'revoked', ?4, ?4, 0, 0, 0, 0)",
                params![
                    parcel.to_string(),
                    client.stream.to_string(),
                    "ab".repeat(32),
                    ctx.now.0
                ],
            )?;
            tx.execute(
                "INSERT INTO refused_entry (stream, sha256, entry, n, code, bytes, received)
                 VALUES (?1, ?2, ?3, 1, 'entry.conflict', ?4, ?5)",
                params![
                    client.stream.to_string(),
                    protocol::photo::Sha256::of(parcel.to_string().as_bytes()).to_string(),
                    doubted.id.to_string(),
                    b"{}".as_slice(),
                    ctx.now.0
                ],
            )?;
            for item in 0..ROWS {
                tx.execute(
                    "INSERT INTO parcel_item (stream, sha256, parcel, kind, code, bytes)
                     VALUES (?1, ?2, ?3, 'draft', 'report', ?4)",
                    params![
                        client.stream.to_string(),
                        protocol::photo::Sha256::of(format!("{parcel} {item}").as_bytes()).to_string(),
                        parcel.to_string(),
                        b"{}".as_slice()
                    ],
                )?;
            }
            Ok(())
        })
        .await;
        app.recount().await;
    }
    let reader = app.person("督查某", fixture.city.city, Role::ALL).await;
    let token = app.session(reader).await;
    // The audit log lists what was written before the request.
    app.advance_minutes(1);
    token
}

fn items(page: &Value) -> Vec<Value> {
    page["items"].as_array().unwrap().clone()
}

both_engines! {
    async fn pages_of_one_row_give_the_rows_of_one_page_in_order(app: TestApp) {
        let token = fill(&app).await;
        let lists = lists(&app).await;
        assert!(lists.len() >= 11, "{lists:?}");
        for path in lists {
            let whole = app.get(&format!("{path}?limit=200"), &token).await.expect(200).json;
            let rows = items(&whole);
            assert!(rows.len() >= ROWS, "{path}: {whole}");
            assert_eq!(whole["next"], Value::Null, "{path}");
            let (mut read, mut after) = (Vec::new(), String::new());
            for _ in 0..=rows.len() {
                let page = app.get(&format!("{path}?limit=1{after}"), &token).await.expect(200).json;
                assert_eq!(items(&page).len(), 1, "{path}: {page}");
                read.extend(items(&page));
                let Some(next) = page["next"].as_str() else { break };
                after = format!("&after={next}");
            }
            assert_eq!(read, rows, "{path}");
        }
    }

    async fn broken_cursor_is_refused_with_the_field_named(app: TestApp) {
        let city = app.city().await;
        let reader = app.person("督查某", city.city, Role::ALL).await;
        let token = app.session(reader).await;
        for path in lists(&app).await {
            for broken in ["", "x", "7", "7.x", "1.2.3.4"] {
                let answer = app.get(&format!("{path}?after={broken}"), &token).await.expect(422);
                assert_eq!(answer.json["errors"][0]["at"], "?after", "{path} {broken}: {answer:?}");
            }
        }
    }
}
