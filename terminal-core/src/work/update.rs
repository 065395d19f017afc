//! A newer app (应用更新) that the server names.

use crate::{Result, terminal::Terminal};
use protocol::manifest::AppRelease;
use std::path::PathBuf;

/// A newer app. It is fetched by the syncs on networks that cost nothing, after everything else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppUpdate {
    pub release: AppRelease,
    /// Bytes of the package that are here.
    pub have: u64,
    /// The package, once it is complete and its hash was checked. Its signer is the app's to check, against
    /// [`AppRelease::signer`] and against its own.
    pub package: Option<PathBuf>,
    /// The server does not serve this build any longer. What waits is still received.
    pub is_required: bool,
}

impl Terminal {
    /// The newer app, if the server names one. `own_build` is Android's `versionCode` of the caller; from the first call
    /// on, syncs of this process fetch newer ones.
    ///
    /// # Errors
    /// Errors of the store and of the disk.
    pub fn app_update(&self, own_build: u32) -> Result<Option<AppUpdate>> {
        let store = self.store();
        self.fetch_app();
        store.set_app_build(own_build)?;
        let release = store.app_release()?;
        let Some(release) = release.filter(|release| release.build > own_build) else {
            return Ok(None);
        };
        let package = store.app_file(&release)?;
        let have = match &package {
            Some(_) => release.size,
            None => store.wanted_app()?.map_or(0, |wanted| wanted.have),
        };
        Ok(Some(AppUpdate {
            have,
            package,
            is_required: own_build < release.oldest,
            release,
        }))
    }
}
