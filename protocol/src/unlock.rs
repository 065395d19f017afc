//! The code by which an administrator opens a handset's lock whose PIN was forgotten (解锁码).
//!
//! The handset shows a challenge, its user reads it out by telephone, and the administrator's server answers with a code.
//! Both compute it from the signature of the stream's certificate, which only they hold, so it works without a network.
//! The lock guards against a curious finder of the phone; the stores' keys do not depend on it.

use crate::{photo::Sha256, sign::Signature};
use std::{fmt, str::FromStr};

/// Six digits that a handset shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnlockChallenge(u32);

/// Not six digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("six digits are expected")]
pub struct NotSixDigits;

impl UnlockChallenge {
    /// The challenge of these random bytes.
    pub fn of(random: [u8; 4]) -> Self {
        Self(u32::from_le_bytes(random) % 1_000_000)
    }

    /// The answer, eight digits. `certificate` is the server's signature of the stream's certificate.
    pub fn answer(self, certificate: &Signature) -> String {
        let text = format!("xunge-unlock-v1\0{certificate}\0{self}");
        // A hash in a hash: who knows an answer cannot extend it to that of another challenge.
        let hash = Sha256::of(&Sha256::of(text.as_bytes()).0).0;
        let number = hash
            .iter()
            .take(8)
            .fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
        format!("{:08}", number % 100_000_000)
    }
}

impl fmt::Display for UnlockChallenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:06}", self.0)
    }
}

impl FromStr for UnlockChallenge {
    type Err = NotSixDigits;
    fn from_str(text: &str) -> Result<Self, NotSixDigits> {
        let is_six = text.len() == 6 && text.bytes().all(|b| b.is_ascii_digit());
        is_six
            .then(|| text.parse().map(Self))
            .and_then(Result::ok)
            .ok_or(NotSixDigits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sign::Algorithm;

    #[test]
    fn a_code_is_of_one_certificate_and_one_challenge() {
        let certificate = |byte| Signature::new(Algorithm::Ed25519, vec![byte; 64]);
        let challenge: UnlockChallenge = "004821".parse().unwrap();
        let code = challenge.answer(&certificate(1));
        assert!(
            code.len() == 8 && code.bytes().all(|b| b.is_ascii_digit()),
            "{code}"
        );
        assert_eq!(challenge.to_string(), "004821");
        assert_ne!(code, challenge.answer(&certificate(2)));
        assert_ne!(code, UnlockChallenge(4822).answer(&certificate(1)));
        // Handsets and servers of different versions compute the same.
        assert_eq!(code, "92991304");
        assert!(UnlockChallenge::of([255; 4]).0 < 1_000_000);
    }

    #[test]
    fn only_six_digits_are_a_challenge() {
        for text in [
            "",
            "12345",
            "1234567",
            "12345a",
            "-12345",
            "+12345",
            "１２３４５６",
        ] {
            assert_eq!(text.parse::<UnlockChallenge>(), Err(NotSixDigits), "{text}");
        }
    }
}
