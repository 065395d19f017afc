//! The worker's settings for the network.

use crate::{
    Error, Result,
    platform::home::PHONE_SETTINGS,
    store::{changes::HandsetChange, database::HandsetStore},
    words::MEGABYTE,
};
use protocol::problem::HandsetCode;
use serde::{Deserialize, Serialize};

/// Default minutes between two polls.
const POLL_MINUTES: u32 = 5;

/// The settings for the network. They belong to the phone and hold for all of its users, because all users share its
/// data plan. Stored as JSON; new fields need a default.
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

/// The key under which earlier versions stored the settings in each user's database.
const USERS_OWN: &str = "manners";

/// The settings in the handset's folder.
#[derive(Debug, Default, Serialize, Deserialize)]
struct PhoneSettings {
    settings: NetworkSettings,
    /// Somebody chose these settings; if false, they were only merged from the users' own settings.
    is_chosen: bool,
}

/// The stricter of two users' own settings in each point, so that nothing is sent that one of the two did not allow:
/// restrictions add up, the smaller budget and the longer poll interval hold, and sync is off if one has switched it
/// off.
fn strictest(one: &NetworkSettings, other: &NetworkSettings) -> NetworkSettings {
    NetworkSettings {
        sync: one.sync && other.sync,
        wifi_only_photos: one.wifi_only_photos || other.wifi_only_photos,
        wifi_only_files: one.wifi_only_files || other.wifi_only_files,
        wifi_only_all: one.wifi_only_all || other.wifi_only_all,
        roaming: one.roaming && other.roaming,
        budget_mb: [one.budget_mb, other.budget_mb].into_iter().flatten().min(),
        poll_minutes: one.poll_minutes.max(other.poll_minutes),
    }
}

impl HandsetStore {
    /// The phone's settings; defaults if none were stored.
    ///
    /// Earlier versions kept settings per user. Until somebody sets the phone's settings, the strictest of all users'
    /// own settings hold, see [`HandsetStore::share_network_settings`].
    ///
    /// # Errors
    /// Errors of store and disk.
    pub fn network_settings(&self) -> Result<NetworkSettings> {
        match self.phone_file::<PhoneSettings>(PHONE_SETTINGS)? {
            Some(phone) if phone.is_chosen => Ok(phone.settings),
            Some(phone) => Ok(self
                .users_own_settings()?
                .map_or(phone.settings.clone(), |own| strictest(&phone.settings, &own))),
            None => Ok(self.users_own_settings()?.unwrap_or_default()),
        }
    }
    /// Stores the settings durably, for all users of the phone. Switching the sync off takes effect at the next step
    /// of a running sync.
    ///
    /// # Errors
    /// Errors of the disk.
    pub fn set_network_settings(&self, settings: &NetworkSettings) -> Result<()> {
        self.change_phone_file(PHONE_SETTINGS, |phone: Option<PhoneSettings>| {
            let is_new = !phone.is_some_and(|phone| phone.is_chosen && phone.settings == *settings);
            is_new.then(|| PhoneSettings {
                settings: settings.clone(),
                is_chosen: true,
            })
        })?;
        self.publish(HandsetChange::Settings);
        Ok(())
    }
    /// Merges the settings that an earlier version stored for this user into the phone's, so that they hold for the
    /// other users too. The user's own copy stays, so merging again changes nothing. After somebody has set the
    /// phone's settings, it has no effect.
    ///
    /// # Errors
    /// Errors of store and disk.
    pub(crate) fn share_network_settings(&self) -> Result<()> {
        let Some(own) = self.users_own_settings()? else {
            return Ok(());
        };
        self.change_phone_file(PHONE_SETTINGS, |phone: Option<PhoneSettings>| {
            let merged = match phone {
                Some(phone) if phone.is_chosen => return None,
                Some(phone) => {
                    let merged = strictest(&phone.settings, &own);
                    (merged != phone.settings).then_some(merged)?
                }
                None => own,
            };
            Some(PhoneSettings {
                settings: merged,
                is_chosen: false,
            })
        })
    }
    fn users_own_settings(&self) -> Result<Option<NetworkSettings>> {
        let text = self.setting(USERS_OWN)?;
        Ok(text.map(|text| serde_json::from_str(&text)).transpose()?)
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
