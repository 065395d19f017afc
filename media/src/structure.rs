//! What the walk over a file's segments or chunks finds.

/// A file's structure, walked once; what both [`inspect`] and [`prepare`] stand on.
pub(crate) struct Structure<'a> {
    pub width: u32,
    pub height: u32,
    /// The raw EXIF block (TIFF), if there is one.
    pub exif: Option<&'a [u8]>,
    /// Stray bytes between segments: legal enough to be read, but a strict decoder would refuse them.
    pub padded: bool,
    /// Where a baseline JPEG's compressed pixels end.
    pub pixels_end: Option<usize>,
}
