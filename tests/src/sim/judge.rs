//! The judge: outside of every machine, it remembers what a handset told its user, and holds both sides to it.
//!
//! 1. What a handset accepted exists there until the server's receipt for these bytes is on its disk, and on the
//!    server, once, from then on. The same for every photo, by its hash.
//! 2. What a handset shows as received, the server has on its disk.
//! 3. Mailboxes go forward only, and equal the server's state when the world is calm.
//! 4. Both sides' marks say the same, without holes.

use super::{handset::Handset, network::FUTURE, server::Server};
use protocol::{
    feed::kind,
    ids::{EntryId, PersonId, PostId, StreamId},
    open::Open,
    photo::Sha256,
};
use server::params;
use std::collections::{BTreeMap, BTreeSet};
use terminal_core::{
    queue::State,
    store::{Custody, Item},
    terminal::Terminal,
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
struct Kept {
    /// Unknown when the machine died before anybody could look.
    sha256: Option<Sha256>,
    photos: Vec<Sha256>,
    /// Taken back, or perhaps: its bytes may be a void's.
    taken_back: bool,
}

/// The judge's memory of one handset.
#[derive(Debug, Default)]
pub struct Book {
    accepted: BTreeMap<EntryId, Kept>,
    drafts: BTreeMap<EntryId, BTreeSet<Sha256>>,
    epoch: String,
    shown: BTreeMap<Key, u64>,
    gone: BTreeMap<Key, u64>,
}

/// Mailbox, kind, entity.
type Key = (String, String, String);

/// What the server holds of a stream: number and hash.
type Held = BTreeMap<EntryId, (u64, Sha256, String)>;

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
    pub fn truth(&mut self, who: usize, terminal: &Terminal, server: &Server) -> Judged {
        let stream = terminal.account().stream;
        let (held, photos) = of_stream(server, stream)?;
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
                if !photos.contains(&photo.sha256) {
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
            for (key, n) in &self.shown {
                if !rows.contains_key(key) {
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

    /// All rules, when the world is calm.
    pub fn at_rest(&mut self, who: usize, handset: &Handset, server: &Server) -> Judged {
        let Some(terminal) = &handset.terminal else {
            return broken(Rule::Unwell, format!("handset {who} does not start"));
        };
        self.holds(who, terminal)?;
        if handset.revoked {
            return Ok(());
        }
        self.truth(who, terminal, server)?;
        let account = terminal.account();
        let (held, photos) = of_stream(server, account.stream)?;
        let items = terminal.store().items().map_err(unwell)?;
        for item in &items {
            let id = item.id;
            let Some((n, sha256, _)) = held.get(&id) else {
                return broken(
                    Rule::Lost,
                    format!("entry {id} of handset {who} never reached the server"),
                );
            };
            if *sha256 != item.sha256 || *n != item.n {
                return broken(
                    Rule::Lost,
                    format!("the server has other bytes under {id} of handset {who}"),
                );
            }
            if !matches!(item.custody, Custody::Received(_)) {
                return broken(
                    Rule::Untrue,
                    format!("handset {who} does not know that {id} was received"),
                );
            }
            for photo in &item.photos {
                let name = format!("photos/{}/{}.jpg", account.stream, photo.sha256);
                let bytes = server.object(&name).filter(|_| photos.contains(&photo.sha256));
                if bytes.is_none_or(|bytes| Sha256::of(&bytes) != photo.sha256) {
                    return broken(
                        Rule::Lost,
                        format!("photo {} of {id} is not on the server", photo.sha256),
                    );
                }
                if photo.received.is_none() {
                    return broken(
                        Rule::Untrue,
                        format!(
                            "handset {who} does not know that photo {} was received",
                            photo.sha256
                        ),
                    );
                }
            }
        }
        self.shows_what_is(who, terminal, &held)?;
        once(server, account.stream)?;
        complete(who, terminal, server, &items, &held)?;
        equal(who, terminal, server)
    }

    /// The queue says what the server decided, with its reason.
    fn shows_what_is(&self, who: usize, terminal: &Terminal, held: &Held) -> Judged {
        for row in terminal.queue().map_err(unwell)? {
            let Some((_, _, state)) = held.get(&row.id) else {
                continue;
            };
            let fits = match row.state {
                State::Received | State::PhotosPending => state == "applied",
                State::Returned(ref reason) => {
                    !reason.zh.trim().is_empty() && (state == "rejected" || row.review.is_some())
                }
                State::Review(_) => state == "review",
                State::Held(_) => state == "held" || state == "pending",
                State::Cancelled | State::Mended(_) | State::Withdrawing | State::Withdrawn => true,
                State::Draft | State::Queued | State::Later(_) => false,
            };
            if !fits {
                return broken(
                    Rule::Untrue,
                    format!(
                        "handset {who} shows {} as {}, the server says {state}",
                        row.id,
                        row.state_name()
                    ),
                );
            }
        }
        Ok(())
    }
}

/// Entries and received photos of a stream.
fn of_stream(server: &Server, stream: StreamId) -> Judged<(Held, BTreeSet<Sha256>)> {
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

/// Nothing of the stream was applied twice, and what was applied left its mark.
fn once(server: &Server, stream: StreamId) -> Judged {
    let odd: Vec<String> = server
        .read(move |tx| {
            let stream = stream.to_string();
            let mut odd = tx.all(
                "SELECT e.id FROM entry e WHERE e.stream = ?1 AND e.kind = 'report' AND e.state = 'applied'
                   AND e.waits_for IS NULL
                   AND (SELECT COUNT(*) FROM case_file c WHERE c.entry = e.id OR c.record = e.record) <> 1",
                params![&stream],
                |row| Ok(format!("report {}", row.get::<String>("id")?)),
            )?;
            odd.extend(tx.all(
                "SELECT e.id FROM entry e WHERE e.stream = ?1 AND e.kind = 'activity' AND e.state = 'applied'
                   AND (SELECT COUNT(*) FROM activity a WHERE a.record = e.record) <> 1",
                params![&stream],
                |row| Ok(format!("activity {}", row.get::<String>("id")?)),
            )?);
            odd.extend(tx.all(
                "SELECT c.id FROM case_file c WHERE c.stream = ?1 AND
                   (SELECT COUNT(*) FROM case_event v WHERE v.case_id = c.id AND v.body LIKE '%\"report\"%'
                        AND v.seq = 1) > 1",
                params![&stream],
                |row| Ok(format!("case {}", row.get::<String>("id")?)),
            )?);
            Ok(odd)
        })
        .map_err(unwell)?;
    match odd.first() {
        None => Ok(()),
        Some(first) => broken(Rule::Twice, format!("{first} was not applied exactly once")),
    }
}

/// Rule 4.
fn complete(who: usize, terminal: &Terminal, server: &Server, items: &[Item], held: &Held) -> Judged {
    let numbers: BTreeSet<u64> = held.values().map(|(n, ..)| *n).collect();
    let highest = numbers.last().copied().unwrap_or(0);
    if numbers.len() as u64 != highest || items.len() != held.len() {
        return broken(
            Rule::Incomplete,
            format!(
                "stream of handset {who}: {} held up to {highest}, the handset has {}",
                numbers.len(),
                items.len()
            ),
        );
    }
    let stream = terminal.account().stream;
    let upto: u64 = server
        .read(move |tx| {
            Ok(tx
                .opt(
                    "SELECT upto FROM stream_mark WHERE stream = ?1",
                    params![stream.to_string()],
                    |row| row.get("upto"),
                )?
                .unwrap_or(0))
        })
        .map_err(unwell)?;
    let mark = terminal.store().mark().map_err(unwell)?.unwrap_or_default();
    if upto != highest || mark.upto != highest || mark.highest != highest || !mark.holes.is_empty() {
        return broken(
            Rule::Incomplete,
            format!("marks of handset {who}: {highest} held, the server says {upto}, the handset {mark:?}"),
        );
    }
    Ok(())
}

type Rows = BTreeMap<Key, (u64, serde_json::Value)>;

/// The handset's mailbox rows of kinds that this version knows.
fn mailbox(terminal: &Terminal) -> Judged<Rows> {
    let mut rows = Rows::new();
    for kind in [
        kind::TASK,
        kind::DISPOSITION,
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

/// Rule 3.
fn equal(who: usize, terminal: &Terminal, server: &Server) -> Judged {
    let (post, person) = (terminal.account().post, terminal.account().holder);
    let stands = of_mailboxes(server, post, person)?;
    let shown = mailbox(terminal)?;
    for (key, (n, body)) in &stands {
        match shown.get(key) {
            None => {
                return broken(
                    Rule::Mailbox,
                    format!("handset {who} lacks {key:?}, number {n} on the server"),
                );
            }
            Some((m, seen)) if m != n || seen != body => {
                return broken(
                    Rule::Mailbox,
                    format!(
                        "handset {who} shows {key:?} of number {m} as {seen}, the server's {n} says {body}"
                    ),
                );
            }
            Some(_) => {}
        }
    }
    match shown.keys().find(|key| !stands.contains_key(*key)) {
        None => Ok(()),
        Some(key) => broken(
            Rule::Mailbox,
            format!("handset {who} shows {key:?}, which is gone"),
        ),
    }
}

fn of_mailboxes(server: &Server, post: PostId, person: PersonId) -> Judged<Rows> {
    let now = server.now();
    server
        .read(move |tx| {
            let mut rows = Rows::new();
            // The post's mailbox is its holder's.
            let holds = server::people::posts::holds(tx, post, person, now)?;
            let boxes = [
                holds.then(|| ("post", format!("post:{post}"))),
                Some(("author", format!("author:{person}"))),
            ];
            for (name, id) in boxes.into_iter().flatten() {
                let found = tx.all(
                    "SELECT kind, entity, n, body FROM mailbox_row WHERE mailbox = ?1 AND body IS NOT NULL",
                    params![&id],
                    |row| {
                        let body: String = row.get("body")?;
                        Ok((
                            row.get::<String>("kind")?,
                            row.get::<String>("entity")?,
                            row.get("n")?,
                            body,
                        ))
                    },
                )?;
                for (kind, entity, n, body) in found {
                    let body = serde_json::from_str(&body).unwrap_or(serde_json::Value::Null);
                    rows.insert((name.to_owned(), kind, entity), (n, body));
                }
            }
            Ok(rows)
        })
        .map(|mut rows| {
            rows.retain(|(_, kind, _), _| !kind.starts_with(FUTURE));
            rows
        })
        .map_err(unwell)
}
