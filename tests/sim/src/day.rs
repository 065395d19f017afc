//! The events of a day: what workers and the centre do, and what befalls them.

use super::{
    judge::{Judged, unwell},
    plan::{Act, Event, Loss, Machine},
    world::{Job, World},
};
use simdisk::{Cut, Fault};

impl World<'_> {
    pub(super) fn event(&mut self, k: usize) -> Judged {
        let Some(event) = self.plan.events.get(k).cloned() else {
            return Ok(());
        };
        if let Some(kind) = event.act.fault() {
            // Those that may come to nothing are counted when they happen.
            if !matches!(event.act, Act::Damage(_) | Act::PutBack(_) | Act::Export(_)) {
                self.count_fault(kind);
            }
            self.tell(|| format!("FAULT {:?}", event.act));
            return self.befall(&event);
        }
        match event.act {
            Act::Net { t, fate, on } => {
                self.tell(|| format!("FAULT {:?}", event.act));
                if let Some(handset) = self.handsets.get_mut(t) {
                    handset.fates.push_back((fate, on));
                }
                Ok(())
            }
            Act::Sync(t) => self.begin_sync(t, event.r.is_multiple_of(3)),
            Act::Case
            | Act::Task
            | Act::CancelTask
            | Act::Review
            | Act::ActivityReview
            | Act::Register
            | Act::GiveBack(_) => {
                self.centre(&event)?;
                self.server_may_be_dead();
                Ok(())
            }
            Act::Sweep => {
                let _ = self.server.sweep();
                self.server_may_be_dead();
                self.memory_looks()
            }
            Act::Copy(t) => self.copy(t),
            Act::Backup => {
                if self.server.is_up() {
                    self.backup = Some((self.server.image().map_err(unwell)?, self.time.now()));
                }
                Ok(())
            }
            _ => self.hand(k, &event),
        }
    }
    /// A worker does something; what fails is tried again, as workers do.
    pub(super) fn hand(&mut self, k: usize, event: &Event) -> Judged {
        let Some(t) = super::hands::whose(&event.act) else {
            return Ok(());
        };
        let done = self.work(k, t, event)?;
        let dead = self.handset_may_be_dead(t);
        if done && !dead {
            return self.look(t, event.r);
        }
        let tries = self.tries.entry(k).or_default();
        *tries += 1;
        if *tries < 40 && !self.calm {
            self.soon(150_000, Job::Event(k));
        }
        Ok(())
    }
    /// A look at the queue costs more than most steps: some of them are followed by one.
    pub(super) fn look(&mut self, t: usize, r: u64) -> Judged {
        let Some(terminal) = self.handsets.get(t).and_then(|h| h.terminal.clone()) else {
            return Ok(());
        };
        if r.is_multiple_of(8)
            && let Err(error) = terminal.status()
            && !self.handset_may_be_dead(t)
        {
            self.tell(|| format!("handset {t} shows no status: {error}"));
        }
        Ok(())
    }
    pub(super) fn holds(&mut self, t: usize) -> Judged {
        let terminal = self.handsets.get(t).and_then(|h| h.terminal.clone());
        match (terminal, self.books.get_mut(t)) {
            (Some(terminal), Some(book)) => {
                let judged = book.holds(t, &terminal);
                match judged {
                    // Whoever looks at a machine that dies under the look sees nothing.
                    Err(_) if self.handset_may_be_dead(t) => Ok(()),
                    other => other,
                }
            }
            _ => Ok(()),
        }
    }

    pub(super) fn befall(&mut self, event: &Event) -> Judged {
        match event.act {
            Act::Offline { t, minutes } => {
                let until = self.time.now().plus(minutes * 60_000);
                if let Some(handset) = self.handsets.get_mut(t) {
                    handset.offline_until = until;
                }
            }
            Act::Power { on, k, loss } => {
                let cut = match loss {
                    Loss::All => Cut::LoseAll,
                    Loss::Prefix => Cut::Prefix,
                    Loss::Scatter => Cut::Scatter {
                        keep: 500,
                        tear: 200,
                        garbage: 300,
                    },
                };
                match on {
                    Machine::Server => self.server_cut = cut,
                    Machine::Terminal(t) => {
                        if let Some(handset) = self.handsets.get_mut(t) {
                            handset.cut = cut;
                        }
                    }
                }
                self.host(on).fault_in(k, Fault::PowerCut);
            }
            Act::Kill(Machine::Server) => {
                if self.server.is_up() {
                    self.server_down(Cut::Process);
                }
            }
            Act::Kill(Machine::Terminal(t)) => {
                if self.handsets.get(t).is_some_and(|h| h.terminal.is_some()) {
                    self.handset_down(t, Cut::Process, false);
                }
            }
            Act::IoError { on, k } => {
                self.server_strained |= on == Machine::Server;
                self.host(on).fault_in(k, Fault::IoErr);
            }
            Act::DiskFull { on, minutes } => {
                self.server_strained |= on == Machine::Server;
                let host = self.host(on);
                host.set_quota(Some(host.used() + 20_000));
                self.soon(minutes * 60_000, Job::Room(on));
            }
            Act::Clock { t, ms } => {
                if let Some(handset) = self.handsets.get(t) {
                    handset.clock.set_skew(ms);
                }
            }
            Act::Reboot(t) => {
                if self.handsets.get(t).is_some_and(|h| h.terminal.is_some()) {
                    self.handset_down(t, Cut::Process, true);
                }
            }
            Act::TokenExpired(t) => {
                if let Some(terminal) = self.handsets.get(t).and_then(|h| h.terminal.as_ref()) {
                    let stream = terminal.account().stream;
                    self.operator(
                        "DELETE FROM field_token WHERE stream = ?1",
                        Some(stream.to_string()),
                    );
                }
            }
            Act::UploadsExpired => {
                self.operator("UPDATE upload SET expires = 1 WHERE finished IS NULL", None);
                let _ = self.server.sweep();
                self.server_may_be_dead();
            }
            Act::Restore => {
                if let Some((backup, of)) = self.backup.take() {
                    self.server.replace(&backup).map_err(unwell)?;
                    self.tell(|| "the server is its backup".into());
                    self.newcomer_forgotten();
                    self.restored(of);
                }
            }
            Act::Newcomer => self.newcomer(event)?,
            Act::Relieve(_) | Act::Move(_) | Act::Revoke(_) | Act::Wipe(_) => {
                self.centre(event)?;
                self.server_may_be_dead();
            }
            Act::Damage(t) => self.damage(t, event.r)?,
            Act::PutBack(t) => self.put_back(t)?,
            Act::Export(t) => self.export(t, event.r)?,
            Act::Switch(t) => self.switch(t)?,
            Act::RenewKey => {
                let mut fresh = [0; 32];
                simdisk::Rng(event.r).fill(&mut fresh);
                let renewed = self
                    .server
                    .with(async |app| Ok(server::terminals::parcel_keys::renew(&app.store, fresh).await?));
                self.tell(|| format!("the parcel key is another: {}", renewed.is_ok()));
                self.server_may_be_dead();
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
            self.tell(|| format!("the operator's hand fails: {error}"));
        }
        self.server_may_be_dead();
    }
}
