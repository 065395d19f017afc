//! The raw run of the ingest bench: the statements that the server's writer runs for a push, over the rows
//! that the server wrote in the round before, on a copy of its database on the same disk, with `rusqlite` or
//! `postgres` only.
//!
//! Nothing is parsed, checked, signed or answered here, and the token lookup (another connection in the
//! server) is left out: this measures what engine and disk allow. A test below compares the statements with
//! the server's source; after each round [`counts`] compares the rows.

use anyhow::{Result, ensure};
use protocol::time::Millis;
use server::{
    params,
    store::{Options, Store, StoreError, Tx, Value},
};
use std::{collections::HashMap, path::Path};

/// Runs the server's statements on one engine.
pub trait StatementRunner {
    /// Runs a statement to its end; its rows are read and dropped.
    fn run(&mut self, sql: &'static str, values: &[Value]) -> Result<()>;
    /// Runs a statement without values.
    fn plain(&mut self, sql: &'static str) -> Result<()>;
}

/// A push as it is in the database.
#[derive(Debug, Clone, Default)]
pub struct StoredPush {
    pub stream: String,
    received: i64,
    person: String,
    post: String,
    row: Vec<Value>,
    entries: Vec<StoredEntry>,
}

/// An entry with all rows that were written for it.
#[derive(Debug, Clone)]
struct StoredEntry {
    id: String,
    n: i64,
    record: String,
    made: i64,
    row: Vec<Value>,
    case: Vec<Value>,
    event: Vec<Value>,
    mail: Vec<(String, String)>,
}

const CONTACT: &str = "UPDATE presence SET last_contact = ?2 WHERE person = ?1 AND last_contact < ?2";
const EXISTING: &str = "SELECT id, stream, n, sha256, received FROM entry WHERE id = ?1
         UNION ALL SELECT id, stream, n, sha256, received FROM entry WHERE stream = ?2 AND n = ?3
         UNION ALL SELECT id, stream, n, sha256, received
            FROM (SELECT * FROM entry WHERE waits_for = ?1 LIMIT 1) AS waiting";
const PUSH: &str = "INSERT INTO push (id, stream, received, body_sha256, token_sha256, signature, clock)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
const ENTRY: &str =
    "INSERT INTO entry (id, stream, n, sha256, bytes, push, received, kind, record, author, post,
                            made_at, uncertainty, basis, state, attempts, state_at, boot, monotonic, flags)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, 'pending', 0, ?7, ?15, ?16, ?17)";
const MARK: &str = "SELECT COALESCE((SELECT upto FROM stream_mark WHERE stream = ?1), 0) AS upto,
             COALESCE((SELECT n FROM entry WHERE stream = ?1 ORDER BY n DESC LIMIT 1), 0) AS highest,
             (SELECT COUNT(*) FROM entry WHERE stream = ?1 AND n >
                 COALESCE((SELECT upto FROM stream_mark WHERE stream = ?1), 0)) AS above";
const RENEW: &str = "INSERT INTO stream_mark (stream, upto) VALUES (?1, ?2)
         ON CONFLICT (stream) DO UPDATE SET upto = excluded.upto";
const OF_RECORD: &str = "SELECT id, number, source, entry, record, stream, state, version, matter, level, text, cell, \
    grid, lat, lon, address, area, reporter, reporter_post, self_handled, flags, department, deadline, \
    deadline_provisional, rounds, check_passed, withdrawn, reported, created, updated FROM case_file WHERE record = ?1";
const AREAS: &str = "SELECT area FROM post_area WHERE post = ?1 ORDER BY area";
const ON_DUTY: &str = "SELECT since, until FROM duty_period WHERE person = ?1 AND post = ?2 AND since <= ?3
         ORDER BY since DESC LIMIT 50";
const CASE: &str = "INSERT INTO case_file (id, number, source, entry, record, stream, state, version, matter, level, text,
                 cell, grid, lat, lon, address, area, reporter, reporter_post, self_handled, flags, department,
                 deadline, deadline_provisional, rounds, check_passed, withdrawn, reported, created, updated)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20,
                 ?21, ?22, ?23, ?24, ?25, ?26, ?27, ?28, ?29, ?30)";
const EVENT: &str =
    "INSERT INTO case_event (case_id, seq, id, body, previous, hash, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
const SETTLE: &str =
    "UPDATE entry SET state = ?2, code = ?3, reason = ?4, waits_for = ?5, state_at = ?6 WHERE id = ?1";
const FIGURE: &str = "INSERT INTO tally_change (what, place, state, n) VALUES (?1, ?2, ?3, ?4)";
const EPOCH: &str = "SELECT value FROM meta WHERE key = ?1";
const MAIL_NUMBER: &str = "INSERT INTO mailbox (id, last) VALUES (?1, ?2)
         ON CONFLICT (id) DO UPDATE SET last = mailbox.last + excluded.last RETURNING last";
const MAIL: &str =
    "INSERT INTO mailbox_row (mailbox, kind, entity, n, body, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                 ON CONFLICT (mailbox, kind, entity) DO UPDATE
                 SET n = excluded.n, body = excluded.body, at = excluded.at";

/// Runs the server's statements for one push, inside an open transaction. `last` is the last row number of
/// each author's mailbox, counted here because nothing is read back.
pub fn replay(
    engine: &mut impl StatementRunner,
    push: &StoredPush,
    last: &mut HashMap<String, i64>,
) -> Result<()> {
    let now = push.received;
    engine.plain("SAVEPOINT part_1")?;
    engine.run(CONTACT, params![&push.person, now])?;
    engine.plain("RELEASE SAVEPOINT part_1")?;
    for (k, kept) in push.entries.iter().enumerate() {
        engine.run(EXISTING, params![&kept.id, &push.stream, kept.n])?;
        if k == 0 {
            engine.run(PUSH, &push.row)?;
        }
        engine.run(ENTRY, &kept.row)?;
    }
    let upto = push.entries.last().map_or(0, |kept| kept.n);
    engine.run(MARK, params![&push.stream])?;
    engine.run(RENEW, params![&push.stream, upto])?;
    for kept in &push.entries {
        let id = &kept.id;
        engine.plain("SAVEPOINT part_1")?;
        engine.run(OF_RECORD, params![&kept.record])?;
        engine.run(AREAS, params![&push.post])?;
        engine.run(ON_DUTY, params![&push.person, &push.post, kept.made])?;
        engine.run(CASE, &kept.case)?;
        engine.run(EVENT, &kept.event)?;
        engine.plain("RELEASE SAVEPOINT part_1")?;
        let none = || Value::Null;
        let settled = [id.into(), "applied".into(), none(), none(), none(), now.into()];
        engine.run(SETTLE, &settled)?;
    }
    engine.run(EPOCH, params!["epoch"])?;
    let mailbox = format!("author:{}", push.person);
    let n = last.entry(mailbox.clone()).or_default();
    // Kind by kind, in the order in which the server sorts them.
    let mut rows = Vec::new();
    for of_kind in 0..2 {
        for (kind, kept) in push
            .entries
            .iter()
            .filter_map(|k| Some((k.mail.get(of_kind)?, k)))
        {
            let entity = match of_kind {
                0 => kept.case.first().cloned().unwrap_or(Value::Null),
                _ => Value::from(&kept.id),
            };
            rows.push((kind, entity));
        }
    }
    let count = i64::try_from(rows.len())?;
    engine.run(MAIL_NUMBER, params![&mailbox, count])?;
    for (kind, entity) in rows {
        *n += 1;
        let row = [
            mailbox.as_str().into(),
            kind.0.as_str().into(),
            entity,
            Value::Int(*n),
            kind.1.as_str().into(),
            now.into(),
        ];
        engine.run(MAIL, &row)?;
    }
    // All reports of a push lie in one cell here.
    let reports = i64::try_from(push.entries.len()).unwrap_or(0);
    let area = push.entries.first().and_then(|kept| kept.case.get(16).cloned());
    engine.run(
        FIGURE,
        params!["case", area.unwrap_or(Value::Null), "reported", reports],
    )?;
    engine.run(FIGURE, params!["entry", &push.stream, "applied", reports])?;
    Ok(())
}

/// Opens the server's database for reading, while the server may run.
pub fn open(url: &str) -> Result<Store> {
    let options = Options {
        readers: 1,
        connections: 2,
        share_hints: false,
        ..Options::default()
    };
    Ok(Store::open(url, options)?)
}

/// The pushes received since `since`, in order of arrival.
pub fn pushes(store: &Store, since: Millis) -> Result<Vec<StoredPush>> {
    Ok(store.read_blocking(move |tx| read(tx, since))?)
}

fn row(row: &server::store::Row, columns: usize) -> Result<Vec<Value>, StoreError> {
    (0..columns).map(|at| row.get(at)).collect()
}

fn read(tx: &mut Tx<'_>, since: Millis) -> Result<Vec<StoredPush>, StoreError> {
    let mut entries: HashMap<String, Vec<StoredEntry>> = HashMap::new();
    let found = tx.all(
        "SELECT e.id, e.stream, e.n, e.sha256, e.bytes, e.push, e.received, e.kind, e.record, e.author, e.post,
             e.made_at, e.uncertainty, e.basis, e.boot, e.monotonic, e.flags, c.id AS case_id, v.body AS said, w.body AS told
         FROM entry e JOIN case_file c ON c.entry = e.id
         JOIN mailbox_row v ON v.kind = 'case' AND v.entity = c.id AND v.mailbox = 'author:' || e.author
         JOIN mailbox_row w ON w.kind = 'disposition' AND w.entity = e.id AND w.mailbox = 'author:' || e.author
         WHERE e.received >= ?1 ORDER BY e.stream, e.n",
        params![since.0],
        |r| {
            let mail = vec![
                ("case".to_owned(), r.get("said")?),
                ("disposition".to_owned(), r.get("told")?),
            ];
            Ok((
                r.get::<String>("push")?,
                StoredEntry {
                    id: r.get("id")?,
                    n: r.get("n")?,
                    record: r.get("record")?,
                    made: r.get::<i64>("made_at")? + r.get::<i64>("uncertainty")?,
                    row: row(r, 17)?,
                    case: Vec::new(),
                    event: Vec::new(),
                    mail,
                },
            ))
        },
    )?;
    for (push, mut kept) in found {
        let id = kept.id.clone();
        kept.case = tx.one(
            "SELECT id, number, source, entry, record, stream, state, version, matter, level, text, cell, grid, lat, lon,
                 address, area, reporter, reporter_post, self_handled, flags, department, deadline,
                 deadline_provisional, rounds, check_passed, withdrawn, reported, created, updated
             FROM case_file WHERE entry = ?1",
            params![&id],
            |r| row(r, 30),
        )?;
        let case = kept.case.first().cloned().unwrap_or(Value::Null);
        kept.event = tx.one(
            "SELECT case_id, seq, id, body, previous, hash, at FROM case_event WHERE case_id = ?1",
            &[case],
            |r| row(r, 7),
        )?;
        entries.entry(push).or_default().push(kept);
    }
    tx.all(
        "SELECT p.id, p.stream, p.received, p.body_sha256, p.token_sha256, p.signature, p.clock, s.person, s.post
         FROM push p JOIN stream s ON s.id = p.stream WHERE p.received >= ?1 ORDER BY p.received, p.stream",
        params![since.0],
        |r| {
            Ok(StoredPush {
                stream: r.get("stream")?,
                received: r.get("received")?,
                person: r.get("person")?,
                post: r.get("post")?,
                row: row(r, 7)?,
                entries: entries.remove(&r.get::<String>("id")?).unwrap_or_default(),
            })
        },
    )
}

/// Row counts of every table that a push writes; server and raw run must agree.
pub fn counts(store: &Store) -> Result<Vec<i64>> {
    const TABLES: [&str; 7] = [
        "push",
        "entry",
        "stream_mark",
        "case_file",
        "case_event",
        "mailbox",
        "mailbox_row",
    ];
    let count = |tx: &mut Tx<'_>| -> Result<Vec<i64>, StoreError> {
        TABLES
            .iter()
            .map(|table| {
                let sql = format!("SELECT COUNT(*) AS n FROM {table}");
                tx.one(&sql, params![], |row| row.get("n"))
            })
            .collect()
    };
    Ok(store.read_blocking(count)?)
}

/// SQLite, opened with the server's settings.
pub struct RawSqlite(rusqlite::Connection);

impl RawSqlite {
    pub fn open(path: &Path) -> Result<Self> {
        let connection = rusqlite::Connection::open(path)?;
        connection.set_prepared_statement_cache_capacity(512);
        let mode: String = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
        ensure!(mode == "wal", "SQLite did not switch to WAL");
        connection.execute_batch(
            "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY;
             PRAGMA cache_size = -16384; PRAGMA journal_size_limit = 67108864;",
        )?;
        Ok(Self(connection))
    }
    /// Replays all pushes, `group` of them per COMMIT.
    pub fn replay(
        &mut self,
        pushes: &[StoredPush],
        group: usize,
        last: &mut HashMap<String, i64>,
    ) -> Result<()> {
        for group in pushes.chunks(group.max(1)) {
            self.plain("BEGIN IMMEDIATE")?;
            for push in group {
                self.plain("SAVEPOINT member")?;
                replay(self, push, last)?;
                self.plain("RELEASE member")?;
            }
            self.plain("COMMIT")?;
        }
        Ok(())
    }
}

impl StatementRunner for RawSqlite {
    fn run(&mut self, sql: &'static str, values: &[Value]) -> Result<()> {
        let mut statement = self.0.prepare_cached(sql)?;
        let mut rows = statement.query(rusqlite::params_from_iter(values))?;
        while rows.next()?.is_some() {}
        Ok(())
    }
    fn plain(&mut self, sql: &'static str) -> Result<()> {
        self.run(sql, &[])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    fn sources(folder: PathBuf, into: &mut String) {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                sources(path, into);
            } else {
                into.push_str(&std::fs::read_to_string(path).unwrap());
            }
        }
    }
    fn plain(text: &str) -> String {
        text.replace('\\', " ")
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
    }

    #[test]
    fn every_raw_statement_occurs_in_the_servers_source() {
        let mut all = String::new();
        sources(
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../server/src"),
            &mut all,
        );
        let all = plain(&all);
        for sql in [
            CONTACT,
            EXISTING,
            PUSH,
            ENTRY,
            MARK,
            RENEW,
            AREAS,
            ON_DUTY,
            CASE,
            EVENT,
            SETTLE,
            EPOCH,
            MAIL_NUMBER,
            MAIL,
            FIGURE,
        ] {
            assert!(
                all.contains(&plain(sql)),
                "the server's source no longer contains:\n{sql}"
            );
        }
        // This statement is built from two parts.
        let columns = OF_RECORD.strip_prefix("SELECT ").unwrap();
        let columns = columns.strip_suffix(" FROM case_file WHERE record = ?1").unwrap();
        assert!(all.contains(&plain(columns)));
    }
}
