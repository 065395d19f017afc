//! What workers do with their handsets. A hand that was cut off is done again later, with the same draft.

use super::{
    judge::{Broken, Judged, Rule},
    pictures,
    plan::{Act, Event},
    town::somewhere,
    world::World,
};
use protocol::{duty::Purpose, ids::EntryId, open::Open, payload::EntryKind};
use terminal_core::{
    Error,
    store::Custody,
    terminal::Terminal,
    work::{Draft, DraftContent, Withdrawal},
};

/// Whose hand an act is.
pub fn whose(act: &Act) -> Option<usize> {
    match act {
        Act::CheckIn(t)
        | Act::CheckOut(t)
        | Act::Report { t, .. }
        | Act::Activity { t, .. }
        | Act::Answer(t)
        | Act::Withdraw(t)
        | Act::Mend(t)
        | Act::Draft(t)
        | Act::Look(t) => Some(*t),
        _ => None,
    }
}

/// How a hand ended.
enum End {
    Done,
    /// The handset said why not, in words with a code: the worker lets it be.
    Refused(Error),
    /// The disk or the device failed: the worker tries again.
    Failed(Error),
    /// The promise that the hand itself holds the product to was broken.
    Broken(Broken),
}

impl From<Error> for End {
    fn from(error: Error) -> Self {
        match error {
            // A photo that cannot be written is a disk's fault, however it is worded.
            Error::Input(reason) if !reason.code.starts_with("photo.") => Self::Refused(Error::Input(reason)),
            Error::NoSuchItem => Self::Refused(Error::NoSuchItem),
            other => Self::Failed(other),
        }
    }
}

type Handed = Result<(), End>;

impl World<'_> {
    /// Does it; `false`: it has to be done again.
    pub(super) fn work(&mut self, k: usize, t: usize, event: &Event) -> Judged<bool> {
        let handset = self.handsets.get(t).filter(|h| !h.must_speak);
        let Some(terminal) = handset.and_then(|h| h.terminal.clone()) else {
            return Ok(false);
        };
        let end = match self.handle(k, t, &terminal, event) {
            Ok(()) => End::Done,
            Err(end) => end,
        };
        match end {
            End::Done => {
                self.tell(|| format!("handset {t}: {:?} done", event.act));
                Ok(true)
            }
            End::Refused(error) => {
                self.tell(|| format!("handset {t}: {:?} refused: {error}", event.act));
                Ok(true)
            }
            End::Failed(error) => {
                self.tell(|| format!("handset {t}: {:?} failed: {error}", event.act));
                Ok(false)
            }
            End::Broken(words) => Err(words),
        }
    }
    fn handle(&mut self, k: usize, t: usize, terminal: &Terminal, event: &Event) -> Handed {
        let at = somewhere(event.r, self.time.now());
        match event.act {
            Act::CheckIn(_) => self.accepted(t, terminal, terminal.check_in(Some(at), "")?.id),
            Act::CheckOut(_) => self.accepted(t, terminal, terminal.check_out(Some(at), "")?.id),
            Act::Report { photos, twice, .. } => {
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
                        return Err(End::Broken(Broken {
                            rule: Rule::Twice,
                            words: format!("handset {t} filed {} twice for two taps", submitted.item),
                        }));
                    }
                }
                Ok(())
            }
            Act::Activity { photos, .. } => {
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
            Act::Answer(_) => {
                let tasks = terminal.tasks()?;
                let mut open = tasks.iter().filter(|task| task.answered.is_none());
                let count = open.clone().count() as u64;
                let pick = usize::try_from(event.r.checked_rem(count).unwrap_or(0)).unwrap_or(0);
                let Some(task) = open.nth(pick) else {
                    return Ok(());
                };
                let purpose = task.row.purpose.known().copied().unwrap_or(Purpose::Inspect);
                let [yes, no] = purpose.answers();
                let mut draft = task.answer(if event.r.is_multiple_of(5) { no } else { yes })?;
                draft.text("现场已看");
                self.fill(t, &mut draft, event.r, 1)?;
                let submitted = draft.submit()?;
                self.accepted(t, terminal, submitted.item)
            }
            Act::Withdraw(_) => self.withdraw(t, terminal, event.r),
            Act::Mend(_) => self.mend(t, terminal, event.r),
            Act::Draft(_) => {
                let mut draft = terminal.new_report()?;
                draft.text("以后再说").at(at);
                self.fill(t, &mut draft, event.r, 1)
            }
            Act::Look(_) => {
                terminal.queue()?;
                Ok(())
            }
            _ => Ok(()),
        }
    }
    fn accepted(&mut self, t: usize, terminal: &Terminal, id: EntryId) -> Handed {
        if let Some(book) = self.books.get_mut(t) {
            book.accept(terminal, id);
        }
        Ok(())
    }
    /// Takes photos until the draft has as many, and remembers that the handset said they are saved.
    fn fill<C: DraftContent>(&mut self, t: usize, draft: &mut Draft<C>, r: u64, photos: usize) -> Handed {
        for k in draft.photos().len()..photos {
            let picture = pictures::photo(r ^ (k as u64) << 56 ^ (t as u64) << 48)
                .map_err(|error| End::Failed(Error::Data(error.to_string())))?;
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
        if let Some(book) = self.books.get_mut(t) {
            book.promise_draft(draft.id(), photos);
        }
    }
    fn withdraw(&mut self, t: usize, terminal: &Terminal, r: u64) -> Handed {
        let items = terminal.store().items()?;
        let mut own = items.iter().filter(|item| {
            item.cancelled.is_none()
                && matches!(
                    item.kind,
                    Open::Known(EntryKind::Report | EntryKind::Activity | EntryKind::Answer)
                )
        });
        let count = own.clone().count() as u64;
        // What was filed last is what people take back.
        let pick = count.saturating_sub(1 + r % 4);
        let Some(item) = own.nth(usize::try_from(pick).unwrap_or(0)) else {
            return Ok(());
        };
        // From here on the judge cannot know whether it was done, until it is answered.
        let may_void = !item.offered && item.custody == Custody::Waiting;
        if may_void && let Some(book) = self.books.get_mut(t) {
            book.taken_back(item.id);
        }
        match terminal.withdraw(item.id, "误报")? {
            Withdrawal::Requested(id) => self.accepted(t, terminal, id),
            Withdrawal::Cancelled => {
                if let Some(book) = self.books.get_mut(t) {
                    book.cancelled(item.id);
                }
                Ok(())
            }
            Withdrawal::DraftDiscarded => Ok(()),
        }
    }
    fn mend(&mut self, t: usize, terminal: &Terminal, r: u64) -> Handed {
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
