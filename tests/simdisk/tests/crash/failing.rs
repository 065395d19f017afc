//! A full disk and failing operations without a power cut: the statement fails, nothing is lost, later statements
//! succeed.

use rusqlite::ErrorCode;
use simdisk::{Cut, Fault, Host, Rng, seed_process};

use crate::work::{GOOD, Model, hash_of, open, read, transact};

fn annoy(host: &Host, rng: &mut Rng) {
    match rng.below(6) {
        0 => host.set_quota(Some(
            host.used() + usize::try_from(rng.below(20_000)).unwrap_or(0),
        )),
        1 => host.set_quota(None),
        2 => host.fault_in(rng.below(8), Fault::IoErr),
        3 => host.fault_in(rng.below(8), Fault::Full),
        4 => host.fault_in(rng.below(8), Fault::SyncErr),
        _ => {}
    }
}

#[test]
fn a_full_disk_and_io_errors_fail_the_statement_and_lose_nothing() {
    let (mut full, mut io, mut came_back) = (0, 0, 0);
    for seed in 0..40 {
        seed_process(seed);
        let (mut rng, host) = (Rng(seed), Host::new("f", seed));
        let mut db = open(&host, &GOOD).unwrap();
        let (mut acknowledged, mut model, mut failed) = (0, Model::new(), vec![]);
        for number in 1..=80 {
            annoy(&host, &mut rng);
            let mut next = model.clone();
            let Err(error) = transact(&mut db, number, &mut next, &mut rng) else {
                (acknowledged, model) = (number, next);
                failed.clear();
                continue;
            };
            match error.sqlite_error_code() {
                Some(ErrorCode::DiskFull) => full += 1,
                Some(ErrorCode::SystemIoFailure) => io += 1,
                other => panic!("{other:?} {error}"),
            }
            failed.push((number, hash_of(&next)));
            host.clear_faults();
            host.set_quota(None);
            let (value, hash, sound) = read(&db).unwrap();
            assert!(sound);
            if value == number {
                // The outcome of a failed COMMIT is unknown: it may have been written.
                assert_eq!(hash, hash_of(&next));
                (acknowledged, model) = (value, next);
            } else {
                assert_eq!(
                    (value, hash),
                    (acknowledged, hash_of(&model)),
                    "seed {seed}: {error}"
                );
            }
        }
        host.clear_faults();
        drop(db);
        host.power_cycle(Cut::LoseAll);
        let (value, hash, sound) = read(&open(&host, &GOOD).unwrap()).unwrap();
        assert!(sound);
        if value == acknowledged {
            assert_eq!(hash, hash_of(&model), "seed {seed}");
        } else {
            // A COMMIT that failed in its sync left valid frames in the WAL; a restart may bring it back.
            came_back += 1;
            assert!(failed.contains(&(value, hash)), "seed {seed}");
        }
    }
    println!("{full} full, {io} errors, {came_back} failed commits that came back");
    assert!(full > 0 && io > 0);
}

#[test]
fn removing_a_file_frees_its_quota() {
    let host = Host::new("q", 1);
    let files = host.files();
    host.set_quota(Some(100));
    files.create("a").unwrap();
    files.append("a", &[1; 80]).unwrap();
    files.create("b").unwrap();
    let error = files.append("b", &[2; 30]).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::StorageFull);
    assert_eq!(files.read("b").unwrap(), b"");
    files.sync_file("a").unwrap();
    files.sync_dir("").unwrap();
    files.remove("a").unwrap();
    files.append("b", &[2; 30]).unwrap();
    assert_eq!(host.used(), 30);
    // The removal was not synced, so it is undone; the content of `b` was not synced either.
    host.power_cycle(Cut::LoseAll);
    assert_eq!(host.used(), 80);
}
