//! Network and battery as the platform reports them.

/// State of the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Connectivity {
    /// `false` only when the platform is sure that there is no network.
    pub online: bool,
    /// Bytes cost money: photos and large files wait unless the policy allows them.
    pub metered: bool,
}

impl Default for Connectivity {
    fn default() -> Self {
        Self {
            online: true,
            metered: false,
        }
    }
}

/// State of the battery.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Power {
    /// The platform reports a low battery.
    pub low: bool,
    pub charging: bool,
}

/// Network and battery state; may change while the handset watches.
pub trait Surroundings: Send + Sync {
    fn connectivity(&self) -> Connectivity;
    fn power(&self) -> Power;
}

/// A battery below this percentage that is not charging counts as low.
pub const LOW_PERCENT: u8 = 15;
