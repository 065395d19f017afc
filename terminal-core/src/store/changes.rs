//! What commits changed, for screens: collected by SQLite's update hook, so that no function of the store can forget
//! to tell it, and published after the COMMIT.

use crate::{Result, store::sql::parse};
use protocol::{feed::kind, ids::TaskId, payload::EntryKind, planted};
use rusqlite::{Connection, hooks::Action};
use std::{
    collections::BTreeSet,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak},
};

/// What a screen shows that a commit can change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HandsetChange {
    /// The queue: items, their photos, dispositions, cases and reviews.
    Queue,
    /// Saved drafts.
    Drafts,
    /// The tasks, their answers and their reference photos.
    Tasks,
    /// Whether the worker is on duty.
    Presence,
    /// The account and the settings.
    Settings,
    /// Reference data: grid, catalogue and other files.
    Reference,
    /// The counted data use.
    DataUse,
    /// The last contact and the last sync.
    Contact,
}

impl HandsetChange {
    /// All changes.
    pub const ALL: [Self; 8] = [
        Self::Queue,
        Self::Drafts,
        Self::Tasks,
        Self::Presence,
        Self::Settings,
        Self::Reference,
        Self::DataUse,
        Self::Contact,
    ];

    pub(super) fn all() -> BTreeSet<Self> {
        Self::ALL.into()
    }
}

/// What a change of `table` may change. `kind` is the kind of the row if it is known: of an item, of a mailbox row, or
/// the key of a setting. `None` for a table that this map does not know, which a test forbids.
fn changes_of(table: &str, row_kind: Option<&str>) -> Option<&'static [HandsetChange]> {
    use HandsetChange::{Contact, DataUse, Drafts, Presence, Queue, Reference, Settings, Tasks};
    Some(match (table, row_kind) {
        ("item", None) => &[Queue, Presence, Tasks],
        ("item", Some(text)) => match text.parse() {
            Ok(EntryKind::CheckIn | EntryKind::CheckOut) => &[Queue, Presence],
            Ok(EntryKind::Answer) => &[Queue, Tasks],
            Ok(EntryKind::Report | EntryKind::Activity) => &[Queue],
            // A withdrawal may take back a check-in or an answer.
            Ok(EntryKind::Withdraw | EntryKind::Void) | Err(_) => &[Queue, Presence, Tasks],
        },
        ("mailbox_row", None) => &[Queue, Tasks, Presence, Settings],
        ("mailbox_row", Some(kind::TASK)) => &[Tasks],
        ("mailbox_row", Some(kind::PRESENCE)) => &[Presence],
        ("mailbox_row", Some(kind::POST)) => &[Settings],
        // A disposition may reject a check-in or an answer.
        ("mailbox_row", Some(kind::DISPOSITION)) => &[Queue, Tasks, Presence],
        ("mailbox_row", Some(_)) | ("photo" | "read_item", _) => &[Queue],
        // A newer app comes while the server is in contact, in many parts: pages that show reference data do not care.
        (
            "setting",
            Some(
                "last_sync" | "last_contact" | "server_clock" | "gps" | "release" | "release_have" | "build",
            ),
        ) => &[Contact],
        (
            "setting",
            Some(
                "cursor" | "next_n" | "mark" | "enrolment" | "epoch" | "last_fix" | "last_server_time"
                | "seen_fixes" | "matter_use",
            ),
        ) => &[],
        ("setting", _) => &[Settings],
        ("draft", _) => &[Drafts],
        ("compare_photo" | "seen_task", _) => &[Tasks],
        ("file" | "wanted_file", _) => &[Reference],
        ("traffic", _) => &[DataUse],
        // A waiting item shows why the session failed, and when it is tried again.
        ("step", _) => &[Contact, Queue],
        ("blob" | "blob_part", _) => &[],
        _ => return None,
    })
}

/// The tables whose rows have a kind that decides what changed, and its column.
const KINDS: [(&str, &str); 3] = [("item", "kind"), ("mailbox_row", "kind"), ("setting", "key")];

/// Rows of one table in one transaction up to which their kinds are looked up; above it all kinds are assumed.
const LOOKED_UP: usize = 64;

/// What the transaction in progress has touched.
#[derive(Debug, Default)]
pub(super) struct Touched {
    changes: BTreeSet<HandsetChange>,
    /// Rows whose kind is not known yet: index into [`KINDS`] and row id.
    rows: BTreeSet<(usize, i64)>,
}

impl Touched {
    fn add(&mut self, table: &str, row_kind: Option<&str>) {
        self.changes
            .extend(changes_of(table, row_kind).unwrap_or(&HandsetChange::ALL));
    }
    /// A row was written or deleted.
    fn touch(&mut self, action: Action, table: &str, row: i64) {
        planted!(DeletionUntold && action == Action::SQLITE_DELETE => return);
        match KINDS.iter().position(|(name, _)| *name == table) {
            Some(at) if action != Action::SQLITE_DELETE && self.rows.len() < LOOKED_UP => {
                self.rows.insert((at, row));
            }
            _ => self.add(table, None),
        }
    }
    /// What changed. Called in the transaction, before its COMMIT.
    fn changes(mut self, connection: &Connection) -> Result<BTreeSet<HandsetChange>> {
        for (at, row) in std::mem::take(&mut self.rows) {
            let Some((table, column)) = KINDS.get(at) else {
                continue;
            };
            let found = connection
                .prepare_cached(&format!("SELECT {column} FROM {table} WHERE rowid = ?1"))?
                .query_row([row], |row| row.get::<_, String>(0));
            // A row that is gone again was counted when it was deleted.
            if let Ok(row_kind) = found {
                self.add(table, Some(&row_kind));
            }
        }
        Ok(self.changes)
    }
}

/// A collector of the changes of one connection.
#[derive(Clone, Default)]
pub(super) struct Collector(Arc<Mutex<Touched>>);

impl Collector {
    /// Listens to all changes that `connection` makes.
    pub(super) fn listen(&self, connection: &mut Connection) -> Result<()> {
        let touched = Arc::clone(&self.0);
        connection.update_hook(Some(move |action: Action, _: &str, table: &str, row: i64| {
            lock(&touched).touch(action, table, row);
        }))?;
        Ok(())
    }
    /// Forgets what a transaction touched that is rolled back.
    pub(super) fn forget(&self) {
        *lock(&self.0) = Touched::default();
    }
    /// What the transaction in progress changed so far.
    pub(super) fn take(&self, connection: &Connection) -> Result<BTreeSet<HandsetChange>> {
        std::mem::take(&mut *lock(&self.0)).changes(connection)
    }
}

/// Tells feeds what was committed.
#[derive(Default)]
pub(crate) struct ChangeHub(Mutex<Vec<Weak<FeedState>>>);

impl ChangeHub {
    /// A new feed. A commit that ends after this call is told to it.
    pub(crate) fn subscribe(&self) -> Arc<FeedState> {
        let feed = Arc::new(FeedState::default());
        lock(&self.0).push(Arc::downgrade(&feed));
        feed
    }
    /// Whether anybody listens.
    pub(super) fn is_heard(&self) -> bool {
        lock(&self.0).iter().any(|feed| feed.strong_count() > 0)
    }
    /// Tells all feeds.
    pub(super) fn publish(&self, changes: &BTreeSet<HandsetChange>) {
        lock(&self.0).retain(|feed| {
            let Some(feed) = feed.upgrade() else {
                return false;
            };
            feed.add(changes);
            true
        });
    }
    /// Ends all feeds.
    pub(crate) fn end(&self) {
        for feed in lock(&self.0).drain(..).filter_map(|feed| feed.upgrade()) {
            feed.end();
        }
    }
}

/// What one feed has not read yet.
#[derive(Debug, Default)]
pub(crate) struct FeedState {
    pending: Mutex<Pending>,
    woken: Condvar,
}

#[derive(Debug, Default)]
struct Pending {
    changes: BTreeSet<HandsetChange>,
    is_ended: bool,
}

impl FeedState {
    fn add(&self, changes: &BTreeSet<HandsetChange>) {
        let mut pending = lock(&self.pending);
        pending.changes.extend(changes);
        if !pending.changes.is_empty() {
            self.woken.notify_all();
        }
    }
    /// Nothing comes any more; who waits is woken.
    pub(crate) fn end(&self) {
        lock(&self.pending).is_ended = true;
        self.woken.notify_all();
    }
    /// Takes what changed since the last call, without waiting.
    pub(crate) fn take(&self) -> BTreeSet<HandsetChange> {
        std::mem::take(&mut lock(&self.pending).changes)
    }
    /// Waits for a change and takes it; `None` after the end.
    pub(crate) fn wait(&self) -> Option<BTreeSet<HandsetChange>> {
        let mut pending = lock(&self.pending);
        while pending.changes.is_empty() && !pending.is_ended {
            pending = self.woken.wait(pending).unwrap_or_else(PoisonError::into_inner);
        }
        (!pending.is_ended).then(|| std::mem::take(&mut pending.changes))
    }
}

/// The tasks in the mailbox.
pub(crate) fn task_ids(connection: &Connection) -> Result<BTreeSet<TaskId>> {
    let mut statement = connection.prepare_cached("SELECT entity FROM mailbox_row WHERE kind = ?1")?;
    let mut rows = statement.query([kind::TASK])?;
    let mut ids = BTreeSet::new();
    while let Some(row) = rows.next()? {
        ids.insert(parse(&row.get::<_, String>(0)?)?);
    }
    Ok(ids)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::database::HandsetStore;

    #[test]
    fn every_table_of_the_schema_says_what_it_changes() {
        let home = tempfile::tempdir().unwrap();
        let store = HandsetStore::open(home.path(), [3; 32]).unwrap();
        let tables: Vec<String> = store
            .read(|c| {
                let mut statement = c.prepare("SELECT name FROM sqlite_master WHERE type = 'table'")?;
                let names = statement.query_map([], |row| row.get(0))?;
                Ok(names.collect::<rusqlite::Result<_>>()?)
            })
            .unwrap();
        assert!(tables.len() > 10, "{tables:?}");
        for table in tables.iter().filter(|table| !table.starts_with("sqlite_")) {
            assert!(changes_of(table, None).is_some(), "{table}");
        }
        assert_eq!(changes_of("no_such_table", None), None);
    }

    #[test]
    fn a_session_that_failed_is_told_to_the_queue() {
        use crate::store::retry::{Retry, SyncStep};
        let home = tempfile::tempdir().unwrap();
        let store = HandsetStore::open(home.path(), [3; 32]).unwrap();
        let feed = store.subscribe();
        let retry = Retry {
            attempts: 1,
            ..Retry::default()
        };
        store.set_step(SyncStep::Session, &retry).unwrap();
        assert!(feed.take().contains(&HandsetChange::Queue));
    }

    /// The hook is not called for tables without row ids, for REPLACE, and for DELETE without WHERE.
    #[test]
    fn no_statement_of_the_store_escapes_the_update_hook() {
        let home = tempfile::tempdir().unwrap();
        let store = HandsetStore::open(home.path(), [3; 32]).unwrap();
        let without: Vec<String> = store
            .read(|c| {
                let mut statement =
                    c.prepare("SELECT name FROM pragma_table_list WHERE wr = 1 AND schema = 'main'")?;
                let names = statement.query_map([], |row| row.get(0))?;
                Ok(names.collect::<rusqlite::Result<_>>()?)
            })
            .unwrap();
        assert_eq!(without, Vec::<String>::new());
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/store");
        for file in std::fs::read_dir(folder).unwrap() {
            let path = file.unwrap().path();
            if path.extension().is_none_or(|end| end != "rs") || path.ends_with("changes.rs") {
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            for (at, line) in text.lines().enumerate() {
                let place = || format!("{}:{}: {line}", path.display(), at + 1);
                assert!(!line.contains("REPLACE INTO"), "{}", place());
                if let Some((_, rest)) = line.split_once("\"DELETE FROM ") {
                    assert!(rest.contains("WHERE"), "{}", place());
                }
            }
        }
    }
}
