//! Network rules, data use and storage of the phone.

use crate::{
    handset::Handset,
    words::{Words, both},
};
use terminal_core::{
    live,
    store::{NetworkSettings, StorageUse},
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

calls! { self: Handset,
    network_settings() -> NetworkSettings = self.core.store().network_settings()?;
    set_network_settings(settings: NetworkSettings) -> () = self.core.set_network_settings(&settings)?;
    data_use() -> DataUse = self.core.data_use()?.into();
    storage() -> StorageUse = self.core.storage()?;
}
