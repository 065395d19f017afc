//! The context of a write: time and ids, fixed before the closure runs, so that a second run (after a serialization
//! conflict) gives the same result; and the mail and changes of the write.

use super::{
    changes::{Change, Changes},
    mailbox::Outgoing,
    tally::Tally,
};
use crate::{
    kernel::{failure::Failure, ids::Ids},
    store::tx::Tx,
};
use protocol::{ids::EventId, time::Millis};

/// Time, ids, mail and changes of one write.
#[derive(Debug, Clone)]
pub struct Ctx {
    pub now: Millis,
    pub ids: Ids,
    /// Mailbox rows to be written at the end, in the order of mailbox ids.
    pub mail: Outgoing,
    /// Figures that change, to be written at the end.
    pub tally: Tally,
    /// Changes whose reactions have not run yet.
    pub(super) changes: Changes,
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
            tally: Tally::default(),
            changes: Changes::default(),
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
    /// Reports a change; rooms above react before the transaction, or the attempt around it, ends.
    pub fn changed(&mut self, change: Change) {
        self.changes.add(change);
    }
    /// Writes mail and figures; the last step of a write.
    pub(crate) fn finish(&mut self, tx: &mut Tx<'_>) -> Result<(), Failure> {
        std::mem::take(&mut self.mail).flush(tx, self.now)?;
        Ok(std::mem::take(&mut self.tally).flush(tx)?)
    }
}
