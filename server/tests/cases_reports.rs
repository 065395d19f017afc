//! Reports from the field as cases over HTTP: their flags, revision, withdrawal and photos.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

#[path = "support/centre.rs"]
mod centre;
mod support;

use centre::{CELL, DistrictFixture, case_of, check_in, inside, report, send};
use protocol::{payload::Payload, role::Role};
use serde_json::{Value, json};
use support::TestApp;

both_engines! {
    async fn suspicious_report_is_flagged_and_never_refused(app: TestApp) {
        let mut c = DistrictFixture::new(&app).await;
        let flags = async |c: &mut DistrictFixture, entry: protocol::entry::Entry| -> (Vec<String>, Value) {
            let id = entry.id;
            assert_eq!(send(&mut c.patroller, &app, entry).await.0, "applied");
            let case = c.case(&app, case_of(&app, id).await).await;
            let flags = case["flags"].as_array().unwrap().iter().map(|f| f["code"].as_str().unwrap().to_owned()).collect();
            (flags, case)
        };
        let entry = c.patroller.entry_at(&app, inside(CELL), &Payload::Report(report("下班后")));
        assert_eq!(flags(&mut c, entry).await.0, ["off_duty"]);
        check_in(&mut c.patroller, &app).await;
        app.advance_minutes(3);
        let entry = c.patroller.entry_at(&app, inside(CELL), &Payload::Report(report("在岗")));
        assert_eq!(flags(&mut c, entry).await.0, Vec::<String>::new());
        let entry = c.patroller.entry_at(&app, inside(centre::FOREIGN_CELL), &Payload::Report(report("邻区")));
        let (seen, case) = flags(&mut c, entry).await;
        assert_eq!(seen, ["outside_area", "cell_differs"]);
        assert_eq!(case["cell"], centre::FOREIGN_CELL);
        let entry = c.patroller.entry(&app, &Payload::Report(report("没有定位")));
        let (seen, case) = flags(&mut c, entry).await;
        assert_eq!((seen, &case["cell"]), (vec!["no_position".to_owned()], &json!(CELL)));
        let mut entry = c.patroller.entry_at(&app, centre::at_sea(), &Payload::Report(report("海上")));
        entry.evidence.position.as_mut().unwrap().mock = true;
        let (seen, case) = flags(&mut c, entry).await;
        assert_eq!(seen, ["mock_position", "outside_grid"]);
        assert_eq!(case["cell"], CELL, "the cell that the handset reported must be used");
        let mut odd = report("怪");
        (odd.matter, odd.cell, odd.self_handled) = (Some("E9999".parse().unwrap()), Some("999999010101".parse().unwrap()), true);
        let entry = c.patroller.entry(&app, &Payload::Report(odd));
        let (seen, case) = flags(&mut c, entry).await;
        assert_eq!(seen, ["no_position", "matter_unknown"]);
        assert_eq!((&case["area"], &case["self_handled"]), (&json!("2201040503"), &json!(true)));
    }

    async fn revised_report_replaces_the_old_until_the_case_moves_on(app: TestApp) {
        let mut c = DistrictFixture::new(&app).await;
        let first = c.patroller.entry_at(&app, inside(CELL), &Payload::Report(report("一")));
        let (id, record) = (first.id, first.record);
        send(&mut c.patroller, &app, first).await;
        let case = case_of(&app, id).await;
        let number = c.case(&app, case).await["number"].clone();
        let mut mended = c.patroller.entry_at(&app, inside(centre::NEXT_CELL), &Payload::Report(report("二")));
        (mended.record, mended.supersedes, mended.after) = (record, Some(id), Some(id));
        let second = mended.id;
        assert_eq!(send(&mut c.patroller, &app, mended).await.0, "applied");
        let seen = c.case(&app, case).await;
        assert_eq!((&seen["text"], &seen["cell"]), (&json!("二"), &json!(centre::NEXT_CELL)));
        assert_eq!((&seen["number"], &seen["ledger_ok"]), (&number, &json!(true)));
        assert_eq!(app.count("SELECT COUNT(*) AS n FROM case_file").await, 1);
        c.step(&app, case, "prefile").await;
        let mut late = c.patroller.entry_at(&app, inside(CELL), &Payload::Report(report("三")));
        (late.record, late.supersedes, late.after) = (record, Some(second), Some(second));
        assert_eq!(send(&mut c.patroller, &app, late).await, ("review".into(), "case.moved_on".into()));
        assert_eq!(c.case(&app, case).await["text"], "二");
    }

    async fn report_can_be_withdrawn_only_before_the_case_moves_on(app: TestApp) {
        let mut c = DistrictFixture::new(&app).await;
        let back = async |c: &mut DistrictFixture, moved: bool| -> (Value, (String, String)) {
            let entry = c.patroller.entry_at(&app, inside(CELL), &Payload::Report(report("误报")));
            let (id, record) = (entry.id, entry.record);
            send(&mut c.patroller, &app, entry).await;
            let case = case_of(&app, id).await;
            if moved {
                c.step(&app, case, "prefile").await;
            }
            let withdraw = Payload::Withdraw(protocol::payload::Withdraw { entry: id, reason: "误报".into() });
            let mut entry = c.patroller.entry(&app, &withdraw);
            (entry.record, entry.after) = (record, Some(id));
            let answer = send(&mut c.patroller, &app, entry).await;
            (c.case(&app, case).await, answer)
        };
        let (case, answer) = back(&mut c, false).await;
        assert_eq!(answer.0, "applied");
        assert_eq!((&case["withdrawn"], &case["ledger_ok"], &case["allowed"]), (&json!(true), &json!(true), &json!([])));
        let id = case["id"].as_str().unwrap().parse().unwrap();
        c.act(&app, id, "prefile", json!({"matter": "E0102", "cell": CELL})).await.expect(409).expect_code("case.transition");
        let (case, answer) = back(&mut c, true).await;
        assert_eq!(answer, ("review".into(), "case.moved_on".into()));
        assert_eq!(case["withdrawn"], false);
    }

    async fn named_and_held_photos_are_counted_at_any_time(app: TestApp) {
        let mut c = DistrictFixture::new(&app).await;
        let mut with = report("有照片");
        with.photos = vec![centre::named(1), centre::named(2)];
        let sha = with.photos[0].sha256;
        let entry = c.patroller.entry_at(&app, inside(CELL), &Payload::Report(with));
        let id = entry.id;
        send(&mut c.patroller, &app, entry).await;
        let case = case_of(&app, id).await;
        let row = c.patroller.state(&app).await[&("case".to_owned(), case.to_string())].clone();
        assert_eq!((&row["photos_held"], &row["photos_named"]), (&json!(0), &json!(2)));
        let path = format!("/v1/cases/{case}/photos/{sha}");
        app.get(&path, &c.acceptor.token).await.expect(404);
        // The photo's bytes arrive.
        let stream = c.patroller.stream;
        let name = server::app::object_name::ObjectName::Photo { stream, sha256: sha };
        app.app.blobs.put_durable(&name, centre::picture(1).into()).await.unwrap();
        let shared = app.app.clone();
        app.write(move |tx, ctx| {
            tx.execute(
                "INSERT INTO photo (stream, sha256, size, received) VALUES (?1, ?2, 1, ?3)
                 ON CONFLICT (stream, sha256) DO UPDATE SET received = excluded.received",
                server::params![stream.to_string(), sha.to_string(), ctx.now.0],
            )?;
            server::cases::reports::photos_changed(tx, ctx, &shared, id)
        }).await;
        app.recount().await;
        let row = c.patroller.state(&app).await[&("case".to_owned(), case.to_string())].clone();
        assert_eq!(row["photos_held"], 1);
        let photo = app.get(&path, &c.acceptor.token).await.expect(200);
        assert_eq!(photo.bytes, centre::picture(1));
        assert_eq!(photo.headers["etag"], format!("\"{sha}\""));
        assert_eq!(photo.headers["cache-control"], "no-store");
        let other = app.staff(Role::Acceptor, c.city.other_district).await;
        app.get(&path, &other.token).await.expect(403).expect_code("auth.scope");
        let counts = app.get("/v1/counts", &c.supervisor.token).await.expect(200).json;
        assert_eq!(counts["photos"], json!({"named": 2, "held": 1}));
        assert_eq!(counts["cases"], json!({"reported": 1}));
        assert_eq!(counts["entries"], json!({"applied": 1}));
        let streams = app.get("/v1/counts/streams", &c.supervisor.token).await.expect(200).json;
        assert_eq!(streams["items"][0]["entries"], 1);
        assert_eq!(streams["items"][0]["photos"], json!({"named": 2, "held": 1}));
        let other = app.staff(Role::Supervisor, c.city.other_district).await;
        let none = app.get("/v1/counts", &other.token).await.expect(200).json;
        assert_eq!((&none["cases"], &none["photos"]["named"]), (&json!({}), &json!(0)));
    }
}
