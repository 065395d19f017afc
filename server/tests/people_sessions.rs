//! Sessions (DC-12, ASVS 6.3, 7.3): sign-in, limits, end.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support;

use protocol::{ids::PersonId, role::Role};
use serde_json::{Value, json};
use server::{params, people::passwords};
use support::{TestApp, TestResponse};

const PASSWORD: &str = "长春的秋天很短啊";

/// Creates a person with this account and password, an acceptor of the district.
async fn account(app: &TestApp, account: &'static str) -> PersonId {
    let city = app.city().await;
    let person = app.person("李雷", city.district, &[Role::Acceptor]).await;
    let hash = passwords::hash(&app.app, PASSWORD.into()).await.unwrap();
    app.write(move |tx, _| {
        let id = person.to_string();
        Ok(tx.execute(
            "UPDATE person SET account = ?2, password = ?3 WHERE id = ?1",
            params![&id, account, &hash],
        )?)
    })
    .await;
    person
}

async fn sign_in(app: &TestApp, account: &str, password: &str) -> TestResponse {
    let body = json!({ "account": account, "password": password });
    app.call("POST", "/v1/session", None, body).await
}

async fn token(app: &TestApp, account: &str) -> String {
    let answer = sign_in(app, account, PASSWORD).await.expect(200);
    answer.json["token"].as_str().unwrap().to_owned()
}

both_engines! {
    async fn sign_in_returns_the_person_and_only_the_token_hash_is_stored(app: TestApp) {
        let person = account(&app, "li.lei").await;
        let answer = sign_in(&app, " Li.Lei ", PASSWORD).await.expect(200);
        let token = answer.json["token"].as_str().unwrap().to_owned();
        let me = app.get("/v1/session", &token).await.expect(200).json;
        assert_eq!(me["person"], person.to_string());
        assert_eq!(me["grants"][0]["role_name"], "受理员");
        assert_eq!(me["grants"][0]["area"], "220104");
        let kept = token.clone();
        let found = app.write(move |tx, _| {
            Ok(tx.all("SELECT token_sha256 AS t FROM session", &[], |row| row.get::<String>("t"))?)
        }).await;
        assert!(found.iter().all(|hash| *hash != kept && hash.len() == 64));
    }

    async fn wrong_password_and_unknown_account_get_equal_responses(app: TestApp) {
        account(&app, "li.lei").await;
        let mut wrong = sign_in(&app, "li.lei", "something else").await.expect(401).json;
        let mut unknown = sign_in(&app, "nobody.here", PASSWORD).await.expect(401).json;
        wrong["request_id"] = Value::Null;
        unknown["request_id"] = Value::Null;
        assert_eq!(wrong, unknown);
    }

    async fn account_is_locked_after_five_wrong_attempts_even_if_unknown(app: TestApp) {
        account(&app, "li.lei").await;
        for name in ["li.lei", "nobody.here"] {
            for _ in 0..5 {
                sign_in(&app, name, "something else").await.expect(401);
            }
            let answer = sign_in(&app, name, PASSWORD).await.expect(429).expect_code("auth.locked");
            assert_eq!(answer.headers["retry-after"], "300");
        }
        app.advance_minutes(5);
        sign_in(&app, "li.lei", PASSWORD).await.expect(200);
        sign_in(&app, "li.lei", "something else").await.expect(401);
        sign_in(&app, "li.lei", PASSWORD).await.expect(200);
    }

    async fn session_ends_when_idle_and_at_the_latest_after_a_shift(app: TestApp) {
        account(&app, "li.lei").await;
        let idle = token(&app, "li.lei").await;
        let used = token(&app, "li.lei").await;
        for _ in 0..16 {
            app.advance_minutes(50);
            app.get("/v1/session", &used).await.expect(200);
        }
        app.get("/v1/session", &idle).await.expect(401).expect_code("auth.token");
        app.advance_minutes(41);
        app.get("/v1/session", &used).await.expect(401).expect_code("auth.token");
    }

    async fn session_use_is_stored_at_most_once_a_minute(app: TestApp) {
        account(&app, "li.lei").await;
        let token = token(&app, "li.lei").await;
        let started = app.now().0;
        app.advance(59_000);
        app.get("/v1/session", &token).await.expect(200);
        assert_eq!(app.count("SELECT MAX(last_used) AS n FROM session").await, started);
        app.advance(1_000);
        app.get("/v1/session", &token).await.expect(200);
        assert_eq!(app.count("SELECT MAX(last_used) AS n FROM session").await, started + 60_000);
    }

    /// Rule: DC-12.
    async fn sign_out_ends_the_session_and_is_audited(app: TestApp) {
        account(&app, "li.lei").await;
        let (one, two, three) = (token(&app, "li.lei").await, token(&app, "li.lei").await, token(&app, "li.lei").await);
        app.call("DELETE", "/v1/session", Some(&one), Value::Null).await.expect(204);
        app.get("/v1/session", &one).await.expect(401);
        app.get("/v1/session", &two).await.expect(200);
        let ended = app.call("POST", "/v1/session/logout-everywhere", Some(&two), Value::Null).await.expect(200);
        assert_eq!(ended.json["sessions"], 2);
        app.get("/v1/session", &three).await.expect(401);
        assert_eq!(app.count("SELECT COUNT(*) AS n FROM audit_event WHERE action = 'session.open'").await, 3);
        assert_eq!(app.count("SELECT COUNT(*) AS n FROM audit_event WHERE action = 'session.close'").await, 1);
    }

    async fn new_password_ends_other_sessions_and_must_be_strong(app: TestApp) {
        account(&app, "li.lei").await;
        let (here, there) = (token(&app, "li.lei").await, token(&app, "li.lei").await);
        let change = |old: &'static str, new: &'static str| {
            app.post_json("/v1/session/password", &here, json!({ "old": old, "new": new }))
        };
        change("something else", "t7-kd93mq").await.expect(401).expect_code("auth.password");
        for weak in ["t7-kd9", "password1", "my-li.lei-pw", PASSWORD] {
            change(PASSWORD, weak).await.expect(422).expect_code("auth.weak_password");
            // Each check of the old password counts as an attempt; a successful sign-in clears them.
            token(&app, "li.lei").await;
        }
        let ended = change(PASSWORD, "t7-kd93mq").await.expect(200);
        assert_eq!(ended.json["sessions"], 5);
        app.get("/v1/session", &here).await.expect(200);
        app.get("/v1/session", &there).await.expect(401);
        sign_in(&app, "li.lei", PASSWORD).await.expect(401);
        sign_in(&app, "li.lei", "t7-kd93mq").await.expect(200);
    }

    async fn disabled_person_is_signed_out_at_once(app: TestApp) {
        let person = account(&app, "li.lei").await;
        let token = token(&app, "li.lei").await;
        app.write(move |tx, ctx| {
            Ok(tx.execute("UPDATE person SET disabled = ?2 WHERE id = ?1", params![person.to_string(), ctx.now.0])?)
        }).await;
        app.get("/v1/session", &token).await.expect(401);
        sign_in(&app, "li.lei", PASSWORD).await.expect(401).expect_code("auth.password");
    }

    async fn initial_or_reset_password_expires_after_a_week(app: TestApp) {
        let city = app.city().await;
        let admin = app.staff(Role::Admin, city.city).await;
        let body = json!({ "name": "韩梅梅", "org": city.district, "account": "han.meimei" });
        let made = app.post_json("/v1/people", &admin.token, body).await.expect(200).json;
        let first = made["password"].as_str().unwrap();
        let me = sign_in(&app, "han.meimei", first).await.expect(200).json;
        assert_eq!(me["password_due"], true);
        app.advance_minutes(7 * 24 * 60);
        sign_in(&app, "han.meimei", first).await.expect(401);
        let path = format!("/v1/people/{}/password-reset", made["id"].as_str().unwrap());
        let reset = app.post_json(&path, &admin.token, json!({})).await.expect(200).json;
        let token = sign_in(&app, "han.meimei", reset["password"].as_str().unwrap()).await.expect(200).json;
        let token = token["token"].as_str().unwrap();
        let change = json!({ "old": reset["password"], "new": PASSWORD });
        app.post_json("/v1/session/password", token, change).await.expect(200);
        app.advance_minutes(8 * 24 * 60);
        assert_eq!(sign_in(&app, "han.meimei", PASSWORD).await.expect(200).json["password_due"], false);
    }

    async fn nul_character_is_refused_as_a_client_error(app: TestApp) {
        let body = json!({ "account": "li\u{0}wei", "password": "x" });
        let answer = app.call("POST", "/v1/session", None, body).await;
        answer.expect(422).expect_code("request.invalid");
    }
}
