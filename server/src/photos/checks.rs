//! What this deployment takes as a photo, and the code for what it does not take.

use crate::{app::state::App, kernel::failure::Failure};
use protocol::problem::ProblemCode;

/// Why the pipeline takes some bytes for no photo.
pub(crate) fn not_a_photo(error: &media::MediaError) -> Failure {
    use media::MediaError as E;
    let code = match error {
        E::Empty => ProblemCode::PhotoEmpty,
        E::TooLarge { .. } => ProblemCode::PhotoSize,
        E::TooManyPixels { .. } => ProblemCode::PhotoPixels,
        E::CutOff => ProblemCode::PhotoCutOff,
        E::NotAnImage | E::UnsupportedFormat { .. } | E::Corrupt { .. } | E::TooSmall { .. } => {
            ProblemCode::PhotoNotImage
        }
        E::Internal { .. } => ProblemCode::Internal,
    };
    Failure::because(code, error.to_string())
}

/// What this deployment takes as a picture.
pub(crate) fn limits(app: &App) -> media::PhotoLimits {
    media::PhotoLimits {
        max_bytes: app.settings.photo_bytes,
        max_pixels: app.settings.photo_pixels,
        ..media::PhotoLimits::default()
    }
}
