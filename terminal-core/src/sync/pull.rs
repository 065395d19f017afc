//! Pulls the mailboxes page by page from the saved cursor to the end.

use crate::{
    Result,
    store::{
        database::HandsetStore,
        retry::{Retry, SyncStep},
    },
    sync::{
        failure::{SyncFailure, classify, read_answer},
        report::SyncProgress,
        state::Sync,
        step::{NextAction, PendingRequest, StepOutcome},
    },
    transport::request::Method,
};
use protocol::{feed::PullAnswer, time::Millis};

/// Pages in a row that may be void (cursor moved, new epoch) before the pull waits.
const AGAIN: u32 = 4;
/// Pages of one pull: more than the history of any post. A server that has ever more is broken; the pull waits, and goes on
/// from its cursor later.
const MOST_PAGES: u32 = 1000;
/// The same for pages that bring less than one row each.
const MOST_EMPTY: u32 = 20;

impl Sync {
    pub(super) fn pull_action(
        &mut self,
        store: &HandsetStore,
        now: Millis,
    ) -> Result<Option<(PendingRequest, NextAction)>> {
        if !self.pull_due || store.step(SyncStep::Pull)?.wait_until(now).is_some() {
            return Ok(None);
        }
        let cursor = store.cursor()?;
        let request = self.request(Method::Get, &format!("pull?cursor={}", escaped(&cursor)));
        Ok(Some((PendingRequest::Pull { cursor }, NextAction::Send(request))))
    }

    pub(super) fn pull_answer(
        &mut self,
        store: &HandsetStore,
        now: Millis,
        cursor: &str,
        outcome: StepOutcome,
    ) -> Result<()> {
        let answer: PullAnswer = match classify(outcome).and_then(|r| read_answer(&r.body, "pull")) {
            Ok(answer) => answer,
            Err(failure) => return self.step_failed(store, now, SyncStep::Pull, &failure),
        };
        let taken = store.apply_pull(cursor, &answer)?;
        if self.epoch.as_deref() != Some(answer.epoch.as_str()) {
            self.see_epoch(store, &answer.epoch)?;
            self.session.renew();
        }
        if !taken {
            self.pulls_again += 1;
            if self.pulls_again > AGAIN {
                let failure = SyncFailure::foreign("the epoch changes with every answer");
                return self.step_failed(store, now, SyncStep::Pull, &failure);
            }
            return Ok(());
        }
        self.pulls_again = 0;
        let rows = u64::try_from(answer.rows.len()).unwrap_or(0);
        self.report.rows_pulled += rows;
        if rows > 0 {
            self.events.push(SyncProgress::Pulled { rows });
        }
        // `more` without a new cursor would loop forever.
        self.pull_due = answer.more && answer.cursor != cursor;
        self.pull_pages = if self.pull_due { self.pull_pages + 1 } else { 0 };
        let is_empty = self.report.rows_pulled < u64::from(self.pull_pages);
        if self.pull_pages >= MOST_PAGES || (self.pull_pages >= MOST_EMPTY && is_empty) {
            self.pull_pages = 0;
            let failure = SyncFailure::foreign("the pull never ends");
            return self.step_failed(store, now, SyncStep::Pull, &failure);
        }
        self.report.pulled = !self.pull_due;
        if store.step(SyncStep::Pull)?.attempts > 0 {
            store.set_step(SyncStep::Pull, &Retry::default())?;
        }
        self.well(store)
    }
}

/// Percent-encodes a query value.
fn escaped(text: &str) -> String {
    use std::fmt::Write as _;
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            _ => {
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_cursor_is_percent_encoded_in_the_query() {
        assert_eq!(
            super::escaped("e1:12/3 &=%中"),
            "e1%3A12%2F3%20%26%3D%25%E4%B8%AD"
        );
    }
}
