//! What the operator asks of a fix and of photos, as the last manifest said.

use crate::{
    Result,
    store::{
        database::HandsetStore,
        settings,
        sql::{from_json, to_json},
    },
};
use protocol::manifest::AskedEvidence;
use rusqlite::Connection;

/// Stores what a manifest asks; one that asks nothing leaves the defaults in force.
pub(super) fn save(connection: &Connection, asked: Option<AskedEvidence>) -> Result<()> {
    let asked = asked.unwrap_or_default();
    if read(connection)? == asked {
        return Ok(());
    }
    settings::set(connection, settings::keys::ASKED_EVIDENCE, &to_json(&asked)?)
}

fn read(connection: &Connection) -> Result<AskedEvidence> {
    let stored = settings::get(connection, settings::keys::ASKED_EVIDENCE)?;
    stored.map_or_else(|| Ok(AskedEvidence::default()), |text| from_json(&text))
}

impl HandsetStore {
    /// What the operator asks; the defaults before the first manifest.
    pub fn asked_evidence(&self) -> Result<AskedEvidence> {
        self.read(read)
    }
}
