//! The object store: photos, staff attachments and reference files, in a folder by default, in S3 when several
//! servers share it ([`super::s3`]), under names that say whose they are.
//!
//! What was put is durable when the call returns: the receipt of a photo depends on it. A photo's content is shared
//! only inside its stream, so the stream is part of its name: knowing a hash does not give access to the photo.

use crate::kernel::failure::Failure;
use bytes::Bytes;
use futures_util::TryStreamExt;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutPayload, local::LocalFileSystem, path::Path};
use protocol::{ids::StreamId, photo::Sha256, problem::ProblemCode};
use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{Arc, Mutex, PoisonError},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use uuid::Uuid;

/// Bodies that are received at the same time, of a terminal's each with a piece in memory, of staff's all of it.
const RECEIVING: usize = 64;

/// Of one terminal or person: none of them may take the room of all others.
const RECEIVING_EACH: usize = 8;

/// Photos that are put together from their parts at the same time, each in memory.
const ASSEMBLING: usize = 2;

/// The object store.
#[derive(Clone)]
pub struct Blobs {
    pub(crate) objects: Arc<dyn ObjectStore>,
    receiving: Arc<Semaphore>,
    senders: Arc<Mutex<HashMap<Uuid, usize>>>,
    assembling: Arc<Semaphore>,
}

/// Room to receive one body, given back when it is dropped.
pub(crate) struct Room {
    sender: Uuid,
    senders: Arc<Mutex<HashMap<Uuid, usize>>>,
    _permit: OwnedSemaphorePermit,
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
    /// Over any object store whose `put` is durable when it returns (S3 and its like).
    pub fn new(objects: Arc<dyn ObjectStore>) -> Self {
        Self {
            objects,
            receiving: Arc::new(Semaphore::new(RECEIVING)),
            senders: Arc::default(),
            assembling: Arc::new(Semaphore::new(ASSEMBLING)),
        }
    }
    /// Over a folder, which is made when it is missing. Every put syncs the file and its folder to the disk.
    pub fn folder(path: &std::path::Path) -> Result<Self, Failure> {
        std::fs::create_dir_all(path).map_err(|e| Failure::internal(format!("object folder: {e}")))?;
        let folder = LocalFileSystem::new_with_prefix(path)?;
        Ok(Self::new(Arc::new(
            folder.with_fsync(true).with_automatic_cleanup(true),
        )))
    }
    /// The name of a photo.
    pub fn photo(stream: StreamId, sha256: Sha256) -> String {
        format!("photos/{stream}/{sha256}.jpg")
    }
    /// The name of a picture that staff attached.
    pub fn attachment(sha256: Sha256) -> String {
        format!("attachments/{sha256}")
    }
    /// The name of a reference file.
    pub fn reference(sha256: Sha256) -> String {
        format!("reference/{sha256}")
    }
    /// All bytes of an object; `request.not_found` when there is none of that name.
    pub async fn get(&self, name: &str) -> Result<Bytes, Failure> {
        let found = self.objects.get(&Path::from(name)).await?;
        Ok(found.bytes().await?)
    }
    /// Puts an object. When this returns, the bytes survive a power cut, under their name and whole.
    pub async fn put_durable(&self, name: &str, bytes: Bytes) -> Result<(), Failure> {
        self.objects
            .put(&Path::from(name), PutPayload::from(bytes))
            .await?;
        Ok(())
    }
    /// [`Self::put_durable`], if there is none of that name; of two at once one wins, where the store can tell.
    pub(crate) async fn put_new(&self, name: &str, bytes: Bytes) -> Result<(), Failure> {
        let payload = PutPayload::from(bytes.clone());
        match self
            .objects
            .put_opts(&Path::from(name), payload, PutMode::Create.into())
            .await
        {
            Ok(_) | Err(object_store::Error::AlreadyExists { .. }) => Ok(()),
            Err(object_store::Error::NotImplemented { .. }) => self.put_durable(name, bytes).await,
            Err(error) => Err(error.into()),
        }
    }
    /// Removes all objects under a folder's name; what is gone already is no error.
    pub async fn remove_all(&self, folder: &str) -> Result<(), Failure> {
        let names: Vec<Path> = self
            .objects
            .list(Some(&Path::from(folder)))
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
    /// Removes an object; the bytes are of no more use, so a failure is only logged.
    pub(crate) async fn discard(&self, name: &str) {
        if let Err(error) = self.objects.delete(&Path::from(name)).await
            && !matches!(error, object_store::Error::NotFound { .. })
        {
            tracing::warn!(%error, "an object of no more use stays");
        }
    }
    /// Room to receive a body from a stream or person; `server.busy` when too many are under way.
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
    /// Waits for room to put a photo together.
    pub(crate) async fn assembling(&self) -> Result<OwnedSemaphorePermit, Failure> {
        let assembling = Arc::clone(&self.assembling);
        assembling.acquire_owned().await.map_err(Failure::internal)
    }
    /// Whether there is an object of this name.
    pub(crate) async fn holds(&self, name: &str) -> Result<bool, Failure> {
        match self.objects.head(&Path::from(name)).await {
            Ok(_) => Ok(true),
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
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
                .is_some_and(|io| io.kind() == std::io::ErrorKind::StorageFull)
            {
                return Self::later(ProblemCode::Full, 60);
            }
            cause = inner.source();
        }
        match error {
            // Another machine that is away comes back; a defect of this one does not go away.
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

    #[tokio::test]
    async fn what_was_put_comes_back_and_what_was_removed_is_not_found() {
        let folder = tempfile::tempdir().unwrap();
        let blobs = Blobs::folder(&folder.path().join("made/when/missing")).unwrap();
        blobs
            .put_durable("staging/a/0", Bytes::from_static(b"one"))
            .await
            .unwrap();
        blobs
            .put_durable("staging/a/3", Bytes::from_static(b"two"))
            .await
            .unwrap();
        blobs
            .put_durable("staging/ab/0", Bytes::from_static(b"other"))
            .await
            .unwrap();
        assert_eq!(blobs.get("staging/a/3").await.unwrap(), "two");
        blobs.remove_all("staging/a").await.unwrap();
        blobs.remove_all("staging/a").await.unwrap();
        assert_eq!(
            blobs.get("staging/a/3").await.unwrap_err().code(),
            Some(ProblemCode::NotFound)
        );
        assert_eq!(blobs.get("staging/ab/0").await.unwrap(), "other");
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
            source: Box::new(std::io::Error::from(std::io::ErrorKind::StorageFull)),
        };
        assert_eq!(Failure::from(full).code(), Some(ProblemCode::Full));
    }
}
