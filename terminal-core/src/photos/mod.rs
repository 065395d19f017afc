//! Photos on the handset: checked, stamped, sealed and durable.

pub(crate) mod error;
pub(crate) mod folder;
pub(crate) mod sealed;
pub(crate) mod stamp;

pub use error::PhotoError;
pub use folder::{PhotoFolder, PhotoSource, TakenPhoto};
pub use media::SpareFont;
pub use protocol::photo::PhotoOrigin;
pub use sealed::{FileKey, OpenedPhoto, PREFIX, SealedContent, SealedError, seal};
pub use stamp::{StampPlace, stamp};
