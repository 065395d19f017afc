//! Our provider beside the stock one (OpenSSL) in one program: each reads what the other wrote.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod support;

use proptest::prelude::*;
use rusqlite::{Connection, Error, ErrorCode};
use std::path::Path;
use support::{Ours, RAW, Stock, open, open_with};

fn write(connection: &Connection, blobs: &[Vec<u8>]) -> Result<(), Error> {
    connection.execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE IF NOT EXISTS t (b BLOB)")?;
    let mut statement = connection.prepare("INSERT INTO t VALUES (?1)")?;
    for blob in blobs {
        statement.execute([blob])?;
    }
    Ok(())
}

fn read(connection: &Connection) -> Vec<Vec<u8>> {
    let mut statement = connection.prepare("SELECT b FROM t ORDER BY rowid").unwrap();
    let rows = statement.query_map([], |row| row.get(0)).unwrap();
    rows.collect::<Result<_, _>>().unwrap()
}

fn faults(connection: &Connection) -> Vec<String> {
    let mut statement = connection.prepare("PRAGMA cipher_integrity_check").unwrap();
    let rows = statement.query_map([], |row| row.get(0)).unwrap();
    rows.collect::<Result<_, _>>().unwrap()
}

#[test]
fn each_library_reads_and_continues_the_files_of_the_other_with_raw_keys_and_passphrases() {
    for key in [RAW, "一个口令 with spaces"] {
        for (first, second) in [(Ours, Stock), (Stock, Ours)] {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("a.db");
            let blobs: Vec<Vec<u8>> = (0..300_usize).map(|n| vec![n as u8; n * 7]).collect();
            let (head, tail) = blobs.split_at(150);
            write(&open(&path, key, first).unwrap(), head).unwrap();
            let other = open(&path, key, second).unwrap();
            assert_eq!(read(&other), head);
            assert_eq!(faults(&other), [""; 0]);
            write(&other, tail).unwrap();
            other.execute_batch("VACUUM").unwrap();
            drop(other);
            let again = open(&path, key, first).unwrap();
            assert_eq!(read(&again), blobs);
            assert_eq!(faults(&again), [""; 0]);
        }
    }
}

#[test]
fn a_log_that_the_stock_library_left_behind_is_read_and_its_lost_tail_is_not_invented() {
    for (first, second) in [(Ours, Stock), (Stock, Ours)] {
        let dir = tempfile::tempdir().unwrap();
        let (path, copy) = (dir.path().join("a.db"), dir.path().join("b.db"));
        let writer = open(&path, RAW, first).unwrap();
        write(&writer, &[vec![1; 5000]]).unwrap();
        write(&writer, &[vec![2; 5000]]).unwrap();
        // As after a kill: the files while the writer has them open.
        for suffix in ["", "-wal"] {
            let name = |path: &Path| format!("{}{suffix}", path.display());
            std::fs::copy(name(&path), name(&copy)).unwrap();
        }
        assert_eq!(
            read(&open(&copy, RAW, second).unwrap()),
            [vec![1; 5000], vec![2; 5000]]
        );
    }
}

#[test]
fn another_key_or_one_changed_byte_is_refused_by_both_with_the_same_error() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.db");
    let connection = open(&path, RAW, Ours).unwrap();
    write(&connection, &vec![vec![3; 3000]; 20]).unwrap();
    drop(connection);
    let bytes = std::fs::read(&path).unwrap();
    assert!(
        !bytes.windows(8).any(|window| window == [3; 8]),
        "nothing is in clear"
    );
    let not_a_database = |result: Result<Connection, Error>| {
        assert_eq!(
            result.map(drop).unwrap_err().sqlite_error_code(),
            Some(ErrorCode::NotADatabase)
        );
    };
    for library in [Ours, Stock] {
        not_a_database(open(&path, &RAW.replace("1f'", "1e'"), library));
        // Content, vector and code of the first page; a byte of a later page.
        for at in [16, 2000, 4096 - 80, 4096 - 1] {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1;
            let path = dir.path().join(format!("damaged-{at}-{library:?}.db"));
            std::fs::write(&path, damaged).unwrap();
            not_a_database(open(&path, RAW, library));
        }
        let mut damaged = bytes.clone();
        damaged[4096 * 3 + 100] ^= 1;
        let path = dir.path().join(format!("damaged-later-{library:?}.db"));
        std::fs::write(&path, damaged).unwrap();
        assert_eq!(faults(&open(&path, RAW, library).unwrap()).len(), 1);
    }
}

#[test]
fn the_algorithms_of_sqlcipher_3_are_refused_and_nothing_is_written_with_them() {
    let dir = tempfile::tempdir().unwrap();
    for settings in [
        "PRAGMA cipher_compatibility = 3",
        "PRAGMA cipher_hmac_algorithm = HMAC_SHA1",
        "PRAGMA cipher_kdf_algorithm = PBKDF2_HMAC_SHA256",
    ] {
        let path = dir.path().join("old.db");
        let opened = open_with(&path, "a passphrase", Ours, settings)
            .and_then(|connection| write(&connection, &[vec![1; 10]]));
        assert!(opened.is_err(), "{settings}");
        assert_eq!(
            std::fs::metadata(&path).map_or(0, |file| file.len()),
            0,
            "{settings}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn any_content_survives_the_way_through_both_libraries(
        blobs in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..9000), 0..12),
        page_size in prop::sample::select(vec![1024_u32, 4096, 65536]),
        ours_first in any::<bool>(),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.db");
        let settings = format!("PRAGMA cipher_page_size = {page_size}");
        let (first, second) = if ours_first { (Ours, Stock) } else { (Stock, Ours) };
        let connection = open_with(&path, RAW, first, &settings).unwrap();
        write(&connection, &blobs).unwrap();
        drop(connection);
        prop_assert_eq!(read(&open_with(&path, RAW, second, &settings).unwrap()), blobs);
    }
}
