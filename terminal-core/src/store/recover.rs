//! Reads a damaged database row by row; an unreadable page loses only the rows on it.
//!
//! Works on a copy. If the beginning of the file is lost, the cipher's salt is restored from the card, and
//! the first page is taken from a new database of the same schema, whose tables begin on the same pages.

use crate::{
    Error, Result,
    platform::{disk::Disk, home::with_suffix},
    store::{
        account::Account,
        card::SALT,
        connect::set_key,
        drafts::SavedDraft,
        pending::PendingEntry,
        schema,
        settings::keys,
        sql::{from_json, parse, uint},
    },
};
use protocol::{ids::EntryId, payload::Payload, photo::Sha256, push::StreamMark, time::Millis};
use rusqlite::{Connection, OpenFlags, Row};
use std::{
    collections::{BTreeMap, BTreeSet},
    io::Read as _,
    path::Path,
};
use zeroize::Zeroizing;

/// Row numbers that are tried one by one after a fault, before the search uses larger steps.
const GIVE_UP: i64 = 1_000;

const PAGE: usize = 4096;

/// What could be read.
#[derive(Debug, Default)]
pub struct RecoveredRows {
    pub account: Option<Account>,
    /// Entries without a receipt whose bytes match their hash, by number.
    pub entries: BTreeMap<u64, PendingEntry>,
    /// Numbers of entries that the server has received.
    pub held: BTreeSet<u64>,
    /// The readable ones among `held`: a server that was restored since may lack them.
    pub received: BTreeMap<u64, PendingEntry>,
    /// The server's epoch as last seen by this handset.
    pub epoch: Option<String>,
    /// Photos that the server has received.
    pub photos_held: BTreeSet<Sha256>,
    pub drafts: Vec<SavedDraft>,
    /// Ranges of numbers that were given out, could not be read, and were not known to be received.
    pub lost: Vec<(u64, u64)>,
    /// Every table was read to its end without a fault.
    pub is_whole: bool,
}

/// Reads what is readable of `database` and its log; `folder` is used for the copy.
pub fn read(
    disk: &dyn Disk,
    database: &Path,
    key: &[u8; 32],
    salt: Option<[u8; SALT]>,
    folder: &Path,
) -> Result<RecoveredRows> {
    clear(disk, folder)?;
    disk.create_dir_all(folder).map_err(Error::io(folder))?;
    let copy = folder.join("copy.db");
    let mut bytes = bytes_of(disk, database)?;
    // Of an empty file the log may still hold pages.
    bytes.resize(bytes.len().max(PAGE), 0);
    lay(disk, &copy, &bytes, database)?;
    // The file's own beginning is tried first: only a file that does not open has lost it.
    if open(disk, &copy, key).is_err()
        && let (Some(salt), Some(start)) = (salt, bytes.get_mut(..SALT))
    {
        start.copy_from_slice(&salt);
        lay(disk, &copy, &bytes, database)?;
    }
    if open(disk, &copy, key).is_err() {
        graft(disk, &mut bytes, key, folder)?;
        lay(disk, &copy, &bytes, database)?;
    }
    let salvaged = rows(&|| open(disk, &copy, key));
    clear(disk, folder)?;
    Ok(salvaged)
}

/// Writes the copy, and the original's log beside it, replacing earlier copies.
fn lay(disk: &dyn Disk, copy: &Path, bytes: &[u8], database: &Path) -> Result<()> {
    let log = with_suffix(copy, "-wal");
    for old in [copy, &log] {
        if disk.exists(old) {
            disk.remove(old).map_err(Error::io(old))?;
        }
    }
    write(disk, copy, bytes)?;
    let original = with_suffix(database, "-wal");
    if disk.exists(&original) {
        write(disk, &log, &bytes_of(disk, &original)?)?;
    }
    Ok(())
}

fn bytes_of(disk: &dyn Disk, path: &Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    disk.open(path)
        .and_then(|mut file| file.read_to_end(&mut bytes))
        .map_err(Error::io(path))?;
    Ok(bytes)
}

fn write(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> Result<()> {
    disk.create_synced(path, bytes).map_err(Error::io(path))
}

fn clear(disk: &dyn Disk, folder: &Path) -> Result<()> {
    if !disk.exists(folder) {
        return Ok(());
    }
    for name in disk.names(folder).map_err(Error::io(folder))? {
        let path = folder.join(name);
        disk.remove(&path).map_err(Error::io(&path))?;
    }
    Ok(())
}

fn plain(disk: &dyn Disk, path: &Path, flags: OpenFlags) -> Result<Connection> {
    Ok(match disk.vfs() {
        Some(vfs) => Connection::open_with_flags_and_vfs(path, flags, vfs)?,
        None => Connection::open_with_flags(path, flags)?,
    })
}

/// Opens a connection that tolerates a schema that disagrees with the file's header.
fn open(disk: &dyn Disk, path: &Path, key: &[u8; 32]) -> Result<Connection> {
    // A missing copy is an error, not an empty database.
    let connection = plain(
        disk,
        path,
        OpenFlags::default().difference(OpenFlags::SQLITE_OPEN_CREATE),
    )?;
    set_key(disk, &connection, key)?;
    connection.execute_batch("PRAGMA writable_schema = ON")?;
    connection.query_row("SELECT count(*) FROM sqlite_master", [], |row| {
        row.get::<_, i64>(0)
    })?;
    Ok(connection)
}

/// Replaces the first page and the schema's pages by those of a new database with the same schema.
fn graft(disk: &dyn Disk, bytes: &mut [u8], key: &[u8; 32], folder: &Path) -> Result<()> {
    let template = folder.join("template.db");
    let mut connection = plain(disk, &template, OpenFlags::default())?;
    match bytes.get(..SALT) {
        // An encrypted page can be read only with the salt of its file.
        Some(salt) if !salt.starts_with(b"SQLite") => {
            let pragma = Zeroizing::new(format!(
                "PRAGMA cipher_log_level = NONE; PRAGMA key = \"x'{}{}'\";",
                hex::encode(key),
                hex::encode(salt)
            ));
            connection.execute_batch(&pragma)?;
        }
        _ => set_key(disk, &connection, key)?,
    }
    schema::migrate(&mut connection)?;
    let pages = schema_pages(&connection).unwrap_or_default();
    // Grown to the size of the original: SQLite refuses a file shorter than its header says.
    connection.execute(
        "INSERT INTO blob (sha256, bytes) VALUES ('room', zeroblob(?1))",
        [i64::try_from(bytes.len()).unwrap_or(i64::MAX)],
    )?;
    drop(connection);
    let fresh = bytes_of(disk, &template)?;
    for page in std::iter::once(1).chain(pages) {
        let at = page.saturating_sub(1) * PAGE..page * PAGE;
        if let (Some(to), Some(from)) = (bytes.get_mut(at.clone()), fresh.get(at)) {
            to.copy_from_slice(from);
        }
    }
    Ok(())
}

/// The pages of the schema table.
fn schema_pages(connection: &Connection) -> Result<Vec<usize>> {
    let mut statement =
        connection.prepare("SELECT pageno FROM dbstat WHERE name IN ('sqlite_master', 'sqlite_schema')")?;
    let pages = statement.query_map([], |row| row.get::<_, i64>(0))?;
    pages
        .map(|page| usize::try_from(page?).map_err(|e| Error::Data(e.to_string())))
        .collect()
}

/// Reads tables in spite of faults.
struct Walker<'a> {
    open: &'a dyn Fn() -> Result<Connection>,
    connection: Option<Connection>,
}

impl Walker<'_> {
    fn one(
        &mut self,
        sql: &str,
        at: i64,
        take: &mut dyn FnMut(&Row<'_>) -> Result<()>,
    ) -> Result<Option<i64>> {
        // A connection is not reused after a fault.
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => (self.open)()?,
        };
        let mut found = None;
        {
            let mut statement = connection.prepare(sql)?;
            let mut rows = statement.query([at])?;
            if let Some(row) = rows.next()? {
                found = Some(row.get(0)?);
                take(row)?;
            }
        }
        self.connection = Some(connection);
        Ok(found)
    }
    /// Passes every readable row of a table to `take`, with its rowid as first column. Returns true if there
    /// was no fault.
    fn walk(&mut self, table: &str, columns: &str, take: &mut dyn FnMut(&Row<'_>) -> Result<()>) -> bool {
        let next = format!("SELECT rowid, {columns} FROM {table} WHERE rowid > ?1 ORDER BY rowid LIMIT 1");
        let exact = format!("SELECT rowid, {columns} FROM {table} WHERE rowid = ?1");
        let (mut at, mut is_whole) = (0, true);
        loop {
            match self.one(&next, at, take) {
                Ok(Some(rowid)) => at = rowid,
                Ok(None) => return is_whole,
                Err(_) => {
                    is_whole = false;
                    let near = (1..=GIVE_UP).map(|step| at.saturating_add(step));
                    match near
                        .into_iter()
                        .find(|n| matches!(self.one(&exact, *n, take), Ok(Some(_))))
                    {
                        Some(found) => at = found,
                        // Rowids are not reused: after many deletions all rows may have large rowids.
                        None => match self.far(table, columns, at.saturating_add(GIVE_UP), take) {
                            Some(found) => at = found,
                            None => return false,
                        },
                    }
                }
            }
        }
    }
    /// Finds a readable row by doubling steps from `at`, then reads the rows before it backwards until a
    /// fault. Returns the rowid from which to continue.
    fn far(
        &mut self,
        table: &str,
        columns: &str,
        at: i64,
        take: &mut dyn FnMut(&Row<'_>) -> Result<()>,
    ) -> Option<i64> {
        let next = format!("SELECT rowid FROM {table} WHERE rowid > ?1 ORDER BY rowid LIMIT 1");
        let steps = (0..i64::BITS - 1).map(|power| at.saturating_add(1 << power));
        let found = steps
            .into_iter()
            .map(|from| self.one(&next, from, &mut |_| Ok(())))
            .find_map(|row| row.ok());
        // `None` is an intact end: all rows are between `at` and here.
        let end = found?.unwrap_or(i64::MAX);
        let before = format!(
            "SELECT rowid, {columns} FROM {table} WHERE rowid < ?1 AND rowid > {at} ORDER BY rowid DESC LIMIT 1"
        );
        let mut last = end;
        while let Ok(Some(rowid)) = self.one(&before, last, take) {
            last = rowid;
        }
        // The caller continues just before `end`, so it reads that row itself.
        (end != i64::MAX).then(|| end.saturating_sub(1))
    }
}

fn rows(open: &dyn Fn() -> Result<Connection>) -> RecoveredRows {
    let mut walker = Walker {
        open,
        connection: None,
    };
    let mut saved = RecoveredRows::default();
    let mut settings: BTreeMap<String, String> = BTreeMap::new();
    let mut is_whole = walker.walk("setting", "key, value", &mut |row| {
        settings.insert(row.get(1)?, row.get(2)?);
        Ok(())
    });
    is_whole &= walker.walk("item", "id, n, bytes, sha256, custody", &mut |row| {
        let n = uint(row.get(2)?)?;
        let is_held = row.get::<_, String>(5)? == "received";
        if is_held {
            saved.held.insert(n);
        }
        let (bytes, sha256): (Vec<u8>, Sha256) = (row.get(3)?, parse(&row.get::<_, String>(4)?)?);
        if Sha256::of(&bytes) != sha256 {
            return Err(Error::Data("the bytes do not match their hash".into()));
        }
        let id: EntryId = parse(&row.get::<_, String>(1)?)?;
        let entry = PendingEntry { id, sha256, bytes };
        if is_held {
            saved.received.insert(n, entry);
        } else {
            saved.entries.insert(n, entry);
        }
        Ok(())
    });
    is_whole &= walker.walk("photo", "sha256, custody", &mut |row| {
        if row.get::<_, String>(2)? == "received" {
            saved.photos_held.insert(parse(&row.get::<_, String>(1)?)?);
        }
        Ok(())
    });
    is_whole &= walker.walk("draft", "id, kind, json, updated", &mut |row| {
        saved.drafts.push(SavedDraft {
            id: parse(&row.get::<_, String>(1)?)?,
            kind: row.get(2)?,
            json: row.get(3)?,
            updated: Millis(row.get(4)?),
        });
        Ok(())
    });
    saved.is_whole = is_whole;
    saved.epoch = settings.get(keys::EPOCH).cloned();
    saved.account = settings.get(keys::ACCOUNT).and_then(|text| from_json(text).ok());
    let mark: StreamMark = settings
        .get(keys::MARK)
        .and_then(|text| from_json(text).ok())
        .unwrap_or_default();
    let next: u64 = settings
        .get(keys::NEXT_N)
        .and_then(|text| text.parse().ok())
        .unwrap_or(0);
    let given_out = [saved.entries.keys().last(), saved.held.last()]
        .into_iter()
        .flatten()
        .copied()
        .chain([next.saturating_sub(1)])
        .max()
        .unwrap_or(0);
    let mut numbers = (mark.upto + 1..=given_out)
        .filter(|n| !saved.entries.contains_key(n) && !saved.held.contains(n))
        .peekable();
    while let Some(from) = numbers.next() {
        let mut to = from;
        while numbers.next_if_eq(&(to + 1)).is_some() {
            to += 1;
        }
        saved.lost.push((from, to));
    }
    saved
}

/// The photos that an entry names.
pub fn photos_named(entry: &PendingEntry) -> Vec<Sha256> {
    match protocol::entry::Entry::read(&entry.bytes) {
        Ok((_, Some(payload))) => Payload::photos(&payload).iter().map(|p| p.sha256).collect(),
        _ => Vec::new(),
    }
}
