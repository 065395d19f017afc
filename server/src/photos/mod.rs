//! Photos that arrive by tus, and attachments of staff. The bytes are in the object store ([`crate::app::objects`]);
//! this module writes the tables `photo`, `upload`, `attachment` and their parts.
//!
//! * `receipts`: photos that entries name, and the receipts of those that come in parcels. `tus`: resumable upload (tus 1.0.0). `attachments`: pictures
//!   of staff. [`checks`]: which bytes are accepted as a photo.
//! * [`view`]: photos as staff see them. `routes`: the operations.

mod attachments;
pub mod checks;
pub(crate) mod receipts;
pub(crate) mod routes;
pub(crate) mod tus;
pub mod view;

pub use attachments::Attached;
pub use tus::sweep::sweep;
