//! One sync on request, and data use.

use crate::{
    Error, Result,
    lifecycle::salvage,
    platform::surroundings::Surroundings,
    store::{
        data_use::{PlanMonth, TrafficUse},
        quarantine::quarantined_databases,
    },
    sync::{
        data_policy::{DeviceConditions, SyncTrigger},
        driver::Driver,
        report::{Progress, SyncReport},
        run_policy::{HeldBack, Policy},
    },
    terminal::Terminal,
    transport::{cancel::CancelToken, exchange::Transport, https::Https},
};
use std::sync::{Arc, MutexGuard, PoisonError};

/// Data use of this month, and the budget (SP-12).
#[derive(Debug, Clone)]
pub struct DataUse {
    pub month: PlanMonth,
    pub used: Vec<TrafficUse>,
    /// Metered bytes, sent and received; these count towards the budget.
    pub metered: u64,
    pub budget: Option<u64>,
}

impl Terminal {
    /// Decides what may be sent now.
    ///
    /// # Errors
    /// Errors of the store.
    pub fn policy(&self, now: DeviceConditions, ask: SyncTrigger) -> Result<Policy> {
        let used = self.store().metered_bytes(&PlanMonth::of(self.now()?))?;
        Ok(self.store().network_settings()?.policy(now, used, ask))
    }
    /// Data use of the current month.
    ///
    /// # Errors
    /// Errors of the store.
    pub fn data_use(&self) -> Result<DataUse> {
        let month = PlanMonth::of(self.now()?);
        Ok(DataUse {
            used: self.store().traffic(&month)?,
            metered: self.store().metered_bytes(&month)?,
            budget: self.store().network_settings()?.budget(),
            month,
        })
    }
    /// Syncs once, within settings, network, battery and budget.
    ///
    /// # Errors
    /// As [`Terminal::sync`].
    pub fn sync_now(
        &self,
        around: &dyn Surroundings,
        ask: SyncTrigger,
        cancel: &CancelToken,
        listener: &mut dyn FnMut(Progress),
    ) -> Result<SyncReport> {
        self.sync(self.policy(circumstances(around), ask)?, cancel, listener)
    }
    /// Sends waiting items and fetches tasks, dispositions and reference files, on the caller's thread, until
    /// nothing is left to do or the next step has to wait. The report says what was done and what is left.
    ///
    /// # Errors
    /// `sync.off`, `sync.running`, `call.cancelled`, `network.address`, and errors of disk and keys. Failures
    /// of network and server are no errors: the report and the items contain them.
    pub fn sync(
        &self,
        policy: Policy,
        cancel: &CancelToken,
        listener: &mut dyn FnMut(Progress),
    ) -> Result<SyncReport> {
        let call = self.begin(cancel)?;
        let transport = self.https()?;
        self.sync_over(transport.as_ref(), policy, &call.cancel, listener)
    }
    /// As [`Terminal::sync`], over the caller's transport.
    ///
    /// # Errors
    /// As [`Terminal::sync`].
    pub fn sync_over(
        &self,
        transport: &dyn Transport,
        policy: Policy,
        cancel: &CancelToken,
        listener: &mut dyn FnMut(Progress),
    ) -> Result<SyncReport> {
        let call = self.begin(cancel)?;
        let platform = self.platform();
        self.hand_salvaged_over(transport);
        let driver = Driver {
            transport,
            photos: self.photo_folder().as_ref(),
            clock: platform.clock.as_ref(),
            random: Arc::clone(&platform.random),
            signer: platform.keystore.signer(self.account().stream)?,
        };
        let report = driver.run_on(
            self.store(),
            policy,
            &call.cancel,
            &self.network().memory,
            listener,
        )?;
        if let Some(https) = self.kept_https().as_ref() {
            https.trust(&self.store().account()?.pins);
        }
        if report.is_success() {
            self.forget_old()?;
        }
        if let Some(done) = &report.handed_over {
            self.wipe(done)?;
        }
        Ok(report)
    }
    /// Hands quarantined databases over before the sync. A failure is logged, does not stop the sync, and is
    /// tried again with the next one.
    fn hand_salvaged_over(&self, transport: &dyn Transport) {
        let (home, platform) = (self.store().home(), self.platform());
        let all = quarantined_databases(home, platform.disk.as_ref()).unwrap_or_default();
        for aside in all {
            let done = salvage::read(home, platform, &aside).and_then(|saved| {
                if saved.account()?.server != self.account().server {
                    return Err(Error::Data("the database belongs to another server".into()));
                }
                saved.deliver(home, platform, transport)
            });
            match done {
                Ok(report) => tracing::info!(entries = report.entries, "a damaged database was handed over"),
                Err(error) => tracing::warn!(code = %error.code(), "salvage failed, to be tried again"),
            }
        }
    }
    fn kept_https(&self) -> MutexGuard<'_, Option<Arc<Https>>> {
        self.network()
            .https
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
    pub(super) fn https(&self) -> Result<Arc<Https>> {
        let mut kept = self.kept_https();
        // Read again from the store: another process may have stored new pins since the home was opened.
        let account = self.store().account()?;
        if let Some(https) = kept.as_ref() {
            https.trust(&account.pins);
            https.after_a_rest();
            return Ok(Arc::clone(https));
        }
        let https = Arc::new(Https::new(&account.server, &account.pins).map_err(|error| error.reason())?);
        *kept = Some(Arc::clone(&https));
        Ok(https)
    }
}

pub(super) fn circumstances(around: &dyn Surroundings) -> DeviceConditions {
    DeviceConditions {
        network: around.connectivity(),
        power: around.power(),
    }
}

/// Why photos and files, or everything, would have to wait now.
///
/// # Errors
/// Errors of the store.
pub fn held(terminal: &Terminal, around: &dyn Surroundings) -> Result<Option<HeldBack>> {
    Ok(terminal.policy(circumstances(around), SyncTrigger::Person)?.held)
}
