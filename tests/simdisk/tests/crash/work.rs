//! The database workload: random transactions, each also applied to a model.

use rusqlite::{Connection, params};
use simdisk::{Host, Rng, hash_bytes};
use std::collections::BTreeMap;
use std::time::Duration;

const KEY: &str = "PRAGMA key = \"x'2DD29CA851E7B56E4697B0E1F08507293D761A05CE4D1B628663F411A8086D99'\"";

#[derive(Clone, Copy, Debug)]
pub struct Config {
    pub journal: &'static str,
    pub sync: &'static str,
    pub keyed: bool,
    pub lying: bool,
    pub names_at_once: bool,
    pub powersafe: bool,
}

/// The configuration with which the product opens its databases.
pub const GOOD: Config = Config {
    journal: "WAL",
    sync: "FULL",
    keyed: false,
    lying: false,
    names_at_once: false,
    powersafe: true,
};

/// Rows by id: number of the transaction that wrote it, and its bytes.
pub type Model = BTreeMap<i64, (i64, Vec<u8>)>;

pub fn hash_of(model: &Model) -> u64 {
    model.iter().fold(1, |hash, (id, (number, body))| {
        hash_bytes(hash ^ id.cast_unsigned() ^ (number.cast_unsigned() << 32), body)
    })
}

/// Opens a database with a small cache, so that pages spill, and frequent checkpoints.
pub fn open(host: &Host, config: &Config) -> rusqlite::Result<Connection> {
    let db = host.open("acct.db")?;
    if config.keyed {
        db.execute_batch("PRAGMA cipher_log_level=NONE")?;
        db.execute_batch(KEY)?;
    }
    db.busy_timeout(Duration::from_millis(50))?;
    db.query_row(&format!("PRAGMA journal_mode={}", config.journal), [], |_| Ok(()))?;
    db.execute_batch(&format!(
        "PRAGMA synchronous={}; PRAGMA wal_autocheckpoint=20; PRAGMA cache_size=50;
         CREATE TABLE IF NOT EXISTS meta(k INTEGER PRIMARY KEY, v INTEGER NOT NULL);
         CREATE TABLE IF NOT EXISTS t(id INTEGER PRIMARY KEY, txn INTEGER, body BLOB);
         CREATE INDEX IF NOT EXISTS ti ON t(txn);
         INSERT OR IGNORE INTO meta VALUES(1,0);",
        config.sync
    ))?;
    Ok(db)
}

/// Returns the last transaction's number, the hash of the whole content, and whether the file is intact.
pub fn read(db: &Connection) -> rusqlite::Result<(i64, u64, bool)> {
    let value = db.query_row("SELECT v FROM meta WHERE k=1", [], |row| row.get(0))?;
    let model: Model = db
        .prepare("SELECT id,txn,body FROM t")?
        .query_map([], |row| Ok((row.get(0)?, (row.get(1)?, row.get(2)?))))?
        .collect::<Result<_, _>>()?;
    let sound: String = db.query_row("PRAGMA integrity_check", [], |row| row.get(0))?;
    Ok((value, hash_of(&model), sound == "ok"))
}

/// Runs one transaction: the same random change to the database and to the model.
pub fn transact(db: &mut Connection, number: i64, model: &mut Model, rng: &mut Rng) -> rusqlite::Result<()> {
    let txn = db.transaction()?;
    for _ in 0..=rng.below(4) {
        let id = rng.below(400).cast_signed();
        if rng.chance(200) {
            model.remove(&id);
            txn.execute("DELETE FROM t WHERE id=?1", [id])?;
            continue;
        }
        let mut body = vec![0; if rng.chance(80) { 20_000 } else { 300 }];
        rng.fill(&mut body);
        model.insert(id, (number, body.clone()));
        txn.execute(
            "INSERT OR REPLACE INTO t VALUES(?1,?2,?3)",
            params![id, number, body],
        )?;
    }
    txn.execute("UPDATE meta SET v=?1 WHERE k=1", [number])?;
    txn.commit()
}
