//! State of a hand-over in progress.

use crate::{
    store::{account::Account, handed_over::HandedOver},
    sync::parcel::{Exported, ParcelBuilder},
};
use protocol::{
    entry::Reason,
    parcel::{ParcelKey, SealedFor},
    photo::Sha256,
    problem::ProblemCode,
    time::Millis,
};
use std::collections::BTreeSet;

/// A hand-over in progress.
pub(super) struct StreamHandover {
    pub(super) why: Reason,
    pub(super) sealed_for: SealedFor,
    /// Hashes that the server holds in any form, and photos that are known to be lost.
    pub(super) done: BTreeSet<Sha256>,
    pub(super) pack: Option<ParcelBuilder>,
    pub(super) total: Exported,
}

impl StreamHandover {
    /// Starts a hand-over if this answer of the server demands one. Without a parcel key nothing can be
    /// handed over.
    pub(super) fn due(account: &Account, why: &Reason) -> Option<Self> {
        account.parcel_key.parse::<ParcelKey>().ok()?;
        let sealed_for = if why.code == ProblemCode::StreamRevoked {
            SealedFor::Revoked
        } else if why.code == ProblemCode::TerminalWipe {
            SealedFor::Wipe
        } else {
            return None;
        };
        Some(Self {
            why: why.clone(),
            sealed_for,
            done: BTreeSet::new(),
            pack: None,
            total: Exported::default(),
        })
    }
    pub(super) fn summary(&self, at: Millis) -> HandedOver {
        HandedOver {
            code: self.why.code.to_string(),
            entries: self.total.entries,
            drafts: self.total.drafts,
            photos: self.total.photos,
            photos_missing: self.total.photos_missing,
            at,
        }
    }
}
