//! Network and battery of the machine on which the command line runs.

use crate::{
    Result,
    platform::surroundings::{Connectivity, LOW_PERCENT, Power, Surroundings},
    terminal::Terminal,
};

/// The setting that replaces a phone's network state.
pub(super) const NETWORK: &str = "network";

/// The surroundings of the command line: the network as set by `set network`, the battery as reported by
/// Linux.
#[derive(Default)]
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

/// The first battery that Linux reports; `None` on machines without one.
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
