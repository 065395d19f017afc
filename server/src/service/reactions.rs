//! What follows a change, for every change there is: one exhaustive match, so that a new change cannot be said
//! without somebody deciding what follows from it.
//!
//! Called by [`App::follow`] inside the transaction of the write that said the change. A reaction that fails undoes
//! that write, or the attempt around it (an entry of a push goes on as `pending` or `rejected`, alone); one that must
//! not do so runs in an attempt of its own here.
//!
//! [`App::follow`]: crate::app::state::App

use crate::{
    app::{changes::Change, ctx::Ctx, state::App},
    auth::field_tokens,
    cases::reports,
    duty::presence,
    kernel::failure::Failure,
    store::tx::Tx,
    tasks::assign,
    terminals::streams,
};
use protocol::ids::EntryId;

/// Follows one change.
pub fn follow(tx: &mut Tx<'_>, ctx: &mut Ctx, app: &App, change: Change) -> Result<(), Failure> {
    match change {
        // Its tasks find whoever is right now.
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
        Change::PhotoHeld { entry } => {
            photo_held(tx, ctx, app, entry);
            Ok(())
        }
    }
}

/// The report's author sees the new count. What goes wrong in the case's room does not touch the photo.
fn photo_held(tx: &mut Tx<'_>, ctx: &mut Ctx, app: &App, entry: EntryId) {
    let renewed = app.attempt(tx, ctx, |tx, ctx| reports::photos_changed(tx, ctx, app, entry));
    if let Err(failure) = renewed {
        tracing::error!(%entry, %failure, "the count of photos was not renewed");
    }
}
