//! Wrong passwords: an account rests for the address that gave them, and for no other, so that strangers cannot lock out
//! its owner (A11). The change of a password counts by itself, under [`BY_SESSION`].

use crate::{
    kernel::{config::Settings, failure::Failure},
    params,
    store::{error::StoreError, tx::Tx},
};
use protocol::{photo::Sha256, problem::ProblemCode, time::Millis};
use std::net::IpAddr;

/// Stands for the address when a session changes its password: a stolen session is used from anywhere.
pub(super) const BY_SESSION: &str = "session";
/// How long failures are remembered, in ms: 2 days, longer than any rest.
const MEMORY_MS: i64 = 2 * 86_400_000;
/// Most rows; the oldest go first.
const MOST_ROWS: i64 = 10_000;

/// An account and an address.
#[derive(Debug, Clone)]
pub(super) struct Pair {
    account_sha256: String,
    address: String,
}

impl Pair {
    pub(super) fn of(account: &str, address: IpAddr) -> Self {
        Self::new(account, address.to_string())
    }
    pub(super) fn by_session(account: &str) -> Self {
        Self::new(account, BY_SESSION.to_owned())
    }
    fn new(account: &str, address: String) -> Self {
        Self {
            account_sha256: Sha256::of(account.as_bytes()).to_string(),
            address,
        }
    }
    /// A name for both, for counts in memory.
    pub(super) fn account(&self) -> &str {
        &self.account_sha256
    }
}

/// How long the account rests after this many failures in a row, in ms: nothing at first, then each time twice as long.
fn rest_ms(failures: i64, settings: &Settings) -> i64 {
    let over = failures - i64::from(settings.login_attempts);
    if over < 0 {
        return 0;
    }
    let factor = 1_i64 << over.min(30);
    let longest = settings
        .login_rest_longest_seconds
        .max(settings.login_rest_seconds);
    let seconds = (i64::from(settings.login_rest_seconds) * factor).min(i64::from(longest));
    seconds * 1000
}

/// Refuses while the account rests for this address, before any password is checked. `others` are attempts under way: they
/// count as failures, so that many at once do not get more tries.
///
/// # Errors
/// `auth.locked` with the seconds to wait.
pub(super) fn may_try(
    tx: &mut Tx<'_>,
    pair: &Pair,
    (others, now): (u32, Millis),
    settings: &Settings,
) -> Result<(), Failure> {
    let found: Option<(i64, i64)> = tx.opt(
        "SELECT failures, rests_until FROM sign_in_failure WHERE account_sha256 = ?1 AND address = ?2",
        params![&pair.account_sha256, &pair.address],
        |row| Ok((row.get("failures")?, row.get("rests_until")?)),
    )?;
    let (failures, until) = found.unwrap_or((0, 0));
    if until > now.0 {
        let seconds = u32::try_from((until - now.0 + 999) / 1000).unwrap_or(u32::MAX);
        return Err(Failure::later(ProblemCode::LockedOut, seconds));
    }
    let most = (i64::from(settings.login_attempts) - failures).max(1);
    if i64::from(others) >= most {
        return Err(Failure::later(ProblemCode::LockedOut, 1));
    }
    Ok(())
}

/// Counts a wrong password.
pub(super) fn failed(
    tx: &mut Tx<'_>,
    pair: &Pair,
    now: Millis,
    settings: &Settings,
) -> Result<(), StoreError> {
    let failures: i64 = tx.one(
        "INSERT INTO sign_in_failure (account_sha256, address, failures, last_at, rests_until)
         VALUES (?1, ?2, 1, ?3, ?3)
         ON CONFLICT (account_sha256, address) DO UPDATE SET failures = sign_in_failure.failures + 1,
             last_at = excluded.last_at
         RETURNING failures",
        params![&pair.account_sha256, &pair.address, now.0],
        |row| row.get("failures"),
    )?;
    tx.execute(
        "UPDATE sign_in_failure SET rests_until = ?3 WHERE account_sha256 = ?1 AND address = ?2",
        params![
            &pair.account_sha256,
            &pair.address,
            now.0.saturating_add(rest_ms(failures, settings))
        ],
    )?;
    if failures == 1 {
        tx.execute(
            "DELETE FROM sign_in_failure WHERE last_at <= ?1",
            params![now.0.saturating_sub(MEMORY_MS)],
        )?;
        tx.execute(
            "DELETE FROM sign_in_failure WHERE last_at < (SELECT last_at FROM sign_in_failure
                 ORDER BY last_at DESC LIMIT 1 OFFSET ?1)",
            params![MOST_ROWS],
        )?;
    }
    Ok(())
}

/// Forgets the failures after a right password.
pub(super) fn succeeded(tx: &mut Tx<'_>, pair: &Pair) -> Result<(), StoreError> {
    tx.execute(
        "DELETE FROM sign_in_failure WHERE account_sha256 = ?1 AND address = ?2",
        params![&pair.account_sha256, &pair.address],
    )?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rest_begins_at_the_fifth_failure_and_doubles_up_to_an_hour() {
        let settings = Settings::default();
        let minutes = |failures| rest_ms(failures, &settings) / 60_000;
        let rests: Vec<i64> = (3..12).map(minutes).collect();
        assert_eq!(rests, [0, 0, 5, 10, 20, 40, 60, 60, 60]);
        assert_eq!(minutes(i64::MAX), 60);
    }
}
