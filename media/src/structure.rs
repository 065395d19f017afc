//! The result of the walk over a file's segments or chunks.

/// A file's structure, walked once; used by [`inspect`](crate::inspect) and [`prepare`](crate::prepare).
pub(crate) struct Structure {
    pub width: u32,
    pub height: u32,
    /// The raw EXIF block (TIFF), if there is one.
    pub exif: Option<Vec<u8>>,
    /// True if there are stray bytes between segments: readable, but a strict decoder would refuse them.
    pub padded: bool,
    /// End of a baseline JPEG's compressed pixels.
    pub pixels_end: Option<usize>,
    /// True if the picture can only be decoded as a whole (a progressive JPEG, an interlaced PNG).
    pub whole: bool,
}
