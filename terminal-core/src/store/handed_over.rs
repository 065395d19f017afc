//! The end of a store: everything was handed over, and nothing new is accepted.

use crate::{
    Error, Result,
    store::{database::HandsetStore, settings, sql::from_json},
};
use protocol::{entry::Reason, problem::HandsetCode, time::Millis};
use rusqlite::Connection;
use serde::{Deserialize, Serialize};

pub(super) const HANDED_OVER: &str = "handed_over";

/// What was handed over before the home was wiped.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandedOver {
    /// The reason: `stream.revoked` or `terminal.wipe`.
    pub code: String,
    pub entries: u64,
    pub drafts: u64,
    pub photos: u64,
    /// Photos whose file was missing or damaged; the parcels name them.
    pub photos_missing: u64,
    /// Time of the end, by the handset's wall clock.
    pub at: Millis,
}

impl HandedOver {
    /// Code and words for a later attempt to open the handset.
    pub fn reason(&self) -> Reason {
        let Self {
            entries,
            drafts,
            photos,
            photos_missing,
            ..
        } = self;
        let (mut zh, mut en) = (
            format!(
                "本终端已停用：{entries} 条内容、{photos} 张照片、{drafts} 份草稿已封存交接给中心，本机数据已清除"
            ),
            format!(
                "this terminal has ended: {entries} entries, {photos} photos and {drafts} drafts were handed over \
                 sealed, its data was removed"
            ),
        );
        if *photos_missing > 0 {
            zh.push_str(&format!("；{photos_missing} 张照片文件损坏，未能交接"));
            en.push_str(&format!("; {photos_missing} photos could not be read"));
        }
        Reason::new(HandsetCode::HandedOver, zh, en)
    }
}

/// Refuses new work after the hand-over.
pub(super) fn refuse_if_done(connection: &Connection) -> Result<()> {
    match settings::get(connection, HANDED_OVER)? {
        Some(text) => Err(Error::Input(from_json::<HandedOver>(&text)?.reason())),
        None => Ok(()),
    }
}

impl HandsetStore {
    /// The summary of the hand-over, once it is complete.
    pub fn handed_over(&self) -> Result<Option<HandedOver>> {
        self.read(|c| {
            settings::get(c, HANDED_OVER)?
                .map(|text| from_json(&text))
                .transpose()
        })
    }
}
