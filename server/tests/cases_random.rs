//! Whatever is done to cases in whatever order: they never leave the table, every ledger verifies, and a refused
//! action changes nothing.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

#[path = "support/centre.rs"]
mod centre;
mod support;

use centre::{Centre, answer, check_in, check_out, send};
use proptest::{prelude::*, strategy::ValueTree as _, test_runner::TestRunner};
use protocol::{
    case::{Action, CaseState, TRANSITIONS, transition},
    duty::Answer,
    ids::CaseId,
    role::Role,
};
use serde_json::{Value, json};
use support::TestApp;

/// One thing that somebody tries.
#[derive(Debug, Clone)]
enum Try {
    /// An action with all it needs or with nothing, at the right version or a stale one.
    Act {
        action: Action,
        with_needs: bool,
        stale: bool,
        by_owner: bool,
    },
    /// The patroller answers what the case asks of the field, if it asks anything.
    Reply(bool),
    Duty(bool),
}

fn tries() -> impl Strategy<Value = Vec<Try>> {
    let action = proptest::sample::select(Action::ALL.to_vec());
    // Most tries follow the table, so that runs go deep; the rest are anything at all.
    let act = (
        action,
        prop::bool::weighted(0.9),
        prop::bool::weighted(0.05),
        prop::bool::weighted(0.95),
    )
        .prop_map(|(action, with_needs, stale, by_owner)| Try::Act {
            action,
            with_needs,
            stale,
            by_owner,
        });
    let one = prop_oneof![8 => act, 2 => any::<bool>().prop_map(Try::Reply), 1 => any::<bool>().prop_map(Try::Duty)];
    proptest::collection::vec(one, 10..40)
}

async fn attempt(c: &mut Centre, app: &TestApp, case: CaseId, t: &Try, forward: bool) {
    let before = c.case(app, case).await;
    let state: CaseState = before["state"].as_str().unwrap().parse().unwrap();
    match t {
        Try::Act {
            action,
            with_needs,
            stale,
            by_owner,
        } => {
            // Half of the steps are turned to one that the state allows.
            let rows: Vec<_> = TRANSITIONS
                .iter()
                .filter(|r| r.from.contains(&state) && r.by != Role::Patroller)
                .collect();
            let place = Action::ALL.iter().position(|a| a == action).unwrap();
            let action = if forward && !rows.is_empty() {
                rows[place % rows.len()].action
            } else {
                *action
            };
            let role = server::cases::rules::role_of(action);
            let owner = *by_owner && role != Role::Patroller;
            let by = if owner {
                c.of(role).clone()
            } else {
                c.supervisor.clone()
            };
            let mut body = if *with_needs {
                c.needs(app, action.as_str()).await
            } else {
                json!({})
            };
            let version = before["version"].as_i64().unwrap() - i64::from(*stale);
            body["action"] = json!(action);
            body["expected_version"] = json!(version);
            let answer = app
                .post_json(&format!("/v1/cases/{case}/actions"), &by.token, body)
                .await;
            let after = c.case(app, case).await;
            if answer.status == 200 {
                assert!(owner && !stale, "{action} by {role} was let through: {answer:?}");
                let row = transition(state, action).unwrap();
                assert_eq!(after["state"], row.to.as_str());
                assert_eq!(after["version"], version + 1);
            } else {
                assert!((400..500).contains(&answer.status), "{answer:?}");
                assert_eq!(
                    after["version"], before["version"],
                    "{action} was refused and changed something"
                );
            }
        }
        Try::Reply(yes) => {
            let open: Option<Value> = before["tasks"]
                .as_array()
                .unwrap()
                .iter()
                .find(|t| t["state"] == "assigned")
                .cloned();
            let Some(open) = open else { return };
            let reply = match (open["purpose"] == "check", yes) {
                (true, true) => Answer::Rectified,
                (true, false) => Answer::NotRectified,
                (false, true) => Answer::True,
                (false, false) => Answer::NotTrue,
            };
            let entry = answer(
                &mut c.patroller,
                app,
                open["task"].as_str().unwrap().parse().unwrap(),
                reply,
            );
            assert_eq!(send(&mut c.patroller, app, entry).await.0, "applied");
        }
        Try::Duty(true) => drop(check_in(&mut c.patroller, app).await),
        Try::Duty(false) => drop(check_out(&mut c.patroller, app).await),
    }
}

async fn walk(app: TestApp, runs: u32) {
    let mut c = Centre::new(&app).await;
    check_in(&mut c.patroller, &app).await;
    let mut runner = TestRunner::deterministic();
    let mut reached = std::collections::BTreeSet::new();
    for run in 0..runs {
        let case = if run % 2 == 0 {
            c.reported(&app).await
        } else {
            c.registered(&app).await
        };
        let plan = tries().new_tree(&mut runner).unwrap().current();
        for (i, t) in plan.iter().enumerate() {
            attempt(&mut c, &app, case, t, i % 3 != 0).await;
            reached.insert(c.state(&app, case).await);
        }
        // Every event follows a row of the table from where the one before it led.
        let seen = c.case(&app, case).await;
        let mut at: Option<String> = None;
        for event in seen["ledger"].as_array().unwrap() {
            let action: Action = event["action"].as_str().unwrap().parse().unwrap();
            let row = TRANSITIONS
                .iter()
                .find(|r| r.action == action && event["transition"] == r.id && event["to"] == r.to.as_str());
            let row = row.unwrap_or_else(|| panic!("no row for {event}"));
            assert_eq!(event["from"].as_str(), at.as_deref());
            assert_eq!(row.from.is_empty(), at.is_none());
            at = event["to"].as_str().map(str::to_owned);
        }
    }
    assert!(reached.len() >= 10, "the walks were shallow: {reached:?}");
}

#[tokio::test]
async fn random_actions_never_leave_the_table_sqlite() {
    Box::pin(walk(TestApp::sqlite().await, 16)).await;
}

#[tokio::test]
async fn random_actions_never_leave_the_table_postgres() {
    Box::pin(walk(TestApp::postgres().await, 6)).await;
}
