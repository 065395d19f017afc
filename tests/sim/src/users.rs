//! Two users of one machine: each has its own home, and one of them is active.

use super::{
    handset::HOME,
    judge::{CheckResult, Invariant, check_failed, violation},
    world::SimWorld,
};
use std::path::{Path, PathBuf};

impl SimWorld<'_> {
    /// Another user takes the machine.
    pub(super) fn switch(&mut self, t: usize) -> CheckResult {
        let Some(handset) = self.handsets.get(t).filter(|h| h.terminal.is_some()) else {
            return Ok(());
        };
        let (home, number) = (handset.home, if handset.home == HOME { 1 } else { 2 });
        let switched = handset.machine().switch(number);
        // If the machine died during the switch, either user may be active.
        self.in_use = switched.is_ok().then_some(home);
        self.log_line(|| format!("handset {t}: its user takes the machine: {switched:?}"));
        self.check_handset_crash(t);
        Ok(())
    }
    /// Checks that the machine remembers its active user.
    pub(super) fn user_in_use(&self, t: usize) -> CheckResult {
        let Some(handset) = self.handsets.get(t) else {
            return Ok(());
        };
        let (true, Some(home)) = (self.users_with(t).len() > 1, self.in_use) else {
            return Ok(());
        };
        match handset.machine().current_home() {
            Ok(current) if current != Path::new(home) => violation(
                Invariant::Untrue,
                format!("the active user of the machine of handset {t} is {current:?}, expected {home}"),
            ),
            _ => Ok(()),
        }
    }
    /// Checks that every home on the machine is found.
    pub(super) fn users_at_rest(&self) -> CheckResult {
        let Some(first) = self.handsets.first().filter(|_| self.plan.shared) else {
            return Ok(());
        };
        let all = first.machine().homes().map_err(check_failed)?;
        let users = self.users_with(0);
        let homes: Vec<PathBuf> = users
            .iter()
            .map(|u| PathBuf::from(self.handsets[*u].home))
            .collect();
        if all != homes {
            return violation(
                Invariant::Lost,
                format!("the machine has the homes {homes:?}, but lists {all:?}"),
            );
        }
        self.user_in_use(0)
    }
}
