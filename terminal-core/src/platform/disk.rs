//! The disk that the handset keeps its data on.

use std::{
    io::{self, Read, Seek},
    path::Path,
};

/// The disk that the handset's database, sealed photos and locks lie on. What it promises is what a journalling
/// file system promises: bytes are durable after a sync of their file, names after a sync of their folder.
/// In production [`crate::platform::system_disk::SystemDisk`].
pub trait Disk: Send + Sync {
    /// The SQLite VFS that databases are opened on; `None` is the system's own.
    fn vfs(&self) -> Option<&str> {
        None
    }
    /// Databases lie here without encryption: a simulation of many days has no time for it in each of them.
    #[cfg(feature = "testing")]
    fn is_plain(&self) -> bool {
        false
    }
    /// Whether there is a file or folder of this name.
    fn exists(&self, path: &Path) -> bool;
    /// Makes the folder and those above it, where they are missing.
    fn create_dir_all(&self, path: &Path) -> io::Result<()>;
    /// Opens a file to read.
    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;
    /// Makes a file that was not there, for its owner alone, and syncs its bytes; its name is not durable yet.
    fn create_synced(&self, path: &Path, bytes: &[u8]) -> io::Result<()>;
    /// Gives a file another name, in place of what had it.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// The names in a folder, in no order.
    fn names(&self, folder: &Path) -> io::Result<Vec<String>>;
    /// Makes the names in a folder durable.
    fn sync_folder(&self, folder: &Path) -> io::Result<()>;
    /// Waits for the lock of this name. It ends with the value or with the process, however that dies.
    fn lock(&self, path: &Path) -> io::Result<DiskLock>;
    /// The lock of this name, unless somebody has it.
    fn try_lock(&self, path: &Path) -> io::Result<Option<DiskLock>>;
}

/// A file of a [`Disk`], to read.
pub trait DiskFile: Read + Seek + Send {}

impl<F: Read + Seek + Send> DiskFile for F {}

/// Holds a lock of a [`Disk`] until it is dropped.
pub type DiskLock = Box<dyn std::any::Any + Send + Sync>;
