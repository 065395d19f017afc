//! Closing a handset in an orderly way, also while a sync is under way: afterwards every call is refused, nothing is
//! open, and the next start works at once.

use super::{
    handset::{HOME, SECOND},
    judge::{CheckResult, Invariant, check_failed, violation},
    world::SimWorld,
};
use protocol::ids::EntryId;
use std::{
    sync::mpsc,
    thread::{self, JoinHandle},
};
use terminal_core::{
    Error, Result,
    sync::{Policy, SyncReport},
    terminal::Terminal,
    transport::{CancelToken, Request, Response, Traffic, Transport, TransportError},
    work::ReportDraft,
};

/// A network that answers nothing until the call is cancelled.
struct Silence {
    /// Dropped with the transport.
    asked: mpsc::Sender<()>,
}

impl Transport for Silence {
    fn exchange(&self, _: &Request) -> std::result::Result<Response, TransportError> {
        Err(TransportError::Timeout)
    }
    fn carry(
        &self,
        _: &Request,
        cancel: &CancelToken,
    ) -> (std::result::Result<Response, TransportError>, Traffic) {
        let _ = self.asked.send(());
        while !cancel.is_cancelled() {
            thread::yield_now();
        }
        (Err(TransportError::Cancelled), Traffic::default())
    }
}

/// Begins a sync on another thread. Returns when it waits for the network (true) or has ended; from then on only the
/// caller's thread runs, so the simulation stays deterministic.
fn sync_elsewhere(terminal: &Terminal) -> (JoinHandle<Result<SyncReport>>, bool) {
    let (asked, waits) = mpsc::channel();
    let terminal = terminal.clone();
    let sync = thread::spawn(move || {
        let line = Silence { asked };
        terminal.sync_over(&line, Policy::MANUAL, &CancelToken::default(), &mut |_| {})
    });
    let is_waiting = waits.recv().is_ok();
    (sync, is_waiting)
}

/// The first call that a closed handset does not refuse.
fn answered_call(terminal: &Terminal, draft: &mut ReportDraft) -> Option<String> {
    let line = Silence {
        asked: mpsc::channel().0,
    };
    let cancelled = CancelToken::default();
    cancelled.cancel();
    let no_entry = EntryId::from_parts(0, [0; 10]);
    let answers = [
        ("queue", terminal.queue().map(drop)),
        ("status", terminal.status().map(drop)),
        ("tasks", terminal.tasks().map(drop)),
        ("presence", terminal.presence().map(drop)),
        ("changes", terminal.changes().map(drop)),
        ("check_in", terminal.check_in(None, "").map(drop)),
        (
            "new_report",
            terminal.new_report().and_then(|mut new| new.save().map(drop)),
        ),
        ("a kept draft's save", draft.save().map(drop)),
        ("a kept draft's submit", draft.submit().map(drop)),
        ("withdraw", terminal.withdraw(no_entry, "误报").map(drop)),
        ("data_use", terminal.data_use().map(drop)),
        ("grid", terminal.grid().map(drop)),
        (
            "sync",
            terminal
                .sync_over(&line, Policy::MANUAL, &cancelled, &mut |_| {})
                .map(drop),
        ),
    ];
    let mut wrong = answers
        .into_iter()
        .filter(|(_, answer)| !matches!(answer, Err(Error::Closed)));
    wrong
        .next()
        .map(|(call, answer)| format!("{call} with {answer:?}"))
}

impl SimWorld<'_> {
    /// The app closes its handset and opens it again.
    pub(super) fn close(&mut self, t: usize, r: u64) -> CheckResult {
        let Some(handset) = self.handsets.get_mut(t) else {
            return Ok(());
        };
        let Some(terminal) = handset.terminal.clone() else {
            return Ok(());
        };
        // The sync that the simulator itself steps through ends as by a cancel, between two steps.
        let mut in_sync = handset.run.take().is_some();
        let is_faulty = handset.host.is_faulty();
        let draft = terminal.new_report();
        // A damaged database is handed over before a sync; `salvage` of the simulator does that.
        let sync = (r.is_multiple_of(2) && !handset.was_damaged).then(|| sync_elsewhere(&terminal));
        in_sync |= sync.as_ref().is_some_and(|(_, is_waiting)| *is_waiting);
        terminal.close();
        let locks = handset
            .disk
            .as_ref()
            .map(|disk| disk.held_locks())
            .unwrap_or_default();
        if let Some((sync, is_waiting)) = sync {
            let ended = sync.join().map_err(|_| check_failed("a sync panicked"))?;
            if is_waiting && !is_faulty && !matches!(ended, Err(Error::Cancelled | Error::Closed)) {
                return violation(
                    Invariant::Untrue,
                    format!("handset {t} was closed in a sync, which ended with {ended:?}"),
                );
            }
        }
        self.count_fault("app closed");
        if in_sync {
            self.count_fault("app closed in a sync");
        }
        self.log_line(|| format!("handset {t} is closed, in a sync: {in_sync}"));
        if self.check_handset_crash(t) {
            return Ok(());
        }
        if !locks.is_empty() {
            return violation(
                Invariant::Health,
                format!("handset {t} was closed and holds {locks:?}"),
            );
        }
        self.check_closed(t, &terminal, draft)?;
        if let Some(handset) = self.handsets.get_mut(t) {
            handset.die();
        }
        // `terminal`, a clone of the closed handset, is kept meanwhile.
        self.boot_handset(t)?;
        let is_open = self
            .handsets
            .get(t)
            .is_some_and(|handset| handset.terminal.is_some());
        if !is_open && !is_faulty {
            return violation(
                Invariant::Health,
                format!("handset {t} was closed and cannot be opened again at once"),
            );
        }
        Ok(())
    }
    fn check_closed(&self, t: usize, terminal: &Terminal, draft: Result<ReportDraft>) -> CheckResult {
        let Some(handset) = self.handsets.get(t) else {
            return Ok(());
        };
        let own = format!("{}/", handset.home);
        let is_own =
            |name: &String| name.starts_with(&own) && (handset.home != HOME || !name.starts_with(SECOND));
        if let Some(name) = handset.host.open_files().into_iter().find(is_own) {
            return violation(
                Invariant::Health,
                format!("handset {t} was closed and has {name} open"),
            );
        }
        if let Ok(mut draft) = draft
            && let Some(answered) = answered_call(terminal, &mut draft)
        {
            return violation(
                Invariant::Untrue,
                format!("handset {t} is closed, but answers {answered}"),
            );
        }
        if let Some(observer) = &handset.observer
            && !observer.has_ended()
        {
            return violation(
                Invariant::Untrue,
                format!("handset {t} is closed, but its observer is told more"),
            );
        }
        Ok(())
    }
}
