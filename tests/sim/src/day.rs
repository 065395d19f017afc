//! The events of a day: work, the centre's actions, and faults.

use super::{
    judge::{CheckResult, check_failed},
    plan::{EventKind, MachineId, PlannedEvent, UnsyncedLoss},
    world::{SimJob, SimWorld},
};
use simdisk::{Cut, Fault};

impl SimWorld<'_> {
    pub(super) fn event(&mut self, k: usize) -> CheckResult {
        let Some(event) = self.plan.events.get(k).cloned() else {
            return Ok(());
        };
        if let Some(kind) = event.act.fault() {
            // These may have no effect; they are counted when they take effect.
            if !matches!(
                event.act,
                EventKind::Damage(_) | EventKind::PutBack(_) | EventKind::Export(_) | EventKind::Close(_)
            ) {
                self.count_fault(kind);
            }
            self.log_line(|| format!("FAULT {:?}", event.act));
            return self.apply_fault(&event);
        }
        match event.act {
            EventKind::Net { t, fault, on } => {
                self.log_line(|| format!("FAULT {:?}", event.act));
                if let Some(handset) = self.handsets.get_mut(t) {
                    handset.faults.push_back((fault, on));
                }
                Ok(())
            }
            EventKind::Sync(t) => self.begin_sync(t, event.r.is_multiple_of(3)),
            EventKind::Case
            | EventKind::Task
            | EventKind::CancelTask
            | EventKind::Review
            | EventKind::ActivityReview
            | EventKind::Register
            | EventKind::GiveBack(_) => {
                self.centre(&event)?;
                self.check_server_crash();
                Ok(())
            }
            EventKind::Sweep => {
                let _ = self.server.sweep();
                self.check_server_crash();
                self.check_decisions()
            }
            EventKind::Copy(t) => self.copy(t),
            EventKind::Backup => {
                if self.server.is_up() {
                    self.backup = Some((self.server.image().map_err(check_failed)?, self.time.now()));
                }
                Ok(())
            }
            _ => self.worker_action(k, &event),
        }
    }
    /// A worker performs an action; a failed action is repeated later.
    pub(super) fn worker_action(&mut self, k: usize, event: &PlannedEvent) -> CheckResult {
        let Some(t) = super::worker_actions::worker_of(&event.act) else {
            return Ok(());
        };
        let done = self.work(k, t, event)?;
        let dead = self.check_handset_crash(t);
        if done && !dead {
            return self.check_queue(t, event.r);
        }
        let tries = self.tries.entry(k).or_default();
        *tries += 1;
        if *tries < 40 && !self.calm {
            self.schedule_in(150_000, SimJob::Event(k));
        }
        Ok(())
    }
    /// Checking the queue costs more than most steps, so it follows only some of them.
    pub(super) fn check_queue(&mut self, t: usize, r: u64) -> CheckResult {
        let Some(terminal) = self.handsets.get(t).and_then(|h| h.terminal.clone()) else {
            return Ok(());
        };
        if r.is_multiple_of(8)
            && let Err(error) = terminal.status()
            && !self.check_handset_crash(t)
        {
            self.log_line(|| format!("handset {t} cannot show its status: {error}"));
        }
        Ok(())
    }
    pub(super) fn holds(&mut self, t: usize) -> CheckResult {
        let terminal = self.handsets.get(t).and_then(|h| h.terminal.clone());
        match (terminal, self.expectations.get_mut(t)) {
            (Some(terminal), Some(expected)) => {
                let checked = expected.holds(t, &terminal);
                match checked {
                    // A machine that dies during the check cannot be checked.
                    Err(_) if self.check_handset_crash(t) => Ok(()),
                    other => other,
                }
            }
            _ => Ok(()),
        }
    }

    pub(super) fn apply_fault(&mut self, event: &PlannedEvent) -> CheckResult {
        match event.act {
            EventKind::Offline { t, minutes } => {
                let until = self.time.now().plus(minutes * 60_000);
                if let Some(handset) = self.handsets.get_mut(t) {
                    handset.offline_until = until;
                }
            }
            EventKind::Power { on, k, loss } => {
                let cut = match loss {
                    UnsyncedLoss::All => Cut::LoseAll,
                    UnsyncedLoss::Prefix => Cut::Prefix,
                    UnsyncedLoss::Scatter => Cut::Scatter {
                        keep: 500,
                        tear: 200,
                        garbage: 300,
                    },
                };
                match on {
                    MachineId::Server => self.server_cut = cut,
                    MachineId::Terminal(t) => {
                        if let Some(handset) = self.handsets.get_mut(t) {
                            handset.cut = cut;
                        }
                    }
                }
                self.host(on).fault_in(k, Fault::PowerCut);
            }
            EventKind::Kill(MachineId::Server) => {
                if self.server.is_up() {
                    self.server_down(Cut::Process);
                }
            }
            EventKind::Kill(MachineId::Terminal(t)) => {
                if self.handsets.get(t).is_some_and(|h| h.terminal.is_some()) {
                    self.handset_down(t, Cut::Process, false);
                }
            }
            EventKind::IoError { on, k } => {
                self.server_disk_faulty |= on == MachineId::Server;
                self.host(on).fault_in(k, Fault::IoErr);
            }
            EventKind::DiskFull { on, minutes } => {
                self.server_disk_faulty |= on == MachineId::Server;
                let host = self.host(on);
                host.set_quota(Some(host.used() + 20_000));
                self.schedule_in(minutes * 60_000, SimJob::Room(on));
            }
            EventKind::Clock { t, ms } => {
                if let Some(handset) = self.handsets.get(t) {
                    handset.clock.set_skew(ms);
                }
            }
            EventKind::Reboot(t) => {
                if self.handsets.get(t).is_some_and(|h| h.terminal.is_some()) {
                    self.handset_down(t, Cut::Process, true);
                }
            }
            EventKind::TokenExpired(t) => {
                if let Some(terminal) = self.handsets.get(t).and_then(|h| h.terminal.as_ref()) {
                    let stream = terminal.account().stream;
                    self.operator(
                        "DELETE FROM field_token WHERE stream = ?1",
                        Some(stream.to_string()),
                    );
                }
            }
            EventKind::UploadsExpired => {
                self.operator("UPDATE upload SET expires = 1 WHERE finished IS NULL", None);
                let _ = self.server.sweep();
                self.check_server_crash();
            }
            EventKind::Restore => {
                if let Some((backup, of)) = self.backup.take() {
                    self.server.replace(&backup).map_err(check_failed)?;
                    self.log_line(|| "the server was restored from its backup".into());
                    self.newer_handset_lost();
                    self.restored(of);
                }
            }
            EventKind::NewerHandset => self.newer_handset(event)?,
            EventKind::Relieve(_) | EventKind::Move(_) | EventKind::Revoke(_) | EventKind::Wipe(_) => {
                self.centre(event)?;
                self.check_server_crash();
            }
            EventKind::Close(t) => self.close(t, event.r)?,
            EventKind::Damage(t) => self.damage(t, event.r)?,
            EventKind::PutBack(t) => self.put_back(t)?,
            EventKind::Export(t) => self.export(t, event.r)?,
            EventKind::Switch(t) => self.switch(t)?,
            EventKind::RenewKey => {
                let mut fresh = [0; 32];
                simdisk::Rng(event.r).fill(&mut fresh);
                let renewed = self.server.with(async |app| {
                    Ok(server::terminals::parcel_keys::renew(&app.store, &app.identity.seal, fresh).await?)
                });
                self.log_line(|| format!("the parcel key was changed: {}", renewed.is_ok()));
                self.check_server_crash();
            }
            _ => {}
        }
        Ok(())
    }
    pub(super) fn operator(&mut self, sql: &'static str, parameter: Option<String>) {
        let done = self.server.write_tx(move |tx, _| {
            match &parameter {
                Some(text) => tx.execute(sql, server::params![text])?,
                None => tx.execute(sql, server::params![])?,
            };
            Ok(())
        });
        if let Err(error) = done {
            self.log_line(|| format!("the operator's statement failed: {error}"));
        }
        self.check_server_crash();
    }
}
