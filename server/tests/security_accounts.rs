//! Accounts under attack: first passwords, administrators, sign-in, and what an author or an administrator may choose freely
//! (findings of `security.md`, `use.md` and `domain.md` by their ids).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

#[path = "support/centre.rs"]
mod centre;
mod support;

use axum::{
    body::Body,
    extract::ConnectInfo,
    http::{Request, header::RETRY_AFTER},
};
use protocol::{
    ids::{OrgId, PersonId},
    role::Role,
};
use serde_json::{Value, json};
use server::{
    cli,
    kernel::config::Settings,
    params,
    people::{machine, passwords},
};
use std::net::SocketAddr;
use support::{TestApp, TestResponse};

const OWN: &str = "长春的秋天很短啊";

/// Signs in from an address.
async fn sign_in_from(app: &TestApp, address: &str, account: &str, password: &str) -> TestResponse {
    let peer = SocketAddr::new(address.parse().unwrap(), 40_000);
    let body = json!({ "account": account, "password": password });
    let request = Request::post("/v1/session")
        .header("content-type", "application/json")
        .extension(ConnectInfo(peer))
        .body(Body::from(serde_json::to_vec(&body).unwrap()))
        .unwrap();
    app.send(request).await
}

async fn sign_in(app: &TestApp, account: &str, password: &str) -> TestResponse {
    sign_in_from(app, "192.0.2.1", account, password).await
}

/// Gives a person an account with a password of their own.
async fn own_password(app: &TestApp, person: PersonId, account: &'static str) {
    let hash = passwords::hash(&app.app, OWN.into()).await.unwrap();
    app.write(move |tx, _| {
        Ok(tx.execute(
            "UPDATE person SET account = ?2, password = ?3 WHERE id = ?1",
            params![person.to_string(), account, &hash],
        )?)
    })
    .await;
}

/// A person whom an administrator created with an account: id and first password.
async fn newcomer(app: &TestApp, admin: &str, org: OrgId, account: &str) -> (String, String) {
    let role = json!([{ "role": "shift_leader", "org": org }]);
    let body = json!({ "name": "韩梅梅", "org": org, "account": account, "roles": role });
    let made = app.post_json("/v1/people", admin, body).await.expect(200).json;
    let text = |key: &str| made[key].as_str().unwrap().to_owned();
    (text("id"), text("password"))
}

/// Paths of the operations for staff, with values for their parameters, except those that a first password opens.
async fn closed_operations(app: &TestApp) -> Vec<(String, String)> {
    let api = app.call("GET", "/openapi.json", None, Value::Null).await.json;
    let mut closed = Vec::new();
    for (path, item) in api["paths"].as_object().unwrap() {
        let part = |part: &str| match part.starts_with('{') {
            true => "01900000-0000-7000-8000-000000000000".to_owned(),
            false => part.to_owned(),
        };
        let filled: Vec<String> = path.split('/').map(part).collect();
        for (method, described) in item.as_object().unwrap() {
            let access = &described["x-xunge-access"];
            if access.get("staff").is_some() && access.get("first_password").is_none() {
                closed.push((method.to_uppercase(), filled.join("/")));
            }
        }
    }
    closed
}

/// Changes the password of a session to [`OWN`].
async fn change(app: &TestApp, session: &str, old: &str) {
    let body = json!({ "old": old, "new": OWN });
    app.post_json("/v1/session/password", session, body)
        .await
        .expect(200);
}

fn token(answer: &TestResponse) -> String {
    answer.json["token"].as_str().unwrap().to_owned()
}

both_engines! {
    /// Rule: DC-12.
    async fn sec_a12_first_password_opens_nothing_but_its_change(app: TestApp) {
        let city = app.city().await;
        let admin = app.staff(Role::Admin, city.city).await;
        let (id, first) = newcomer(&app, &admin.token, city.district, "han.meimei").await;
        let session = token(&sign_in(&app, "han.meimei", &first).await.expect(200));
        let closed = closed_operations(&app).await;
        assert!(closed.len() > 40, "{}", closed.len());
        for (method, path) in closed {
            let refused = app.call(&method, &path, Some(&session), Value::Null).await;
            assert_eq!(refused.status, 403, "{method} {path}: {refused:?}");
            assert!(method == "HEAD" || refused.code() == "auth.password_due", "{method} {path}: {refused:?}");
        }
        // Neither does a reset password, although the person had one of their own.
        change(&app, &session, &first).await;
        app.get("/v1/cases", &session).await.expect(200);
        let reset = app.post_json(&format!("/v1/people/{id}/password-reset"), &admin.token, json!({})).await;
        let second = reset.expect(200).json["password"].as_str().unwrap().to_owned();
        app.get("/v1/session", &session).await.expect(401);
        let session = token(&sign_in(&app, "han.meimei", &second).await.expect(200));
        app.get("/v1/cases", &session).await.expect(403).expect_code("auth.password_due");
        assert_eq!(app.get("/v1/session", &session).await.expect(200).json["password_due"], true);
        change(&app, &session, &second).await;
        app.get("/v1/cases", &session).await.expect(200);
    }

    async fn sec_a12_first_password_can_be_signed_out_of(app: TestApp) {
        let city = app.city().await;
        let admin = app.staff(Role::Admin, city.city).await;
        let (_, first) = newcomer(&app, &admin.token, city.district, "han.meimei").await;
        let session = token(&sign_in(&app, "han.meimei", &first).await.expect(200));
        app.call("DELETE", "/v1/session", Some(&session), Value::Null).await.expect(204);
        app.get("/v1/session", &session).await.expect(401);
    }

    async fn sec_a12_first_password_dies_after_ten_tries_and_after_seven_days(app: TestApp) {
        let city = app.city().await;
        let admin = app.staff(Role::Admin, city.city).await;
        let (id, first) = newcomer(&app, &admin.token, city.district, "han.meimei").await;
        // Wrong tries of strangers do not end it, wherever they come from (A11).
        for k in 0..12 {
            sign_in_from(&app, &format!("198.51.100.{k}"), "han.meimei", "something else").await.expect(401);
        }
        for _ in 0..9 {
            sign_in(&app, "han.meimei", &first).await.expect(200);
        }
        let last = token(&sign_in(&app, "han.meimei", &first).await.expect(200));
        sign_in(&app, "han.meimei", &first).await.expect(401).expect_code("auth.password");
        // The tenth may still change it.
        change(&app, &last, &first).await;
        sign_in(&app, "han.meimei", OWN).await.expect(200);
        let reset = format!("/v1/people/{id}/password-reset");
        let again = async || {
            let reset = app.post_json(&reset, &admin.token, json!({})).await.expect(200).json;
            reset["password"].as_str().unwrap().to_owned()
        };
        let second = again().await;
        sign_in(&app, "han.meimei", &second).await.expect(200);
        app.advance_minutes(7 * 24 * 60);
        sign_in(&app, "han.meimei", &second).await.expect(401);
        let third = again().await;
        let session = token(&sign_in(&app, "han.meimei", &third).await.expect(200));
        change(&app, &session, &third).await;
        for _ in 0..12 {
            sign_in(&app, "han.meimei", OWN).await.expect(200);
        }
    }

    async fn use_b09_password_that_could_never_be_used_is_not_made(app: TestApp) {
        let city = app.city().await;
        let admin = app.staff(Role::Admin, city.city).await;
        let (id, _) = newcomer(&app, &admin.token, city.district, "han.meimei").await;
        let path = |end: &str| format!("/v1/people/{id}/{end}");
        app.post_json(&path("disable"), &admin.token, json!({})).await.expect(200);
        app.post_json(&path("password-reset"), &admin.token, json!({})).await.expect(409).expect_code("people.disabled");
        app.post_json(&path("enable"), &admin.token, json!({})).await.expect(200);
        app.post_json(&path("password-reset"), &admin.token, json!({})).await.expect(200);
        let body = json!({ "name": "无账号", "org": city.district });
        let nobody = app.post_json("/v1/people", &admin.token, body).await.expect(200).json;
        let reset = format!("/v1/people/{}/password-reset", nobody["id"].as_str().unwrap());
        app.post_json(&reset, &admin.token, json!({})).await.expect(409).expect_code("people.no_account");
    }
}

both_engines! {
    async fn sec_a10_machine_resets_the_last_administrator(app: TestApp) {
        let city = app.city().await;
        let root = app.staff(Role::Admin, city.city).await;
        own_password(&app, root.person, "zhao.min").await;
        app.write(move |tx, ctx| {
            Ok(tx.execute("UPDATE person SET disabled = ?2 WHERE id = ?1", params![root.person.to_string(), ctx.now.0])?)
        })
        .await;
        let first = "K7PQ-2M4X-9ZTB-AAAA";
        let hash = passwords::hash(&app.app, first.into()).await.unwrap();
        let done = app.write(move |tx, ctx| machine::reset(tx, ctx, " Zhao.Min", &hash)).await;
        assert!(done.enabled && done.administers_city && done.person == root.person, "{done:?}");
        app.get("/v1/session", &root.token).await.expect(401);
        sign_in(&app, "zhao.min", OWN).await.expect(401);
        let session = token(&sign_in(&app, "zhao.min", first).await.expect(200));
        app.get("/v1/people", &session).await.expect(403).expect_code("auth.password_due");
        change(&app, &session, first).await;
        app.get("/v1/people", &session).await.expect(200);
        let noted = app.count("SELECT COUNT(*) AS n FROM audit_event WHERE actor = 'machine' AND action IN ('person.password', 'person.enable')").await;
        assert_eq!(noted, 2);
    }

    async fn domain_04_administrators_are_made_one_level_up_and_those_of_the_city_on_the_machine(app: TestApp) {
        let city = app.city().await;
        let root = app.staff(Role::Admin, city.city).await;
        let district = app.staff(Role::Admin, city.district).await;
        let person = |account: &str, at: OrgId| json!({
            "account": account, "name": "新管理员", "org": at, "roles": [{ "role": "admin", "org": at }],
        });
        let make = async |token: &str, account: &str, at| app.post_json("/v1/people", token, person(account, at)).await;
        make(&district.token, "own-level", city.district).await.expect(403).expect_code("people.admin_level");
        make(&root.token, "own-city", city.city).await.expect(403).expect_code("people.admin_level");
        make(&district.token, "elsewhere", city.other_district).await.expect(403).expect_code("auth.scope");
        make(&district.token, "above", city.city).await.expect(403).expect_code("auth.scope");
        make(&root.token, "of-district", city.district).await.expect(200);
        make(&district.token, "of-street", city.street).await.expect(200);
        make(&district.token, "of-department", city.department).await.expect(200);
        // Nor by a unit below with the same area.
        let twin = json!({ "parent": city.district, "kind": "district", "name": "同区", "area": "220104" });
        app.post_json("/v1/orgs", &district.token, twin).await.expect(422).expect_code("request.invalid");
        // The same by a grant to somebody who is there already.
        let colleague = app.person("同事", city.district, &[Role::Acceptor]).await;
        let roles = format!("/v1/people/{colleague}/roles");
        let add = json!({ "add": [{ "role": "admin", "org": city.district }] });
        app.post_json(&roles, &district.token, add.clone()).await.expect(403).expect_code("people.admin_level");
        app.post_json(&roles, &root.token, add).await.expect(200);

        let hash = passwords::hash(&app.app, "K7PQ-2M4X-9ZTB-AAAA".into()).await.unwrap();
        let again = hash.clone();
        let second = app.write(move |tx, ctx| machine::add_administrator(tx, ctx, ("Qian.Er", "钱二"), &hash)).await;
        let taken = app.app.write(move |tx, ctx| machine::add_administrator(tx, ctx, ("qian.er", "钱二"), &again)).await;
        assert_eq!(taken.unwrap_err().code().unwrap().as_str(), "people.account_taken");
        let session = app.session(second).await;
        app.get("/v1/session", &session).await.expect(200);
        // Now the first one may go.
        app.write(move |tx, _| {
            Ok(tx.execute("UPDATE person SET password_until = NULL WHERE id = ?1", params![second.to_string()])?)
        })
        .await;
        app.post_json(&format!("/v1/people/{}/disable", root.person), &session, json!({})).await.expect(200);
    }

    async fn sec_a01_nothing_but_departments_hangs_below_a_department(app: TestApp) {
        let city = app.city().await;
        let admin = app.staff(Role::Admin, city.department).await;
        let unit = |kind: &str| json!({ "parent": city.department, "kind": kind, "name": "下属", "area": "220104" });
        for kind in ["city", "district", "street", "community"] {
            app.post_json("/v1/orgs", &admin.token, unit(kind)).await.expect(422).expect_code("request.invalid");
        }
        app.post_json("/v1/orgs", &admin.token, unit("department")).await.expect(200);
        // A unit that an older version let in gives no role over its area either.
        let old = app.org(Some(city.department), "district", "旧", "220104").await;
        let person = json!({
            "account": "puppet", "name": "新人", "org": old, "roles": [{ "role": "shift_leader", "org": old }],
        });
        app.post_json("/v1/people", &admin.token, person).await.expect(422).expect_code("request.invalid");
    }

    async fn sec_a02_divisions_are_imported_by_the_city_for_its_own_counties(app: TestApp) {
        let city = app.city().await;
        let root = app.staff(Role::Admin, city.city).await;
        let low = app.staff(Role::Admin, city.community).await;
        let street = json!({ "code": "220104007", "name": "前进街道", "communities": [["220104007001", "兴华社区"]] });
        let list = |at: OrgId, county: &str, name: &str, streets: &[&Value]| json!({ "city": at, "outlined": [],
            "divisions": { "counties": [{ "code": county, "name": name, "streets": streets }] } });
        let import = async |token: &str, body: Value| app.post_json("/v1/divisions", token, body).await;
        import(&root.token, list(city.city, "220104", "朝阳区", &[&street])).await.expect(200);
        let orgs = async || app.count("SELECT COUNT(*) AS n FROM org").await;
        let before = orgs().await;
        // The attack: a county below the attacker's community, another's name, a new county, a street of another county.
        let attacks = [
            list(city.community, "220104", "我的区", &[]),
            list(city.community, "220103", "被改名的区", &[]),
            list(city.community, "220199", "新区", &[]),
            list(city.city, "220104", "被改名的区", &[]),
        ];
        for attack in attacks {
            import(&low.token, attack).await.expect(403).expect_code("auth.scope");
        }
        let district = app.staff(Role::Admin, city.district).await;
        let own = list(city.district, "220104", "我的区", &[]);
        import(&district.token, own).await.expect(403).expect_code("auth.scope");
        // The city itself: no county of another city, no unit under another's parent.
        import(&root.token, list(city.city, "410102", "中原区", &[])).await.expect(403).expect_code("auth.scope");
        let foreign = list(city.city, "220105", "二道区", &[&street]);
        import(&root.token, foreign).await.expect(422).expect_code("request.invalid");
        let lost = json!({ "code": "220104008", "name": "街道", "communities": [["220104007001", "改名"]] });
        import(&root.token, list(city.city, "220104", "朝阳区", &[&lost])).await.expect(422);
        let hidden = list(city.city, "220104", "朝阳\u{202e}区", &[]);
        import(&root.token, hidden).await.expect(422);
        assert_eq!(orgs().await, before);
        assert_eq!(app.count("SELECT COUNT(*) AS n FROM org WHERE name IN ('我的区', '被改名的区', '改名')").await, 0);
    }

    async fn use_b05_grid_of_a_county_of_another_city_is_refused(app: TestApp) {
        app.org(None, "city", "郑州市", "4101").await;
        let parts = &app.app;
        let bytes = centre::grid_pack();
        let refused = server::grids::import(&parts.store, &parts.blobs, bytes.clone().into(), app.now()).await;
        assert_eq!(refused.unwrap_err().code().unwrap().as_str(), "grid.faults");
        assert_eq!(app.count("SELECT COUNT(*) AS n FROM grid").await, 0);
        assert_eq!(app.count("SELECT COUNT(*) AS n FROM reference_file WHERE name = 'grid'").await, 0);
    }
}

both_engines! {
    async fn sec_a11_strangers_do_not_lock_out_the_right_password(app: TestApp) {
        let city = app.city().await;
        let root = app.staff(Role::Admin, city.city).await;
        own_password(&app, root.person, "zhao.min").await;
        for _ in 0..5 {
            sign_in_from(&app, "203.0.113.9", "zhao.min", "wrong").await.expect(401);
        }
        sign_in_from(&app, "203.0.113.9", "zhao.min", OWN).await.expect(429).expect_code("auth.locked");
        sign_in_from(&app, "192.0.2.1", "zhao.min", OWN).await.expect(200);
        sign_in_from(&app, "2001:db8::1", "zhao.min", OWN).await.expect(200);
    }

    async fn sec_a11_delay_grows_with_each_failure_from_an_address(app: TestApp) {
        let city = app.city().await;
        let root = app.staff(Role::Admin, city.city).await;
        own_password(&app, root.person, "zhao.min").await;
        for _ in 0..4 {
            sign_in(&app, "zhao.min", "wrong").await.expect(401);
        }
        for minutes in [5, 10, 20, 40, 60, 60] {
            sign_in(&app, "zhao.min", "wrong").await.expect(401);
            let resting = sign_in(&app, "zhao.min", OWN).await.expect(429).expect_code("auth.locked");
            assert_eq!(resting.headers[RETRY_AFTER], (minutes * 60).to_string());
            app.advance_minutes(minutes);
        }
        sign_in(&app, "zhao.min", OWN).await.expect(200);
        sign_in(&app, "zhao.min", "wrong").await.expect(401);
        sign_in(&app, "zhao.min", OWN).await.expect(200);
    }

    async fn sec_a11_address_that_fails_too_often_waits_before_anything_is_written_or_hashed(app: TestApp) {
        let city = app.city().await;
        let root = app.staff(Role::Admin, city.city).await;
        own_password(&app, root.person, "zhao.min").await;
        sign_in(&app, "zhao.min", OWN).await.expect(200);
        let burst = Settings::default().login_address_burst;
        for k in 0..burst {
            sign_in(&app, &format!("stranger{k}"), "wrong").await.expect(401);
        }
        let rows = "SELECT (SELECT COUNT(*) FROM audit_event) + (SELECT COUNT(*) FROM sign_in_failure) AS n";
        let before = app.count(rows).await;
        let refused = sign_in(&app, "one.more", "wrong").await.expect(429).expect_code("request.rate");
        assert_eq!(refused.headers[RETRY_AFTER], "5");
        assert_eq!(app.count(rows).await, before);
        // Whoever signed in from here before is not held up by the neighbour.
        sign_in(&app, "zhao.min", OWN).await.expect(200);
        sign_in_from(&app, "192.0.2.2", "one.more", "wrong").await.expect(401);
        app.advance(5_000);
        sign_in(&app, "one.more", "wrong").await.expect(401);
    }

    async fn sec_a11_failures_do_not_grow_the_audit_log(app: TestApp) {
        let city = app.city().await;
        let root = app.staff(Role::Admin, city.city).await;
        own_password(&app, root.person, "zhao.min").await;
        for k in 0..4 {
            sign_in_from(&app, "203.0.113.7", "zhao.min", "wrong").await.expect(401);
            sign_in_from(&app, "203.0.113.8", &format!("nobody{k}"), "wrong").await.expect(401);
        }
        let lines = "SELECT COUNT(*) AS n FROM audit_event WHERE action = 'session.refused'";
        assert_eq!(app.count(lines).await, 2);
        assert_eq!(app.count("SELECT COUNT(*) AS n FROM audit_event WHERE action = 'session.refused' AND detail = 'count=4'").await, 2);
        app.advance_minutes(60);
        sign_in_from(&app, "203.0.113.7", "zhao.min", "wrong").await.expect(401);
        assert_eq!(app.count(lines).await, 3);
        // The account is kept as its hash: people type passwords into the wrong field.
        assert_eq!(app.count("SELECT COUNT(*) AS n FROM sign_in_failure WHERE account_sha256 LIKE '%nobody%'").await, 0);
    }

    async fn sec_a11_stolen_session_guesses_no_password_and_sign_ins_do_not_block_its_change(app: TestApp) {
        let city = app.city().await;
        let root = app.staff(Role::Admin, city.city).await;
        own_password(&app, root.person, "zhao.min").await;
        let change = async |old: &str| {
            app.post_json("/v1/session/password", &root.token, json!({ "old": old, "new": "t7-kd93mq" })).await
        };
        for _ in 0..5 {
            change("wrong").await.expect(401);
        }
        change(OWN).await.expect(429).expect_code("auth.locked");
        sign_in(&app, "zhao.min", OWN).await.expect(200);
        app.advance_minutes(5);
        for _ in 0..5 {
            sign_in(&app, "zhao.min", "wrong").await.expect(401);
        }
        change(OWN).await.expect(200);
    }
}

#[tokio::test]
async fn sec_a11_full_queue_asks_to_come_back_and_counts_nothing() {
    let settings = Settings {
        login_queue: 1,
        ..Settings::default()
    };
    let app = TestApp::sqlite_with(settings).await;
    let city = app.city().await;
    let root = app.staff(Role::Admin, city.city).await;
    own_password(&app, root.person, "zhao.min").await;
    let wrong = (0..8).map(|k| {
        let app = &app;
        async move { sign_in(app, &format!("stranger{k}"), "wrong").await }
    });
    let answers = futures_util::future::join_all(wrong).await;
    let busy = answers.iter().filter(|a| a.status == 429).count();
    assert!((1..8).contains(&busy), "{busy} of 8 were asked to come back");
    for answer in answers.iter().filter(|a| a.status == 429) {
        assert_eq!(
            (answer.code(), &answer.headers[RETRY_AFTER]),
            ("request.rate", &"2".parse().unwrap())
        );
    }
    let failures = app.count("SELECT COUNT(*) AS n FROM sign_in_failure").await;
    assert_eq!(usize::try_from(failures).unwrap(), 8 - busy);
    sign_in(&app, "zhao.min", OWN).await.expect(200);
}

both_engines! {
    async fn sec_low_names_hold_no_hidden_characters_and_accounts_no_look_alikes(app: TestApp) {
        let city = app.city().await;
        let root = app.staff(Role::Admin, city.city).await;
        for bad in ["张\u{1b}]0;pwned\u{7}\u{1b}[2J三", "张\u{202e}三", "张\u{200b}三", "张\n三"] {
            let bodies = [
                ("/v1/people", json!({ "name": bad, "org": city.district })),
                ("/v1/orgs", json!({ "parent": city.city, "kind": "district", "name": bad, "area": "220106" })),
                ("/v1/posts", json!({ "org": city.street, "number": "1", "name": bad, "areas": ["2201040503"] })),
                ("/v1/posts", json!({ "org": city.street, "number": bad, "name": "岗", "areas": ["2201040503"] })),
                ("/v1/terminals", json!({ "label": bad, "org": city.street })),
            ];
            for (path, body) in bodies {
                let refused = app.post_json(path, &root.token, &body).await;
                refused.expect(422).expect_code("request.invalid");
            }
        }
        // A Cyrillic letter.
        let account = |name: &str| json!({ "name": "张三", "org": city.district, "account": name });
        app.post_json("/v1/people", &root.token, account("gu\u{430}nliyuan")).await.expect(422);
        app.post_json("/v1/people", &root.token, account("Guan_li-yuan.2")).await.expect(200);
    }
}

#[tokio::test]
async fn sec_a10_command_on_the_machine_gives_a_password_that_fits() {
    let app = TestApp::sqlite().await;
    let city = app.city().await;
    let root = app.staff(Role::Admin, city.city).await;
    own_password(&app, root.person, "zhao.min").await;
    let given = cli::reset_account(&app.app.store, "zhao.min").await.unwrap();
    let added = cli::add_administrator(&app.app.store, "qian.er", "钱二")
        .await
        .unwrap();
    for (person, password) in [(given.done.person, given.password), (added.done, added.password)] {
        let kept: String = app
            .write(move |tx, _| {
                Ok(tx.one(
                    "SELECT password FROM person WHERE id = ?1",
                    params![person.to_string()],
                    |row| row.get("password"),
                )?)
            })
            .await;
        assert!(passwords::verify(password, Some(kept)).await.unwrap());
    }
    let unknown = cli::reset_account(&app.app.store, "nobody").await;
    assert!(unknown.is_err());
}
