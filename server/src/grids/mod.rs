//! Grids: how they come in, and the files that handsets fetch. The packs in force are in
//! [`crate::app::grid_packs`].
//!
//! A grid comes in through one gate ([`import`]): the checker's, or a pack's own. Its version is immutable; a newer
//! version of a county takes the older one's place. All replicas read the same rows and load what is new ([`watch`]).
//!
//! * [`import`]: GeoJSON or pack to rows and object. [`place`]: the cell of a place that somebody names.
//! * [`reference`]: the signed manifest and its files. `routes`: the operations.

pub mod import;
mod map;
pub mod place;
pub mod reference;
pub(crate) mod routes;
pub mod watch;

pub use import::{Imported, import};
pub use reference::publish;
