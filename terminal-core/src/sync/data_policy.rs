//! Decides what may be sent now from network, battery, data budget and the worker's settings. Entries are
//! small and are sent whenever anything may be; photos and files wait for better conditions, and the report
//! says so.
//!
//! The decision is a pure function. `meter` counts bytes and ends a run's photos at the end of the budget;
//! `live::schedule` decides when to sync.

use crate::{
    platform::surroundings::{Connectivity, Power, Surroundings},
    store::network_settings::NetworkSettings,
    sync::run_policy::{HeldBack, Policy},
};

/// What started a sync, from the weakest to the strongest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SyncTrigger {
    /// The handset itself.
    Automatic,
    /// A person. Waits that the handset chose itself end.
    Person,
    /// A person who wants photos and files sent now at any cost; the bytes are still counted.
    Forced,
}

/// State of network and battery.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DeviceConditions {
    pub network: Connectivity,
    pub power: Power,
}

impl DeviceConditions {
    /// Asks the platform.
    pub fn of(around: &dyn Surroundings) -> Self {
        Self {
            network: around.connectivity(),
            power: around.power(),
        }
    }
}

impl NetworkSettings {
    /// Decides what may be sent now. `used`: metered bytes of this month.
    pub fn policy(&self, now: DeviceConditions, used: u64, ask: SyncTrigger) -> Policy {
        let cost = now.network.cost();
        let metered = cost.is_metered();
        let free = Policy {
            online: now.network.online,
            manual: ask != SyncTrigger::Automatic,
            cost,
            ..Policy::MANUAL
        };
        if ask == SyncTrigger::Forced || !free.online {
            return free;
        }
        if metered && self.wifi_only_all {
            return Policy {
                online: false,
                ..free.without(HeldBack::WifiOnly)
            };
        }
        let left = self
            .budget()
            .filter(|_| metered)
            .map(|all| all.saturating_sub(used));
        if left == Some(0) {
            return free.without(HeldBack::Budget);
        }
        if now.power.low && !now.power.charging {
            return free.without(HeldBack::Battery);
        }
        if now.network.roaming && !self.roaming {
            return free.without(HeldBack::Roaming);
        }
        let (photos, files) = (
            !(metered && self.wifi_only_photos),
            !(metered && self.wifi_only_files),
        );
        Policy {
            photos,
            files,
            allowance: left,
            held: (!photos || !files).then_some(HeldBack::Metered),
            ..free
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{platform::surroundings::NetworkCost, words::MEGABYTE};

    const WIFI: DeviceConditions = DeviceConditions {
        network: Connectivity {
            online: true,
            metered: false,
            roaming: false,
        },
        power: Power {
            low: false,
            charging: false,
        },
    };
    const MOBILE: DeviceConditions = DeviceConditions {
        network: Connectivity {
            online: true,
            metered: true,
            roaming: false,
        },
        ..WIFI
    };
    const ROAMING: DeviceConditions = DeviceConditions {
        network: Connectivity {
            online: true,
            // Some platforms report roaming networks as unmetered.
            metered: false,
            roaming: true,
        },
        ..WIFI
    };

    fn may(policy: Policy) -> (bool, bool, bool, Option<HeldBack>) {
        (policy.online, policy.photos, policy.files, policy.held)
    }

    #[test]
    fn story_37_photos_and_files_wait_for_wifi_and_everything_when_it_is_set_so() {
        let settings = NetworkSettings::default();
        assert_eq!(
            may(settings.policy(WIFI, 0, SyncTrigger::Automatic)),
            (true, true, true, None)
        );
        let held = Some(HeldBack::Metered);
        assert_eq!(
            may(settings.policy(MOBILE, 0, SyncTrigger::Automatic)),
            (true, false, false, held)
        );
        assert_eq!(
            may(settings.policy(MOBILE, 0, SyncTrigger::Person)),
            (true, false, false, held)
        );
        let photos_only = NetworkSettings {
            wifi_only_files: false,
            ..NetworkSettings::default()
        };
        assert_eq!(
            may(photos_only.policy(MOBILE, 0, SyncTrigger::Automatic)),
            (true, false, true, held)
        );
        let all = NetworkSettings {
            wifi_only_all: true,
            ..NetworkSettings::default()
        };
        let nothing = (false, false, false, Some(HeldBack::WifiOnly));
        assert_eq!(may(all.policy(MOBILE, 0, SyncTrigger::Person)), nothing);
        assert_eq!(
            may(all.policy(WIFI, 0, SyncTrigger::Automatic)),
            (true, true, true, None)
        );
        // A forced sync is still counted as metered.
        let anyway = all.policy(MOBILE, 0, SyncTrigger::Forced);
        assert_eq!(may(anyway), (true, true, true, None));
        assert!(anyway.cost.is_metered() && anyway.manual);
    }

    /// Rule: SP-12
    #[test]
    fn a_used_up_budget_holds_back_photos_and_files_but_not_entries() {
        let settings = NetworkSettings {
            wifi_only_photos: false,
            wifi_only_files: false,
            budget_mb: Some(30),
            ..NetworkSettings::default()
        };
        let all = 30 * MEGABYTE;
        assert_eq!(
            settings
                .policy(MOBILE, 10 * MEGABYTE, SyncTrigger::Automatic)
                .allowance,
            Some(20 * MEGABYTE)
        );
        for used in [all, all + 1] {
            let held = (true, false, false, Some(HeldBack::Budget));
            assert_eq!(may(settings.policy(MOBILE, used, SyncTrigger::Person)), held);
            assert_eq!(
                may(settings.policy(WIFI, used, SyncTrigger::Automatic)),
                (true, true, true, None)
            );
            assert_eq!(
                may(settings.policy(MOBILE, used, SyncTrigger::Forced)),
                (true, true, true, None)
            );
        }
        assert_eq!(settings.policy(WIFI, 0, SyncTrigger::Automatic).allowance, None);
    }

    /// Rule: SP-12
    #[test]
    fn w02_roaming_is_at_least_as_dear_as_metered() {
        let settings = NetworkSettings {
            budget_mb: Some(30),
            ..NetworkSettings::default()
        };
        let held = |settings: &NetworkSettings, used, ask| may(settings.policy(ROAMING, used, ask));
        let waits = (true, false, false, Some(HeldBack::Roaming));
        assert_eq!(held(&settings, 0, SyncTrigger::Person), waits);
        // Photos over metered networks do not allow photos while roaming.
        let photos = NetworkSettings {
            wifi_only_photos: false,
            wifi_only_files: false,
            ..settings
        };
        assert_eq!(held(&photos, 0, SyncTrigger::Person), waits);
        let roaming = NetworkSettings {
            roaming: true,
            ..settings
        };
        let metered = (true, false, false, Some(HeldBack::Metered));
        assert_eq!(held(&roaming, 0, SyncTrigger::Person), metered);
        let both = NetworkSettings {
            roaming: true,
            ..photos
        };
        assert_eq!(held(&both, 0, SyncTrigger::Person), (true, true, true, None));
        let used_up = (true, false, false, Some(HeldBack::Budget));
        assert_eq!(held(&both, 30 * MEGABYTE, SyncTrigger::Person), used_up);
        let all = NetworkSettings {
            wifi_only_all: true,
            ..both
        };
        assert!(!all.policy(ROAMING, 0, SyncTrigger::Person).online);
        let forced = all.policy(ROAMING, 0, SyncTrigger::Forced);
        assert!(forced.photos && forced.cost == NetworkCost::Roaming);
    }

    #[test]
    fn a_low_battery_holds_back_photos_and_files_until_it_is_charged() {
        let low = DeviceConditions {
            power: Power {
                low: true,
                charging: false,
            },
            ..WIFI
        };
        let charging = DeviceConditions {
            power: Power {
                low: true,
                charging: true,
            },
            ..WIFI
        };
        let settings = NetworkSettings::default();
        let held = (true, false, false, Some(HeldBack::Battery));
        assert_eq!(may(settings.policy(low, 0, SyncTrigger::Automatic)), held);
        assert_eq!(
            may(settings.policy(charging, 0, SyncTrigger::Automatic)),
            (true, true, true, None)
        );
        assert_eq!(
            may(settings.policy(low, 0, SyncTrigger::Forced)),
            (true, true, true, None)
        );
    }

    #[test]
    fn without_a_network_no_trigger_syncs() {
        let off = DeviceConditions {
            network: Connectivity {
                online: false,
                metered: false,
                roaming: false,
            },
            ..WIFI
        };
        for ask in [SyncTrigger::Automatic, SyncTrigger::Person, SyncTrigger::Forced] {
            assert!(!NetworkSettings::default().policy(off, 0, ask).online);
        }
    }

    #[test]
    fn settings_of_an_older_version_are_read() {
        let older: NetworkSettings = serde_json::from_str(r#"{"sync":false,"new_thing":1}"#).unwrap();
        assert_eq!(
            older,
            NetworkSettings {
                sync: false,
                ..NetworkSettings::default()
            }
        );
    }
}
