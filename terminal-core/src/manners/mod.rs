//! Network manners: what may travel now. A worker's data plan, battery and wish come before our haste; entries
//! are small and go whenever anything may go, photos and files wait for better circumstances and say so.
//!
//! The decision is a plain function over settings, circumstances and what was used; [`meter`] counts and ends
//! a run's photos where the budget ends, [`watch`] decides when to speak at all.

mod meter;
pub mod watch;

pub(crate) use meter::Meter;

use crate::{
    Error, Result,
    platform::{Connectivity, Power},
    store::Store,
    sync::{Held, Policy},
};
use protocol::problem::HandsetCode;
use serde::{Deserialize, Serialize};

/// Bytes of one megabyte of the budget: the smaller one, so that the budget never ends late.
pub const MEGABYTE: u64 = 1_000_000;
/// Minutes between two polls unless it is set otherwise.
const POLL_MINUTES: u32 = 5;
/// Below this many percent a battery that is not charged is low.
pub const LOW_PERCENT: u8 = 15;

/// The worker's settings for the network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Manners {
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

impl Default for Manners {
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

/// Who asks for a sync.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    /// The handset by itself.
    Itself,
    /// A person: waits of our own making end.
    Person,
    /// A person who wants photos and files to go now whatever it costs; what goes is counted all the same.
    Anyway,
}

/// The handset's circumstances.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Circumstances {
    pub network: Connectivity,
    pub power: Power,
}

impl Manners {
    /// Bytes of the budget.
    pub fn budget(&self) -> Option<u64> {
        self.budget_mb.map(|mb| u64::from(mb) * MEGABYTE)
    }

    /// What may travel now. `used` are this month's bytes on metered networks.
    pub fn policy(&self, now: Circumstances, used: u64, ask: Ask) -> Policy {
        let metered = now.network.metered;
        let free = Policy {
            online: now.network.online,
            manual: ask != Ask::Itself,
            metered,
            ..Policy::MANUAL
        };
        if ask == Ask::Anyway || !free.online {
            return free;
        }
        if metered && self.wifi_only_all {
            return Policy {
                online: false,
                ..free.without(Held::WifiOnly)
            };
        }
        let left = self
            .budget()
            .filter(|_| metered)
            .map(|all| all.saturating_sub(used));
        if left == Some(0) {
            return free.without(Held::Budget);
        }
        if now.power.low && !now.power.charging {
            return free.without(Held::Battery);
        }
        let (photos, files) = (
            !(metered && self.wifi_only_photos),
            !(metered && self.wifi_only_files),
        );
        Policy {
            photos,
            files,
            allowance: left,
            held: (!photos || !files).then_some(Held::Metered),
            ..free
        }
    }
}

const SETTING: &str = "manners";

impl Store {
    /// The worker's settings for the network.
    ///
    /// # Errors
    /// Those of the store.
    pub fn manners(&self) -> Result<Manners> {
        match self.setting(SETTING)? {
            Some(text) => Ok(serde_json::from_str(&text)?),
            None => Ok(Manners::default()),
        }
    }
    /// Sets them durably. Off takes effect at the next step of a sync that is under way.
    ///
    /// # Errors
    /// Those of the store.
    pub fn set_manners(&self, manners: &Manners) -> Result<()> {
        self.set_setting(SETTING, &serde_json::to_string(manners)?)
    }
    /// `sync.off` when the worker has switched the sync off.
    pub(crate) fn ensure_on(&self) -> Result<()> {
        if self.manners()?.sync {
            return Ok(());
        }
        Err(Error::input(
            HandsetCode::SyncOff,
            "同步已关闭，没有发送任何内容；内容保存在本机，打开同步后发送",
            "the sync is switched off and nothing was sent; everything is kept here and sent once it is on",
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WIFI: Circumstances = Circumstances {
        network: Connectivity {
            online: true,
            metered: false,
        },
        power: Power {
            low: false,
            charging: false,
        },
    };
    const MOBILE: Circumstances = Circumstances {
        network: Connectivity {
            online: true,
            metered: true,
        },
        ..WIFI
    };

    fn may(policy: Policy) -> (bool, bool, bool, Option<Held>) {
        (policy.online, policy.photos, policy.files, policy.held)
    }

    #[test]
    fn story_37_photos_and_files_wait_for_wifi_and_everything_when_it_is_set_so() {
        let manners = Manners::default();
        assert_eq!(
            may(manners.policy(WIFI, 0, Ask::Itself)),
            (true, true, true, None)
        );
        let held = Some(Held::Metered);
        assert_eq!(
            may(manners.policy(MOBILE, 0, Ask::Itself)),
            (true, false, false, held)
        );
        assert_eq!(
            may(manners.policy(MOBILE, 0, Ask::Person)),
            (true, false, false, held)
        );
        let photos_only = Manners {
            wifi_only_files: false,
            ..Manners::default()
        };
        assert_eq!(
            may(photos_only.policy(MOBILE, 0, Ask::Itself)),
            (true, false, true, held)
        );
        let all = Manners {
            wifi_only_all: true,
            ..Manners::default()
        };
        let nothing = (false, false, false, Some(Held::WifiOnly));
        assert_eq!(may(all.policy(MOBILE, 0, Ask::Person)), nothing);
        assert_eq!(may(all.policy(WIFI, 0, Ask::Itself)), (true, true, true, None));
        // A person may override, and it is still known to cost money.
        let anyway = all.policy(MOBILE, 0, Ask::Anyway);
        assert_eq!(may(anyway), (true, true, true, None));
        assert!(anyway.metered && anyway.manual);
    }

    #[test]
    fn a_budget_that_is_used_up_holds_photos_and_files_and_never_entries() {
        let manners = Manners {
            wifi_only_photos: false,
            wifi_only_files: false,
            budget_mb: Some(30),
            ..Manners::default()
        };
        let all = 30 * MEGABYTE;
        assert_eq!(
            manners.policy(MOBILE, 10 * MEGABYTE, Ask::Itself).allowance,
            Some(20 * MEGABYTE)
        );
        for used in [all, all + 1] {
            let held = (true, false, false, Some(Held::Budget));
            assert_eq!(may(manners.policy(MOBILE, used, Ask::Person)), held);
            assert_eq!(
                may(manners.policy(WIFI, used, Ask::Itself)),
                (true, true, true, None)
            );
            assert_eq!(
                may(manners.policy(MOBILE, used, Ask::Anyway)),
                (true, true, true, None)
            );
        }
        assert_eq!(manners.policy(WIFI, 0, Ask::Itself).allowance, None);
    }

    #[test]
    fn a_low_battery_holds_photos_and_files_until_it_is_charged() {
        let low = Circumstances {
            power: Power {
                low: true,
                charging: false,
            },
            ..WIFI
        };
        let charging = Circumstances {
            power: Power {
                low: true,
                charging: true,
            },
            ..WIFI
        };
        let manners = Manners::default();
        let held = (true, false, false, Some(Held::Battery));
        assert_eq!(may(manners.policy(low, 0, Ask::Itself)), held);
        assert_eq!(
            may(manners.policy(charging, 0, Ask::Itself)),
            (true, true, true, None)
        );
        assert_eq!(may(manners.policy(low, 0, Ask::Anyway)), (true, true, true, None));
    }

    #[test]
    fn no_network_is_no_network_whoever_asks() {
        let off = Circumstances {
            network: Connectivity {
                online: false,
                metered: false,
            },
            ..WIFI
        };
        for ask in [Ask::Itself, Ask::Person, Ask::Anyway] {
            assert!(!Manners::default().policy(off, 0, ask).online);
        }
    }

    #[test]
    fn settings_of_an_older_program_keep_their_meaning() {
        let older: Manners = serde_json::from_str(r#"{"sync":false,"new_thing":1}"#).unwrap();
        assert_eq!(
            older,
            Manners {
                sync: false,
                ..Manners::default()
            }
        );
    }
}
