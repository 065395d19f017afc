//! Resumable upload of photos: tus 1.0.0 with creation, creation-with-upload, checksum, expiration and
//! termination.
//!
//! An upload belongs to a photo that an entry in custody of the same stream names; `Upload-Metadata` says which
//! by `sha256`. Each PATCH becomes a staging object ordered by the upload's rows, so any replica can go on
//! with it; what had arrived when a connection broke is kept. The final hash decides, and the receipt for the
//! photo travels in the header `xunge-photo-receipt`, again with every later HEAD.
//!
//! * `wire`: headers read and written. `upload`: rows. `receive`: a body becomes a part.
//! * `finish`: parts become a photo. `handlers`: the routes. [`sweep`]: uploads that nobody went on with.

mod finish;
mod handlers;
mod receive;
mod sweep;
mod upload;
mod wire;

pub(super) use handlers::{
    __path_create, __path_head, __path_options, __path_overridden, __path_patch, __path_terminate, create,
    head, options, overridden, patch, terminate,
};
pub use sweep::{sweep, watch};
