//! An observer of each handset, as a screen is one: it reads again only what a change names. A view that differs from
//! the store although no change named the difference is untrue.

use super::{
    clock::START,
    judge::{CheckResult, Invariant, violation},
    plan::MachineId,
    world::{SimJob, SimWorld},
};
use simdisk::Rng;
use std::collections::{BTreeMap, BTreeSet};
use terminal_core::{
    Result,
    live::{ChangeFeed, HandsetChanges},
    store::{HandsetChange, PlanMonth},
    terminal::Terminal,
    work::{ItemState, QueueRow},
};

/// The share of a handset's jobs that an observer follows, in thousandths. Reading a whole store costs more than most
/// jobs.
const WATCHED: u32 = 20;

/// What a screen shows, by the change that names it.
type View = BTreeMap<HandsetChange, String>;

/// An observer and what it shows.
pub struct Observer {
    feed: ChangeFeed,
    /// Taken after subscribing; `None` until then, and after an error of the disk.
    view: Option<View>,
    /// The tasks that it was told of.
    tasks: BTreeSet<String>,
    /// Tasks whose arrival it was told since the last count.
    announced: u64,
}

impl Observer {
    /// Subscribes.
    pub fn of(terminal: &Terminal) -> Result<Self> {
        Ok(Self {
            feed: terminal.changes()?,
            view: None,
            tasks: BTreeSet::new(),
            announced: 0,
        })
    }
    /// Returns true if the feed has ended. Waits for ever if it has not and nothing changes.
    pub fn has_ended(&self) -> bool {
        self.feed.wait().is_none()
    }
    /// Reads again what changed; the first time everything. Returns what was told wrongly.
    fn follow(&mut self, terminal: &Terminal) -> Result<Option<String>> {
        let changes = self.feed.take();
        let Some(view) = &mut self.view else {
            let view: Result<View> = HandsetChange::ALL
                .map(|part| Ok((part, read(terminal, part)?)))
                .into_iter()
                .collect();
            self.tasks = tasks_of(terminal)?;
            self.view = Some(view?);
            return Ok(None);
        };
        for part in &changes.what {
            view.insert(*part, read(terminal, *part)?);
        }
        self.check_tasks(&changes, terminal)
    }
    fn check_tasks(&mut self, changes: &HandsetChanges, terminal: &Terminal) -> Result<Option<String>> {
        for task in &changes.tasks_gone {
            if !self.tasks.remove(&task.to_string()) {
                return Ok(Some(format!("task {task} went, which never arrived")));
            }
        }
        for task in &changes.tasks_arrived {
            if !self.tasks.insert(task.to_string()) {
                return Ok(Some(format!("task {task} arrived a second time")));
            }
        }
        self.announced += changes.tasks_arrived.len() as u64;
        let is_due = changes.what.contains(&HandsetChange::Tasks) && tasks_of(terminal)? != self.tasks;
        Ok(is_due.then(|| format!("the tasks {:?}", self.tasks)))
    }
    /// As [`Self::follow`]; also returns a part of the view that differs from the store.
    fn compare(&mut self, terminal: &Terminal) -> Result<Option<String>> {
        let told = self.follow(terminal)?;
        if told.is_some() {
            return Ok(told);
        }
        for (part, shown) in self.view.iter().flatten() {
            let stored = read(terminal, *part)?;
            if stored != *shown {
                return Ok(Some(format!("{part:?} as\n{shown}\nit is\n{stored}")));
            }
        }
        let is_right = tasks_of(terminal)? == self.tasks;
        Ok((!is_right).then(|| format!("the tasks {:?}", self.tasks)))
    }
}

fn tasks_of(terminal: &Terminal) -> Result<BTreeSet<String>> {
    let rows = terminal.store().mailbox(protocol::feed::kind::TASK)?;
    Ok(rows.into_iter().map(|row| row.entity).collect())
}

/// A row as it is without the passing of time: a wait ends by itself.
fn shown(mut row: QueueRow) -> String {
    if row.waits_for_receipt() {
        row.state = ItemState::Queued;
    }
    row.next_try = None;
    format!("{row:?}\n")
}

/// What a screen shows of a part.
fn read(terminal: &Terminal, part: HandsetChange) -> Result<String> {
    let store = terminal.store();
    Ok(match part {
        HandsetChange::Queue => {
            let rows = terminal.queue()?.into_iter();
            rows.filter(|row| !row.is_draft()).map(shown).collect()
        }
        HandsetChange::Drafts => terminal.draft_rows()?.into_iter().map(shown).collect(),
        HandsetChange::Tasks => {
            let tasks = terminal.tasks()?.into_iter();
            tasks
                .map(|task| format!("{:?} {:?} {}\n", task.row, task.answered, task.seen))
                .collect()
        }
        HandsetChange::Presence => format!("{:?}", terminal.presence()?),
        HandsetChange::Settings => {
            let post = store.mailbox(protocol::feed::kind::POST)?;
            let language = store.setting("language")?;
            format!("{:?} {language:?} {post:?}", store.account()?)
        }
        HandsetChange::Reference => format!("{:?}", store.files()?),
        HandsetChange::DataUse => format!("{:?}", store.traffic(&PlanMonth::of(START))?),
        HandsetChange::Contact => format!("{:?} {:?}", store.last_contact()?, store.last_sync()?),
    })
}

impl SimWorld<'_> {
    /// Chooses some of a handset's jobs; the observer's view is up to date when such a job begins.
    pub(super) fn begin_to_watch(&mut self, job: &SimJob) -> CheckResult<Option<usize>> {
        let t = match job {
            SimJob::Event(k) => self
                .plan
                .events
                .get(*k)
                .and_then(|event| super::worker_actions::worker_of(&event.act)),
            SimJob::Step(t, _) | SimJob::Arrive { t, .. } | SimJob::Back { t, .. } => Some(*t),
            SimJob::Boot(MachineId::Terminal(_) | MachineId::Server)
            | SimJob::Enrol(_)
            | SimJob::Late(_)
            | SimJob::Room(_)
            | SimJob::Import(_) => None,
        };
        let mut rng = Rng(self.count ^ self.plan.seed.rotate_left(17));
        match t.filter(|_| rng.chance(WATCHED)) {
            None => Ok(None),
            Some(t) => self.look(t, Observer::follow).map(|()| Some(t)),
        }
    }
    /// Compares an observer's view with the store.
    pub(super) fn compare_view(&mut self, t: usize) -> CheckResult {
        self.tally.compared += 1;
        self.look(t, Observer::compare)
    }
    pub(super) fn follow_all(&mut self) -> CheckResult {
        (0..self.handsets.len()).try_for_each(|t| self.look(t, Observer::follow))
    }
    /// What each observer was told equals its store.
    pub(super) fn observers_at_rest(&mut self) -> CheckResult {
        for t in 0..self.handsets.len() {
            self.compare_view(t)?;
            let observer = self.handsets[t].observer.as_ref();
            if observer.is_none_or(|observer| observer.view.is_none()) {
                return violation(Invariant::Health, format!("handset {t} has no observer at rest"));
            }
        }
        Ok(())
    }
    fn look(
        &mut self,
        t: usize,
        look: impl Fn(&mut Observer, &Terminal) -> Result<Option<String>>,
    ) -> CheckResult {
        if self.check_handset_crash(t) {
            return Ok(());
        }
        let Some(handset) = self.handsets.get_mut(t) else {
            return Ok(());
        };
        let Some(terminal) = handset.terminal.clone() else {
            return Ok(());
        };
        let Some(observer) = &mut handset.observer else {
            // The disk failed when it subscribed.
            handset.observer = Observer::of(&terminal).ok();
            return Ok(());
        };
        let told = look(observer, &terminal);
        self.tally.announced += std::mem::take(&mut observer.announced);
        match told {
            Ok(None) => Ok(()),
            Ok(Some(wrong)) => violation(
                Invariant::Untrue,
                format!("the observer of handset {t} shows {wrong}"),
            ),
            Err(error) => {
                // A screen that cannot read starts again.
                handset.observer = None;
                self.log_line(|| format!("the observer of handset {t} cannot read: {error}"));
                self.check_handset_crash(t);
                Ok(())
            }
        }
    }
}
