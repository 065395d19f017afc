//! The running sync of a process, and the callers that join it: a person who asks for a sync while one runs
//! gets the report and the progress of that one, instead of an error.

use crate::sync::{
    data_policy::SyncTrigger,
    report::{SyncProgress, SyncReport},
};
use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        mpsc::{self, RecvTimeoutError},
    },
    time::Duration,
};

/// How often a caller that waits for another's run looks whether it was cancelled.
const CANCEL_EVERY: Duration = Duration::from_millis(100);

/// One sync that runs in this process.
#[derive(Debug)]
pub(crate) struct RunningSync(Mutex<RunState>);

#[derive(Debug)]
struct RunState {
    trigger: SyncTrigger,
    asks: u64,
    /// Closed when the run is over: the receivers notice.
    listeners: Vec<mpsc::Sender<SyncProgress>>,
    /// The run does not look for new asks any more.
    is_ending: bool,
    report: Option<SyncReport>,
}

/// Place of the running sync.
#[derive(Debug, Default)]
pub(crate) struct RunSlot(Mutex<Option<Arc<RunningSync>>>);

/// The outcome of [`RunSlot::begin_or_join`].
pub(crate) enum Begun<'a> {
    /// The caller runs the sync.
    Own(OwnRun<'a>),
    /// Another caller runs it.
    Joined(JoinedRun),
}

/// The right to run. The run is over when this value is dropped.
pub(crate) struct OwnRun<'a> {
    slot: &'a RunSlot,
    pub(crate) run: Arc<RunningSync>,
}

/// A run of another caller.
pub(crate) struct JoinedRun {
    run: Arc<RunningSync>,
    progress: mpsc::Receiver<SyncProgress>,
    /// The ask came too late to be considered.
    too_late: bool,
}

impl RunSlot {
    fn slot(&self) -> MutexGuard<'_, Option<Arc<RunningSync>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
    /// Number of callers of the running sync.
    #[cfg(feature = "testing")]
    pub(crate) fn callers_now(&self) -> u64 {
        self.slot().as_ref().map_or(0, |run| run.asks())
    }
    /// Begins a run, or joins the running one and raises its trigger to the stronger one.
    pub(crate) fn begin_or_join(&self, trigger: SyncTrigger) -> Begun<'_> {
        let mut slot = self.slot();
        if let Some(run) = slot.as_ref() {
            let (tell, progress) = mpsc::channel();
            let mut state = run.state();
            let too_late = state.is_ending;
            if !too_late {
                state.trigger = state.trigger.max(trigger);
                state.asks += 1;
            }
            state.listeners.push(tell);
            drop(state);
            return Begun::Joined(JoinedRun {
                run: Arc::clone(run),
                progress,
                too_late,
            });
        }
        let run = Arc::new(RunningSync(Mutex::new(RunState {
            trigger,
            asks: 1,
            listeners: Vec::new(),
            is_ending: false,
            report: None,
        })));
        *slot = Some(Arc::clone(&run));
        Begun::Own(OwnRun { slot: self, run })
    }
}

impl RunningSync {
    fn state(&self) -> MutexGuard<'_, RunState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
    /// The strongest trigger of all callers.
    pub(crate) fn trigger(&self) -> SyncTrigger {
        self.state().trigger
    }
    /// Number of callers so far.
    pub(crate) fn asks(&self) -> u64 {
        self.state().asks
    }
    /// Ends the run, unless there are more than `asks` callers.
    pub(crate) fn ends(&self, asks: u64) -> bool {
        let mut state = self.state();
        state.is_ending = state.asks == asks;
        state.is_ending
    }
    /// Passes an event to all callers that joined.
    pub(crate) fn tell(&self, progress: &SyncProgress) {
        self.state()
            .listeners
            .retain(|listener| listener.send(progress.clone()).is_ok());
    }
    /// Stores the report for the callers that joined.
    pub(crate) fn done(&self, report: &SyncReport) {
        self.state().report = Some(report.clone());
    }
}

impl Drop for OwnRun<'_> {
    fn drop(&mut self) {
        *self.slot.slot() = None;
        let mut state = self.run.state();
        state.is_ending = true;
        state.listeners.clear();
    }
}

impl JoinedRun {
    /// Passes progress on for a short time; returns true if the run is over.
    pub(crate) fn is_over(&self, listener: &mut dyn FnMut(SyncProgress)) -> bool {
        loop {
            match self.progress.recv_timeout(CANCEL_EVERY) {
                Ok(progress) => listener(progress),
                Err(RecvTimeoutError::Timeout) => return false,
                Err(RecvTimeoutError::Disconnected) => return true,
            }
        }
    }
    /// The report after the run is over; `None` if it failed or ended before it considered this caller, who
    /// then asks again.
    pub(crate) fn report(&self) -> Option<SyncReport> {
        if self.too_late {
            return None;
        }
        self.run.state().report.clone()
    }
}
