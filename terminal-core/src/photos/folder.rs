//! The folder of sealed photos.
//!
//! Promises (story 31, law 1):
//! - A photo that [`PhotoFolder::take`] has returned survives a kill of the process and a power loss: its
//!   sealed file was written under a temporary name, synced, renamed, and the folder synced.
//! - No pixel is ever written to the disk unencrypted.
//! - A photo that is read back is the one that was filed: every byte is authenticated, and
//!   [`PhotoFolder::read`] also compares the SHA-256.
//! - Bad input (not a photo, zero bytes, too many pixels, cut off, too long) is refused with a stable `photo.*` code
//!   before memory is allocated for it.
//! - A photo that is given by its path is read as a stream: neither the file nor the picture is held in memory.

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
    geo::PointE7,
    photo::{PhotoEvidence, PhotoOrigin, PhotoPlace, PhotoRef, PhotoRole, Sha256},
    planted,
};
use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

/// The source of a photo. Calls through FFI pass paths.
#[derive(Debug, Clone, Copy)]
pub enum PhotoSource<'a> {
    Path(&'a Path),
    Bytes(&'a [u8]),
}

/// A photo that was taken in and is durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakenPhoto {
    /// The reference as the entry will contain it.
    pub photo: PhotoRef,
    /// Hash of the source bytes. It detects a file that is added twice, although the stamps differ.
    pub original: Sha256,
}

impl TakenPhoto {
    /// Names in the reference what was read of the original, so that the entry carries it.
    #[must_use]
    pub(crate) fn with_evidence(mut self, prepared: &media::PreparedPhoto, origin: PhotoOrigin) -> Self {
        self.photo.evidence = Some(PhotoEvidence {
            origin: origin.into(),
            original: self.original,
            taken_at: prepared.taken_at.clone(),
            place: prepared.gps.as_ref().map(|gps| PhotoPlace {
                point: PointE7 {
                    lat: gps.latitude_e7,
                    lon: gps.longitude_e7,
                },
                datum: gps.datum.clone(),
            }),
        });
        self
    }
}

/// The folder `photos/`: for each photo a sealed file and a sealed thumbnail, named by the photo's SHA-256.
pub struct PhotoFolder {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    key: FileKey,
}

impl PhotoFolder {
    /// [`PhotoFolder::open_on`] the system's disk.
    ///
    /// # Errors
    /// As [`PhotoFolder::open_on`].
    pub fn open(dir: &Path, key: [u8; 32]) -> Result<Self, PhotoError> {
        Self::open_on(Arc::new(SystemDisk), dir, key)
    }

    /// Opens the folder at `dir`; creates it if it is missing.
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

    /// Takes a photo in: [`prepare`] and keep. The photo is durable when the call returns. A refused or failed photo
    /// leaves no file.
    ///
    /// # Errors
    /// [`PhotoError`]: another photo is needed, or space on the disk.
    pub fn take(
        &self,
        source: PhotoSource<'_>,
        role: PhotoRole,
        stamp: &media::Stamp,
        random: &dyn Random,
    ) -> Result<TakenPhoto, PhotoError> {
        self.keep(&prepare(source, stamp, None)?, role, random)
    }

    /// Seals a prepared photo durably.
    pub(crate) fn keep(
        &self,
        prepared: &media::PreparedPhoto,
        role: PhotoRole,
        random: &dyn Random,
    ) -> Result<TakenPhoto, PhotoError> {
        let sha256 = Sha256(prepared.sha256);
        // Thumbnail first: every photo then has its thumbnail, also after a kill between the two.
        self.put(SealedContent::Thumbnail, sha256, &prepared.thumbnail, random)?;
        self.put(SealedContent::Photo, sha256, &prepared.jpeg, random)?;
        Ok(TakenPhoto {
            photo: PhotoRef {
                sha256,
                size: prepared.jpeg.len() as u64,
                role,
                width: prepared.width,
                height: prepared.height,
                evidence: None,
            },
            original: Sha256(prepared.original_sha256),
        })
    }

    /// Reads the whole photo; authenticated by the seal and by its hash.
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
            // Other bytes under this name can only be written with the key, so this is a bug.
            Err(PhotoError::Damaged {
                photo,
                source: SealedError::Tampered { chunk: 0 },
            })
        }
    }

    /// Reads `len` bytes from `offset`; decrypts only the chunks that contain them. Used by uploads.
    ///
    /// # Errors
    /// As [`PhotoFolder::read`]; [`PhotoError::Damaged`] if the range is not within the photo.
    pub fn read_at(&self, photo: Sha256, offset: u64, len: u64) -> Result<Vec<u8>, PhotoError> {
        self.opened(SealedContent::Photo, photo)?
            .read_at(offset, len)
            .map_err(|e| PhotoError::sealed(photo, e))
    }

    /// The file name of a photo, as recorded in the store.
    pub fn file_name(photo: Sha256) -> String {
        format!("{photo}.{}", SealedContent::Photo.extension())
    }

    /// Reads the thumbnail (JPEG).
    ///
    /// # Errors
    /// As [`PhotoFolder::read`].
    pub fn thumbnail(&self, photo: Sha256) -> Result<Vec<u8>, PhotoError> {
        self.opened(SealedContent::Thumbnail, photo)?
            .read_all()
            .map_err(|e| PhotoError::sealed(photo, e))
    }

    /// The photo's size in bytes, read from the header of its file.
    ///
    /// # Errors
    /// As [`PhotoFolder::read`].
    pub fn size(&self, photo: Sha256) -> Result<u64, PhotoError> {
        Ok(self.opened(SealedContent::Photo, photo)?.size())
    }

    /// Deletes photo and thumbnail; missing files are no error. Call it only for photos that no item and no
    /// draft names.
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

    /// Deletes the files that a killed process left behind: temporary files, and photos and thumbnails for
    /// which `is_named` returns false. Returns the number of deleted files. No other process may take in a
    /// photo meanwhile. Files with other names are kept.
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

    /// Seals and writes a file: temporary name, sync, rename, folder sync. An intact existing file is kept.
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
            // The process that wrote the file may have been killed before its name was durable.
            return self.disk.sync_folder(&self.dir).map_err(PhotoError::disk);
        }
        let prefix = random_bytes::<{ PREFIX }>(random).map_err(|_| PhotoError::NoRandomness)?;
        let bytes =
            seal(&self.key, content, photo, plain, &prefix).map_err(|e| PhotoError::sealed(photo, e))?;
        let path = self.path(content, photo);
        // The prefix is unique, so the temporary name contains it.
        let beside = path.with_extension(format!("{}.new-{}", content.extension(), hex::encode(prefix)));
        let written = self
            .disk
            .create_synced(&beside, &bytes)
            .and_then(|()| self.disk.rename(&beside, &path))
            .and_then(|()| {
                planted!(PhotoFolderNotSynced => return Ok(()));
                self.disk.sync_folder(&self.dir)
            });
        if written.is_err() {
            // The caller gets the error; the partial file is useless.
            let _ = self.disk.remove(&beside);
        }
        written.map_err(PhotoError::disk)
    }
}

/// Prepares a photo: checks limits, rotates upright, scales, stamps, hashes. Writes nothing. Takes half a second on a fast
/// machine and several on a cheap handset.
///
/// # Errors
/// [`PhotoError`]: another photo is needed.
pub(crate) fn prepare(
    source: PhotoSource<'_>,
    stamp: &media::Stamp,
    spare_font: Option<&media::SpareFont>,
) -> Result<media::PreparedPhoto, PhotoError> {
    let limits = media::PhotoLimits::default();
    let options = media::PrepareOptions {
        spare_font: spare_font.cloned(),
        ..media::PrepareOptions::default()
    };
    let path = match source {
        PhotoSource::Bytes(bytes) => return Ok(media::prepare(bytes, &limits, stamp, &options)?),
        PhotoSource::Path(path) => path,
    };
    let failed = |source| PhotoError::Source {
        path: path.to_path_buf(),
        source,
    };
    let file = fs::File::open(path).map_err(failed)?;
    // The path may name anything, also a device or a folder.
    if !file.metadata().map_err(failed)?.is_file() {
        return Err(failed(io::Error::new(io::ErrorKind::InvalidInput, "not a file")));
    }
    media::prepare_from(file, &limits, stamp, &options).map_err(|error| match error {
        media::MediaError::Unreadable { detail } => failed(io::Error::other(detail)),
        refused => refused.into(),
    })
}

/// Access by file name, for uploads.
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
