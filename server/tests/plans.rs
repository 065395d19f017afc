//! The plans of statements on SQLite: no statement of an operation or a background job may read all rows of a table that grows
//! with the reports or the terminals of a city (issue 15, point 5). SQLite chooses its plans without statistics here, so an
//! empty database shows the plans of a full one.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

#[path = "support/centre.rs"]
mod centre;
#[path = "support/operations.rs"]
mod operations;
mod support;
#[path = "support/tus.rs"]
mod tus_client;

use operations::Caller;
use protocol::role::Role;
use server::{
    cases::withdrawal,
    intake,
    kernel::config::Settings,
    service::{jobs, rooms},
    store::StatementWatch,
    tasks::privacy,
};
use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};
use support::TestApp;

/// Tables that stay small, whatever a city does. All others grow.
const SMALL: &[&str] = &[
    "calendar_year",
    "division",
    "grid",
    "job",
    "meta",
    "org",
    "parcel_key",
    "reference_file",
    "schema_migration",
    "tally_change",
];

/// Partial indexes. They hold the rows that wait for a decision or a deadline, not the rows of the whole table.
const SHORT: &[&str] = &["entry_unsettled", "case_file_provisional", "case_file_renewed"];

/// A part of a statement, the step of its plan that may read a table from its first row on, and why.
const WHOLE: &[(&str, &str, &str)] = &[
    (
        "FROM session WHERE expires <= ?1",
        "SCAN session",
        "once a minute; what expired is removed, so the table holds who is signed in",
    ),
    (
        "DELETE FROM sign_in_failure WHERE last_at <",
        "SCAN sign_in_failure",
        "by an index in its order; what is beyond the limit is removed",
    ),
    (
        "FROM presence p JOIN person q",
        "SCAN p",
        "as many rows as people have ever checked in",
    ),
    (
        "id FROM post WHERE org IN",
        "SCAN post",
        "lists of the administration, in order of id; as long as the city has posts",
    ),
    (
        "id FROM terminal WHERE org IN",
        "SCAN terminal",
        "the same, of terminals",
    ),
    (
        "disabled FROM person WHERE org IN",
        "SCAN person",
        "the same, of people",
    ),
    (
        "actor IN (SELECT id FROM person WHERE org IN",
        "SCAN person",
        "the same",
    ),
    (
        "COALESCE(MAX(e.n), 0)",
        "SCAN s",
        "the list of streams, in order of id",
    ),
    (
        "FROM parcel c JOIN stream s",
        "SCAN c",
        "the list of parcels, in order of id",
    ),
];

/// The tables of a statement by the names that its plan calls them.
fn tables(words: &str) -> Vec<(String, String)> {
    let plain: String = words
        .chars()
        .map(|c| if "(),".contains(c) { ' ' } else { c })
        .collect();
    let words: Vec<&str> = plain.split_whitespace().collect();
    let mut found = Vec::new();
    for (at, word) in words.iter().enumerate() {
        if ["FROM", "JOIN", "UPDATE", "INTO"].contains(word)
            && let Some(table) = words.get(at + 1)
        {
            found.push(((*table).to_owned(), (*table).to_owned()));
            let next = words
                .get(at + 2)
                .filter(|next| **next != "AS")
                .or(words.get(at + 3));
            found.extend(next.map(|alias| ((*alias).to_owned(), (*table).to_owned())));
        }
    }
    found
}

/// The steps of a statement's plan.
fn plan(connection: &rusqlite::Connection, sql: &str) -> Vec<String> {
    let mut plan = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
    let nothing = vec![rusqlite::types::Null; plan.parameter_count()];
    let steps = plan.query_map(rusqlite::params_from_iter(nothing), |row| {
        row.get::<_, String>("detail")
    });
    steps.unwrap().map(Result::unwrap).collect()
}

/// The steps of a plan that read a growing table from its first row on, without a condition on the first column of an index.
fn scanned(connection: &rusqlite::Connection, sql: &str, words: &str) -> Vec<String> {
    let tables = tables(words);
    let exists = |table: &str| {
        let find = "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = ?1";
        connection
            .query_row(find, [table], |row| row.get::<_, i64>(0))
            .unwrap()
            > 0
    };
    let grows = |step: &String| {
        let name = step.strip_prefix("SCAN ").and_then(|rest| rest.split(' ').next());
        let table = name.and_then(|name| tables.iter().find(|(called, _)| called == name));
        // A name that is no table is the result of a part of the statement.
        table.is_some_and(|(_, table)| exists(table) && !SMALL.contains(&table.as_str()))
            && !SHORT.iter().any(|index| step.ends_with(index))
    };
    plan(connection, sql).into_iter().filter(grows).collect()
}

#[tokio::test]
async fn issue_15_no_operation_and_no_job_reads_all_rows_of_a_growing_table() {
    let said: Arc<Mutex<BTreeSet<String>>> = Arc::default();
    let heard = Arc::clone(&said);
    let watch = StatementWatch::new(move |sql| {
        let mut said = heard.lock().unwrap();
        if !said.contains(sql) {
            said.insert(sql.to_owned());
        }
    });
    let app = Box::pin(TestApp::sqlite_watched(Settings::default(), watch)).await;
    let o = Box::pin(operations::objects(&app)).await;
    // What tests write to make objects is not the product's.
    said.lock().unwrap().clear();
    for operation in operations::all(&app).await {
        for role in operation.roles() {
            let unit = if role == Role::Department {
                o.c.city.department
            } else {
                o.c.city.district
            };
            let person = app.person(role.zh(), unit, &[role]).await;
            let token = app.session(person).await;
            let caller = Caller::Staff { role, token: &token };
            if let Some(example) = Box::pin(operations::example(&app, &o, &operation, &caller)).await {
                let answer = example.send(&app, &operation.method, Some(&token)).await;
                assert!(answer.status < 500, "{}: {answer:?}", operation.name());
            }
        }
        for caller in [Caller::Terminal(&o.inspector), Caller::Nobody] {
            if let Some(example) = Box::pin(operations::example(&app, &o, &operation, &caller)).await {
                let answer = example.send(&app, &operation.method, caller.token()).await;
                assert!(answer.status < 500, "{}: {answer:?}", operation.name());
            }
        }
    }
    for job in rooms::JOBS {
        app.advance_minutes(1);
        jobs::once(&app.app, job, "plans").await.unwrap();
    }
    intake::reconsider(&app.app).await.unwrap();
    privacy::renew(&app.app).await.unwrap();
    withdrawal::renew(&app.app).await.unwrap();

    let connection = rusqlite::Connection::open(app.url().trim_start_matches("sqlite:")).unwrap();
    let (mut faults, mut excused) = (Vec::new(), BTreeSet::new());
    let said = said.lock().unwrap().clone();
    for sql in &said {
        let words = sql.split_whitespace().collect::<Vec<_>>().join(" ");
        for step in scanned(&connection, sql, &words) {
            let reason = WHOLE.iter().find(|(part, whole, _)| {
                words.contains(part) && format!("{step} ").starts_with(&format!("{whole} "))
            });
            match reason {
                Some((part, ..)) => drop(excused.insert(*part)),
                None => faults.push(format!("{step}\n    {words}")),
            }
        }
    }
    for (part, ..) in WHOLE {
        if !excused.contains(part) {
            faults.push(format!("no statement needs the exception for {part}"));
        }
    }
    // A condition on the mailbox's name alone would search all rows of all posts.
    let from_start = said
        .iter()
        .find(|sql| sql.contains("substr(mailbox, 6) = ?1"))
        .unwrap();
    let plan = plan(&connection, from_start).join("; ");
    assert!(plan.contains("mailbox_row_of_post"), "{plan}");
    assert!(said.len() > 200, "only {} statements were seen", said.len());
    assert!(
        faults.is_empty(),
        "of {} statements:\n{}",
        said.len(),
        faults.join("\n")
    );
}
