//! The loop: the whole way of a report, with the command line `xunge` in the field and the HTTP API at the
//! centre, on the real grid of 朝阳区. Commands and responses are written to
//! `target/loop-transcript-ENGINE.txt`.

use crate::{
    loop_parts::{activities, supervision},
    stage::{StoryStage, address, counts, xunge, xunge_json},
    transcript::{CentreMember, Transcript, at, beats, enroll, item, tasks, text},
};
use e2e::{
    city::City,
    handset::Handset,
    line::{FaultProxy, LineFault},
    pictures::PhotoAlbum,
    random::ScenarioRandom,
    staff_api::ApiRefusal,
};
use protocol::{photo::Sha256, role::Role};
use serde_json::{Value, json};
use std::process::Stdio;

on_both_engines!(the_loop_from_an_offline_photo_to_a_closed_case);

/// Rule: SJ-03.
fn the_loop_from_an_offline_photo_to_a_closed_case(stage: &StoryStage) {
    let mut transcript = Transcript::new(stage);
    let album = PhotoAlbum::load().unwrap();
    let mut random = ScenarioRandom::new(20_261_122);
    let mut shoot = |name: &str| {
        let path = stage.path(name);
        album.crop_to(&mut random, &path).unwrap();
        path.display().to_string()
    };
    let database = stage.setup().database;
    let city = City::create(&stage.path("server"), database.as_deref(), |_| {}).unwrap();
    let line = FaultProxy::to(city.server.address()).unwrap();
    let through = address(&city, &line);
    let [(here, cell), (beat, far_cell)] = beats(&city);

    // The staff.
    let team = city.department("环卫处置队").unwrap();
    let others = city.department("园林处置队").unwrap();
    let elsewhere = city.admin.all("/v1/orgs").unwrap();
    let elsewhere = elsewhere
        .iter()
        .find(|org| org["kind"] == "district" && org["id"] != json!(city.district))
        .map(|org| text(org, "/id").to_owned())
        .unwrap();
    let employ = |account: &str, name: &str, role: Role, org: &str| {
        CentreMember::employ(&city, account, name, role, org)
    };
    let acceptor = employ("shouli", "受理员", Role::Acceptor, &city.district);
    let stranger = employ("shouli-2", "别区受理员", Role::Acceptor, &elsewhere);
    let leader = employ("zhiban", "值班长", Role::ShiftLeader, &city.district);
    let centre = employ("zhihui", "指挥中心", Role::CommandCentre, &city.district);
    let department = employ("huanwei", "环卫处置队", Role::Department, &team);
    let other_team = employ("yuanlin", "园林处置队", Role::Department, &others);
    let supervisor = employ("dudao", "督导", Role::Supervisor, &city.district);

    // ------------------------------------------------------------------ the field
    transcript.heading(
        "登记，同步：网格和类型到手 / enrolment and the first sync, through a proxy that injects faults",
    );
    let areas = [here.to_string()];
    let areas: Vec<&str> = areas.iter().map(String::as_str).collect();
    let invited = city
        .post("2001", "第一网格岗", "张巡查", Role::Patroller, &areas)
        .unwrap();
    let patroller = stage.path("patroller");
    enroll(&mut transcript, &patroller, &invited, Some(&through));
    transcript.run_ok(&patroller, &["status"]);

    transcript.heading("进入地下室，没有网络 / in the cellar: no network");
    line.set(LineFault::Down);
    let place = at(&city, cell);
    transcript.run_ok(&patroller, &["check-in", "--at", &place]);
    let (code, said) = transcript.xunge(&patroller, &["check-in", "--at", &place]);
    assert_eq!(code, 1, "{said}");
    transcript.run_ok(&patroller, &["where", &place]);
    assert_eq!(
        text(&xunge_json(&patroller, &["where", &place]).1, "/cell/code"),
        cell.as_str()
    );
    let (_, sea) = xunge_json(&patroller, &["where", "30.0,125.0"]);
    assert_eq!(
        text(&sea, "/answer"),
        "outside",
        "a point outside the grid must have no cell"
    );
    let photos = [shoot("IMG_1.jpg"), shoot("IMG_2.jpg"), shoot("IMG_3.jpg")];
    let report = [
        "report",
        "--type",
        "暴露垃圾",
        "--text",
        "地下车库入口堆放垃圾",
        "--at",
        &place,
        "--photo",
        &photos[0],
        "--photo",
        &photos[1],
        "--photo",
        &photos[2],
    ];
    transcript.run_ok(&patroller, &report);
    transcript.run_ok(&patroller, &["queue"]);
    let (code, _) = transcript.xunge(&patroller, &["sync"]);
    assert_eq!(code, 3, "a sync without a network must fail");
    assert_eq!(item(&patroller, "report")["photos"]["named"], 3);
    assert_eq!(counts(&city)["cases"], json!({}));

    transcript
        .heading("网络恢复，同步途中进程被 kill -9 / the network is back; kill -9 in the middle of the sync");
    line.set(LineFault::Stall(90_000));
    let faults = line.faults();
    let mut dying = xunge(&patroller, &["sync"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    assert!(
        line.wait_for_faults(faults + 1),
        "the proxy did not stall the upload"
    );
    dying.kill().unwrap();
    dying.wait().unwrap();
    transcript.line("$ xunge --home patroller sync\n^ kill -9");
    transcript.run_ok(&patroller, &["queue"]);
    assert_ne!(
        item(&patroller, "report")["photos"]["sent"],
        3,
        "killed before the sync finished"
    );
    line.set(LineFault::Good);
    transcript.run_ok(&patroller, &["sync"]);
    transcript.run_ok(&patroller, &["queue", "--all"]);
    let reported = item(&patroller, "report");
    assert_eq!(
        (text(&reported, "/state"), text(&reported, "/case_state")),
        ("received", "reported")
    );
    assert_eq!(reported["photos"], json!({"sent": 3, "named": 3}));

    // ------------------------------------------------------------------ the centre
    transcript.heading("中心：受理到立案、派遣、处置 / the centre: from acceptance to handling");
    let queue = acceptor.desk.all("/v1/cases?queue=acceptor").unwrap();
    assert_eq!(queue.len(), 1, "the report must become exactly one case");
    let case = text(&queue[0], "/id").to_owned();
    assert_eq!(text(&queue[0], "/number"), text(&reported, "/receipt_number"));
    transcript.line(&format!(
        "受理员> GET /v1/cases?queue=acceptor\n  200 {} 照片 {}/{}",
        queue[0]["number"], queue[0]["photos_held"], queue[0]["photos_named"]
    ));
    assert_eq!(
        stranger.desk.all("/v1/cases?queue=acceptor").unwrap(),
        Vec::<Value>::new()
    );
    transcript.expect_refused(&leader, &case, "prefile", json!({}), "case.role");
    transcript.expect_refused(&stranger, &case, "prefile", json!({}), "auth.scope");
    transcript.expect_refused(&supervisor, &case, "close", json!({}), "case.role");
    transcript.expect_refused(&leader, &case, "file", json!({"level": 2}), "case.transition");
    transcript.expect_refused(
        &acceptor,
        &case,
        "prefile",
        json!({"expected_version": 7}),
        "case.changed",
    );
    transcript
        .perform(&acceptor, &case, "prefile", json!({}))
        .unwrap();
    transcript.expect_refused(&leader, &case, "file", json!({"opinion": ""}), "case.guard");
    transcript
        .perform(&leader, &case, "file", json!({"level": 2}))
        .unwrap();
    transcript.expect_refused(&centre, &case, "dispatch", json!({}), "case.guard");
    let order = json!({"department": team, "limit": {"amount": 4, "unit": "working_hour"}});
    transcript.expect_refused(&acceptor, &case, "dispatch", order.clone(), "case.role");
    transcript.perform(&centre, &case, "dispatch", order).unwrap();
    transcript.expect_refused(&department, &case, "handle", json!({}), "case.guard");
    let after = std::fs::read(shoot("after.jpg")).unwrap();
    let attached = department
        .desk
        .upload("/v1/attachments", "image/jpeg", after.clone())
        .unwrap();
    assert_eq!(text(&attached, "/sha256"), Sha256::of(&after).to_string());
    transcript.line(&format!(
        "环卫处置队> POST /v1/attachments\n  200 {}",
        text(&attached, "/sha256")
    ));
    let handled = json!({"opinion": "已清运，现场恢复", "attachments": [attached["sha256"]]});
    transcript.expect_refused(&other_team, &case, "handle", handled.clone(), "auth.scope");
    transcript.perform(&department, &case, "handle", handled).unwrap();
    transcript.perform(&centre, &case, "forward", json!({})).unwrap();
    let checking = transcript
        .perform(&acceptor, &case, "send_check", json!({}))
        .unwrap();
    assert_eq!(
        checking["tasks"][0]["state"], "assigned",
        "the worker on duty in the cell must get the task"
    );

    transcript.heading("核查任务到达现场，反馈 / the check task arrives in the field and is answered");
    transcript.run_ok(&patroller, &["sync"]);
    transcript.run_ok(&patroller, &["tasks", "--at", &place]);
    let task = text(&tasks(&patroller)[0], "/id").to_owned();
    let short = &task[task.len() - 6..];
    let (code, said) = transcript.xunge(&patroller, &["answer", short, "属实"]);
    assert_eq!(
        code, 1,
        "a check must refuse the answers of a verification: {said}"
    );
    line.set(LineFault::Down);
    let proof = shoot("proof.jpg");
    transcript.run_ok(
        &patroller,
        &[
            "answer",
            short,
            "已整改",
            "--text",
            "垃圾已清",
            "--photo",
            &proof,
            "--at",
            &place,
        ],
    );
    let (code, _) = transcript.xunge(&patroller, &["answer", short, "未整改"]);
    assert_eq!(code, 1, "a second answer must be refused");
    line.set(LineFault::Good);
    transcript.run_ok(&patroller, &["sync"]);

    transcript.heading("结案 / closing");
    transcript.expect_refused(&leader, &case, "close", json!({"opinion": ""}), "case.guard");
    transcript
        .perform(&leader, &case, "close", json!({"opinion": "处置前后对比一致"}))
        .unwrap();
    transcript.expect_refused(&leader, &case, "close", json!({}), "case.transition");
    transcript.run_ok(&patroller, &["sync"]);
    let said = transcript.run_ok(&patroller, &["queue", "--all"]);
    assert!(
        said.contains("结案"),
        "the author must see the case's closing: {said}"
    );
    assert!(tasks(&patroller).is_empty());

    // ------------------------------------------------------------------ what everybody can check
    transcript.heading("案卷的历史和照片 / the case's history and its photos");
    let view = leader.desk.get(&format!("/v1/cases/{case}")).unwrap();
    let ledger = view["ledger"].as_array().unwrap();
    for event in ledger {
        transcript.line(&format!(
            "  {} {} {} → {} {}",
            event["seq"],
            text(event, "/transition"),
            text(event, "/action"),
            text(event, "/to_zh"),
            text(event, "/actor_name")
        ));
    }
    let rows: Vec<&str> = ledger.iter().map(|event| text(event, "/transition")).collect();
    assert_eq!(rows, ["T1", "T4", "T5", "T9", "T10", "T11", "T12", "T13", "T14"]);
    assert_eq!((&view["ledger_ok"], &view["version"]), (&json!(true), &json!(9)));
    for event in ledger {
        assert!(
            !text(event, "/actor_name").is_empty() && event["at"].is_i64(),
            "{event}"
        );
    }
    assert_eq!(ledger[4]["attachments"], json!([attached["sha256"]]));
    assert_eq!(ledger[8]["opinion"], "处置前后对比一致");
    let mut own = Handset::existing(&patroller);
    let mut hashes = Vec::new();
    for item in own.open().unwrap().store().items().unwrap() {
        hashes.extend(item.photos.iter().map(|photo| photo.sha256));
    }
    assert_eq!(hashes.len(), 4, "three photos of the report, one of the answer");
    for sha256 in hashes {
        let there = leader
            .desk
            .download(&format!("/v1/cases/{case}/photos/{sha256}"))
            .unwrap();
        assert!(
            there == own.open().unwrap().photo_folder().read(sha256).unwrap(),
            "the photo must be equal byte for byte"
        );
        assert_eq!(Sha256::of(&there), sha256);
        transcript.line(&format!("  {sha256} {} bytes, equal on both sides", there.len()));
    }
    let there = leader
        .desk
        .download(&format!("/v1/cases/{case}/photos/{}", text(&attached, "/sha256")))
        .unwrap();
    assert_eq!(
        Sha256::of(&there).to_string(),
        text(&attached, "/shown/sha256"),
        "what is shown of the attachment"
    );
    let stranger_asks = stranger
        .desk
        .download(&format!("/v1/cases/{case}/photos/{}", text(&attached, "/sha256")));
    let refusal = stranger_asks.unwrap_err().downcast::<ApiRefusal>().unwrap();
    assert_eq!((refusal.status, refusal.code.as_str()), (403, "auth.scope"));
    let nobody = city
        .office
        .get(&format!("/v1/cases/{case}"))
        .unwrap_err()
        .downcast::<ApiRefusal>()
        .unwrap();
    assert_eq!((nobody.status, nobody.code.as_str()), (401, "auth.required"));

    activities(
        &mut transcript,
        &city,
        stage,
        &supervisor,
        &shoot("activity.jpg"),
        &areas,
    );
    supervision(
        &mut transcript,
        &city,
        stage,
        &supervisor,
        &acceptor,
        (beat, far_cell),
    );

    let counts = counts(&city);
    transcript.heading("从外面数 / counts over the API");
    transcript.line(&counts.to_string());
    assert_eq!(counts["cases"], json!({"closed": 1}));
    assert_eq!(counts["photos"]["named"], counts["photos"]["held"]);
    assert_eq!(counts["activities"], json!({"approved": 1}));
    assert_eq!(counts["tasks"], json!({"answered": 2}));
}
