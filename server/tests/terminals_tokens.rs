//! How a handset proves its identity: enrolment, challenge, token, readmission, revocation.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support;

use protocol::{
    field::{EnrolAnswer, TokenAnswer},
    role::Role,
    sign::{Signer as _, certificate_message},
    unlock::UnlockChallenge,
};
use serde_json::{Value, json};
use server::{app::identity::Identity, auth::field_tokens, terminals::streams};
use support::{FieldClient, TestApp};

const AREA: &[&str] = &["2201040503"];

async fn new_handset(app: &TestApp) -> (FieldClient, String) {
    let city = app.city().await;
    let post = app.post(city.community, AREA).await;
    let person = app.person("张三", city.community, &[]).await;
    app.assign(post, person).await;
    let code = app.code(post, person).await;
    (FieldClient::new(app, post, person), code)
}

async fn request_token(app: &TestApp, request: &impl serde::Serialize) -> support::TestResponse {
    let body = serde_json::to_value(request).unwrap();
    app.call("POST", "/v1/field/token", None, body).await
}

both_engines! {
    async fn enrolment_signs_the_binding_and_repeats_a_lost_response(app: TestApp) {
        let (mut client, code) = new_handset(&app).await;
        let first: EnrolAnswer = client.enrol(&app, &code).await.body();
        let text = &first.certificate.certificate;
        first.server_key.verify(&certificate_message(text), &first.certificate.signature).unwrap();
        let certificate: Value = serde_json::from_str(text).unwrap();
        assert_eq!(certificate["county"], "220104");
        assert_eq!(certificate["holder"], client.person.to_string());
        assert_eq!(first.holder_name, "张三");
        app.advance_minutes(24 * 60);
        let again: EnrolAnswer = client.enrol(&app, &code.to_lowercase()).await.body();
        assert_eq!(again.certificate, first.certificate);
    }

    async fn unlock_code_is_given_to_administrators_of_the_unit_and_noted(app: TestApp) {
        let city = app.city().await;
        let post = app.post(city.community, AREA).await;
        let person = app.person("张三", city.community, &[]).await;
        app.assign(post, person).await;
        let mut client = FieldClient::new(&app, post, person);
        let enrolled: EnrolAnswer = client.enrol(&app, &app.code(post, person).await).await.body();
        let path = format!("/v1/streams/{}/unlock-code", client.stream);
        let ask = |challenge: &str| json!({ "challenge": challenge });
        let admin = app.staff(Role::Admin, city.city).await;
        let answer = app.call("POST", &path, Some(&admin.token), ask("004821")).await.expect(200).json;
        let challenge: UnlockChallenge = "004821".parse().unwrap();
        assert_eq!(answer["code"], challenge.answer(&enrolled.certificate.signature));
        assert_eq!(app.count("SELECT COUNT(*) AS n FROM audit_event WHERE action = 'stream.unlock_code'").await, 1);
        app.call("POST", &path, Some(&admin.token), ask("4821")).await.expect(422);
        let acceptor = app.staff(Role::Acceptor, city.city).await;
        app.call("POST", &path, Some(&acceptor.token), ask("004821")).await.expect(403);
        app.call("POST", &path, None, ask("004821")).await.expect(401);
    }

    async fn enrolment_code_is_valid_once_for_one_key(app: TestApp) {
        let (mut client, code) = new_handset(&app).await;
        client.enrol(&app, &code).await.expect(200);
        let mut thief = FieldClient::new(&app, client.post, client.person);
        thief.enrol(&app, &code).await.expect(403).expect_code("enrol.code");
        thief.stream = client.stream;
        thief.enrol(&app, &code).await.expect_code("enrol.code");
    }

    async fn expired_code_or_code_of_a_former_holder_is_refused(app: TestApp) {
        let (mut client, code) = new_handset(&app).await;
        app.advance_minutes(61);
        client.enrol(&app, &code).await.expect_code("enrol.code");
        let code = app.code(client.post, client.person).await;
        app.write(|tx, ctx| Ok(tx.execute("UPDATE post_holder SET until = ?1", server::params![ctx.now.0])?)).await;
        client.enrol(&app, &code).await.expect_code("enrol.code");
    }

    async fn enrolment_requires_a_proof_of_the_key(app: TestApp) {
        let (client, code) = new_handset(&app).await;
        let mut request = client.enrol_request(&code);
        request.stream = FieldClient::new(&app, client.post, client.person).stream;
        let answer = app.call("POST", "/v1/field/enrol", None, serde_json::to_value(request).unwrap()).await;
        answer.expect(401).expect_code("auth.signature");
    }

    async fn stream_cannot_be_enrolled_with_a_second_code(app: TestApp) {
        let (mut client, code) = new_handset(&app).await;
        client.enrol(&app, &code).await.expect(200);
        let second = app.code(client.post, client.person).await;
        client.enrol(&app, &second).await.expect(409).expect_code("enrol.conflict");
    }

    async fn challenge_answered_twice_gives_the_same_token_and_expiry(app: TestApp) {
        let (mut client, code) = new_handset(&app).await;
        client.enrol(&app, &code).await.expect(200);
        let challenge = client.challenge(&app).await;
        let request = client.token_request(&app, &challenge);
        let first: TokenAnswer = request_token(&app, &request).await.body();
        app.advance_minutes(1);
        let second: TokenAnswer = request_token(&app, &request).await.body();
        assert_eq!(first.token, second.token);
        assert_eq!(first.expires_in_s - 60, second.expires_in_s);
        assert_eq!(app.count("SELECT COUNT(*) AS n FROM field_token").await, 1);
    }

    async fn challenge_expires_after_two_minutes(app: TestApp) {
        let (mut client, code) = new_handset(&app).await;
        client.enrol(&app, &code).await.expect(200);
        let challenge = client.challenge(&app).await;
        app.advance_minutes(2);
        request_token(&app, &client.token_request(&app, &challenge)).await.expect(401).expect_code("auth.challenge");
    }

    async fn old_signature_is_refused_for_a_new_challenge(app: TestApp) {
        let (mut client, code) = new_handset(&app).await;
        client.enrol(&app, &code).await.expect(200);
        let old = client.challenge(&app).await;
        let yesterday = client.token_request(&app, &old);
        app.advance_minutes(24 * 60);
        request_token(&app, &yesterday).await.expect_code("auth.challenge");
        let mut mixed = client.token_request(&app, &client.challenge(&app).await);
        mixed.signature = yesterday.signature;
        request_token(&app, &mixed).await.expect(401).expect_code("auth.signature");
    }

    async fn challenge_of_another_stream_is_refused(app: TestApp) {
        let (mut client, code) = new_handset(&app).await;
        client.enrol(&app, &code).await.expect(200);
        let other = FieldClient::new(&app, client.post, client.person);
        let challenge = other.challenge(&app).await;
        request_token(&app, &client.token_request(&app, &challenge)).await.expect_code("auth.challenge");
        request_token(&app, &client.token_request(&app, "AAAA")).await.expect_code("auth.challenge");
    }

    async fn restored_server_readmits_a_stream_by_its_certificate(app: TestApp) {
        let (mut client, code) = new_handset(&app).await;
        client.enrol(&app, &code).await.expect(200);
        app.write(|tx, _| {
            tx.execute("DELETE FROM stream", &[])?;
            tx.execute("DELETE FROM enrol_code", &[])?;
            Ok(tx.execute("DELETE FROM terminal", &[])?)
        }).await;
        let mut request = client.token_request(&app, &client.challenge(&app).await);
        request_token(&app, &request).await.expect(404).expect_code("stream.unknown");
        request.certificate = client.certificate.clone();
        let answer: TokenAnswer = request_token(&app, &request).await.body();
        assert!(field_tokens::identify(&app.app, answer.token).await.is_ok());
    }

    async fn renewed_epoch_differs_and_keeps_the_keys(app: TestApp) {
        let before = Identity::load_or_create(&app.app.store, app.app.identity.seal.clone(), [1; 32]).await.unwrap();
        let renewed = Identity::renew_epoch(&app.app.store, [2; 32], protocol::time::Millis(1)).await.unwrap();
        let after = Identity::load_or_create(&app.app.store, app.app.identity.seal.clone(), [3; 32]).await.unwrap();
        assert_ne!(before.epoch, after.epoch);
        assert_eq!(renewed, after.epoch);
        assert_eq!(
            (before.signer.public_key(), before.mac_key, before.parcel_key),
            (after.signer.public_key(), after.mac_key, after.parcel_key)
        );
    }

    async fn changed_certificate_readmits_nothing(app: TestApp) {
        let (mut client, code) = new_handset(&app).await;
        client.enrol(&app, &code).await.expect(200);
        app.write(|tx, _| Ok(tx.execute("DELETE FROM stream", &[])?)).await;
        let mut request = client.token_request(&app, &client.challenge(&app).await);
        let mut certificate = client.certificate.clone().unwrap();
        certificate.certificate = certificate.certificate.replace("220104", "220105");
        request.certificate = Some(certificate);
        request_token(&app, &request).await.expect_code("stream.unknown");
    }

    async fn token_expires_after_an_hour(app: TestApp) {
        let (mut client, code) = new_handset(&app).await;
        client.enrol(&app, &code).await.expect(200);
        client.sign_in(&app).await.expect(200);
        assert!(field_tokens::identify(&app.app, client.token.clone()).await.is_ok());
        app.advance_minutes(60);
        let error = field_tokens::identify(&app.app, client.token.clone()).await.unwrap_err();
        assert_eq!(error.code().unwrap().as_str(), "auth.token");
    }

    async fn revoked_stream_loses_its_token_at_once_and_gets_no_other(app: TestApp) {
        let (mut client, code) = new_handset(&app).await;
        client.enrol(&app, &code).await.expect(200);
        client.sign_in(&app).await.expect(200);
        let stream = client.stream;
        app.write(move |tx, ctx| Ok(streams::revoke(tx, stream, ctx.now)?)).await;
        assert!(field_tokens::identify(&app.app, client.token.clone()).await.is_err());
        client.sign_in(&app).await.expect(403).expect_code("stream.revoked");
        client.enrol(&app, &code).await.expect_code("stream.revoked");
    }

    async fn unknown_path_is_a_problem_response(app: TestApp) {
        app.call("GET", "/v1/nothing", None, Value::Null).await.expect(404).expect_code("request.not_found");
        app.call("DELETE", "/v1/field/enrol", None, json!({})).await.expect(405).expect_code("request.method");
    }
}
