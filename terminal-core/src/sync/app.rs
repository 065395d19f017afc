//! The package of a newer app: fetched last, in parts, and only where traffic costs nothing.

use crate::{
    Result,
    store::{
        app_file::WantedApp,
        database::HandsetStore,
        retry::{Retry, SyncStep},
    },
    sync::{
        failure::{FailureKind, SyncFailure, classify, failure},
        files::part,
        state::Sync,
        step::{NextAction, PendingRequest, StepOutcome},
    },
};
use protocol::{problem::HandsetCode, time::Millis};

impl Sync {
    pub(super) fn app_action(
        &self,
        store: &HandsetStore,
        now: Millis,
    ) -> Result<Option<(PendingRequest, NextAction)>> {
        if !self.policy.app || !self.policy.files || self.policy.cost.is_metered() {
            return Ok(None);
        }
        let Some(wanted) = store.wanted_app()? else {
            return Ok(None);
        };
        if store.step(SyncStep::App)?.wait_until(now).is_some() {
            return Ok(None);
        }
        let request = self.part_request(wanted.release.sha256, wanted.have, wanted.release.size);
        Ok(Some((PendingRequest::App(wanted), NextAction::Send(request))))
    }

    pub(super) fn app_answer(
        &mut self,
        store: &HandsetStore,
        now: Millis,
        wanted: &WantedApp,
        outcome: StepOutcome,
    ) -> Result<()> {
        let part = classify(outcome).and_then(|response| part(response, wanted.have, wanted.release.size));
        let bytes = match part {
            Ok(bytes) => bytes,
            Err(failure) => {
                self.adapt_part(false);
                return self.step_failed(store, now, SyncStep::App, &failure);
            }
        };
        let is_stored = match store.add_app_part(wanted, &bytes) {
            Ok(is_stored) => is_stored,
            // A full disk, most likely. The reports of the next sync do not depend on it.
            Err(error) => {
                let failure = SyncFailure {
                    kind: FailureKind::Transient { retry_after_ms: None },
                    reason: error.reason(),
                };
                return self.step_failed(store, now, SyncStep::App, &failure);
            }
        };
        if !is_stored {
            let failure = failure(
                FailureKind::Transient { retry_after_ms: None },
                HandsetCode::FileHashMismatch,
                "新版应用的安装包与清单不符，将重新下载",
                "the package of the newer app does not match the list; it will be downloaded again",
            );
            return self.step_failed(store, now, SyncStep::App, &failure);
        }
        self.adapt_part(true);
        if store.step(SyncStep::App)?.attempts > 0 {
            store.set_step(SyncStep::App, &Retry::default())?;
        }
        self.well(store)
    }
}
