//! Administration inside one's own area (TJ-01, TJ-02), posts separate from people (SP-02), revocation
//! (SP-06).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support;

use protocol::{feed::kind, field::Invitation, role::Role};
use serde_json::{Value, json};
use support::{FieldClient, TestApp};

both_engines! {
    /// Rule: TJ-01, TJ-02.
    async fn administrator_manages_their_unit_and_units_below(app: TestApp) {
        let city = app.city().await;
        let district = app.staff(Role::Admin, city.district).await;
        let department = app.staff(Role::Admin, city.department).await;
        let person = |org, role: &str, at| json!({ "name": "王五", "org": org, "roles": [{ "role": role, "org": at }] });
        let create = |token: &str, body: Value| { let token = token.to_owned(); let app = &app; async move {
            app.post_json("/v1/people", &token, body).await
        }};
        create(&district.token, person(city.street, "patroller", city.community)).await.expect(200);
        create(&district.token, person(city.other_district, "patroller", city.other_district)).await
            .expect(403).expect_code("auth.scope");
        create(&district.token, person(city.district, "admin", city.city)).await.expect_code("auth.scope");
        // A department has the area of its district and still may not manage people there.
        create(&department.token, person(city.street, "patroller", city.street)).await.expect_code("auth.scope");
        create(&department.token, person(city.department, "department", city.department)).await.expect(200);
        let seen = app.get("/v1/people", &department.token).await.expect(200).json;
        assert_eq!(seen["items"].as_array().unwrap().len(), 2, "{seen}");
    }

    async fn units_are_created_below_and_only_inside_the_area(app: TestApp) {
        let city = app.city().await;
        let admin = app.staff(Role::Admin, city.district).await;
        let unit = |parent, area: &str| json!({ "parent": parent, "kind": "street", "name": "南湖街道", "area": area });
        app.post_json("/v1/orgs", &admin.token, unit(city.district, "22010406")).await.expect(200);
        app.post_json("/v1/orgs", &admin.token, unit(city.district, "22010506")).await.expect_code("auth.scope");
        app.post_json("/v1/orgs", &admin.token, unit(city.city, "22010406")).await.expect_code("auth.scope");
        app.post_json("/v1/orgs", &admin.token, unit(city.district, "2201040")).await.expect_code("request.invalid");
        let streets = app.get("/v1/orgs?kind=street&limit=1", &admin.token).await.expect(200).json;
        assert_eq!(streets["items"].as_array().unwrap().len(), 1);
        let next = streets["next"].as_str().unwrap();
        let rest = app.get(&format!("/v1/orgs?kind=street&after={next}"), &admin.token).await.expect(200).json;
        assert_eq!(rest["items"].as_array().unwrap().len(), 1);
        assert!(rest.get("next").is_none());
    }

    async fn account_names_are_personal_and_unique(app: TestApp) {
        let city = app.city().await;
        let admin = app.staff(Role::Admin, city.city).await;
        let person = |account: &str| json!({ "name": "王五", "org": city.district, "account": account });
        app.post_json("/v1/people", &admin.token, person("Wang.Wu")).await.expect(200);
        app.post_json("/v1/people", &admin.token, person("wang.wu")).await.expect(409).expect_code("people.account_taken");
        for bad in ["admin", "root", "ab", "wang wu"] {
            app.post_json("/v1/people", &admin.token, person(bad)).await.expect(422).expect_code("request.invalid");
        }
    }

    async fn role_changes_apply_from_the_next_request(app: TestApp) {
        let city = app.city().await;
        let admin = app.staff(Role::Admin, city.city).await;
        let other = app.staff(Role::Acceptor, city.district).await;
        app.get("/v1/people", &other.token).await.expect(403).expect_code("auth.forbidden");
        let path = format!("/v1/people/{}/roles", other.person);
        let at = json!([{ "role": "admin", "org": city.district }]);
        app.post_json(&path, &admin.token, json!({ "add": at })).await.expect(200);
        app.get("/v1/people", &other.token).await.expect(200);
        app.post_json(&path, &admin.token, json!({ "remove": at })).await.expect(200);
        app.get("/v1/people", &other.token).await.expect(403);
        assert_eq!(app.count("SELECT COUNT(*) AS n FROM audit_event WHERE action LIKE 'role.%'").await, 2);
    }

    async fn disabling_a_person_ends_sessions_and_terminals_at_once(app: TestApp) {
        let city = app.city().await;
        let admin = app.staff(Role::Admin, city.district).await;
        let post = app.post(city.community, &["2201040503"]).await;
        let mut holder = app.holder(post).await;
        let session = app.session(holder.person).await;
        app.get("/v1/session", &session).await.expect(200);
        let path = format!("/v1/people/{}/disable", holder.person);
        let done = app.post_json(&path, &admin.token, json!({})).await.expect(200).json;
        assert_eq!((&done["sessions"], done["streams"].as_array().unwrap().len()), (&json!(1), 1));
        app.get("/v1/session", &session).await.expect(401);
        holder.sign_in(&app).await.expect(403).expect_code("stream.revoked");
    }

    async fn sp_02_number_belongs_to_the_post_and_stays_when_the_holder_changes(app: TestApp) {
        let city = app.city().await;
        let admin = app.staff(Role::Admin, city.district).await;
        let body = json!({ "org": city.street, "number": "13900000001", "name": "桂林街道一岗", "areas": ["2201040503"] });
        let post = app.post_json("/v1/posts", &admin.token, &body).await.expect(200).json;
        let taken = app.post_json("/v1/posts", &admin.token, &body).await;
        taken.expect(409).expect_code("people.post_number_taken");
        let id = post["id"].as_str().unwrap();
        let (first, second) = (
            app.person("甲", city.street, &[Role::Patroller]).await,
            app.person("乙", city.street, &[Role::Patroller]).await,
        );
        let holders = format!("/v1/posts/{id}/holders");
        app.post_json(&holders, &admin.token, json!({ "person": first })).await.expect(200);
        app.advance_minutes(60);
        app.call("DELETE", &format!("{holders}/{first}"), Some(&admin.token), Value::Null).await.expect(200);
        let now = app.post_json(&holders, &admin.token, json!({ "person": second })).await.expect(200).json;
        assert_eq!(now["number"], "13900000001");
        assert_eq!(now["holders"].as_array().unwrap().len(), 2);
        assert_eq!(now["holders"][0]["until"], now["holders"][1]["since"]);
    }

    async fn area_change_reaches_the_posts_mailbox(app: TestApp) {
        let city = app.city().await;
        let admin = app.staff(Role::Admin, city.district).await;
        let post = app.post(city.community, &["2201040503"]).await;
        let areas = json!({ "areas": ["220104050301", "220104050302"] });
        let path = format!("/v1/posts/{post}/areas");
        app.call("PUT", &path, Some(&admin.token), areas).await.expect(200);
        let beyond = json!({ "areas": ["2201040504"] });
        app.call("PUT", &path, Some(&admin.token), beyond).await.expect(403).expect_code("auth.scope");
        let body: String = app.write(move |tx, _| Ok(tx.one(
            "SELECT body FROM mailbox_row WHERE mailbox = ?1 AND kind = ?2",
            server::params![format!("post:{post}"), kind::POST],
            |row| row.get("body"),
        )?)).await;
        let row: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(row["area"], json!(["220104050301", "220104050302"]));
    }

    async fn sp_06_invitation_enrols_a_handset_and_revocation_ends_it_at_once(app: TestApp) {
        let city = app.city().await;
        let admin = app.staff(Role::Admin, city.district).await;
        let outsider = app.staff(Role::Admin, city.other_district).await;
        let post = app.post(city.community, &["2201040503"]).await;
        let person = app.person("张三", city.community, &[Role::Patroller]).await;
        let terminal = app.post_json("/v1/terminals", &admin.token, json!({ "label": "CC-0001", "org": city.community })).await;
        let terminal = terminal.expect(200).json["id"].as_str().unwrap().to_owned();
        let path = format!("/v1/terminals/{terminal}/invitations");
        let wish = json!({ "post": post, "person": person });
        app.post_json(&path, &admin.token, &wish).await.expect(422).expect_code("request.invalid");
        app.assign(post, person).await;
        app.post_json(&path, &outsider.token, &wish).await.expect(403).expect_code("auth.scope");
        let invited = app.post_json(&path, &admin.token, &wish).await.expect(200).json;
        let invitation = Invitation::from_text(invited["invitation"].as_str().unwrap()).unwrap();
        assert_eq!(invitation.pins.len(), 2);
        assert!(invitation.parcel_key.starts_with("x25519:"));
        let mut client = FieldClient::new(&app, post, person);
        client.enrol(&app, &invitation.code).await.expect(200);
        client.sign_in(&app).await.expect(200);

        let revoke = format!("/v1/streams/{}/revoke", client.stream);
        app.post_json(&revoke, &outsider.token, json!({ "reason": "lent" })).await.expect_code("auth.scope");
        app.post_json(&revoke, &admin.token, json!({ "reason": "He lent it" })).await.expect_code("request.invalid");
        let view = app.post_json(&revoke, &admin.token, json!({ "reason": "lent" })).await.expect(200).json;
        assert_eq!(view["streams"][0]["revoked"], app.now().0);
        client.sign_in(&app).await.expect(403).expect_code("stream.revoked");
        assert_eq!(app.count("SELECT COUNT(*) AS n FROM audit_event WHERE action = 'stream.revoke'").await, 1);
        let listed = app.get("/v1/terminals", &admin.token).await.expect(200).json;
        assert_eq!(listed["items"].as_array().unwrap().len(), 1);
        let none = app.get("/v1/terminals", &outsider.token).await.expect(200).json;
        assert_eq!(none["items"].as_array().unwrap().len(), 0);
    }

    async fn password_is_reset_only_by_an_administrator_over_all_roles_of_the_account(app: TestApp) {
        let city = app.city().await;
        let (above, below) = (app.staff(Role::Admin, city.city).await, app.staff(Role::Admin, city.district).await);
        // Belongs to the district, and is administrator of the whole city.
        let person = app.person("陈六", city.district, &[Role::Acceptor]).await;
        let path = format!("/v1/people/{person}");
        app.post_json(&format!("{path}/password-reset"), &below.token, json!({})).await.expect(200);
        let city_admin = city.city;
        app.write(move |tx, _| Ok(tx.execute(
            "INSERT INTO role_grant (person, role, org) VALUES (?1, 'admin', ?2)",
            server::params![person.to_string(), city_admin.to_string()],
        )?)).await;
        let refused = app.post_json(&format!("{path}/password-reset"), &below.token, json!({})).await;
        refused.expect(403).expect_code("auth.scope");
        app.post_json(&format!("{path}/password-reset"), &above.token, json!({})).await.expect(200);
    }
}
