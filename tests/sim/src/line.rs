//! Syncs, one step at a time, with network faults.

use super::{
    judge::{CheckResult, Invariant, Violation, violation},
    network,
    plan::{ExchangeFault, FaultTarget, fault_name},
    server::{ServerDown, SimResponse},
    world::{SimJob, SimWorld},
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

/// How long a handset waits for a response, in milliseconds.
const TIMEOUT: i64 = 30_000;
/// A sync with more steps than this does not end.
const STEPS: u32 = 2_000;

impl SimWorld<'_> {
    /// Takes the first of the handset's pending faults that applies to this request; `None` as request: an
    /// enrolment.
    pub(super) fn next_fault(&mut self, t: usize, request: Option<&Request>) -> Option<ExchangeFault> {
        let faults = &mut self.handsets.get_mut(t)?.faults;
        let at = faults
            .iter()
            .position(|(fault, on)| meets(*fault, *on, request))?;
        let (fault, _) = faults.remove(at)?;
        self.count_fault(fault_name(fault));
        Some(fault)
    }
    pub(super) fn begin_sync(&mut self, t: usize, manual: bool) -> CheckResult {
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
        if self.check_handset_crash(t) {
            return Ok(());
        }
        match begun {
            Ok(true) => {
                self.schedule_in(0, SimJob::Step(t, run));
                Ok(())
            }
            Ok(false) => Ok(()),
            Err(error) => {
                self.log_line(|| format!("handset {t} cannot sync: {error}"));
                Ok(())
            }
        }
    }
    pub(super) fn step(&mut self, t: usize, run: u64) -> CheckResult {
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
                return violation(Invariant::Health, format!("a sync of handset {t} does not end"));
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
                    if !self.check_handset_crash(t) {
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
    /// Returns true if the step failed; ends the sync. The machine may have died of it.
    pub(super) fn failed(&mut self, t: usize, step: terminal_core::Result<()>) -> bool {
        let Err(error) = step else {
            return self.check_handset_crash(t);
        };
        self.log_line(|| format!("the sync of handset {t} failed: {error}"));
        if let Some(handset) = self.handsets.get_mut(t) {
            handset.run = None;
        }
        self.check_handset_crash(t);
        true
    }
    pub(super) fn end_sync(&mut self, t: usize) -> CheckResult {
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
            self.check_handset_crash(t);
            return Ok(());
        };
        if let Some(done) = &report.handed_over {
            return self.delete_delivered(t, &terminal, done);
        }
        if report.pulled {
            handset.must_sync = false;
        }
        if report.is_success() {
            handset.excused &= is_of_before;
            let _ = terminal.forget_old();
        }
        let excused = handset.excused;
        // A full check takes a seventh of a day's run time. It is skipped if since the last one nothing was
        // received, pulled or refused and no machine died; the check in the calm phase covers everything.
        let is_quiet = report.entries_received + report.photos_received + report.rows_pulled == 0
            && report.entries_refused == 0
            && handset.checked == Some(self.tally.crashes);
        self.log_line(|| format!("handset {t} has synced: {report:?}"));
        if self.check_handset_crash(t) || excused || is_quiet || !self.server.is_up() {
            return Ok(());
        }
        if let Some(handset) = self.handsets.get_mut(t) {
            handset.checked = Some(self.tally.crashes);
        }
        match self.expectations.get_mut(t) {
            Some(expected) => match expected.check_received(t, &terminal, &self.server, self.tally.crashes) {
                Err(Violation {
                    rule: Invariant::Health,
                    ..
                }) if self.server.host.is_dead() || self.check_handset_crash(t) => {
                    self.check_server_crash();
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
            return self.schedule_in(50, SimJob::Back { t, run, outcome });
        }
        // Most faults should hit requests that carry data, not the sign-in before them.
        let signs_in = request.path.ends_with("/challenge") || request.path.ends_with("/token");
        let fault = match signs_in && Rng(self.count ^ 0xFA7E).chance(800) {
            true => None,
            false => self.next_fault(t, Some(&request)),
        };
        self.log_line(|| format!("handset {t} sends {request:?} {fault:?}"));
        let lag = 20 + i64::try_from(Rng(self.count ^ self.plan.seed).below(200)).unwrap_or(0);
        let back = |outcome| SimJob::Back { t, run, outcome };
        match fault {
            Some(ExchangeFault::RequestLost) => {
                self.schedule_in(TIMEOUT, back(failed(TransportError::Timeout)))
            }
            Some(ExchangeFault::Portal) => {
                self.schedule_in(lag, back(StepOutcome::Answer(network::page(200, None))))
            }
            Some(ExchangeFault::TooLarge) => {
                self.schedule_in(lag, back(StepOutcome::Answer(network::page(413, None))))
            }
            Some(ExchangeFault::TooMany) => {
                self.schedule_in(lag, back(StepOutcome::Answer(network::page(429, Some(30)))))
            }
            Some(ExchangeFault::Unavailable) => {
                self.schedule_in(lag, back(StepOutcome::Answer(network::page(503, Some(60)))))
            }
            Some(ExchangeFault::Strange | ExchangeFault::OldAnswer) => {
                let answer = self.forged_response(t, &request, fault);
                self.schedule_in(lag, back(StepOutcome::Answer(answer)));
            }
            Some(ExchangeFault::Garbled) => {
                let mut request = request;
                network::garble(&mut request);
                let job = SimJob::Arrive {
                    t,
                    run,
                    request,
                    fault: ExchangeFault::Garbled,
                    plain: true,
                };
                self.schedule_in(lag, job);
            }
            Some(ExchangeFault::Late) => {
                let later = 60_000 + i64::try_from(Rng(self.count).below(900_000)).unwrap_or(0);
                self.schedule_in(later, SimJob::Late(request));
                self.schedule_in(TIMEOUT, back(failed(TransportError::Timeout)));
            }
            fault => {
                if fault == Some(ExchangeFault::Duplicate) {
                    let later = 1_000 + i64::try_from(Rng(self.count).below(1_800_000)).unwrap_or(0);
                    self.schedule_in(later, SimJob::Late(request.clone()));
                }
                let lag = if fault == Some(ExchangeFault::Slow) {
                    25_000
                } else {
                    lag
                };
                let job = SimJob::Arrive {
                    t,
                    run,
                    request,
                    fault: fault.unwrap_or(ExchangeFault::Slow),
                    plain: fault.is_none(),
                };
                self.schedule_in(lag, job);
            }
        }
    }
    /// A response that the server did not give to this request.
    fn forged_response(&self, t: usize, request: &Request, fault: Option<ExchangeFault>) -> Response {
        let is_push = request.path.ends_with("/push");
        match self.last_push.get(&t) {
            Some(old) if is_push && fault == Some(ExchangeFault::OldAnswer) => return old.clone(),
            _ if fault == Some(ExchangeFault::OldAnswer) => return network::page(502, None),
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
        fault: ExchangeFault,
        plain: bool,
    ) -> CheckResult {
        let cut = (fault == ExchangeFault::CutRequest && !plain).then(|| {
            let most = request.body.len() as u64;
            usize::try_from(Rng(self.count).below(most.max(1))).unwrap_or(0)
        });
        let Some(built) = network::request(request, cut) else {
            return violation(Invariant::Health, format!("{request:?} cannot be sent"));
        };
        if !plain && matches!(fault, ExchangeFault::DiskFails | ExchangeFault::PowerGoes) {
            self.fail_server_disk(fault, request);
        }
        let answered = self.server.request(built);
        let was_up = self.server.is_up();
        self.check_server_crash();
        if cut.is_none() {
            self.check_response(&answered, &format!("{request:?} of handset {t}"))?;
        }
        if let Ok(answer) = &answered {
            let hash = hash_bytes(u64::from(answer.status), &answer.body);
            self.trace(&hash.to_le_bytes());
            if answer.status == 200 {
                check_pull_is_forward(request, &network::response(answer))?;
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
            Ok(_) => match fault {
                ExchangeFault::AnswerLost => (TIMEOUT, failed(TransportError::Timeout)),
                ExchangeFault::CutRequest | ExchangeFault::CutAnswer => (lag, broke()),
                ExchangeFault::HtmlError => (lag, StepOutcome::Answer(network::page(502, None))),
                ExchangeFault::NewerPeer => (
                    lag,
                    StepOutcome::Answer(network::newer(answer_of(&answered), self.count)),
                ),
                ExchangeFault::Slow => (25_000, StepOutcome::Answer(answer_of(&answered))),
                _ => (lag, StepOutcome::Answer(answer_of(&answered))),
            },
        };
        self.schedule_in(wait, SimJob::Back { t, run, outcome });
        Ok(())
    }
    /// Makes the server's machine fail at one of its next disk operations.
    pub(super) fn fail_server_disk(&mut self, fault: ExchangeFault, request: &Request) {
        // A parcel's photos are written before its rows.
        let most = if request.path.ends_with("/parcel") { 40 } else { 12 };
        let k = Rng(self.count ^ 0xD15C).below(most);
        if fault == ExchangeFault::DiskFails {
            self.server_disk_faulty = true;
            self.server.host.fault_in(k, Fault::IoErr);
        } else {
            self.server_cut = Cut::LoseAll;
            self.server.host.fault_in(k, Fault::PowerCut);
        }
    }
    /// Without faults the server must not answer 500.
    pub(super) fn check_response(&self, answered: &Result<SimResponse, ServerDown>, to: &str) -> CheckResult {
        match answered {
            Ok(answer) if answer.status == 500 && !self.server_disk_faulty => violation(
                Invariant::Health,
                format!(
                    "500 to {to}: {}",
                    String::from_utf8_lossy(answer.body.get(..300).unwrap_or(&answer.body))
                ),
            ),
            _ => Ok(()),
        }
    }
    pub(super) fn back(&mut self, t: usize, run: u64, outcome: StepOutcome) -> CheckResult {
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
        self.schedule_in(0, SimJob::Step(t, run));
        Ok(())
    }
}

/// Returns true if a fault can apply to this request.
fn meets(fault: ExchangeFault, on: FaultTarget, request: Option<&Request>) -> bool {
    let Some(request) = request else {
        return on == FaultTarget::Any
            && !matches!(
                fault,
                ExchangeFault::Garbled | ExchangeFault::Strange | ExchangeFault::OldAnswer
            );
    };
    let is_push = request.path.ends_with("/push");
    let is_patch = request.method == Method::Patch;
    let is_there = match on {
        FaultTarget::Any => true,
        FaultTarget::Push => is_push,
        FaultTarget::Pull => request.path.contains("/field/pull"),
        FaultTarget::Photo => request.path.contains("/field/photos"),
        FaultTarget::Parcel => request.path.ends_with("/parcel"),
    };
    is_there
        && match fault {
            ExchangeFault::Garbled => is_patch,
            ExchangeFault::OldAnswer => is_push,
            ExchangeFault::Strange => is_push || is_patch,
            // For faults without a response, the upload of a part is the interesting request.
            ExchangeFault::RequestLost
            | ExchangeFault::AnswerLost
            | ExchangeFault::CutRequest
            | ExchangeFault::Late
                if on == FaultTarget::Photo =>
            {
                is_patch
            }
            _ => true,
        }
}

/// Checks that a pull returns only rows after its cursor, so that no change is sent twice.
fn check_pull_is_forward(request: &Request, response: &Response) -> CheckResult {
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
            return violation(
                Invariant::Twice,
                format!(
                    "a pull after {at} returns {} {} with number {} again",
                    row.kind, row.entity, row.n
                ),
            );
        }
    }
    Ok(())
}

fn answer_of(answered: &Result<SimResponse, ServerDown>) -> Response {
    answered.as_ref().map(network::response).unwrap_or_default()
}
