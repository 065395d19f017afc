//! Wrong behaviour of this room for planted defects (`protocol::sabotage`), kept out of the functions that it would
//! spoil. Without the feature `sabotage` nothing of this file runs.

use super::ctx::Ctx;
use crate::{
    kernel::failure::Failure,
    store::{database::Store, tx::Tx},
};

/// `Defect::MailAfterCommit`: commits a write, then writes its mail in a second transaction.
pub(super) async fn mail_after_commit<T: Send + 'static>(
    store: &Store,
    write: impl FnMut(&mut Tx<'_>) -> Result<(T, Ctx), Failure> + Send + 'static,
) -> Result<T, Failure> {
    let (answer, ctx) = store.write(write).await?;
    store.write(move |tx| ctx.clone().finish(tx)).await?;
    Ok(answer)
}
