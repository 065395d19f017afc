//! Syncs, one action at a time, over a line that everything happens to.

use super::{
    judge::{Broken, Judged, Rule, broken},
    network,
    plan::{Fate, On, fate_words},
    server::{Answer, Down},
    world::{Job, World},
};
use protocol::{
    feed::{Mailbox, PullAnswer},
    open::Open,
};
use simdisk::{Cut, Fault, Rng, hash_bytes};
use terminal_core::{
    platform::PhotoFiles,
    sync::{NextAction, StepOutcome},
    transport::{Method, Request, Response, TransportError},
};

/// How long a handset waits for an answer.
const TIMEOUT: i64 = 30_000;
/// More steps than this in one sync: it does not end.
const STEPS: u32 = 2_000;

impl World<'_> {
    /// The first of a handset's fates that this request can meet; an enrolment is no request.
    pub(super) fn next_fate(&mut self, t: usize, request: Option<&Request>) -> Option<Fate> {
        let fates = &mut self.handsets.get_mut(t)?.fates;
        let at = fates.iter().position(|(fate, on)| meets(*fate, *on, request))?;
        let (fate, _) = fates.remove(at)?;
        self.count_fault(fate_words(fate));
        Some(fate)
    }
    pub(super) fn begin_sync(&mut self, t: usize, manual: bool) -> Judged {
        let Some(handset) = self.handsets.get_mut(t) else {
            return Ok(());
        };
        if handset.terminal.is_some() && handset.run.is_none() {
            self.salvage(t)?;
        }
        let Some(handset) = self.handsets.get_mut(t) else {
            return Ok(());
        };
        let begun = handset.begin_sync(manual);
        let run = handset.runs;
        if self.handset_may_be_dead(t) {
            return Ok(());
        }
        match begun {
            Ok(true) => {
                self.soon(0, Job::Step(t, run));
                Ok(())
            }
            Ok(false) => Ok(()),
            Err(error) => {
                self.tell(|| format!("handset {t} cannot sync: {error}"));
                Ok(())
            }
        }
    }
    pub(super) fn step(&mut self, t: usize, run: u64) -> Judged {
        loop {
            let Some(handset) = self.handsets.get_mut(t) else {
                return Ok(());
            };
            let now = handset.now();
            let (Some(terminal), Some(going)) = (handset.terminal.clone(), handset.run.as_mut()) else {
                return Ok(());
            };
            if going.number != run {
                return Ok(());
            }
            going.steps += 1;
            if going.steps > STEPS {
                return broken(Rule::Unwell, format!("a sync of handset {t} does not end"));
            }
            match going.sync.next_action(terminal.store(), &now) {
                Ok(NextAction::ReadPhoto { file, offset, len }) => {
                    let read = PhotoFiles::read(terminal.photo_folder().as_ref(), &file, offset, len);
                    let applied = going.sync.apply(terminal.store(), &now, StepOutcome::Photo(read));
                    if self.failed(t, applied) {
                        return Ok(());
                    }
                }
                Ok(NextAction::Send(request)) => {
                    if !self.handset_may_be_dead(t) {
                        self.send(t, run, request);
                    }
                    return Ok(());
                }
                Ok(NextAction::Wait(_) | NextAction::Done) => return self.end_sync(t),
                Err(error) => {
                    self.failed(t, Err(error));
                    return Ok(());
                }
            }
        }
    }
    /// A step that failed ends the run; the machine may have died of it.
    pub(super) fn failed(&mut self, t: usize, step: terminal_core::Result<()>) -> bool {
        let Err(error) = step else {
            return self.handset_may_be_dead(t);
        };
        self.tell(|| format!("handset {t}'s sync fails: {error}"));
        if let Some(handset) = self.handsets.get_mut(t) {
            handset.run = None;
        }
        self.handset_may_be_dead(t);
        true
    }
    pub(super) fn end_sync(&mut self, t: usize) -> Judged {
        let Some(handset) = self.handsets.get_mut(t) else {
            return Ok(());
        };
        let (Some(terminal), Some(run)) = (handset.terminal.clone(), handset.run.take()) else {
            return Ok(());
        };
        let report = run.sync.report(terminal.store(), handset.now().wall);
        let is_of_before = run.is_of_before;
        drop(run);
        let Ok(report) = report else {
            self.handset_may_be_dead(t);
            return Ok(());
        };
        if let Some(done) = &report.handed_over {
            return self.forgets(t, &terminal, done);
        }
        if report.pulled {
            handset.must_speak = false;
        }
        if report.is_success() {
            handset.excused &= is_of_before;
            let _ = terminal.forget_old();
        }
        let excused = handset.excused;
        // A look at everything is a seventh of a day. Where nothing was received, nothing decided and nobody died since
        // the last one, the next one sees it, and the one at rest sees all.
        let is_quiet = report.entries_received + report.photos_received + report.rows_pulled == 0
            && report.entries_refused == 0
            && handset.judged == Some(self.tally.crashes);
        self.tell(|| format!("handset {t} has synced: {report:?}"));
        if self.handset_may_be_dead(t) || excused || is_quiet || !self.server.is_up() {
            return Ok(());
        }
        if let Some(handset) = self.handsets.get_mut(t) {
            handset.judged = Some(self.tally.crashes);
        }
        match self.books.get_mut(t) {
            Some(book) => match book.truth(t, &terminal, &self.server, self.tally.crashes) {
                Err(Broken {
                    rule: Rule::Unwell, ..
                }) if self.server.host.is_dead() || self.handset_may_be_dead(t) => {
                    self.server_may_be_dead();
                    Ok(())
                }
                other => other,
            },
            None => Ok(()),
        }
    }
    pub(super) fn send(&mut self, t: usize, run: u64, request: Request) {
        let offline = self
            .handsets
            .get(t)
            .is_some_and(|h| self.time.now() < h.offline_until);
        let failed = |error| StepOutcome::Failed(error);
        if offline {
            let outcome = failed(TransportError::Unreachable("no network".into()));
            return self.soon(50, Job::Back { t, run, outcome });
        }
        // Most of what befalls a line befalls what is worth something, not the signing in before it.
        let signs_in = request.path.ends_with("/challenge") || request.path.ends_with("/token");
        let fate = match signs_in && Rng(self.count ^ 0xFA7E).chance(800) {
            true => None,
            false => self.next_fate(t, Some(&request)),
        };
        self.tell(|| format!("handset {t} sends {request:?} {fate:?}"));
        let lag = 20 + i64::try_from(Rng(self.count ^ self.plan.seed).below(200)).unwrap_or(0);
        let back = |outcome| Job::Back { t, run, outcome };
        match fate {
            Some(Fate::RequestLost) => self.soon(TIMEOUT, back(failed(TransportError::Timeout))),
            Some(Fate::Portal) => self.soon(lag, back(StepOutcome::Answer(network::page(200, None)))),
            Some(Fate::TooLarge) => self.soon(lag, back(StepOutcome::Answer(network::page(413, None)))),
            Some(Fate::TooMany) => self.soon(lag, back(StepOutcome::Answer(network::page(429, Some(30))))),
            Some(Fate::Unavailable) => {
                self.soon(lag, back(StepOutcome::Answer(network::page(503, Some(60)))))
            }
            Some(Fate::Strange | Fate::OldAnswer) => {
                let answer = self.made_up(t, &request, fate);
                self.soon(lag, back(StepOutcome::Answer(answer)));
            }
            Some(Fate::Garbled) => {
                let mut request = request;
                network::garble(&mut request);
                let job = Job::Arrive {
                    t,
                    run,
                    request,
                    fate: Fate::Garbled,
                    plain: true,
                };
                self.soon(lag, job);
            }
            Some(Fate::Late) => {
                let later = 60_000 + i64::try_from(Rng(self.count).below(900_000)).unwrap_or(0);
                self.soon(later, Job::Late(request));
                self.soon(TIMEOUT, back(failed(TransportError::Timeout)));
            }
            fate => {
                if fate == Some(Fate::Duplicate) {
                    let later = 1_000 + i64::try_from(Rng(self.count).below(1_800_000)).unwrap_or(0);
                    self.soon(later, Job::Late(request.clone()));
                }
                let lag = if fate == Some(Fate::Slow) { 25_000 } else { lag };
                let job = Job::Arrive {
                    t,
                    run,
                    request,
                    fate: fate.unwrap_or(Fate::Slow),
                    plain: fate.is_none(),
                };
                self.soon(lag, job);
            }
        }
    }
    /// An answer that the server has not given to this request.
    fn made_up(&self, t: usize, request: &Request, fate: Option<Fate>) -> Response {
        let is_push = request.path.ends_with("/push");
        match self.last_push.get(&t) {
            Some(old) if is_push && fate == Some(Fate::OldAnswer) => return old.clone(),
            _ if fate == Some(Fate::OldAnswer) => return network::page(502, None),
            _ => {}
        }
        let terminal = self.handsets.get(t).and_then(|h| h.terminal.as_ref());
        let epoch = terminal.and_then(|t| t.store().epoch().ok().flatten());
        match request.method {
            Method::Patch => network::strange(request, "", self.time.now()),
            _ if is_push => network::strange(request, &epoch.unwrap_or_default(), self.time.now()),
            _ => network::page(502, None),
        }
    }
    pub(super) fn arrive(
        &mut self,
        t: usize,
        run: u64,
        request: &Request,
        fate: Fate,
        plain: bool,
    ) -> Judged {
        let cut = (fate == Fate::CutRequest && !plain).then(|| {
            let most = request.body.len() as u64;
            usize::try_from(Rng(self.count).below(most.max(1))).unwrap_or(0)
        });
        let Some(built) = network::request(request, cut) else {
            return broken(Rule::Unwell, format!("{request:?} is no request"));
        };
        if !plain && matches!(fate, Fate::DiskFails | Fate::PowerGoes) {
            self.strike(fate, request);
        }
        let answered = self.server.request(built);
        let was_up = self.server.is_up();
        self.server_may_be_dead();
        if cut.is_none() {
            self.judge_answer(&answered, &format!("{request:?} of handset {t}"))?;
        }
        if let Ok(answer) = &answered {
            let hash = hash_bytes(u64::from(answer.status), &answer.body);
            self.trace(&hash.to_le_bytes());
            if answer.status == 200 {
                brings_only_news(request, &network::response(answer))?;
            }
            if answer.status == 200 && request.path.ends_with("/push") {
                self.last_push.insert(t, network::response(answer));
            }
        }
        let lag = 20 + i64::try_from(Rng(self.count ^ 77).below(200)).unwrap_or(0);
        let failed = |error| StepOutcome::Failed(error);
        let broke = || failed(TransportError::Cut("the connection broke".into()));
        let (wait, outcome) = match answered {
            Err(_) if was_up => (lag, broke()),
            Err(_) => (lag, failed(TransportError::Unreachable("refused".into()))),
            Ok(_) if plain => (lag, StepOutcome::Answer(answer_of(&answered))),
            Ok(_) => match fate {
                Fate::AnswerLost => (TIMEOUT, failed(TransportError::Timeout)),
                Fate::CutRequest | Fate::CutAnswer => (lag, broke()),
                Fate::HtmlError => (lag, StepOutcome::Answer(network::page(502, None))),
                Fate::NewerPeer => (
                    lag,
                    StepOutcome::Answer(network::newer(answer_of(&answered), self.count)),
                ),
                Fate::Slow => (25_000, StepOutcome::Answer(answer_of(&answered))),
                _ => (lag, StepOutcome::Answer(answer_of(&answered))),
            },
        };
        self.soon(wait, Job::Back { t, run, outcome });
        Ok(())
    }
    /// The server's machine fails at one of its next operations.
    pub(super) fn strike(&mut self, fate: Fate, request: &Request) {
        // A parcel's photos are written before its rows are.
        let most = if request.path.ends_with("/parcel") { 40 } else { 12 };
        let k = Rng(self.count ^ 0xD15C).below(most);
        if fate == Fate::DiskFails {
            self.server_strained = true;
            self.server.host.fault_in(k, Fault::IoErr);
        } else {
            self.server_cut = Cut::LoseAll;
            self.server.host.fault_in(k, Fault::PowerCut);
        }
    }
    /// A server that nothing befell has no internal errors.
    pub(super) fn judge_answer(&self, answered: &Result<Answer, Down>, to: &str) -> Judged {
        match answered {
            Ok(answer) if answer.status == 500 && !self.server_strained => broken(
                Rule::Unwell,
                format!(
                    "500 to {to}: {}",
                    String::from_utf8_lossy(answer.body.get(..300).unwrap_or(&answer.body))
                ),
            ),
            _ => Ok(()),
        }
    }
    pub(super) fn back(&mut self, t: usize, run: u64, outcome: StepOutcome) -> Judged {
        let Some(handset) = self.handsets.get_mut(t) else {
            return Ok(());
        };
        let now = handset.now();
        let (Some(terminal), Some(going)) = (handset.terminal.clone(), handset.run.as_mut()) else {
            return Ok(());
        };
        if going.number != run {
            return Ok(());
        }
        let applied = going.sync.apply(terminal.store(), &now, outcome);
        if self.failed(t, applied) {
            return Ok(());
        }
        self.soon(0, Job::Step(t, run));
        Ok(())
    }
}

/// Whether a fate can befall this request.
fn meets(fate: Fate, on: On, request: Option<&Request>) -> bool {
    let Some(request) = request else {
        return on == On::Any && !matches!(fate, Fate::Garbled | Fate::Strange | Fate::OldAnswer);
    };
    let is_push = request.path.ends_with("/push");
    let is_patch = request.method == Method::Patch;
    let is_there = match on {
        On::Any => true,
        On::Push => is_push,
        On::Pull => request.path.contains("/field/pull"),
        On::Photo => request.path.contains("/field/photos"),
        On::Parcel => request.path.ends_with("/parcel"),
    };
    is_there
        && match fate {
            Fate::Garbled => is_patch,
            Fate::OldAnswer => is_push,
            Fate::Strange => is_push || is_patch,
            // Where no answer comes, the one to a part is the one that matters.
            Fate::RequestLost | Fate::AnswerLost | Fate::CutRequest | Fate::Late if on == On::Photo => {
                is_patch
            }
            _ => true,
        }
}

/// A pull brings what comes after its cursor, and nothing of before: no change is told twice.
fn brings_only_news(request: &Request, response: &Response) -> Judged {
    let Some((_, cursor)) = request.path.split_once("/pull?cursor=") else {
        return Ok(());
    };
    let mut parts = cursor.rsplitn(5, '.');
    let mut next = || parts.next().unwrap_or_default();
    let (author, _, post, _, epoch) = (next(), next(), next(), next(), next());
    let Ok(answer) = serde_json::from_slice::<PullAnswer>(&response.body) else {
        return Ok(());
    };
    for row in answer.rows.iter().filter(|_| answer.epoch == epoch) {
        let at = match row.mailbox {
            Open::Known(Mailbox::Post) => post,
            Open::Known(Mailbox::Author) => author,
            Open::Other(_) => continue,
        };
        if !answer.reset.contains(&row.mailbox) && at.parse().is_ok_and(|at: u64| row.n <= at) {
            return broken(
                Rule::Twice,
                format!(
                    "a pull after {at} brings {} {} of number {} again",
                    row.kind, row.entity, row.n
                ),
            );
        }
    }
    Ok(())
}

fn answer_of(answered: &Result<Answer, Down>) -> Response {
    answered.as_ref().map(network::response).unwrap_or_default()
}
