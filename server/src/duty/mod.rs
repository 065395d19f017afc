//! Filled by its room.

/// The routes of this room.
pub fn routes(app: &crate::app::App) -> crate::http::operation::Operations {
    crate::http::operation::Operations::new(app)
}
