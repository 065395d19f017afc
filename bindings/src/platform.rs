//! What the app gives the core: clocks, network and battery, keys. Each call may fail or throw; the core decides what
//! holds then (`terminal_core::platform::phone`).

use std::{path::Path, sync::Arc};
use terminal_core::platform::{
    ClockRaw, Connectivity, FailedService, KeyPlace, PhoneClock, PhoneKeys, PhonePlatform, PhoneSurroundings,
    Power, WatchedSurroundings,
};
use terminal_core::protocol::{ids::StreamId, sign::Algorithm, time::Millis};

/// A reading of all clocks: the wall clock, the id of this boot, and milliseconds since boot, sleep included.
#[uniffi::remote(Record)]
pub struct ClockRaw {
    pub wall: Millis,
    pub boot: String,
    pub monotonic_ms: i64,
}

/// `online` is false only when the platform is sure that there is no network.
#[uniffi::remote(Record)]
pub struct Connectivity {
    pub online: bool,
    pub metered: bool,
    pub roaming: bool,
}

/// State of the battery.
#[uniffi::remote(Record)]
pub struct Power {
    pub low: bool,
    pub charging: bool,
}

/// The algorithm of the signing keys.
#[uniffi::remote(Enum)]
pub enum Algorithm {
    Ed25519,
    /// ECDSA P-256 with SHA-256, as phones' hardware has it.
    Es256,
}

/// A service of the app failed, or threw. `what` is never logged.
#[derive(Debug, thiserror::Error, uniffi::Error)]
pub enum ServiceError {
    #[error("{what}")]
    Failed { what: String },
}

impl From<uniffi::UnexpectedUniFFICallbackError> for ServiceError {
    fn from(error: uniffi::UnexpectedUniFFICallbackError) -> Self {
        // The text and the stack that follow may name persons.
        let what = error.reason.split([':', '\n']).take(1).collect();
        Self::Failed { what }
    }
}

impl From<ServiceError> for FailedService {
    fn from(error: ServiceError) -> Self {
        Self(error.to_string())
    }
}

/// The clocks of the phone. While it fails, time stands still for the core.
#[uniffi::export(with_foreign)]
pub trait Clocks: Send + Sync {
    fn read(&self) -> Result<ClockRaw, ServiceError>;
}

/// Network and battery, asked before every action of a sync: answers quickly. While it fails, the network counts as
/// metered. Report changes by `Handset.nudge`, too.
#[uniffi::export(with_foreign)]
pub trait Surroundings: Send + Sync {
    fn connectivity(&self) -> Result<Connectivity, ServiceError>;
    fn power(&self) -> Result<Power, ServiceError>;
    /// A person looks at the app.
    fn is_attended(&self) -> Result<bool, ServiceError>;
}

/// The keystore of the phone. `home` is the folder of one user, whose keys are his own.
#[uniffi::export(with_foreign)]
pub trait Keys: Send + Sync {
    /// 32 bytes, always the same ones for a home.
    fn database_key(&self, home: String) -> Result<Vec<u8>, ServiceError>;
    /// 32 bytes, always the same ones for a home.
    fn photo_key(&self, home: String) -> Result<Vec<u8>, ServiceError>;
    /// The algorithm of all signing keys.
    fn algorithm(&self) -> Result<Algorithm, ServiceError>;
    /// 32 bytes (Ed25519), X.509 SubjectPublicKeyInfo in DER, or a SEC1 point (ES256).
    fn public_key(&self, home: String, stream: StreamId) -> Result<Vec<u8>, ServiceError>;
    /// 64 bytes (Ed25519), or DER (ES256).
    fn sign(&self, home: String, stream: StreamId, message: Vec<u8>) -> Result<Vec<u8>, ServiceError>;
    /// Destroys all keys of a home.
    fn forget(&self, home: String) -> Result<(), ServiceError>;
}

/// All services of the app.
#[derive(Clone, uniffi::Record)]
pub struct Services {
    pub clocks: Arc<dyn Clocks>,
    pub surroundings: Arc<dyn Surroundings>,
    /// Null on machines without a keystore: the keys are then in a file of each home, and who reads it reads the store.
    pub keys: Option<Arc<dyn Keys>>,
    /// A font of the system for characters of stamps that the core's own lacks; null without one.
    #[uniffi(default = None)]
    pub spare_font: Option<SpareFont>,
}

/// A font file of the system, and the number of the font in a collection.
#[derive(Clone, uniffi::Record)]
pub struct SpareFont {
    pub path: String,
    pub face: u32,
}

impl Services {
    pub(crate) fn platform(&self) -> terminal_core::Result<PhonePlatform> {
        let keys = match self.keys.clone() {
            Some(keys) => KeyPlace::Keystore(Arc::new(OfApp(keys))),
            None => KeyPlace::FileInHome,
        };
        let platform = PhonePlatform::new(Arc::new(OfApp(Arc::clone(&self.clocks))), keys)?;
        let font = self.spare_font.clone();
        Ok(
            platform.with_spare_font(font.map(|font| terminal_core::photos::SpareFont {
                path: font.path.into(),
                face: font.face,
            })),
        )
    }
    pub(crate) fn surroundings(&self) -> WatchedSurroundings {
        WatchedSurroundings(Arc::new(OfApp(Arc::clone(&self.surroundings))))
    }
}

/// A service of the app as the core's trait.
struct OfApp<T: ?Sized>(Arc<T>);

type Answer<T> = Result<T, FailedService>;

impl PhoneClock for OfApp<dyn Clocks> {
    fn read(&self) -> Answer<ClockRaw> {
        Ok(self.0.read()?)
    }
}

impl PhoneSurroundings for OfApp<dyn Surroundings> {
    fn connectivity(&self) -> Answer<Connectivity> {
        Ok(self.0.connectivity()?)
    }
    fn power(&self) -> Answer<Power> {
        Ok(self.0.power()?)
    }
    fn is_attended(&self) -> Answer<bool> {
        Ok(self.0.is_attended()?)
    }
}

impl PhoneKeys for OfApp<dyn Keys> {
    fn database_key(&self, home: &Path) -> Answer<Vec<u8>> {
        Ok(self.0.database_key(home.display().to_string())?)
    }
    fn photo_key(&self, home: &Path) -> Answer<Vec<u8>> {
        Ok(self.0.photo_key(home.display().to_string())?)
    }
    fn algorithm(&self) -> Answer<Algorithm> {
        Ok(self.0.algorithm()?)
    }
    fn public_key(&self, home: &Path, stream: StreamId) -> Answer<Vec<u8>> {
        Ok(self.0.public_key(home.display().to_string(), stream)?)
    }
    fn sign(&self, home: &Path, stream: StreamId, message: &[u8]) -> Answer<Vec<u8>> {
        Ok(self
            .0
            .sign(home.display().to_string(), stream, message.to_vec())?)
    }
    fn forget(&self, home: &Path) -> Answer<()> {
        Ok(self.0.forget(home.display().to_string())?)
    }
}
