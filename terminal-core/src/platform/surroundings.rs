//! Network and battery as the platform reports them.

/// The network as the platform sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Connectivity {
    /// `false` only when the platform is sure that there is no network.
    pub online: bool,
    /// Bytes cost money here: photos and large files wait unless the policy says otherwise.
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

/// The battery as the platform sees it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Power {
    /// The platform calls it low.
    pub low: bool,
    pub charging: bool,
}

/// Network and battery, which change while the handset watches.
pub trait Surroundings: Send + Sync {
    fn connectivity(&self) -> Connectivity;
    fn power(&self) -> Power;
}

/// Below this many percent a battery that is not charged is low.
pub const LOW_PERCENT: u8 = 15;
