//! What a write brings along: time, ids and outgoing mail. All of it is fixed before the closure runs, so
//! that running the closure again (a serialization conflict) gives the same result.

use super::mailbox::Outgoing;
use crate::{kernel::failure::Failure, store::tx::Tx};
use protocol::{ids::EventId, time::Millis};

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

/// Ids out of one seed: the same seed gives the same ids again.
#[derive(Debug, Clone)]
pub struct Ids {
    seed: [u8; 32],
    count: u64,
}

impl Ids {
    pub fn new(seed: [u8; 32]) -> Self {
        Self { seed, count: 0 }
    }
    /// The next 32 bytes, unguessable from those before.
    pub fn bytes(&mut self) -> [u8; 32] {
        use sha2::{Digest, Sha256};
        self.count += 1;
        Sha256::new()
            .chain_update(self.seed)
            .chain_update(self.count.to_le_bytes())
            .finalize()
            .into()
    }
    fn ten(&mut self) -> [u8; 10] {
        let mut ten = [0; 10];
        for (slot, byte) in ten.iter_mut().zip(self.bytes()) {
            *slot = byte;
        }
        ten
    }
}

/// Time, ids and mail of one write.
#[derive(Debug, Clone)]
pub struct Ctx {
    pub now: Millis,
    pub ids: Ids,
    /// Mailbox rows to be written at the end, in the order of mailbox ids.
    pub mail: Outgoing,
}

macro_rules! id_kinds {
    ($($method:ident -> $kind:ident),*) => {$(
        /// A new id.
        pub fn $method(&mut self) -> protocol::ids::$kind {
            let ten = self.ids.ten();
            protocol::ids::$kind::from_parts(u64::try_from(self.now.0).unwrap_or(0), ten)
        }
    )*};
}

impl Ctx {
    pub fn new(now: Millis, seed: [u8; 32]) -> Self {
        Self {
            now,
            ids: Ids::new(seed),
            mail: Outgoing::default(),
        }
    }
    id_kinds! {
        case_id -> CaseId, task_id -> TaskId, person_id -> PersonId, org_id -> OrgId, post_id -> PostId,
        terminal_id -> TerminalId, upload_id -> UploadId
    }
    pub fn event_id(&mut self) -> EventId {
        let ten = self.ids.ten();
        EventId::from_parts(u64::try_from(self.now.0).unwrap_or(0), ten)
    }
    /// Writes the mail; the last thing of a write.
    pub(crate) fn finish(&mut self, tx: &mut Tx<'_>) -> Result<(), Failure> {
        std::mem::take(&mut self.mail).flush(tx, self.now)
    }
}
