//! What check-ins and check-outs do to a presence, as plain functions over plain data.

use protocol::{
    evidence::TrustedTime,
    ids::{PersonId, PostId},
    time::Millis,
};

/// The last known presence of a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Presence {
    pub post: PostId,
    pub present: bool,
    pub since: Millis,
    /// When the presence ends without a check-out; if not `present`: when it ended.
    pub ends: Millis,
}

/// The effect of a check-in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entering {
    /// Presence begins.
    Begin(Presence),
    /// A repeated check-in: same civil day, same post.
    Same(Presence),
    /// The duty would have ended by now: only its period is stored.
    Over { ended: Millis },
}

/// What a check-in made at `made` does at `now`; `hours` is the longest duty without a check-out.
///
/// A second check-in of the same civil day (Asia/Shanghai) at the same post only moves the beginning, if it was made
/// earlier. A check-in that is older than the last check-out, or whose hours are over, begins nothing.
pub fn enter(was: Option<Presence>, post: PostId, made: Millis, now: Millis, hours: u32) -> Entering {
    let ends = made.plus(i64::from(hours) * 3_600_000);
    match was {
        Some(p)
            if p.present
                && p.ends > now
                && p.post == post
                && p.since.civil().date() == made.civil().date() =>
        {
            Entering::Same(Presence {
                since: p.since.min(made),
                ..p
            })
        }
        // A duty that began later runs: an older check-in does not change it.
        Some(p) if p.present && p.ends > now && p.since > made => Entering::Over {
            ended: p.since.min(ends),
        },
        Some(p) if !p.present && p.ends >= made => Entering::Over {
            ended: p.ends.min(ends),
        },
        Some(_) | None if ends <= now => Entering::Over { ended: ends },
        Some(_) | None => Entering::Begin(Presence {
            post,
            present: true,
            since: made,
            ends,
        }),
    }
}

/// The presence after a check-out made at `made`; `None` if a duty that began later runs or the last one ended later.
pub fn leave(was: Option<Presence>, post: PostId, made: Millis) -> Option<Presence> {
    match was {
        Some(p) if p.present && made < p.since => None,
        Some(p) if p.present => Some(Presence {
            present: false,
            ends: made,
            ..p
        }),
        Some(p) if p.ends >= made => None,
        Some(p) => Some(Presence { ends: made, ..p }),
        None => Some(Presence {
            post,
            present: false,
            since: made,
            ends: made,
        }),
    }
}

/// The presence after the time of the check-in or check-out made at `was` was corrected to `at`. Its longest duration
/// stays.
pub fn corrected(p: Presence, was: Millis, at: Millis) -> Presence {
    let (since, ends) = (p.since == was, p.ends == was);
    Presence {
        since: if since { at } else { p.since },
        ends: match (p.present, since, ends) {
            (true, true, _) => p.ends.plus(at.since(was)),
            (false, _, true) => at,
            (true, false, _) | (false, _, false) => p.ends,
        },
        ..p
    }
}

/// A person on duty in a cell now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate {
    pub person: PersonId,
    pub post: PostId,
    /// Time of the last contact with a terminal of this person.
    pub last_contact: Millis,
}

/// Returns true if the period `since..=until` and the time `made`, with its uncertainty, overlap.
pub fn covers(since: Millis, until: Millis, made: &TrustedTime) -> bool {
    let slack = made.uncertainty_ms.max(0);
    since <= made.at.plus(slack) && until >= made.at.plus(slack.saturating_neg())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use protocol::evidence::TimeBasis;

    const HOUR: i64 = 3_600_000;
    /// 2026-11-23 00:00 in Asia/Shanghai.
    const DAY: i64 = 1_795_363_200_000;

    fn post(n: u8) -> PostId {
        PostId::from_parts(1, [n; 10])
    }
    fn at(hour: i64) -> Millis {
        Millis(DAY + hour * HOUR)
    }
    fn on(since: i64) -> Presence {
        Presence {
            post: post(1),
            present: true,
            since: at(since),
            ends: at(since + 14),
        }
    }

    #[test]
    fn the_first_check_in_begins_duty_for_the_set_hours() {
        assert_eq!(enter(None, post(1), at(7), at(8), 14), Entering::Begin(on(7)));
    }

    #[test]
    fn a_second_check_in_of_the_day_keeps_the_first() {
        assert_eq!(
            enter(Some(on(7)), post(1), at(13), at(13), 14),
            Entering::Same(on(7))
        );
        let earlier = Presence {
            since: at(6),
            ..on(7)
        };
        assert_eq!(
            enter(Some(on(7)), post(1), at(6), at(13), 14),
            Entering::Same(earlier)
        );
    }

    #[test]
    fn a_new_day_or_another_post_begins_a_new_duty() {
        let night = Presence {
            post: post(1),
            present: true,
            since: at(-3),
            ends: at(11),
        };
        assert_eq!(
            enter(Some(night), post(1), at(7), at(7), 14),
            Entering::Begin(on(7))
        );
        let moved = enter(Some(on(7)), post(2), at(9), at(9), 14);
        assert!(matches!(moved, Entering::Begin(p) if p.post == post(2)));
    }

    #[test]
    fn a_check_in_that_comes_after_its_own_end_puts_nobody_on_duty() {
        assert_eq!(
            enter(None, post(1), at(7), at(21), 14),
            Entering::Over { ended: at(21) }
        );
        let away = Presence {
            present: false,
            ends: at(12),
            ..on(7)
        };
        assert_eq!(
            enter(Some(away), post(1), at(8), at(13), 14),
            Entering::Over { ended: at(12) }
        );
        // After the check-out a new check-in counts.
        assert!(matches!(
            enter(Some(away), post(1), at(13), at(13), 14),
            Entering::Begin(_)
        ));
    }

    #[test]
    fn a_check_out_ends_only_the_duty_it_belongs_to() {
        assert_eq!(
            leave(Some(on(7)), post(1), at(12)),
            Some(Presence {
                present: false,
                ends: at(12),
                ..on(7)
            })
        );
        assert_eq!(leave(Some(on(7)), post(1), at(6)), None);
        assert!(!leave(None, post(1), at(6)).unwrap().present);
    }

    #[test]
    fn the_clocks_uncertainty_counts_for_the_worker() {
        let made = |hour, minutes: i64| TrustedTime {
            at: at(hour),
            uncertainty_ms: minutes * 60_000,
            basis: TimeBasis::Offset,
        };
        assert!(covers(at(7), at(13), &made(7, 0)));
        assert!(!covers(at(7), at(13), &made(6, 59)));
        assert!(covers(at(7), at(13), &made(6, 60)));
        assert!(!covers(at(7), at(13), &made(14, 5)));
    }

    proptest! {
        #[test]
        fn checking_in_twice_is_checking_in_once(since in 0i64..10, again in 0i64..13, later in 0i64..1) {
            let now = at(13 + later);
            let Entering::Begin(first) = enter(None, post(1), at(since), at(since), 14) else {
                return Err(TestCaseError::fail("duty did not begin"));
            };
            let made = at(again);
            let Entering::Same(second) = enter(Some(first), post(1), made, now, 14) else {
                return Err(TestCaseError::fail("a second check-in began something"));
            };
            prop_assert_eq!(second.ends, first.ends);
            prop_assert_eq!(second.since, first.since.min(made));
        }

        #[test]
        fn whoever_is_put_on_duty_is_so_now(present: bool, since in -30i64..20, long in 1i64..14, made in -30i64..20) {
            let was = Presence { post: post(1), present, since: at(since), ends: at(since + long) };
            let now = at(20);
            if let Entering::Begin(p) | Entering::Same(p) = enter(Some(was), post(1), at(made), now, 14) {
                prop_assert!(p.present && p.ends > now && p.since <= now);
            }
        }
    }
}
