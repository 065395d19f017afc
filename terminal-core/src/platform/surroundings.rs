//! Network and battery as the platform reports them.

/// State of the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Connectivity {
    /// `false` only when the platform is sure that there is no network.
    pub online: bool,
    /// Bytes cost money: photos and large files wait unless the policy allows them.
    pub metered: bool,
    /// The network is another operator's (漫游). Roaming is treated as metered, whatever `metered` says.
    pub roaming: bool,
}

impl Connectivity {
    /// What bytes cost on this network.
    pub fn cost(self) -> NetworkCost {
        match (self.roaming, self.metered) {
            (true, _) => NetworkCost::Roaming,
            (false, true) => NetworkCost::Metered,
            (false, false) => NetworkCost::Free,
        }
    }
}

/// What bytes cost on a network. Ordered from cheap to dear.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum NetworkCost {
    /// Nothing.
    #[default]
    Free,
    /// They count towards the data budget.
    Metered,
    /// They count towards the data budget, at another operator's prices.
    Roaming,
}

impl NetworkCost {
    /// The bytes count towards the data budget (SP-12).
    pub fn is_metered(self) -> bool {
        self != Self::Free
    }
}

impl Default for Connectivity {
    fn default() -> Self {
        Self {
            online: true,
            metered: false,
            roaming: false,
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

/// Network and battery state. Asked before every action of a sync, so an answer must be quick; report a change
/// with [`Terminal::nudge`](crate::Terminal::nudge) too.
pub trait Surroundings: Send + Sync {
    fn connectivity(&self) -> Connectivity;
    fn power(&self) -> Power;
    /// A person looks at the app (it is in the foreground). The stream of hints is open while a person looks,
    /// and while the worker is on duty.
    fn is_attended(&self) -> bool {
        true
    }
}

/// A battery below this percentage that is not charging counts as low.
pub const LOW_PERCENT: u8 = 15;
