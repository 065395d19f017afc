//! The OpenAPI description is committed, complete and enforced.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support;

use protocol::role::Role;
use serde_json::{Value, json};
use server::service::{openapi, rooms};
use std::collections::BTreeSet;
use support::TestApp;

#[test]
fn committed_openapi_description_matches_the_routes() {
    let committed = include_str!("../openapi.json");
    let (now, then): (Value, Value) = (rooms::description(), serde_json::from_str(committed).unwrap());
    let paths = |v: &Value| -> BTreeSet<String> { v["paths"].as_object().unwrap().keys().cloned().collect() };
    let (new, old) = (paths(&now), paths(&then));
    assert_eq!(
        new.difference(&old).collect::<Vec<_>>(),
        Vec::<&String>::new(),
        "paths missing in openapi.json"
    );
    assert_eq!(
        old.difference(&new).collect::<Vec<_>>(),
        Vec::<&String>::new(),
        "paths only in openapi.json"
    );
    assert!(
        openapi::text(&now) == committed,
        "server/openapi.json is not that of the routes; look at the difference and write it anew:\n\
         cargo run -p server --bin xunge-server -- openapi > server/openapi.json"
    );
}

struct Operation {
    method: String,
    path: String,
    access: Value,
    described: Value,
}

async fn operations(app: &TestApp) -> Vec<Operation> {
    let api = app
        .call("GET", "/openapi.json", None, Value::Null)
        .await
        .expect(200)
        .json;
    let mut operations = Vec::new();
    for (path, item) in api["paths"].as_object().unwrap() {
        for (method, described) in item.as_object().unwrap() {
            operations.push(Operation {
                method: method.to_uppercase(),
                path: path.clone(),
                access: described["x-xunge-access"].clone(),
                described: described.clone(),
            });
        }
    }
    operations
}

/// The path with values for its parameters.
fn with_parameters(path: &str) -> String {
    let id = "01900000-0000-7000-8000-000000000000";
    path.split('/')
        .map(|part| if part.starts_with('{') { id } else { part })
        .collect::<Vec<_>>()
        .join("/")
}

#[tokio::test]
async fn every_operation_has_a_description_and_access_rule() {
    let app = TestApp::sqlite().await;
    let mut names = BTreeSet::new();
    for o in operations(&app).await {
        let at = format!("{} {}", o.method, o.path);
        assert!(
            names.insert(o.described["operationId"].to_string()),
            "{at}: operation id used twice"
        );
        assert!(
            o.described["summary"].is_string(),
            "{at}: the handler has no doc comment"
        );
        assert!(
            !o.described["tags"].as_array().unwrap().is_empty(),
            "{at}: no tag"
        );
        assert!(!o.access.is_null(), "{at}: no access");
        assert!(o.described["responses"]["500"].is_object(), "{at}");
    }
    assert!(names.len() > 8);
}

/// Operations that need no token. This list may only become shorter; each has its reason in the description.
const OPEN: &[&str] = &[
    "GET /healthz",
    "GET /metrics",
    "GET /openapi.json",
    "GET /readyz",
    "OPTIONS /v1/attachments/uploads",
    "OPTIONS /v1/field/photos",
    "POST /v1/field/challenge",
    "POST /v1/field/enrol",
    "POST /v1/field/parcel",
    "POST /v1/field/token",
    "POST /v1/session",
];

#[tokio::test]
async fn only_listed_operations_need_no_token() {
    let app = TestApp::sqlite().await;
    let open: Vec<String> = operations(&app)
        .await
        .into_iter()
        .filter(|o| o.access.get("open").is_some())
        .map(|o| format!("{} {}", o.method, o.path))
        .collect();
    let unknown: Vec<_> = open.iter().filter(|o| !OPEN.contains(&o.as_str())).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}

both_engines! {
    async fn access_rules_are_enforced_for_every_role_and_operation(app: TestApp) {
        let city = app.city().await;
        let mut staff = Vec::new();
        for role in Role::ALL {
            staff.push((*role, app.staff(*role, city.city).await.token));
        }
        let post = app.post(city.community, &["2201040503"]).await;
        let holder = app.holder(post).await;
        let mut cells = 0;
        for o in operations(&app).await {
            if o.access.get("open").is_some() {
                continue;
            }
            let (at, path) = (format!("{} {}", o.method, o.path), with_parameters(&o.path));
            let call = |token: Option<String>| {
                let (app, method, path) = (&app, o.method.clone(), path.clone());
                async move { app.call(&method, &path, token.as_deref(), Value::Null).await }
            };
            // The response to HEAD has no body with a code.
            let same = |answer: &support::TestResponse, code: &str| {
                answer.status == 401 && (o.method == "HEAD" || answer.code() == code)
            };
            let nobody = call(None).await;
            assert!(same(&nobody, "auth.required"), "{at}: {nobody:?}");
            let wrong = call(Some("nonsense".into())).await;
            assert!(same(&wrong, "auth.token"), "{at}: {wrong:?}");
            for (role, token) in &staff {
                let allowed = match o.access.get("staff") {
                    Some(roles) => roles == &json!([]) || roles.as_array().unwrap().contains(&json!(role)),
                    None => false,
                };
                cells += 1;
                if !allowed {
                    let want = if o.access == json!("field") { 401 } else { 403 };
                    let answer = call(Some(token.clone())).await;
                    assert_eq!(answer.status, want, "{at} as {role}: {answer:?}");
                }
            }
            if o.access.get("staff").is_some() {
                let answer = call(Some(holder.token.clone())).await;
                assert_eq!(answer.status, 401, "{at} with a terminal's token: {answer:?}");
            }
        }
        assert!(cells > 40, "{cells}");
    }
}

#[test]
fn enums_are_described_by_their_wire_values() {
    let description = rooms::description();
    let values = |name: &str| description["components"]["schemas"][name]["enum"].clone();
    let texts = |all: &[&str]| json!(all);
    let actions: Vec<&str> = protocol::case::Action::ALL.iter().map(|a| a.as_str()).collect();
    let states: Vec<&str> = protocol::case::CaseState::ALL
        .iter()
        .map(|s| s.as_str())
        .collect();
    let roles: Vec<&str> = Role::ALL.iter().map(|r| r.as_str()).collect();
    assert_eq!(values("Action"), texts(&actions));
    assert_eq!(values("CaseState"), texts(&states));
    assert_eq!(values("Role"), texts(&roles));
}

#[test]
fn every_reference_resolves() {
    fn references<'v>(value: &'v Value, found: &mut BTreeSet<&'v str>) {
        match value {
            Value::Object(map) => {
                found.extend(map.get("$ref").and_then(Value::as_str));
                map.values().for_each(|value| references(value, found));
            }
            Value::Array(items) => items.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }
    let description = rooms::description();
    let mut found = BTreeSet::new();
    references(&description, &mut found);
    assert!(found.len() > 20, "{found:?}");
    let lost: Vec<_> = found
        .iter()
        .filter(|reference| description.pointer(reference.trim_start_matches('#')).is_none())
        .collect();
    assert!(lost.is_empty(), "{lost:?}");
}

/// What generators of clients demand or cannot read. `cargo xtask test client` runs one.
#[test]
fn issue_14_description_has_nothing_that_generators_of_clients_stumble_over() {
    let api = rooms::description();
    let described = |responses: &Value| {
        let mut all = responses.as_object().unwrap().values();
        all.all(|one| {
            one["$ref"].is_string() || one["description"].as_str().is_some_and(|text| !text.is_empty())
        })
    };
    for (path, item) in api["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let responses = &operation["responses"];
            assert!(
                described(responses),
                "{method} {path}: a response without description"
            );
            let bodies = responses
                .as_object()
                .unwrap()
                .values()
                .chain([&operation["requestBody"]]);
            for (kind, media) in bodies.filter_map(|body| body["content"].as_object()).flatten() {
                let bytes = !kind.ends_with("json") && !kind.starts_with("text/");
                assert!(
                    !bytes || media["schema"]["format"] == "binary",
                    "{method} {path}: {kind} is no bytes"
                );
                assert!(method != "head", "{method} {path}: an answer to HEAD with a body");
            }
        }
    }
    assert!(
        !api.to_string().contains(r#""items":false"#),
        "a tuple bounded by `items: false`"
    );
}
