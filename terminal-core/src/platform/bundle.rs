//! Everything that the platform gives a terminal, in one value.

use crate::{
    Result,
    platform::{clock::Clock, disk::Disk, keystore::Keystore, random::Random, system_disk::SystemDisk},
};
use std::{path::Path, sync::Arc};

/// The platform of one handset.
#[derive(Clone)]
pub struct Platform {
    pub clock: Arc<dyn Clock>,
    pub random: Arc<dyn Random>,
    pub keystore: Arc<dyn Keystore>,
    pub disk: Arc<dyn Disk>,
    /// A font of the system for characters of stamps that the embedded one lacks.
    pub spare_font: Option<media::SpareFont>,
}

/// Gives each user's home its platform: every user has keys of his own, everything else is the phone's.
pub trait PlatformOf: Send + Sync {
    /// The platform of the user whose home is `home`. May create keys: it is called only for a home that has a
    /// database, a quarantined database, or an enrolment in progress.
    ///
    /// # Errors
    /// [`crate::Error::Keystore`] if the keys are missing, damaged or locked.
    fn platform(&self, home: &Path) -> Result<Platform>;
    /// The disk that holds all homes.
    fn disk(&self) -> Arc<dyn Disk> {
        Arc::new(SystemDisk)
    }
}
