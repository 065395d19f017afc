//! Adds the changes of the figures up ([`super::tally`]).

use super::{state::App, tally};
use crate::{kernel::failure::Failure, params};

/// Adds the changes up; returns how many figures changed. Called by the job on one replica at a time.
pub async fn fold(app: &App) -> Result<usize, Failure> {
    // A read first: a run without work must not occupy the only writer.
    let found = app
        .read(|tx| {
            Ok(tx.opt("SELECT n FROM tally_change LIMIT 1", params![], |row| {
                row.get::<i64>("n")
            })?)
        })
        .await?;
    if found.is_none() {
        return Ok(0);
    }
    app.write(|tx, _| {
        let figures = tally::changes(tx)?;
        // Those that this transaction sees and has added up; later ones stay.
        tx.execute("DELETE FROM tally_change", params![])?;
        for ((what, place, state), n) in &figures {
            tx.execute(
                "INSERT INTO tally (what, place, state, n) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (what, place, state) DO UPDATE SET n = tally.n + excluded.n",
                params![what.as_str(), place, state, *n],
            )?;
        }
        Ok(figures.len())
    })
    .await
}
