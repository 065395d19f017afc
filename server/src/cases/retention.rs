//! Rows of closed cases in the mailboxes of their authors.

use crate::{
    app::{history, state::App},
    kernel::failure::Failure,
    params,
    store::{error::StoreError, tx::Tx},
};
use protocol::{case::CaseState, feed::kind, time::Millis};

/// Ends the rows of cases that were closed, not filed or withdrawn, and returns how many. An open case keeps its row,
/// whatever its age.
pub async fn sweep(app: &App) -> Result<usize, Failure> {
    history::end_old_rows(app, kind::CASE, closed).await
}

fn closed(tx: &mut Tx<'_>, before: Millis, most: u32) -> Result<Vec<history::HistoryEntry>, StoreError> {
    let finals: Vec<String> = CaseState::ALL
        .iter()
        .filter(|state| state.is_final())
        .map(|state| format!("'{}'", state.as_str()))
        .collect();
    let sql = format!(
        "SELECT f.reporter, f.id FROM mailbox_row r
         JOIN case_file f ON f.id = r.entity AND r.mailbox = 'author:' || f.reporter
         WHERE r.kind = 'case' AND r.body IS NOT NULL AND r.at < ?1 AND f.state IN ({})
         ORDER BY r.at, f.id LIMIT ?2",
        finals.join(", ")
    );
    tx.all(&sql, params![before.0, i64::from(most)], |row| {
        Ok((row.parse("reporter")?, row.get("id")?))
    })
}
