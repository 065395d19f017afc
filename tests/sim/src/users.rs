//! Two users of one machine: each has a home of its own, and one of them is in use.

use super::{
    handset::HOME,
    judge::{Judged, Rule, broken, unwell},
    world::World,
};
use std::path::{Path, PathBuf};
use terminal_core::lifecycle::Users;

impl World<'_> {
    /// Another user takes the machine.
    pub(super) fn switch(&mut self, t: usize) -> Judged {
        let Some(handset) = self.handsets.get(t).filter(|h| h.terminal.is_some()) else {
            return Ok(());
        };
        let (home, platform) = (handset.home, handset.platform());
        let switched = Users::at(Path::new(HOME), platform.disk.as_ref()).switch(Path::new(home));
        // A machine that died over it has done it or not.
        self.in_use = switched.is_ok().then_some(home);
        self.tell(|| format!("handset {t}: its user takes the machine: {switched:?}"));
        self.handset_may_be_dead(t);
        Ok(())
    }
    /// The machine remembers who uses it.
    pub(super) fn user_in_use(&self, t: usize) -> Judged {
        let Some(handset) = self.handsets.get(t) else {
            return Ok(());
        };
        let (true, Some(home)) = (self.users_with(t).len() > 1, self.in_use) else {
            return Ok(());
        };
        let platform = handset.platform();
        match Users::at(Path::new(HOME), platform.disk.as_ref()).current() {
            Ok(current) if current != Path::new(home) => broken(
                Rule::Untrue,
                format!("the machine of handset {t} was given to {home}, and is {current:?}'s"),
            ),
            _ => Ok(()),
        }
    }
    /// Every home is found.
    pub(super) fn users_at_rest(&self) -> Judged {
        let Some(first) = self.handsets.first().filter(|_| self.plan.shared) else {
            return Ok(());
        };
        let platform = first.platform();
        let all = Users::at(Path::new(HOME), platform.disk.as_ref())
            .all()
            .map_err(unwell)?;
        let users = self.users_with(0);
        let homes: Vec<PathBuf> = users
            .iter()
            .map(|u| PathBuf::from(self.handsets[*u].home))
            .collect();
        if all != homes {
            return broken(
                Rule::Lost,
                format!("the machine has the homes {homes:?}, and finds {all:?}"),
            );
        }
        self.user_in_use(0)
    }
}
