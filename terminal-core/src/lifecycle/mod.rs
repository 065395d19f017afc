//! The life of a home: enrol, open, several users, salvage, export, wipe.

pub(crate) mod close;
pub(crate) mod enrol;
pub(crate) mod export;
pub(crate) mod handset;
pub(crate) mod open;
pub mod salvage;
pub(crate) mod users;
pub(crate) mod wipe;

pub use enrol::{InvitationPreview, enrol};
pub use export::ExportProgress;
pub use handset::{Handset, SalvageOutcome, SalvagedHome};
pub use open::KeyFiles;
pub use users::{HandsetUser, HomeCondition, OtherUsers, UsersWork};
