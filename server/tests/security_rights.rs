//! Rights that end while a request is under way, and what a stranger finds (findings A1–A19, by their ids).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

#[path = "support/centre.rs"]
mod centre;
mod support;

use axum::{body::Body, http::Request};
use bytes::Bytes;
use centre::{CELL, DistrictFixture, FOREIGN_CELL, grid_pack};
use protocol::{
    payload::{CheckIn, Payload},
    role::Role,
    sign::{SIGNATURE_HEADER, Signer as _, push_message},
};
use serde_json::json;
use support::{FieldClient, TestApp, TestResponse};
use tokio::sync::oneshot;

/// Sends a request whose body comes in two halves; `meanwhile` runs between them.
async fn with_pause(
    app: &TestApp,
    request: axum::http::request::Builder,
    body: Vec<u8>,
    meanwhile: impl Future<Output = ()>,
) -> TestResponse {
    let (begun, when_begun) = oneshot::channel();
    let (go_on, may_go_on) = oneshot::channel();
    let half = body.len() / 2;
    let (first, rest) = (
        Bytes::copy_from_slice(&body[..half]),
        Bytes::copy_from_slice(&body[half..]),
    );
    let pieces = futures_util::stream::unfold(
        (0, Some(begun), Some(may_go_on)),
        move |(piece, begun, may_go_on)| {
            let (first, rest) = (first.clone(), rest.clone());
            async move {
                match piece {
                    0 => {
                        begun.unwrap().send(()).unwrap();
                        Some((Ok::<_, std::io::Error>(first), (1, None, may_go_on)))
                    }
                    1 => {
                        may_go_on.unwrap().await.unwrap();
                        Some((Ok(rest), (2, None, None)))
                    }
                    _ => None,
                }
            }
        },
    );
    let sent = app.send(request.body(Body::from_stream(pieces)).unwrap());
    let between = async {
        when_begun.await.unwrap();
        meanwhile.await;
        go_on.send(()).unwrap();
    };
    tokio::join!(sent, between).0
}

fn signed_push(client: &FieldClient, body: &[u8]) -> axum::http::request::Builder {
    let signature = client.key.sign(&push_message(&client.token, body)).unwrap();
    Request::post("/v1/field/push")
        .header("authorization", format!("Bearer {}", client.token))
        .header("content-type", "application/json")
        .header(SIGNATURE_HEADER, signature.to_string())
}

fn staff(path: &str, token: &str) -> axum::http::request::Builder {
    Request::post(path)
        .header("authorization", format!("Bearer {token}"))
        .header("content-type", "application/json")
}

fn bytes(body: &serde_json::Value) -> Vec<u8> {
    serde_json::to_vec(body).unwrap()
}

both_engines! {
    async fn sec_a04_push_under_way_when_its_stream_is_revoked_writes_nothing(app: TestApp) {
        let city = app.city().await;
        let admin = app.staff(Role::Admin, city.city).await;
        let post = app.post(city.community, &["2201040503"]).await;
        let mut client = app.holder(post).await;
        let entry = client.entry(&app, &Payload::CheckIn(CheckIn::default()));
        let body = client.envelope(&app, &[entry]);
        let revoke = format!("/v1/streams/{}/revoke", client.stream);
        let answer = with_pause(&app, signed_push(&client, &body), body.clone(), async {
            app.post_json(&revoke, &admin.token, json!({ "reason": "lost" })).await.expect(200);
        });
        answer.await.expect(403).expect_code("stream.revoked");
        assert_eq!(app.count("SELECT COUNT(*) AS n FROM entry").await, 0);
        assert_eq!(app.count("SELECT COUNT(*) AS n FROM duty_period").await, 0);
    }

    async fn sec_a04_push_under_way_when_its_holder_is_disabled_writes_nothing(app: TestApp) {
        let city = app.city().await;
        let admin = app.staff(Role::Admin, city.district).await;
        let post = app.post(city.community, &["2201040503"]).await;
        let mut client = app.holder(post).await;
        let entry = client.entry(&app, &Payload::CheckIn(CheckIn::default()));
        let body = client.envelope(&app, &[entry]);
        let disable = format!("/v1/people/{}/disable", client.person);
        let answer = with_pause(&app, signed_push(&client, &body), body.clone(), async {
            app.post_json(&disable, &admin.token, json!({})).await.expect(200);
        });
        answer.await.expect(403).expect_code("stream.revoked");
        assert_eq!(app.count("SELECT COUNT(*) AS n FROM entry").await, 0);
    }

    async fn a_push_whose_token_expires_under_way_is_received(app: TestApp) {
        let city = app.city().await;
        let post = app.post(city.community, &["2201040503"]).await;
        let mut client = app.holder(post).await;
        let entry = client.entry(&app, &Payload::CheckIn(CheckIn::default()));
        let body = client.envelope(&app, &[entry]);
        let answer = with_pause(&app, signed_push(&client, &body), body.clone(), async {
            app.advance_minutes(61);
        });
        answer.await.expect(200);
        assert_eq!(app.count("SELECT COUNT(*) AS n FROM entry").await, 1);
    }

    async fn sec_a04_request_of_staff_who_are_disabled_meanwhile_makes_nobody(app: TestApp) {
        let city = app.city().await;
        let root = app.staff(Role::Admin, city.city).await;
        let admin = app.staff(Role::Admin, city.district).await;
        let person = json!({
            "account": "puppet", "name": "新人", "org": city.district,
            "roles": [{ "role": "acceptor", "org": city.district }],
        });
        let before = app.count("SELECT COUNT(*) AS n FROM person").await;
        let disable = format!("/v1/people/{}/disable", admin.person);
        let answer = with_pause(&app, staff("/v1/people", &admin.token), bytes(&person), async {
            app.post_json(&disable, &root.token, json!({})).await.expect(200);
        });
        answer.await.expect(401);
        assert_eq!(app.count("SELECT COUNT(*) AS n FROM person").await, before);
    }

    async fn sec_a04_request_of_staff_whose_role_is_taken_or_who_sign_out_meanwhile_makes_nobody(app: TestApp) {
        let city = app.city().await;
        let root = app.staff(Role::Admin, city.city).await;
        let admin = app.staff(Role::Admin, city.district).await;
        let person = |account: &str| bytes(&json!({
            "account": account, "name": "新人", "org": city.district,
            "roles": [{ "role": "acceptor", "org": city.district }],
        }));
        let before = app.count("SELECT COUNT(*) AS n FROM person").await;
        let role = json!([{ "role": "admin", "org": city.district }]);
        let roles = format!("/v1/people/{}/roles", admin.person);
        let answer = with_pause(&app, staff("/v1/people", &admin.token), person("one"), async {
            app.post_json(&roles, &root.token, json!({ "remove": role })).await.expect(200);
        });
        answer.await.expect(403).expect_code("auth.forbidden");
        app.post_json(&roles, &root.token, json!({ "add": role })).await.expect(200);
        let answer = with_pause(&app, staff("/v1/people", &admin.token), person("two"), async {
            app.post_json("/v1/session/logout-everywhere", &admin.token, json!({})).await.expect(200);
        });
        answer.await.expect(401);
        assert_eq!(app.count("SELECT COUNT(*) AS n FROM person").await, before);
    }
}

both_engines! {
    async fn sec_a04_grid_of_an_administrator_who_is_disabled_meanwhile_is_not_in_force(app: TestApp) {
        let city = app.city().await;
        let root = app.staff(Role::Admin, city.city).await;
        let admin = app.staff(Role::Admin, city.district).await;
        let disable = format!("/v1/people/{}/disable", admin.person);
        let answer = with_pause(&app, staff("/v1/grids", &admin.token), grid_pack(), async {
            app.post_json(&disable, &root.token, json!({})).await.expect(200);
        });
        answer.await.expect(401);
        assert_eq!(app.count("SELECT COUNT(*) AS n FROM grid").await, 0);
        assert_eq!(app.count("SELECT COUNT(*) AS n FROM reference_file WHERE name = 'grid'").await, 0);
    }

    async fn sec_a13_acceptor_cannot_move_a_case_out_of_reach(app: TestApp) {
        let mut c = DistrictFixture::new(&app).await;
        let case = c.reported(&app).await;
        let nearby = app.staff(Role::Acceptor, c.city.community).await;
        let needs = json!({ "matter": "E0102", "cell": FOREIGN_CELL });
        c.act_as(&app, &nearby, case, "prefile", needs).await.expect(403).expect_code("auth.scope");
        let seen = c.case(&app, case).await;
        assert_eq!((seen["state"].as_str(), seen["cell"].as_str()), (Some("reported"), Some(CELL)));
        // Who accepts for the whole district may.
        let needs = json!({ "matter": "E0102", "cell": FOREIGN_CELL });
        c.act(&app, case, "prefile", needs).await.expect(200);
    }

    async fn sec_a14_invitation_dies_with_the_wipe_of_its_terminal_and_by_a_newer_one(app: TestApp) {
        let city = app.city().await;
        let admin = app.staff(Role::Admin, city.city).await;
        let post = app.post(city.community, &["2201040503"]).await;
        let person = app.person("张三", city.community, &[Role::Patroller]).await;
        app.assign(post, person).await;
        let new = json!({ "label": "A-17", "org": city.community });
        let terminal = app.post_json("/v1/terminals", &admin.token, new).await.expect(200).json;
        let path = |end: &str| format!("/v1/terminals/{}/{end}", terminal["id"].as_str().unwrap());
        // A post that does not exist is a wrong field; the terminal is there.
        let nobody = json!({ "post": person, "person": person });
        let refused = app.post_json(&path("invitations"), &admin.token, nobody).await;
        refused.expect(422).expect_code("request.invalid");
        let invite = async || {
            let body = json!({ "post": post, "person": person });
            let invited = app.post_json(&path("invitations"), &admin.token, body).await.expect(200).json;
            invited["code"].as_str().unwrap().to_owned()
        };
        let enrol = async |code: &str| FieldClient::new(&app, post, person).enrol(&app, code).await;
        let (first, second) = (invite().await, invite().await);
        enrol(&first).await.expect(403).expect_code("enrol.code");
        enrol(&second).await.expect(200);
        let third = invite().await;
        app.post_json(&path("wipe"), &admin.token, json!({ "reason": "lost" })).await.expect(200);
        enrol(&third).await.expect(403).expect_code("enrol.code");
        let fourth = invite().await;
        let mut client = FieldClient::new(&app, post, person);
        client.enrol(&app, &fourth).await.expect(200);
        let fifth = invite().await;
        let revoke = format!("/v1/streams/{}/revoke", client.stream);
        app.post_json(&revoke, &admin.token, json!({ "reason": "lent" })).await.expect(200);
        enrol(&fifth).await.expect(403).expect_code("enrol.code");
    }

    async fn sec_a19_photo_of_a_case_stays_in_no_browser_and_each_view_is_noted(app: TestApp) {
        let mut c = DistrictFixture::new(&app).await;
        let case = c.reported(&app).await;
        c.steps(&app, case, &["prefile", "file", "dispatch"]).await;
        let sha256 = c.attach(&app).await;
        c.act(&app, case, "handle", json!({ "opinion": "已清理", "attachments": [sha256] })).await.expect(200);
        let path = format!("/v1/cases/{case}/photos/{sha256}");
        for views in 1..=2 {
            let shown = app.get(&path, &c.supervisor.token).await.expect(200);
            assert_eq!(shown.headers["cache-control"], "no-store");
            let noted = app.count("SELECT COUNT(*) AS n FROM audit_event WHERE action = 'photo.view'").await;
            assert_eq!(noted, views);
        }
        let other = app.staff(Role::Acceptor, c.city.other_district).await;
        app.get(&path, &other.token).await.expect(403);
        assert_eq!(app.count("SELECT COUNT(*) AS n FROM audit_event WHERE action = 'photo.view'").await, 2);
    }
}

both_engines! {
    async fn sec_a01_department_gets_no_role_over_its_district(app: TestApp) {
        let city = app.city().await;
        let admin = app.staff(Role::Admin, city.department).await;
        for role in ["shift_leader", "acceptor", "command_centre", "supervisor", "patroller"] {
            let person = json!({
                "account": format!("dept-{role}"), "name": "新人", "org": city.department,
                "roles": [{ "role": role, "org": city.department }],
            });
            app.post_json("/v1/people", &admin.token, person).await.expect(422).expect_code("request.invalid");
        }
        let own = json!({
            "account": "dept-own", "name": "新人", "org": city.department,
            "roles": [{ "role": "department", "org": city.department }],
        });
        app.post_json("/v1/people", &admin.token, own).await.expect(200);
        // Neither may its administrator give the district another grid.
        let grid = Request::post("/v1/grids")
            .header("authorization", format!("Bearer {}", admin.token))
            .body(Body::from(b"{}".to_vec()))
            .unwrap();
        let refused = app.send(grid).await;
        assert!(refused.status == 403 || refused.code() == "grid.faults", "{refused:?}");
        assert_eq!(app.count("SELECT COUNT(*) AS n FROM grid").await, 0);
    }

    async fn sec_a10_city_keeps_an_administrator_and_the_disabled_can_be_enabled(app: TestApp) {
        let city = app.city().await;
        let root = app.staff(Role::Admin, city.city).await;
        let path = |person, end: &str| format!("/v1/people/{person}/{end}");
        app.post_json(&path(root.person, "disable"), &root.token, json!({})).await.expect(409).expect_code("people.last_admin");
        let own = json!([{ "role": "admin", "org": city.city }]);
        let taken = app.post_json(&path(root.person, "roles"), &root.token, json!({ "remove": own })).await;
        taken.expect(409).expect_code("people.last_admin");
        // A second one may go, and come back.
        let second = app.staff(Role::Admin, city.city).await;
        app.post_json(&path(second.person, "disable"), &root.token, json!({})).await.expect(200);
        app.get("/v1/session", &second.token).await.expect(401);
        let enabled = app.post_json(&path(second.person, "enable"), &root.token, json!({})).await.expect(200).json;
        assert_eq!((&enabled["disabled"], &enabled["roles"][0]["role"]), (&json!(false), &json!("admin")));
        app.get("/v1/session", &second.token).await.expect(401);
        let again = app.session(second.person).await;
        app.get("/v1/people", &again).await.expect(200);
    }

    async fn sec_a10_nobody_disables_whose_roles_reach_further_and_nobody_grants_to_himself(app: TestApp) {
        let city = app.city().await;
        app.staff(Role::Admin, city.city).await;
        let admin = app.staff(Role::Admin, city.district).await;
        let further = app.person("张三", city.district, &[]).await;
        let at = city.city;
        app.write(move |tx, _| {
            Ok(tx.execute(
                "INSERT INTO role_grant (person, role, org) VALUES (?1, 'supervisor', ?2)",
                server::params![further.to_string(), at.to_string()],
            )?)
        })
        .await;
        let disable = format!("/v1/people/{further}/disable");
        app.post_json(&disable, &admin.token, json!({})).await.expect(403).expect_code("auth.scope");
        let own = format!("/v1/people/{}/roles", admin.person);
        let more = json!({ "add": [{ "role": "acceptor", "org": city.district }] });
        app.post_json(&own, &admin.token, more).await.expect(403).expect_code("auth.forbidden");
    }
}
