//! Compares the outbox with the server's stream mark.

use crate::{
    Result,
    store::{
        database::HandsetStore,
        settings,
        sql::{from_json, int, run, to_json, uint},
        submit::{next_n, set_next_n},
    },
};
use protocol::{
    entry::Reason,
    problem::HandsetCode,
    push::StreamMark,
    sabotage::{self, Defect},
};
use rusqlite::params;

impl HandsetStore {
    /// Compares with what the server says it holds. Items that were received and that the server lacks after
    /// a restore wait again, with their photos. Returns how many.
    pub(crate) fn check_mark(&self, mark: &StreamMark) -> Result<usize> {
        let lacks = Reason::new(
            HandsetCode::ServerRestored,
            "服务器从备份恢复，缺少此条，将重新发送",
            "the server was restored from a backup and does not have this item; it will be sent again",
        );
        self.write(|tx| {
            settings::set(tx, settings::keys::MARK, &to_json(mark)?)?;
            // After the store was restored from an older copy, no number may be given out twice.
            if mark.highest >= next_n(tx)? && !sabotage::is(Defect::SeriesReusedAfterRestore) {
                set_next_n(tx, mark.highest.saturating_add(1))?;
            }
            let mut lost = Vec::new();
            {
                let mut statement =
                    tx.prepare_cached("SELECT id, n FROM item WHERE custody = 'received' AND n > ?1")?;
                let mut rows = statement.query([int(mark.upto)?])?;
                while let Some(row) = rows.next()? {
                    if !holds(mark, uint(row.get(1)?)?) {
                        lost.push(row.get::<_, String>(0)?);
                    }
                }
            }
            lost.retain(|_| !sabotage::is(Defect::MarkIgnored));
            let reason = to_json(&lacks)?;
            for id in &lost {
                run(
                    tx,
                    "UPDATE item SET custody = 'waiting', received_at = NULL, problem_json = ?2 WHERE id = ?1",
                    params![id, reason],
                )?;
                run(
                    tx,
                    "UPDATE photo SET custody = 'waiting', received_at = NULL, sent = 0 WHERE item = ?1",
                    [id],
                )?;
            }
            Ok(lost.len())
        })
    }
    /// The last stream mark of the server.
    pub fn mark(&self) -> Result<Option<StreamMark>> {
        self.read(|c| {
            settings::get(c, settings::keys::MARK)?
                .map(|text| from_json(&text))
                .transpose()
        })
    }
}

/// Returns true if the mark says that the server holds number `n`. The list of holes ends after 100; beyond
/// it the answer is false, because sending again is harmless.
pub(crate) fn holds(mark: &StreamMark, n: u64) -> bool {
    if n <= mark.upto {
        return true;
    }
    if n > mark.highest || mark.holes.iter().any(|(from, to)| (*from..=*to).contains(&n)) {
        return false;
    }
    mark.holes.len() < 100 || mark.holes.last().is_some_and(|(_, to)| n <= *to)
}
