//! Bytes: photos that arrive by tus, staff attachments, reference files. They lie in an object store (a folder
//! by default) under names that say whose they are.

use object_store::ObjectStore;
use std::sync::Arc;

/// The object store.
#[derive(Clone)]
pub struct Blobs {
    pub(crate) objects: Arc<dyn ObjectStore>,
}

impl Blobs {
    pub fn new(objects: Arc<dyn ObjectStore>) -> Self {
        Self { objects }
    }
}

/// The routes of this room.
pub fn routes(app: &crate::app::App) -> crate::http::operation::Operations {
    crate::http::operation::Operations::new(app)
}
