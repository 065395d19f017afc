//! The invariants, checked from outside the machines: what a handset told its user must be true on both ends.
//!
//! 1. An entry that a handset accepted exists there until the server's receipt for these bytes is on its disk,
//!    and on the server, once, from then on. The same for every photo, by its hash.
//! 2. What a handset shows as received is on the server's disk.
//! 3. Mailboxes only move forward, and equal the server's state in the calm phase.
//! 4. The stream marks of both ends agree, without holes.

use super::server::SimServer;
use protocol::{
    feed::kind,
    ids::{EntryId, StreamId},
    open::Open,
    photo::Sha256,
};
use server::params;
use std::collections::{BTreeMap, BTreeSet};
use terminal_core::{
    store::{Custody, Item},
    terminal::Terminal,
    work::ItemState,
};

/// A violated invariant, with a description.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{rule}: {words}")]
pub struct Violation {
    pub rule: Invariant,
    pub words: String,
}

/// The kinds of invariants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Invariant {
    Lost,
    Twice,
    Untrue,
    Mailbox,
    Incomplete,
    /// Something failed without a fault, or the calm phase does not become idle.
    Health,
}

impl std::fmt::Display for Invariant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Lost => "lost",
            Self::Twice => "twice",
            Self::Untrue => "untrue",
            Self::Mailbox => "mailbox",
            Self::Incomplete => "incomplete",
            Self::Health => "health",
        })
    }
}

pub type CheckResult<T = ()> = Result<T, Violation>;

pub fn violation<T>(rule: Invariant, words: impl Into<String>) -> CheckResult<T> {
    Err(Violation {
        rule,
        words: words.into(),
    })
}

/// The check itself failed; this must never count as a pass.
pub fn check_failed(error: impl std::fmt::Display) -> Violation {
    Violation {
        rule: Invariant::Health,
        words: error.to_string(),
    }
}

/// An entry that a handset reported as saved.
#[derive(Debug, Clone, Default)]
pub(super) struct ExpectedEntry {
    /// `None` if the machine died before the hash could be read.
    pub sha256: Option<Sha256>,
    pub photos: Vec<Sha256>,
    /// Withdrawn, or possibly withdrawn: the server may hold a void instead of these bytes.
    pub withdrawn: bool,
    /// The user was told that the entry was never sent.
    cancelled: bool,
}

/// What one handset has told its user.
#[derive(Debug, Clone, Default)]
pub struct Expectations {
    accepted: BTreeMap<EntryId, ExpectedEntry>,
    drafts: BTreeMap<EntryId, BTreeSet<Sha256>>,
    epoch: String,
    shown: BTreeMap<MailboxKey, u64>,
    gone: BTreeMap<MailboxKey, u64>,
    /// Photos found on the server's disk, valid for this crash count.
    found: (u64, BTreeSet<Sha256>),
}

/// Mailbox, kind, entity.
pub(super) type MailboxKey = (String, String, String);

/// The entries that the server holds of a stream: number, hash and state.
pub(super) type HeldEntries = BTreeMap<EntryId, (u64, Sha256, String)>;

impl Expectations {
    pub fn entries(&self) -> usize {
        self.accepted.len()
    }
    pub fn photos(&self) -> usize {
        self.accepted
            .values()
            .map(|entry_told| entry_told.photos.len())
            .sum()
    }
    /// The user was told that the entry is saved.
    pub fn accept(&mut self, terminal: &Terminal, id: EntryId) {
        let item = terminal.store().item(id).ok().flatten();
        let photos = |item: &Item| item.photos.iter().map(|photo| photo.sha256).collect();
        let entry_told = ExpectedEntry {
            sha256: item.as_ref().map(|item| item.sha256),
            photos: item.as_ref().map(photos).unwrap_or_default(),
            withdrawn: false,
            cancelled: false,
        };
        self.drafts.remove(&id);
        self.accepted.entry(id).or_insert(entry_told);
    }
    /// The user was told that the draft with these photos is saved.
    pub fn promise_draft(&mut self, id: EntryId, photos: impl IntoIterator<Item = Sha256>) {
        self.drafts.insert(id, photos.into_iter().collect());
    }
    pub fn forget_draft(&mut self, id: EntryId) {
        self.drafts.remove(&id);
    }
    pub fn withdrawn(&mut self, id: EntryId) {
        if let Some(entry_told) = self.accepted.get_mut(&id) {
            entry_told.withdrawn = true;
        }
    }
    /// The user was told that the entry was never sent.
    pub fn cancelled(&mut self, id: EntryId) {
        if let Some(entry_told) = self.accepted.get_mut(&id) {
            entry_told.cancelled = true;
        }
    }
    /// The entries that the user was told are filed; [`Self::drafts`]: the drafts that are saved.
    pub(super) fn promises(&self) -> impl Iterator<Item = (EntryId, &ExpectedEntry)> {
        self.accepted.iter().map(|(id, entry_told)| (*id, entry_told))
    }
    pub(super) fn drafts(&self) -> impl Iterator<Item = (&EntryId, &BTreeSet<Sha256>)> {
        self.drafts.iter()
    }
    /// Returns true if `later` has a cancelled entry that is not cancelled here.
    pub(super) fn has_fewer_cancelled_than(&self, later: &Self) -> bool {
        let is_back = |(id, entry_told): (&EntryId, &ExpectedEntry)| {
            entry_told.withdrawn && self.accepted.get(id).is_some_and(|before| !before.withdrawn)
        };
        later.accepted.iter().any(is_back)
    }
    pub(super) fn was_cancelled(&self, id: EntryId) -> bool {
        self.accepted
            .get(&id)
            .is_some_and(|entry_told| entry_told.cancelled)
    }

    /// Invariant 1, as far as it concerns the handset.
    pub fn holds(&mut self, who: usize, terminal: &Terminal) -> CheckResult {
        let store = terminal.store();
        let items: BTreeMap<EntryId, Item> = store
            .items()
            .map_err(check_failed)?
            .into_iter()
            .map(|item| (item.id, item))
            .collect();
        for (id, entry_told) in &mut self.accepted {
            let Some(item) = items.get(id) else {
                return violation(
                    Invariant::Lost,
                    format!("handset {who} has lost entry {id} that it had accepted"),
                );
            };
            if entry_told.withdrawn {
                continue;
            }
            let sha256 = *entry_told.sha256.get_or_insert(item.sha256);
            if sha256 != item.sha256 {
                return violation(
                    Invariant::Lost,
                    format!("handset {who} has other bytes under {id} than it had accepted"),
                );
            }
            entry_told.photos = item.photos.iter().map(|photo| photo.sha256).collect();
            for photo in item.photos.iter().filter(|photo| photo.received.is_none()) {
                if let Err(error) = terminal.photo_folder().read(photo.sha256) {
                    return violation(
                        Invariant::Lost,
                        format!(
                            "handset {who} has lost photo {} of entry {id}: {error}",
                            photo.sha256
                        ),
                    );
                }
            }
        }
        for (id, photos) in &self.drafts {
            if items.contains_key(id) {
                continue;
            }
            if store.draft(*id).map_err(check_failed)?.is_none() {
                return violation(
                    Invariant::Lost,
                    format!("handset {who} has lost the saved draft {id}"),
                );
            }
            for photo in photos {
                if let Err(error) = terminal.photo_folder().read(*photo) {
                    return violation(
                        Invariant::Lost,
                        format!("handset {who} has lost photo {photo} of draft {id}: {error}"),
                    );
                }
            }
        }
        Ok(())
    }

    /// Invariant 2, and the part of invariant 3 that holds at any time.
    ///
    /// `deaths`: the crash count; when it changes, the photos on the server's disk are read again.
    pub fn check_received(
        &mut self,
        who: usize,
        terminal: &Terminal,
        server: &SimServer,
        deaths: u64,
    ) -> CheckResult {
        let stream = terminal.account().stream;
        let (held, photos) = of_stream(server, stream)?;
        if self.found.0 != deaths {
            self.found = (deaths, BTreeSet::new());
        }
        for item in terminal.store().items().map_err(check_failed)? {
            if !matches!(item.custody, Custody::Received(_)) {
                continue;
            }
            match held.get(&item.id) {
                None => {
                    return violation(
                        Invariant::Untrue,
                        format!(
                            "handset {who} shows entry {} as received, the server does not hold it",
                            item.id
                        ),
                    );
                }
                Some((_, sha256, _)) if *sha256 != item.sha256 => {
                    return violation(
                        Invariant::Untrue,
                        format!(
                            "handset {who} shows entry {} as received, the server has other bytes",
                            item.id
                        ),
                    );
                }
                Some(_) => {}
            }
            for photo in item.photos.iter().filter(|photo| photo.received.is_some()) {
                let is_there = self.found.1.contains(&photo.sha256)
                    || photos.contains(&photo.sha256) && holds_photo(server, stream, photo.sha256);
                self.found.1.insert(photo.sha256);
                if !is_there {
                    return violation(
                        Invariant::Untrue,
                        format!(
                            "handset {who} shows photo {} as received, the server does not hold it",
                            photo.sha256
                        ),
                    );
                }
            }
        }
        for row in terminal.queue().map_err(check_failed)? {
            let is_shown = matches!(
                row.state,
                ItemState::Received | ItemState::PhotosPending | ItemState::Withdrawn
            );
            if is_shown && !held.contains_key(&row.id) {
                return violation(
                    Invariant::Untrue,
                    format!(
                        "the queue of handset {who} shows {} as received, the server does not hold it",
                        row.id
                    ),
                );
            }
        }
        let mark = terminal.store().mark().map_err(check_failed)?.unwrap_or_default();
        let numbers: BTreeSet<u64> = held.values().map(|(n, ..)| *n).collect();
        if let Some(hole) = (1..=mark.upto).find(|n| !numbers.contains(n)) {
            return violation(
                Invariant::Incomplete,
                format!(
                    "the server told handset {who} that it holds everything up to {}, but it does not hold {hole}",
                    mark.upto
                ),
            );
        }
        self.forward(who, terminal)
    }

    /// Checks that no mailbox row goes back to an older number, and that no deleted row comes back.
    fn forward(&mut self, who: usize, terminal: &Terminal) -> CheckResult {
        let epoch = terminal
            .store()
            .epoch()
            .map_err(check_failed)?
            .unwrap_or_default();
        if terminal.store().cursor().map_err(check_failed)?.is_empty() {
            return Ok(());
        }
        let rows: BTreeMap<MailboxKey, u64> = mailbox(terminal)?
            .into_iter()
            .map(|(key, (n, _))| (key, n))
            .collect();
        if epoch == self.epoch {
            for (key, n) in &rows {
                let before = self.shown.get(key).or_else(|| self.gone.get(key));
                if before.is_some_and(|before| n < before) {
                    return violation(
                        Invariant::Mailbox,
                        format!("mailbox row {key:?} of handset {who} went back to an older number"),
                    );
                }
                if self.gone.get(key).is_some_and(|gone| n <= gone) && !self.shown.contains_key(key) {
                    return violation(
                        Invariant::Mailbox,
                        format!("handset {who} shows the deleted row {key:?}"),
                    );
                }
            }
            // An empty mailbox was reset (the holder was relieved): its rows may come again.
            let is_open = |mailbox: &str| rows.keys().any(|(of, ..)| of == mailbox);
            self.gone.retain(|(mailbox, ..), _| is_open(mailbox));
            for (key, n) in &self.shown {
                if !rows.contains_key(key) && is_open(&key.0) {
                    self.gone.insert(key.clone(), *n);
                }
            }
        } else {
            self.gone.clear();
        }
        self.epoch = epoch;
        self.shown = rows;
        Ok(())
    }
}

/// Returns true if these bytes are on the server's disk, even if they are no valid photo.
pub(super) fn holds_photo(server: &SimServer, stream: StreamId, photo: Sha256) -> bool {
    let names = [
        format!("photos/{stream}/{photo}.jpg"),
        format!("parcels/{stream}/{photo}"),
    ];
    let mut found = names.iter().filter_map(|name| server.object(name));
    found.any(|bytes| Sha256::of(&bytes) == photo)
}

/// Entries and received photos of a stream.
pub(super) fn of_stream(
    server: &SimServer,
    stream: StreamId,
) -> CheckResult<(HeldEntries, BTreeSet<Sha256>)> {
    server
        .read(move |tx| {
            let held = tx.all(
                "SELECT id, n, sha256, state FROM entry WHERE stream = ?1",
                params![stream.to_string()],
                |row| {
                    Ok((
                        row.parse("id")?,
                        (row.get("n")?, row.parse("sha256")?, row.get("state")?),
                    ))
                },
            )?;
            let photos = tx.all(
                "SELECT sha256 FROM photo WHERE stream = ?1 AND received IS NOT NULL",
                params![stream.to_string()],
                |row| row.parse("sha256"),
            )?;
            Ok((held.into_iter().collect(), photos.into_iter().collect()))
        })
        .map_err(check_failed)
}

pub(super) type MailboxRows = BTreeMap<MailboxKey, (u64, serde_json::Value)>;

/// The handset's mailbox rows of kinds that this version knows.
pub(super) fn mailbox(terminal: &Terminal) -> CheckResult<MailboxRows> {
    let mut rows = MailboxRows::new();
    for kind in [
        kind::TASK,
        kind::DISPOSITION,
        kind::UNSETTLED,
        kind::CASE,
        kind::ACTIVITY,
        kind::POST,
        kind::PRESENCE,
    ] {
        for row in terminal.store().mailbox(kind).map_err(check_failed)? {
            let mailbox = match &row.mailbox {
                Open::Known(mailbox) => mailbox.as_str(),
                Open::Other(text) => text,
            };
            rows.insert((mailbox.to_owned(), row.kind, row.entity), (row.n, row.body));
        }
    }
    Ok(rows)
}
