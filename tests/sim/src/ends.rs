//! Streams that end during the day: a terminal that was revoked or wiped, a damaged database, a handset that
//! was put back to an older copy of itself. Also the export to a memory card.

use super::{
    handset::DatabaseDamage,
    judge::{CheckResult, Expectations, Invariant, check_failed, holds_photo, of_stream, violation},
    network::EnrolmentTransport,
    plan::{ExchangeFault, MachineId},
    server::DiskImage,
    world::{SimJob, SimWorld},
};
use bytes::Bytes;
use protocol::{ids::StreamId, parcel::Parcel, photo::Sha256, role::Role, time::Millis};
use serde_json::json;
use server::intake::{ParcelSource, take_parcel};
use simdisk::Cut;
use std::path::Path;
use terminal_core::{
    Error,
    lifecycle::salvage::{self, SalvageReport},
    platform::DATABASE,
    store::{self, HandedOver},
    terminal::Terminal,
};

/// An ended stream, and what its handset had told its user.
pub struct EndedStream {
    pub t: usize,
    pub stream: StreamId,
    pub expected: Expectations,
    pub ended: Millis,
    /// `None` if everything was delivered.
    pub damage: Option<DatabaseDamage>,
    pub report: Option<SalvageReport>,
}

/// A copy of a handset's files and of what it had told its user.
pub struct HandsetCopy {
    stream: StreamId,
    files: DiskImage,
    expected: Expectations,
}

/// After this many failed enrolments in a row the run fails.
const MAX_ENROLMENT_FAILURES: u32 = 400;

impl SimWorld<'_> {
    /// The handset reports that everything was delivered: it deletes its data and is enrolled again.
    pub(super) fn delete_delivered(
        &mut self,
        t: usize,
        terminal: &Terminal,
        done: &HandedOver,
    ) -> CheckResult {
        self.log_line(|| format!("handset {t} has delivered everything: {done:?}"));
        match terminal.forget_everything(done) {
            Ok(true) => self.ended(t),
            // A damaged database must be delivered first.
            Ok(false) => Ok(()),
            Err(error) => {
                self.log_line(|| format!("handset {t} cannot delete its data yet: {error}"));
                self.check_handset_crash(t);
                Ok(())
            }
        }
    }
    /// Checks that the handset's home is empty, and ends its stream.
    pub(super) fn ended(&mut self, t: usize) -> CheckResult {
        if self.check_handset_crash(t) {
            return Ok(());
        }
        let Some(handset) = self.handsets.get_mut(t) else {
            return Ok(());
        };
        handset.die();
        let home = format!("{}/", handset.home);
        let names = handset.host.files().list(&home).map_err(check_failed)?;
        let left = names
            .iter()
            .filter_map(|name| name.strip_prefix(&home))
            .find(|name| name.starts_with(DATABASE) || name.starts_with("photos/"));
        if let Some(left) = left {
            return violation(
                Invariant::Untrue,
                format!("handset {t} reports that its data is deleted, but keeps {left}"),
            );
        }
        self.end_stream(t, None);
        self.schedule_in(60_000, SimJob::Boot(MachineId::Terminal(t)));
        Ok(())
    }
    /// The handset has moved its damaged database into quarantine.
    pub(super) fn quarantined(&mut self, t: usize) {
        let damage = self.handsets.get_mut(t).and_then(|h| {
            h.was_damaged = true;
            h.damaged.take()
        });
        self.log_line(|| format!("handset {t} has quarantined its database"));
        self.end_stream(t, damage);
        self.schedule_in(5_000, SimJob::Boot(MachineId::Terminal(t)));
    }
    /// Moves the expectations to an ended stream and starts with empty ones.
    fn end_stream(&mut self, t: usize, damage: Option<DatabaseDamage>) {
        let ended = self.time.now();
        let Some(handset) = self.handsets.get_mut(t) else {
            return;
        };
        handset.needs_invitation = true;
        handset.put_back = false;
        handset.must_sync = false;
        handset.excused = false;
        let (Some(stream), Some(expected)) = (handset.enrolled.take(), self.expectations.get_mut(t)) else {
            return;
        };
        let expected = std::mem::take(expected);
        self.copies.remove(&t);
        self.ended_streams.push(EndedStream {
            t,
            stream,
            expected,
            ended,
            damage,
            report: None,
        });
    }
    /// The administrator invites the handset again. Returns false if this failed and must be repeated.
    pub(super) fn renew_invitation(&mut self, t: usize) -> bool {
        let (Some(handset), Some(beat)) = (self.handsets.get(t), self.template.beats.get(t)) else {
            return false;
        };
        let Some(terminal) = handset.known_as.filter(|_| handset.needs_invitation) else {
            return true;
        };
        let body = json!({"person": beat.person});
        let path = format!("/v1/posts/{}/holders", beat.post);
        let _ = self.ask(Role::Admin, "POST", &path, &body);
        let body = json!({"post": beat.post, "person": beat.person});
        let path = format!("/v1/terminals/{terminal}/invitations");
        let answer = self.ask(Role::Admin, "POST", &path, &body);
        self.check_server_crash();
        let text = answer
            .ok()
            .and_then(|answer| answer.json()["invitation"].as_str().map(str::to_owned));
        match (text, self.handsets.get_mut(t)) {
            (Some(text), Some(handset)) => {
                handset.invitation = text;
                handset.needs_invitation = false;
                true
            }
            _ => false,
        }
    }
    /// Handles a failed enrolment. A failure must not use up the invitation.
    pub(super) fn enrolment_failed(&mut self, t: usize, error: &Error) -> CheckResult {
        let Some(handset) = self.handsets.get_mut(t) else {
            return Ok(());
        };
        if matches!(error, Error::Input(reason) if reason.code == "stream.revoked") {
            handset.needs_invitation = true;
        }
        handset.refusals += 1;
        if handset.refusals > MAX_ENROLMENT_FAILURES {
            return violation(
                Invariant::Health,
                format!("handset {t} cannot be enrolled: {error}"),
            );
        }
        Ok(())
    }

    /// Overwrites or cuts off pages of the database while the app is not running.
    pub(super) fn damage(&mut self, t: usize, r: u64) -> CheckResult {
        let Some(handset) = self.handsets.get(t) else {
            return Ok(());
        };
        if handset.enrolled.is_none() || handset.damaged.is_some() || handset.terminal.is_none() {
            return Ok(());
        }
        let (host, path) = (handset.host.clone(), format!("{}/{DATABASE}", handset.home));
        self.handset_down(t, Cut::Process, false);
        // The machine stays off meanwhile.
        host.clear_faults();
        let files = host.files();
        let size = files.len(&path).map_err(check_failed)?;
        const PAGE: usize = 4096;
        let pages = size / PAGE;
        let page = usize::try_from(r >> 8).unwrap_or(1) % pages.max(1);
        let damage = match r % 4 {
            0 => files.write_at(&path, 0, &[0; 16]).map(|()| DatabaseDamage::Head),
            1 => files
                .write_at(&path, 0, &[0; PAGE])
                .map(|()| DatabaseDamage::Head),
            2 => files
                .set_len(&path, (pages * 3 / 4).max(1) * PAGE)
                .map(|()| DatabaseDamage::Rows),
            _ => files
                .write_at(&path, page * PAGE, &[0; PAGE])
                .map(|()| DatabaseDamage::Rows),
        }
        .and_then(|damage| files.sync_file(&path).map(|()| damage))
        .map_err(check_failed)?;
        self.count_fault("database damaged");
        if let Some(handset) = self.handsets.get_mut(t) {
            handset.damaged = Some(damage);
        }
        Ok(())
    }
    /// Runs the integrity check that a damaged handset makes at its start. Returns true if the database is
    /// sound.
    pub(super) fn is_sound(&mut self, t: usize) -> bool {
        let Some(handset) = self.handsets.get(t).filter(|h| h.damaged.is_some()) else {
            return true;
        };
        let sound = handset
            .terminal
            .as_ref()
            .is_some_and(|t| t.store().is_sound().unwrap_or(false));
        if !sound && !self.check_handset_crash(t) {
            self.handset_down(t, Cut::Process, false);
        }
        sound
    }
    /// Delivers the quarantined databases before anything else is sent.
    pub(super) fn salvage(&mut self, t: usize) -> CheckResult {
        let Some(handset) = self.handsets.get(t).filter(|handset| handset.was_damaged) else {
            return Ok(());
        };
        let (home, platform) = (Path::new(handset.home), handset.platform());
        if self.time.now() < handset.offline_until {
            return Ok(());
        }
        let waiting = store::quarantined_databases(home, platform.disk.as_ref()).unwrap_or_default();
        // If the machine died after the last byte had arrived, the kept report tells that everything was
        // delivered.
        let kept = salvage::unread(home, platform.disk.as_ref()).unwrap_or_default();
        for (_, report) in kept
            .into_iter()
            .filter(|(_, r)| r.delivered && r.stream.is_some())
        {
            self.store_salvage_report(t, report);
        }
        for aside in waiting {
            let fault = self.next_fault(t, Some(&parcel()));
            if let Some(fault @ (ExchangeFault::DiskFails | ExchangeFault::PowerGoes)) = fault {
                self.fail_server_disk(fault, &parcel());
            }
            let line = EnrolmentTransport::new(&self.server, fault);
            let done = salvage::read(home, &platform, &aside).and_then(|s| s.deliver(home, &platform, &line));
            self.check_server_crash();
            if self.check_handset_crash(t) {
                return Ok(());
            }
            self.log_line(|| format!("handset {t} delivers {aside:?}: {done:?}"));
            if let Ok(report) = done {
                self.store_salvage_report(t, report);
            }
        }
        Ok(())
    }
    /// Stores the handset's report about a quarantined database that it has delivered.
    fn store_salvage_report(&mut self, t: usize, report: SalvageReport) {
        let (stream, now) = (report.stream, self.time.now());
        let mut of = self
            .ended_streams
            .iter_mut()
            .filter(|f| f.t == t && f.damage.is_some());
        if let Some(ended) = of.find(|f| f.report.is_none() && stream.is_none_or(|s| s == f.stream)) {
            ended.report = Some(report);
            ended.ended = now;
        }
    }

    pub(super) fn copy(&mut self, t: usize) -> CheckResult {
        let Some(handset) = self.handsets.get(t) else {
            return Ok(());
        };
        let alone = !self
            .handsets
            .iter()
            .enumerate()
            .any(|(u, other)| u != t && other.is_same_machine(handset));
        let (Some(stream), Some(_), true, None) =
            (handset.enrolled, &handset.terminal, alone, handset.damaged)
        else {
            return Ok(());
        };
        let (files, expected) = (
            handset.host.files(),
            self.expectations.get(t).cloned().unwrap_or_default(),
        );
        let names = files.list(handset.home).map_err(check_failed)?;
        let names = names.into_iter().filter(|name| !name.ends_with("-shm"));
        let copied: Result<DiskImage, _> = names
            .map(|name| files.read(&name).map(|bytes| (name, bytes)))
            .collect();
        if let Ok(files) = copied {
            self.copies.insert(
                t,
                HandsetCopy {
                    stream,
                    files,
                    expected,
                },
            );
        }
        Ok(())
    }
    pub(super) fn put_back(&mut self, t: usize) -> CheckResult {
        let Some(older) = self.copies.remove(&t) else {
            return Ok(());
        };
        let fits = self
            .handsets
            .get(t)
            .is_some_and(|h| h.enrolled == Some(older.stream) && h.damaged.is_none());
        let is_salvaging = self
            .ended_streams
            .iter()
            .any(|f| f.t == t && f.damage.is_some() && f.report.is_none());
        // Skipped if something was cancelled since the copy was made: the copy would send it again and the
        // server would correctly refuse it.
        let is_cancelled = self
            .expectations
            .get(t)
            .is_some_and(|expected| older.expected.has_fewer_cancelled_than(expected));
        if !fits || is_salvaging || is_cancelled {
            return Ok(());
        }
        self.handset_down(t, Cut::Process, false);
        let Some(handset) = self.handsets.get_mut(t) else {
            return Ok(());
        };
        handset.host.clear_faults();
        handset.host.set_quota(None);
        let files = handset.host.files();
        for name in files.list(handset.home).map_err(check_failed)? {
            files.remove(&name).map_err(check_failed)?;
        }
        for (name, bytes) in &older.files {
            files.create(name).map_err(check_failed)?;
            files.append(name, bytes).map_err(check_failed)?;
            files.sync_file(name).map_err(check_failed)?;
            let folder = name.rsplit_once('/').map_or("", |(folder, _)| folder);
            files.sync_dir(folder).map_err(check_failed)?;
        }
        // Drops requests of the later state that have not arrived: their numbers are used again, and the
        // server correctly refuses the second entry of one number.
        self.queue.retain(|_, job| match job {
            SimJob::Late(_) | SimJob::Import(_) => false,
            SimJob::Arrive { t: of, .. } => *of != t,
            _ => true,
        });
        handset.put_back = true;
        handset.must_sync = true;
        handset.excused = true;
        self.begun.retain(|k, _| {
            self.plan
                .events
                .get(*k)
                .and_then(|e| super::worker_actions::worker_of(&e.act))
                != Some(t)
        });
        if let Some(expected) = self.expectations.get_mut(t) {
            *expected = older.expected;
        }
        self.count_fault("handset put back to its copy");
        Ok(())
    }

    /// Exports unsent entries to a memory card, which is brought to the centre once or twice.
    pub(super) fn export(&mut self, t: usize, r: u64) -> CheckResult {
        let Some(terminal) = self.handsets.get(t).and_then(|h| h.terminal.clone()) else {
            return Ok(());
        };
        // The card is a real folder; without free space on this machine there is no card.
        let Ok(card) = tempfile::tempdir() else {
            return Ok(());
        };
        let file = card.path().join("card.xgp");
        let exported = terminal.export_parcels(&file);
        if self.check_handset_crash(t) {
            return Ok(());
        }
        self.log_line(|| format!("handset {t} exports to a card: {exported:?}"));
        if exported.is_err() {
            return Ok(());
        }
        let Ok(bytes) = std::fs::read(&file).map(Bytes::from) else {
            return Ok(());
        };
        let way = 60_000 * (1 + i64::try_from(r % 120).unwrap_or(0));
        self.schedule_in(way, SimJob::Import(bytes.clone()));
        if r.is_multiple_of(3) {
            self.schedule_in(2 * way, SimJob::Import(bytes));
        }
        Ok(())
    }
    /// The centre imports the parcels of a card.
    pub(super) fn import(&mut self, card: Bytes) -> CheckResult {
        if !self.server.is_up() {
            self.schedule_in(60_000, SimJob::Import(card));
            return Ok(());
        }
        let (taken, bytes) = (Vec::new(), card.clone());
        let taken = self.server.with(async move |app| {
            let mut taken = taken;
            let mut rest: &[u8] = &bytes;
            while !rest.is_empty() {
                let (parcel, after) = Parcel::first(rest).map_err(|bad| anyhow::anyhow!("{bad}"))?;
                let answer = take_parcel(app, bytes.slice_ref(parcel.bytes), ParcelSource::File).await;
                taken.push((parcel.head.stream, answer.map_err(|f| anyhow::anyhow!("{f}"))?));
                rest = after;
            }
            Ok(taken)
        });
        if self.server.host.is_dead() {
            self.check_server_crash();
            self.schedule_in(60_000, SimJob::Import(card));
            return Ok(());
        }
        let taken = match taken {
            Ok(taken) => taken,
            Err(error) => {
                self.log_line(|| format!("a card is not imported: {error:#}"));
                self.schedule_in(300_000, SimJob::Import(card));
                self.tolerate_import_failure(&error.to_string())?;
                return Ok(());
            }
        };
        self.count_fault("parcel carried by hand");
        for (stream, answer) in taken {
            let (held, _) = of_stream(&self.server, stream)?;
            for receipt in &answer.receipts {
                let is_held = held
                    .get(&receipt.id)
                    .is_some_and(|(_, sha256, _)| *sha256 == receipt.sha256);
                if !is_held {
                    return violation(
                        Invariant::Untrue,
                        format!(
                            "the server gave a receipt for {} of a card and does not hold it",
                            receipt.id
                        ),
                    );
                }
            }
            self.holds_photos(stream, answer.photos.iter().map(|photo| photo.sha256))?;
        }
        Ok(())
    }
    fn tolerate_import_failure(&self, error: &str) -> CheckResult {
        if self.at() > super::plan::DAY * 2 {
            return violation(Invariant::Health, format!("a card cannot be imported: {error}"));
        }
        Ok(())
    }
    fn holds_photos(&self, stream: StreamId, photos: impl Iterator<Item = Sha256>) -> CheckResult {
        for photo in photos {
            if !holds_photo(&self.server, stream, photo) {
                return violation(
                    Invariant::Untrue,
                    format!("the server gave a receipt for photo {photo} of a card and does not hold it"),
                );
            }
        }
        Ok(())
    }
}

/// A request of the kind that faults of parcels apply to.
fn parcel() -> terminal_core::transport::Request {
    terminal_core::transport::Request::new(terminal_core::transport::Method::Post, "/v1/field/parcel")
}
