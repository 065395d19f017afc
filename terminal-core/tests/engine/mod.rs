//! Shared by the engine's tests: a server in memory, a transport with faults, and a handset with a real
//! store.
#![allow(
    dead_code,
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

pub mod server;
mod uploads;

use protocol::{
    evidence::Evidence,
    field::{Contact, Device, Invitation},
    ids::{EntryId, RecordId},
    payload::{Payload, Report},
    photo::{PhotoRef, PhotoRole, Sha256},
    time::Millis,
};
use server::Server;
use std::{
    collections::{HashMap, VecDeque},
    path::PathBuf,
    sync::{Arc, Mutex},
};
use terminal_core::{
    Result,
    lifecycle::enrol,
    platform::{Clock, ClockRaw, FileKeystore, Keystore, PhotoFileError, PhotoFiles, Random},
    store::{Custody, HandsetStore, Item, NewEntry},
    sync::{Driver, NextAction, Policy, StepOutcome, Sync, SyncReport},
    transport::{CancelToken, Method, Request, Response, Transport, TransportError},
};
use uuid::Uuid;

/// What happens to the next exchange.
#[derive(Debug, Clone)]
pub enum EngineFault {
    /// Nothing.
    Pass,
    /// The request never arrives.
    LoseRequest,
    /// The server processes the request; its answer is lost.
    LoseAnswer,
    /// The request arrives twice; the second answer is returned.
    Twice,
    /// Somebody else answers.
    Instead(Response),
    /// The server's answer is changed on the way.
    HandsetChange(fn(&mut Response)),
}

pub fn html(status: u16) -> Response {
    Response {
        status,
        headers: vec![("content-type".into(), "text/html".into())],
        body: b"<html><body>Please log in</body></html>".to_vec(),
    }
}

/// The request as the server reads it: `X-HTTP-Method-Override` names the method.
fn meant(request: &Request) -> Request {
    let named = request
        .headers
        .iter()
        .find(|(name, _)| *name == "x-http-method-override");
    let method = match named.map(|(_, value)| value.as_str()) {
        Some("HEAD") => Method::Head,
        Some("PATCH") => Method::Patch,
        _ => request.method,
    };
    Request {
        method,
        ..request.clone()
    }
}

pub struct EngineNetwork {
    pub server: Mutex<Server>,
    pub faults: Mutex<VecDeque<EngineFault>>,
    /// Requests as sent, with the status of the response (0: none).
    pub log: Mutex<Vec<(String, u16)>>,
    pub clock: Arc<TestClock>,
    /// A proxy refuses larger bodies, in bytes.
    pub largest_body: Mutex<Option<usize>>,
    /// A firewall answers methods other than GET and POST with this status.
    pub firewall: Mutex<Option<u16>>,
}

impl Transport for EngineNetwork {
    fn exchange(&self, request: &Request) -> std::result::Result<Response, TransportError> {
        let fault = self
            .faults
            .lock()
            .unwrap()
            .pop_front()
            .unwrap_or(EngineFault::Pass);
        self.clock.advance(40);
        let now = self.clock.true_time();
        let mut server = self.server.lock().unwrap();
        let cut = || Err(TransportError::Cut("test".into()));
        let largest = self.largest_body.lock().unwrap().unwrap_or(usize::MAX);
        let meant = meant(request);
        let firewall = *self.firewall.lock().unwrap();
        let barred = firewall.filter(|_| !matches!(request.method, Method::Get | Method::Post));
        let answer = match fault {
            EngineFault::Pass if barred.is_some() => Ok(html(barred.unwrap())),
            EngineFault::Pass if request.body.len() > largest => Ok(html(413)),
            EngineFault::Pass => Ok(server.handle(&meant, now)),
            EngineFault::LoseRequest => cut(),
            EngineFault::LoseAnswer => {
                server.handle(&meant, now);
                cut()
            }
            EngineFault::Twice => {
                server.handle(&meant, now);
                Ok(server.handle(&meant, now))
            }
            EngineFault::Instead(response) => Ok(response),
            EngineFault::HandsetChange(change) => {
                let mut response = server.handle(&meant, now);
                change(&mut response);
                Ok(response)
            }
        };
        self.clock.advance(40);
        let status = answer.as_ref().map_or(0, |r| r.status);
        self.log.lock().unwrap().push((format!("{request:?}"), status));
        answer
    }
}

/// A clock that tests move. `lie`: difference of the wall clock to true time, milliseconds.
pub struct TestClock(Mutex<(i64, i64, i64, u32)>);

pub const T0: i64 = 1_795_000_000_000;

impl TestClock {
    pub fn new() -> Self {
        Self(Mutex::new((T0, 0, 1_000_000, 1)))
    }
    pub fn advance(&self, ms: i64) {
        let mut c = self.0.lock().unwrap();
        c.0 += ms;
        c.2 += ms;
    }
    pub fn set_lie(&self, ms: i64) {
        self.0.lock().unwrap().1 = ms;
    }
    pub fn reboot(&self) {
        let mut c = self.0.lock().unwrap();
        c.2 = 5_000;
        c.3 += 1;
    }
    pub fn true_time(&self) -> Millis {
        Millis(self.0.lock().unwrap().0)
    }
}
impl Clock for TestClock {
    fn read(&self) -> ClockRaw {
        let c = self.0.lock().unwrap();
        ClockRaw {
            wall: Millis(c.0 + c.1),
            boot: format!("boot-{}", c.3),
            monotonic_ms: c.2,
        }
    }
}

/// The same bytes for the same seed (SplitMix64).
pub struct TestRandom(Mutex<u64>);
impl TestRandom {
    pub fn new(seed: u64) -> Self {
        Self(Mutex::new(seed))
    }
    pub fn next(&self) -> u64 {
        let mut state = self.0.lock().unwrap();
        *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = *state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}
impl Random for TestRandom {
    fn fill(&self, buffer: &mut [u8]) -> Result<()> {
        for chunk in buffer.chunks_mut(8) {
            let bytes = self.next().to_le_bytes();
            chunk.copy_from_slice(&bytes[..chunk.len()]);
        }
        Ok(())
    }
}

#[derive(Default)]
pub struct TestPhotos(pub Mutex<HashMap<String, Vec<u8>>>);
impl PhotoFiles for TestPhotos {
    fn read(&self, file: &str, offset: u64, len: u64) -> std::result::Result<Vec<u8>, PhotoFileError> {
        let files = self.0.lock().unwrap();
        let bytes = files.get(file).ok_or(PhotoFileError::Missing)?;
        let (from, to) = (offset as usize, (offset + len) as usize);
        Ok(bytes.get(from..to).ok_or(PhotoFileError::Damaged)?.to_vec())
    }
}

/// A handset with its network. The store can be closed and opened again at any time.
pub struct World {
    pub folder: tempfile::TempDir,
    pub store: Option<HandsetStore>,
    pub keystore: FileKeystore,
    pub clock: Arc<TestClock>,
    pub random: Arc<TestRandom>,
    pub photos: TestPhotos,
    pub network: EngineNetwork,
}

impl World {
    /// An enrolled, empty handset.
    pub fn new(seed: u64) -> Self {
        let world = Self::bare(seed);
        world.enrol().unwrap();
        world
    }
    /// A handset that is not enrolled.
    pub fn bare(seed: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(TestClock::new());
        let random = Arc::new(TestRandom::new(seed));
        let keystore = FileKeystore::open_or_create(folder.path(), random.as_ref()).unwrap();
        let store = HandsetStore::open(folder.path(), keystore.database_key().unwrap()).unwrap();
        let network = EngineNetwork {
            server: Mutex::new(Server::new()),
            faults: Mutex::default(),
            log: Mutex::default(),
            clock: clock.clone(),
            largest_body: Mutex::default(),
            firewall: Mutex::default(),
        };
        Self {
            folder,
            store: Some(store),
            keystore,
            clock,
            random,
            photos: TestPhotos::default(),
            network,
        }
    }
    pub fn invitation(&self) -> String {
        Invitation {
            v: 1,
            server: "http://127.0.0.1:1".into(),
            code: "CODE-1".into(),
            pins: vec![],
            parcel_key: String::new(),
            contact: Some(Contact {
                name: "信息中心".into(),
                phone: "0431-100".into(),
            }),
        }
        .to_text()
        .unwrap()
    }
    pub fn enrol(&self) -> Result<terminal_core::store::Account> {
        enrol(
            self.store(),
            &self.keystore,
            self.clock.as_ref(),
            self.random.as_ref(),
            &self.network,
            &self.invitation(),
            Device {
                model: "test".into(),
                os: "test".into(),
                app: "test".into(),
            },
            &CancelToken::default(),
        )
    }
    pub fn home(&self) -> PathBuf {
        self.folder.path().to_owned()
    }
    pub fn store(&self) -> &HandsetStore {
        self.store.as_ref().unwrap()
    }
    pub fn server(&self) -> std::sync::MutexGuard<'_, Server> {
        self.network.server.lock().unwrap()
    }
    pub fn fault(&self, faults: impl IntoIterator<Item = EngineFault>) {
        self.network.faults.lock().unwrap().extend(faults);
    }
    /// Kills the process and starts it again.
    pub fn restart(&mut self) {
        self.store = None;
        self.store =
            Some(HandsetStore::open(self.folder.path(), self.keystore.database_key().unwrap()).unwrap());
    }
    pub fn evidence(&self) -> Evidence {
        Evidence {
            position: None,
            clock: self.store().clock_reading(self.clock.read()).unwrap(),
        }
    }
    pub fn new_id(&self) -> EntryId {
        let (a, b) = (self.random.next(), self.random.next());
        EntryId(Uuid::from_u64_pair(a, b))
    }
    /// A photo on the disk.
    pub fn photo(&self, size: usize) -> (PhotoRef, String) {
        let mut bytes = vec![0; size];
        self.random.fill(&mut bytes).unwrap();
        let sha256 = Sha256::of(&bytes);
        let file = format!("{sha256}.photo");
        self.photos.0.lock().unwrap().insert(file.clone(), bytes);
        let photo = PhotoRef {
            sha256,
            size: size as u64,
            role: PhotoRole::Scene,
            width: 10,
            height: 10,
            evidence: None,
        };
        (photo, file)
    }
    pub fn draft(&self, text: &str, photos: Vec<(PhotoRef, String)>) -> NewEntry {
        let id = self.new_id();
        let (photos, photo_files) = photos.into_iter().unzip();
        NewEntry {
            id,
            payload: Payload::Report(Report {
                matter: None,
                text: text.into(),
                place: None,
                cell: None,
                address: String::new(),
                cell_chosen: false,
                self_handled: false,
                photos,
            }),
            record: RecordId(id.0),
            after: None,
            supersedes: None,
            grid: None,
            evidence: self.evidence(),
            summary: text.into(),
            photo_files,
        }
    }
    pub fn report(&self, text: &str, sizes: &[usize]) -> Item {
        let photos = sizes.iter().map(|size| self.photo(*size)).collect();
        self.store().submit(&self.draft(text, photos)).unwrap()
    }
    pub fn machine(&self, policy: Policy) -> Sync {
        let signer = self
            .keystore
            .signer(self.store().account().unwrap().stream)
            .unwrap();
        Sync::new(self.store(), signer, self.random.clone(), policy).unwrap()
    }
    pub fn sync(&self) -> SyncReport {
        self.sync_as(Policy::MANUAL)
    }
    pub fn sync_as(&self, policy: Policy) -> SyncReport {
        let driver = Driver {
            transport: &self.network,
            photos: &self.photos,
            clock: self.clock.as_ref(),
            random: self.random.clone(),
            signer: self
                .keystore
                .signer(self.store().account().unwrap().stream)
                .unwrap(),
        };
        driver
            .run(self.store(), policy, &CancelToken::default(), &mut |_| {})
            .unwrap()
    }
    /// Does one action; returns false if there is none.
    pub fn step(&self, sync: &mut Sync, apply: bool) -> bool {
        let outcome = match sync.next_action(self.store(), &self.clock.read()).unwrap() {
            NextAction::Send(request) => match self.network.exchange(&request) {
                Ok(response) => StepOutcome::Answer(response),
                Err(error) => StepOutcome::Failed(error),
            },
            NextAction::ReadPhoto { file, offset, len } => {
                StepOutcome::Photo(self.photos.read(&file, offset, len))
            }
            NextAction::Wait(_) | NextAction::Done => return false,
        };
        if apply {
            sync.apply(self.store(), &self.clock.read(), outcome).unwrap();
        }
        true
    }
    /// Syncs until nothing is left that can be sent, waiting as long as necessary.
    pub fn settle(&self) -> SyncReport {
        for _ in 0..400 {
            let report = self.sync_as(Policy {
                manual: false,
                ..Policy::MANUAL
            });
            match report.next_try {
                None => return report,
                Some(at) => {
                    let wait = at.since(self.clock.read().wall).max(1);
                    self.clock.advance(wait + 1);
                }
            }
        }
        panic!("does not settle: {:?}", self.store().items().unwrap());
    }
    pub fn item(&self, item: &Item) -> Item {
        self.store().item(item.id).unwrap().unwrap()
    }
    pub fn is_received(&self, item: &Item) -> bool {
        matches!(self.item(item).custody, Custody::Received(_))
    }
    /// The bodies of all requests about photos that had one, in bytes.
    pub fn photo_bodies(&self) -> Vec<usize> {
        let log = self.log();
        let photos = log
            .iter()
            .filter(|(request, _)| request.contains(" /v1/field/photos"));
        let bytes = photos.map(|(request, _)| {
            let (_, size) = request.rsplit_once('(').unwrap();
            size.split_once(' ').unwrap().0.parse().unwrap()
        });
        bytes.filter(|bytes| *bytes > 0).collect()
    }
    pub fn log(&self) -> Vec<(String, u16)> {
        self.network.log.lock().unwrap().clone()
    }
    /// Checks that the server holds everything that the handset calls received, byte for byte and once, and
    /// the reverse. Call it when no sync runs.
    pub fn assert_agreement(&self) {
        let server = self.server();
        let items = self.store().items().unwrap();
        for item in &items {
            let bytes = self.store().entry(item.id).unwrap().1;
            let held = server.entry(item.id);
            if let Custody::Received(_) = item.custody {
                assert_eq!(held, Some(bytes.as_slice()), "{item:?}");
            }
            for photo in item.photos.iter().filter(|p| p.received.is_some()) {
                let file = self.photos.0.lock().unwrap()[&photo.file].clone();
                assert_eq!(server.photos.get(&photo.sha256), Some(&file), "{photo:?}");
            }
        }
        for (id, times) in &server.filed {
            assert_eq!(*times, 1, "{id} was filed {times} times");
        }
    }
}
