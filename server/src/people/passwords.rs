//! Passwords: argon2id, at most two hashes at the same time, common passwords refused (ASVS 6.2, 11.4.2).
//!
//! There are no composition rules: only length and the list of common passwords make guessing harder.

use crate::{app::state::App, kernel::failure::Failure};
use argon2::{
    Argon2,
    password_hash::{PasswordHasher as _, PasswordVerifier as _, phc::PasswordHash},
};
use protocol::problem::ProblemCode;
use std::sync::{
    OnceLock,
    atomic::{AtomicU32, Ordering},
};
use tokio::sync::Semaphore;

/// Frequent passwords of at least 8 characters from published lists, and obvious ones for this product.
const COMMON: &str = include_str!("common_passwords.txt");
/// Longer passwords are refused: hashing must not take unbounded time.
const LONGEST: usize = 128;

/// A hash takes 19 MiB and one core. Sign-ins wait for each other so that other requests keep memory and processors.
static AT_ONCE: Semaphore = Semaphore::const_new(2);
/// Sign-ins that wait or are checked.
static WAITING: AtomicU32 = AtomicU32::new(0);
/// When a client comes back that found the queue full, in seconds.
const COME_BACK_S: u32 = 2;

/// Checks a new password.
///
/// # Errors
/// `auth.weak_password` if it is shorter than 8 characters, common, or contains the account's name.
pub fn check(password: &str, account: &str) -> Result<(), Failure> {
    let lower = password.to_lowercase();
    let account = account.to_lowercase();
    let length = password.chars().count();
    let first = lower.chars().next();
    let one_letter = lower.chars().all(|c| Some(c) == first);
    let of_the_name = account.chars().count() >= 4 && lower.contains(&account);
    if !(8..=LONGEST).contains(&length)
        || one_letter
        || of_the_name
        || COMMON.lines().any(|common| common == lower)
    {
        return Err(Failure::of(ProblemCode::WeakPassword));
    }
    Ok(())
}

/// Returns the hash to store, as a PHC string.
pub async fn hash(app: &App, password: String) -> Result<String, Failure> {
    let salt = app.secret();
    off_thread(move || hash_with(&password, &salt)).await?
}

/// Like [`hash`], on the calling thread; for the command line.
pub fn hash_now(password: &str, salt: &[u8; 32]) -> Result<String, Failure> {
    hash_with(password, salt)
}

fn hash_with(password: &str, salt: &[u8; 32]) -> Result<String, Failure> {
    let salt = salt.get(..16).unwrap_or_default();
    Argon2::default()
        .hash_password_with_salt(password.as_bytes(), salt)
        .map(|hash| hash.to_string())
        .map_err(Failure::internal)
}

/// Returns true if the password matches the stored hash. Without a hash the same work is done on a hash that no password
/// matches, so that the response time does not show whether an account exists.
pub async fn verify(password: String, kept: Option<String>) -> Result<bool, Failure> {
    if password.len() > 4 * LONGEST {
        return Ok(false);
    }
    off_thread(move || {
        static NOBODY: OnceLock<String> = OnceLock::new();
        let known = kept.is_some();
        let kept = kept.unwrap_or_else(|| {
            NOBODY
                .get_or_init(|| hash_with("nobody's", &[7; 32]).unwrap_or_default())
                .clone()
        });
        let fits = PasswordHash::new(&kept).is_ok_and(|hash| {
            Argon2::default()
                .verify_password(password.as_bytes(), &hash)
                .is_ok()
        });
        fits && known
    })
    .await
}

/// As [`verify`], for those who are not signed in: strangers must not make everybody wait.
///
/// # Errors
/// `request.rate` with the seconds to wait if `login_queue` sign-ins wait already.
pub async fn verify_in_turn(app: &App, password: String, kept: Option<String>) -> Result<bool, Failure> {
    let place = Place::take(app.settings.login_queue)?;
    let fits = verify(password, kept).await;
    drop(place);
    fits
}

/// A place in the queue of sign-ins; also left when the client disconnects.
struct Place;

impl Place {
    fn take(most: u32) -> Result<Self, Failure> {
        let before = WAITING.fetch_add(1, Ordering::SeqCst);
        let place = Self;
        if before >= most {
            return Err(Failure::later(ProblemCode::RateLimited, COME_BACK_S));
        }
        Ok(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        WAITING.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Returns a random first password of 16 symbols without look-alikes.
pub fn random(app: &App) -> String {
    word(app.secret())
}

/// Like [`random`], from 32 given random bytes.
pub fn word(secret: [u8; 32]) -> String {
    let code = |seed| crate::auth::codes::code(seed);
    let other = protocol::photo::Sha256::of(&secret).0;
    format!("{}-{}", code(secret), code(other).get(..4).unwrap_or_default())
}

async fn off_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Failure> {
    let _turn = AT_ONCE.acquire().await.map_err(Failure::internal)?;
    tokio::task::spawn_blocking(work).await.map_err(Failure::internal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weak_passwords_are_refused() {
        for weak in [
            "",
            "short",
            "七个字的密码啊",
            "12345678",
            "PASSWORD",
            "ssssssss",
            "li.wei-2026",
        ] {
            assert!(check(weak, "li.wei").is_err(), "{weak}");
        }
        assert!(check(&"x1".repeat(65), "li.wei").is_err());
        for fine in ["长春的秋天很短啊", "correct horse battery", "t7-kd93mq"] {
            assert!(check(fine, "li.wei").is_ok(), "{fine}");
        }
    }

    #[tokio::test]
    async fn a_hash_fits_its_password_and_no_other() {
        let kept = hash_with("长春的秋天很短啊", &[1; 32]).unwrap();
        assert!(kept.starts_with("$argon2id$"));
        assert!(
            verify("长春的秋天很短啊".into(), Some(kept.clone()))
                .await
                .unwrap()
        );
        assert!(!verify("长春的秋天很短".into(), Some(kept)).await.unwrap());
        assert!(!verify("nobody's".into(), None).await.unwrap());
    }
}
