//! The author's history: rows that say what a list shows, how long they stay, and how a new handset reads them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr
)]

#[path = "support/centre.rs"]
mod centre;
mod support;

use axum::{body::Body, http::Request};
use centre::{CELL, DistrictFixture, send};
use protocol::{
    case::CaseState,
    entry::receipt_number,
    feed::{ActivityRow, CaseRow, FeedRow, MAX_UNSETTLED_BYTES, Mailbox, PULL_BYTES, PullAnswer, kind},
    ids::{CaseId, EntryId, RecordId},
    payload::{Activity, Payload, Withdraw},
    photo::Sha256,
};
use serde_json::json;
use server::{
    app::mailbox::MailboxId,
    kernel::config::Settings,
    service::{jobs, rooms},
};
use std::io::Read as _;
use support::{FieldClient, TestApp};

const DAY_MS: i64 = 86_400_000;

async fn sweep(app: &TestApp) {
    let job = rooms::JOBS.iter().find(|job| job.name == "feed.history").unwrap();
    assert!(jobs::once(&app.app, job, "test").await.unwrap());
}

async fn case_row(client: &FieldClient, app: &TestApp, case: CaseId) -> Option<CaseRow> {
    let state = client.state(app).await;
    let body = state.get(&(kind::CASE.to_owned(), case.to_string()))?;
    Some(serde_json::from_value(body.clone()).unwrap())
}

async fn activity_row(client: &FieldClient, app: &TestApp, record: RecordId) -> Option<ActivityRow> {
    let state = client.state(app).await;
    let body = state.get(&(kind::ACTIVITY.to_owned(), record.to_string()))?;
    Some(serde_json::from_value(body.clone()).unwrap())
}

fn activity(app: &TestApp, title: &str) -> Activity {
    Activity {
        category: "fitness".into(),
        title: title.into(),
        starts: app.now().plus(-3 * 3_600_000),
        ends: app.now().plus(-3_600_000),
        place: "文化广场".into(),
        cell: Some(CELL.parse().unwrap()),
        organiser: "桂林街道文体站".into(),
        participants: 60,
        summary: "健步走".into(),
        photos: Vec::new(),
    }
}

/// Files an activity record; `decision` is the supervisor's, if any.
async fn filed(c: &mut DistrictFixture, app: &TestApp, title: &str, decision: Option<&str>) -> RecordId {
    let entry = c.patroller.entry(app, &Payload::Activity(activity(app, title)));
    let record = entry.record;
    assert_eq!(send(&mut c.patroller, app, entry).await.0, "applied");
    if let Some(decision) = decision {
        let body = json!({"version": 1, "decision": decision, "reason": "意见"});
        let path = format!("/v1/activities/{record}/review");
        app.post_json(&path, &c.supervisor.token, body).await.expect(200);
    }
    record
}

/// A row as large as those of real cases.
fn history_row(k: u16) -> CaseRow {
    // Ids as random as real ones, because they decide how well a page is compressed.
    let ten = |what: &str| -> [u8; 10] {
        Sha256::of(format!("{what}{k}").as_bytes()).0[..10]
            .try_into()
            .unwrap()
    };
    let at = 1_735_000_000_000 + u64::from(k) * 30_000_000;
    let made = protocol::time::Millis(i64::try_from(at).unwrap());
    CaseRow {
        case: CaseId::from_parts(at, ten("case")),
        record: RecordId::from_parts(at, ten("record")),
        number: receipt_number(EntryId::from_parts(at, ten("entry"))),
        state: CaseState::Closed.into(),
        photos_held: 2,
        photos_named: 2,
        at: made.plus(DAY_MS + i64::from(k)),
        made: Some(made),
        matter: Some("E0102".parse().unwrap()),
        cell: Some(CELL.parse().unwrap()),
        address: Some(format!("桂林路 {} 号门前人行道", k % 300)),
        text: None,
        withdrawn: false,
        reason: None,
    }
}

/// Pulls page by page from the beginning.
async fn pages(app: &TestApp, client: &FieldClient) -> Vec<PullAnswer> {
    let (mut pages, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = client.pull(app, &cursor).await;
        let more = page.more;
        cursor.clone_from(&page.cursor);
        pages.push(page);
        if !more {
            return pages;
        }
    }
}

fn body_bytes(rows: &[FeedRow]) -> usize {
    let len = |row: &FeedRow| row.body.as_ref().map_or(0, |body| body.to_string().len());
    rows.iter().map(len).sum()
}

both_engines! {
    async fn case_row_says_what_a_list_shows(app: TestApp) {
        let mut c = DistrictFixture::new(&app).await;
        let made = app.now();
        let case = c.reported(&app).await;
        let row = case_row(&c.patroller, &app, case).await.unwrap();
        assert_eq!((row.made, row.matter, row.cell), (Some(made), "E0102".parse().ok(), CELL.parse().ok()));
        assert_eq!((row.address.as_deref(), &row.text, row.withdrawn), (Some("桂林路 1 号"), &None, false));
        // The time of the report stays when the case moves on.
        app.advance_minutes(10);
        c.step(&app, case, "prefile").await;
        let row = case_row(&c.patroller, &app, case).await.unwrap();
        assert_eq!((row.made, row.at), (Some(made), app.now()));
    }

    async fn case_row_without_an_address_has_the_beginning_of_the_text(app: TestApp) {
        let mut c = DistrictFixture::new(&app).await;
        let mut report = centre::report(&"路边堆放建筑垃圾，".repeat(20));
        report.address = "  ".into();
        let entry = c.patroller.entry(&app, &Payload::Report(report));
        let (id, record) = (entry.id, entry.record);
        send(&mut c.patroller, &app, entry).await;
        let case = centre::case_of(&app, id).await;
        let row = case_row(&c.patroller, &app, case).await.unwrap();
        assert_eq!(row.address, None);
        assert_eq!(row.text.unwrap().chars().count(), protocol::feed::MAX_ROW_WORDS);
        // A withdrawn report says so.
        let mut back = c.patroller.entry(&app, &Payload::Withdraw(Withdraw { entry: id, reason: String::new() }));
        (back.record, back.after) = (record, Some(id));
        assert_eq!(send(&mut c.patroller, &app, back).await.0, "applied");
        assert!(case_row(&c.patroller, &app, case).await.unwrap().withdrawn);
    }

    /// Rule: SP-05.
    async fn activity_row_says_when_it_was_and_what(app: TestApp) {
        let mut c = DistrictFixture::new(&app).await;
        let sent = activity(&app, "健步走");
        let record = filed(&mut c, &app, "健步走", None).await;
        let row = activity_row(&c.patroller, &app, record).await.unwrap();
        assert_eq!((row.starts, row.ends, row.made), (Some(sent.starts), Some(sent.ends), Some(app.now())));
        assert_eq!((row.category.as_deref(), row.participants), (Some("fitness"), Some(60)));
        assert_eq!(row.place.as_deref(), Some("文化广场"));
    }

    async fn row_of_a_closed_case_is_a_tombstone_after_24_months(app: TestApp) {
        let mut c = DistrictFixture::new(&app).await;
        let (open, declined) = (c.reported(&app).await, c.reported(&app).await);
        c.steps(&app, declined, &["prefile", "send_back", "decline"]).await;
        let entry = c.patroller.entry(&app, &Payload::Report(centre::report("撤回的")));
        let (id, record) = (entry.id, entry.record);
        send(&mut c.patroller, &app, entry).await;
        let withdrawn = centre::case_of(&app, id).await;
        let mut back = c.patroller.entry(&app, &Payload::Withdraw(Withdraw { entry: id, reason: String::new() }));
        (back.record, back.after) = (record, Some(id));
        send(&mut c.patroller, &app, back).await;
        let cursor = pages(&app, &c.patroller).await.pop().unwrap().cursor;
        // 2026-11-23 to 2028-11-23: 731 days, because 2028 is a leap year.
        app.advance(731 * DAY_MS);
        c.patroller.sign_in(&app).await.expect(200);
        sweep(&app).await;
        assert_eq!(c.patroller.pull(&app, &cursor).await.rows, Vec::new(), "not before the 24 months are over");
        app.advance(1);
        sweep(&app).await;
        let news = c.patroller.pull(&app, &cursor).await;
        let mut gone: Vec<_> = news.rows.iter().map(|row| (row.kind.as_str(), row.entity.clone(), row.body.is_none())).collect();
        gone.sort();
        let mut wanted = vec![(kind::CASE, declined.to_string(), true), (kind::CASE, withdrawn.to_string(), true)];
        wanted.sort();
        assert_eq!(gone, wanted);
        // A new handset gets the open case only; the cases themselves stay.
        let post = c.patroller.post;
        let fresh = app.handset(post, c.patroller.person).await;
        let rows = pages(&app, &fresh).await.into_iter().flat_map(|page| page.rows);
        let cases: Vec<String> = rows.filter(|row| row.kind == kind::CASE).map(|row| row.entity).collect();
        assert_eq!(cases, [open.to_string()]);
        assert_eq!(app.count("SELECT COUNT(*) AS n FROM case_file").await, 3);
        // Nothing is left to do.
        let last = "SELECT MAX(last) AS n FROM mailbox WHERE id LIKE 'author:%'";
        let before = app.count(last).await;
        sweep(&app).await;
        assert_eq!(app.count(last).await, before);
    }

    async fn row_of_an_approved_activity_is_a_tombstone_after_24_months(app: TestApp) {
        let mut c = DistrictFixture::new(&app).await;
        let approved = filed(&mut c, &app, "通过", Some("approve")).await;
        let returned = filed(&mut c, &app, "退回", Some("return")).await;
        let waiting = filed(&mut c, &app, "待审核", None).await;
        let cursor = pages(&app, &c.patroller).await.pop().unwrap().cursor;
        app.advance(731 * DAY_MS);
        c.patroller.sign_in(&app).await.expect(200);
        sweep(&app).await;
        assert!(activity_row(&c.patroller, &app, approved).await.is_some());
        app.advance(1);
        sweep(&app).await;
        let news = c.patroller.pull(&app, &cursor).await;
        assert_eq!(news.rows.len(), 1);
        assert_eq!((news.rows[0].entity.clone(), &news.rows[0].body), (approved.to_string(), &None));
        // Its author still has to revise the one; the other was never reviewed.
        assert!(activity_row(&c.patroller, &app, returned).await.is_some());
        assert!(activity_row(&c.patroller, &app, waiting).await.is_some());
        assert_eq!(app.count("SELECT COUNT(*) AS n FROM activity").await, 3);
    }

    async fn history_of_2000_rows_comes_in_bounded_pages_after_the_tasks(app: TestApp) {
        let city = app.city().await;
        let post = app.post(city.community, &["2201040503"]).await;
        let mut client = app.holder(post).await;
        let person = client.person;
        for first in (0..2000).step_by(500) {
            app.write(move |_, ctx| {
                for k in first..first + 500 {
                    let row = history_row(k);
                    ctx.mail.put(MailboxId::Author(person), kind::CASE, row.case, &row)?;
                }
                Ok(())
            })
            .await;
        }
        // The task is the newest row.
        app.write(move |_, ctx| ctx.mail.put(MailboxId::Post(post), kind::TASK, "task", &json!({"new": true}))).await;
        client = { let person = client.person; app.handset(post, person).await };
        let all = pages(&app, &client).await;
        assert!(all[0].rows.iter().any(|row| row.kind == kind::TASK), "tasks are on the first page");
        assert_eq!(all[0].reset.len(), 2);
        assert!(all[1..].iter().all(|page| page.reset.is_empty()));
        let (mut plain, mut packed) = (0, 0);
        let mut cursor = String::new();
        for page in &all {
            assert!(page.rows.len() <= 500);
            assert!(body_bytes(&page.rows) < PULL_BYTES + 1024, "{}", body_bytes(&page.rows));
            let request = Request::get(format!("/v1/field/pull?cursor={cursor}"))
                .header("authorization", format!("Bearer {}", client.token))
                .header("accept-encoding", "gzip")
                .body(Body::empty())
                .unwrap();
            let answer = app.send(request).await.expect(200);
            assert_eq!(answer.headers["content-encoding"], "gzip");
            packed += answer.bytes.len();
            let mut text = Vec::new();
            flate2::read::GzDecoder::new(answer.bytes.as_slice()).read_to_end(&mut text).unwrap();
            plain += text.len();
            cursor.clone_from(&page.cursor);
        }
        let cases: usize = all.iter().map(|page| page.rows.iter().filter(|row| row.kind == kind::CASE).count()).sum();
        assert_eq!(cases, 2000);
        eprintln!("first pull of 2,000 history rows: {} pages, {plain} bytes, {packed} bytes gzip", all.len());
        assert!(plain < 1_100_000 && packed < 300_000, "{plain} {packed}");
    }

    async fn large_rows_end_a_page_early_and_a_task_comes_between_pages(app: TestApp) {
        let city = app.city().await;
        let post = app.post(city.community, &["2201040503"]).await;
        let client = app.holder(post).await;
        let person = client.person;
        app.write(move |_, ctx| {
            for k in 0..40 {
                let large = json!({"text": "x".repeat(MAX_UNSETTLED_BYTES)});
                ctx.mail.put(MailboxId::Author(person), kind::UNSETTLED, k, &large)?;
            }
            Ok(())
        })
        .await;
        let first = client.pull(&app, "").await;
        assert!(first.more);
        assert!(body_bytes(&first.rows) <= PULL_BYTES + MAX_UNSETTLED_BYTES + 16);
        app.write(move |_, ctx| ctx.mail.put(MailboxId::Post(post), kind::TASK, "task", &json!({"new": true}))).await;
        let second = client.pull(&app, &first.cursor).await;
        assert_eq!((second.rows[0].mailbox.clone(), second.rows[0].kind.as_str()), (Mailbox::Post.into(), kind::TASK));
        let all = pages(&app, &client).await;
        assert!(all.iter().all(|page| body_bytes(&page.rows) <= PULL_BYTES + MAX_UNSETTLED_BYTES + 16));
        let large = all.iter().flat_map(|page| &page.rows).filter(|row| row.kind == kind::UNSETTLED).count();
        assert_eq!(large, 40);
    }
}

async fn months_are_a_setting(months: u32, app: TestApp) {
    let mut c = DistrictFixture::new(&app).await;
    let record = filed(&mut c, &app, "通过", Some("approve")).await;
    app.advance(32 * DAY_MS);
    c.patroller.sign_in(&app).await.expect(200);
    sweep(&app).await;
    let is_there = activity_row(&c.patroller, &app, record).await.is_some();
    assert_eq!(is_there, months == 0, "history_months = {months}");
    app.advance(20 * 366 * DAY_MS);
    c.patroller.sign_in(&app).await.expect(200);
    sweep(&app).await;
    let is_there = activity_row(&c.patroller, &app, record).await.is_some();
    assert_eq!(is_there, months == 0, "history_months = {months}");
}

fn settings(months: u32) -> Settings {
    Settings {
        history_months: months,
        ..Settings::default()
    }
}

#[tokio::test]
async fn history_months_is_a_setting_sqlite() {
    for months in [0, 1] {
        months_are_a_setting(months, TestApp::sqlite_with(settings(months)).await).await;
    }
}

#[tokio::test]
async fn history_months_is_a_setting_postgres() {
    for months in [0, 1] {
        months_are_a_setting(months, TestApp::postgres_with(settings(months)).await).await;
    }
}
