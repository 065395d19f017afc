//! Sign-ins of this process that are under way, and the failures of each address (A11).
//!
//! In memory and per replica: it is asked before a password is hashed and before anything is written, so that a stranger
//! costs little. What counts for an account is in the database and shared by all replicas (`people/attempts.rs`).

use crate::kernel::{config::Settings, failure::Failure};
use protocol::{problem::ProblemCode, time::Millis};
use std::{
    collections::HashMap,
    net::{IpAddr, Ipv4Addr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Entries of a map at most. A map that is full forgets the entries that are over, or else all.
const MOST: usize = 50_000;
/// How long an address is known as one from which an account was used, in ms: 30 days.
const KNOWN_MS: i64 = 30 * 86_400_000;

/// See the module. Cloning is cheap.
#[derive(Default, Clone)]
pub struct SignIns(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    /// When the failures of an address are used up: each failure moves it by the time of one.
    spent: HashMap<IpAddr, i64>,
    /// Account and address of successful sign-ins, with the time of the last one.
    known: HashMap<Pair, i64>,
    under_way: HashMap<Pair, u32>,
}

type Pair = (String, IpAddr);

/// A sign-in under way. Dropping it ends it as a failure.
pub struct SignInAttempt {
    sign_ins: SignIns,
    pair: Pair,
    /// What the address paid in advance, in ms.
    paid: i64,
    /// How many others of this account and address are under way.
    pub others: u32,
}

impl SignIns {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a sign-in. Each one counts as a failure of its address until it has succeeded. An address from which the
    /// account was used before does not count: neighbours behind the same address must not lock out each other.
    ///
    /// # Errors
    /// `request.rate` with the seconds to wait when the address has failed too often.
    pub fn begin(
        &self,
        account: &str,
        address: IpAddr,
        now: Millis,
        settings: &Settings,
    ) -> Result<SignInAttempt, Failure> {
        let one = 60_000 / i64::from(settings.login_address_per_minute.max(1));
        let most = one * i64::from(settings.login_address_burst);
        let pair = (account.to_owned(), address);
        let mut state = self.state();
        let is_known = state.known.get(&pair).is_some_and(|at| now.0 - at < KNOWN_MS);
        let paid = if is_known { 0 } else { one };
        if !is_known {
            make_room(&mut state.spent, |until| *until > now.0);
            let until = state.spent.entry(address).or_insert(now.0);
            let next = (*until).max(now.0) + one;
            if next - now.0 > most {
                let wait = u32::try_from((next - now.0 - most + 999) / 1000).unwrap_or(60);
                return Err(Failure::later(ProblemCode::RateLimited, wait));
            }
            *until = next;
        }
        drop(state);
        Ok(self.enter(pair, paid))
    }

    /// Begins the check of a signed-in person's password, from wherever; no address pays for it.
    pub fn begin_by_session(&self, account: &str) -> SignInAttempt {
        self.enter((account.to_owned(), IpAddr::V4(Ipv4Addr::UNSPECIFIED)), 0)
    }

    fn enter(&self, pair: Pair, paid: i64) -> SignInAttempt {
        let mut state = self.state();
        let under_way = state.under_way.entry(pair.clone()).or_insert(0);
        let others = *under_way;
        *under_way += 1;
        drop(state);
        SignInAttempt {
            sign_ins: self.clone(),
            pair,
            paid,
            others,
        }
    }
}

impl SignInAttempt {
    /// The address gets back what the attempt took, because no password was tried.
    pub fn not_tried(mut self) {
        self.refund();
    }
    /// The address gets back what the attempt took, and is known for this account.
    pub fn succeeded(mut self, now: Millis) {
        self.refund();
        let mut state = self.sign_ins.state();
        make_room(&mut state.known, |at| now.0 - *at < KNOWN_MS);
        state.known.insert(self.pair.clone(), now.0);
    }
    fn refund(&mut self) {
        let paid = std::mem::take(&mut self.paid);
        if let Some(until) = self.sign_ins.state().spent.get_mut(&self.pair.1) {
            *until -= paid;
        }
    }
}

impl Drop for SignInAttempt {
    fn drop(&mut self) {
        let mut state = self.sign_ins.state();
        let left = state.under_way.get_mut(&self.pair).map(|n| {
            *n = n.saturating_sub(1);
            *n
        });
        if left == Some(0) {
            state.under_way.remove(&self.pair);
        }
    }
}

fn make_room<K: Eq + std::hash::Hash, V>(map: &mut HashMap<K, V>, is_needed: impl Fn(&V) -> bool) {
    if map.len() < MOST {
        return;
    }
    map.retain(|_, value| is_needed(value));
    if map.len() >= MOST {
        map.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Millis = Millis(1_000_000_000);

    fn address(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    #[test]
    fn an_address_that_failed_too_often_waits_and_others_do_not() {
        let (sign_ins, settings) = (SignIns::default(), Settings::default());
        for n in 0..settings.login_address_burst {
            drop(
                sign_ins
                    .begin(&format!("a{n}"), address(1), NOW, &settings)
                    .unwrap(),
            );
        }
        let refused = sign_ins.begin("b", address(1), NOW, &settings).err().unwrap();
        assert_eq!(
            (refused.code(), refused.retry_after_s()),
            (Some(ProblemCode::RateLimited), Some(5))
        );
        assert!(sign_ins.begin("b", address(2), NOW, &settings).is_ok());
        assert!(
            sign_ins
                .begin("b", address(1), NOW.plus(5_000), &settings)
                .is_ok()
        );
    }

    #[test]
    fn success_costs_nothing_and_makes_the_address_known_for_the_account() {
        let (sign_ins, settings) = (SignIns::default(), Settings::default());
        let begin = |account: &str, at| sign_ins.begin(account, address(1), at, &settings);
        for _ in 0..200 {
            begin("li.lei", NOW).unwrap().succeeded(NOW);
        }
        for _ in 0..settings.login_address_burst {
            drop(begin("stranger", NOW).unwrap());
        }
        assert!(begin("stranger", NOW).is_err());
        assert!(begin("li.lei", NOW).is_ok());
        let later = NOW.plus(KNOWN_MS);
        for _ in 0..settings.login_address_burst {
            drop(begin("stranger", later).unwrap());
        }
        assert!(begin("li.lei", later).is_err());
    }

    #[test]
    fn attempts_under_way_are_counted_until_they_end() {
        let (sign_ins, settings) = (SignIns::default(), Settings::default());
        let begin = || sign_ins.begin("li.lei", address(1), NOW, &settings).unwrap();
        let (first, second) = (begin(), begin());
        assert_eq!((first.others, second.others), (0, 1));
        drop(first);
        second.not_tried();
        assert_eq!(begin().others, 0);
    }
}
