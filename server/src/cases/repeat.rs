//! Requests that a client names, so that it can repeat one after a lost answer without a second effect. A used name
//! with different content is refused, never answered with the first one's result.

use super::{input::Input, ledger::LedgerEvent};
use crate::{http::idempotency::reused, kernel::failure::Failure, params, store::tx::Tx};
use protocol::{case::Action, ids::CaseId, problem::ProblemCode};

/// Returns the event that this request has already written, and its case.
pub(super) fn was_done(
    tx: &mut Tx<'_>,
    input: &Input,
    case: Option<CaseId>,
    action: Action,
) -> Result<Option<(CaseId, LedgerEvent)>, Failure> {
    let Some(request) = input.request else {
        return Ok(None);
    };
    let done: Option<(CaseId, String)> = tx.opt(
        "SELECT case_id, body FROM case_event WHERE id = ?1",
        params![request.to_string()],
        |row| Ok((row.parse("case_id")?, row.get("body")?)),
    )?;
    let Some((found, body)) = done else {
        return Ok(None);
    };
    let event: LedgerEvent = serde_json::from_str(&body)?;
    if event.action == action.as_str() && case.is_none_or(|c| c == found) {
        return Ok(Some((found, event)));
    }
    Err(Failure::fields(ProblemCode::Invalid, vec![reused()]))
}
