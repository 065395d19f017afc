//! Network rules, data use and storage of the phone.

use crate::{
    handset::Handset,
    words::{Words, both},
};
use terminal_core::{
    live,
    protocol::{entry::Reason, photo::Sha256},
    store::{NetworkSettings, StorageUse},
    work,
};

/// The rules for networks belong to the phone, see `terminal_core::store::NetworkSettings`. Unit of the budget: megabytes
/// in a month, null for no limit.
#[uniffi::remote(Record)]
pub struct NetworkSettings {
    pub sync: bool,
    pub wifi_only_photos: bool,
    pub wifi_only_files: bool,
    pub wifi_only_all: bool,
    pub roaming: bool,
    pub budget_mb: Option<u32>,
    pub poll_minutes: u32,
}

/// What this user takes on the disk. Unit: bytes.
#[uniffi::remote(Record)]
pub struct StorageUse {
    pub database: u64,
    pub reference: u64,
    pub grid: u64,
    /// Only this handset holds them.
    pub photos_waiting: u64,
    /// The server holds them, too.
    pub photos_kept: u64,
}

record! {
    /// Bytes on metered networks in the month of the plan.
    DataUse from live::DataUse as data {
        words: Words = both(|lang| data.words(lang)),
        is_used_up: bool = data.is_used_up(),
        month: String = data.month.to_string(),
        metered: u64 = data.metered,
        budget: Option<u64> = data.budget,
    }
}

record! {
    /// A newer app that the server names. Unit of sizes: bytes. See `terminal_core::work::AppUpdate`.
    AppUpdate from work::AppUpdate as update {
        version: String = update.release.version,
        build: u32 = update.release.build,
        size: u64 = update.release.size,
        have: u64 = update.have,
        /// SHA-256 of the certificate that must have signed the package.
        signer: Sha256 = update.release.signer,
        /// The path of the package, once it is complete and its hash was checked.
        package: Option<String> = update.package.map(|path| path.display().to_string()),
        /// The server does not serve this build any longer.
        is_required: bool = update.is_required,
    }
}

calls! { self: Handset,
    /// The newer app, if there is one; syncs fetch it where traffic costs nothing. `own_build` is the app's own
    /// `versionCode`.
    app_update(own_build: u32) -> Option<AppUpdate> = self.core.app_update(own_build)?.map(Into::into);
    /// Why photos, or everything, would have to wait now; null if nothing would.
    held_back() -> Option<Reason> = live::held_reason(&self.core, &self.around)?;
    network_settings() -> NetworkSettings = self.core.store().network_settings()?;
    set_network_settings(settings: NetworkSettings) -> () = self.core.set_network_settings(&settings)?;
    data_use() -> DataUse = self.core.data_use()?.into();
    storage() -> StorageUse = self.core.storage()?;
}
