//! The limits for photos of this deployment, and the code for refused bytes.

use crate::{app::state::App, kernel::failure::Failure};
use protocol::problem::ProblemCode;

/// Maps the reason why the pipeline refused the bytes to a failure.
pub(crate) fn not_a_photo(error: &media::MediaError) -> Failure {
    use media::MediaError as E;
    let code = match error {
        E::Empty => ProblemCode::PhotoEmpty,
        E::TooLarge { .. } => ProblemCode::PhotoSize,
        E::TooManyPixels { .. } | E::TooLargeAsAWhole { .. } => ProblemCode::PhotoPixels,
        E::CutOff => ProblemCode::PhotoCutOff,
        E::NotAnImage | E::UnsupportedFormat { .. } | E::Corrupt { .. } | E::TooSmall { .. } => {
            ProblemCode::PhotoNotImage
        }
        E::Unreadable { .. } | E::Internal { .. } => ProblemCode::Internal,
    };
    Failure::because(code, error.to_string())
}

/// Returns the limits for pictures of this deployment.
pub(crate) fn limits(app: &App) -> media::PhotoLimits {
    media::PhotoLimits {
        max_bytes: app.settings.photo_bytes,
        max_pixels: app.settings.photo_pixels,
        ..media::PhotoLimits::default()
    }
}
