//! Why a photo was refused: one variant per reason a person can act on, each with a stable dotted code.

/// Why bytes did not become a [`PreparedPhoto`](crate::PreparedPhoto) photo.
///
/// [`code`](Self::code) is the contract with callers and translations; the message is for logs and people and may change.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MediaError {
    /// There are no bytes at all: the camera or the file system gave an empty file.
    #[error("the photo is empty (0 bytes)")]
    Empty,
    /// The file is longer than [`PhotoLimits::max_bytes`](crate::PhotoLimits::max_bytes).
    #[error("the photo has {bytes} bytes, at most {max} are taken")]
    TooLarge {
        /// Length of the file.
        bytes: u64,
        /// The limit it broke.
        max: u64,
    },
    /// The header promises more pixels, or a longer side, than the limits allow. Nothing was decoded.
    #[error(
        "the photo is {width} x {height} pixels; at most {max_pixels} pixels and {max_side} a side are taken"
    )]
    TooManyPixels {
        /// Width the header promises.
        width: u32,
        /// Height the header promises.
        height: u32,
        /// Limit on width times height.
        max_pixels: u64,
        /// Limit on either side.
        max_side: u32,
    },
    /// The bytes begin like no picture format known here.
    #[error("the file is not a picture")]
    NotAnImage,
    /// The file ends before its picture does: an interrupted copy or a full disk.
    #[error("the photo is cut off: the file ends before the picture does")]
    CutOff,
    /// A picture, but of a kind that is not taken. Only JPEG and PNG are.
    #[error("{format} is not taken, only JPEG and PNG are")]
    UnsupportedFormat {
        /// What the file is, e.g. `HEIC`.
        format: &'static str,
    },
    /// The file has the form of a picture, but its contents contradict themselves.
    #[error("the photo is damaged: {detail}")]
    Corrupt {
        /// What the decoder stumbled over; for logs.
        detail: String,
    },
    /// The picture is too small to carry its stamp legibly and whole, and a stamp is never cut.
    #[error("the photo is too small ({width} x {height} after scaling) to carry its stamp legibly")]
    TooSmall {
        /// Width after scaling.
        width: u32,
        /// Height after scaling.
        height: u32,
    },
    /// A part of this crate itself failed (font, scaler, encoder); never the photo's fault.
    #[error("the photo could not be prepared: {detail}")]
    Internal {
        /// Which part failed and how.
        detail: String,
    },
}

impl MediaError {
    /// Every code that [`code`](Self::code) can return.
    pub const CODES: [&'static str; 9] = [
        "photo.empty",
        "photo.too_large",
        "photo.too_many_pixels",
        "photo.not_an_image",
        "photo.cut_off",
        "photo.unsupported_format",
        "photo.corrupt",
        "photo.too_small",
        "photo.internal",
    ];

    /// The stable code of this reason. Codes are never renamed; new ones may be added.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Empty => "photo.empty",
            Self::TooLarge { .. } => "photo.too_large",
            Self::TooManyPixels { .. } => "photo.too_many_pixels",
            Self::NotAnImage => "photo.not_an_image",
            Self::CutOff => "photo.cut_off",
            Self::UnsupportedFormat { .. } => "photo.unsupported_format",
            Self::Corrupt { .. } => "photo.corrupt",
            Self::TooSmall { .. } => "photo.too_small",
            Self::Internal { .. } => "photo.internal",
        }
    }

    pub(crate) fn corrupt(detail: impl Into<String>) -> Self {
        Self::Corrupt {
            detail: detail.into(),
        }
    }

    pub(crate) fn internal(detail: impl Into<String>) -> Self {
        Self::Internal {
            detail: detail.into(),
        }
    }
}
