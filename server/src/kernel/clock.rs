//! Time and random bytes from outside: traits, so that the simulator brings its own.

use protocol::time::Millis;

/// Source of time; the simulator brings its own.
pub trait Clock: Send + Sync {
    fn now(&self) -> Millis;
}

/// Source of chance; the simulator brings its own. Used for ids, tokens and codes.
pub trait Chance: Send + Sync {
    fn fill(&self, bytes: &mut [u8]);
}

/// The machine's clock.
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Millis {
        Millis(jiff::Timestamp::now().as_millisecond())
    }
}

/// The operating system's random source. Tokens and keys come from it, so a machine that stops giving random
/// bytes (none is known to, once it has begun) ends the process: a server that is down is mended, a server
/// with guessable tokens is not noticed.
pub struct SystemChance;

impl SystemChance {
    /// Whether the operating system gives random bytes; asked once, before anything is served.
    pub fn healthy() -> bool {
        getrandom::fill(&mut [0; 8]).is_ok()
    }
}

impl Chance for SystemChance {
    fn fill(&self, bytes: &mut [u8]) {
        if let Err(error) = getrandom::fill(bytes) {
            tracing::error!(%error, "no random bytes, the server ends");
            std::process::abort();
        }
    }
}
