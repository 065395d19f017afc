//! A fixed workload, with a power cut at every single mutating operation of it.

use simdisk::{Cut, Fault, Host, Rng, seed_process};

use crate::work::{GOOD, Model, hash_of, open, read, transact};

struct Done {
    acknowledged: i64,
    under_way: Option<u64>,
    history: Vec<u64>,
}

fn work(host: &Host, seed: u64) -> Done {
    let (mut rng, mut model) = (Rng(seed), Model::new());
    let mut done = Done {
        acknowledged: 0,
        under_way: None,
        history: vec![hash_of(&model)],
    };
    let Ok(mut db) = open(host, &GOOD) else {
        return done;
    };
    for number in 1..=12 {
        let mut next = model.clone();
        if transact(&mut db, number, &mut next, &mut rng).is_err() {
            assert!(host.is_dead());
            done.under_way = Some(hash_of(&next));
            return done;
        }
        done.acknowledged = number;
        model = next;
        done.history.push(hash_of(&model));
    }
    done
}

#[test]
fn a_cut_at_any_operation_leaves_the_last_commit_or_the_one_in_progress() {
    let cuts = [
        Cut::LoseAll,
        Cut::Prefix,
        Cut::Process,
        Cut::Scatter {
            keep: 500,
            tear: 200,
            garbage: 300,
        },
    ];
    let (mut points, mut kept) = (0, 0);
    for seed in 0..2 {
        seed_process(seed);
        let host = Host::new("c", seed);
        work(&host, seed);
        for at in 0..host.ops() {
            for cut in cuts {
                let host = Host::new("c", seed ^ (at << 8));
                host.fault_in(at, Fault::PowerCut);
                let done = work(&host, seed);
                host.kill();
                host.power_cycle(cut);
                let (value, hash, sound) = read(&open(&host, &GOOD).unwrap()).unwrap();
                assert!(sound);
                if value == done.acknowledged {
                    assert_eq!(hash, done.history[usize::try_from(value).unwrap()]);
                } else {
                    let expected = (done.acknowledged + 1, done.under_way);
                    assert_eq!((value, Some(hash)), expected, "at {at}, {cut:?}");
                    kept += 1;
                }
                points += 1;
            }
        }
    }
    println!("{points} crash points, the commit under way kept in {kept}");
    assert!(points > 500 && kept > 0);
}
