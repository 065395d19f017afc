//! The operating system behind traits: clocks, randomness, keys, disk, network state, photo files, log.
//!
//! Every trait has a production implementation for Linux and the command line; phones and the simulator bring their
//! own. Nothing else in this crate reads a clock, draws randomness or touches the handset's files.

pub(crate) mod bundle;
pub(crate) mod clock;
pub(crate) mod disk;
pub(crate) mod file_keystore;
pub(crate) mod home;
pub(crate) mod keystore;
pub(crate) mod log;
pub(crate) mod phone;
pub(crate) mod photo_files;
pub(crate) mod random;
pub(crate) mod surroundings;
pub(crate) mod system_disk;

pub use bundle::{Platform, PlatformOf};
pub use clock::{Clock, ClockRaw, SystemClock};
pub use disk::{Disk, DiskFile, DiskLock};
pub use file_keystore::FileKeystore;
pub use home::{DATABASE, KEY_FILE, NOTE, PHOTOS};
pub use keystore::Keystore;
pub use log::{LogLevel, LogRecord, LogSink, log_panic, set_log};
pub use phone::{
    FailedService, KeyPlace, PhoneClock, PhoneKeys, PhonePlatform, PhoneSurroundings, WatchedSurroundings,
};
pub use photo_files::{PhotoFileError, PhotoFiles};
pub use random::{Random, SystemRandom, random_bytes};
pub use surroundings::{Connectivity, LOW_PERCENT, NetworkCost, Power, Surroundings};
pub use system_disk::SystemDisk;
