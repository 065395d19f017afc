//! One room writes a table of the server's database; the others read it or call that room.
//!
//! Writes are found in the string literals of `server/src` (`INSERT INTO`, `UPDATE … SET`, `DELETE FROM`). A table name
//! that is put in by `format!` is not a name that can be checked and is a fault, unless it is listed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Result, ensure};

use super::source;

/// Table, room and the reason why that room writes a table of another.
const EXCEPTIONS: &[(&str, &str, &str)] = &[];

/// Files that put table names into their statements (`format!`, `concat!`), the tables that they write so, and why.
const UNNAMED: &[Unnamed] = &[
    ("photos/tus/tables.rs", TUS_TABLES, TUS_REASON),
    ("photos/tus/upload.rs", TUS_TABLES, TUS_REASON),
];
const TUS_TABLES: &[&str] = &["upload", "upload_part", "attachment_upload", "attachment_part"];
const TUS_REASON: &str = "photos and attachments have a pair of tables each with the same columns; one text of each \
                          statement serves both";

type Unnamed<'a> = (&'a str, &'a [&'a str], &'a str);

pub struct TableFindings {
    pub tables: usize,
    /// Tables with more than one writing room, listed exceptions included.
    pub shared: usize,
    pub faults: Vec<String>,
}

/// Judges the sources of the server.
pub fn judge(src: &Path) -> Result<TableFindings> {
    judge_with(src, EXCEPTIONS, UNNAMED)
}

fn judge_with(src: &Path, exceptions: &[(&str, &str, &str)], unnamed: &[Unnamed]) -> Result<TableFindings> {
    let mut writers: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    let mut faults = Vec::new();
    for file in source::read(src, "server")?.iter().filter(|file| !file.test) {
        for literal in file.parsed.literals.iter().filter(|literal| !literal.test) {
            for table in written(&literal.text) {
                let place = format!("{}:{}", file.name, literal.line);
                if table.starts_with('{') {
                    let listed = unnamed.iter().find(|(name, ..)| *name == file.name);
                    for table in listed.into_iter().flat_map(|(_, tables, _)| *tables) {
                        let rooms = writers.entry((*table).to_owned()).or_default();
                        rooms.entry(file.room.clone()).or_insert_with(|| place.clone());
                    }
                    if listed.is_none() {
                        faults.push(format!(
                            "server/src/{place} writes a table without naming it: `{table}`"
                        ));
                    }
                    continue;
                }
                writers
                    .entry(table)
                    .or_default()
                    .entry(file.room.clone())
                    .or_insert(place);
            }
        }
    }
    ensure!(
        !writers.is_empty(),
        "{} writes no table: the check sees nothing",
        src.display()
    );
    let excepted = |table: &str, room: &str| exceptions.iter().any(|(t, r, _)| *t == table && *r == room);
    let mut shared = 0;
    for (table, rooms) in &writers {
        shared += usize::from(rooms.len() > 1);
        let own: Vec<String> = rooms
            .iter()
            .filter(|(room, _)| !excepted(table, room))
            .map(|(room, place)| format!("{room} ({place})"))
            .collect();
        if own.len() > 1 {
            faults.push(format!(
                "table `{table}` is written by {} rooms: {}",
                own.len(),
                own.join(", ")
            ));
        }
    }
    let stale = exceptions
        .iter()
        .filter(|(table, room, _)| !writers.get(*table).is_some_and(|rooms| rooms.contains_key(*room)));
    faults.extend(
        stale.map(|(table, room, _)| format!("`{room}` does not write `{table}`: drop the exception")),
    );
    Ok(TableFindings {
        tables: writers.len(),
        shared,
        faults,
    })
}

/// Stands for a name that another literal brings.
const CUT: &str = "{…}";

/// The tables that a text of SQL writes.
fn written(sql: &str) -> BTreeSet<String> {
    let spaced: String = sql
        .chars()
        .map(|c| if "(),;".contains(c) { ' ' } else { c })
        .collect();
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut tables = BTreeSet::new();
    for (at, word) in words.iter().enumerate() {
        let next = |n: usize| words.get(at + n).copied().unwrap_or_default();
        let before = at
            .checked_sub(1)
            .and_then(|at| words.get(at))
            .copied()
            .unwrap_or_default();
        // The literal ends where the name would stand.
        let cut = match (before, *word) {
            ("INSERT" | "REPLACE", "INTO") | ("DELETE", "FROM") => true,
            ("FOR" | "DO" | "ON", "UPDATE") => false,
            (_, "UPDATE") => true,
            _ => false,
        };
        if cut && at + 1 == words.len() {
            tables.insert(CUT.to_owned());
        }
        let table = match (*word, next(1)) {
            ("INSERT" | "REPLACE", "INTO") | ("DELETE", "FROM") => next(2),
            ("INSERT", "OR") if next(3) == "INTO" => next(4),
            // `UPDATE person SET`, `UPDATE person p SET`, `UPDATE person AS p SET`; not `FOR UPDATE` nor `DO UPDATE
            // SET`.
            ("UPDATE", table) if (2..=4).any(|n| next(n) == "SET") => table,
            _ => continue,
        };
        if !table.is_empty() {
            tables.insert(table.to_owned());
        }
    }
    tables
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tables(sql: &str) -> Vec<String> {
        written(sql).into_iter().collect()
    }

    #[test]
    fn every_way_to_write_is_seen_and_reading_is_not() {
        assert_eq!(
            tables("INSERT INTO person (id) VALUES (?1) ON CONFLICT (id) DO UPDATE SET a = 1"),
            ["person"]
        );
        assert_eq!(
            tables("WITH x AS (SELECT 1) UPDATE post AS p SET a = 1"),
            ["post"]
        );
        assert_eq!(tables("UPDATE task SET a = (SELECT b FROM c)"), ["task"]);
        assert_eq!(
            tables("DELETE FROM mail WHERE x IN (DELETE FROM flag RETURNING id)"),
            ["flag", "mail"]
        );
        assert!(tables("SELECT * FROM job ORDER BY id FOR UPDATE SKIP LOCKED").is_empty());
        assert!(tables("how to UPDATE things").is_empty());
        assert_eq!(tables("INSERT INTO {table} VALUES (1)"), ["{table}"]);
        for cut in ["UPDATE ", "INSERT INTO ", "WITH x AS (SELECT 1) DELETE FROM "] {
            assert_eq!(tables(cut), [CUT]);
        }
        assert!(tables("SELECT 1 FOR UPDATE").is_empty());
    }

    fn judged(files: &[(&str, &str)], exceptions: &[(&str, &str, &str)]) -> Vec<String> {
        let hash = files
            .iter()
            .map(|(name, text)| name.len() + text.len())
            .sum::<usize>()
            + exceptions.len();
        let root = std::env::temp_dir().join(format!("xtask-tables-{hash}-{}", std::process::id()));
        for (name, text) in files {
            let file = root.join(name);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, text).unwrap();
        }
        let found = judge_with(&root, exceptions, &[]);
        std::fs::remove_dir_all(&root).ok();
        found.unwrap().faults
    }

    #[test]
    fn a_second_writer_is_a_fault_unless_it_is_listed_with_a_reason() {
        let files = [
            (
                "people/a.rs",
                "const A: &str = \"INSERT INTO person VALUES (1)\";",
            ),
            (
                "duty/b.rs",
                "fn f() { run(\"UPDATE person SET a = 1\") } #[cfg(test)] mod t { const B: &str = \"DELETE FROM person\"; }",
            ),
            (
                "tasks/c.rs",
                "#[cfg(test)] mod t { const B: &str = \"DELETE FROM person\"; }",
            ),
        ];
        let faults = judged(&files, &[]);
        assert_eq!(
            faults,
            ["table `person` is written by 2 rooms: duty (duty/b.rs:1), people (people/a.rs:1)"]
        );
        assert!(judged(&files, &[("person", "duty", "why")]).is_empty());
        assert_eq!(
            judged(&files, &[("person", "duty", "why"), ("post", "duty", "why")]).len(),
            1
        );
    }

    #[test]
    fn a_table_without_a_name_is_a_fault() {
        let files = [(
            "a/a.rs",
            "f(format!(\"DELETE FROM {table}\")); g(\"DELETE FROM b\");",
        )];
        assert_eq!(
            judged(&files, &[]),
            ["server/src/a/a.rs:1 writes a table without naming it: `{table}`"]
        );
    }
}
