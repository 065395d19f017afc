//! Photos on the handset: taken in, stamped, sealed and durable before anything else happens with them.
//!
//! Promises (story 31, law 1):
//! - A photo that [`PhotoFolder::take`] has returned survives the death of the process and of the battery: its
//!   sealed file was written beside its place, synced, renamed and the folder synced.
//! - No pixel lies on the disk in the clear, not even for a moment ([`sealed`]).
//! - What is read back is what was filed: every byte is authenticated, and [`PhotoFolder::read`] compares the
//!   SHA-256 besides.
//! - Bad input (no photo, zero bytes, 60 megapixels, cut off, 17 MB and more) is refused with a stable
//!   `photo.*` code before it costs memory.

use crate::{
    photos::{
        error::PhotoError,
        sealed::{FileKey, OpenedPhoto, PREFIX, SealedContent, SealedError, seal},
    },
    platform::{
        disk::{Disk, DiskFile},
        photo_files::{PhotoFileError, PhotoFiles},
        random::{Random, random_bytes},
        system_disk::SystemDisk,
    },
};
use protocol::{
    photo::{PhotoRef, PhotoRole, Sha256},
    sabotage::{self, Defect},
};
use std::{
    fs,
    io::{self, Read},
    path::{Path, PathBuf},
    sync::Arc,
};

/// Where a photo comes from. Across FFI bytes come as paths.
#[derive(Debug, Clone, Copy)]
pub enum PhotoSource<'a> {
    Path(&'a Path),
    Bytes(&'a [u8]),
}

/// A photo that has been taken in and is durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakenPhoto {
    /// As the entry will name it.
    pub photo: PhotoRef,
    /// Of the bytes that came in: the same file added twice is noticed by it, although the stamps differ.
    pub original: Sha256,
}

/// The folder `photos/` of a handset: one sealed file a photo, one a thumbnail, named by the photo's hash.
pub struct PhotoFolder {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    key: FileKey,
}

impl PhotoFolder {
    /// [`PhotoFolder::open_on`] the system's own disk.
    ///
    /// # Errors
    /// As there.
    pub fn open(dir: &Path, key: [u8; 32]) -> Result<Self, PhotoError> {
        Self::open_on(Arc::new(SystemDisk), dir, key)
    }

    /// The folder at `dir`, made if it is not there yet.
    ///
    /// # Errors
    /// [`PhotoError::DiskFull`] or [`PhotoError::Folder`].
    pub fn open_on(disk: Arc<dyn Disk>, dir: &Path, key: [u8; 32]) -> Result<Self, PhotoError> {
        if !disk.exists(dir) {
            disk.create_dir_all(dir).map_err(PhotoError::disk)?;
            dir.parent()
                .map_or(Ok(()), |above| disk.sync_folder(above))
                .map_err(PhotoError::disk)?;
        }
        Ok(Self {
            disk,
            dir: dir.to_path_buf(),
            key: key.into(),
        })
    }

    /// Takes a photo in: limits, upright, scaled, stamped, hashed, sealed, durable. Returns only then.
    ///
    /// Refused and failed photos leave nothing behind.
    ///
    /// # Errors
    /// [`PhotoError`] says what to do: another photo, or room on the disk.
    pub fn take(
        &self,
        source: PhotoSource<'_>,
        role: PhotoRole,
        stamp: &media::Stamp,
        random: &dyn Random,
    ) -> Result<TakenPhoto, PhotoError> {
        let limits = media::PhotoLimits::default();
        let from_file;
        let bytes = match source {
            PhotoSource::Bytes(bytes) => bytes,
            PhotoSource::Path(path) => {
                from_file = read_at_most(path, limits.max_bytes)?;
                &from_file
            }
        };
        let prepared = media::prepare(bytes, &limits, stamp, &media::PrepareOptions::default())?;
        self.keep(&prepared, role, random)
    }

    /// Seals a photo that went through the pipeline, durably.
    pub(crate) fn keep(
        &self,
        prepared: &media::PreparedPhoto,
        role: PhotoRole,
        random: &dyn Random,
    ) -> Result<TakenPhoto, PhotoError> {
        let sha256 = Sha256(prepared.sha256);
        // The thumbnail first: where the photo is, its thumbnail is.
        self.put(SealedContent::Thumbnail, sha256, &prepared.thumbnail, random)?;
        self.put(SealedContent::Photo, sha256, &prepared.jpeg, random)?;
        Ok(TakenPhoto {
            photo: PhotoRef {
                sha256,
                size: prepared.jpeg.len() as u64,
                role,
                width: prepared.width,
                height: prepared.height,
            },
            original: Sha256(prepared.original_sha256),
        })
    }

    /// The whole photo, proven twice: by the seal and by its hash.
    ///
    /// # Errors
    /// [`PhotoError::Missing`], [`PhotoError::Damaged`], [`PhotoError::Folder`].
    pub fn read(&self, photo: Sha256) -> Result<Vec<u8>, PhotoError> {
        let bytes = self
            .opened(SealedContent::Photo, photo)?
            .read_all()
            .map_err(|e| PhotoError::sealed(photo, e))?;
        if Sha256::of(&bytes) == photo {
            Ok(bytes)
        } else {
            // Only who holds the key can have written other bytes under this name: a fault of ours.
            Err(PhotoError::Damaged {
                photo,
                source: SealedError::Tampered { chunk: 0 },
            })
        }
    }

    /// `len` bytes of the photo from `offset`, opening only what they touch: what an upload sends next.
    ///
    /// # Errors
    /// As [`PhotoFolder::read`]; a range that is not all inside the photo is [`PhotoError::Damaged`].
    pub fn read_at(&self, photo: Sha256, offset: u64, len: u64) -> Result<Vec<u8>, PhotoError> {
        self.opened(SealedContent::Photo, photo)?
            .read_at(offset, len)
            .map_err(|e| PhotoError::sealed(photo, e))
    }

    /// The name under which the store keeps the photo's file.
    pub fn file_name(photo: Sha256) -> String {
        format!("{photo}.{}", SealedContent::Photo.extension())
    }

    /// The small JPEG for lists.
    ///
    /// # Errors
    /// As [`PhotoFolder::read`].
    pub fn thumbnail(&self, photo: Sha256) -> Result<Vec<u8>, PhotoError> {
        self.opened(SealedContent::Thumbnail, photo)?
            .read_all()
            .map_err(|e| PhotoError::sealed(photo, e))
    }

    /// Bytes of the photo, or that it is missing or damaged, by its header alone.
    ///
    /// # Errors
    /// As [`PhotoFolder::read`].
    pub fn size(&self, photo: Sha256) -> Result<u64, PhotoError> {
        Ok(self.opened(SealedContent::Photo, photo)?.size())
    }

    /// Removes photo and thumbnail; what is gone already is fine. For photos that nothing names any more.
    ///
    /// # Errors
    /// [`PhotoError::Folder`].
    pub fn remove(&self, photo: Sha256) -> Result<(), PhotoError> {
        for content in [SealedContent::Photo, SealedContent::Thumbnail] {
            match self.disk.remove(&self.path(content, photo)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(PhotoError::disk(error)),
                _ => {}
            }
        }
        Ok(())
    }

    /// Removes what a death left behind: files that were begun and not finished, and photos and thumbnails that
    /// `is_named` does not know. Answers how many files. Nobody may be taking a photo in meanwhile; files of other
    /// names are not ours and stay.
    ///
    /// # Errors
    /// [`PhotoError::Folder`].
    pub fn sweep(&self, is_named: &dyn Fn(Sha256) -> bool) -> Result<usize, PhotoError> {
        let mut removed = 0;
        for name in self.disk.names(&self.dir).map_err(PhotoError::disk)? {
            let Some((photo, rest)) = name.split_once('.') else {
                continue;
            };
            let Ok(photo) = photo.parse::<Sha256>() else {
                continue;
            };
            let is_left_over = [SealedContent::Photo, SealedContent::Thumbnail]
                .iter()
                .any(|content| {
                    rest.strip_prefix(content.extension())
                        .is_some_and(|end| end.starts_with(".new-") || (end.is_empty() && !is_named(photo)))
                });
            if is_left_over {
                self.disk
                    .remove(&self.dir.join(&name))
                    .map_err(PhotoError::disk)?;
                removed += 1;
            }
        }
        Ok(removed)
    }

    fn path(&self, content: SealedContent, photo: Sha256) -> PathBuf {
        self.dir.join(format!("{photo}.{}", content.extension()))
    }

    fn opened(
        &self,
        content: SealedContent,
        photo: Sha256,
    ) -> Result<OpenedPhoto<Box<dyn DiskFile>>, PhotoError> {
        let file = self
            .disk
            .open(&self.path(content, photo))
            .map_err(|e| PhotoError::sealed(photo, e.into()))?;
        OpenedPhoto::open(file, &self.key, content, photo).map_err(|e| PhotoError::sealed(photo, e))
    }

    /// Seals and writes: beside its place, synced, renamed, folder synced. A file that is there and sound stays.
    fn put(
        &self,
        content: SealedContent,
        photo: Sha256,
        plain: &[u8],
        random: &dyn Random,
    ) -> Result<(), PhotoError> {
        let there = self
            .opened(content, photo)
            .and_then(|mut f| f.read_all().map_err(|e| PhotoError::sealed(photo, e)));
        if there.is_ok_and(|bytes| bytes == plain) {
            // Whoever put it there may have died before its name was durable.
            return self.disk.sync_folder(&self.dir).map_err(PhotoError::disk);
        }
        let prefix = random_bytes::<{ PREFIX }>(random).map_err(|_| PhotoError::NoRandomness)?;
        let bytes =
            seal(&self.key, content, photo, plain, &prefix).map_err(|e| PhotoError::sealed(photo, e))?;
        let path = self.path(content, photo);
        // The prefix is new for each file, so its start names the temporary file as well.
        let beside = path.with_extension(format!("{}.new-{}", content.extension(), hex::encode(prefix)));
        let written = self
            .disk
            .create_synced(&beside, &bytes)
            .and_then(|()| self.disk.rename(&beside, &path))
            .and_then(|()| match sabotage::is(Defect::PhotoFolderNotSynced) {
                true => Ok(()),
                false => self.disk.sync_folder(&self.dir),
            });
        if written.is_err() {
            // The photo is not there, and the caller hears it; a piece of a file helps nobody.
            let _ = self.disk.remove(&beside);
        }
        written.map_err(PhotoError::disk)
    }
}

/// What the upload reads, by the file's name.
impl PhotoFiles for PhotoFolder {
    fn read(&self, file: &str, offset: u64, len: u64) -> Result<Vec<u8>, PhotoFileError> {
        let photo = file
            .strip_suffix(".photo")
            .and_then(|name| name.parse().ok())
            .ok_or(PhotoFileError::Missing)?;
        self.read_at(photo, offset, len).map_err(|error| match error {
            PhotoError::Missing(_) => PhotoFileError::Missing,
            PhotoError::Damaged { .. } => PhotoFileError::Damaged,
            other => PhotoFileError::Unreadable(other.to_string()),
        })
    }
}

/// Reads a file that may be anything, a device or a film of 4 GB included, but never more than one byte beyond
/// the limit, so that `media` can say that it is too large.
fn read_at_most(path: &Path, max: u64) -> Result<Vec<u8>, PhotoError> {
    let failed = |source| PhotoError::Source {
        path: path.to_path_buf(),
        source,
    };
    let file = fs::File::open(path).map_err(failed)?;
    let length = file.metadata().map_err(failed)?;
    if !length.is_file() {
        return Err(failed(io::Error::new(io::ErrorKind::InvalidInput, "not a file")));
    }
    if length.len() > max {
        return Err(media::MediaError::TooLarge {
            bytes: length.len(),
            max,
        }
        .into());
    }
    let mut bytes = Vec::new();
    file.take(max.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    Ok(bytes)
}
