//! Machines that die, and come back.

use super::{
    judge::{Judged, Rule, broken},
    network,
    plan::{DAY, Machine},
    world::{Job, World},
};
use simdisk::{Cut, Fault, Rng};
use terminal_core::Error;

impl World<'_> {
    pub(super) fn boot_server(&mut self) -> Judged {
        if self.server.is_up() {
            return Ok(());
        }
        let booted = self.server.boot();
        if self.server.host.is_dead() {
            self.server_may_be_dead();
            return Ok(());
        }
        match booted {
            Ok(()) => {
                self.tell(|| "the server runs".into());
                Ok(())
            }
            // A full or failing disk can keep it down for a while.
            Err(error) if self.server_strained => {
                self.tell(|| format!("the server does not start: {error:#}"));
                self.soon(60_000, Job::Boot(Machine::Server));
                Ok(())
            }
            Err(error) => broken(Rule::Unwell, format!("the server does not start: {error:#}")),
        }
    }
    /// Notices that the server's machine has died, and lets it come back.
    pub(super) fn server_may_be_dead(&mut self) {
        if self.server.host.is_dead() {
            self.server_down(self.server_cut);
        }
    }
    pub(super) fn server_down(&mut self, cut: Cut) {
        self.tell(|| format!("the server dies ({cut:?})"));
        self.tally.crashes += 1;
        self.server.die();
        self.server.host.power_cycle(cut);
        self.perhaps_again(Machine::Server);
        self.soon(20_000, Job::Boot(Machine::Server));
    }
    /// Notices that a handset's machine has died; `true` when it has.
    pub(super) fn handset_may_be_dead(&mut self, t: usize) -> bool {
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
        self.tell(|| format!("handset {t} dies ({cut:?})"));
        self.tally.crashes += 1;
        // Two users of one machine die together.
        for u in self.users_with(t) {
            if let Some(handset) = self.handsets.get_mut(u) {
                handset.die();
            }
            self.soon(15_000, Job::Boot(Machine::Terminal(u)));
        }
        if let Some(handset) = self.handsets.get(t) {
            handset.host.power_cycle(cut);
            if reboot {
                handset.clock.reboot();
            }
        }
        self.perhaps_again(Machine::Terminal(t));
    }
    /// All users of the machine of one.
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
    /// Who has just died may die again while it starts: recovery must stand its own interruption.
    pub(super) fn perhaps_again(&self, on: Machine) {
        let mut rng = Rng(self.count ^ self.plan.seed.rotate_left(32));
        if !self.calm && rng.chance(200) {
            self.host(on).fault_in(rng.below(25), Fault::PowerCut);
        }
    }
    pub(super) fn boot_handset(&mut self, t: usize) -> Judged {
        let Some(handset) = self.handsets.get_mut(t) else {
            return Ok(());
        };
        if handset.terminal.is_some() {
            return Ok(());
        }
        let booted = handset.boot();
        if self.handset_may_be_dead(t) {
            return Ok(());
        }
        match booted {
            Ok(()) => {
                self.tell(|| format!("handset {t} runs"));
                if !self.is_sound(t) {
                    return Ok(());
                }
                self.holds(t)?;
                self.user_in_use(t)
            }
            Err(Error::NotEnrolled | Error::Quarantined { .. })
                if self.handsets.get(t).is_some_and(|h| h.damaged.is_some()) =>
            {
                self.set_aside(t);
                Ok(())
            }
            Err(Error::NotEnrolled) => {
                self.soon(1_000, Job::Enrol(t));
                Ok(())
            }
            Err(Error::Input(reason)) if reason.code == "terminal.handed_over" => {
                // Said again at every start until somebody enrols it anew.
                if self.handsets.get(t).is_some_and(|h| h.enrolled.is_some()) {
                    return self.ended(t);
                }
                self.soon(1_000, Job::Enrol(t));
                Ok(())
            }
            Err(Error::Quarantined { detail, .. }) => broken(
                Rule::Lost,
                format!("handset {t} cannot read its database, which nothing had damaged: {detail}"),
            ),
            Err(error) => {
                self.tell(|| format!("handset {t} does not start: {error}"));
                self.soon(60_000, Job::Boot(Machine::Terminal(t)));
                self.patience(t, &error)
            }
        }
    }
    /// A handset that does not start is a fault of the disk's, or a defect.
    pub(super) fn patience(&mut self, t: usize, error: &Error) -> Judged {
        if self.at() > DAY * 2 {
            return broken(Rule::Unwell, format!("handset {t} never starts: {error}"));
        }
        Ok(())
    }
    pub(super) fn enrol(&mut self, t: usize) -> Judged {
        if self
            .handsets
            .get(t)
            .is_none_or(|handset| handset.terminal.is_some())
        {
            return Ok(());
        }
        if !self.invited(t) {
            self.soon(60_000, Job::Enrol(t));
            return self.patience(t, &Error::NotEnrolled);
        }
        let fate = self.next_fate(t, None);
        let Some(handset) = self.handsets.get_mut(t) else {
            return Ok(());
        };
        let line = network::Direct::new(&self.server, fate);
        let enrolled = handset.enrol(&line);
        self.server_may_be_dead();
        if self.handset_may_be_dead(t) {
            return Ok(());
        }
        match enrolled {
            Ok(()) => {
                self.tell(|| format!("handset {t} is enrolled"));
                if let Some(handset) = self.handsets.get_mut(t) {
                    handset.refusals = 0;
                }
                Ok(())
            }
            Err(error) => {
                self.tell(|| format!("handset {t} is not enrolled: {error}"));
                self.not_enrolled(t, &error)?;
                let boot = if matches!(error, Error::AlreadyEnrolled) {
                    Job::Boot(Machine::Terminal(t))
                } else {
                    Job::Enrol(t)
                };
                self.soon(30_000, boot);
                Ok(())
            }
        }
    }
}
