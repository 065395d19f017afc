//! The copy and the lock files held against each other.

use std::collections::BTreeSet;

use jiff::civil::Date;
use rustsec::advisory::Advisory;

use super::pinned::{ACCEPTED, Accepted, FOLDER, LOOKED_UP, Locked, Pinned};

/// Days after which the stage warns that the copy is old.
const OLD: i32 = 90;
/// A shorter text than this is no reason.
const SHORTEST_REASON: usize = 20;

/// What the stage says.
pub struct Verdict {
    /// One line.
    pub summary: String,
    /// Accepted advisories, and warnings. They fail nothing.
    pub notes: Vec<String>,
    /// One sentence each; any of them fails the stage.
    pub faults: Vec<String>,
}

/// Judges the locked versions as of `today`.
pub fn judge(pinned: &Pinned, locked: &Locked, today: Date) -> Verdict {
    let mut verdict = Verdict {
        summary: summary(pinned, locked),
        notes: old(pinned, today).into_iter().collect(),
        faults: faults_of_list(&pinned.accepted),
    };
    let mut applied = BTreeSet::new();
    // A withdrawn advisory was a mistake or is mended; its file stays in the database.
    for advisory in pinned.advisories.iter().filter(|advisory| !advisory.withdrawn()) {
        for place in touched(advisory, locked) {
            match pinned
                .accepted
                .iter()
                .find(|accepted| accepted.id == *advisory.id())
            {
                Some(accepted) => {
                    applied.insert(accepted.id.to_string());
                    verdict.notes.push(format!(
                        "accepted: {}. Reason: {}",
                        finding(advisory, &place),
                        accepted.reason
                    ));
                    verdict.notes.extend(overdue(accepted, today));
                }
                None => verdict
                    .faults
                    .push(format!("{}. {}", finding(advisory, &place), remedy(advisory))),
            }
        }
    }
    for accepted in pinned
        .accepted
        .iter()
        .filter(|accepted| !applied.contains(accepted.id.as_str()))
    {
        verdict.faults.push(format!(
            "{} touches no locked version any more: remove it from {FOLDER}/{ACCEPTED}",
            accepted.id
        ));
    }
    verdict.faults.extend(never_looked_up(pinned, locked));
    verdict
}

fn summary(pinned: &Pinned, locked: &Locked) -> String {
    let locks: BTreeSet<&String> = locked.values().flatten().collect();
    format!(
        "advisories: {} in the copy taken on {} (it reaches to {}, {}); {} crate versions of {} lock files",
        pinned.advisories.len(),
        pinned.copy.taken,
        pinned.copy.newest,
        pinned.copy.reaches,
        locked.len(),
        locks.len()
    )
}

/// The locked versions that the advisory is about: name, version, lock files.
fn touched(advisory: &Advisory, locked: &Locked) -> Vec<String> {
    locked
        .iter()
        .filter(|((name, version), _)| {
            *name == advisory.metadata.package && advisory.versions.is_vulnerable(version)
        })
        .map(|((name, version), locks)| format!("{name} {version} ({})", list(locks)))
        .collect()
}

fn finding(advisory: &Advisory, place: &str) -> String {
    let kind = match &advisory.metadata.informational {
        Some(informational) => informational.as_str(),
        None => "vulnerability",
    };
    format!("{} ({kind}): {place}: {}", advisory.id(), advisory.title())
}

/// What to do about an advisory that is not accepted.
fn remedy(advisory: &Advisory) -> String {
    let patched: Vec<String> = advisory
        .versions
        .patched()
        .iter()
        .map(ToString::to_string)
        .collect();
    let update = if patched.is_empty() {
        "No version is patched".to_owned()
    } else {
        format!(
            "Patched: {}; try `cargo update -p {}`",
            patched.join(" or "),
            advisory.metadata.package
        )
    };
    format!(
        "{update}. Otherwise replace the crate, or accept the advisory with a reason in {FOLDER}/{ACCEPTED}"
    )
}

fn faults_of_list(accepted: &[Accepted]) -> Vec<String> {
    let mut faults = Vec::new();
    let mut seen = BTreeSet::new();
    for Accepted { id, reason, .. } in accepted {
        if !seen.insert(id.as_str()) {
            faults.push(format!("{id} stands twice in {FOLDER}/{ACCEPTED}"));
        }
        if reason.trim().chars().count() < SHORTEST_REASON {
            faults.push(format!("{id} in {FOLDER}/{ACCEPTED}: say why it is accepted"));
        }
    }
    faults
}

/// A warning, because a date that passes must not stop an unrelated change.
fn overdue(accepted: &Accepted, today: Date) -> Option<String> {
    (accepted.look_again <= today).then(|| {
        format!(
            "warning: {} was accepted until {}: look again, then change the date or remove it",
            accepted.id, accepted.look_again
        )
    })
}

/// Measured from the day to which the copy reaches, not from the day on which it was taken: its source may have been
/// behind.
fn old(pinned: &Pinned, today: Date) -> Option<String> {
    let days = today.since(pinned.copy.reaches).ok()?.get_days();
    (days > OLD).then(|| {
        format!(
            "warning: the copy of advisories is old: it was taken on {} and reaches to {}, {days} days ago. Newer advisories are unknown to it: renew it ({FOLDER}/README.md)",
            pinned.copy.taken, pinned.copy.reaches
        )
    })
}

fn never_looked_up(pinned: &Pinned, locked: &Locked) -> Vec<String> {
    locked
        .iter()
        .filter(|((name, _), _)| !pinned.looked_up.contains(name))
        .map(|((name, version), locks)| {
            format!(
                "{name} {version} ({}) was never looked up. Look for the folder crates/{name} of the RustSec database; copy its advisories, if any, to {FOLDER}/crates/{name}; then add the name to {FOLDER}/{LOOKED_UP} (README.md there says how)",
                list(locks)
            )
        })
        .collect()
}

fn list(locks: &BTreeSet<String>) -> String {
    locks.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::pinned::{Age, looked_up};
    use super::*;

    const TODAY: Date = Date::constant(2026, 11, 30);

    /// An advisory of the crate `basket`; the second argument is inserted into its head.
    fn advisory(patched: &str, more: &str, unaffected: &str) -> Advisory {
        format!(
            "```toml\n[advisory]\nid = \"RUSTSEC-2026-0001\"\npackage = \"basket\"\ndate = \"2026-01-02\"\n{more}\n\
             [versions]\npatched = [{patched}]\nunaffected = [{unaffected}]\n```\n\n# Apples fall out\n"
        )
        .parse()
        .unwrap()
    }

    fn pinned(advisory: Advisory) -> Pinned {
        Pinned {
            advisories: vec![advisory],
            looked_up: looked_up("apple\nbasket\n").unwrap(),
            accepted: Vec::new(),
            copy: Age {
                taken: TODAY,
                newest: "RUSTSEC-2026-0001".parse().unwrap(),
                reaches: TODAY,
            },
        }
    }

    fn locked(name: &str, version: &str) -> Locked {
        let locks = ["Cargo.lock", "fuzz/Cargo.lock"].map(str::to_owned);
        let package = (name.parse().unwrap(), version.parse().unwrap());
        Locked::from([(package, BTreeSet::from(locks))])
    }

    fn accepted(reason: &str) -> Accepted {
        Accepted {
            id: "RUSTSEC-2026-0001".parse().unwrap(),
            reason: reason.to_owned(),
            look_again: Date::constant(2027, 1, 1),
        }
    }

    fn faults(pinned: &Pinned, version: &str) -> Vec<String> {
        judge(pinned, &locked("basket", version), TODAY).faults
    }

    #[test]
    fn sec_advisories_a_vulnerable_version_fails_with_id_crate_version_title_and_patch() {
        let found = faults(&pinned(advisory("\">= 1.2.3\"", "", "")), "1.2.2");
        assert_eq!(found.len(), 1, "{found:?}");
        for part in [
            "RUSTSEC-2026-0001",
            "vulnerability",
            "basket 1.2.2 (Cargo.lock, fuzz/Cargo.lock)",
            "Apples fall out",
            "Patched: >=1.2.3",
            "cargo update -p basket",
        ] {
            assert!(found[0].contains(part), "{part}: {}", found[0]);
        }
    }

    #[test]
    fn sec_advisories_a_patched_version_passes() {
        let pinned = pinned(advisory("\"^1.2.3\", \">= 2.0.1\"", "", ""));
        for version in ["1.2.3", "1.9.0", "2.0.1"] {
            assert_eq!(faults(&pinned, version), Vec::<String>::new(), "{version}");
        }
        assert_eq!(faults(&pinned, "2.0.0").len(), 1);
    }

    #[test]
    fn sec_advisories_an_unaffected_version_passes() {
        let pinned = pinned(advisory("\">= 2.0.0\"", "", "\"< 1.0.0\""));
        assert_eq!(faults(&pinned, "0.9.9"), Vec::<String>::new());
        assert_eq!(faults(&pinned, "1.0.0").len(), 1);
    }

    #[test]
    fn sec_advisories_a_withdrawn_advisory_is_ignored() {
        let pinned = pinned(advisory("", "withdrawn = \"2026-02-03\"", ""));
        assert_eq!(faults(&pinned, "1.0.0"), Vec::<String>::new());
    }

    #[test]
    fn sec_advisories_an_unmaintained_crate_fails_unless_it_is_accepted_with_a_reason() {
        let mut pinned = pinned(advisory("", "informational = \"unmaintained\"", ""));
        let found = faults(&pinned, "1.0.0");
        assert!(
            found[0].contains("(unmaintained)") && found[0].contains("No version is patched"),
            "{found:?}"
        );

        pinned.accepted = vec![accepted("Only our own apples are put in.")];
        let verdict = judge(&pinned, &locked("basket", "1.0.0"), TODAY);
        assert_eq!(verdict.faults, Vec::<String>::new());
        assert!(
            verdict.notes[0].contains("Only our own apples"),
            "{:?}",
            verdict.notes
        );

        pinned.accepted = vec![accepted("fine")];
        assert_eq!(faults(&pinned, "1.0.0").len(), 1);
    }

    #[test]
    fn sec_advisories_an_acceptance_that_touches_nothing_any_more_fails() {
        let mut pinned = pinned(advisory("\">= 1.2.3\"", "", ""));
        pinned.accepted = vec![accepted("Only our own apples are put in.")];
        let found = faults(&pinned, "1.2.3");
        assert!(found.len() == 1 && found[0].contains("remove it"), "{found:?}");
    }

    #[test]
    fn sec_advisories_an_acceptance_whose_day_has_come_is_warned_about() {
        let mut pinned = pinned(advisory("", "", ""));
        pinned.accepted = vec![accepted("Only our own apples are put in.")];
        let notes = |today| judge(&pinned, &locked("basket", "1.0.0"), today).notes;
        assert!(!notes(TODAY).iter().any(|note| note.starts_with("warning")));
        assert!(notes(Date::constant(2027, 1, 1))[1].contains("look again"));
    }

    #[test]
    fn sec_advisories_a_crate_that_was_never_looked_up_fails() {
        let pinned = pinned(advisory("\">= 1.2.3\"", "", ""));
        let found = judge(&pinned, &locked("cherry", "1.0.0"), TODAY).faults;
        assert!(
            found.len() == 1
                && found[0].contains("cherry 1.0.0 (Cargo.lock, fuzz/Cargo.lock) was never looked up")
        );
        assert_eq!(
            judge(&pinned, &locked("apple", "1.0.0"), TODAY).faults,
            Vec::<String>::new()
        );
    }

    #[test]
    fn sec_advisories_an_old_copy_is_warned_about_and_fails_nothing() {
        let mut pinned = pinned(advisory("\">= 1.2.3\"", "", ""));
        pinned.copy.reaches = Date::constant(2026, 9, 1);
        let notes = |pinned: &Pinned| judge(pinned, &locked("apple", "1.0.0"), TODAY).notes;
        assert_eq!(notes(&pinned), Vec::<String>::new(), "90 days");

        pinned.copy.reaches = Date::constant(2026, 8, 31);
        let verdict = judge(&pinned, &locked("apple", "1.0.0"), TODAY);
        assert!(
            verdict.notes[0]
                .starts_with("warning: the copy of advisories is old: it was taken on 2026-11-30")
        );
        assert_eq!(verdict.faults, Vec::<String>::new());
    }

    /// The copy itself is read, so that a copy without content, or with files that are not read, cannot pass.
    #[test]
    fn sec_advisories_the_copy_in_the_tree_finds_an_old_h2() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("advisories");
        let pinned = Pinned::open(&folder).unwrap();
        let found = |version| {
            let faults = judge(&pinned, &locked("h2", version), TODAY).faults;
            faults
                .iter()
                .any(|fault| fault.starts_with("RUSTSEC-2026-0258 (vulnerability): h2"))
        };
        assert!(found("0.4.15"));
        assert!(!found("0.4.16"));
    }

    #[test]
    fn sec_advisories_the_list_of_names_is_sorted_and_names_nothing_twice() {
        assert!(looked_up("apple\nbasket\n").is_ok());
        assert!(looked_up("basket\napple\n").is_err());
        assert!(looked_up("apple\napple\n").is_err());
    }
}
