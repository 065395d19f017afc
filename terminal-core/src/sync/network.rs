//! What a process keeps of the network between two syncs.

use crate::{sync::state::SyncMemory, transport::https::Https};
use std::sync::{Arc, Mutex};

/// Connection, token and batch sizes of a process.
#[derive(Default)]
pub(crate) struct Network {
    pub(crate) https: Mutex<Option<Arc<Https>>>,
    pub(crate) memory: Mutex<SyncMemory>,
}
