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

pub(super) mod attachment;
mod attachment_row;
mod expiry;
mod finish;
pub(super) mod handlers;
mod receive;
pub(crate) mod sweep;
mod upload;
mod wire;
