//! Tests that the disk loses unsynced data and nothing else: random transactions, power cuts during them, and a
//! comparison of the whole content with a model after each restart. A correct configuration must lose nothing that
//! was acknowledged, and each wrong one must be detected: a checker that cannot detect a planted bug proves nothing.
//!
//! SQLite's random generator is global to the process, so the trace hash is only reproducible with one test per
//! process (nextest).

mod every_point;
mod failing;
mod files;
mod work;

use rusqlite::Connection;
use simdisk::{Cut, Fault, Host, Rng, hash_bytes, seed_process};

use crate::work::{Config, GOOD, Model, hash_of, open, read, transact};

/// Totals over many cuts.
#[derive(Default, Debug, PartialEq, Clone)]
struct Tally {
    cuts: u64,
    in_flight_kept: u64,
    in_flight_lost: u64,
    lost_acknowledged: u64,
    partial: u64,
    corrupt: u64,
    unopenable: u64,
    lost_operations: u64,
    hash: u64,
}

impl Tally {
    fn bad(&self) -> u64 {
        self.lost_acknowledged + self.partial + self.corrupt + self.unopenable
    }
    fn add(&mut self, other: &Self) {
        self.cuts += other.cuts;
        self.in_flight_kept += other.in_flight_kept;
        self.in_flight_lost += other.in_flight_lost;
        self.lost_acknowledged += other.lost_acknowledged;
        self.partial += other.partial;
        self.corrupt += other.corrupt;
        self.unopenable += other.unopenable;
        self.lost_operations += other.lost_operations;
        self.hash = hash_bytes(self.hash, &other.hash.to_le_bytes());
    }
}

/// The database according to its clients: acknowledged transactions, and the one in progress when the power was cut.
struct Known {
    acknowledged: i64,
    model: Model,
    history: Vec<u64>,
    under_way: Option<(i64, Model)>,
}

/// A connection, and optionally a reader that pins snapshots.
type OpenConnections = (Connection, Option<Connection>);

/// Runs transactions until the power is cut. The connections may be dropped after the restart.
fn work_until_dead(
    host: &Host,
    config: &Config,
    rng: &mut Rng,
    known: &mut Known,
) -> Option<OpenConnections> {
    let mut db = open(host, config).ok()?;
    let mut reader = if rng.chance(500) {
        open(host, config).ok()
    } else {
        None
    };
    for _ in 0..60 {
        let number = known.acknowledged + 1;
        let mut next = known.model.clone();
        let pinned = reader
            .as_mut()
            .filter(|_| rng.chance(300))
            .and_then(|c| c.transaction().ok());
        if let Some(snapshot) = &pinned {
            let _: Result<i64, _> = snapshot.query_row("SELECT v FROM meta", [], |row| row.get(0));
        }
        match transact(&mut db, number, &mut next, rng) {
            Ok(()) => {
                known.acknowledged = number;
                known.model = next;
                known.history.push(hash_of(&known.model));
            }
            Err(_) if host.is_dead() => {
                known.under_way = Some((number, next));
                break;
            }
            // A reader blocks the writer of a rollback journal.
            Err(error) => assert!(config.journal != "WAL", "{error}"),
        }
        drop(pinned);
        if config.journal == "WAL" && rng.chance(60) {
            let _ = db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
        }
        if host.is_dead() {
            break;
        }
    }
    host.kill();
    Some((db, reader))
}

/// Compares the content after a restart with the model and counts the result. Returns whether the run can continue.
fn judge(host: &Host, config: &Config, known: &mut Known, tally: &mut Tally) -> bool {
    let Ok(db) = open(host, config) else {
        tally.unopenable += 1;
        return false;
    };
    let Some((value, hash, true)) = read(&db).ok() else {
        tally.corrupt += 1;
        return false;
    };
    let under_way = known.under_way.take();
    if value == known.acknowledged {
        tally.in_flight_lost += u64::from(under_way.is_some());
        tally.partial += u64::from(hash != hash_of(&known.model));
        return hash == hash_of(&known.model);
    }
    match under_way.filter(|(number, _)| *number == value) {
        Some((number, model)) if hash == hash_of(&model) => {
            tally.in_flight_kept += 1;
            known.acknowledged = number;
            known.model = model;
            known.history.push(hash);
            true
        }
        Some(_) => {
            tally.partial += 1;
            false
        }
        None => {
            tally.lost_acknowledged += 1;
            let then = usize::try_from(value).ok().and_then(|at| known.history.get(at));
            tally.partial += u64::from(then != Some(&hash));
            false
        }
    }
}

/// Runs several cuts on one host; ends at the first error.
fn run(seed: u64, config: &Config, rounds: u32) -> Tally {
    seed_process(seed);
    let mut rng = Rng(seed);
    let host = Host::new("t", seed);
    host.set_lying_sync(config.lying);
    host.set_names_durable_at_once(config.names_at_once);
    host.set_powersafe_overwrite(config.powersafe);
    host.set_hash_content(true);
    let mut known = Known {
        acknowledged: 0,
        model: Model::new(),
        history: vec![hash_of(&Model::new())],
        under_way: None,
    };
    let mut tally = Tally::default();
    let mut zombies = vec![];
    for _ in 0..rounds {
        let soon = if rng.chance(300) { 30 } else { 600 };
        host.fault_in(rng.below(soon), Fault::PowerCut);
        let open = work_until_dead(&host, config, &mut rng, &mut known);
        if rng.chance(500) {
            zombies.push(open); // dropped only after the host has restarted and worked on
        }
        let cut = match rng.below(5) {
            0 => Cut::LoseAll,
            1 => Cut::Prefix,
            2 => Cut::Process,
            _ => Cut::Scatter {
                keep: 100 + 400 * u32::try_from(rng.below(3)).unwrap_or(0),
                tear: 200,
                garbage: 300,
            },
        };
        host.power_cycle(cut);
        tally.cuts += 1;
        if rng.chance(500) {
            zombies.clear();
        }
        if !judge(&host, config, &mut known, &mut tally) {
            break;
        }
    }
    tally.lost_operations = host.stats().lost;
    tally.hash = host.trace_hash();
    tally
}

fn many(config: &Config, seeds: u64) -> Tally {
    let mut sum = Tally::default();
    for seed in 0..seeds {
        sum.add(&run(seed, config, 12));
    }
    println!("{config:?}: {sum:?}");
    sum
}

#[test]
fn a_wal_with_full_syncs_keeps_everything_acknowledged() {
    for powersafe in [true, false] {
        let tally = many(&Config { powersafe, ..GOOD }, 60);
        assert_eq!(tally.bad(), 0, "{tally:?}");
        assert!(tally.lost_operations > 0 && tally.in_flight_kept > 0 && tally.in_flight_lost > 0);
    }
}

#[test]
fn an_encrypted_wal_with_full_syncs_keeps_everything_acknowledged() {
    let config = Config { keyed: true, ..GOOD };
    assert_eq!(many(&config, 15).bad(), 0);
    let lying = many(
        &Config {
            lying: true,
            ..config
        },
        15,
    );
    assert!(lying.bad() > 0, "{lying:?}");
}

#[test]
fn rollback_journals_that_sync_their_folder_keep_everything_acknowledged() {
    for (journal, sync) in [("DELETE", "EXTRA"), ("TRUNCATE", "FULL"), ("PERSIST", "FULL")] {
        let tally = many(
            &Config {
                journal,
                sync,
                ..GOOD
            },
            25,
        );
        assert_eq!(tally.bad(), 0, "{journal} {sync}: {tally:?}");
    }
}

#[test]
fn a_removed_journal_without_a_folder_sync_is_detected() {
    let config = Config {
        journal: "DELETE",
        ..GOOD
    };
    assert!(many(&config, 25).lost_acknowledged > 0);
    // The names are the cause: with names durable at once the same configuration is correct.
    let names_at_once = Config {
        names_at_once: true,
        ..config
    };
    assert_eq!(many(&names_at_once, 25).bad(), 0);
}

#[test]
fn a_wal_without_a_sync_per_commit_loses_commits_and_is_never_torn() {
    let tally = many(
        &Config {
            sync: "NORMAL",
            ..GOOD
        },
        25,
    );
    assert!(tally.lost_acknowledged > 0, "{tally:?}");
    assert_eq!(tally.partial + tally.corrupt + tally.unopenable, 0, "{tally:?}");
}

#[test]
fn a_database_without_syncs_is_detected() {
    let tally = many(&Config { sync: "OFF", ..GOOD }, 25);
    assert!(
        tally.lost_acknowledged > 0 && tally.corrupt + tally.unopenable > 0,
        "{tally:?}"
    );
}

#[test]
fn a_disk_with_lying_syncs_is_detected() {
    let tally = many(&Config { lying: true, ..GOOD }, 25);
    assert!(
        tally.lost_acknowledged > 0 && tally.corrupt + tally.unopenable > 0,
        "{tally:?}"
    );
}

#[test]
fn the_same_seed_writes_the_same_bytes() {
    for keyed in [false, true] {
        let config = Config { keyed, ..GOOD };
        for seed in 0..4 {
            assert_eq!(run(seed, &config, 6), run(seed, &config, 6));
            assert_ne!(run(seed, &config, 6).hash, run(seed + 1000, &config, 6).hash);
        }
    }
}

#[test]
fn the_next_cut_may_remove_what_a_killed_process_had_not_synced() {
    seed_process(1);
    let host = Host::new("t", 1);
    let files = host.files();
    files.create("a").unwrap();
    files.append("a", b"words").unwrap();
    host.kill();
    assert!(files.read("a").is_err());
    host.power_cycle(Cut::Process);
    assert_eq!(host.files().read("a").unwrap(), b"words");
    host.power_cycle(Cut::LoseAll);
    assert_eq!(host.names(), Vec::<String>::new());
}
