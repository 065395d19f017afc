//! The file of SQLite's write-ahead log, as far as it is synced outside SQLite.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::store::options::Options;

/// The log that one connection of the writer appends to.
pub(super) enum WriteAheadLog {
    File {
        path: PathBuf,
        opened: OnceLock<File>,
    },
    Simulated {
        path: PathBuf,
        disk: crate::store::options::SimulatedDisk,
    },
}

impl WriteAheadLog {
    pub(super) fn of(database: &Path, options: &Options) -> Self {
        let mut path = database.as_os_str().to_owned();
        path.push("-wal");
        let path = PathBuf::from(path);
        match &options.disk {
            Some(disk) => Self::Simulated {
                path,
                disk: disk.clone(),
            },
            None => Self::File {
                path,
                opened: OnceLock::new(),
            },
        }
    }

    /// Returns once everything that was written to the log before the call is on the disk.
    pub(super) fn sync(&self) -> io::Result<()> {
        protocol::planted!(ServerSkipsSync => return Ok(()));
        match self {
            Self::Simulated { path, disk } => disk.sync(path),
            Self::File { path, opened } => match opened.get() {
                Some(file) => file.sync_data(),
                None => {
                    let file = File::open(path)?;
                    file.sync_data()?;
                    // SQLite may just have created the file, and its name has to last, too.
                    File::open(
                        path.parent()
                            .filter(|p| !p.as_os_str().is_empty())
                            .unwrap_or(Path::new(".")),
                    )?
                    .sync_all()?;
                    let _ = opened.set(file);
                    Ok(())
                }
            },
        }
    }
}
