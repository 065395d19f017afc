//! Access of both ends to a simulated machine's disk: the handset's [`Disk`] and the server's object store,
//! over the same plain files, with the same order of writes and syncs as in production.

use bytes::Bytes;
use futures_util::{StreamExt as _, stream, stream::BoxStream};
use object_store::{
    CopyOptions, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, path::Path as Name,
};
use protocol::sabotage::{self, Defect};
use server::store::SimulatedDisk;
use simdisk::{Files, Host};
use std::{
    collections::BTreeSet,
    io,
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};
use terminal_core::platform::{Disk, DiskFile, DiskLock};

/// The machine's disk as the server's database uses it, until the next power cycle.
pub fn store_disk(host: &Host) -> SimulatedDisk {
    let files = host.files();
    SimulatedDisk::new(host.vfs(), move |file| {
        let name = text(file);
        files.sync_file(name)?;
        files.sync_dir(name.rsplit_once('/').map_or("", |(folder, _)| folder))
    })
}

/// A handset's disk, from one boot of its machine to the next power cut.
pub struct HandsetDisk {
    host: Host,
    files: Files,
    keyed: bool,
    locks: Arc<Mutex<BTreeSet<String>>>,
}

impl HandsetDisk {
    pub fn new(host: &Host, keyed: bool) -> Self {
        Self {
            files: host.files(),
            host: host.clone(),
            keyed,
            locks: Arc::default(),
        }
    }
    /// The names of the locks that are held.
    pub fn held_locks(&self) -> Vec<String> {
        let locks = self.locks.lock().unwrap_or_else(PoisonError::into_inner);
        locks.iter().cloned().collect()
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap_or_default()
}

struct HeldLock {
    name: String,
    locks: Arc<Mutex<BTreeSet<String>>>,
}

impl Drop for HeldLock {
    fn drop(&mut self) {
        self.locks
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&self.name);
    }
}

impl Disk for HandsetDisk {
    fn vfs(&self) -> Option<&str> {
        Some(self.host.vfs())
    }
    fn is_plain(&self) -> bool {
        !self.keyed
    }
    fn exists(&self, path: &Path) -> bool {
        let folder = format!("{}/", text(path));
        self.files.exists(text(path)).unwrap_or(false)
            || self.files.list(&folder).is_ok_and(|names| !names.is_empty())
    }
    fn create_dir_all(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }
    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(io::Cursor::new(self.files.read(text(path))?)))
    }
    fn create_synced(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        self.files.create_new(text(path))?;
        self.files.append(text(path), bytes)?;
        if text(path).contains("/photos/") && sabotage::is(Defect::PhotoFileNotSynced) {
            return Ok(());
        }
        self.files.sync_file(text(path))
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.files.rename(text(from), text(to))
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        self.files.remove(text(path))
    }
    fn names(&self, folder: &Path) -> io::Result<Vec<String>> {
        let folder = format!("{}/", text(folder));
        let names = self.files.list(&folder)?;
        let here = names.iter().filter_map(|name| name.strip_prefix(&folder));
        let mut here: Vec<String> = here
            .filter_map(|name| Some(name.split('/').next()?.to_owned()))
            .collect();
        here.dedup();
        Ok(here)
    }
    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        self.files.sync_dir(text(folder))
    }
    fn lock(&self, path: &Path) -> io::Result<DiskLock> {
        // There is one thread, so waiting for a lock would never end.
        self.try_lock(path)?
            .ok_or_else(|| io::Error::from(io::ErrorKind::Deadlock))
    }
    fn try_lock(&self, path: &Path) -> io::Result<Option<DiskLock>> {
        let name = text(path).to_owned();
        let free = self
            .locks
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(name.clone());
        Ok(free.then(|| {
            Box::new(HeldLock {
                name,
                locks: Arc::clone(&self.locks),
            }) as DiskLock
        }))
    }
}

/// The server's object store. Each put writes a temporary file, syncs it, renames it and syncs the folder, as
/// `LocalFileSystem` does with `with_fsync`.
pub struct SimObjectStore {
    files: Files,
    puts: AtomicU64,
}

/// Folder of the objects.
pub const OBJECTS: &str = "objects";

impl SimObjectStore {
    pub fn new(host: &Host) -> Self {
        Self {
            files: host.files(),
            puts: AtomicU64::new(0),
        }
    }
    fn put_synced(&self, name: &str, payload: &PutPayload) -> io::Result<()> {
        let beside = format!("{name}#{}", self.puts.fetch_add(1, Ordering::Relaxed));
        let written = self.write_beside(&beside, name, payload);
        if written.is_err() {
            // Removes an incomplete temporary file.
            let _ = self.files.remove(&beside);
        }
        written
    }
    fn write_beside(&self, beside: &str, name: &str, payload: &PutPayload) -> io::Result<()> {
        self.files.create(beside)?;
        for piece in payload {
            self.files.append(beside, piece)?;
        }
        self.files.sync_file(beside)?;
        self.files.rename(beside, name)?;
        self.files
            .sync_dir(name.rsplit_once('/').map_or("", |(folder, _)| folder))
    }
}

impl std::fmt::Debug for SimObjectStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Objects")
    }
}
impl std::fmt::Display for SimObjectStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("simulated objects")
    }
}

fn file(name: &Name) -> String {
    format!("{OBJECTS}/{name}")
}

fn failed(name: &str, error: io::Error) -> object_store::Error {
    if error.kind() == io::ErrorKind::NotFound {
        return object_store::Error::NotFound {
            path: name.to_owned(),
            source: Box::new(error),
        };
    }
    object_store::Error::Generic {
        store: "simulated",
        source: Box::new(error),
    }
}

fn meta(location: Name, size: usize) -> ObjectMeta {
    ObjectMeta {
        location,
        last_modified: Default::default(),
        size: size as u64,
        e_tag: None,
        version: None,
    }
}

#[async_trait::async_trait]
impl ObjectStore for SimObjectStore {
    async fn put_opts(
        &self,
        location: &Name,
        payload: PutPayload,
        _: PutOptions,
    ) -> object_store::Result<PutResult> {
        let name = file(location);
        self.put_synced(&name, &payload).map_err(|e| failed(&name, e))?;
        Ok(PutResult {
            e_tag: None,
            version: None,
            extensions: Default::default(),
        })
    }
    async fn put_multipart_opts(
        &self,
        _: &Name,
        _: PutMultipartOptions,
    ) -> object_store::Result<Box<dyn MultipartUpload>> {
        Err(failed("multipart", io::ErrorKind::Unsupported.into()))
    }
    async fn get_opts(&self, location: &Name, options: GetOptions) -> object_store::Result<GetResult> {
        let name = file(location);
        let all = Bytes::from(self.files.read(&name).map_err(|e| failed(&name, e))?);
        let size = all.len();
        let range = match &options.range {
            None => 0..size as u64,
            Some(range) => range
                .as_range(size as u64)
                .map_err(|e| failed(&name, io::Error::other(e.to_string())))?,
        };
        let part = |end: u64| usize::try_from(end).unwrap_or(size).min(size);
        let bytes = all.slice(part(range.start)..part(range.end));
        Ok(GetResult {
            payload: GetResultPayload::Stream(stream::once(async move { Ok(bytes) }).boxed()),
            meta: meta(location.clone(), size),
            range,
            attributes: Default::default(),
            extensions: Default::default(),
        })
    }
    fn delete_stream(
        &self,
        locations: BoxStream<'static, object_store::Result<Name>>,
    ) -> BoxStream<'static, object_store::Result<Name>> {
        let files = self.files.clone();
        locations
            .map(move |location| {
                let location = location?;
                let name = file(&location);
                files.remove(&name).map_err(|e| failed(&name, e))?;
                Ok(location)
            })
            .boxed()
    }
    fn list(&self, prefix: Option<&Name>) -> BoxStream<'static, object_store::Result<ObjectMeta>> {
        let folder = prefix.map_or_else(|| format!("{OBJECTS}/"), |prefix| format!("{}/", file(prefix)));
        let names = self.files.list(&folder).map_err(|e| failed(&folder, e));
        let found: Vec<object_store::Result<ObjectMeta>> = match names {
            Err(error) => vec![Err(error)],
            Ok(names) => names
                .iter()
                .filter_map(|name| name.strip_prefix(OBJECTS)?.strip_prefix('/'))
                .filter(|name| !name.contains('#'))
                .map(|name| {
                    let size = self.files.len(&format!("{OBJECTS}/{name}")).unwrap_or(0);
                    Ok(meta(Name::from(name), size))
                })
                .collect(),
        };
        stream::iter(found).boxed()
    }
    async fn list_with_delimiter(&self, _: Option<&Name>) -> object_store::Result<ListResult> {
        Err(failed("list_with_delimiter", io::ErrorKind::Unsupported.into()))
    }
    async fn copy_opts(&self, _: &Name, _: &Name, _: CopyOptions) -> object_store::Result<()> {
        Err(failed("copy", io::ErrorKind::Unsupported.into()))
    }
}
