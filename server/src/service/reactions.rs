//! Reactions to changes: one exhaustive match, so that a new kind of change does not compile without a decision.
//!
//! Called by [`App::follow`] inside the transaction of the write that reported the change. A reaction that fails rolls
//! back that write, or the attempt around it (then one entry of a push becomes `pending` or `rejected`). A reaction that
//! must not do so runs in a separate attempt here.
//!
//! [`App::follow`]: crate::app::state::App

use crate::{
    app::{changes::Change, ctx::Ctx, state::App},
    auth::field_tokens,
    cases::reports,
    duty::presence,
    intake::photo_doubts,
    kernel::failure::Failure,
    store::tx::Tx,
    tasks::{assign, task},
    terminals::streams,
};
use protocol::ids::EntryId;

/// Runs the reactions to one change.
pub fn follow(tx: &mut Tx<'_>, ctx: &mut Ctx, app: &App, change: Change) -> Result<(), Failure> {
    match change {
        // Its tasks are assigned again to the people on duty now.
        Change::PostChanged { post } | Change::DutyChanged { post } => {
            assign::resolve_for_post(tx, ctx, post)
        }
        Change::HolderRelieved { post, person } => presence::relieved(tx, ctx, post, person),
        Change::PersonDisabled { person } => {
            for stream in field_tokens::active_streams(tx, person)? {
                streams::revoke(tx, stream, ctx.now)?;
            }
            presence::end(tx, ctx, person)
        }
        Change::StreamRevoked { stream } => presence::stream_revoked(tx, ctx, stream),
        Change::EntryTime {
            entry,
            author,
            was,
            at,
        } => {
            presence::time_corrected(tx, ctx, author, was, at)?;
            task::time_corrected(tx, entry, at)?;
            reports::time_corrected(tx, ctx, entry, was, at)
        }
        Change::PhotoHeld { entry } => {
            photo_held(tx, ctx, app, entry);
            Ok(())
        }
        Change::PhotoDoubted { entry } => {
            photo_doubts::note_reuse(tx, entry)?;
            reports::photo_doubted(tx, entry)
        }
    }
}

/// Updates the photo count that the author of the report sees. A failure of the case's room does not affect the photo.
fn photo_held(tx: &mut Tx<'_>, ctx: &mut Ctx, app: &App, entry: EntryId) {
    let renewed = app.attempt(tx, ctx, |tx, ctx| reports::photos_changed(tx, ctx, app, entry));
    if let Err(failure) = renewed {
        tracing::error!(%entry, %failure, "the count of photos was not renewed");
    }
}
