//! Grids: import, and the reference files that handsets fetch. The loaded packs of the versions in force are in
//! [`crate::app::grid_packs`].
//!
//! A grid is imported by one function ([`import`]). A version is immutable; a newer version of a county replaces the
//! older one in force. Each replica reads the same rows and loads new versions ([`watch`]).
//!
//! * [`import`]: GeoJSON or pack to rows and object. `gate`: what it changes. `upload`: its body, streamed to the disk.
//!   [`place`]: the cell of a named place.
//! * [`reference`]: the signed manifest and its files. [`second`]: the smaller pack of a grid. [`release`]: the newest app, which it names. `routes`: the operations.

mod gate;
pub mod import;
mod map;
pub mod place;
pub mod reference;
pub mod release;
pub(crate) mod routes;
pub mod second;
mod upload;
pub mod watch;

pub use gate::{GridComparison, OutlineComparison};
pub use import::{GridImport, GridInput, ImportWishes, ImportedGrid, import, import_as};
pub use reference::publish;
