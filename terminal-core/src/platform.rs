//! What the handset's platform gives: clocks, randomness, keys, the disk, connectivity, photo bytes.
//!
//! Every trait has a production implementation for Linux and the command line; phones and the simulator
//! bring their own. Nothing else in this crate reads a clock, draws randomness or touches
//! what the handset keeps on its disk.

use crate::{Error, Result};
use protocol::{evidence::ClockReading, ids::StreamId, sign::Signer, time::Millis};
use std::{
    io::{self, Read, Seek},
    path::Path,
    sync::Arc,
    time::SystemTime,
};

/// One look at the clocks of the platform, without what the store knows of the server's time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClockRaw {
    /// The wall clock, which may lie by years.
    pub wall: Millis,
    /// Names one boot of the handset.
    pub boot: String,
    /// Milliseconds since that boot, sleep included (CLOCK_BOOTTIME, elapsedRealtime).
    pub monotonic_ms: i64,
}

impl ClockRaw {
    /// The reading that goes into evidence, with the offset to the server as the store estimates it.
    pub fn reading(self, offset_ms: Option<i64>) -> ClockReading {
        ClockReading {
            wall: self.wall,
            boot: self.boot,
            monotonic_ms: self.monotonic_ms,
            offset_ms,
        }
    }
}

/// The clocks.
pub trait Clock: Send + Sync {
    /// Reads all clocks at once.
    fn read(&self) -> ClockRaw;
}

/// Randomness good enough for keys and ids.
pub trait Random: Send + Sync {
    /// Fills the buffer or says why it cannot.
    fn fill(&self, buffer: &mut [u8]) -> Result<()>;
}

/// Ten random bytes, as ids need them.
pub fn random_bytes<const N: usize>(random: &dyn Random) -> Result<[u8; N]> {
    let mut bytes = [0; N];
    random.fill(&mut bytes)?;
    Ok(bytes)
}

/// Where the keys are. On phones the platform's keystore, for the command line [`crate::vault::FileVault`].
pub trait Vault: Send + Sync {
    /// The raw key of the account's database.
    fn database_key(&self) -> Result<[u8; 32]>;
    /// The key that photos on disk are sealed with.
    fn photo_key(&self) -> Result<[u8; 32]>;
    /// The signing key of this stream; the same stream gets the same key for ever.
    fn signer(&self, stream: StreamId) -> Result<Arc<dyn Signer>>;
    /// Destroys all of it, for good: the handset's data has been handed over. Keys that lie nowhere end with the
    /// process.
    fn forget(&self) -> Result<()> {
        Ok(())
    }
}

/// The network as the platform sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Connectivity {
    /// `false` only when the platform is sure that there is no network.
    pub online: bool,
    /// Bytes cost money here: photos and large files wait unless the policy says otherwise.
    pub metered: bool,
}

impl Default for Connectivity {
    fn default() -> Self {
        Self {
            online: true,
            metered: false,
        }
    }
}

/// The disk that the handset's database, sealed photos and locks lie on. What it promises is what a journalling
/// file system promises: bytes are durable after a sync of their file, names after a sync of their folder.
/// In production [`crate::disk::SystemDisk`].
pub trait Disk: Send + Sync {
    /// The SQLite VFS that databases are opened on; `None` is the system's own.
    fn vfs(&self) -> Option<&str> {
        None
    }
    /// Databases lie here without encryption: a simulation of many days has no time for it in each of them.
    #[cfg(feature = "testing")]
    fn is_plain(&self) -> bool {
        false
    }
    /// Whether there is a file or folder of this name.
    fn exists(&self, path: &Path) -> bool;
    /// Makes the folder and those above it, where they are missing.
    fn create_dir_all(&self, path: &Path) -> io::Result<()>;
    /// Opens a file to read.
    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;
    /// Makes a file that was not there, for its owner alone, and syncs its bytes; its name is not durable yet.
    fn create_synced(&self, path: &Path, bytes: &[u8]) -> io::Result<()>;
    /// Gives a file another name, in place of what had it.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// The names in a folder, in no order.
    fn names(&self, folder: &Path) -> io::Result<Vec<String>>;
    /// Makes the names in a folder durable.
    fn sync_folder(&self, folder: &Path) -> io::Result<()>;
    /// Waits for the lock of this name. It ends with the value or with the process, however that dies.
    fn lock(&self, path: &Path) -> io::Result<DiskLock>;
    /// The lock of this name, unless somebody has it.
    fn try_lock(&self, path: &Path) -> io::Result<Option<DiskLock>>;
}

/// A file of a [`Disk`], to read.
pub trait DiskFile: Read + Seek + Send {}
impl<F: Read + Seek + Send> DiskFile for F {}

/// Holds a lock of a [`Disk`] until it is dropped.
pub type DiskLock = Box<dyn std::any::Any + Send + Sync>;

/// The battery as the platform sees it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Power {
    /// The platform calls it low.
    pub low: bool,
    pub charging: bool,
}

/// Network and battery, which change while the handset watches.
pub trait Surroundings: Send + Sync {
    fn connectivity(&self) -> Connectivity;
    fn power(&self) -> Power;
}

/// Why a photo's bytes could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PhotoFileError {
    /// `photo.file_missing`
    #[error("the photo's file is not there")]
    Missing,
    /// `photo.file_damaged`: it does not open with its key, or is shorter than recorded.
    #[error("the photo's file is damaged")]
    Damaged,
    /// `photo.file_unreadable`: may pass later.
    #[error("the photo's file could not be read: {0}")]
    Unreadable(String),
}

/// Reads prepared photos, which are sealed on disk.
pub trait PhotoFiles: Send + Sync {
    /// The plain bytes `offset .. offset + len` of the photo stored under `file`; exactly `len` bytes.
    fn read(&self, file: &str, offset: u64, len: u64) -> std::result::Result<Vec<u8>, PhotoFileError>;
}

/// The clocks of Linux: system time, boot id and `/proc/uptime`, which counts suspend.
#[derive(Debug, Clone)]
pub struct SystemClock {
    boot: String,
    started: std::time::Instant,
}

impl SystemClock {
    /// Reads the boot id once; where there is none, every process is a boot of its own.
    pub fn new(random: &dyn Random) -> Result<Self> {
        let boot = match std::fs::read_to_string("/proc/sys/kernel/random/boot_id") {
            Ok(text) => text.trim().to_owned(),
            Err(_) => format!("process-{}", hex::encode(random_bytes::<16>(random)?)),
        };
        Ok(Self {
            boot,
            started: std::time::Instant::now(),
        })
    }
}

impl Clock for SystemClock {
    fn read(&self) -> ClockRaw {
        let wall = match SystemTime::now().duration_since(SystemTime::UNIX_EPOCH) {
            Ok(after) => i64::try_from(after.as_millis()).unwrap_or(i64::MAX),
            Err(before) => i64::try_from(before.duration().as_millis()).map_or(i64::MIN, |ms| -ms),
        };
        ClockRaw {
            wall: Millis(wall),
            boot: self.boot.clone(),
            monotonic_ms: uptime_ms()
                .unwrap_or_else(|| i64::try_from(self.started.elapsed().as_millis()).unwrap_or(i64::MAX)),
        }
    }
}

/// `12345.67 ...` seconds since boot, suspend included, as milliseconds.
fn uptime_ms() -> Option<i64> {
    let text = std::fs::read_to_string("/proc/uptime").ok()?;
    let (seconds, hundredths) = text.split_whitespace().next()?.split_once('.')?;
    let seconds: i64 = seconds.parse().ok()?;
    let hundredths: i64 = hundredths.parse().ok()?;
    seconds
        .checked_mul(1000)?
        .checked_add(hundredths.checked_mul(10)?)
}

/// The operating system's randomness.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemRandom;

impl Random for SystemRandom {
    fn fill(&self, buffer: &mut [u8]) -> Result<()> {
        getrandom::fill(buffer).map_err(|error| Error::Vault(format!("no randomness: {error}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_goes_forward_within_one_boot() {
        let clock = SystemClock::new(&SystemRandom).unwrap();
        let (a, b) = (clock.read(), clock.read());
        assert_eq!(a.boot, b.boot);
        assert!(!a.boot.is_empty());
        assert!(b.monotonic_ms >= a.monotonic_ms && a.monotonic_ms > 0);
    }
}
