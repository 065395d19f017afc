//! The files of an object folder: objects that are complete and synced when they appear, and staging files to which the
//! parts of an upload are appended. Everything here blocks; async code calls it on the threads for blocking work.
//!
//! The row of a part says how many bytes of its file are synced. Bytes after them were left by a request that ended
//! before its commit (its server was killed, for example), and the next part cuts them away. A request that appends holds
//! the lock of the file (`flock`, which all servers on a shared file system see) until its commit. A request that cannot
//! get the lock writes to another file, so two requests never write to the same bytes. The same happens on a file system
//! without locks.

use super::object_name::{ObjectFolder, ObjectName};
use crate::kernel::failure::Failure;
use std::{
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind, Read as _, Seek as _, SeekFrom, Write as _},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

/// Attempts to create a file whose folder another request deletes meanwhile, or whose temporary name is taken.
const ATTEMPTS: usize = 1000;

/// The object folder.
#[derive(Debug, Clone)]
pub(crate) struct ObjectFiles {
    root: Arc<Path>,
}

/// A staging file that is open to append to.
#[derive(Debug)]
pub(crate) struct StagingFile {
    /// Its lock is held until it is dropped.
    file: File,
    pub(crate) name: ObjectName,
    path: PathBuf,
    /// Length when it was opened, in bytes; all of them are synced.
    before: u64,
    /// Its entry in its folder may not be synced yet.
    is_new: bool,
}

/// The outcome of [`ObjectFiles::open`].
#[derive(Debug)]
pub(crate) enum OpenedStaging {
    /// The file holds the synced bytes and no others.
    Ready(StagingFile),
    /// The file holds more. If the row still states the same number of synced bytes, they belong to nobody:
    /// [`StagingFile::cut`]. Else another request has appended them.
    Longer(StagingFile),
    /// Not to be changed: another request is appending to it, the file system has no locks, or the file is an object by
    /// now ([`StagingFile::publish`]) although its upload does not say so yet.
    Taken,
    /// The file is missing, or holds fewer bytes than were synced.
    Lost,
}

impl ObjectFiles {
    pub(super) fn new(root: &Path) -> Self {
        Self { root: root.into() }
    }
    fn path(&self, name: &ObjectName) -> PathBuf {
        self.root.join(name.to_string())
    }

    /// Writes an object, replacing one of the same name. When this returns, it survives a power cut; until then the old
    /// one is there or none.
    pub(crate) fn put(&self, name: &ObjectName, bytes: &[u8]) -> io::Result<()> {
        let path = self.path(name);
        let (mut file, beside) = self.create_beside(&path)?;
        let written = file
            .write_all(bytes)
            .and_then(|()| file.sync_all())
            .and_then(|()| fs::rename(&beside, &path));
        if let Err(error) = written {
            let _ = fs::remove_file(&beside);
            return Err(error);
        }
        sync_folder_of(&path)
    }

    /// Reads an object into an empty buffer.
    pub(super) fn read(&self, name: &ObjectName, into: &mut Vec<u8>) -> io::Result<()> {
        File::open(self.path(name))?.read_to_end(into)?;
        Ok(())
    }

    /// A new file `path#N`. Names of this form are no objects.
    fn create_beside(&self, path: &Path) -> io::Result<(File, PathBuf)> {
        for number in 1..=ATTEMPTS {
            let mut beside = path.as_os_str().to_owned();
            beside.push(format!("#{number}"));
            let beside = PathBuf::from(beside);
            match self.create(&beside) {
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                created => return Ok((created?, beside)),
            }
        }
        Err(ErrorKind::AlreadyExists.into())
    }

    /// Creates a file, and its folders if they are missing; the folders are synced, the file's own entry is not.
    fn create(&self, path: &Path) -> io::Result<File> {
        for _ in 0..ATTEMPTS {
            match OpenOptions::new()
                .read(true)
                .write(true)
                .create_new(true)
                .open(path)
            {
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    self.create_folders(path.parent().unwrap_or(&self.root))?;
                }
                created => return created,
            }
        }
        Err(ErrorKind::NotFound.into())
    }

    fn create_folders(&self, folder: &Path) -> io::Result<()> {
        match fs::create_dir(folder) {
            Ok(()) => sync_folder_of(folder),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
            Err(error) if error.kind() == ErrorKind::NotFound && folder != &*self.root => {
                self.create_folders(folder.parent().unwrap_or(&self.root))?;
                match fs::create_dir(folder) {
                    Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
                    made => made.and_then(|()| sync_folder_of(folder)),
                }
            }
            Err(error) => Err(error),
        }
    }

    /// Creates a staging file of a name that nobody else knows before a row has it.
    pub(crate) fn begin(&self, name: &ObjectName) -> io::Result<StagingFile> {
        let path = self.path(name);
        let file = self.create(&path)?;
        // Fails only on a file system without locks, where nobody can open it to append.
        let _ = file.try_lock();
        Ok(StagingFile {
            file,
            name: *name,
            path,
            before: 0,
            is_new: true,
        })
    }

    /// Opens a staging file of which no byte counts, and creates it if it is missing.
    pub(crate) fn open_first(&self, name: &ObjectName) -> io::Result<OpenedStaging> {
        match self.create(&self.path(name)) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        // Two requests may find the file missing: the one that gets the lock appends, even if the other created it.
        let mut opened = self.open(name, 0)?;
        if let OpenedStaging::Ready(file) | OpenedStaging::Longer(file) = &mut opened {
            file.is_new = true;
        }
        Ok(opened)
    }

    /// Opens a staging file of which `synced` bytes count.
    pub(crate) fn open(&self, name: &ObjectName, synced: u64) -> io::Result<OpenedStaging> {
        let path = self.path(name);
        let file = match OpenOptions::new().read(true).write(true).open(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(OpenedStaging::Lost),
            opened => opened?,
        };
        if file.try_lock().is_err() {
            return Ok(OpenedStaging::Taken);
        }
        let about = file.metadata()?;
        let (length, is_published) = (about.len(), about.nlink() > 1);
        let file = StagingFile {
            file,
            name: *name,
            path,
            before: synced,
            is_new: false,
        };
        Ok(match length {
            _ if length < synced => OpenedStaging::Lost,
            _ if length > synced && is_published => OpenedStaging::Taken,
            _ if length > synced => OpenedStaging::Longer(file),
            _ => OpenedStaging::Ready(file),
        })
    }

    /// Deletes all files of a folder, and the folder.
    pub(super) fn remove_all(&self, folder: &ObjectFolder) -> io::Result<()> {
        if let ObjectFolder::Parts { upload } = folder {
            remove(&self.path(&ObjectName::Staging { upload: *upload }))?;
        }
        let folder = self.root.join(folder.to_string());
        let files = match fs::read_dir(&folder) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            files => files?,
        };
        for file in files {
            remove(&file?.path())?;
        }
        // Fails if a concurrent request has created another file.
        let _ = fs::remove_dir(&folder);
        Ok(())
    }
}

impl StagingFile {
    /// Appends bytes; they are not synced yet.
    pub(crate) fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.seek(SeekFrom::End(0))?;
        self.file.write_all(bytes)
    }
    /// When this returns, all bytes survive a power cut.
    pub(crate) fn sync(&self) -> io::Result<()> {
        self.file.sync_data()?;
        if self.is_new {
            sync_folder_of(&self.path)?;
        }
        Ok(())
    }
    /// Cuts away what was appended since the file was opened, and bytes that belonged to nobody before.
    pub(crate) fn cut(&self) -> io::Result<()> {
        self.file.set_len(self.before)
    }
    /// [`Self::cut`] when the appended bytes do not count. If this fails, the next part cuts them. Not after
    /// [`Self::publish`]: the object would be cut.
    pub(crate) fn undo(self) {
        if let Err(error) = self.cut() {
            tracing::warn!(%error, "bytes that do not count could not be cut off a staging file");
        }
    }
    /// Reads the first `length` bytes into an empty buffer.
    pub(crate) fn read(&mut self, length: u64, into: &mut Vec<u8>) -> io::Result<()> {
        into.reserve_exact(usize::try_from(length).unwrap_or(0));
        self.file.rewind()?;
        (&self.file).take(length).read_to_end(into)?;
        Ok(())
    }
    /// Gives the file, which is synced and holds exactly `bytes`, the name of an object. It keeps its old name too, until
    /// [`ObjectFiles::remove_all`]: a server that is killed before its commit can do this again.
    pub(crate) fn publish(&self, files: &ObjectFiles, name: &ObjectName, bytes: &[u8]) -> io::Result<()> {
        let path = files.path(name);
        let link = || fs::hard_link(&self.path, &path);
        let linked = match link() {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                files.create_folders(path.parent().unwrap_or(&files.root))?;
                link()
            }
            linked => linked,
        };
        match linked {
            Ok(()) => sync_folder_of(&path),
            Err(error) if is_full(&error) => Err(error),
            // An object of this name is there, or the file system has no links.
            Err(_) => files.put(name, bytes),
        }
    }
}

/// Deletes a file, if it is there.
fn remove(file: &Path) -> io::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

fn sync_folder_of(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

pub(super) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded)
}

/// The failure to answer with: `server.full` if the disk is full.
pub(crate) fn failed(error: io::Error) -> Failure {
    Failure::from(object_store::Error::Generic {
        store: "folder",
        source: Box::new(error),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::{
        ids::{StreamId, UploadId},
        photo::Sha256,
    };
    use uuid::Uuid;

    fn part(offset: u64) -> ObjectName {
        ObjectName::Part {
            upload: UploadId(Uuid::from_u128(1)),
            offset,
            nonce: [0; 8],
        }
    }

    fn ready(opened: OpenedStaging) -> StagingFile {
        match opened {
            OpenedStaging::Ready(file) => file,
            other => panic!("not ready: {other:?}"),
        }
    }

    #[test]
    fn parts_are_appended_to_one_file_and_bytes_that_nobody_counts_are_cut() {
        let folder = tempfile::tempdir().unwrap();
        let files = ObjectFiles::new(folder.path());
        let name = ObjectName::Staging {
            upload: UploadId(Uuid::from_u128(1)),
        };
        let read = |file: &mut StagingFile| {
            let mut bytes = Vec::new();
            file.read(9, &mut bytes).unwrap();
            bytes
        };
        let mut file = ready(files.open_first(&name).unwrap());
        file.append(b"one").unwrap();
        file.sync().unwrap();
        drop(file);
        // Nothing counts yet, so the first part may begin again; it must ask the row before.
        assert!(matches!(
            files.open_first(&name).unwrap(),
            OpenedStaging::Longer(_)
        ));
        let mut file = ready(files.open(&name, 3).unwrap());
        file.append(b"two").unwrap();
        drop(file);
        let OpenedStaging::Longer(mut file) = files.open(&name, 3).unwrap() else {
            panic!("the second part was not counted");
        };
        file.cut().unwrap();
        file.append(b"other").unwrap();
        assert_eq!(read(&mut file), b"oneother");
        file.undo();
        let mut file = ready(files.open(&name, 3).unwrap());
        assert_eq!(read(&mut file), b"one");
        assert!(matches!(files.open(&part(3), 0).unwrap(), OpenedStaging::Lost));
        drop(file);
        assert!(matches!(files.open(&name, 4).unwrap(), OpenedStaging::Lost));
    }

    #[test]
    fn a_file_that_somebody_appends_to_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        let (files, replica) = (ObjectFiles::new(folder.path()), ObjectFiles::new(folder.path()));
        let file = files.begin(&part(0)).unwrap();
        assert!(matches!(replica.open(&part(0), 0).unwrap(), OpenedStaging::Taken));
        drop(file);
        let file = ready(replica.open(&part(0), 0).unwrap());
        assert!(matches!(
            files.open_first(&part(0)).unwrap(),
            OpenedStaging::Taken
        ));
        drop(file);
    }

    #[test]
    fn a_published_file_stays_when_its_staging_folder_goes() {
        let folder = tempfile::tempdir().unwrap();
        let files = ObjectFiles::new(folder.path());
        let name = ObjectName::Photo {
            stream: StreamId(Uuid::from_u128(2)),
            sha256: Sha256::of(b"picture"),
        };
        let upload = ObjectFolder::Parts {
            upload: UploadId(Uuid::from_u128(1)),
        };
        let read = || fs::read(files.path(&name)).unwrap();
        for published in 0..2 {
            let mut file = files.begin(&part(published)).unwrap();
            file.append(b"picture").unwrap();
            file.sync().unwrap();
            // The second time an object of this name, which may be damaged, is replaced.
            file.publish(&files, &name, b"picture").unwrap();
            assert_eq!(read(), b"picture");
            files.remove_all(&upload).unwrap();
            files.remove_all(&upload).unwrap();
            assert_eq!(read(), b"picture");
            fs::write(files.path(&name), b"damaged").unwrap();
        }
        files.put(&name, b"whole again").unwrap();
        assert_eq!(read(), b"whole again");
        let left = fs::read_dir(files.path(&name).parent().unwrap()).unwrap();
        assert_eq!(left.count(), 1, "no temporary file may be left");
    }

    #[test]
    fn a_full_disk_has_its_own_code() {
        for kind in [ErrorKind::StorageFull, ErrorKind::QuotaExceeded] {
            let code = failed(kind.into()).code();
            assert_eq!(code, Some(protocol::problem::ProblemCode::Full));
        }
    }
}
