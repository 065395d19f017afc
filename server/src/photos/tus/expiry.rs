//! How long uploads are remembered, and the removal of staging objects that no row names.

use crate::app::state::App;

/// How long a row outlives its upload.
pub(super) const REMEMBERED_MS: i64 = 7 * 86_400_000;

/// Uploads that one sweep looks at.
pub(super) const AT_ONCE: i64 = 100;

/// Removes the objects of dropped parts, those only: beside them may lie what is just arriving. What stays in the folder
/// goes with the upload's row.
pub(super) async fn discard_all(app: &App, objects: &[String]) {
    for object in objects {
        app.blobs.discard(object).await;
    }
}
