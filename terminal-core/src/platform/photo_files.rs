//! How the bytes of photos are read for sending.

/// Why the bytes of a photo could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PhotoFileError {
    /// `photo.file_missing`
    #[error("the photo's file is not there")]
    Missing,
    /// `photo.file_damaged`: authentication failed, or the file is shorter than recorded.
    #[error("the photo file on this handset is damaged; take the photo again or contact the administrator")]
    Damaged,
    /// `photo.file_unreadable`: a later try may succeed.
    #[error("the photo's file could not be read: {0}")]
    Unreadable(String),
}

/// Reads the plain bytes of sealed photos.
pub trait PhotoFiles: Send + Sync {
    /// Returns exactly the plain bytes `offset .. offset + len` of the photo stored as `file`.
    fn read(&self, file: &str, offset: u64, len: u64) -> Result<Vec<u8>, PhotoFileError>;
}
