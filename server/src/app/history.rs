//! How long the history of an author stays in the author's mailbox: rows of closed records become tombstones after
//! [`Settings::history_months`](crate::kernel::config::Settings::history_months). The records themselves stay.

use super::{mailbox::MailboxId, state::App};
use crate::{
    kernel::failure::Failure,
    store::{error::StoreError, tx::Tx},
};
use protocol::{ids::PersonId, time::Millis};

/// Rows that one run ends at most, so that it occupies the only writer shortly.
const ENDED_AT_ONCE: u32 = 200;

/// The author and the entity of a mailbox row.
pub type HistoryEntry = (PersonId, String);

/// Finds rows of closed records whose last change was before this time, oldest first, up to a number.
pub type FindClosed = fn(&mut Tx<'_>, Millis, u32) -> Result<Vec<HistoryEntry>, StoreError>;

/// Ends the rows of one kind that `find` returns, and returns how many. Does nothing if `history_months` is 0.
pub async fn end_old_rows(app: &App, kind: &'static str, find: FindClosed) -> Result<usize, Failure> {
    let months = app.settings.history_months;
    let before = match months {
        0 => None,
        months => app.clock.now().months_before(months),
    };
    let Some(before) = before else {
        return Ok(0);
    };
    // A read first: a run without work must not occupy the only writer.
    let found = app
        .read(move |tx| Ok(find(tx, before, ENDED_AT_ONCE)?.len()))
        .await?;
    if found == 0 {
        return Ok(0);
    }
    app.write(move |tx, ctx| {
        let rows = find(tx, before, ENDED_AT_ONCE)?;
        for (author, entity) in &rows {
            ctx.mail.remove(MailboxId::Author(*author), kind, entity);
        }
        Ok(rows.len())
    })
    .await
}
