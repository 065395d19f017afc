//! JSON documents. Fields are added, never renamed or removed. `terminal-core/README.md` describes them.

use crate::{
    grid::place::{CandidateCell, CellName, LocatedPlace, PlaceAnswer},
    words::{Lang, fix::FixDoubt},
    work::{
        answered::AnsweredTask,
        fix::FixView,
        queue_row::QueueRow,
        status::Status,
        tasks::{HandsetTask, TaskDistance},
    },
};
use protocol::{entry::Reason, evidence::ClockReading, geo::PointE7, time::Millis};
use serde_json::{Value, json};

pub fn reason(reason: Option<&Reason>) -> Value {
    reason.map_or(Value::Null, |r| json!({ "code": r.code, "zh": r.zh, "en": r.en }))
}

pub fn point(point: PointE7) -> Value {
    let (lat, lon) = point.degrees();
    json!({ "lat": lat, "lon": lon })
}

pub fn cell(cell: &CellName) -> Value {
    json!({
        "code": cell.code,
        "grouped": cell.code.grouped(),
        "street": cell.street,
        "community": cell.community,
    })
}

pub fn item(row: &QueueRow, now: Millis) -> Value {
    json!({
        "id": row.id,
        "record": row.record,
        "n": row.n,
        "kind": row.kind,
        "summary": row.summary.words(Lang::Zh),
        "summary_en": row.summary.words(Lang::En),
        "made": row.made,
        "state": row.state_name(),
        "state_zh": row.state_words(Lang::Zh, now),
        "state_en": row.state_words(Lang::En, now),
        "finished": row.is_finished(),
        "receipt_number": row.receipt_number(),
        "photos": { "sent": row.photos_sent, "named": row.photos_named },
        "reason": reason(row.reason()),
        "next_try": row.next_try,
        "problem": reason(row.problem.as_ref()),
        "case_state": row.case,
        "awaits_reading": row.awaits_reading(),
        "review": row.review,
        "fix": Value::Null,
    })
}

pub fn fix(fix: Option<&FixView>) -> Value {
    let doubt = |doubt: &FixDoubt| json!({ "code": doubt.code(), "zh": doubt.words(Lang::Zh), "en": doubt.words(Lang::En) });
    fix.map_or(Value::Null, |fix| {
        json!({
            "accuracy_m": f64::from(fix.accuracy_cm) / 100.0,
            "provider": fix.provider,
            "mock": fix.mock,
            "age_ms": fix.age_ms,
            "line_zh": fix.line(Lang::Zh),
            "line_en": fix.line(Lang::En),
            "doubts": fix.doubts.iter().map(doubt).collect::<Vec<_>>(),
        })
    })
}

/// An item with the fix of its entry.
pub fn item_with_fix(row: &QueueRow, item_fix: Option<&FixView>, now: Millis) -> Value {
    let mut document = item(row, now);
    if let Some(fields) = document.as_object_mut() {
        fields.insert("fix".into(), fix(item_fix));
    }
    document
}

pub fn place(place: &LocatedPlace) -> Value {
    let candidates = |list: &[CandidateCell]| -> Vec<Value> {
        list.iter()
            .map(|c| json!({ "cell": cell(&c.cell), "share": c.share }))
            .collect()
    };
    let mut document = json!({
        "point": point(place.point),
        "accuracy_m": place.accuracy_cm.map(|cm| f64::from(cm) / 100.0),
        "grid": place.grid(),
        "cell": place.cell().map(cell),
        "candidates": [],
        "outside_share": Value::Null,
        "nearest": Value::Null,
    });
    let answer = match &place.answer {
        PlaceAnswer::NoGrid => json!({ "answer": "no_grid" }),
        PlaceAnswer::In {
            candidates: list,
            outside,
            ..
        } => json!({ "answer": "in", "candidates": candidates(list), "outside_share": outside }),
        PlaceAnswer::Outside {
            nearest,
            candidates: list,
            ..
        } => json!({
            "answer": "outside",
            "candidates": candidates(list),
            "nearest": nearest.as_ref().map(|(name, metres)| json!({ "cell": cell(name), "metres": metres })),
        }),
    };
    if let (Some(document), Value::Object(answer)) = (document.as_object_mut(), answer) {
        document.extend(answer);
    }
    document
}

pub fn task(task: &HandsetTask, way: Option<TaskDistance>, now: Millis) -> Value {
    let answers = task.row.purpose.known().map(|purpose| purpose.answers());
    json!({
        "id": task.row.task,
        "purpose": task.row.purpose,
        "wording": task.row.wording,
        "cell": task.cell.as_ref().map_or_else(
            || json!({ "code": task.row.cell, "grouped": task.row.cell.grouped(), "street": null, "community": null }),
            cell,
        ),
        "place": task.row.place.map(point),
        "address": task.row.address,
        "issued": task.row.issued,
        "due": task.row.due,
        "left_ms": task.left(now),
        "overdue": task.left(now) < 0,
        "answers": answers,
        "answered": task.answered,
        "other_holder": task.other_holder(),
        "case": task.row.case,
        "compare": task.row.compare,
        "metres": way.map(|way| way.metres),
        "bearing": way.map(|way| way.bearing),
    })
}

pub fn answered(answered: &AnsweredTask, now: Millis) -> Value {
    json!({ "task": answered.task, "open": answered.is_open, "item": item(&answered.row, now) })
}

pub fn clock(clock: &ClockReading) -> Value {
    json!({ "now": clock.estimate(), "trusted": clock.is_trusted(), "offset_ms": clock.offset_ms })
}

pub fn status(status: &Status) -> Value {
    let account = &status.account;
    json!({
        "holder": { "id": account.holder, "name": account.holder_name, "roles": account.roles },
        "terminal": account.terminal,
        "stream": account.stream,
        "post": {
            "id": account.post,
            "name": status.post.as_ref().map(|post| &post.name),
            "number": status.post.as_ref().map(|post| &post.number),
            "area": status.post.as_ref().map(|post| &post.area),
            "taken": status.is_post_taken,
        },
        "server": account.server,
        "on_duty": status.presence.on_duty,
        "on_duty_since": status.presence.since,
        "on_duty_confirmed": status.presence.confirmed,
        "drafts": status.drafts,
        "items_waiting": status.items_waiting,
        "photos_waiting": status.photos_waiting,
        "returned": status.returned,
        "tasks_open": status.tasks_open,
        "tasks_overdue": status.tasks_overdue,
        "grid": status.grid,
        "last_sync": status.last_sync,
        "last_contact": status.last_contact,
        "clock": clock(&status.clock),
    })
}
