//! Network manners: what may travel now. A worker's data plan, battery and wish come before our haste; entries
//! are small and go whenever anything may go, photos and files wait for better circumstances and say so.
//!
//! The decision is a plain function over settings, circumstances and what was used; [`meter`] counts and ends
//! a run's photos where the budget ends, [`watch`] decides when to speak at all.

use crate::{
    platform::surroundings::{Connectivity, Power},
    store::network_settings::Manners,
    sync::policy::{Held, Policy},
};

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::network_settings::MEGABYTE;

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
