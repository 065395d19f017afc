//! The object store: photos, staff attachments and reference files, in a folder by default, in S3 when several
//! servers share it ([`super::s3`]). [`super::object_name`] holds their names.
//!
//! A put is durable when the call returns: the receipt of a photo depends on it. A photo's content is shared
//! only inside its stream, so the stream is part of its name: knowing a hash does not give access to the photo.

use super::{
    object_files::{self, ObjectFiles},
    object_name::{ObjectFolder, ObjectName},
};
use crate::kernel::failure::Failure;
use bytes::Bytes;
use futures_util::TryStreamExt;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutPayload, local::LocalFileSystem, path::Path};
use protocol::problem::ProblemCode;
use std::{
    collections::{HashMap, hash_map::Entry},
    io::ErrorKind,
    ops::Range,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use uuid::Uuid;

/// Most bodies that are received at the same time. A piece of each upload is in memory, and the complete body of
/// `POST /v1/attachments`.
const RECEIVING: usize = 64;

/// Most bodies of one terminal or person that are received at the same time, so that nobody uses up the limit for all.
const RECEIVING_EACH: usize = 8;

/// Most uploads that are assembled in memory, or decoded, at the same time.
const ASSEMBLING: usize = 2;

/// Bytes of photos that are in memory as a whole at the same time, to be examined; a larger photo is alone.
const EXAMINING: u64 = 6 * 1024 * 1024;
/// [`EXAMINING`] is counted in units of this many bytes.
const UNIT: u64 = 64 * 1024;

/// The object store.
#[derive(Clone)]
pub struct Blobs {
    objects: Arc<dyn ObjectStore>,
    files: Option<ObjectFiles>,
    receiving: Arc<Semaphore>,
    senders: Arc<Mutex<HashMap<Uuid, usize>>>,
    assembling: Arc<Semaphore>,
    examining: Arc<Semaphore>,
    buffers: Arc<Mutex<Vec<Vec<u8>>>>,
    looking: Arc<tokio::sync::Mutex<Vec<u8>>>,
}

/// The permission to receive one body; released on drop.
pub(crate) struct Room {
    sender: Uuid,
    senders: Arc<Mutex<HashMap<Uuid, usize>>>,
    _permit: OwnedSemaphorePermit,
}

/// The permission to have a photo in memory as a whole, and an empty buffer for it; released on drop. Buffers are used
/// again: each is filled on another thread, and the allocator keeps for a while what a thread has freed.
pub(crate) struct ExaminingRoom {
    pub(crate) buffer: Vec<u8>,
    buffers: Arc<Mutex<Vec<Vec<u8>>>>,
    _permit: OwnedSemaphorePermit,
}

impl Drop for ExaminingRoom {
    fn drop(&mut self) {
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.clear();
        let mut buffers = self.buffers.lock().unwrap_or_else(PoisonError::into_inner);
        let kept: usize = buffers.iter().map(Vec::capacity).sum();
        if kept.saturating_add(buffer.capacity()) as u64 <= EXAMINING {
            buffers.push(buffer);
        }
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let mut senders = self.senders.lock().unwrap_or_else(PoisonError::into_inner);
        if let Entry::Occupied(mut count) = senders.entry(self.sender) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }
}

impl Blobs {
    /// Uses an object store whose `put` is durable when it returns, such as S3.
    pub fn new(objects: Arc<dyn ObjectStore>) -> Self {
        Self {
            objects,
            files: None,
            receiving: Arc::new(Semaphore::new(RECEIVING)),
            senders: Arc::default(),
            assembling: Arc::new(Semaphore::new(ASSEMBLING)),
            examining: Arc::new(Semaphore::new(units(EXAMINING) as usize)),
            buffers: Arc::default(),
            looking: Arc::default(),
        }
    }
    /// Uses a folder, which is created if it is missing. Every put syncs the file and its folder to the disk.
    pub fn folder(path: &std::path::Path) -> Result<Self, Failure> {
        std::fs::create_dir_all(path).map_err(|e| Failure::internal(format!("object folder: {e}")))?;
        let folder = LocalFileSystem::new_with_prefix(path)?;
        let objects = Arc::new(folder.with_fsync(true).with_automatic_cleanup(true));
        Ok(Self {
            files: Some(ObjectFiles::new(path)),
            ..Self::new(objects)
        })
    }
    /// The files of the folder; `None` if the objects are elsewhere.
    pub(crate) fn files(&self) -> Option<&ObjectFiles> {
        self.files.as_ref()
    }
    /// Returns all bytes of an object; `request.not_found` if there is none of this name.
    pub async fn get(&self, name: &ObjectName) -> Result<Bytes, Failure> {
        let found = self.objects.get(&name.path()).await?;
        Ok(found.bytes().await?)
    }
    /// Runs `look` over the bytes of an object on a thread for blocking work, one object after the other. In a folder the
    /// bytes are read into memory that is used again: the allocator keeps for a while what one thread has allocated and
    /// another one freed, and there are many of them.
    pub(crate) async fn look<T: Send + 'static>(
        &self,
        name: &ObjectName,
        look: impl FnOnce(&[u8]) -> T + Send + 'static,
    ) -> Result<T, Failure> {
        let mut buffer = Arc::clone(&self.looking).lock_owned().await;
        let (files, name) = (self.files.clone(), *name);
        let elsewhere = match &files {
            Some(_) => Bytes::new(),
            None => self.get(&name).await?,
        };
        let looked = tokio::task::spawn_blocking(move || {
            let Some(files) = files else {
                return Ok(look(&elsewhere));
            };
            buffer.clear();
            match files.read(&name, &mut buffer) {
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    return Err(Failure::of(ProblemCode::NotFound));
                }
                read => read.map_err(object_files::failed)?,
            }
            let seen = look(&buffer);
            if buffer.capacity() as u64 > EXAMINING {
                *buffer = Vec::new();
            }
            Ok(seen)
        });
        looked.await.map_err(Failure::internal)?
    }
    /// The bytes of an object from `span.start` to before `span.end`.
    pub async fn get_part(&self, name: &ObjectName, span: Range<u64>) -> Result<Bytes, Failure> {
        Ok(self.objects.get_range(&name.path(), span).await?)
    }
    /// Puts an object, replacing one of the same name. When this returns, the complete object survives a power cut.
    pub async fn put_durable(&self, name: &ObjectName, bytes: Bytes) -> Result<(), Failure> {
        self.objects.put(&name.path(), PutPayload::from(bytes)).await?;
        Ok(())
    }
    /// [`Self::put_durable`] unless an object of this name exists. Of concurrent calls one wins if the store supports it.
    pub(crate) async fn put_new(&self, name: &ObjectName, bytes: Bytes) -> Result<(), Failure> {
        let payload = PutPayload::from(bytes.clone());
        match self
            .objects
            .put_opts(&name.path(), payload, PutMode::Create.into())
            .await
        {
            Ok(_) | Err(object_store::Error::AlreadyExists { .. }) => Ok(()),
            Err(object_store::Error::NotImplemented { .. }) => self.put_durable(name, bytes).await,
            Err(error) => Err(error.into()),
        }
    }
    /// Deletes all objects in a folder. An object that is already gone is no error.
    pub async fn remove_all(&self, folder: &ObjectFolder) -> Result<(), Failure> {
        if let Some(files) = self.files.clone() {
            let folder = *folder;
            let removed = tokio::task::spawn_blocking(move || files.remove_all(&folder)).await;
            return removed.map_err(Failure::internal)?.map_err(object_files::failed);
        }
        let names: Vec<Path> = self
            .objects
            .list(Some(&folder.path()))
            .map_ok(|object| object.location)
            .try_collect()
            .await?;
        for name in names {
            match self.objects.delete(&name).await {
                Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
    /// Deletes an object that nothing names any more. A failure is logged only.
    pub(crate) async fn discard(&self, name: &ObjectName) {
        if let Err(error) = self.objects.delete(&name.path()).await
            && !matches!(error, object_store::Error::NotFound { .. })
        {
            tracing::warn!(%error, "an unused object could not be deleted");
        }
    }
    /// Allows to receive a body from a stream or person; `server.busy` if too many are being received.
    pub(crate) fn receive(&self, sender: Uuid) -> Result<Room, Failure> {
        let busy = || Failure::later(ProblemCode::Busy, 5);
        let permit = Arc::clone(&self.receiving)
            .try_acquire_owned()
            .map_err(|_| busy())?;
        let mut senders = self.senders.lock().unwrap_or_else(PoisonError::into_inner);
        let count = senders.entry(sender).or_insert(0);
        if *count >= RECEIVING_EACH {
            return Err(busy());
        }
        *count += 1;
        Ok(Room {
            sender,
            senders: Arc::clone(&self.senders),
            _permit: permit,
        })
    }
    /// Waits until an upload may be assembled in memory.
    pub(crate) async fn assembling(&self) -> Result<OwnedSemaphorePermit, Failure> {
        let assembling = Arc::clone(&self.assembling);
        assembling.acquire_owned().await.map_err(Failure::internal)
    }
    /// Waits until a photo of this many bytes may be in memory as a whole.
    pub(crate) async fn examining(&self, bytes: u64) -> Result<ExaminingRoom, Failure> {
        let examining = Arc::clone(&self.examining);
        let room = examining.acquire_many_owned(units(bytes.min(EXAMINING)));
        let permit = room.await.map_err(Failure::internal)?;
        let mut buffers = self.buffers.lock().unwrap_or_else(PoisonError::into_inner);
        let fitting = buffers
            .iter()
            .position(|buffer| buffer.capacity() as u64 >= bytes);
        let buffer = match fitting {
            Some(at) => buffers.swap_remove(at),
            None => {
                // Smaller ones make room, so that the kept ones are of the sizes that arrive.
                buffers.pop();
                Vec::new()
            }
        };
        Ok(ExaminingRoom {
            buffer,
            buffers: Arc::clone(&self.buffers),
            _permit: permit,
        })
    }
    /// Returns true if an object of this name exists.
    pub(crate) async fn holds(&self, name: &ObjectName) -> Result<bool, Failure> {
        match self.objects.head(&name.path()).await {
            Ok(_) => Ok(true),
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

fn units(bytes: u64) -> u32 {
    u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX)
}

impl From<object_store::Error> for Failure {
    fn from(error: object_store::Error) -> Self {
        if matches!(error, object_store::Error::NotFound { .. }) {
            return Self::of(ProblemCode::NotFound);
        }
        let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(&error);
        while let Some(inner) = cause {
            if inner
                .downcast_ref::<std::io::Error>()
                .is_some_and(object_files::is_full)
            {
                return Self::later(ProblemCode::Full, 60);
            }
            cause = inner.source();
        }
        match error {
            // A remote store may be back soon; a failure of the local disk is not temporary.
            object_store::Error::Generic { store: "S3", source } => {
                tracing::error!(error = %source, "object store");
                Self::later(ProblemCode::Busy, 5)
            }
            other => Self::internal(format!("object store: {other}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::ids::UploadId;

    #[tokio::test]
    async fn what_was_put_comes_back_and_what_was_removed_is_not_found() {
        let folder = tempfile::tempdir().unwrap();
        let blobs = Blobs::folder(&folder.path().join("made/when/missing")).unwrap();
        let (one, other) = (UploadId(Uuid::from_u128(1)), UploadId(Uuid::from_u128(2)));
        let part = |upload, offset| ObjectName::Part {
            upload,
            offset,
            nonce: [0; 8],
        };
        let put = async |name: ObjectName, bytes: &'static [u8]| {
            blobs.put_durable(&name, Bytes::from_static(bytes)).await.unwrap();
        };
        put(part(one, 0), b"one").await;
        put(part(one, 3), b"two").await;
        put(part(other, 0), b"other").await;
        assert_eq!(blobs.get(&part(one, 3)).await.unwrap(), "two");
        let folder = ObjectFolder::Parts { upload: one };
        blobs.remove_all(&folder).await.unwrap();
        blobs.remove_all(&folder).await.unwrap();
        assert_eq!(
            blobs.get(&part(one, 3)).await.unwrap_err().code(),
            Some(ProblemCode::NotFound)
        );
        assert_eq!(blobs.get(&part(other, 0)).await.unwrap(), "other");
    }

    #[tokio::test]
    async fn objects_that_are_looked_at_one_after_the_other_are_not_mixed_up() {
        let folder = tempfile::tempdir().unwrap();
        let elsewhere = Blobs::new(Arc::new(object_store::memory::InMemory::new()));
        for blobs in [Blobs::folder(folder.path()).unwrap(), elsewhere] {
            let name = |bytes: &[u8]| ObjectName::Reference {
                sha256: protocol::photo::Sha256::of(bytes),
            };
            for bytes in [b"a longer object".as_slice(), b"short"] {
                blobs
                    .put_durable(&name(bytes), Bytes::copy_from_slice(bytes))
                    .await
                    .unwrap();
                let seen = blobs.look(&name(bytes), <[u8]>::to_vec).await.unwrap();
                assert_eq!(seen, bytes);
            }
            let missing = blobs.look(&name(b"missing"), <[u8]>::len).await.unwrap_err();
            assert_eq!(missing.code(), Some(ProblemCode::NotFound));
        }
    }

    #[test]
    fn one_sender_never_takes_the_room_of_all() {
        let blobs = Blobs::new(Arc::new(object_store::memory::InMemory::new()));
        let (one, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let mut rooms: Vec<Room> = (0..RECEIVING_EACH)
            .map(|_| blobs.receive(one).unwrap_or_else(|_| unreachable!()))
            .collect();
        let busy = blobs.receive(one).err().and_then(|failure| failure.code());
        assert_eq!(busy, Some(ProblemCode::Busy));
        assert!(blobs.receive(other).is_ok());
        rooms.pop();
        assert!(blobs.receive(one).is_ok());
        rooms.clear();
        assert!(blobs.senders.lock().unwrap().is_empty());
    }

    #[test]
    fn a_full_disk_has_its_own_code() {
        let full = object_store::Error::Generic {
            store: "folder",
            source: Box::new(std::io::Error::from(ErrorKind::StorageFull)),
        };
        assert_eq!(Failure::from(full).code(), Some(ProblemCode::Full));
    }
}
