//! The code by which an administrator opens the app's lock (解锁码).

use crate::{Result, terminal::Terminal};
use protocol::unlock::UnlockChallenge;

impl Terminal {
    /// A challenge to show to the user of a locked app. The app keeps it until the lock is open.
    ///
    /// # Errors
    /// Errors of the random source.
    pub fn unlock_challenge(&self) -> Result<String> {
        let mut bytes = [0; 4];
        self.random().fill(&mut bytes)?;
        Ok(UnlockChallenge::of(bytes).to_string())
    }
    /// Returns true if `code` is the administrator's answer to the challenge. Works without a network. The app limits the
    /// number of tries.
    ///
    /// # Errors
    /// Errors of the store.
    pub fn is_unlock_code(&self, challenge: &str, code: &str) -> Result<bool> {
        let certificate = self.store().account()?.certificate;
        let challenge = challenge.parse::<UnlockChallenge>();
        Ok(challenge.is_ok_and(|challenge| challenge.answer(&certificate.signature) == code.trim()))
    }
}
