//! The store: one encrypted database per account. What it returned as saved is saved.
//!
//! [`HandsetStore`] opens the database; the other files add the functions for one table or purpose each.

pub(crate) mod account;
pub(crate) mod app_file;
mod asked;
pub(crate) mod cancel;
pub(crate) mod card;
pub(crate) mod changes;
pub(crate) mod clock;
pub(crate) mod connect;
pub(crate) mod data_use;
pub(crate) mod database;
pub(crate) mod drafts;
pub(crate) mod files;
mod grid_file;
mod grid_offer;
pub(crate) mod handed_over;
pub(crate) mod history;
pub(crate) mod item_pages;
pub(crate) mod items;
pub(crate) mod last_fix;
pub(crate) mod lookups;
mod made;
pub(crate) mod mailbox;
pub(crate) mod mark;
pub(crate) mod matter_use;
pub(crate) mod network_settings;
pub(crate) mod offer;
mod pack_file;
pub(crate) mod pending;
mod phone;
pub(crate) mod planted;
mod planted_items;
mod proxy_limits;
pub(crate) mod prune;
pub(crate) mod quarantine;
mod readers;
pub(crate) mod recover;
pub(crate) mod reference_photos;
mod reserve;
pub(crate) mod retry;
pub(crate) mod schema;
pub(crate) mod seen_tasks;
pub(crate) mod settings;
pub(crate) mod sizes;
pub(crate) mod sql;
pub(crate) mod submit;
#[cfg(feature = "testing")]
pub mod testing;
#[cfg(test)]
mod tests;
mod unnamed_photos;
pub(crate) mod uploads;

pub use account::Account;
pub use cancel::Cancelled;
pub use changes::HandsetChange;
pub use data_use::{PlanMonth, TrafficKind, TrafficUse};
pub use database::{HandsetStore, SyncGuard};
pub use drafts::SavedDraft;
pub use files::{ReferenceFile, WantedFile};
pub use handed_over::HandedOver;
pub use item_pages::ItemSelection;
pub use items::{Custody, Item, NewEntry, PhotoItem};
pub use last_fix::LastFix;
pub use mailbox::MailboxEntry;
pub use network_settings::NetworkSettings;
pub use offer::{Accepted, Queued, RefusedElement};
pub use pending::{PendingEntry, PendingPhoto, PendingWork};
pub use quarantine::quarantined_databases;
pub use retry::{LONGEST_WAIT, Retry, SyncStep};
pub use sizes::StorageUse;
pub use uploads::PhotoUpload;
