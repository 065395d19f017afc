//! Machines that die and restart.

use super::{
    judge::{CheckResult, Invariant, violation},
    network,
    plan::{DAY, MachineId},
    world::{SimJob, SimWorld},
};
use simdisk::{Cut, Fault, Rng};
use terminal_core::Error;

impl SimWorld<'_> {
    pub(super) fn boot_server(&mut self) -> CheckResult {
        if self.server.is_up() {
            return Ok(());
        }
        let booted = self.server.boot();
        if self.server.host.is_dead() {
            self.check_server_crash();
            return Ok(());
        }
        match booted {
            Ok(()) => {
                self.log_line(|| "the server is running".into());
                Ok(())
            }
            // A full or failing disk may keep the server down for a while.
            Err(error) if self.server_disk_faulty => {
                self.log_line(|| format!("the server does not start: {error:#}"));
                self.schedule_in(60_000, SimJob::Boot(MachineId::Server));
                Ok(())
            }
            Err(error) => violation(Invariant::Health, format!("the server does not start: {error:#}")),
        }
    }
    /// Checks whether the server's machine has died; if so, schedules its restart.
    pub(super) fn check_server_crash(&mut self) {
        if self.server.host.is_dead() {
            self.server_down(self.server_cut);
        }
    }
    pub(super) fn server_down(&mut self, cut: Cut) {
        self.log_line(|| format!("the server dies ({cut:?})"));
        self.tally.crashes += 1;
        self.server.die();
        self.server.host.power_cycle(cut);
        self.maybe_crash_again(MachineId::Server);
        self.schedule_in(20_000, SimJob::Boot(MachineId::Server));
    }
    /// Checks whether a handset's machine has died; returns true if so.
    pub(super) fn check_handset_crash(&mut self, t: usize) -> bool {
        let Some(handset) = self.handsets.get(t) else {
            return true;
        };
        if !handset.host.is_dead() {
            return false;
        }
        self.handset_down(t, handset.cut, true);
        true
    }
    pub(super) fn handset_down(&mut self, t: usize, cut: Cut, reboot: bool) {
        self.log_line(|| format!("handset {t} dies ({cut:?})"));
        self.tally.crashes += 1;
        // Two users of one machine die together.
        for u in self.users_with(t) {
            if let Some(handset) = self.handsets.get_mut(u) {
                handset.die();
            }
            self.schedule_in(15_000, SimJob::Boot(MachineId::Terminal(u)));
        }
        if let Some(handset) = self.handsets.get(t) {
            handset.host.power_cycle(cut);
            if reboot {
                handset.clock.reboot();
            }
        }
        self.maybe_crash_again(MachineId::Terminal(t));
    }
    /// All users of the machine of handset `t`.
    pub(super) fn users_with(&self, t: usize) -> Vec<usize> {
        let Some(handset) = self.handsets.get(t) else {
            return Vec::new();
        };
        let users = self.handsets.iter().enumerate();
        users
            .filter(|(_, other)| other.is_same_machine(handset))
            .map(|(u, _)| u)
            .collect()
    }
    /// A machine that died may die again while it starts: recovery must survive an interruption.
    pub(super) fn maybe_crash_again(&self, on: MachineId) {
        let mut rng = Rng(self.count ^ self.plan.seed.rotate_left(32));
        if !self.calm && rng.chance(200) {
            self.host(on).fault_in(rng.below(25), Fault::PowerCut);
        }
    }
    pub(super) fn boot_handset(&mut self, t: usize) -> CheckResult {
        let Some(handset) = self.handsets.get_mut(t) else {
            return Ok(());
        };
        if handset.terminal.is_some() {
            return Ok(());
        }
        let booted = handset.boot();
        if self.check_handset_crash(t) {
            return Ok(());
        }
        match booted {
            Ok(()) => {
                self.log_line(|| format!("handset {t} runs"));
                if !self.is_sound(t) {
                    return Ok(());
                }
                self.holds(t)?;
                self.user_in_use(t)
            }
            Err(Error::NotEnrolled | Error::Quarantined { .. })
                if self.handsets.get(t).is_some_and(|h| h.damaged.is_some()) =>
            {
                self.quarantined(t);
                Ok(())
            }
            Err(Error::NotEnrolled) => {
                self.schedule_in(1_000, SimJob::Enrol(t));
                Ok(())
            }
            // Reported at every start until the handset is enrolled again.
            Err(Error::Quarantined { .. }) if self.handsets.get(t).is_some_and(|h| h.enrolled.is_none()) => {
                self.schedule_in(1_000, SimJob::Enrol(t));
                Ok(())
            }
            Err(Error::Input(reason)) if reason.code == "terminal.handed_over" => {
                // Reported at every start until the handset is enrolled again.
                if self.handsets.get(t).is_some_and(|h| h.enrolled.is_some()) {
                    return self.ended(t);
                }
                self.schedule_in(1_000, SimJob::Enrol(t));
                Ok(())
            }
            Err(Error::Quarantined { detail, .. }) => violation(
                Invariant::Lost,
                format!("handset {t} cannot read its database although it was not damaged: {detail}"),
            ),
            Err(error) => {
                self.log_line(|| format!("handset {t} cannot start: {error}"));
                self.schedule_in(60_000, SimJob::Boot(MachineId::Terminal(t)));
                self.tolerate_boot_failure(t, &error)
            }
        }
    }
    /// A handset that cannot start has a disk fault or a defect; after many failures the run fails.
    pub(super) fn tolerate_boot_failure(&mut self, t: usize, error: &Error) -> CheckResult {
        if self.at() > DAY * 2 {
            return violation(Invariant::Health, format!("handset {t} cannot start: {error}"));
        }
        Ok(())
    }
    pub(super) fn enrol(&mut self, t: usize) -> CheckResult {
        if self
            .handsets
            .get(t)
            .is_none_or(|handset| handset.terminal.is_some())
        {
            return Ok(());
        }
        if !self.renew_invitation(t) {
            self.schedule_in(60_000, SimJob::Enrol(t));
            return self.tolerate_boot_failure(t, &Error::NotEnrolled);
        }
        let fault = self.next_fault(t, None);
        let Some(handset) = self.handsets.get_mut(t) else {
            return Ok(());
        };
        let line = network::EnrolmentTransport::new(&self.server, fault);
        let enrolled = handset.enrol(&line);
        self.check_server_crash();
        if self.check_handset_crash(t) {
            return Ok(());
        }
        match enrolled {
            Ok(()) => {
                self.log_line(|| format!("handset {t} is enrolled"));
                if let Some(handset) = self.handsets.get_mut(t) {
                    handset.refusals = 0;
                }
                Ok(())
            }
            Err(error) => {
                self.log_line(|| format!("handset {t} cannot enrol: {error}"));
                self.enrolment_failed(t, &error)?;
                let boot = if matches!(error, Error::AlreadyEnrolled { .. }) {
                    SimJob::Boot(MachineId::Terminal(t))
                } else {
                    SimJob::Enrol(t)
                };
                self.schedule_in(30_000, boot);
                Ok(())
            }
        }
    }
}
