//! Who reads the audit log, and what stands in it (findings domain_11, use_b08).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

#[path = "support/centre.rs"]
mod centre;
mod support;

use centre::{CELL, DistrictFixture, named};
use protocol::{
    payload::{Activity, Payload},
    role::Role,
};
use serde_json::{Value, json};
use server::{audit::log, params};
use support::TestApp;

/// The kinds and the rows that an auditor reads with these filters.
async fn audit(app: &TestApp, token: &str, filter: &str) -> Vec<Value> {
    let page = app
        .get(&format!("/v1/audit?limit=200{filter}"), token)
        .await
        .expect(200)
        .json;
    page["items"].as_array().unwrap().clone()
}

fn kinds(rows: &[Value]) -> Vec<&str> {
    rows.iter().map(|row| row["kind"].as_str().unwrap()).collect()
}

both_engines! {
    /// Rule: DC-05, DC-12
    async fn domain_11_auditors_read_the_log_of_their_units_and_the_reading_is_noted(app: TestApp) {
        let c = DistrictFixture::new(&app).await;
        let case = c.registered(&app).await;
        let view = format!("/v1/cases/{case}/caller-view");
        app.post_json(&view, &c.acceptor.token, json!({"reason": "回访 13912345670"})).await.expect(200);
        app.write(|tx, ctx| Ok(server::app::audit::note(tx, ctx, None, "session.refused", "account", "")?)).await;
        app.advance_minutes(1);
        let auditor = app.staff(Role::Auditor, c.city.district).await;
        let rows = audit(&app, &auditor.token, "").await;
        let [seen] = rows.iter().filter(|row| row["kind"] == "case.caller_view").collect::<Vec<_>>()[..] else {
            panic!("{rows:?}")
        };
        assert_eq!((&seen["person"], &seen["object"], &seen["detail"]), (&json!(c.acceptor.person), &json!(format!("case:{case}")), &json!("回访 〔电话〕")));
        assert_eq!(seen["person_name"], "受理员某");
        // What nobody did is for the topmost unit.
        assert!(!kinds(&rows).contains(&"session.refused"), "{rows:?}");
        let root = app.staff(Role::Auditor, c.city.city).await;
        assert!(kinds(&audit(&app, &root.token, "").await).contains(&"session.refused"));
        // Filters.
        for (filter, rows) in [
            ("&kind=case", 1), ("&kind=case.caller_view", 1), ("&kind=cas", 0),
            (&format!("&person={}", c.acceptor.person), 1), (&format!("&person={}", c.leader.person), 0),
            (&format!("&object={case}&kind=case"), 1), (&format!("&object=case:{case}&kind=case"), 1),
            (&format!("&kind=case&from={}", app.now().0), 0), (&format!("&kind=case&to={}", support::START.0), 0),
            (&format!("&kind=case&from={}&to={}", support::START.0, app.now().0), 1),
        ] {
            assert_eq!(audit(&app, &root.token, filter).await.len(), rows, "{filter}");
        }
        for wrong in ["kind=%27", "person=x", "object=a%20b", "after=x"] {
            app.get(&format!("/v1/audit?{wrong}"), &root.token).await.expect(422).expect_code("request.invalid");
        }
        // The reading is a row itself, with its filters.
        app.advance_minutes(1);
        let readings = audit(&app, &root.token, &format!("&kind=audit.read&person={}", auditor.person)).await;
        assert_eq!(kinds(&readings), ["audit.read"]);
        // Other places and other roles read nothing of it.
        let elsewhere = app.staff(Role::Auditor, c.city.other_district).await;
        assert!(kinds(&audit(&app, &elsewhere.token, "").await).iter().all(|kind| *kind == "audit.read"));
        for role in Role::ALL.iter().filter(|role| **role != Role::Auditor) {
            let someone = app.staff(*role, c.city.city).await;
            app.get("/v1/audit", &someone.token).await.expect(403);
        }
    }

    async fn domain_11_auditor_is_no_administrator_of_the_same_unit(app: TestApp) {
        let city = app.city().await;
        let root = app.staff(Role::Admin, city.city).await;
        let person = |account: &str, roles: &[&str]| {
            let roles: Vec<_> = roles.iter().map(|role| json!({"role": role, "org": city.district})).collect();
            json!({"account": account, "name": "新人", "org": city.district, "roles": roles})
        };
        for both in [["admin", "auditor"], ["auditor", "admin"]] {
            let refused = app.post_json("/v1/people", &root.token, person("both", &both)).await.expect(422);
            assert_eq!(refused.json["errors"][0]["at"], "/roles");
        }
        let made = app.post_json("/v1/people", &root.token, person("one", &["auditor"])).await.expect(200).json;
        let roles = format!("/v1/people/{}/roles", made["id"].as_str().unwrap());
        let more = json!({"add": [{"role": "admin", "org": city.district}]});
        app.post_json(&roles, &root.token, &more).await.expect(422);
        // A department has no auditor of its own: the district's reads it.
        let there = json!({"account": "two", "name": "新人", "org": city.department, "roles": [{"role": "auditor", "org": city.department}]});
        app.post_json("/v1/people", &root.token, there).await.expect(422);
    }

    /// Rule: DC-12
    async fn domain_11_sessions_that_expire_or_idle_and_reviews_of_activities_are_noted(app: TestApp) {
        let mut c = DistrictFixture::new(&app).await;
        let ends = "SELECT COUNT(*) AS n FROM audit_event WHERE action = 'session.end'";
        let (idle, old) = (app.person("甲", c.city.district, &[]).await, app.person("乙", c.city.district, &[]).await);
        app.write(move |tx, ctx| {
            server::auth::sessions::open(tx, idle, "idle", ctx.now, 14)?;
            server::auth::sessions::open(tx, old, "old", ctx.now, 1)?;
            Ok(tx.execute("UPDATE session SET last_used = ?2 WHERE person = ?1", params![old.to_string(), ctx.now.plus(86_400_000).0])?)
        })
        .await;
        server::auth::sessions::sweep(&app.app).await.unwrap();
        assert_eq!(app.count(ends).await, 0);
        app.advance_minutes(61);
        assert_eq!(server::auth::sessions::sweep(&app.app).await.unwrap(), 2);
        assert_eq!(server::auth::sessions::sweep(&app.app).await.unwrap(), 0);
        assert_eq!(app.count("SELECT COUNT(*) AS n FROM audit_event WHERE action = 'session.end' AND detail = 'idle' AND actor IS NOT NULL").await, 1);
        assert_eq!(app.count("SELECT COUNT(*) AS n FROM audit_event WHERE action = 'session.end' AND detail = 'expired'").await, 1);
        c.patroller.sign_in(&app).await;
        let activity = Payload::Activity(Activity {
            category: "fitness".into(),
            title: "健步走".into(),
            starts: app.now().plus(-3 * 3_600_000),
            ends: app.now().plus(-3_600_000),
            place: "文化广场".into(),
            cell: Some(CELL.parse().unwrap()),
            organiser: "桂林街道文体站".into(),
            participants: 60,
            summary: "健步走".into(),
            photos: vec![named(app.number())],
        });
        let entry = c.patroller.entry(&app, &activity);
        let record = entry.record;
        c.patroller.push(&app, &[entry]).await;
        let path = format!("/v1/activities/{record}/review");
        app.post_json(&path, &c.supervisor.token, json!({"version": 1, "decision": "approve"})).await.expect(200);
        assert_eq!(app.count("SELECT COUNT(*) AS n FROM audit_event WHERE action = 'activity.review' AND detail = 'approved'").await, 1);
    }

    /// What `xunge-server audit log` reads.
    async fn domain_11_machine_reads_everything_page_by_page_and_is_noted(app: TestApp) {
        app.write(|tx, ctx| {
            for n in 0..5 {
                server::app::audit::note(tx, ctx, None, "test.row", "server", &n.to_string())?;
            }
            Ok(())
        })
        .await;
        app.advance_minutes(1);
        let (mut after, mut read) = (None, Vec::new());
        loop {
            let query = log::AuditQuery { after: after.clone(), limit: Some(2), ..Default::default() };
            let page = app.write(move |tx, ctx| log::read(tx, ctx, None, &log::AuditScope::All, &query)).await;
            read.extend(page.items.into_iter().map(|line| line.detail));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(read.len(), 5, "{read:?}");
        assert_eq!(app.count("SELECT COUNT(*) AS n FROM audit_event WHERE action = 'audit.read' AND actor IS NULL").await, 3);
    }
}
