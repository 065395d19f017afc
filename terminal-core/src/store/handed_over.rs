//! The moment when an ended stream has handed everything over, after which nothing new is taken.

use crate::{
    Error, Result,
    store::{database::Store, settings, sql::from_json},
};
use protocol::{entry::Reason, problem::HandsetCode, time::Millis};
use rusqlite::Connection;
use serde::{Deserialize, Serialize};

pub(super) const HANDED_OVER: &str = "handed_over";

/// What was handed over before a handset forgot it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandedOver {
    /// Why: `stream.revoked`, `terminal.wipe`.
    pub code: String,
    pub entries: u64,
    pub drafts: u64,
    pub photos: u64,
    /// Photos whose file was missing or damaged; the server knows which.
    pub photos_missing: u64,
    /// By the handset's wall clock.
    pub at: Millis,
}

impl HandedOver {
    /// For whoever opens the handset from then on.
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

/// Nothing new may begin on a handset that has handed everything over.
pub(super) fn refuse_if_done(connection: &Connection) -> Result<()> {
    match settings::get(connection, HANDED_OVER)? {
        Some(text) => Err(Error::Input(from_json::<HandedOver>(&text)?.reason())),
        None => Ok(()),
    }
}

impl Store {
    /// What was handed over, once everything was.
    pub fn handed_over(&self) -> Result<Option<HandedOver>> {
        self.read(|c| {
            settings::get(c, HANDED_OVER)?
                .map(|text| from_json(&text))
                .transpose()
        })
    }
}
