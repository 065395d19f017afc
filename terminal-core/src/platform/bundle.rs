//! Everything that the platform gives a terminal, in one value.

use crate::platform::{clock::Clock, disk::Disk, keystore::Keystore, random::Random};
use std::sync::Arc;

/// The platform of one handset.
#[derive(Clone)]
pub struct Platform {
    pub clock: Arc<dyn Clock>,
    pub random: Arc<dyn Random>,
    pub keystore: Arc<dyn Keystore>,
    pub disk: Arc<dyn Disk>,
}
