//! How the bytes of photos are read for sending.

/// Why a photo's bytes could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PhotoFileError {
    /// `photo.file_missing`
    #[error("the photo's file is not there")]
    Missing,
    /// `photo.file_damaged`: it does not open with its key, or is shorter than recorded.
    #[error("the photo's file is damaged")]
    Damaged,
    /// `photo.file_unreadable`: may pass later.
    #[error("the photo's file could not be read: {0}")]
    Unreadable(String),
}

/// Reads prepared photos, which are sealed on disk.
pub trait PhotoFiles: Send + Sync {
    /// The plain bytes `offset .. offset + len` of the photo stored under `file`; exactly `len` bytes.
    fn read(&self, file: &str, offset: u64, len: u64) -> Result<Vec<u8>, PhotoFileError>;
}
