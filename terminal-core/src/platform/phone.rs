//! What an app gives the core: clocks, keys, network and battery of a phone, written in the app's language.
//!
//! Such code can throw, so each call may fail here, where the core's own traits have no failure. This file decides what
//! holds then: a clock stands still, a network costs money, a key is an error. The texts of failures are not logged.

use crate::{
    Error, Result,
    platform::{
        bundle::{Platform, PlatformOf},
        clock::{Clock, ClockRaw, SystemClock},
        file_keystore::FileKeystore,
        keystore::Keystore,
        random::SystemRandom,
        surroundings::{Connectivity, Power, Surroundings},
        system_disk::SystemDisk,
    },
};
use protocol::{
    ids::StreamId,
    sign::{Algorithm, KeystoreError, PublicKey, Signature, Signer},
};
use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

/// A service of the app failed, or threw. The text is for `details` of an error, never for a log.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct FailedService(pub String);

impl From<FailedService> for Error {
    fn from(failed: FailedService) -> Self {
        Self::Keystore(failed.0)
    }
}

/// The clocks of the phone.
pub trait PhoneClock: Send + Sync {
    /// Reads all clocks at once.
    ///
    /// # Errors
    /// The app threw; the core goes on with the last reading.
    fn read(&self) -> std::result::Result<ClockRaw, FailedService>;
}

/// Network and battery of the phone.
pub trait PhoneSurroundings: Send + Sync {
    /// # Errors
    /// The app threw; the core then takes the network for a metered one, so that photos wait and records go.
    fn connectivity(&self) -> std::result::Result<Connectivity, FailedService>;
    /// # Errors
    /// The app threw; the core then takes the battery for a full one.
    fn power(&self) -> std::result::Result<Power, FailedService>;
    /// # Errors
    /// The app threw; the core then assumes that nobody looks at the screen.
    fn is_attended(&self) -> std::result::Result<bool, FailedService>;
}

/// The keystore of the phone. `home` is the folder of one user; every user has keys of his own, and every stream of his
/// has one signing key.
pub trait PhoneKeys: Send + Sync {
    /// 32 bytes, always the same ones for a home.
    ///
    /// # Errors
    /// The keystore is locked, or lost the key.
    fn database_key(&self, home: &Path) -> std::result::Result<Vec<u8>, FailedService>;
    /// 32 bytes, always the same ones for a home.
    ///
    /// # Errors
    /// As for [`Self::database_key`].
    fn photo_key(&self, home: &Path) -> std::result::Result<Vec<u8>, FailedService>;
    /// The algorithm of all signing keys.
    ///
    /// # Errors
    /// The app threw.
    fn algorithm(&self) -> std::result::Result<Algorithm, FailedService>;
    /// The public key of a stream: 32 bytes (Ed25519), or what [`PublicKey::es256`] reads.
    ///
    /// # Errors
    /// As for [`Self::database_key`].
    fn public_key(&self, home: &Path, stream: StreamId) -> std::result::Result<Vec<u8>, FailedService>;
    /// Signs: 64 bytes (Ed25519), or DER as in [`Signature::es256_of_der`].
    ///
    /// # Errors
    /// As for [`Self::database_key`].
    fn sign(
        &self,
        home: &Path,
        stream: StreamId,
        message: &[u8],
    ) -> std::result::Result<Vec<u8>, FailedService>;
    /// Destroys all keys of a home.
    ///
    /// # Errors
    /// The app threw.
    fn forget(&self, home: &Path) -> std::result::Result<(), FailedService>;
}

/// Where the keys of a phone's users are.
pub enum KeyPlace {
    /// In the phone's keystore.
    Keystore(Arc<dyn PhoneKeys>),
    /// In a file of mode 600 in each home, for machines without a keystore. Who reads the file reads the store.
    FileInHome,
}

/// The platform of every user of a phone.
pub struct PhonePlatform {
    clock: Arc<SteadyClock>,
    keys: KeyPlace,
    spare_font: Option<media::SpareFont>,
}

impl PhonePlatform {
    /// # Errors
    /// [`Error::Io`] if the system gives no randomness.
    pub fn new(clock: Arc<dyn PhoneClock>, keys: KeyPlace) -> Result<Self> {
        let before_the_first = SystemClock::new(&SystemRandom)?.read();
        Ok(Self {
            clock: Arc::new(SteadyClock {
                phone: clock,
                last: Mutex::new(LastReading {
                    clock: before_the_first,
                    failures: 0,
                }),
            }),
            keys,
            spare_font: None,
        })
    }
    /// With a font of the phone for characters of stamps that the embedded one lacks.
    #[must_use]
    pub fn with_spare_font(self, spare_font: Option<media::SpareFont>) -> Self {
        Self { spare_font, ..self }
    }
}

impl PlatformOf for PhonePlatform {
    fn platform(&self, home: &Path) -> Result<Platform> {
        let keystore: Arc<dyn Keystore> = match &self.keys {
            KeyPlace::Keystore(keys) => Arc::new(HomeKeys {
                keys: Arc::clone(keys),
                home: home.into(),
            }),
            KeyPlace::FileInHome => Arc::new(FileKeystore::open_or_create(home, &SystemRandom)?),
        };
        Ok(Platform {
            clock: Arc::clone(&self.clock) as Arc<dyn Clock>,
            random: Arc::new(SystemRandom),
            keystore,
            disk: Arc::new(SystemDisk),
            spare_font: self.spare_font.clone(),
        })
    }
}

/// Stands still while the phone's clock fails.
struct SteadyClock {
    phone: Arc<dyn PhoneClock>,
    last: Mutex<LastReading>,
}

struct LastReading {
    clock: ClockRaw,
    /// How often the phone's clock failed.
    failures: u64,
}

impl Clock for SteadyClock {
    fn read(&self) -> ClockRaw {
        // The app's code runs outside the lock: it may be slow.
        let read = self.phone.read();
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        match read {
            Ok(now) => last.clock = now,
            Err(_) => {
                last.failures = last.failures.saturating_add(1);
                tracing::warn!(name: "platform.clock_failed", failures = last.failures);
            }
        }
        last.clock.clone()
    }
}

/// Network and battery of a phone for [`Terminal::sync_now`](crate::terminal::Terminal::sync_now) and the watch.
pub struct WatchedSurroundings(pub Arc<dyn PhoneSurroundings>);

impl Surroundings for WatchedSurroundings {
    fn connectivity(&self) -> Connectivity {
        self.0.connectivity().unwrap_or(Connectivity {
            online: true,
            metered: true,
            roaming: false,
        })
    }
    fn power(&self) -> Power {
        self.0.power().unwrap_or_default()
    }
    fn is_attended(&self) -> bool {
        self.0.is_attended().unwrap_or(false)
    }
}

/// The keys of one user.
struct HomeKeys {
    keys: Arc<dyn PhoneKeys>,
    home: Arc<Path>,
}

impl Keystore for HomeKeys {
    fn database_key(&self) -> Result<[u8; 32]> {
        key(self.keys.database_key(&self.home)?)
    }
    fn photo_key(&self) -> Result<[u8; 32]> {
        key(self.keys.photo_key(&self.home)?)
    }
    fn signer(&self, stream: StreamId) -> Result<Arc<dyn Signer>> {
        let algorithm = self.keys.algorithm()?;
        let encoded = self.keys.public_key(&self.home, stream)?;
        let public = match algorithm {
            Algorithm::Ed25519 => PublicKey::new(algorithm, encoded),
            Algorithm::Es256 => {
                PublicKey::es256(&encoded).map_err(|error| Error::Keystore(error.to_string()))?
            }
        };
        public
            .check()
            .map_err(|error| Error::Keystore(error.to_string()))?;
        Ok(Arc::new(PhoneSigner {
            keys: Arc::clone(&self.keys),
            home: Arc::clone(&self.home),
            stream,
            public,
        }))
    }
    fn forget(&self) -> Result<()> {
        Ok(self.keys.forget(&self.home)?)
    }
}

fn key(bytes: Vec<u8>) -> Result<[u8; 32]> {
    let bytes = bytes.try_into();
    bytes.map_err(|bytes: Vec<u8>| Error::Keystore(format!("a key of {} bytes, not 32", bytes.len())))
}

/// Signs for one stream with a key that stays in the phone's keystore.
struct PhoneSigner {
    keys: Arc<dyn PhoneKeys>,
    home: Arc<Path>,
    stream: StreamId,
    public: PublicKey,
}

impl Signer for PhoneSigner {
    fn public_key(&self) -> PublicKey {
        self.public.clone()
    }
    fn sign(&self, message: &[u8]) -> std::result::Result<Signature, KeystoreError> {
        let signed = self.keys.sign(&self.home, self.stream, message);
        let bytes = signed.map_err(|failed| KeystoreError(failed.0))?;
        match self.public.algorithm() {
            Algorithm::Ed25519 => Ok(Signature::new(Algorithm::Ed25519, bytes)),
            Algorithm::Es256 => {
                Signature::es256_of_der(&bytes).map_err(|error| KeystoreError(error.to_string()))
            }
        }
    }
}
