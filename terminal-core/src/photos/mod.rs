//! Photos on the handset: checked, stamped, sealed and durable.

pub(crate) mod error;
pub(crate) mod folder;
pub(crate) mod sealed;
pub(crate) mod stamp;

pub use error::PhotoError;
pub use folder::{PhotoFolder, Source, Taken};
pub use sealed::{Content, FileKey, Opened, PREFIX, SealedError, seal};
pub use stamp::{StampPlace, stamp};
