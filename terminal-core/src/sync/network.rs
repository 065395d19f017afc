//! What a process keeps of the network between two syncs, and what its threads share during one.

use crate::{
    sync::{running::RunSlot, state::SyncMemory},
    transport::{https::Https, nudge::Nudge},
};
use std::sync::{Arc, Mutex};

/// Connection, token, batch sizes and the running sync of a process.
#[derive(Default)]
pub(crate) struct Network {
    pub(crate) https: Mutex<Option<Arc<Https>>>,
    pub(crate) memory: Mutex<SyncMemory>,
    /// The sync that runs now.
    pub(crate) running: RunSlot,
    /// Ends the wait of the watch.
    pub(crate) nudge: Nudge,
}
