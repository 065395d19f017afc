//! The audit log of acts outside the ledger of a case: sign-ins, administration, views of secret data (DC-05).

use super::ctx::Ctx;
use crate::{
    kernel::mask::Masker,
    params,
    store::{error::StoreError, tx::Tx},
};
use protocol::ids::PersonId;

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
    let id = ctx.event_id();
    tx.execute(
        "INSERT INTO audit_event (id, at, actor, action, entity, detail) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![
            id.to_string(),
            ctx.now.0,
            actor.map(|a| a.to_string()),
            action,
            entity,
            Masker::default().text(detail)
        ],
    )?;
    Ok(())
}
