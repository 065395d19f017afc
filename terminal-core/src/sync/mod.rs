//! The sync as a state machine without I/O: [`Sync::next_action`] says what to do, the driver does it,
//! [`Sync::apply`] takes the outcome. A thread drives it in production, a scheduler one step at a time in the
//! simulator.
//!
//! All that must survive is in the store; a machine that dies between any two steps is simply made anew. In
//! memory are only the token, batch and chunk sizes, and what this run has done. Order of a run: token,
//! entries, mailboxes, manifest, photos, files, and the mailboxes once more when something was delivered.
//! What becomes due meanwhile is taken in the same order, so a new report overtakes a large photo.

pub(crate) mod backoff;
mod files;
mod handover;
mod photos;
mod policy;
mod pull;
mod push;
mod report;
mod session;
mod verdict;

pub use policy::{Held, Policy};
pub use report::{Progress, SyncReport};
pub use verdict::{Failure, Verdict, classify};

use crate::{
    Result,
    platform::{ClockRaw, PhotoFileError, Random},
    store::{Account, Retry, Step, Store, Upload, WantedFile},
    transport::{Request, Response, TransportError},
};
use protocol::{entry::Reason, ids::EntryId, photo::Sha256, problem::ErrorCode, sign::Signer, time::Millis};
use std::sync::Arc;

/// What one run hands to the next in the life of a process: the token, and how much at once has gone well. Nothing
/// is lost without it but a few exchanges.
#[derive(Default)]
pub struct Memory {
    session: session::Session,
    push: push::Limits,
    photo_chunk: Option<u64>,
    file_chunk: Option<u64>,
}

impl Memory {
    /// The token if it still holds for a while.
    pub fn token(&self, now: &ClockRaw) -> Option<&str> {
        self.session.valid(now)
    }
    /// The server does not accept the token any more.
    pub fn forget_token(&mut self) {
        self.session.renew();
    }
}

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Send this and apply [`Outcome::Answer`] or [`Outcome::Failed`].
    Send(Request),
    /// Read these plain bytes of a photo and apply [`Outcome::Photo`].
    ReadPhoto {
        /// Name in the photo folder.
        file: String,
        /// First byte.
        offset: u64,
        /// How many.
        len: u64,
    },
    /// Nothing to do before this time of the wall clock; [`Sync::report`] says why. Asking earlier is
    /// harmless, asking after a change of the network or a new entry is right.
    Wait(Millis),
    /// Nothing to do until something new happens.
    Done,
}

/// What came of an action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// A whole answer, whatever its status.
    Answer(Response),
    /// No answer.
    Failed(TransportError),
    /// The bytes of a photo, or why not.
    Photo(std::result::Result<Vec<u8>, PhotoFileError>),
}

/// What was asked for and not answered yet.
#[derive(Debug)]
enum Asked {
    Challenge,
    Token,
    Push {
        body: Sha256,
        ids: Vec<(EntryId, u64, Sha256)>,
    },
    Create(Upload),
    Head {
        upload: Upload,
        url: String,
    },
    Patch {
        upload: Upload,
        url: String,
        offset: u64,
        len: u64,
    },
    ReadPhoto {
        upload: Upload,
        url: String,
        offset: u64,
        len: u64,
    },
    Pull {
        cursor: String,
    },
    Manifest,
    File(WantedFile),
    Compare {
        sha256: Sha256,
        attempts: u32,
    },
    ParcelPhoto,
    Parcel(Sha256),
}

/// The state machine. One for each run or one for the life of the process; both are right.
pub struct Sync {
    account: Account,
    signer: Arc<dyn Signer>,
    random: Arc<dyn Random>,
    policy: Policy,
    begun: bool,
    asked: Option<(Asked, ClockRaw)>,
    session: session::Session,
    push: push::Limits,
    photo: photos::Upstream,
    /// A pull is due: at the start and after something was delivered.
    pull_due: bool,
    pulls_again: u32,
    manifest_due: bool,
    file_chunk: u64,
    /// Failures in a row, of anything: after [`TIRED`] the whole run waits.
    failures: u32,
    epoch: Option<String>,
    /// The server said in this run that the stream has ended.
    handover: Option<handover::Handover>,
    report: SyncReport,
    events: Vec<Progress>,
}

/// After this many failures in a row the server is left alone for a while.
const TIRED: u32 = 12;

impl Sync {
    /// A machine for the enrolled account of this store.
    pub fn new(
        store: &Store,
        signer: Arc<dyn Signer>,
        random: Arc<dyn Random>,
        policy: Policy,
    ) -> Result<Self> {
        Ok(Self {
            account: store.account()?,
            signer,
            random,
            policy,
            begun: false,
            asked: None,
            session: session::Session::default(),
            push: push::Limits::default(),
            photo: photos::Upstream::default(),
            pull_due: true,
            pulls_again: 0,
            manifest_due: true,
            file_chunk: files::FIRST_CHUNK,
            failures: 0,
            epoch: store.epoch()?,
            handover: None,
            report: SyncReport {
                handed_over: store.handed_over()?,
                ..SyncReport::default()
            },
            events: Vec::new(),
        })
    }

    /// Begins where an earlier run of this process ended.
    pub fn recall(&mut self, memory: Memory) {
        self.session = memory.session;
        self.push = memory.push;
        if let Some(chunk) = memory.photo_chunk {
            self.photo.set_chunk(chunk);
        }
        self.file_chunk = memory.file_chunk.unwrap_or(self.file_chunk);
    }
    /// What the next run may begin with.
    pub fn into_memory(self) -> Memory {
        Memory {
            photo_chunk: Some(self.photo.chunk()),
            file_chunk: Some(self.file_chunk),
            session: self.session,
            push: self.push,
        }
    }
    /// From now on photos and files wait. Whether that changed anything.
    pub fn hold_back(&mut self, held: Held) -> bool {
        let changes = self.policy.photos || self.policy.files;
        self.policy = self.policy.without(held);
        changes
    }

    /// What this run has done so far and what is left.
    pub fn report(&self, store: &Store, now: Millis) -> Result<SyncReport> {
        let mut report = self.report.clone();
        // What was delivered since the mailboxes were read may have changed them: read to the end is now.
        report.pulled &= !self.pull_due;
        report.complete(store, now, self.policy)
    }

    /// What happened since the last call, for a listener.
    pub fn take_events(&mut self) -> Vec<Progress> {
        std::mem::take(&mut self.events)
    }

    /// The next thing to do. An action whose outcome was never applied is taken as lost.
    pub fn next_action(&mut self, store: &Store, now: &ClockRaw) -> Result<Action> {
        self.asked = None;
        if !self.begun {
            self.begun = true;
            if self.policy.manual {
                store.end_own_waits()?;
            }
        }
        if !self.policy.online {
            return Ok(Action::Done);
        }
        // Nothing is left to be said.
        if self.report.handed_over.is_some() {
            return Ok(Action::Done);
        }
        if let Some((asked, action)) = self.handover_action(store, now)? {
            self.asked = Some((asked, now.clone()));
            return Ok(action);
        }
        if let Some(until) = store.step(Step::Session)?.wait_until(now.wall) {
            return Ok(Action::Wait(until));
        }
        let next = match self.session_action(store, now)? {
            Some(next) => Some(next),
            None => self.work(store, now)?,
        };
        let Some((asked, action)) = next else {
            return self.rest(store, now.wall);
        };
        self.asked = Some((asked, now.clone()));
        Ok(action)
    }

    /// What to do with a valid token in hand, most urgent first.
    fn work(&mut self, store: &Store, now: &ClockRaw) -> Result<Option<(Asked, Action)>> {
        if let Some(next) = self.push_action(store, now)? {
            return Ok(Some(next));
        }
        if let Some(next) = self.pull_action(store, now.wall)? {
            return Ok(Some(next));
        }
        if let Some(next) = self.manifest_action(store, now.wall)? {
            return Ok(Some(next));
        }
        if self.policy.photos
            && let Some(next) = self.photo_action(store, now.wall)?
        {
            return Ok(Some(next));
        }
        if self.policy.photos
            && let Some(next) = self.compare_action(store, now.wall)?
        {
            return Ok(Some(next));
        }
        self.file_action(store, now.wall)
    }

    /// Nothing is due: until when?
    fn rest(&mut self, store: &Store, now: Millis) -> Result<Action> {
        match store.next_due(now)? {
            Some(until) => Ok(Action::Wait(until)),
            None => {
                store.set_last_sync(now)?;
                Ok(Action::Done)
            }
        }
    }

    /// Takes the outcome of the last action. On an error nothing was settled: the next action asks again.
    pub fn apply(&mut self, store: &Store, now: &ClockRaw, outcome: Outcome) -> Result<()> {
        let Some((asked, sent)) = self.asked.take() else {
            return Ok(());
        };
        let at = now.wall;
        match asked {
            Asked::Challenge => self.challenge_answer(store, &sent, now, outcome),
            Asked::Token => self.token_answer(store, &sent, now, outcome),
            Asked::Push { body, ids } => self.push_answer(store, at, body, &ids, outcome),
            Asked::Create(upload) => self.create_answer(store, at, upload, outcome),
            Asked::Head { upload, url } => self.head_answer(store, at, upload, url, outcome),
            Asked::ReadPhoto {
                upload,
                url,
                offset,
                len,
            } => self.photo_read(store, at, upload, url, offset, len, outcome),
            Asked::Patch {
                upload,
                url,
                offset,
                len,
            } => self.patch_answer(store, at, upload, url, offset, len, outcome),
            Asked::Pull { cursor } => self.pull_answer(store, at, &cursor, outcome),
            Asked::Manifest => self.manifest_answer(store, at, outcome),
            Asked::File(wanted) => self.file_answer(store, at, &wanted, outcome),
            Asked::Compare { sha256, attempts } => self.compare_answer(store, at, sha256, attempts, outcome),
            Asked::ParcelPhoto => self.parcel_photo(store, at, outcome),
            Asked::Parcel(sha256) => self.parcel_answer(store, at, sha256, outcome),
        }
    }

    /// Something worked: the server is there and well.
    fn well(&mut self, store: &Store) -> Result<()> {
        self.failures = 0;
        self.session.refusals = 0;
        let step = store.step(Step::Session)?;
        if step.attempts > 0 {
            store.set_step(Step::Session, &Retry::default())?;
        }
        Ok(())
    }

    /// The part of every failure that concerns the whole run: waits that hold for everything, the token, and
    /// the words for the report. `attempts` is how often the failing thing itself has failed before.
    /// `stop`: the whole run waits in any case.
    fn unwell(
        &mut self,
        store: &Store,
        now: Millis,
        failure: &Failure,
        attempts: u32,
        stop: bool,
    ) -> Result<()> {
        tracing::info!(code = %failure.reason.code, verdict = ?failure.verdict, "sync step failed");
        self.report.problem = Some(failure.reason.clone());
        self.events.push(Progress::Problem(failure.reason.clone()));
        self.failures = self.failures.saturating_add(1);
        if let Some(due) = handover::Handover::due(&self.account, &failure.reason) {
            self.handover = Some(due);
        }
        let pause = match failure.verdict {
            Verdict::Network
            | Verdict::Transient {
                retry_after_ms: Some(_),
            } => true,
            Verdict::Authenticate => {
                self.session.forget(&failure.reason.code);
                self.session.refusals > 2
            }
            Verdict::Refused if failure.reason.code.class().concerns_sender() => {
                self.session.forget(&failure.reason.code);
                true
            }
            Verdict::Transient { retry_after_ms: None } | Verdict::Split | Verdict::Refused => {
                self.failures >= TIRED
            }
        };
        if pause || stop {
            let before = store.step(Step::Session)?.attempts;
            let retry = backoff::after(failure, before.max(attempts), now, self.random.as_ref())?;
            store.set_step(Step::Session, &retry)?;
            self.failures = 0;
            self.session.refusals = 0;
        }
        Ok(())
    }

    fn retry_after(&self, failure: &Failure, attempts: u32, now: Millis) -> Result<Retry> {
        backoff::after(failure, attempts, now, self.random.as_ref())
    }

    /// A step that belongs to no row failed.
    fn step_failed(&mut self, store: &Store, now: Millis, step: Step, failure: &Failure) -> Result<()> {
        let attempts = store.step(step)?.attempts;
        // A token that ended is renewed at once, and the step goes on in this very run.
        if step != Step::Session && failure.verdict != Verdict::Authenticate {
            store.set_step(step, &self.retry_after(failure, attempts, now)?)?;
        }
        // Without a token nothing goes, so its failure stops the run; only a stale challenge is asked anew.
        let stop = step == Step::Session && failure.verdict != Verdict::Authenticate;
        self.unwell(store, now, failure, attempts, stop)
    }

    /// Takes note of the epoch in an answer. A new one: the server was restored, so the mark that comes with
    /// a new token is asked for, and the mailboxes are pulled from nothing.
    fn see_epoch(&mut self, store: &Store, epoch: &str) -> Result<bool> {
        if self.epoch.as_deref() == Some(epoch) {
            return Ok(false);
        }
        let changed = store.see_epoch(epoch)?;
        self.epoch = Some(epoch.to_owned());
        self.pull_due = true;
        self.manifest_due = true;
        Ok(changed)
    }

    fn path(&self, path: &str) -> String {
        format!("/v1/field/{path}")
    }
}

/// A failure of our own finding, for rows.
fn failure(verdict: Verdict, code: impl Into<ErrorCode>, zh: &str, en: &str) -> Failure {
    Failure {
        verdict,
        reason: Reason::new(code, zh, en),
    }
}
