//! The worker's settings for the network.

use crate::{Error, Result, store::database::Store};
use protocol::problem::HandsetCode;
use serde::{Deserialize, Serialize};

/// Bytes per megabyte of the budget. The decimal megabyte, so that the budget never ends late.
pub const MEGABYTE: u64 = 1_000_000;

/// Default minutes between two polls.
const POLL_MINUTES: u32 = 5;

/// The worker's settings for the network. Stored as JSON; new fields need a default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct NetworkSettings {
    /// If false, nothing is sent or fetched, not even by a manual sync.
    pub sync: bool,
    /// Photos wait for an unmetered network (failure story 37).
    pub wifi_only_photos: bool,
    /// New versions of reference files wait for an unmetered network.
    pub wifi_only_files: bool,
    /// Everything waits for an unmetered network.
    pub wifi_only_all: bool,
    /// Photos and files may be sent and fetched while roaming, as far as the rules for metered networks allow
    /// it. If false, only entries and mailboxes are.
    pub roaming: bool,
    /// Budget for metered networks in megabytes per civil month; `None` for no limit.
    pub budget_mb: Option<u32>,
    /// Minutes between two polls while there is no hint stream.
    pub poll_minutes: u32,
}

impl Default for NetworkSettings {
    fn default() -> Self {
        Self {
            sync: true,
            wifi_only_photos: true,
            wifi_only_files: true,
            wifi_only_all: false,
            roaming: false,
            budget_mb: None,
            poll_minutes: POLL_MINUTES,
        }
    }
}

impl NetworkSettings {
    /// The budget in bytes.
    pub fn budget(&self) -> Option<u64> {
        self.budget_mb.map(|mb| u64::from(mb) * MEGABYTE)
    }
}

/// The key in the database; its name is older than the type's.
const SETTING: &str = "manners";

impl Store {
    /// The settings; defaults if none were stored.
    ///
    /// # Errors
    /// Errors of the store.
    pub fn network_settings(&self) -> Result<NetworkSettings> {
        match self.setting(SETTING)? {
            Some(text) => Ok(serde_json::from_str(&text)?),
            None => Ok(NetworkSettings::default()),
        }
    }
    /// Stores the settings durably. Switching the sync off takes effect at the next step of a running sync.
    ///
    /// # Errors
    /// Errors of the store.
    pub fn set_network_settings(&self, settings: &NetworkSettings) -> Result<()> {
        self.set_setting(SETTING, &serde_json::to_string(settings)?)
    }
    /// Returns `sync.off` if the worker has switched the sync off.
    pub(crate) fn ensure_sync_on(&self) -> Result<()> {
        if self.network_settings()?.sync {
            return Ok(());
        }
        Err(Error::input(
            HandsetCode::SyncOff,
            "同步已关闭，没有发送任何内容；内容保存在本机，打开同步后发送",
            "sync is switched off and nothing was sent; everything is kept on this handset and sent once sync is on",
        ))
    }
}
