//! Objects of every kind in one community of the district, for tests that call every operation.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use super::super::{
    centre::{self, CELL, DistrictFixture, check_in, inside},
    support::{FieldClient, TestApp},
    tus_client,
};
use protocol::{
    duty::Answer,
    ids::{CaseId, EntryId, EventId, PostId, RecordId, TaskId},
    open::Open,
    payload::{Activity, Payload, Report, TaskAnswer},
    photo::Sha256,
};
use serde_json::json;
use server::params;

/// A text that stands in every object of the fixture and in no refusal.
pub const MARK: &str = "标记文字";

/// Objects of every kind in one community of the district.
pub struct Objects {
    pub c: DistrictFixture,
    pub case: CaseId,
    pub case_photo: Sha256,
    pub task: TaskId,
    pub task_photo: Sha256,
    pub record: RecordId,
    pub record_photo: Sha256,
    pub doubted: EntryId,
    pub post: PostId,
    /// Its photo is in the case, and a task of another post shows it for comparison.
    pub reporter: FieldClient,
    /// Holds the task.
    pub inspector: FieldClient,
    /// A terminal of another district.
    pub stranger: FieldClient,
    pub reference: Sha256,
    /// Of the reporter's terminal, with a draft.
    pub parcel: EventId,
}

/// Creates the objects: a case in handling, an answered task, an activity record, an entry in review.
pub async fn objects(app: &TestApp) -> Objects {
    let mut c = DistrictFixture::new(app).await;
    let post = c.patroller.post;
    let mut inspector = c.another(app, &["2201040503"]).await;
    let there = app.post(c.city.other_district, &["220105"]).await;
    let stranger = app.holder(there).await;
    let (scene, answered, shown) = (
        tus_client::picture(1),
        tus_client::picture(2),
        tus_client::picture(3),
    );
    let report = Payload::Report(Report {
        photos: vec![tus_client::named(&scene)],
        ..centre::report(MARK)
    });
    let entry = c.patroller.entry_at(app, inside(CELL), &report);
    let id = entry.id;
    c.patroller.push(app, &[entry]).await;
    tus_client::upload(app, &c.patroller, &scene).await;
    let case = centre::case_of(app, id).await;
    c.steps(app, case, &["prefile", "file", "dispatch"]).await;
    let activity = Payload::Activity(Activity {
        category: "fitness".into(),
        title: MARK.into(),
        starts: app.now().plus(-3 * 3_600_000),
        ends: app.now().plus(-3_600_000),
        place: "文化广场".into(),
        cell: Some(CELL.parse().unwrap()),
        organiser: "桂林街道文体站".into(),
        participants: 60,
        summary: MARK.into(),
        photos: vec![tus_client::named(&shown)],
    });
    let (activity, doubted) = (
        c.patroller.entry(app, &activity),
        c.patroller.entry(app, &Payload::Void),
    );
    let (record, doubted_id) = (activity.record, doubted.id);
    c.patroller.push(app, &[activity, doubted]).await;
    tus_client::upload(app, &c.patroller, &shown).await;
    let stream = c.patroller.stream;
    app.write(move |tx, ctx| {
        tx.execute(
            "INSERT INTO refused_entry (stream, sha256, entry, n, code, bytes, received)
             VALUES (?1, ?2, ?3, 1, 'entry.conflict', ?4, ?5)",
            params![
                stream.to_string(),
                Sha256::of(MARK.as_bytes()).to_string(),
                doubted_id.to_string(),
                serde_json::to_vec(&json!({"text": MARK}))?,
                ctx.now.0
            ],
        )?;
        Ok(tx.execute(
            "UPDATE entry SET state = 'review' WHERE id = ?1",
            params![doubted_id.to_string()],
        )?)
    })
    .await;
    app.recount().await;
    check_in(&mut inspector, app).await;
    let wanted = json!({
        "purpose": "inspect", "wording": MARK, "cell": CELL, "minutes": 60, "case": case,
        "compare": Sha256::of(&scene),
    });
    let task = app
        .post_json("/v1/tasks", &c.supervisor.token, wanted)
        .await
        .expect(200)
        .json;
    let task: TaskId = task["id"].as_str().unwrap().parse().unwrap();
    let answer = Payload::Answer(TaskAnswer {
        task,
        answer: Open::Known(Answer::True),
        text: MARK.into(),
        photos: vec![tus_client::named(&answered)],
    });
    let answer = inspector.entry(app, &answer);
    assert_eq!(centre::send(&mut inspector, app, answer).await.0, "applied");
    tus_client::upload(app, &inspector, &answered).await;
    let parcel = kept_draft(app, &c.patroller).await;
    let apart = (stranger.person, stranger.post, stranger.stream);
    app.write(move |tx, _| {
        let (person, post, stream) = (apart.0.to_string(), apart.1.to_string(), apart.2.to_string());
        tx.execute(
            "UPDATE person SET name = ?1 || name WHERE id <> ?2",
            params![MARK, person],
        )?;
        tx.execute(
            "UPDATE post SET name = ?1 || name WHERE id <> ?2",
            params![MARK, post],
        )?;
        Ok(tx.execute(
            "UPDATE terminal SET label = ?1 || label WHERE id NOT IN (SELECT terminal FROM stream WHERE id = ?2)",
            params![MARK, stream],
        )?)
    })
    .await;
    let reference = text(app, "SELECT sha256 FROM reference_file WHERE name = ?1", "grid").await;
    let reporter = app.handset(c.patroller.post, c.patroller.person).await;
    let reporter = std::mem::replace(&mut c.patroller, reporter);
    app.advance_minutes(1);
    Objects {
        case,
        case_photo: Sha256::of(&scene),
        task,
        task_photo: Sha256::of(&answered),
        record,
        record_photo: Sha256::of(&shown),
        doubted: doubted_id,
        post,
        reporter,
        inspector,
        stranger,
        reference: reference.parse().unwrap(),
        parcel,
        c,
    }
}

/// A parcel of the client's terminal with a draft of the text [`MARK`].
async fn kept_draft(app: &TestApp, client: &FieldClient) -> EventId {
    let stream = client.stream.to_string();
    app.write(move |tx, ctx| {
        let id = ctx.event_id();
        tx.execute(
            "INSERT INTO parcel (id, stream, sha256, key_id, sealed_for, sealed_at, received, carried_by, remaining,
                                 entries, drafts, photos)
             VALUES (?1, ?2, ?1, 'key', 'revoked', ?3, ?3, 'network', 0, 0, 1, 0)",
            params![id.to_string(), &stream, ctx.now.0],
        )?;
        tx.execute(
            "INSERT INTO parcel_item (stream, sha256, parcel, kind, code, bytes) VALUES (?1, ?2, ?3, 'draft', 'report', ?4)",
            params![
                &stream,
                Sha256::of(MARK.as_bytes()).to_string(),
                id.to_string(),
                MARK.as_bytes().to_vec()
            ],
        )?;
        Ok(id)
    })
    .await
}

/// One text from the database.
pub async fn text(app: &TestApp, sql: &'static str, parameter: &str) -> String {
    let parameter = parameter.to_owned();
    let read = app
        .app
        .read(move |tx| Ok(tx.one(sql, params![&parameter], |row| row.get::<String>(0))?));
    read.await.unwrap()
}
