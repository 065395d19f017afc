//! A server that was restored from a backup older than a person or a post: entries of their handset are
//! accepted again, and are not applied until a person has reviewed them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support;

use protocol::{
    field::TokenAnswer,
    payload::{Payload, Report},
    role::Role,
};
use serde_json::json;
use server::{intake::ReviewPage, params};
use support::{FieldClient, TestApp, TestCity, TestResponse};

async fn handset(app: &TestApp) -> (TestCity, FieldClient) {
    let city = app.city().await;
    let post = app.post(city.community, &["2201040503"]).await;
    (city, app.holder(post).await)
}

/// Requests a token with the certificate, as a handset does if the server does not know its stream.
async fn readmit(app: &TestApp, client: &mut FieldClient) -> TestResponse {
    let mut request = client.token_request(app, &client.challenge(app).await);
    request.certificate = client.certificate.clone();
    let body = serde_json::to_value(request).unwrap();
    let answer = app.call("POST", "/v1/field/token", None, body).await;
    if answer.status == 200 {
        client.token = serde_json::from_slice::<TokenAnswer>(&answer.bytes)
            .unwrap()
            .token;
    }
    answer
}

/// Pushes a report of the client; returns its disposition.
async fn push_report(app: &TestApp, client: &mut FieldClient, text: &str) -> (String, serde_json::Value) {
    let entry = client.entry(
        app,
        &Payload::Report(Report {
            matter: Some("E0102".parse().unwrap()),
            text: text.into(),
            place: None,
            cell: None,
            address: "桂林路 1 号".into(),
            cell_chosen: false,
            self_handled: false,
            photos: Vec::new(),
        }),
    );
    let id = entry.id.to_string();
    assert_eq!(client.push(app, &[entry]).await.receipts.len(), 1);
    let state = client.state(app).await;
    let disposition = state[&("disposition".to_owned(), id.clone())].clone();
    (id, disposition)
}

both_engines! {
    async fn entries_of_a_person_missing_in_the_backup_wait_in_the_review_queue(app: TestApp) {
        let (city, mut client) = handset(&app).await;
        app.forget_holder(&client).await;
        readmit(&app, &mut client).await.expect(200);
        let (entry, became) = push_report(&app, &mut client, "备份之后").await;
        assert_eq!((&became["state"], &became["reason"]["code"]), (&json!("review"), &json!("entry.unverified")));
        assert_eq!(app.count("SELECT COUNT(*) AS n FROM case_file").await, 0);
        // Again after the token has expired: the placeholders already exist.
        readmit(&app, &mut client).await.expect(200);

        let admin = app.staff(Role::Admin, city.city).await;
        let people = app.get("/v1/people", &admin.token).await.json;
        let person = client.person.to_string();
        let found = people["items"].as_array().unwrap().iter().find(|p| p["id"] == person).unwrap().clone();
        assert!(found["name"].as_str().unwrap().starts_with("待核实人员"), "{found}");
        assert_eq!((&found["roles"], found.get("account").cloned().unwrap_or_default()), (&json!([]), json!(null)));
        assert_eq!(found["org"], city.district.to_string());
        let posts = app.get("/v1/posts", &admin.token).await.json;
        assert!(posts["items"][0]["name"].as_str().unwrap().starts_with("待核实岗位"), "{posts}");
        assert_eq!((&posts["items"][0]["areas"], &posts["items"][0]["holders"]), (&json!([]), &json!([])));

        // A person decides, and turns the placeholder into a worker.
        let leader = app.staff(Role::ShiftLeader, city.district).await;
        let lane: ReviewPage = app.get("/v1/review", &leader.token).await.body();
        assert_eq!(lane.items[0].entry.to_string(), entry);
        let path = format!("/v1/review/{entry}");
        app.post_json(&path, &leader.token, json!({"decision": "apply"})).await.expect(200);
        assert_eq!(app.count("SELECT COUNT(*) AS n FROM case_file").await, 1);
        let path = format!("/v1/posts/{}/holders", client.post);
        app.post_json(&path, &admin.token, json!({"person": client.person})).await.expect(200);
        let (_, became) = push_report(&app, &mut client, "核实之后").await;
        assert_eq!(became["state"], "applied");
    }

    async fn known_worker_is_readmitted_although_the_post_is_missing_in_the_backup(app: TestApp) {
        let (_, mut client) = handset(&app).await;
        app.forget_post(&client).await;
        readmit(&app, &mut client).await.expect(200);
        let (_, became) = push_report(&app, &mut client, "备份之后").await;
        assert_eq!(became["state"], "applied");
        assert_eq!(app.count("SELECT COUNT(*) AS n FROM post WHERE number LIKE '待核实-%'").await, 1);
        assert_eq!(app.count("SELECT COUNT(*) AS n FROM person WHERE name LIKE '待核实%'").await, 0);
    }

    async fn disabled_person_is_not_readmitted_after_a_restore(app: TestApp) {
        let (_, mut client) = handset(&app).await;
        app.forget_post(&client).await;
        let person = client.person.to_string();
        app.write(move |tx, ctx| {
            Ok(tx.execute("UPDATE person SET disabled = ?2 WHERE id = ?1", params![&person, ctx.now.0])?)
        }).await;
        readmit(&app, &mut client).await.expect(404).expect_code("stream.unknown");
        assert_eq!(app.count("SELECT COUNT(*) AS n FROM post").await, 0);
        assert_eq!(app.count("SELECT COUNT(*) AS n FROM stream").await, 0);
    }
}
