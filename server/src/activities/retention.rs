//! Rows of approved activity records in the mailboxes of their authors.

use super::rules::Standing;
use crate::{
    app::{history, state::App},
    kernel::failure::Failure,
    params,
    store::{error::StoreError, tx::Tx},
};
use protocol::{feed::kind, time::Millis};

/// Ends the rows of approved records, and returns how many. A returned record still needs its author and keeps its
/// row, like one that waits for its review.
pub async fn sweep(app: &App) -> Result<usize, Failure> {
    history::end_old_rows(app, kind::ACTIVITY, approved).await
}

fn approved(tx: &mut Tx<'_>, before: Millis, most: u32) -> Result<Vec<history::HistoryEntry>, StoreError> {
    tx.all(
        "SELECT a.author, a.record FROM mailbox_row r
         JOIN activity a ON a.record = r.entity AND r.mailbox = 'author:' || a.author
         WHERE r.kind = 'activity' AND r.body IS NOT NULL AND r.at < ?1 AND a.state = ?3
         ORDER BY r.at, a.record LIMIT ?2",
        params![before.0, i64::from(most), Standing::Approved.as_str()],
        |row| Ok((row.parse("author")?, row.get("record")?)),
    )
}
