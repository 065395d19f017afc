//! Resumable upload of photos: tus 1.0.0 with creation, creation-with-upload, checksum, expiration and
//! termination.
//!
//! An upload belongs to a photo that an entry in custody of the same stream names; `Upload-Metadata` says which
//! by `sha256`. Each PATCH becomes a staging object ordered by the upload's rows, so any replica can go on
//! with it; what had arrived when a connection broke is kept. The final hash decides, and the receipt for the
//! photo travels in the header `xunge-photo-receipt`, again with every later HEAD.
//!
//! Staff send attachments the same way, with any client: `attachment` and `attachment_row`. Nobody named those bytes
//! before, so they are held to the hash only when the client names one; the header `xunge-attachment` says what arrived.
//!
//! * `wire`: headers read and written. `upload`: rows. `receive`: a body becomes a part.
//! * `finish`: parts become a photo. `handlers`: the routes. [`sweep`]: uploads that nobody went on with.

mod attachment;
mod attachment_row;
mod finish;
mod handlers;
mod receive;
pub(crate) mod sweep;
mod upload;
mod wire;

pub(super) use attachment::{
    __path_begin, __path_give_up, __path_go_on, __path_instead, __path_look, __path_speak, begin, give_up,
    go_on, instead, look, speak,
};
pub(super) use handlers::{
    __path_create, __path_head, __path_options, __path_overridden, __path_patch, __path_terminate, create,
    head, options, overridden, patch, terminate,
};
