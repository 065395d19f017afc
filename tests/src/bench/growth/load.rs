//! Writes copied rows in bulk: prepared inserts on SQLite, `COPY` on PostgreSQL.

use super::template::{CopiedRow, TABLES};
use anyhow::{Context as _, Result};
use server::store::Value;
use std::{collections::BTreeMap, fmt::Write as _, io::Write as _, path::Path};

/// Writes rows that nobody else writes meanwhile.
pub enum Loader {
    Sqlite(rusqlite::Connection),
    Postgres(Box<postgres::Client>),
}

/// The columns of each table.
pub type Columns = BTreeMap<usize, Vec<String>>;

impl Loader {
    /// Opens the database of a stopped server. Rows are not synced one by one, and foreign keys are not checked again: every
    /// row is a copy of one that the server wrote.
    pub fn sqlite(file: &Path) -> Result<Self> {
        let connection = rusqlite::Connection::open(file)?;
        connection.set_prepared_statement_cache_capacity(64);
        connection.execute_batch(
            "PRAGMA synchronous = OFF; PRAGMA foreign_keys = OFF; PRAGMA cache_size = -1000000;
             PRAGMA temp_store = MEMORY;",
        )?;
        Ok(Self::Sqlite(connection))
    }
    /// As [`Loader::sqlite`], by an owner of the cluster.
    pub fn postgres(url: &str) -> Result<Self> {
        let mut client = postgres::Client::connect(url, postgres::NoTls)?;
        client.batch_execute("SET session_replication_role = replica; SET synchronous_commit = off")?;
        Ok(Self::Postgres(Box::new(client)))
    }

    /// Writes a batch in one transaction.
    pub fn write(&mut self, rows: &[CopiedRow], columns: &Columns) -> Result<()> {
        match self {
            Self::Sqlite(connection) => {
                let tx = connection.transaction()?;
                for (table, values) in rows {
                    let (name, columns) = of(*table, columns)?;
                    let marks: Vec<String> = (1..=columns.len()).map(|n| format!("?{n}")).collect();
                    let sql = format!(
                        "INSERT INTO {name} ({}) VALUES ({})",
                        columns.join(", "),
                        marks.join(", ")
                    );
                    let mut insert = tx.prepare_cached(&sql)?;
                    let done = insert.execute(rusqlite::params_from_iter(values));
                    done.with_context(|| format!("a row of {name}: {values:?}"))?;
                }
                tx.commit()?;
            }
            Self::Postgres(client) => {
                let mut tx = client.transaction()?;
                for (table, _) in TABLES.iter().enumerate() {
                    let mut text = String::new();
                    for (_, values) in rows.iter().filter(|(of, _)| *of == table) {
                        copy_line(&mut text, values)?;
                    }
                    if text.is_empty() {
                        continue;
                    }
                    let (name, columns) = of(table, columns)?;
                    let mut copy = tx.copy_in(&format!("COPY {name} ({}) FROM STDIN", columns.join(", ")))?;
                    copy.write_all(text.as_bytes())?;
                    copy.finish()?;
                }
                tx.commit()?;
            }
        }
        Ok(())
    }

    /// Drops the indexes of the tables that are copied, except those of keys; returns the statements that create them again.
    pub fn without_indexes(&mut self) -> Result<Vec<String>> {
        let found: Vec<(String, String, String)> = match self {
            Self::Sqlite(connection) => {
                let sql =
                    "SELECT tbl_name, name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL";
                let mut read = connection.prepare(sql)?;
                let rows = read.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
                rows.collect::<Result<_, _>>()?
            }
            Self::Postgres(client) => {
                let sql = "SELECT tablename::text, indexname::text, indexdef FROM pg_indexes WHERE schemaname = 'public'
                           AND indexname NOT IN (SELECT conname FROM pg_constraint)";
                let rows = client.query(sql, &[])?;
                rows.iter()
                    .map(|row| (row.get(0), row.get(1), row.get(2)))
                    .collect()
            }
        };
        let own = found
            .into_iter()
            .filter(|(table, ..)| TABLES.contains(&table.as_str()));
        let mut again = Vec::new();
        for (_, name, sql) in own {
            self.run(&format!("DROP INDEX {name}"))?;
            again.push(sql);
        }
        Ok(again)
    }

    /// Brings the statistics up to date as PostgreSQL does by itself; SQLite works without any.
    pub fn settle(&mut self) -> Result<()> {
        match self {
            Self::Sqlite(_) => Ok(()),
            Self::Postgres(_) => self.run("VACUUM ANALYZE"),
        }
    }

    /// Runs statements, one transaction each.
    pub fn run(&mut self, sql: &str) -> Result<()> {
        match self {
            Self::Sqlite(connection) => connection.execute_batch(sql)?,
            Self::Postgres(client) => client.batch_execute(sql)?,
        }
        Ok(())
    }
}

fn of(table: usize, columns: &Columns) -> Result<(&'static str, &Vec<String>)> {
    let name = TABLES.get(table).copied().context("no such table")?;
    Ok((
        name,
        columns
            .get(&table)
            .with_context(|| format!("no columns of {name}"))?,
    ))
}

/// A row in the text format of `COPY`.
fn copy_line(text: &mut String, values: &[Value]) -> Result<()> {
    for (at, value) in values.iter().enumerate() {
        if at > 0 {
            text.push('\t');
        }
        match value {
            Value::Null => text.push_str("\\N"),
            Value::Bool(value) => text.push(if *value { 't' } else { 'f' }),
            Value::Int(value) => write!(text, "{value}")?,
            Value::Real(value) => write!(text, "{value}")?,
            Value::Text(value) => {
                for c in value.chars() {
                    match c {
                        '\\' => text.push_str("\\\\"),
                        '\t' => text.push_str("\\t"),
                        '\n' => text.push_str("\\n"),
                        '\r' => text.push_str("\\r"),
                        c => text.push(c),
                    }
                }
            }
            Value::Blob(bytes) => {
                text.push_str("\\\\x");
                for byte in bytes {
                    write!(text, "{byte:02x}")?;
                }
            }
        }
    }
    text.push('\n');
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copied_line_escapes_what_copy_would_read_as_its_own() {
        let mut line = String::new();
        let row = [
            Value::Null,
            "a\tb\\N\n".into(),
            true.into(),
            Value::Int(-7),
            vec![0_u8, 255].into(),
        ];
        copy_line(&mut line, &row).unwrap();
        assert_eq!(line, "\\N\ta\\tb\\\\N\\n\tt\t-7\t\\\\x00ff\n");
    }
}
