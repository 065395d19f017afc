//! Temporary files of requests: without a name, so that every way out removes them, also the end of the process.

use std::{
    fs::File,
    path::{Path, PathBuf},
    sync::OnceLock,
};
use tokio::sync::Semaphore;

/// Where temporary files are made, and how many grids arrive or are checked at the same time.
pub struct Scratch {
    folder: OnceLock<PathBuf>,
    /// One grid arrives at a time.
    pub(crate) receiving: Semaphore,
    /// One grid is checked at a time: its cells take a multiple of the file's size.
    pub(crate) checking: Semaphore,
}

impl Default for Scratch {
    fn default() -> Self {
        Self {
            folder: OnceLock::new(),
            receiving: Semaphore::new(1),
            checking: Semaphore::new(1),
        }
    }
}

impl Scratch {
    /// Sets the folder, which exists: the data folder of this server. Later calls change nothing.
    pub fn set_folder(&self, folder: &Path) {
        let _ = self.folder.set(folder.to_owned());
    }

    /// A file without a name in the folder, or in that of the system if none was set.
    pub(crate) fn file(&self) -> std::io::Result<File> {
        match self.folder.get() {
            Some(folder) => tempfile::tempfile_in(folder),
            None => tempfile::tempfile(),
        }
    }
}
