//! The disk that the handset keeps its data on.

use std::{
    io::{self, Read, Seek},
    path::Path,
};

/// The disk that holds the database, the sealed photos and the locks. It must behave like a journalling file
/// system: bytes are durable after a sync of their file, names after a sync of their folder. In production
/// [`crate::platform::system_disk::SystemDisk`].
pub trait Disk: Send + Sync {
    /// The SQLite VFS for databases; `None` for the default.
    fn vfs(&self) -> Option<&str> {
        None
    }
    /// Databases on this disk are not encrypted. Only the simulator returns true, because encrypting each of
    /// its many databases takes too long. The method does not exist in product builds.
    #[cfg(feature = "testing")]
    fn is_plain(&self) -> bool {
        false
    }
    /// Returns true if a file or folder of this name exists.
    fn exists(&self, path: &Path) -> bool;
    /// Creates the folder and its missing parents.
    fn create_dir_all(&self, path: &Path) -> io::Result<()>;
    /// Opens a file for reading.
    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;
    /// Creates a new file that only its owner can read, and syncs its bytes. Fails if the file exists. The
    /// name is not durable until the folder is synced.
    fn create_synced(&self, path: &Path, bytes: &[u8]) -> io::Result<()>;
    /// Renames a file; an existing target is replaced.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// The names in a folder, in no particular order.
    fn names(&self, folder: &Path) -> io::Result<Vec<String>>;
    /// Makes the names in a folder durable.
    fn sync_folder(&self, folder: &Path) -> io::Result<()>;
    /// Waits for the lock with this name. The lock ends when the value is dropped or the process ends.
    fn lock(&self, path: &Path) -> io::Result<DiskLock>;
    /// Takes the lock with this name, or returns `None` if it is held.
    fn try_lock(&self, path: &Path) -> io::Result<Option<DiskLock>>;
}

/// A file of a [`Disk`], opened for reading.
pub trait DiskFile: Read + Seek + Send {}

impl<F: Read + Seek + Send> DiskFile for F {}

/// Holds a lock of a [`Disk`] until it is dropped.
pub type DiskLock = Box<dyn std::any::Any + Send + Sync>;
