//! The judge: outside of every machine, it remembers what a handset told its user, and holds both sides to it.
//!
//! 1. What a handset accepted exists there until the server's receipt for these bytes is on its disk, and on the
//!    server, once, from then on. The same for every photo, by its hash.
//! 2. What a handset shows as received, the server has on its disk.
//! 3. Mailboxes go forward only, and equal the server's state when the world is calm.
//! 4. Both sides' marks say the same, without holes.

use super::server::Server;
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

/// Which promise was broken, and how.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{rule}: {words}")]
pub struct Broken {
    pub rule: Rule,
    pub words: String,
}

/// What can be broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    Lost,
    Twice,
    Untrue,
    Mailbox,
    Incomplete,
    /// Something failed that nothing had befallen, or the world does not come to rest.
    Unwell,
}

impl std::fmt::Display for Rule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Lost => "lost",
            Self::Twice => "twice",
            Self::Untrue => "untrue",
            Self::Mailbox => "mailbox",
            Self::Incomplete => "incomplete",
            Self::Unwell => "unwell",
        })
    }
}

pub type Judged<T = ()> = Result<T, Broken>;

pub fn broken<T>(rule: Rule, words: impl Into<String>) -> Judged<T> {
    Err(Broken {
        rule,
        words: words.into(),
    })
}

/// A failure of the simulator's own looking: never to be taken for a pass.
pub fn unwell(error: impl std::fmt::Display) -> Broken {
    Broken {
        rule: Rule::Unwell,
        words: error.to_string(),
    }
}

/// What a handset told its user to have saved.
#[derive(Debug, Clone, Default)]
pub(super) struct Kept {
    /// Unknown when the machine died before anybody could look.
    pub sha256: Option<Sha256>,
    pub photos: Vec<Sha256>,
    /// Taken back, or perhaps: its bytes may be a void's.
    pub taken_back: bool,
    /// The user was told that it never left.
    cancelled: bool,
}

/// The judge's memory of one handset.
#[derive(Debug, Clone, Default)]
pub struct Book {
    accepted: BTreeMap<EntryId, Kept>,
    drafts: BTreeMap<EntryId, BTreeSet<Sha256>>,
    epoch: String,
    shown: BTreeMap<Key, u64>,
    gone: BTreeMap<Key, u64>,
    /// Photos that were found on the server's disk, since how many deaths.
    found: (u64, BTreeSet<Sha256>),
}

/// Mailbox, kind, entity.
pub(super) type Key = (String, String, String);

/// What the server holds of a stream: number and hash.
pub(super) type Held = BTreeMap<EntryId, (u64, Sha256, String)>;

impl Book {
    pub fn entries(&self) -> usize {
        self.accepted.len()
    }
    pub fn photos(&self) -> usize {
        self.accepted.values().map(|kept| kept.photos.len()).sum()
    }
    /// The user was told that it is saved.
    pub fn accept(&mut self, terminal: &Terminal, id: EntryId) {
        let item = terminal.store().item(id).ok().flatten();
        let photos = |item: &Item| item.photos.iter().map(|photo| photo.sha256).collect();
        let kept = Kept {
            sha256: item.as_ref().map(|item| item.sha256),
            photos: item.as_ref().map(photos).unwrap_or_default(),
            taken_back: false,
            cancelled: false,
        };
        self.drafts.remove(&id);
        self.accepted.entry(id).or_insert(kept);
    }
    /// The user was told that the draft with these photos is saved.
    pub fn promise_draft(&mut self, id: EntryId, photos: impl IntoIterator<Item = Sha256>) {
        self.drafts.insert(id, photos.into_iter().collect());
    }
    pub fn forget_draft(&mut self, id: EntryId) {
        self.drafts.remove(&id);
    }
    pub fn taken_back(&mut self, id: EntryId) {
        if let Some(kept) = self.accepted.get_mut(&id) {
            kept.taken_back = true;
        }
    }
    /// The user was told that it never left the handset.
    pub fn cancelled(&mut self, id: EntryId) {
        if let Some(kept) = self.accepted.get_mut(&id) {
            kept.cancelled = true;
        }
    }
    /// What the user was told to have filed, and what to have saved as drafts.
    pub(super) fn promises(&self) -> impl Iterator<Item = (EntryId, &Kept)> {
        self.accepted.iter().map(|(id, kept)| (*id, kept))
    }
    pub(super) fn drafts(&self) -> impl Iterator<Item = (&EntryId, &BTreeSet<Sha256>)> {
        self.drafts.iter()
    }
    /// Whether something was taken back later that is not here.
    pub(super) fn takes_back_less_than(&self, later: &Self) -> bool {
        let is_back = |(id, kept): (&EntryId, &Kept)| {
            kept.taken_back && self.accepted.get(id).is_some_and(|before| !before.taken_back)
        };
        later.accepted.iter().any(is_back)
    }
    pub(super) fn was_cancelled(&self, id: EntryId) -> bool {
        self.accepted.get(&id).is_some_and(|kept| kept.cancelled)
    }

    /// Rule 1 on the handset alone.
    pub fn holds(&mut self, who: usize, terminal: &Terminal) -> Judged {
        let store = terminal.store();
        let items: BTreeMap<EntryId, Item> = store
            .items()
            .map_err(unwell)?
            .into_iter()
            .map(|item| (item.id, item))
            .collect();
        for (id, kept) in &mut self.accepted {
            let Some(item) = items.get(id) else {
                return broken(
                    Rule::Lost,
                    format!("handset {who} has forgotten entry {id} that it had accepted"),
                );
            };
            if kept.taken_back {
                continue;
            }
            let sha256 = *kept.sha256.get_or_insert(item.sha256);
            if sha256 != item.sha256 {
                return broken(
                    Rule::Lost,
                    format!("handset {who} has other bytes under {id} than it had accepted"),
                );
            }
            kept.photos = item.photos.iter().map(|photo| photo.sha256).collect();
            for photo in item.photos.iter().filter(|photo| photo.received.is_none()) {
                if let Err(error) = terminal.photo_folder().read(photo.sha256) {
                    return broken(
                        Rule::Lost,
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
            if store.draft(*id).map_err(unwell)?.is_none() {
                return broken(Rule::Lost, format!("handset {who} has lost the saved draft {id}"));
            }
            for photo in photos {
                if let Err(error) = terminal.photo_folder().read(*photo) {
                    return broken(
                        Rule::Lost,
                        format!("handset {who} has lost photo {photo} of draft {id}: {error}"),
                    );
                }
            }
        }
        Ok(())
    }

    /// Rule 2, and rule 3 as far as it holds at any time.
    ///
    /// `deaths`: after each the server's disk is looked at anew.
    pub fn truth(&mut self, who: usize, terminal: &Terminal, server: &Server, deaths: u64) -> Judged {
        let stream = terminal.account().stream;
        let (held, photos) = of_stream(server, stream)?;
        if self.found.0 != deaths {
            self.found = (deaths, BTreeSet::new());
        }
        for item in terminal.store().items().map_err(unwell)? {
            if !matches!(item.custody, Custody::Received(_)) {
                continue;
            }
            match held.get(&item.id) {
                None => {
                    return broken(
                        Rule::Untrue,
                        format!(
                            "handset {who} shows entry {} as received, the server has none",
                            item.id
                        ),
                    );
                }
                Some((_, sha256, _)) if *sha256 != item.sha256 => {
                    return broken(
                        Rule::Untrue,
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
                    return broken(
                        Rule::Untrue,
                        format!(
                            "handset {who} shows photo {} as received, the server has none",
                            photo.sha256
                        ),
                    );
                }
            }
        }
        for row in terminal.queue().map_err(unwell)? {
            let is_shown = matches!(
                row.state,
                ItemState::Received | ItemState::PhotosPending | ItemState::Withdrawn
            );
            if is_shown && !held.contains_key(&row.id) {
                return broken(
                    Rule::Untrue,
                    format!(
                        "the queue of handset {who} shows {} as received, the server has none",
                        row.id
                    ),
                );
            }
        }
        let mark = terminal.store().mark().map_err(unwell)?.unwrap_or_default();
        let numbers: BTreeSet<u64> = held.values().map(|(n, ..)| *n).collect();
        if let Some(hole) = (1..=mark.upto).find(|n| !numbers.contains(n)) {
            return broken(
                Rule::Incomplete,
                format!(
                    "handset {who} was told that all is held up to {}, {hole} is not",
                    mark.upto
                ),
            );
        }
        self.forward(who, terminal)
    }

    /// Nothing is shown twice, and nothing comes back that was gone.
    fn forward(&mut self, who: usize, terminal: &Terminal) -> Judged {
        let epoch = terminal.store().epoch().map_err(unwell)?.unwrap_or_default();
        if terminal.store().cursor().map_err(unwell)?.is_empty() {
            return Ok(());
        }
        let rows: BTreeMap<Key, u64> = mailbox(terminal)?
            .into_iter()
            .map(|(key, (n, _))| (key, n))
            .collect();
        if epoch == self.epoch {
            for (key, n) in &rows {
                let before = self.shown.get(key).or_else(|| self.gone.get(key));
                if before.is_some_and(|before| n < before) {
                    return broken(Rule::Mailbox, format!("handset {who} went back in {key:?}"));
                }
                if self.gone.get(key).is_some_and(|gone| n <= gone) && !self.shown.contains_key(key) {
                    return broken(Rule::Mailbox, format!("handset {who} shows a ghost: {key:?}"));
                }
            }
            // A mailbox that is empty was given from the start (the holder was relieved): its rows may come again.
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

/// Whether these bytes lie on the server's disk, also when they are no picture.
pub(super) fn holds_photo(server: &Server, stream: StreamId, photo: Sha256) -> bool {
    let names = [
        format!("photos/{stream}/{photo}.jpg"),
        format!("parcels/{stream}/{photo}"),
    ];
    let mut found = names.iter().filter_map(|name| server.object(name));
    found.any(|bytes| Sha256::of(&bytes) == photo)
}

/// Entries and received photos of a stream.
pub(super) fn of_stream(server: &Server, stream: StreamId) -> Judged<(Held, BTreeSet<Sha256>)> {
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
        .map_err(unwell)
}

pub(super) type Rows = BTreeMap<Key, (u64, serde_json::Value)>;

/// The handset's mailbox rows of kinds that this version knows.
pub(super) fn mailbox(terminal: &Terminal) -> Judged<Rows> {
    let mut rows = Rows::new();
    for kind in [
        kind::TASK,
        kind::DISPOSITION,
        kind::UNSETTLED,
        kind::CASE,
        kind::ACTIVITY,
        kind::POST,
        kind::PRESENCE,
    ] {
        for row in terminal.store().mailbox(kind).map_err(unwell)? {
            let mailbox = match &row.mailbox {
                Open::Known(mailbox) => mailbox.as_str(),
                Open::Other(text) => text,
            };
            rows.insert((mailbox.to_owned(), row.kind, row.entity), (row.n, row.body));
        }
    }
    Ok(rows)
}
