//! Memory and honesty under attack: attackers without credentials, with a stolen handset and with a clerk's account work
//! against a real server over TLS, while honest users sign in, push, get tokens and move a case. The server must stay within
//! its memory, answer every honest act in time and survive.
//!
//! Everything runs on this machine's loopback network, and each attack is bounded in time and in requests. Attackers come
//! from many addresses; those who invent terminals and tokens come from the address that the honest handsets share.
//! There is no operation that exports data, so no attack aims at one.

mod anonymous;
mod honest;
mod means;
mod report;
mod staff;
mod tally;
mod terminal;
mod wire;

use self::{
    honest::HonestUsers,
    means::{Hand, Means},
    report::{AttackLimits, AttackReport, total},
    tally::{Outcome, Tally},
};
use super::last_words;
use crate::{
    bench::machine::{MemoryWatch, memory_of},
    city::City,
    process::ServerSetup,
};
use anyhow::{Context as _, Result, bail, ensure};
use std::{path::PathBuf, thread, time::Duration};

/// The server may hold this much, in 10^6 bytes.
const MEMORY_MB: f64 = 512.0;
/// An honest act takes at most this long.
const ACT: Duration = Duration::from_secs(2);
/// With a debug build of the server, which is several times slower. The limit of memory is the same.
const ACT_DEBUG: Duration = Duration::from_secs(10);

/// What to run.
pub struct AttackPlan {
    /// The server; without it the one beside this program.
    pub server: Option<PathBuf>,
    /// The server is a debug build.
    pub is_debug: bool,
    /// Each attack's time.
    pub seconds: u64,
    /// Only this attack.
    pub only: Option<String>,
}

/// An attack.
struct Attack {
    name: &'static str,
    what: &'static str,
    /// Attackers that work at the same time.
    hands: u8,
    /// Requests, connections and pieces of all of them at most.
    most: u64,
    /// Outcomes of which at least one shows that it arrived where it aims.
    lands: &'static [Outcome],
    /// Makes what is sent, before the time of the attack begins.
    prepare: Prepare,
    run: fn(&Means, &Hand<'_>) -> Result<()>,
}

type Prepare = fn(&Means) -> Result<Vec<Vec<u8>>>;

const MANY: u64 = 200_000;

const ATTACKS: &[Attack] = &[
    Attack {
        name: "slow-heads",
        what: "strangers: requests whose heads never end",
        hands: 4,
        most: MANY,
        lands: &[Outcome::Piece],
        prepare: nothing,
        run: anonymous::slow_heads,
    },
    Attack {
        name: "slow-bodies",
        what: "strangers: bodies and parcels that never end",
        hands: 4,
        most: MANY,
        lands: &[Outcome::Piece],
        prepare: nothing,
        run: anonymous::slow_bodies,
    },
    Attack {
        name: "idle-connections",
        what: "strangers: connections that ask for nothing",
        hands: 4,
        most: MANY,
        lands: &[Outcome::Opened],
        prepare: nothing,
        run: anonymous::idle_connections,
    },
    Attack {
        name: "wide-json",
        what: "strangers: JSON that is deep, wide or long",
        hands: 4,
        most: MANY,
        lands: &[Outcome::Answer(422), Outcome::Answer(400)],
        prepare: nothing,
        run: anonymous::wide_json,
    },
    Attack {
        name: "gzip-bombs",
        what: "strangers: small bodies that unpack to a thousand times their size",
        hands: 4,
        most: MANY,
        lands: &[Outcome::Answer(413)],
        prepare: anonymous::open_bombs,
        run: anonymous::gzip_bombs,
    },
    Attack {
        name: "sign-ins",
        what: "strangers: wrong passwords for an honest account and for invented ones",
        hands: 8,
        most: MANY,
        lands: &[Outcome::Answer(401)],
        prepare: nothing,
        run: anonymous::sign_ins,
    },
    Attack {
        name: "invented-tokens",
        what: "strangers: tokens that nobody gave",
        hands: 8,
        most: MANY,
        lands: &[Outcome::Answer(401)],
        prepare: nothing,
        run: anonymous::invented_tokens,
    },
    Attack {
        name: "invented-terminals",
        what: "strangers at the address of honest handsets: challenges and tokens of no stream",
        hands: 4,
        most: MANY,
        lands: &[Outcome::Answer(200)],
        prepare: nothing,
        run: anonymous::invented_terminals,
    },
    Attack {
        name: "forged-parcels",
        what: "strangers: large parcels in the name of an ended stream",
        hands: 6,
        most: 2_000,
        lands: &[Outcome::Answer(401)],
        prepare: nothing,
        run: anonymous::forged_parcels,
    },
    Attack {
        name: "push-bombs",
        what: "stolen handset: pushes that unpack to a thousand times their size",
        hands: 8,
        most: MANY,
        lands: &[Outcome::Answer(413)],
        prepare: terminal::push_bombs,
        run: terminal::bombs,
    },
    Attack {
        name: "largest-pushes",
        what: "stolen handset: signed pushes of the largest size",
        hands: 4,
        most: 60,
        lands: &[Outcome::Answer(200)],
        prepare: nothing,
        run: terminal::largest_pushes,
    },
    Attack {
        name: "abandoned-uploads",
        what: "stolen handset: photos begun and never finished",
        hands: 4,
        most: 1_000,
        lands: &[Outcome::Answer(204)],
        prepare: nothing,
        run: terminal::abandoned_uploads,
    },
    Attack {
        name: "largest-photos",
        what: "stolen handset: photos of the most pixels",
        hands: 4,
        most: 400,
        lands: &[Outcome::Answer(201)],
        prepare: terminal::largest_picture,
        run: terminal::largest_photos,
    },
    Attack {
        name: "deaf-listeners",
        what: "stolen handset: events and answers that nobody reads",
        hands: 4,
        most: MANY,
        lands: &[Outcome::Piece],
        prepare: nothing,
        run: terminal::deaf_listeners,
    },
    Attack {
        name: "crowded-parcels",
        what: "revoked handset: parcels of very many entries and photos",
        hands: 3,
        most: 60,
        lands: &[Outcome::Answer(200), Outcome::Answer(429)],
        prepare: nothing,
        run: terminal::crowded_parcels,
    },
    Attack {
        name: "lists",
        what: "clerk: the longest lists, many at the same time",
        hands: 12,
        most: MANY,
        lands: &[Outcome::Answer(200)],
        prepare: nothing,
        run: staff::lists,
    },
    Attack {
        name: "slow-lists",
        what: "clerk: the longest lists, hardly read",
        hands: 4,
        most: MANY,
        lands: &[Outcome::Piece],
        prepare: nothing,
        run: staff::slow_lists,
    },
    Attack {
        name: "grids",
        what: "clerk: grids of the largest size, also by one who may not",
        hands: 4,
        most: 200,
        lands: &[Outcome::Answer(422), Outcome::Answer(400)],
        prepare: staff::largest_grids,
        run: staff::grids,
    },
    Attack {
        name: "divisions",
        what: "clerk: lists of divisions of the largest size",
        hands: 4,
        most: 200,
        lands: &[Outcome::Answer(422), Outcome::Answer(403)],
        prepare: staff::largest_divisions,
        run: staff::divisions,
    },
    Attack {
        name: "searches",
        what: "clerk: long and broken patterns and cursors",
        hands: 8,
        most: MANY,
        lands: &[Outcome::Answer(200)],
        prepare: nothing,
        run: staff::searches,
    },
];

fn nothing(_: &Means) -> Result<Vec<Vec<u8>>> {
    Ok(Vec::new())
}

/// Runs the attacks one after another, prints what each did, and fails if a promise was broken.
pub fn run(plan: &AttackPlan) -> Result<()> {
    let wanted = |attack: &&Attack| plan.only.as_deref().is_none_or(|only| only == attack.name);
    let attacks: Vec<&Attack> = ATTACKS.iter().filter(wanted).collect();
    if attacks.is_empty() {
        let names: Vec<&str> = ATTACKS.iter().map(|attack| attack.name).collect();
        bail!("no such attack; there are {}", names.join(", "));
    }
    let place = tempfile::Builder::new().prefix("xunge-attack-").tempdir()?;
    let setup = ServerSetup {
        program: plan.server.clone(),
        ..ServerSetup::default()
    };
    let city = City::small(&place.path().join("city"), setup)?;
    let certificate = std::fs::read_to_string(city.server.data().join("tls/certificate.pem"))?;
    let mut users = HonestUsers::of(&city, place.path(), &certificate)?;
    let means = Means::of(&city, &certificate, users.account())?;
    let process = city.server.process().context("the server is not running")?;
    let limits = AttackLimits {
        memory_mb: MEMORY_MB,
        act: if plan.is_debug { ACT_DEBUG } else { ACT },
    };
    println!(
        "attack: {} attacks of {} s against a {} server: at most {MEMORY_MB:.0} MB resident, an honest act at most {} s",
        attacks.len(),
        plan.seconds,
        if plan.is_debug { "debug" } else { "release" },
        limits.act.as_secs(),
    );
    // Everybody works once undisturbed, so that what is needed for the first time is there.
    users.work(&Tally::lasting(Duration::from_secs(1), u64::MAX));
    let idle_mb = memory_of(process)?;
    println!("attack: idle {idle_mb:.0} MB");
    let mut reports = Vec::new();
    for (series, attack) in (0_u8..).zip(attacks) {
        println!("{}: {}", attack.name, attack.what);
        means.steal(&city, series)?;
        let bodies = (attack.prepare)(&means)?;
        let tally = Tally::lasting(Duration::from_secs(plan.seconds), attack.most);
        let hand = |number| Hand {
            tally: &tally,
            number,
            series,
            bodies: &bodies,
            is_debug: plan.is_debug,
        };
        let hands: Vec<Hand<'_>> = (0..attack.hands).map(hand).collect();
        let report = one(attack, &hands, &tally, &means, &mut users, (process, idle_mb));
        println!("{report}");
        let is_alive = report.is_alive;
        reports.push(report);
        if !is_alive {
            break;
        }
    }
    println!("attack: {}", total(&reports));
    let faults: Vec<String> = reports.iter().flat_map(|report| report.faults(limits)).collect();
    ensure!(
        faults.is_empty(),
        "{}\nend of the server log:\n{}",
        faults.join("\n"),
        last_words(&city.server)
    );
    Ok(())
}

fn one(
    attack: &Attack,
    hands: &[Hand<'_>],
    tally: &Tally,
    means: &Means,
    users: &mut HonestUsers,
    (process, idle_mb): (u32, f64),
) -> AttackReport {
    let memory = MemoryWatch::start(process);
    let (acts, broken) = thread::scope(|scope| {
        let begin = |hand| scope.spawn(move || (attack.run)(means, hand));
        let hands: Vec<_> = hands.iter().map(begin).collect();
        let acts = users.work(tally);
        let ended = |hand: thread::ScopedJoinHandle<'_, Result<()>>| match hand.join() {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(format!("{error:#}")),
            Err(_) => Some("it panicked".to_owned()),
        };
        (acts, hands.into_iter().filter_map(ended).collect())
    });
    AttackReport {
        name: attack.name,
        counts: tally.counts(),
        lands: attack.lands,
        idle_mb,
        peak_mb: memory.finish(),
        acts,
        broken,
        // A process that has ended and was not waited for has no memory.
        is_alive: memory_of(process).is_ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_attack_has_its_own_name_and_says_how_it_is_known_to_have_arrived() {
        let names: BTreeSet<&str> = ATTACKS.iter().map(|attack| attack.name).collect();
        assert_eq!(names.len(), ATTACKS.len());
        assert!(
            ATTACKS
                .iter()
                .all(|attack| attack.hands > 0 && attack.most > 0 && !attack.lands.is_empty())
        );
    }
}
