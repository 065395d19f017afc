//! Presence in the database.

use super::{
    on_duty,
    presence_rules::{self, Entering, Presence},
};
use crate::{
    app::{changes::Change, ctx::Ctx, mailbox::MailboxId, state::App},
    entries::{reviewer::Reviewer, taken::Taken},
    kernel::failure::Failure,
    params,
    people::posts,
    store::{error::StoreError, tx::Tx},
};
use protocol::{
    entry::{Disposition, DispositionState, Reason},
    evidence::TrustedTime,
    feed::{PresenceRow, kind},
    ids::{PersonId, PostId, StreamId},
    payload::{CheckIn, CheckOut},
    problem::ReasonCode,
    time::Millis,
};

fn load(tx: &mut Tx<'_>, person: PersonId) -> Result<Option<Presence>, StoreError> {
    tx.opt(
        "SELECT post, present, since, ends FROM presence WHERE person = ?1",
        params![person.to_string()],
        |row| {
            Ok(Presence {
                post: row.parse("post")?,
                present: row.get("present")?,
                since: Millis(row.get("since")?),
                ends: Millis(row.get("ends")?),
            })
        },
    )
}

/// Stores the presence and updates the person's mailbox; `by` is the entry that changed it.
fn save(
    tx: &mut Tx<'_>,
    ctx: &mut Ctx,
    person: PersonId,
    p: Presence,
    by: Option<String>,
) -> Result<(), Failure> {
    tx.run(
        "INSERT INTO presence (person, post, present, since, ends, last_contact, changed_by)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
         ON CONFLICT (person) DO UPDATE SET post = excluded.post, present = excluded.present,
             since = excluded.since, ends = excluded.ends, changed_by = excluded.changed_by",
        params![
            person.to_string(),
            p.post.to_string(),
            p.present,
            p.since.0,
            p.ends.0,
            ctx.now.0,
            by
        ],
    )?;
    let row = PresenceRow {
        person,
        present: p.present,
        // The handset compares it with the receipt of its check-in, to see that the duty that began there has ended.
        since: if p.present { p.since } else { p.ends },
    };
    ctx.mail
        .put(MailboxId::Author(person), kind::PRESENCE, person, &row)
}

fn note(reason: Reason) -> Disposition {
    Disposition {
        state: DispositionState::Applied.into(),
        reason: Some(reason),
    }
}

/// Stores the duty of a check-in (签到) that a reviewer accepted although its author does not hold the post now: the time
/// counts as on duty, the presence does not change.
fn accepted(tx: &mut Tx<'_>, ctx: &Ctx, app: &App, taken: &Taken) -> Result<Disposition, Failure> {
    let made = taken.made.at;
    let longest = i64::from(app.settings.presence_hours) * 3_600_000;
    let ends = made.plus(longest).min(ctx.now);
    period(tx, taken, made, ends)?;
    Ok(note(Reason::new(
        ReasonCode::ReviewAccepted,
        "签到已由核对人员认可；您现在不是该岗位的持有人，未改变在岗状态",
        "A reviewer accepted the check-in; you do not hold this post now, so your duty status does not change",
    )))
}

/// Applies a check-in (签到): begins or extends the author's duty at the post. Returns `duty.not_holder` for review if the
/// author does not hold the post now, and `duty.over` if the check-in arrives after its own end; the period is stored
/// then, but the presence does not change.
pub fn check_in(
    tx: &mut Tx<'_>,
    ctx: &mut Ctx,
    app: &App,
    taken: &Taken,
    _: &CheckIn,
    reviewer: Option<&Reviewer>,
) -> Result<Disposition, Failure> {
    let (person, post) = (taken.entry.author, taken.entry.post);
    if !posts::holds(tx, post, person, ctx.now)? {
        if reviewer.is_some() {
            return accepted(tx, ctx, app, taken);
        }
        return Ok(Disposition::review(Reason::new(
            ReasonCode::DutyNotHolder,
            "现在不是该岗位的持有人，由中心核对签到",
            "You do not hold this post now; the centre will check the check-in",
        )));
    }
    let was = load(tx, person)?;
    let made = taken.made.at;
    match presence_rules::enter(was, post, made, ctx.now, app.settings.presence_hours) {
        Entering::Over { ended } => {
            period(tx, taken, made, ended)?;
            Ok(note(Reason::new(
                ReasonCode::DutyOver,
                "签到已记录；该班次已结束，未改变在岗状态",
                "The check-in is recorded; that shift has already ended, so your duty status does not change",
            )))
        }
        Entering::Same(p) => {
            if was.is_some_and(|w| w.since != p.since) {
                tx.run(
                    "UPDATE duty_period SET since = ?3 WHERE person = ?1 AND since = ?2",
                    params![person.to_string(), was.map(|w| w.since.0), p.since.0],
                )?;
                save(tx, ctx, person, p, Some(taken.entry.id.to_string()))?;
            }
            contact(tx, ctx, person)?;
            Ok(Disposition::applied())
        }
        Entering::Begin(p) => {
            period(tx, taken, p.since, p.ends)?;
            save(tx, ctx, person, p, Some(taken.entry.id.to_string()))?;
            contact(tx, ctx, person)?;
            if let Some(before) = was.filter(|w| w.present && w.post != p.post) {
                ctx.changed(Change::DutyChanged { post: before.post });
            }
            ctx.changed(Change::DutyChanged { post });
            Ok(Disposition::applied())
        }
    }
}

/// Applies a check-out (签退): ends the author's duty. Returns `duty.over` if a later duty runs or none does.
pub fn check_out(
    tx: &mut Tx<'_>,
    ctx: &mut Ctx,
    taken: &Taken,
    _: &CheckOut,
) -> Result<Disposition, Failure> {
    let person = taken.entry.author;
    let made = taken.made.at;
    tx.run(
        "UPDATE duty_period SET until = ?2 WHERE person = ?1 AND since <= ?2 AND until > ?2",
        params![person.to_string(), made.0],
    )?;
    let was = load(tx, person)?;
    contact(tx, ctx, person)?;
    let Some(left) = presence_rules::leave(was, taken.entry.post, made) else {
        return Ok(note(Reason::new(
            ReasonCode::DutyOver,
            "签退已记录；该班次已结束，未改变在岗状态",
            "The check-out is recorded; that shift has already ended, so your duty status does not change",
        )));
    };
    save(tx, ctx, person, left, Some(taken.entry.id.to_string()))?;
    ctx.changed(Change::DutyChanged { post: left.post });
    Ok(Disposition::applied())
}

/// Stores the corrected time of a check-in or check-out: in the person's duty, and in the presence if it began or ended
/// then. Does nothing for the time of another entry.
pub fn time_corrected(
    tx: &mut Tx<'_>,
    ctx: &mut Ctx,
    person: PersonId,
    was: Millis,
    at: Millis,
) -> Result<(), Failure> {
    let id = person.to_string();
    tx.run(
        "UPDATE duty_period SET since = ?3 WHERE person = ?1 AND since = ?2",
        params![&id, was.0, at.0],
    )?;
    tx.run(
        "UPDATE duty_period SET until = ?3 WHERE person = ?1 AND until = ?2",
        params![&id, was.0, at.0],
    )?;
    let Some(p) = load(tx, person)? else {
        return Ok(());
    };
    let better = presence_rules::corrected(p, was, at);
    if better == p {
        return Ok(());
    }
    tx.run(
        "UPDATE duty_period SET until = ?3 WHERE person = ?1 AND since = ?4 AND until = ?2",
        params![&id, p.ends.0, better.ends.0, better.since.0],
    )?;
    let by: Option<String> = tx.one(
        "SELECT changed_by FROM presence WHERE person = ?1",
        params![&id],
        |row| row.get("changed_by"),
    )?;
    save(tx, ctx, person, better, by)
}

fn period(tx: &mut Tx<'_>, taken: &Taken, since: Millis, until: Millis) -> Result<(), StoreError> {
    tx.run(
        "INSERT INTO duty_period (entry, person, post, since, until) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (entry) DO NOTHING",
        params![
            taken.entry.id.to_string(),
            taken.entry.author.to_string(),
            taken.entry.post.to_string(),
            since.0,
            until.max(since).0
        ],
    )?;
    Ok(())
}

/// Notes that a terminal of the person reached the server now: of several people on duty the latest gets a task.
pub fn contact(tx: &mut Tx<'_>, ctx: &mut Ctx, person: PersonId) -> Result<(), Failure> {
    tx.run(
        "UPDATE presence SET last_contact = ?2 WHERE person = ?1 AND last_contact < ?2",
        params![person.to_string(), ctx.now.0],
    )?;
    Ok(())
}

/// Ends the person's duty now and says [`Change::DutyChanged`], so that the post's tasks are resolved again. Does nothing
/// if the person is not present.
pub fn end(tx: &mut Tx<'_>, ctx: &mut Ctx, person: PersonId) -> Result<(), Failure> {
    let Some(p) = load(tx, person)?.filter(|p| p.present) else {
        return Ok(());
    };
    let ends = p.ends.min(ctx.now).max(p.since);
    tx.run(
        "UPDATE duty_period SET until = ?2 WHERE person = ?1 AND since <= ?2 AND until > ?2",
        params![person.to_string(), ends.0],
    )?;
    save(
        tx,
        ctx,
        person,
        Presence {
            present: false,
            ends,
            ..p
        },
        None,
    )?;
    ctx.changed(Change::DutyChanged { post: p.post });
    Ok(())
}

/// Ends the duty of a person who was relieved of the post, if the duty is at that post.
pub fn relieved(tx: &mut Tx<'_>, ctx: &mut Ctx, post: PostId, person: PersonId) -> Result<(), Failure> {
    match load(tx, person)? {
        Some(p) if p.post == post => end(tx, ctx, person),
        Some(_) | None => Ok(()),
    }
}

/// Ends the duty of a revoked stream's holder, unless the person has another active stream (SP-06).
pub fn stream_revoked(tx: &mut Tx<'_>, ctx: &mut Ctx, stream: StreamId) -> Result<(), Failure> {
    let alone: Option<PersonId> = tx.opt(
        "SELECT s.person FROM stream s WHERE s.id = ?1 AND NOT EXISTS (
             SELECT 1 FROM stream o WHERE o.person = s.person AND o.id <> s.id AND o.revoked IS NULL)",
        params![stream.to_string()],
        |row| row.parse("person"),
    )?;
    match alone {
        Some(person) => end(tx, ctx, person),
        None => Ok(()),
    }
}

/// Presences that one write ends at most; the next sweep ends the others.
const AT_ONCE: u32 = 100;

/// Ends up to 100 presences whose person is not on duty any more ([`on_duty`]) and returns how many it ended.
pub fn end_expired(tx: &mut Tx<'_>, ctx: &mut Ctx) -> Result<usize, Failure> {
    let over = on_duty::over(tx, ctx.now, AT_ONCE)?;
    for person in &over {
        end(tx, ctx, *person)?;
    }
    Ok(over.len())
}

/// The sweeper's step: [`end_expired`] in one write, if there is something to end. Returns how many it ended.
pub async fn sweep(app: &App) -> Result<usize, Failure> {
    let now = app.clock.now();
    // A read first: a sweep that finds nothing must not occupy the only writer.
    let over = app.read(move |tx| Ok(on_duty::count_over(tx, now)?)).await?;
    if over == 0 {
        return Ok(0);
    }
    app.write(end_expired).await
}

/// Returns true if the person was on duty at the post at some time within the uncertainty of `made`. Looks at the 50
/// latest periods that began before.
pub fn was_on_duty(
    tx: &mut Tx<'_>,
    person: PersonId,
    post: PostId,
    made: &TrustedTime,
) -> Result<bool, StoreError> {
    let periods: Vec<(i64, i64)> = tx.all(
        "SELECT since, until FROM duty_period WHERE person = ?1 AND post = ?2 AND since <= ?3
         ORDER BY since DESC LIMIT 50",
        params![
            person.to_string(),
            post.to_string(),
            made.at.plus(made.uncertainty_ms.max(0)).0
        ],
        |row| Ok((row.get("since")?, row.get("until")?)),
    )?;
    Ok(periods
        .iter()
        .any(|(since, until)| presence_rules::covers(Millis(*since), Millis(*until), made)))
}
