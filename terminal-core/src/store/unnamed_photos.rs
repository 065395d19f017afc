//! Photo files that no item and no draft names. Mostly a killed process left them behind before it saved the draft. But
//! a database that lost its last commits does not know their photos either, so these are kept for a while.

use crate::{
    Result,
    store::{
        database::HandsetStore,
        settings::{self, keys::UNNAMED_PHOTOS},
        sql::{from_json, to_json},
    },
};
use protocol::{photo::Sha256, time::Millis};
use std::collections::BTreeMap;

impl HandsetStore {
    /// The unnamed photos, and when each was found first.
    pub(crate) fn unnamed_photos(&self) -> Result<BTreeMap<Sha256, Millis>> {
        self.read(|c| {
            settings::get(c, UNNAMED_PHOTOS)?.map_or_else(|| Ok(BTreeMap::new()), |text| from_json(&text))
        })
    }
    pub(crate) fn set_unnamed_photos(&self, photos: &BTreeMap<Sha256, Millis>) -> Result<()> {
        self.write(|tx| settings::set(tx, UNNAMED_PHOTOS, &to_json(photos)?))
    }
}
