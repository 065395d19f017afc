//! 公众举报登记 (T2): an acceptor records a citizen's report, and a patroller verifies it before it is filed.

use super::{
    apply::{self, NewEvent},
    authority::authorise,
    file::{CaseFile, CaseSource, Opening},
    input::{Actor, Input},
    repeat::was_done,
    shape::CaseView,
    view,
};
use crate::{
    app::{ctx::Ctx, state::App},
    http::idempotency::reused,
    kernel::{failure::Failure, mask},
    params,
    store::tx::Tx,
};
use protocol::{
    case::{self, Action, To},
    entry::receipt_number,
    ids::EntryId,
    problem::ProblemCode,
};

/// A citizen's report.
#[derive(Debug, Clone)]
pub struct Registration {
    pub text: String,
    pub caller_name: String,
    pub caller_phone: String,
    pub caller_identity: String,
    pub input: Input,
}

/// Opens a case for a citizen's report (T2) and sends the task to verify it to the person on duty in the cell. A
/// repeated request with the same name returns the first one's case.
pub fn register(
    tx: &mut Tx<'_>,
    ctx: &mut Ctx,
    app: &App,
    by: &Actor<'_>,
    registration: &Registration,
) -> Result<CaseView, Failure> {
    let input = &registration.input;
    let row = case::creates(Action::Register).ok_or_else(|| Failure::internal("the table has no T2"))?;
    let To::State(state) = row.to else {
        return Err(Failure::internal("T2 leads to no state"));
    };
    if let Some((done, _)) = was_done(tx, input, None, row.action)? {
        let file = CaseFile::load(tx, done)?;
        authorise(&file, row.action, row.by, by)?;
        // A different report under a used request name must not be lost.
        let phone = view::caller(tx, done)?.map_or(String::new(), |(_, phone, _)| phone);
        // Numbers may have been moved from the text to the caller since.
        if mask::bare(&file.text) != mask::bare(registration.text.trim())
            || !begins_with(&phone, registration.caller_phone.trim())
        {
            return Err(Failure::fields(ProblemCode::Invalid, vec![reused()]));
        }
        return view::of(tx, app, file, by);
    }
    let id = ctx.case_id();
    let mut file = CaseFile::open(Opening {
        id,
        number: receipt_number(EntryId(id.0)),
        source: CaseSource::Citizen,
        state,
        reported: ctx.now,
        now: ctx.now,
    });
    registration.text.trim().clone_into(&mut file.text);
    let mut facts = input.facts.clone();
    apply::put(tx, app, &mut file, row, by, input, &mut facts)?;
    apply::check(tx, &file, row.guards, input)?;
    let role = authorise(&file, row.action, row.by, by)?;
    file.insert(tx, ctx)?;
    tx.run(
        "INSERT INTO case_caller (case_id, name, phone, id_number) VALUES (?1, ?2, ?3, ?4)",
        params![
            file.id.to_string(),
            registration.caller_name.trim(),
            registration.caller_phone.trim(),
            registration.caller_identity.trim()
        ],
    )?;
    apply::effects(tx, ctx, app, &mut file, row, by, input, &mut facts)?;
    apply::record(
        tx,
        ctx,
        &mut file,
        NewEvent {
            transition: Some(row.id),
            action: row.action.as_str(),
            from: None,
            by,
            role: Some(role),
            input,
            facts,
        },
    )?;
    file.update(tx, ctx)?;
    view::of(tx, app, file, by)
}

/// True if `given` is the phone that was registered; numbers moved from the text to the caller stand behind it.
fn begins_with(kept: &str, given: &str) -> bool {
    kept.strip_prefix(given)
        .is_some_and(|more| more.is_empty() || more.starts_with('、'))
}
