//! Why a photo was refused: one variant for each reason that a person can act on, each with a stable dotted code.

/// Why bytes did not become a [`PreparedPhoto`](crate::PreparedPhoto).
///
/// [`code`](Self::code) is the stable contract with callers and translations; the message is for logs and people and
/// may change.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MediaError {
    /// The file is empty: the camera or the file system produced no bytes.
    #[error("the photo is empty (0 bytes)")]
    Empty,
    /// The file is longer than [`PhotoLimits::max_bytes`](crate::PhotoLimits::max_bytes).
    #[error("the photo has {bytes} bytes, at most {max} are accepted")]
    TooLarge {
        /// Length of the file.
        bytes: u64,
        /// The limit that it exceeds.
        max: u64,
    },
    /// The header states more pixels, or a longer side, than the limits allow. Nothing was decoded.
    #[error(
        "the photo is {width} x {height} pixels; at most {max_pixels} pixels and {max_side} a side are accepted"
    )]
    TooManyPixels {
        /// Width according to the header.
        width: u32,
        /// Height according to the header.
        height: u32,
        /// Limit on width times height.
        max_pixels: u64,
        /// Limit on either side.
        max_side: u32,
    },
    /// The picture is of a kind that must be held in memory as a whole (progressive, CMYK, interlaced), and too large
    /// for that. The same picture as an ordinary camera writes it would be accepted.
    #[error(
        "a photo of {width} x {height} pixels that is stored in this way is not accepted above {max_pixels} pixels"
    )]
    TooLargeAsAWhole {
        /// Width according to the header.
        width: u32,
        /// Height according to the header.
        height: u32,
        /// Limit on width times height.
        max_pixels: u64,
    },
    /// The source of the bytes failed; says nothing about the photo.
    #[error("the photo cannot be read: {detail}")]
    Unreadable {
        /// The error of the source.
        detail: String,
    },
    /// The bytes do not begin like any known picture format.
    #[error("the file is not a picture")]
    NotAnImage,
    /// The file ends before its picture: an interrupted copy or a full disk.
    #[error("the photo is cut off: the file ends before the picture does")]
    CutOff,
    /// A picture in a format that is not accepted. Only JPEG and PNG are.
    #[error("{format} is not accepted, only JPEG and PNG are")]
    UnsupportedFormat {
        /// The format of the file, e.g. `HEIC`.
        format: &'static str,
    },
    /// The file has the structure of a picture, but its contents contradict themselves.
    #[error("the photo is damaged: {detail}")]
    Corrupt {
        /// The decoder's error; for logs.
        detail: String,
    },
    /// The picture is too small for a complete, legible stamp; a stamp is never truncated.
    #[error("the photo is too small ({width} x {height} after scaling) to carry its stamp legibly")]
    TooSmall {
        /// Width after scaling.
        width: u32,
        /// Height after scaling.
        height: u32,
    },
    /// A part of this crate failed (font, scaler, encoder); not caused by the photo.
    #[error("the photo could not be prepared: {detail}")]
    Internal {
        /// The part that failed, and how.
        detail: String,
    },
}

impl MediaError {
    /// Every code that [`code`](Self::code) can return.
    pub const CODES: [&'static str; 10] = [
        "photo.empty",
        "photo.too_large",
        "photo.too_many_pixels",
        "photo.not_an_image",
        "photo.cut_off",
        "photo.unsupported_format",
        "photo.corrupt",
        "photo.too_small",
        "photo.internal",
        "photo.unreadable",
    ];

    /// Returns the stable code of this reason. Codes are never renamed; new ones may be added.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Empty => "photo.empty",
            Self::TooLarge { .. } => "photo.too_large",
            Self::TooManyPixels { .. } | Self::TooLargeAsAWhole { .. } => "photo.too_many_pixels",
            Self::Unreadable { .. } => "photo.unreadable",
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

    pub(crate) fn unreadable(error: &std::io::Error) -> Self {
        Self::Unreadable {
            detail: error.to_string(),
        }
    }

    pub(crate) fn internal(detail: impl Into<String>) -> Self {
        Self::Internal {
            detail: detail.into(),
        }
    }
}
