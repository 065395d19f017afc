//! Resumable upload: tus 1.0.0 with creation, creation-with-upload, checksum, expiration and termination.
//!
//! Photos of terminals and attachments of staff use the same code; [`owner::Owner`] distinguishes them.
//!
//! | | photo | attachment |
//! |---|---|---|
//! | owner | a stream | a person |
//! | what may be sent | a photo that an entry in custody of the same stream names | any picture |
//! | `sha256` in `Upload-Metadata` | required | optional; if given, only these bytes are accepted |
//! | tables | `upload`, `upload_part` | `attachment_upload`, `attachment_part` |
//! | result | the photo is marked as received | a row in `attachment` |
//! | header with the result | `xunge-photo-receipt` | `xunge-attachment` |
//!
//! The server stores the body of a PATCH as staging objects of at most 128 KiB each, ordered by the rows of the upload,
//! so that any replica can continue the upload. If the connection breaks, the bytes that arrived are kept. A body of at
//! most 512 KiB that completes the upload by itself is stored under its final name without staging objects. The final
//! hash decides whether the upload is accepted. Every later HEAD returns the result again.
//!
//! * `wire`: reads and writes headers. `owner`: the differences between the owners. `tables`: statements on either pair
//!   of tables. `upload`: the row of an upload.
//! * `receive`: stores a body as parts. `finish`: turns the parts into a photo or an attachment. `held`: the receipt
//!   for the owner. `lost`: photos whose object is missing.
//! * `handlers`: the operations for either owner. `field_routes`, `staff_routes`: their routes. [`sweep`]: uploads that
//!   nobody continued.

pub(super) mod field_routes;
mod finish;
mod handlers;
mod held;
mod lost;
mod owner;
mod receive;
pub(super) mod staff_routes;
pub(crate) mod sweep;
mod tables;
mod upload;
mod wire;
