//! Plain files beside the databases: on the same disk, with the same faults and the same losses.
//!
//! A name is a path with `/`; folders need not be created. Written bytes are durable after [`Files::sync_file`],
//! names after [`Files::sync_dir`] of their folder. Every mutating call is one operation for
//! [`crate::Host::fault_in`].

use std::io;
use std::sync::{Arc, MutexGuard};

use crate::machine::{DiskEvent, Fail, SimMachine};
use crate::vfs::inner::HostState;

/// The files of a machine until it is power cycled; after that every call fails.
#[derive(Clone)]
pub struct Files {
    inner: Arc<HostState>,
    epoch: u64,
}

impl Files {
    pub(crate) fn of(inner: Arc<HostState>) -> Self {
        let epoch = inner.lock().epoch;
        Self { inner, epoch }
    }
    fn machine(&self) -> io::Result<MutexGuard<'_, SimMachine>> {
        let machine = self.inner.lock();
        if machine.dead || machine.epoch != self.epoch {
            return Err(error(Fail::Dead));
        }
        Ok(machine)
    }
    /// Creates an empty file; an existing file is truncated.
    pub fn create(&self, name: &str) -> io::Result<()> {
        let mut machine = self.machine()?;
        let (ino, made) = machine.find_or_create(name).map_err(error)?;
        machine.trace(DiskEvent::Open, ino, 0, u64::from(made));
        if !made
            && machine
                .inodes
                .get(&ino)
                .is_some_and(|inode| !inode.data.is_empty())
        {
            machine.resize(ino, 0).map_err(error)?;
        }
        Ok(())
    }
    /// Creates an empty file; fails when the name exists.
    pub fn create_new(&self, name: &str) -> io::Result<()> {
        let mut machine = self.machine()?;
        if machine.names.now.contains_key(name) {
            return Err(error(Fail::Exists));
        }
        let (ino, _) = machine.find_or_create(name).map_err(error)?;
        machine.trace(DiskEvent::Open, ino, 0, 1);
        Ok(())
    }
    pub fn append(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let mut machine = self.machine()?;
        let ino = find(&machine, name)?;
        let end = machine.inodes.get(&ino).map_or(0, |inode| inode.data.len());
        machine.write(ino, end, bytes).map_err(error)
    }
    pub fn write_at(&self, name: &str, at: usize, bytes: &[u8]) -> io::Result<()> {
        let mut machine = self.machine()?;
        let ino = find(&machine, name)?;
        machine.write(ino, at, bytes).map_err(error)
    }
    /// Truncates the file, or extends it with zeros.
    pub fn set_len(&self, name: &str, len: usize) -> io::Result<()> {
        let mut machine = self.machine()?;
        let ino = find(&machine, name)?;
        machine.resize(ino, len).map_err(error)
    }
    pub fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        let machine = self.machine()?;
        let ino = find(&machine, name)?;
        let inode = machine.inodes.get(&ino).ok_or_else(|| error(Fail::Io))?;
        Ok(inode.data.clone())
    }
    pub fn len(&self, name: &str) -> io::Result<usize> {
        let machine = self.machine()?;
        let ino = find(&machine, name)?;
        Ok(machine.inodes.get(&ino).map_or(0, |inode| inode.data.len()))
    }
    pub fn exists(&self, name: &str) -> io::Result<bool> {
        Ok(self.machine()?.names.now.contains_key(name))
    }
    /// Renames a file; an existing file with the new name is replaced.
    pub fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.machine()?.rename(from, to).map_err(error)
    }
    pub fn remove(&self, name: &str) -> io::Result<()> {
        self.machine()?.remove(name, false).map_err(error)
    }
    /// Returns the names that begin with `prefix`, in order.
    pub fn list(&self, prefix: &str) -> io::Result<Vec<String>> {
        let machine = self.machine()?;
        let from = machine.names.now.range(prefix.to_owned()..);
        let named = from.map(|(name, _)| name);
        Ok(named
            .take_while(|name| name.starts_with(prefix))
            .cloned()
            .collect())
    }
    /// Makes the content durable; the name needs [`Self::sync_dir`].
    pub fn sync_file(&self, name: &str) -> io::Result<()> {
        let mut machine = self.machine()?;
        let ino = find(&machine, name)?;
        machine.sync(ino, None).map_err(error)
    }
    /// Makes the names in this folder durable; the root is `""`.
    pub fn sync_dir(&self, folder: &str) -> io::Result<()> {
        self.machine()?.sync_dir(folder).map_err(error)
    }
}

fn find(machine: &SimMachine, name: &str) -> io::Result<u64> {
    let ino = machine.names.now.get(name).copied();
    ino.ok_or_else(|| error(Fail::Missing))
}

fn error(fail: Fail) -> io::Error {
    match fail {
        Fail::Dead => io::Error::other("the machine is off"),
        Fail::Io => io::Error::other("input/output error"),
        Fail::Full => io::Error::from(io::ErrorKind::StorageFull),
        Fail::Missing => io::Error::from(io::ErrorKind::NotFound),
        Fail::Exists => io::Error::from(io::ErrorKind::AlreadyExists),
    }
}
