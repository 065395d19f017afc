//! `xunge-server calendar …`: the holidays and make-up days of a year.

use super::data_location::DataLocation;
use crate::{
    app::{calendars, ctx::Ctx},
    kernel::clock::{MachineClock, ServerClock as _, SystemRandomSource},
    service::run,
    store::database::Store,
};
use anyhow::{Context as _, Result};
use clap::Subcommand;
use protocol::calendar::Calendar;
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(super) enum CalendarTool {
    /// 导入一年的节假日和调休日 / Import the holidays and make-up working days of a year; a running server uses them at once
    Import {
        #[command(flatten)]
        place: DataLocation,
        /// JSON `{"years": {"2027": {"holidays": [...], "makeup_workdays": [...]}}}`, or CSV with a line for each day:
        /// `2027-01-01,holiday` or `2027-01-03,workday`
        file: PathBuf,
    },
}

/// Imports a calendar file, JSON or CSV, and returns the years in it.
pub async fn import_calendar(store: &Store, text: &str) -> Result<Vec<String>> {
    let calendar = match text.trim_start().starts_with('{') {
        true => Calendar::from_json(text)?,
        false => Calendar::from_csv(text)?,
    };
    calendar.check_for_import()?;
    let seed = SystemRandomSource::bytes();
    let start = Ctx::new(MachineClock.now(), seed);
    let names = store
        .write(move |tx| calendars::import(tx, &mut start.clone(), &calendar))
        .await?;
    Ok(names)
}

impl CalendarTool {
    pub(super) async fn run(self) -> Result<()> {
        let Self::Import { place, file } = self;
        let text = std::fs::read_to_string(&file).with_context(|| file.display().to_string())?;
        let opened = run::open_city(&place.options()?).await?;
        let names = import_calendar(&opened.store, &text).await;
        opened.store.close().await;
        println!(
            "已导入工作日历 / calendar imported：{}。暂定的办理时限将自动重算 / provisional deadlines are computed again",
            names?.join("、")
        );
        Ok(())
    }
}
