//! Photos that arrive by tus, and attachments of staff. The bytes are in the object store ([`crate::app::objects`]);
//! this module writes the tables `photo`, `upload`, `attachment` and their parts, `picture` and `photo_doubt`.
//!
//! * [`shown`]: what is served of an attachment.
//! * `receipts`: photos that entries name, and the receipts of those that come in parcels. `tus`: resumable upload (tus 1.0.0). `attachments`: pictures
//!   of staff. [`checks`]: which bytes are accepted as a photo.
//! * [`doubts`]: photos that are old, from elsewhere, or used before; `alike` finds similar ones, `uses` who names them.
//! * [`view`]: photos as staff see them. `routes`: the operations.

pub(crate) mod alike;
mod attachments;
pub mod checks;
pub mod doubts;
pub(crate) mod receipts;
pub(crate) mod routes;
pub mod shown;
pub(crate) mod tus;
mod uses;
pub mod view;

pub use attachments::Attached;
pub use tus::sweep::sweep;
