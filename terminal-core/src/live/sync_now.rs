//! One sync on request, and data use.

use crate::{
    Error, Result,
    lifecycle::salvage,
    platform::surroundings::Surroundings,
    store::{
        data_use::{PlanMonth, TrafficUse},
        network_settings::NetworkSettings,
        quarantine::quarantined_databases,
    },
    sync::{
        data_policy::{DeviceConditions, SyncTrigger},
        driver::Driver,
        live_policy::{Guide, LiveGuide, Spent},
        report::{SyncProgress, SyncReport},
        run_policy::{HeldBack, Policy},
        running::{Begun, RunningSync},
    },
    terminal::Terminal,
    transport::{cancel::CancelToken, exchange::Transport, https::Https, nudge::NudgeReason},
    words::{self, Lang},
};
use protocol::entry::Reason;
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

impl DataUse {
    /// The budget is used up: photos wait for Wi-Fi or the next month.
    pub fn is_used_up(&self) -> bool {
        self.budget.is_some_and(|all| self.metered >= all)
    }
    /// The budget in one line.
    pub fn words(&self, lang: Lang) -> String {
        let used = words::bytes(self.metered);
        let Some(all) = self.budget else {
            return lang.pick(
                format!("本月计费流量 {used}，未设额度"),
                format!("{used} used on metered networks this month; no budget set"),
            );
        };
        let budget = words::bytes(all);
        if self.is_used_up() {
            return lang.pick(
                format!("本月计费流量 {used}，额度 {budget} 已用完：照片等待 Wi-Fi 或下个月，文字内容照常发送"),
                format!("{used} used on metered networks this month; the budget of {budget} is used up: photos wait for Wi-Fi or the next month, entries are sent as usual"),
            );
        }
        let left = words::bytes(all.saturating_sub(self.metered));
        lang.pick(
            format!("本月计费流量 {used} / {budget}，还剩 {left}"),
            format!("{used} of {budget} used on metered networks this month; {left} left"),
        )
    }
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
    /// Stores the worker's settings for the network, and lets a running watch look at them at once.
    ///
    /// # Errors
    /// Errors of the store.
    pub fn set_network_settings(&self, settings: &NetworkSettings) -> Result<()> {
        self.store().set_network_settings(settings)?;
        self.nudge(NudgeReason::Changed);
        Ok(())
    }
    /// Syncs once, within settings, network, battery and budget, which are looked at before every action. If a
    /// sync runs in this process already, joins it: raises what it may do to `ask`, passes its progress on and
    /// returns its report.
    ///
    /// # Errors
    /// As [`Terminal::sync`]; `sync.running` only if another process syncs.
    pub fn sync_now(
        &self,
        around: &dyn Surroundings,
        ask: SyncTrigger,
        cancel: &CancelToken,
        listener: &mut dyn FnMut(SyncProgress),
    ) -> Result<SyncReport> {
        let transport = self.https()?;
        self.sync_now_over(transport.as_ref(), around, ask, cancel, listener)
    }
    /// As [`Terminal::sync_now`], over the caller's transport.
    ///
    /// # Errors
    /// As [`Terminal::sync_now`].
    pub fn sync_now_over(
        &self,
        transport: &dyn Transport,
        around: &dyn Surroundings,
        ask: SyncTrigger,
        cancel: &CancelToken,
        listener: &mut dyn FnMut(SyncProgress),
    ) -> Result<SyncReport> {
        self.sync_live(transport, around, (ask, false), cancel, listener)
    }
    /// As [`Terminal::sync_now_over`]. `manual`: the handset's own waits end, whoever asked.
    pub(super) fn sync_live(
        &self,
        transport: &dyn Transport,
        around: &dyn Surroundings,
        (ask, manual): (SyncTrigger, bool),
        cancel: &CancelToken,
        listener: &mut dyn FnMut(SyncProgress),
    ) -> Result<SyncReport> {
        let call = self.begin(cancel)?;
        let cancel = &call.cancel;
        loop {
            if cancel.is_cancelled() {
                return Err(Error::Cancelled);
            }
            match self.network().running.begin_or_join(ask) {
                Begun::Own(own) => {
                    let guide = RunGuide {
                        terminal: self,
                        run: &own.run,
                        around,
                        manual,
                    };
                    let report = self.sync_guided(transport, &guide, cancel, &mut |progress| {
                        own.run.tell(&progress);
                        listener(progress);
                    })?;
                    own.run.done(&report);
                    return Ok(report);
                }
                Begun::Joined(joined) => {
                    while !joined.is_over(listener) {
                        if cancel.is_cancelled() {
                            return Err(Error::Cancelled);
                        }
                    }
                    if let Some(report) = joined.report() {
                        return Ok(report);
                    }
                    // The run failed, was cancelled by its caller, or was about to end: sync again.
                }
            }
        }
    }
    /// Sends waiting items and fetches tasks, dispositions and reference files, on the caller's thread, until
    /// nothing is left to do or the next step has to wait. The report says what was done and what is left.
    /// `policy` holds for the whole run; an app calls [`Terminal::sync_now`].
    ///
    /// # Errors
    /// `sync.off`, `sync.running`, `call.cancelled`, `network.address`, and errors of disk and keys. Failures
    /// of network and server are no errors: the report and the items contain them.
    pub fn sync(
        &self,
        policy: Policy,
        cancel: &CancelToken,
        listener: &mut dyn FnMut(SyncProgress),
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
        listener: &mut dyn FnMut(SyncProgress),
    ) -> Result<SyncReport> {
        self.sync_guided(transport, &policy, cancel, listener)
    }
    fn sync_guided(
        &self,
        transport: &dyn Transport,
        guide: &dyn Guide,
        cancel: &CancelToken,
        listener: &mut dyn FnMut(SyncProgress),
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
        let memory = &self.network().memory;
        let mut run = || driver.run_guided(self.store(), guide, &call.cancel, memory, listener);
        let report = match run() {
            // Receipts free space, so the reserve is for them.
            Err(Error::Full | Error::OutcomeUnknown) if self.store().release_reserve()? => run()?,
            other => other?,
        };
        if let Some(https) = self.kept_https().as_ref() {
            https.trust(&self.store().account()?.pins);
        }
        self.store().correct_made_times(&platform.clock.read())?;
        if report.is_success() {
            self.forget_old()?;
        }
        if let Err(error) = self.store().keep_reserve() {
            tracing::info!(name: "store.no_reserve", cause = error.code().as_str());
        }
        if let Some(done) = &report.handed_over {
            self.wipe(done)?;
        }
        Ok(report)
    }
    /// Number of callers of the sync that runs in this process; 0 if none runs.
    #[cfg(feature = "testing")]
    pub fn sync_callers(&self) -> u64 {
        self.network().running.callers_now()
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
                Ok(report) => tracing::info!(name: "salvage.handed_over", entries = report.entries),
                Err(error) => tracing::warn!(name: "salvage.failed", cause = error.code().as_str()),
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

/// Settings, network and battery as they are now, for the strongest of the callers of this run.
struct RunGuide<'a> {
    terminal: &'a Terminal,
    run: &'a RunningSync,
    around: &'a dyn Surroundings,
    manual: bool,
}

impl Guide for RunGuide<'_> {
    fn policy(&self, spent: Spent) -> Result<Policy> {
        let live = LiveGuide {
            store: self.terminal.store(),
            clock: self.terminal.platform().clock.as_ref(),
            around: self.around,
            trigger: self.run.trigger(),
        };
        let policy = live.policy(spent)?;
        Ok(Policy {
            manual: policy.manual || self.manual,
            app: policy.app && self.terminal.fetches_app(),
            ..policy
        })
    }
    fn asks(&self) -> u64 {
        self.run.asks()
    }
    fn ends(&self, asks: u64) -> bool {
        self.run.ends(asks)
    }
}

/// As [`held`], in words for the worker; that the sync is switched off, too.
///
/// # Errors
/// Errors of the store.
pub fn held_reason(terminal: &Terminal, around: &dyn Surroundings) -> Result<Option<Reason>> {
    if !terminal.store().network_settings()?.sync {
        return Ok(terminal
            .store()
            .ensure_sync_on()
            .err()
            .map(|error| error.reason()));
    }
    Ok(held(terminal, around)?.map(HeldBack::reason))
}

/// Why photos and files, or everything, would have to wait now.
///
/// # Errors
/// Errors of the store.
pub fn held(terminal: &Terminal, around: &dyn Surroundings) -> Result<Option<HeldBack>> {
    Ok(terminal
        .policy(DeviceConditions::of(around), SyncTrigger::Person)?
        .held)
}
