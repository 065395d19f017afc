//! The working calendar in force: the shipped years, and those that the operator imported since (SJ-10).

use super::{audit, ctx::Ctx};
use crate::{
    kernel::failure::Failure,
    params,
    store::{database::Store, error::StoreError, tx::Tx},
};
use protocol::calendar::{BadCalendar, Calendar};
use std::sync::{Arc, PoisonError, RwLock};

/// The calendar in force; replaced as a whole when years were imported. Cloning is cheap.
#[derive(Clone)]
pub struct Calendars(Arc<RwLock<Arc<Calendar>>>);

impl Calendars {
    /// The shipped calendar; [`Self::renew`] loads what was imported.
    ///
    /// # Errors
    /// The shipped file is damaged.
    pub fn shipped() -> Result<Self, BadCalendar> {
        Ok(Self(Arc::new(RwLock::new(Arc::new(Calendar::shipped()?)))))
    }

    pub fn now(&self) -> Arc<Calendar> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Loads the years that were imported since the last call, on any replica. Returns true if there were any.
    pub async fn renew(&self, store: &Store) -> Result<bool, Failure> {
        let bodies = store.read(imported).await?;
        let mut calendar = Calendar::shipped().map_err(Failure::internal)?;
        for body in bodies {
            calendar.take_years(&Calendar::from_json(&body).map_err(Failure::internal)?);
        }
        if calendar == *self.now() {
            return Ok(false);
        }
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(calendar);
        Ok(true)
    }
}

fn imported(tx: &mut Tx<'_>) -> Result<Vec<String>, StoreError> {
    tx.all("SELECT body FROM calendar_year ORDER BY year", params![], |row| {
        row.get("body")
    })
}

/// Stores the years of a calendar, in place of earlier imports of the same years, and returns their names. Every replica
/// uses them within 10 s.
pub fn import(tx: &mut Tx<'_>, ctx: &mut Ctx, calendar: &Calendar) -> Result<Vec<String>, Failure> {
    let mut names = Vec::new();
    for (name, year) in calendar.single_years() {
        tx.execute(
            "INSERT INTO calendar_year (year, body, imported) VALUES (?1, ?2, ?3)
             ON CONFLICT (year) DO UPDATE SET body = excluded.body, imported = excluded.imported",
            params![&name, serde_json::to_string(&year)?, ctx.now.0],
        )?;
        names.push(name);
    }
    audit::note_machine(tx, ctx, "calendar.import", "calendar", &names.join(" "))?;
    Ok(names)
}
