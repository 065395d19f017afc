//! The worker's settings for the network.

use crate::{Error, Result, store::database::Store};
use protocol::problem::HandsetCode;
use serde::{Deserialize, Serialize};

/// Bytes of one megabyte of the budget: the smaller one, so that the budget never ends late.
pub const MEGABYTE: u64 = 1_000_000;

/// Minutes between two polls unless it is set otherwise.
const POLL_MINUTES: u32 = 5;

/// The worker's settings for the network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct NetworkSettings {
    /// Off: nothing is sent and nothing is asked, not even by hand.
    pub sync: bool,
    /// Photos wait for a network that is not metered (failure story 37).
    pub wifi_only_photos: bool,
    /// New versions of reference files wait for one.
    pub wifi_only_files: bool,
    /// Everything waits for one.
    pub wifi_only_all: bool,
    /// Bytes on metered networks in a civil month, in megabytes; no limit when absent.
    pub budget_mb: Option<u32>,
    /// Minutes between two polls while there is no line of hints.
    pub poll_minutes: u32,
}

impl Default for NetworkSettings {
    fn default() -> Self {
        Self {
            sync: true,
            wifi_only_photos: true,
            wifi_only_files: true,
            wifi_only_all: false,
            budget_mb: None,
            poll_minutes: POLL_MINUTES,
        }
    }
}

impl NetworkSettings {
    /// Bytes of the budget.
    pub fn budget(&self) -> Option<u64> {
        self.budget_mb.map(|mb| u64::from(mb) * MEGABYTE)
    }
}

const SETTING: &str = "manners";

impl Store {
    /// The worker's settings for the network.
    ///
    /// # Errors
    /// Those of the store.
    pub fn network_settings(&self) -> Result<NetworkSettings> {
        match self.setting(SETTING)? {
            Some(text) => Ok(serde_json::from_str(&text)?),
            None => Ok(NetworkSettings::default()),
        }
    }
    /// Sets them durably. Off takes effect at the next step of a sync that is under way.
    ///
    /// # Errors
    /// Those of the store.
    pub fn set_network_settings(&self, manners: &NetworkSettings) -> Result<()> {
        self.set_setting(SETTING, &serde_json::to_string(manners)?)
    }
    /// `sync.off` when the worker has switched the sync off.
    pub(crate) fn ensure_sync_on(&self) -> Result<()> {
        if self.network_settings()?.sync {
            return Ok(());
        }
        Err(Error::input(
            SYNC_OFF,
            "同步已关闭，没有发送任何内容；内容保存在本机，打开同步后发送",
            "the sync is switched off and nothing was sent; everything is kept here and sent once it is on",
        ))
    }
}

/// The code of [`Store::ensure_sync_on`].
pub const SYNC_OFF: HandsetCode = HandsetCode::SyncOff;
