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
//! In a folder, the server appends the body of each PATCH to one staging file, which it syncs once; the row of the part
//! says how many of its bytes are synced, so that any replica can continue the upload. With its last byte a photo is hashed
//! and examined, and the same file gets the final name. In another store (S3) a body becomes a staging object for each
//! 512 KiB, and the objects are assembled at the end. The rows of an upload may name any number of files and objects:
//! also those of earlier versions of this program, and a second file if two requests appended at once. If the connection
//! breaks, the bytes that arrived are kept. A body of at most 512 KiB that completes the upload by itself is stored under
//! its final name without staging. The final hash decides whether the upload is accepted. Every later HEAD returns the
//! result again.
//!
//! * `wire`: reads and writes headers. `owner`: the differences between the owners. `tables`: statements on either pair
//!   of tables. `upload`: the row of an upload.
//! * `incoming`: a body as it arrives. `receive`: takes it for an upload (`target`). `spool`: stores it as a part (`parts`).
//! * `examine`: whether the bytes are the announced picture. `finish`: turns the parts into a photo or an attachment.
//!   `reject`: refused bytes. `held`: the receipt for the owner. `lost`: photos whose object is missing.
//! * `ahead`: what the handlers read with the token. `handlers`: the operations for either owner. `field_routes`, `staff_routes`: their routes. [`sweep`]: uploads that
//!   nobody continued.

pub(super) mod ahead;
mod examine;
pub(super) mod field_routes;
mod finish;
mod handlers;
mod held;
mod incoming;
mod lost;
mod owner;
mod parts;
mod receive;
mod reject;
mod spool;
pub(super) mod staff_routes;
pub(crate) mod sweep;
mod tables;
mod target;
mod upload;
mod wire;
