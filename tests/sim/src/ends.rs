//! Streams that end before the day does: a terminal that was revoked or ordered to forget, a database that was damaged,
//! and a handset that was put back to an older copy of itself. And what leaves a handset on a memory card.

use super::{
    handset::Damage,
    judge::{Book, Judged, Rule, broken, holds_photo, of_stream, unwell},
    network::Direct,
    plan::{Fate, Machine},
    server::Image,
    world::{Job, World},
};
use bytes::Bytes;
use protocol::{ids::StreamId, parcel::Parcel, photo::Sha256, role::Role, time::Millis};
use serde_json::json;
use server::intake::{Carrier, take_parcel};
use simdisk::Cut;
use std::path::Path;
use terminal_core::{
    Error,
    lifecycle::salvage::{self, SalvageReport},
    platform::DATABASE,
    store::{self, HandedOver},
    terminal::Terminal,
};

/// A stream that is over, and what its handset had promised.
pub struct Former {
    pub t: usize,
    pub stream: StreamId,
    pub book: Book,
    pub ended: Millis,
    /// Absent when everything was handed over.
    pub damage: Option<Damage>,
    pub report: Option<SalvageReport>,
}

/// A handset's disk and promises as they were.
pub struct Older {
    stream: StreamId,
    files: Image,
    book: Book,
}

/// After so many failed enrolments in a row it will never be enrolled.
const REFUSALS: u32 = 400;

impl World<'_> {
    /// Everything was handed over, the handset says: it forgets, and is enrolled anew.
    pub(super) fn forgets(&mut self, t: usize, terminal: &Terminal, done: &HandedOver) -> Judged {
        self.tell(|| format!("handset {t} has handed over: {done:?}"));
        match terminal.forget_everything(done) {
            Ok(true) => self.ended(t),
            // A damaged database goes first.
            Ok(false) => Ok(()),
            Err(error) => {
                self.tell(|| format!("handset {t} does not forget yet: {error}"));
                self.handset_may_be_dead(t);
                Ok(())
            }
        }
    }
    /// The handset is empty.
    pub(super) fn ended(&mut self, t: usize) -> Judged {
        if self.handset_may_be_dead(t) {
            return Ok(());
        }
        let Some(handset) = self.handsets.get_mut(t) else {
            return Ok(());
        };
        handset.terminal = None;
        handset.run = None;
        let home = format!("{}/", handset.home);
        let names = handset.host.files().list(&home).map_err(unwell)?;
        let left = names
            .iter()
            .filter_map(|name| name.strip_prefix(&home))
            .find(|name| name.starts_with(DATABASE) || name.starts_with("photos/"));
        if let Some(left) = left {
            return broken(
                Rule::Untrue,
                format!("handset {t} says that it has forgotten, and keeps {left}"),
            );
        }
        self.over(t, None);
        self.soon(60_000, Job::Boot(Machine::Terminal(t)));
        Ok(())
    }
    /// The damaged database lies aside.
    pub(super) fn set_aside(&mut self, t: usize) {
        let damage = self.handsets.get_mut(t).and_then(|h| {
            h.was_damaged = true;
            h.damaged.take()
        });
        self.tell(|| format!("handset {t} has set its database aside"));
        self.over(t, damage);
        self.soon(5_000, Job::Boot(Machine::Terminal(t)));
    }
    /// A new book for what comes.
    fn over(&mut self, t: usize, damage: Option<Damage>) {
        let ended = self.time.now();
        let Some(handset) = self.handsets.get_mut(t) else {
            return;
        };
        handset.needs_invitation = true;
        handset.put_back = false;
        handset.must_speak = false;
        handset.excused = false;
        let (Some(stream), Some(book)) = (handset.enrolled.take(), self.books.get_mut(t)) else {
            return;
        };
        let book = std::mem::take(book);
        self.copies.remove(&t);
        self.former.push(Former {
            t,
            stream,
            book,
            ended,
            damage,
            report: None,
        });
    }
    /// The administrator invites the handset anew; `false`: not now.
    pub(super) fn invited(&mut self, t: usize) -> bool {
        let (Some(handset), Some(beat)) = (self.handsets.get(t), self.town.beats.get(t)) else {
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
        self.server_may_be_dead();
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
    /// An enrolment failed. An invitation is used up by nobody but the handset that holds it.
    pub(super) fn not_enrolled(&mut self, t: usize, error: &Error) -> Judged {
        let Some(handset) = self.handsets.get_mut(t) else {
            return Ok(());
        };
        if matches!(error, Error::Input(reason) if reason.code == "stream.revoked") {
            handset.needs_invitation = true;
        }
        handset.refusals += 1;
        if handset.refusals > REFUSALS {
            return broken(Rule::Unwell, format!("handset {t} cannot be enrolled: {error}"));
        }
        Ok(())
    }

    /// Pages are overwritten or cut off while the app is not running.
    pub(super) fn damage(&mut self, t: usize, r: u64) -> Judged {
        let Some(handset) = self.handsets.get(t) else {
            return Ok(());
        };
        if handset.enrolled.is_none() || handset.damaged.is_some() || handset.terminal.is_none() {
            return Ok(());
        }
        let (host, path) = (handset.host.clone(), format!("{}/{DATABASE}", handset.home));
        self.handset_down(t, Cut::Process, false);
        // It stays off while this is done.
        host.clear_faults();
        let files = host.files();
        let size = files.len(&path).map_err(unwell)?;
        const PAGE: usize = 4096;
        let pages = size / PAGE;
        let page = usize::try_from(r >> 8).unwrap_or(1) % pages.max(1);
        let damage = match r % 4 {
            0 => files.write_at(&path, 0, &[0; 16]).map(|()| Damage::Head),
            1 => files.write_at(&path, 0, &[0; PAGE]).map(|()| Damage::Head),
            2 => files
                .set_len(&path, (pages * 3 / 4).max(1) * PAGE)
                .map(|()| Damage::Rows),
            _ => files
                .write_at(&path, page * PAGE, &[0; PAGE])
                .map(|()| Damage::Rows),
        }
        .and_then(|damage| files.sync_file(&path).map(|()| damage))
        .map_err(unwell)?;
        self.count_fault("database damaged");
        if let Some(handset) = self.handsets.get_mut(t) {
            handset.damaged = Some(damage);
        }
        Ok(())
    }
    /// A handset that was damaged reads its whole file when it starts; `true`: it is sound.
    pub(super) fn is_sound(&mut self, t: usize) -> bool {
        let Some(handset) = self.handsets.get(t).filter(|h| h.damaged.is_some()) else {
            return true;
        };
        let sound = handset
            .terminal
            .as_ref()
            .is_some_and(|t| t.store().is_sound().unwrap_or(false));
        if !sound && !self.handset_may_be_dead(t) {
            self.handset_down(t, Cut::Process, false);
        }
        sound
    }
    /// What lies aside is handed over before anything else is said.
    pub(super) fn salvage(&mut self, t: usize) -> Judged {
        let Some(handset) = self.handsets.get(t).filter(|handset| handset.was_damaged) else {
            return Ok(());
        };
        let (home, platform) = (Path::new(handset.home), handset.platform());
        if self.time.now() < handset.offline_until {
            return Ok(());
        }
        let waiting = store::waiting(home, platform.disk.as_ref()).unwrap_or_default();
        // A machine that died after the last byte had arrived knows of it by the report that it kept.
        let kept = salvage::unread(home, platform.disk.as_ref()).unwrap_or_default();
        for (_, report) in kept
            .into_iter()
            .filter(|(_, r)| r.delivered && r.stream.is_some())
        {
            self.salvaged(t, report);
        }
        for aside in waiting {
            let fate = self.next_fate(t, Some(&parcel()));
            if let Some(fate @ (Fate::DiskFails | Fate::PowerGoes)) = fate {
                self.strike(fate, &parcel());
            }
            let line = Direct::new(&self.server, fate);
            let done = salvage::read(home, &platform, &aside).and_then(|s| s.deliver(home, &platform, &line));
            self.server_may_be_dead();
            if self.handset_may_be_dead(t) {
                return Ok(());
            }
            self.tell(|| format!("handset {t} hands {aside:?} over: {done:?}"));
            if let Ok(report) = done {
                self.salvaged(t, report);
            }
        }
        Ok(())
    }
    /// What a handset said of a stream whose damaged database it has handed over.
    fn salvaged(&mut self, t: usize, report: SalvageReport) {
        let (stream, now) = (report.stream, self.time.now());
        let mut of = self.former.iter_mut().filter(|f| f.t == t && f.damage.is_some());
        if let Some(former) = of.find(|f| f.report.is_none() && stream.is_none_or(|s| s == f.stream)) {
            former.report = Some(report);
            former.ended = now;
        }
    }

    pub(super) fn copy(&mut self, t: usize) -> Judged {
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
        let (files, book) = (
            handset.host.files(),
            self.books.get(t).cloned().unwrap_or_default(),
        );
        let names = files.list(handset.home).map_err(unwell)?;
        let names = names.into_iter().filter(|name| !name.ends_with("-shm"));
        let copied: Result<Image, _> = names
            .map(|name| files.read(&name).map(|bytes| (name, bytes)))
            .collect();
        if let Ok(files) = copied {
            self.copies.insert(t, Older { stream, files, book });
        }
        Ok(())
    }
    pub(super) fn put_back(&mut self, t: usize) -> Judged {
        let Some(older) = self.copies.remove(&t) else {
            return Ok(());
        };
        let fits = self
            .handsets
            .get(t)
            .is_some_and(|h| h.enrolled == Some(older.stream) && h.damaged.is_none());
        let is_salvaging = self
            .former
            .iter()
            .any(|f| f.t == t && f.damage.is_some() && f.report.is_none());
        // What was cancelled since then would come back, and the server would refuse it in plain words: that is no
        // promise to hold it to.
        let is_cancelled = self
            .books
            .get(t)
            .is_some_and(|book| older.book.takes_back_less_than(book));
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
        for name in files.list(handset.home).map_err(unwell)? {
            files.remove(&name).map_err(unwell)?;
        }
        for (name, bytes) in &older.files {
            files.create(name).map_err(unwell)?;
            files.append(name, bytes).map_err(unwell)?;
            files.sync_file(name).map_err(unwell)?;
            let folder = name.rsplit_once('/').map_or("", |(folder, _)| folder);
            files.sync_dir(folder).map_err(unwell)?;
        }
        // What its later self had sent and nobody has taken yet never comes: its numbers are given out again, and of two
        // entries of one number the server refuses the second in plain words.
        self.queue.retain(|_, job| match job {
            Job::Late(_) | Job::Import(_) => false,
            Job::Arrive { t: of, .. } => *of != t,
            _ => true,
        });
        handset.put_back = true;
        handset.must_speak = true;
        handset.excused = true;
        self.begun
            .retain(|k, _| self.plan.events.get(*k).and_then(|e| super::hands::whose(&e.act)) != Some(t));
        if let Some(book) = self.books.get_mut(t) {
            *book = older.book;
        }
        self.count_fault("handset put back to its copy");
        Ok(())
    }

    /// What waits is written on a card; somebody carries it to the centre, once or twice.
    pub(super) fn export(&mut self, t: usize, r: u64) -> Judged {
        let Some(terminal) = self.handsets.get(t).and_then(|h| h.terminal.clone()) else {
            return Ok(());
        };
        // The card is a real one: where this computer has no room for it, there is none.
        let Ok(card) = tempfile::tempdir() else {
            return Ok(());
        };
        let file = card.path().join("card.xgp");
        let exported = terminal.export_parcels(&file);
        if self.handset_may_be_dead(t) {
            return Ok(());
        }
        self.tell(|| format!("handset {t} writes a card: {exported:?}"));
        if exported.is_err() {
            return Ok(());
        }
        let Ok(bytes) = std::fs::read(&file).map(Bytes::from) else {
            return Ok(());
        };
        let way = 60_000 * (1 + i64::try_from(r % 120).unwrap_or(0));
        self.soon(way, Job::Import(bytes.clone()));
        if r.is_multiple_of(3) {
            self.soon(2 * way, Job::Import(bytes));
        }
        Ok(())
    }
    /// The centre takes a card's parcels.
    pub(super) fn import(&mut self, card: Bytes) -> Judged {
        if !self.server.is_up() {
            self.soon(60_000, Job::Import(card));
            return Ok(());
        }
        let (taken, bytes) = (Vec::new(), card.clone());
        let taken = self.server.with(async move |app| {
            let mut taken = taken;
            let mut rest: &[u8] = &bytes;
            while !rest.is_empty() {
                let (parcel, after) = Parcel::first(rest).map_err(|bad| anyhow::anyhow!("{bad}"))?;
                let answer = take_parcel(app, bytes.slice_ref(parcel.bytes), Carrier::File).await;
                taken.push((parcel.head.stream, answer.map_err(|f| anyhow::anyhow!("{f}"))?));
                rest = after;
            }
            Ok(taken)
        });
        if self.server.host.is_dead() {
            self.server_may_be_dead();
            self.soon(60_000, Job::Import(card));
            return Ok(());
        }
        let taken = match taken {
            Ok(taken) => taken,
            Err(error) => {
                self.tell(|| format!("a card is not taken: {error:#}"));
                self.soon(300_000, Job::Import(card));
                self.patience_with_card(&error.to_string())?;
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
                    return broken(
                        Rule::Untrue,
                        format!(
                            "the server gives a receipt for {} of a card and has it not",
                            receipt.id
                        ),
                    );
                }
            }
            self.holds_photos(stream, answer.photos.iter().map(|photo| photo.sha256))?;
        }
        Ok(())
    }
    fn patience_with_card(&self, error: &str) -> Judged {
        if self.at() > super::plan::DAY * 2 {
            return broken(Rule::Unwell, format!("a card is never taken: {error}"));
        }
        Ok(())
    }
    fn holds_photos(&self, stream: StreamId, photos: impl Iterator<Item = Sha256>) -> Judged {
        for photo in photos {
            if !holds_photo(&self.server, stream, photo) {
                return broken(
                    Rule::Untrue,
                    format!("the server gives a receipt for photo {photo} of a card and has it not"),
                );
            }
        }
        Ok(())
    }
}

/// For whom a fate of parcels waits.
fn parcel() -> terminal_core::transport::Request {
    terminal_core::transport::Request::new(terminal_core::transport::Method::Post, "/v1/field/parcel")
}
