//! The disk of the operating system.

use crate::platform::disk::{Disk, DiskFile, DiskLock};
use std::{
    fs,
    io::{self, Write as _},
    path::Path,
};

/// Files and folders of the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemDisk;

impl Disk for SystemDisk {
    fn exists(&self, path: &Path) -> bool {
        path.exists()
    }
    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        fs::create_dir_all(path)
    }
    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(fs::File::open(path)?))
    }
    fn create_synced(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut options = fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }
    fn names(&self, folder: &Path) -> io::Result<Vec<String>> {
        let names = fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name().into_string().ok()));
        // The core never writes names that are not UTF-8.
        names.filter_map(Result::transpose).collect()
    }
    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        // Unix can open and sync a folder; elsewhere the durability of a rename depends on the system.
        #[cfg(unix)]
        fs::File::open(folder)?.sync_all()?;
        #[cfg(not(unix))]
        let _ = folder;
        Ok(())
    }
    fn lock(&self, path: &Path) -> io::Result<DiskLock> {
        let file = lock_file(path)?;
        file.lock()?;
        Ok(Box::new(file))
    }
    fn try_lock(&self, path: &Path) -> io::Result<Option<DiskLock>> {
        let file = lock_file(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Box::new(file))),
            Err(fs::TryLockError::WouldBlock) => Ok(None),
            Err(fs::TryLockError::Error(error)) => Err(error),
        }
    }
}

fn lock_file(path: &Path) -> io::Result<fs::File> {
    let mut options = fs::OpenOptions::new();
    options.create(true).truncate(false).write(true).open(path)
}
