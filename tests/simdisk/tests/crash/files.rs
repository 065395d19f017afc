//! Plain files: a file replaced repeatedly by "create, sync, rename, sync the folder", and the effect of each missing
//! step.

use simdisk::{Cut, Fault, Host, Rng};
use std::io;

/// Which steps are done.
#[derive(Clone, Copy, Debug)]
struct Steps {
    sync_file: bool,
    sync_dir: bool,
}

const ALL: Steps = Steps {
    sync_file: true,
    sync_dir: true,
};

/// Counts of the detected errors.
#[derive(Debug, Default, PartialEq)]
struct Wrong {
    lost: u64,
    torn: u64,
}

fn replace(host: &Host, steps: Steps, version: u64) -> io::Result<()> {
    let files = host.files();
    files.create("box/new")?;
    for _ in 0..4 {
        files.append("box/new", &version.to_le_bytes().repeat(100))?;
    }
    if steps.sync_file {
        files.sync_file("box/new")?;
    }
    files.rename("box/new", "box/file")?;
    if steps.sync_dir {
        files.sync_dir("box")?;
    }
    Ok(())
}

/// Returns the version of the file; `None` when it is incomplete.
fn version(host: &Host) -> Option<u64> {
    let files = host.files();
    let Ok(bytes) = files.read("box/file") else {
        return Some(0);
    };
    let first = u64::from_le_bytes(bytes.get(..8)?.try_into().ok()?);
    (bytes == first.to_le_bytes().repeat(400)).then_some(first)
}

fn run(seed: u64, steps: Steps) -> Wrong {
    let (host, mut rng, mut wrong) = (Host::new("f", seed), Rng(seed), Wrong::default());
    let mut acknowledged = 0;
    for _ in 0..30 {
        host.fault_in(rng.below(40), Fault::PowerCut);
        let mut trying = acknowledged;
        while !host.is_dead() {
            trying += 1;
            if replace(&host, steps, trying).is_ok() {
                acknowledged = trying;
            }
        }
        host.power_cycle(match rng.below(3) {
            0 => Cut::LoseAll,
            1 => Cut::Prefix,
            _ => Cut::Scatter {
                keep: 500,
                tear: 200,
                garbage: 300,
            },
        });
        match version(&host) {
            None => wrong.torn += 1,
            Some(found) if found < acknowledged => wrong.lost += 1,
            Some(found) => assert!(found <= trying),
        }
        if wrong != Wrong::default() {
            return wrong;
        }
    }
    wrong
}

fn many(steps: Steps) -> Wrong {
    let mut sum = Wrong::default();
    for seed in 0..50 {
        let wrong = run(seed, steps);
        sum.lost += wrong.lost;
        sum.torn += wrong.torn;
    }
    println!("{steps:?}: {sum:?}");
    sum
}

#[test]
fn a_file_replaced_with_every_sync_is_complete_and_not_older_than_acknowledged() {
    assert_eq!(many(ALL), Wrong::default());
}

#[test]
fn a_file_renamed_before_its_sync_is_detected_as_damaged() {
    let wrong = many(Steps {
        sync_file: false,
        ..ALL
    });
    assert!(wrong.torn > 0, "{wrong:?}");
}

#[test]
fn a_rename_without_a_folder_sync_is_detected_as_lost() {
    let wrong = many(Steps {
        sync_dir: false,
        ..ALL
    });
    assert!(wrong.lost > 0 && wrong.torn == 0, "{wrong:?}");
}

#[test]
fn a_disk_with_lying_syncs_is_detected_with_plain_files() {
    let host = Host::new("l", 1);
    host.set_lying_sync(true);
    replace(&host, ALL, 1).unwrap();
    host.power_cycle(Cut::LoseAll);
    assert_eq!(host.names(), Vec::<String>::new());
}

#[test]
fn the_sync_of_one_folder_does_not_make_names_of_another_durable() {
    let host = Host::new("d", 1);
    let files = host.files();
    for name in ["a/one", "b/two"] {
        files.create_new(name).unwrap();
        files.append(name, b"x").unwrap();
        files.sync_file(name).unwrap();
    }
    files.sync_dir("b").unwrap();
    host.power_cycle(Cut::LoseAll);
    assert_eq!(host.names(), ["b/two"]);
}

#[test]
fn a_removal_or_a_rename_that_was_not_synced_may_be_undone() {
    let host = Host::new("r", 1);
    let files = host.files();
    for name in ["a", "b", "c"] {
        files.create(name).unwrap();
        files.append(name, name.as_bytes()).unwrap();
        files.sync_file(name).unwrap();
    }
    files.sync_dir("").unwrap();
    files.remove("a").unwrap();
    files.rename("b", "c").unwrap();
    assert_eq!(files.list("").unwrap(), ["c"]);
    host.power_cycle(Cut::LoseAll);
    let files = host.files();
    assert_eq!(files.list("").unwrap(), ["a", "b", "c"]);
    for name in ["a", "b", "c"] {
        assert_eq!(files.read(name).unwrap(), name.as_bytes());
    }
    files.rename("b", "c").unwrap();
    files.sync_dir("").unwrap();
    host.power_cycle(Cut::LoseAll);
    assert_eq!(host.names(), ["a", "c"]);
    assert_eq!(host.files().read("c").unwrap(), b"b");
}

#[test]
fn each_mutating_call_is_one_operation_and_a_read_is_none() {
    let host = Host::new("n", 1);
    let files = host.files();
    files.create("a").unwrap();
    files.append("a", b"xy").unwrap();
    files.write_at("a", 1, b"z").unwrap();
    files.set_len("a", 1).unwrap();
    files.sync_file("a").unwrap();
    files.rename("a", "b").unwrap();
    files.sync_dir("").unwrap();
    files.remove("b").unwrap();
    assert_eq!(host.ops(), 8);
    assert!(files.read("b").is_err() && files.list("").unwrap().is_empty());
    assert_eq!(host.ops(), 8);
    host.fault_in(0, Fault::IoErr);
    assert!(files.create("c").is_err());
    assert!(!files.exists("c").unwrap());
}
