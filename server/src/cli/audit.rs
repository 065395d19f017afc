//! `xunge-server audit log`: who did what.

use super::data_location::DataLocation;
use crate::{
    app::ctx::Ctx,
    audit::log::{self, AuditLine, AuditQuery, AuditScope},
    kernel::{
        clock::{MachineClock, ServerClock as _, SystemRandomSource},
        failure::Failure,
    },
    service::run,
};
use anyhow::{Context, Result};
use clap::Args;
use protocol::{
    ids::PersonId,
    text::{for_terminal, json_for_terminal},
    time::Millis,
};
use std::process::ExitCode;

#[derive(Debug, Args)]
pub struct Log {
    #[command(flatten)]
    place: DataLocation,
    /// From this time on: 2026-11-29 or 2026-11-29T08:00 (China time)
    #[arg(long)]
    from: Option<String>,
    /// Before this time
    #[arg(long)]
    to: Option<String>,
    /// A kind such as case.caller_view, or a group such as session
    #[arg(long)]
    kind: Option<String>,
    /// Id of the person who acted
    #[arg(long)]
    person: Option<PersonId>,
    /// The object, as case:ID or as its id alone
    #[arg(long)]
    object: Option<String>,
    #[arg(long)]
    json: bool,
}

impl Log {
    pub async fn run(self) -> Result<ExitCode> {
        let time = |text: &Option<String>| text.as_deref().map(instant).transpose();
        let mut query = AuditQuery {
            from: time(&self.from)?,
            to: time(&self.to)?,
            kind: self.kind.clone(),
            person: self.person.map(|id| id.to_string()),
            object: self.object.clone(),
            after: None,
            limit: Some(200),
        };
        let opened = run::open_city(&self.place.options()?).await?;
        let now = MachineClock.now();
        let read = loop {
            let asked = query.clone();
            let seed = SystemRandomSource::bytes();
            let page = opened
                .store
                .write(move |tx| {
                    let mut ctx = Ctx::new(now, seed);
                    log::read(tx, &mut ctx, None, &AuditScope::All, &asked)
                })
                .await;
            let page = match page {
                Ok(page) => page,
                Err(failure) => break Err::<(), Failure>(failure),
            };
            for one in &page.items {
                println!("{}", self.line(one)?);
            }
            match page.next {
                Some(next) => query.after = Some(next),
                None => break Ok(()),
            }
        };
        opened.store.close().await;
        read?;
        Ok(ExitCode::SUCCESS)
    }

    fn line(&self, one: &AuditLine) -> Result<String> {
        if self.json {
            return Ok(json_for_terminal(&serde_json::to_string(one)?));
        }
        let person = match (&one.person, &one.person_name) {
            (Some(id), Some(name)) => format!("{name}（{id}）"),
            (Some(id), None) => id.to_string(),
            (None, _) if one.by_machine => "本机".to_owned(),
            (None, _) => "—".to_owned(),
        };
        let line = format!(
            "{}\t{person}\t{}\t{}\t{}",
            one.at.civil().strftime("%Y-%m-%d %H:%M:%S"),
            one.kind,
            one.object,
            one.detail
        );
        // Names and reasons are texts of other people.
        Ok(for_terminal(&line))
    }
}

/// Reads a day or a time of day in China as Unix milliseconds.
fn instant(text: &str) -> Result<i64> {
    let text = if text.contains('T') {
        text.to_owned()
    } else {
        format!("{text}T00:00")
    };
    let civil: jiff::civil::DateTime = text.parse().with_context(|| text.clone())?;
    let zoned = civil.to_zoned(jiff::tz::TimeZone::fixed(jiff::tz::offset(8)))?;
    Ok(Millis(zoned.timestamp().as_millisecond()).0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn day_begins_at_midnight_in_china() {
        assert_eq!(instant("2026-11-23").unwrap(), 1_795_395_600_000 - 9 * 3_600_000);
        assert_eq!(instant("2026-11-23T09:00").unwrap(), 1_795_395_600_000);
        assert!(instant("yesterday").is_err());
    }
}
