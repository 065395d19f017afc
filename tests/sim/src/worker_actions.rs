//! What workers do with their handsets. An action that was interrupted is repeated later with the same draft.

use super::{
    city_template::somewhere,
    judge::{CheckResult, Invariant, Violation},
    pictures,
    plan::{EventKind, PlannedEvent},
    world::SimWorld,
};
use protocol::{duty::Purpose, ids::EntryId, open::Open, payload::EntryKind};
use terminal_core::{
    Error,
    store::Custody,
    terminal::Terminal,
    work::{Draft, DraftContent, Withdrawal},
};

/// The handset that an event is an action of; `None` for other events.
pub fn worker_of(act: &EventKind) -> Option<usize> {
    match act {
        EventKind::CheckIn(t)
        | EventKind::CheckOut(t)
        | EventKind::Report { t, .. }
        | EventKind::Activity { t, .. }
        | EventKind::Answer(t)
        | EventKind::Withdraw(t)
        | EventKind::Mend(t)
        | EventKind::Draft(t)
        | EventKind::Look(t) => Some(*t),
        _ => None,
    }
}

/// How an action of a worker ended.
enum ActionOutcome {
    Done,
    /// The handset refused with a code: the worker does not repeat the action.
    Refused(Error),
    /// Disk or device failed: the worker repeats the action.
    Failed(Error),
    /// The action itself found a violated invariant.
    Broken(Violation),
}

impl From<Error> for ActionOutcome {
    fn from(error: Error) -> Self {
        match error {
            // A photo that cannot be written is a disk fault, even if it is reported as an input error.
            Error::Input(reason) if !reason.code.starts_with("photo.") => Self::Refused(Error::Input(reason)),
            Error::NoSuchItem => Self::Refused(Error::NoSuchItem),
            other => Self::Failed(other),
        }
    }
}

type ActionResult = Result<(), ActionOutcome>;

impl SimWorld<'_> {
    /// Performs the action; returns false if it must be repeated.
    pub(super) fn work(&mut self, k: usize, t: usize, event: &PlannedEvent) -> CheckResult<bool> {
        let handset = self.handsets.get(t).filter(|h| !h.must_sync);
        let Some(terminal) = handset.and_then(|h| h.terminal.clone()) else {
            return Ok(false);
        };
        let end = match self.handle(k, t, &terminal, event) {
            Ok(()) => ActionOutcome::Done,
            Err(end) => end,
        };
        match end {
            ActionOutcome::Done => {
                self.log_line(|| format!("handset {t}: {:?} done", event.act));
                Ok(true)
            }
            ActionOutcome::Refused(error) => {
                self.log_line(|| format!("handset {t}: {:?} refused: {error}", event.act));
                Ok(true)
            }
            ActionOutcome::Failed(error) => {
                self.log_line(|| format!("handset {t}: {:?} failed: {error}", event.act));
                Ok(false)
            }
            ActionOutcome::Broken(words) => Err(words),
        }
    }
    fn handle(&mut self, k: usize, t: usize, terminal: &Terminal, event: &PlannedEvent) -> ActionResult {
        let at = somewhere(event.r, self.time.now());
        match event.act {
            EventKind::CheckIn(_) => self.accepted(t, terminal, terminal.check_in(Some(at), "")?.id),
            EventKind::CheckOut(_) => self.accepted(t, terminal, terminal.check_out(Some(at), "")?.id),
            EventKind::Report { photos, twice, .. } => {
                let mut draft = match self.begun.get(&k) {
                    Some(id) if terminal.store().item(*id)?.is_some() => {
                        return self.accepted(t, terminal, *id);
                    }
                    Some(id) if terminal.store().draft(*id)?.is_some() => terminal.report_draft(*id)?,
                    _ => terminal.new_report()?,
                };
                self.begun.insert(k, draft.id());
                draft.at(at);
                draft.text(format!("第 {k} 条"));
                if event.r.is_multiple_of(2) {
                    draft.matter("E0102".parse().map_err(|_| Error::NoSuchItem)?)?;
                }
                self.fill(t, &mut draft, event.r, photos)?;
                let submitted = draft.submit()?;
                self.accepted(t, terminal, submitted.item)?;
                if twice {
                    let again = draft.submit()?;
                    if again.item != submitted.item || !again.again {
                        return Err(ActionOutcome::Broken(Violation {
                            rule: Invariant::Twice,
                            words: format!(
                                "handset {t} filed {} twice for two submits of one draft",
                                submitted.item
                            ),
                        }));
                    }
                }
                Ok(())
            }
            EventKind::Activity { photos, .. } => {
                let mut draft = match self.begun.get(&k) {
                    Some(id) if terminal.store().item(*id)?.is_some() => {
                        return self.accepted(t, terminal, *id);
                    }
                    Some(id) if terminal.store().draft(*id)?.is_some() => terminal.activity_draft(*id)?,
                    _ => terminal.new_activity()?,
                };
                self.begun.insert(k, draft.id());
                draft.at(at);
                let starts = self.time.now();
                draft
                    .category("fitness")
                    .title(format!("活动 {k}"))
                    .starts(starts)
                    .ends(starts.plus(3_600_000))
                    .place("文化广场")
                    .organiser("文化社区")
                    .participants(12);
                self.fill(t, &mut draft, event.r, photos)?;
                let submitted = draft.submit()?;
                self.accepted(t, terminal, submitted.item)
            }
            EventKind::Answer(_) => {
                let tasks = terminal.tasks()?;
                let mut open = tasks.iter().filter(|task| task.answered.is_none());
                let count = open.clone().count() as u64;
                let pick = usize::try_from(event.r.checked_rem(count).unwrap_or(0)).unwrap_or(0);
                let Some(task) = open.nth(pick) else {
                    return Ok(());
                };
                let purpose = task.row.purpose.known().copied().unwrap_or(Purpose::Inspect);
                let [yes, no] = purpose.answers();
                let mut draft = task.begin_answer(if event.r.is_multiple_of(5) { no } else { yes })?;
                draft.text("现场已看");
                self.fill(t, &mut draft, event.r, 1)?;
                let submitted = draft.submit()?;
                self.accepted(t, terminal, submitted.item)
            }
            EventKind::Withdraw(_) => self.withdraw(t, terminal, event.r),
            EventKind::Mend(_) => self.revise(t, terminal, event.r),
            EventKind::Draft(_) => {
                let mut draft = terminal.new_report()?;
                draft.text("以后再说").at(at);
                self.fill(t, &mut draft, event.r, 1)
            }
            EventKind::Look(_) => {
                terminal.queue()?;
                Ok(())
            }
            _ => Ok(()),
        }
    }
    fn accepted(&mut self, t: usize, terminal: &Terminal, id: EntryId) -> ActionResult {
        if let Some(expected) = self.expectations.get_mut(t) {
            expected.accept(terminal, id);
        }
        Ok(())
    }
    /// Adds photos until the draft has this many, and records that the handset reported them as saved.
    fn fill<C: DraftContent>(
        &mut self,
        t: usize,
        draft: &mut Draft<C>,
        r: u64,
        photos: usize,
    ) -> ActionResult {
        for k in draft.photos().len()..photos {
            let picture = pictures::photo(r ^ (k as u64) << 56 ^ (t as u64) << 48)
                .map_err(|error| ActionOutcome::Failed(Error::Data(error.to_string())))?;
            draft.add_ready_photo(&picture)?;
            self.promise(t, draft);
        }
        if photos == 0 {
            draft.save()?;
            self.promise(t, draft);
        }
        Ok(())
    }
    fn promise<C: DraftContent>(&mut self, t: usize, draft: &Draft<C>) {
        let photos: Vec<_> = draft.photos().iter().map(|photo| photo.sha256).collect();
        if let Some(expected) = self.expectations.get_mut(t) {
            expected.promise_draft(draft.id(), photos);
        }
    }
    fn withdraw(&mut self, t: usize, terminal: &Terminal, r: u64) -> ActionResult {
        let items = terminal.store().items()?;
        let mut own = items.iter().filter(|item| {
            item.cancelled.is_none()
                && matches!(
                    item.kind,
                    Open::Known(EntryKind::Report | EntryKind::Activity | EntryKind::Answer)
                )
        });
        let count = own.clone().count() as u64;
        // Picks one of the last four items: people withdraw what they filed last.
        let pick = count.saturating_sub(1 + r % 4);
        let Some(item) = own.nth(usize::try_from(pick).unwrap_or(0)) else {
            return Ok(());
        };
        // Until the withdrawal is acknowledged, the server may hold the entry or a void with its number.
        let may_void = !item.offered && item.custody == Custody::Waiting;
        if may_void && let Some(expected) = self.expectations.get_mut(t) {
            expected.withdrawn(item.id);
        }
        match terminal.withdraw(item.id, "误报")? {
            Withdrawal::Requested { id } => self.accepted(t, terminal, id),
            Withdrawal::Cancelled => {
                if let Some(expected) = self.expectations.get_mut(t) {
                    expected.cancelled(item.id);
                }
                Ok(())
            }
            Withdrawal::DraftDiscarded => Ok(()),
        }
    }
    fn revise(&mut self, t: usize, terminal: &Terminal, r: u64) -> ActionResult {
        let queue = terminal.queue()?;
        let mut back = queue.iter().filter(|row| row.needs_author());
        let count = back.clone().count() as u64;
        let pick = usize::try_from(r.checked_rem(count).unwrap_or(0)).unwrap_or(0);
        let Some(row) = back.nth(pick) else {
            return Ok(());
        };
        match row.kind {
            Open::Known(EntryKind::Report) => {
                let mut draft = terminal.revise_report(row.id)?;
                draft.text("已补充");
                let submitted = draft.submit()?;
                self.accepted(t, terminal, submitted.item)
            }
            Open::Known(EntryKind::Activity) => {
                let mut draft = terminal.revise_activity(row.record)?;
                draft.summary("已补充");
                let submitted = draft.submit()?;
                self.accepted(t, terminal, submitted.item)
            }
            _ => Ok(()),
        }
    }
}
