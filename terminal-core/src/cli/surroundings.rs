//! Network and battery of the machine that the command line runs on.

use crate::{
    Result,
    platform::surroundings::{Connectivity, LOW_PERCENT, Power, Surroundings},
    terminal::Terminal,
};

/// Where the setting lies that stands for what a phone's platform knows of its network.
pub(super) const NETWORK: &str = "network";

/// The command line's surroundings: the network as it is set (`set network`), the battery as Linux tells it.
pub struct CommandLine {
    network: Connectivity,
}

impl CommandLine {
    pub fn of(terminal: &Terminal) -> Result<Self> {
        let set = terminal.store().setting(NETWORK)?;
        let set = set.as_deref();
        Ok(Self {
            network: Connectivity {
                online: set != Some("offline"),
                metered: set == Some("metered"),
            },
        })
    }
}

impl Surroundings for CommandLine {
    fn connectivity(&self) -> Connectivity {
        self.network
    }
    fn power(&self) -> Power {
        battery().unwrap_or_default()
    }
}

/// The first battery that Linux names; machines without one are never low.
fn battery() -> Option<Power> {
    let supplies = std::fs::read_dir("/sys/class/power_supply").ok()?;
    supplies.flatten().find_map(|supply| {
        let read = |name: &str| std::fs::read_to_string(supply.path().join(name)).ok();
        let percent: u8 = read("capacity")?.trim().parse().ok()?;
        Some(Power {
            low: percent < LOW_PERCENT,
            charging: matches!(read("status")?.trim(), "Charging" | "Full"),
        })
    })
}
