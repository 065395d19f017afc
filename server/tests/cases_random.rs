//! Random actions on cases: a case never leaves the table, every ledger verifies, a refused action changes nothing, and
//! the list of allowed actions is true: with its fields filled a listed one is accepted, any other is refused.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

#[path = "support/centre.rs"]
mod centre;
mod support;
#[path = "support/tus.rs"]
mod tus_client;

use centre::{CELL, DistrictFixture, answer_entry, check_in, check_out, inside, send};
use proptest::{prelude::*, strategy::ValueTree as _, test_runner::TestRunner};
use protocol::{
    case::{Action, Approvals, CaseState, TRANSITIONS, To, creates, roles, targets, transition},
    duty::Answer,
    ids::CaseId,
    role::Role,
};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use support::{StaffMember, TestApp};
use tus_client::upload;

/// One attempted step.
#[derive(Debug, Clone)]
enum Attempt {
    /// An action with all required fields or none, at the current version or an outdated one.
    Act {
        action: Action,
        with_needs: bool,
        stale: bool,
        by_owner: bool,
    },
    /// The patroller answers the case's open task, if there is one.
    Reply(bool),
    Duty(bool),
}

fn attempts() -> impl Strategy<Value = Vec<Attempt>> {
    let action = proptest::sample::select(Action::ALL.to_vec());
    // Most steps follow the table, so that runs go deep; the others are arbitrary.
    let act = (
        action,
        prop::bool::weighted(0.9),
        prop::bool::weighted(0.05),
        prop::bool::weighted(0.95),
    )
        .prop_map(|(action, with_needs, stale, by_owner)| Attempt::Act {
            action,
            with_needs,
            stale,
            by_owner,
        });
    let one = prop_oneof![8 => act, 2 => any::<bool>().prop_map(Attempt::Reply), 1 => any::<bool>().prop_map(Attempt::Duty)];
    proptest::collection::vec(one, 10..40)
}

async fn attempt(c: &mut DistrictFixture, app: &TestApp, case: CaseId, t: &Attempt, forward: bool) {
    let before = c.case(app, case).await;
    let state: CaseState = before["state"].as_str().unwrap().parse().unwrap();
    match t {
        Attempt::Act {
            action,
            with_needs,
            stale,
            by_owner,
        } => {
            // Replaces some actions by one that the state allows.
            let rows: Vec<_> = TRANSITIONS
                .iter()
                .filter(|r| r.from.contains(&state) && !r.by.contains(&Role::Patroller))
                // These reports are not of the kind that such a row is for.
                .filter(|r| !r.guards.iter().any(|guard| guard.is_of_kind()))
                .collect();
            let place = Action::ALL.iter().position(|a| a == action).unwrap();
            let action = if forward && !rows.is_empty() {
                rows[place % rows.len()].action
            } else {
                *action
            };
            let role = roles(action).into_iter().find(|role| *role != Role::Patroller);
            let owner = role.filter(|_| *by_owner);
            let by = owner.map_or(&c.supervisor, |role| c.of(role)).clone();
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
                assert!(owner.is_some() && !stale, "{action} must be refused: {answer:?}");
                let row = transition(state, action).unwrap();
                let after: CaseState = after["state"].as_str().unwrap().parse().unwrap();
                // The first of two approvals leaves the state.
                let approved = row.approvals != Approvals::One && after == state;
                assert!(
                    approved || targets(row, state).contains(&after),
                    "{action} led to {after}"
                );
                assert_eq!(c.case(app, case).await["version"], version + 1);
            } else {
                assert!((400..500).contains(&answer.status), "{answer:?}");
                assert_eq!(
                    after["version"], before["version"],
                    "{action} was refused and must change nothing"
                );
            }
        }
        Attempt::Reply(yes) => reply(c, app, &before, *yes).await,
        Attempt::Duty(true) => drop(check_in(&mut c.patroller, app).await),
        Attempt::Duty(false) => drop(check_out(&mut c.patroller, app).await),
    }
}

/// The patroller answers the open task of a case, when it has one.
async fn reply(c: &mut DistrictFixture, app: &TestApp, case: &Value, yes: bool) {
    let open: Option<Value> = case["tasks"]
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
    let task = open["task"].as_str().unwrap().parse().unwrap();
    let entry = answer_entry(&mut c.patroller, app, task, reply);
    assert_eq!(send(&mut c.patroller, app, entry).await.0, "applied");
}

async fn random_runs(app: TestApp, runs: u32) {
    let mut c = DistrictFixture::new(&app).await;
    check_in(&mut c.patroller, &app).await;
    let mut runner = TestRunner::deterministic();
    let mut reached = BTreeSet::new();
    for run in 0..runs {
        let case = if run % 2 == 0 {
            c.reported(&app).await
        } else {
            c.registered(&app).await
        };
        let plan = attempts().new_tree(&mut runner).unwrap().current();
        for (i, t) in plan.iter().enumerate() {
            attempt(&mut c, &app, case, t, i % 3 != 0).await;
            reached.insert(c.state(&app, case).await);
        }
        // Every event is a row of the table and starts in the state where the previous one ended.
        let seen = c.case(&app, case).await;
        let mut at: Option<CaseState> = None;
        for event in seen["ledger"].as_array().unwrap() {
            let action: Action = event["action"].as_str().unwrap().parse().unwrap();
            let to: CaseState = event["to"].as_str().unwrap().parse().unwrap();
            let from: Option<CaseState> = event["from"].as_str().map(|text| text.parse().unwrap());
            let row = match from {
                None => creates(action),
                Some(from) => transition(from, action).ok(),
            };
            let row = row.unwrap_or_else(|| panic!("no row for {event}"));
            assert_eq!(event["transition"], row.id);
            let leads = match (row.to, from) {
                (To::State(state), _) => vec![state],
                (To::Prior, from) => targets(row, from.unwrap()),
            };
            assert!(leads.contains(&to) || event["facts"]["approval"] == 1, "{event}");
            assert_eq!(from, at);
            at = Some(to);
        }
    }
    assert!(
        reached.len() >= 10,
        "at least ten states must be reached: {reached:?}"
    );
}

/// Not with `both_engines!`, because PostgreSQL takes longer and gets fewer runs.
mod random_actions_never_leave_the_transition_table {
    use super::{TestApp, random_runs};

    #[tokio::test]
    async fn sqlite() {
        Box::pin(random_runs(TestApp::sqlite().await, 16)).await;
    }

    #[tokio::test]
    async fn postgres() {
        Box::pin(random_runs(TestApp::postgres().await, 6)).await;
    }
}

/// The body that a console makes of an allowed action, from nothing but the view. Fields that the case does not miss are
/// given too when `all`.
async fn filled(
    c: &DistrictFixture,
    app: &TestApp,
    by: &StaffMember,
    offered: &Value,
    all: bool,
    without: &str,
) -> Value {
    let mut body = json!({"action": offered["action"]});
    for field in offered["takes"].as_array().unwrap() {
        let name = field["name"].as_str().unwrap();
        let needed = all || field["missing"] == true;
        if !needed || name == without || field["instead_of"].is_string() {
            continue;
        }
        body[name] = match field["kind"].as_str().unwrap() {
            "text" => json!("意见"),
            "photos" => json!([c.attach_as(app, by).await]),
            "matter" => json!("E0102"),
            "point" => json!(inside(CELL)),
            "number" => field["most"].clone(),
            "org" => field["choices"][0]["value"].clone(),
            "limit" => json!({"amount": field["least"], "unit": field["choices"][0]["value"]}),
            kind => panic!("a console cannot draw {kind}"),
        };
    }
    body
}

/// A value above the bounds of a field; `None` when it has none. Photos would have to be uploaded first.
fn above(field: &Value) -> Option<Value> {
    let more = field["most"].as_u64()? + 1;
    match field["kind"].as_str().unwrap() {
        "text" => Some(json!("字".repeat(usize::try_from(more).unwrap()))),
        "photos" => None,
        "number" => Some(json!(more)),
        "limit" => Some(json!({"amount": more, "unit": field["choices"][0]["value"]})),
        kind => panic!("bounds of {kind} that nobody tries"),
    }
}

/// A console that knows nothing of the table: it follows the list of allowed actions, and tries whatever is not listed.
async fn console(app: TestApp, least: usize) {
    let rows: BTreeSet<String> = TRANSITIONS
        .iter()
        .filter(|t| !t.from.is_empty() && !t.by.contains(&Role::Patroller))
        .map(|t| t.action.to_string())
        .collect();
    let mut c = DistrictFixture::new(&app).await;
    check_in(&mut c.patroller, &app).await;
    let people = [&c.acceptor, &c.leader, &c.command, &c.department, &c.supervisor].map(Clone::clone);
    let mut runner = TestRunner::deterministic();
    let mut done = BTreeSet::new();
    for run in 0.. {
        if run >= least && done == rows {
            break;
        }
        assert!(run < 20, "never walked: {:?}", rows.difference(&done));
        let case = match run % 3 {
            0 => c.reported(&app).await,
            1 => c.registered(&app).await,
            _ => {
                let (case, photos) = c.reported_self_handled(&app).await;
                for photo in &photos {
                    upload(&app, &c.patroller, photo).await;
                }
                case
            }
        };
        for _ in 0..20 {
            let chance: (usize, bool, bool) = any::<(usize, bool, bool)>()
                .new_tree(&mut runner)
                .unwrap()
                .current();
            let (pick, all, yes) = chance;
            let mut offers = Vec::new();
            for (i, by) in people.iter().enumerate() {
                let seen = app.get(&format!("/v1/cases/{case}"), &by.token).await;
                // A department sees its own cases only.
                if seen.status == 403 {
                    continue;
                }
                let seen = seen.expect(200).json;
                let list = seen["allowed"].as_array().unwrap();
                let mine: Vec<Value> = list.iter().filter(|a| a["mine"] == true).cloned().collect();
                if i == pick % people.len() {
                    for action in Action::ALL {
                        if mine.iter().all(|a| a["action"] != action.as_str()) {
                            let refused = c
                                .act_as(&app, by, case, action.as_str(), json!({"opinion": "意见"}))
                                .await;
                            let codes = ["case.role", "auth.scope", "case.transition"];
                            // A step of another kind of case is not listed, and refused by its guard.
                            let kind = refused.code() == "case.guard"
                                && TRANSITIONS.iter().any(|row| {
                                    row.action == *action && row.guards.iter().any(|guard| guard.is_of_kind())
                                });
                            assert!(kind || codes.contains(&refused.code()), "{action}: {refused:?}");
                        }
                    }
                }
                offers.extend(mine.into_iter().map(|offer| (by, offer)));
            }
            let before = c.case(&app, case).await;
            if before["allowed"] == json!([]) {
                break;
            }
            if offers.is_empty() {
                reply(&mut c, &app, &before, yes).await;
                continue;
            }
            // An action that was not done yet goes first, so that every row is walked.
            let name = |offer: &Value| offer["action"].as_str().unwrap().to_owned();
            let open = |offer: &Value| {
                !offer["asks"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .any(|a| a["fields"] == json!([]))
            };
            let fresh = offers
                .iter()
                .position(|(_, offer)| open(offer) && !done.contains(&name(offer)));
            let (by, offer) = &offers[fresh.unwrap_or(pick % offers.len())];
            for field in offer["takes"]
                .as_array()
                .unwrap()
                .iter()
                .filter(|f| f["missing"] == true)
            {
                let left_out = field["name"].as_str().unwrap();
                if field["instead_of"].is_string() {
                    continue;
                }
                let body = filled(&c, &app, by, offer, false, left_out).await;
                let refused = c
                    .act_as(&app, by, case, &name(offer), body)
                    .await
                    .expect_code("case.guard");
                let asked: Vec<&Value> = offer["asks"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|a| &a["guard"])
                    .collect();
                for error in refused.json["errors"].as_array().unwrap() {
                    assert!(asked.contains(&&error["at"]), "{refused:?}");
                }
            }
            for field in offer["takes"].as_array().unwrap() {
                let Some(value) = above(field).filter(|_| fresh.is_some()) else {
                    continue;
                };
                let mut body = filled(&c, &app, by, offer, all, "").await;
                body[field["name"].as_str().unwrap()] = value;
                c.act_as(&app, by, case, &name(offer), body)
                    .await
                    .expect_code("request.invalid");
            }
            let body = filled(&c, &app, by, offer, all, "").await;
            let answer = c.act_as(&app, by, case, &name(offer), body).await;
            if open(offer) {
                assert_eq!(answer.expect(200).json["state"], offer["to"], "{offer}");
                done.insert(name(offer));
            } else {
                answer.expect_code("case.guard");
            }
        }
    }
}

mod only_listed_actions_are_accepted {
    use super::{TestApp, console};

    #[tokio::test]
    async fn sqlite() {
        Box::pin(console(TestApp::sqlite().await, 6)).await;
    }

    #[tokio::test]
    async fn postgres() {
        Box::pin(console(TestApp::postgres().await, 2)).await;
    }
}
