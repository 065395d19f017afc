//! Network and battery of the machine on which the command line runs.

use crate::{
    platform::surroundings::{Connectivity, LOW_PERCENT, Power, Surroundings},
    terminal::Terminal,
};

/// The setting that replaces a phone's network state.
pub(super) const NETWORK: &str = "network";

/// The surroundings of the command line: the network as set by `set network`, the battery as reported by
/// Linux.
pub struct CommandLine {
    terminal: Terminal,
}

impl CommandLine {
    pub fn of(terminal: &Terminal) -> Self {
        Self {
            terminal: terminal.clone(),
        }
    }
}

impl Surroundings for CommandLine {
    /// Read again each time: another process may set it while a sync runs. A setting that cannot be read
    /// counts as offline, which costs nothing.
    fn connectivity(&self) -> Connectivity {
        match self.terminal.store().setting(NETWORK) {
            Ok(set) => network(set.as_deref()),
            Err(_) => network(Some("offline")),
        }
    }
    fn power(&self) -> Power {
        battery().unwrap_or_default()
    }
}

/// The network that a value of the setting stands for.
fn network(set: Option<&str>) -> Connectivity {
    Connectivity {
        online: set != Some("offline"),
        metered: matches!(set, Some("metered" | "roaming")),
        roaming: set == Some("roaming"),
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
