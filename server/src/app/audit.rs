//! The audit log of acts outside the ledger of a case: sign-ins, administration, views of secret data (DC-05).

use super::ctx::Ctx;
use crate::{
    kernel::mask::Masker,
    params,
    store::{error::StoreError, tx::Tx},
};
use protocol::{
    ids::{EventId, PersonId},
    photo::Sha256,
};

/// The actor of an act by a command on the machine itself.
pub const MACHINE: &str = "machine";

/// One hour, in ms.
const HOUR_MS: i64 = 3_600_000;

/// Adds a line to the audit log. `detail` holds ids and codes, or the reason that a person entered; numbers of people in
/// a reason are masked.
pub fn note(
    tx: &mut Tx<'_>,
    ctx: &mut Ctx,
    actor: Option<PersonId>,
    action: &str,
    entity: &str,
    detail: &str,
) -> Result<(), StoreError> {
    let actor = actor.map(|a| a.to_string());
    add(tx, ctx, actor.as_deref(), (action, entity, detail))
}

/// As [`note`], unless the same action is noted for the entity within the last hour: what a handset repeats with every
/// push is one line.
pub fn note_hourly(
    tx: &mut Tx<'_>,
    ctx: &mut Ctx,
    actor: Option<PersonId>,
    (action, entity): (&str, &str),
    detail: &str,
) -> Result<(), StoreError> {
    let noted: i64 = tx.one(
        "SELECT COUNT(*) AS n FROM audit_event WHERE entity = ?1 AND action = ?2 AND at > ?3",
        params![entity, action, ctx.now.plus(-HOUR_MS).0],
        |row| row.get("n"),
    )?;
    if noted > 0 {
        return Ok(());
    }
    note(tx, ctx, actor, action, entity, detail)
}

/// As [`note`], for a command that the operator runs on the machine itself; the actor is [`MACHINE`].
pub fn note_machine(
    tx: &mut Tx<'_>,
    ctx: &mut Ctx,
    action: &str,
    entity: &str,
    detail: &str,
) -> Result<(), StoreError> {
    add(tx, ctx, Some(MACHINE), (action, entity, detail))
}

fn add(
    tx: &mut Tx<'_>,
    ctx: &mut Ctx,
    actor: Option<&str>,
    (action, entity, detail): (&str, &str, &str),
) -> Result<(), StoreError> {
    let id = ctx.event_id();
    tx.run(
        "INSERT INTO audit_event (id, at, actor, action, entity, detail) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![
            id.to_string(),
            ctx.now.0,
            actor,
            action,
            entity,
            Masker::default().text(detail)
        ],
    )?;
    Ok(())
}

/// Counts an act that strangers repeat as often as they like: one line for an action and entity in an hour, with the number
/// as `count=N` in its detail (A11).
pub fn tally(tx: &mut Tx<'_>, ctx: &Ctx, action: &str, entity: &str) -> Result<(), StoreError> {
    let hour = ctx.now.0.div_euclid(HOUR_MS) * HOUR_MS;
    let name = Sha256::of(format!("{action} {entity}").as_bytes()).0;
    let mut ten = [0; 10];
    for (slot, byte) in ten.iter_mut().zip(name) {
        *slot = byte;
    }
    let id = EventId::from_parts(u64::try_from(hour).unwrap_or(0), ten).to_string();
    let before: Option<String> = tx.opt(
        "SELECT detail FROM audit_event WHERE id = ?1",
        params![&id],
        |row| row.get("detail"),
    )?;
    let count = before.and_then(|detail| detail.strip_prefix("count=")?.parse::<u64>().ok());
    let detail = format!("count={}", count.unwrap_or(0).saturating_add(1));
    tx.run(
        "INSERT INTO audit_event (id, at, actor, action, entity, detail) VALUES (?1, ?2, NULL, ?3, ?4, ?5)
         ON CONFLICT (id) DO UPDATE SET detail = excluded.detail",
        params![id, ctx.now.0, action, entity, detail],
    )?;
    Ok(())
}
