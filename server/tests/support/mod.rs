//! A whole server inside a test: an own database on either engine, a clock that stands until it is moved,
//! chance out of a seed, requests straight into the router.
//!
//! ```ignore
//! both_engines! {
//!     async fn a_promise(app: TestApp) {
//!         let city = app.city().await;
//!         let acceptor = app.staff(Role::Acceptor, city.district).await;
//!         let answer = app.call("GET", "/v1/cases", Some(&acceptor.token), Value::Null).await;
//!         assert_eq!(answer.status, 200, "{answer:?}");
//!     }
//! }
//! ```
#![allow(
    dead_code,
    unused_imports,
    unused_macros,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod field_client;
#[path = "pg.rs"]
mod pg;
mod world;

pub use field_client::FieldClient;
pub use world::{City, Someone};

use axum::{
    Router,
    body::Body,
    http::{HeaderMap, Request},
};
use pg::TestDatabase;
use protocol::{calendar::Calendar, manifest::Catalogue, time::Millis};
use serde_json::Value;
use server::{
    app::{
        address::PublicAddress,
        grid_packs::Grids,
        identity::Identity,
        objects::Blobs,
        state::{App, Parts, React},
    },
    kernel::{
        clock::{Chance, Clock},
        config::Settings,
    },
    service::{reactions, router::router},
    store::{Options, Store},
};
use std::sync::{
    Arc, Mutex,
    atomic::{AtomicI64, AtomicU64, Ordering},
};
use tower::ServiceExt as _;

/// 2026-11-23 09:00 in Asia/Shanghai, a Monday.
pub const START: Millis = Millis(1_795_395_600_000);

/// Runs each test on both engines, as `name::sqlite` and `name::postgres`.
#[macro_export]
macro_rules! both_engines {
    ($($(#[$meta:meta])* async fn $name:ident($app:ident: TestApp) $body:block)*) => {$(
        $(#[$meta])*
        mod $name {
            #[allow(unused_imports)]
            use super::*;
            async fn run($app: TestApp) $body
            #[tokio::test]
            async fn sqlite() {
                Box::pin(run(TestApp::sqlite().await)).await;
            }
            #[tokio::test]
            async fn postgres() {
                Box::pin(run(TestApp::postgres().await)).await;
            }
        }
    )*};
}

/// Stands still until it is moved.
pub struct TestClock(AtomicI64);
impl Clock for TestClock {
    fn now(&self) -> Millis {
        Millis(self.0.load(Ordering::SeqCst))
    }
}

/// The same bytes in each run: SHA-256 of a count.
pub struct SeededChance(AtomicU64);
impl Chance for SeededChance {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(32) {
            let n = self.0.fetch_add(1, Ordering::SeqCst);
            let block = protocol::photo::Sha256::of(&n.to_le_bytes()).0;
            chunk.copy_from_slice(&block[..chunk.len()]);
        }
    }
}

/// What came back.
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub bytes: Vec<u8>,
    /// The body as JSON; null when it is none.
    pub json: Value,
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} {:?} {}",
            self.status,
            self.headers,
            String::from_utf8_lossy(&self.bytes)
        )
    }
}

impl Answer {
    /// The problem's code; empty when it is no problem.
    pub fn code(&self) -> &str {
        self.json["code"].as_str().unwrap_or_default()
    }
    /// The body as a type of the protocol, of an answer that went well.
    pub fn body<T: serde::de::DeserializeOwned>(&self) -> T {
        assert!(self.status < 300, "{self:?}");
        serde_json::from_slice(&self.bytes).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }
    /// Fails unless the status is this one.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{self:?}");
        self
    }
    /// Fails unless it is the problem with this code.
    #[track_caller]
    pub fn expect_code(self, code: &str) -> Self {
        assert_eq!(self.code(), code, "{self:?}");
        self
    }
}

/// See the module.
pub struct TestApp {
    pub app: App,
    router: Mutex<Router>,
    clock: Arc<TestClock>,
    counter: AtomicU64,
    url: String,
    // Dropped last: the database outlives the store on it.
    database: Option<TestDatabase>,
    folder: tempfile::TempDir,
}

impl TestApp {
    pub async fn sqlite() -> Self {
        Self::sqlite_with(Settings::default()).await
    }
    pub async fn postgres() -> Self {
        Self::postgres_with(Settings::default()).await
    }
    pub async fn sqlite_with(settings: Settings) -> Self {
        Self::over(None, settings).await
    }
    pub async fn postgres_with(settings: Settings) -> Self {
        Self::over(Some(TestDatabase::create()), settings).await
    }
    async fn over(database: Option<TestDatabase>, settings: Settings) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = match &database {
            Some(database) => database.url().to_owned(),
            None => format!("sqlite:{}", folder.path().join("server.db").display()),
        };
        let blobs = Blobs::new(Arc::new(object_store::memory::InMemory::new()));
        let parts = Self::parts(&url, blobs, settings, START, 1).await;
        Self::of(parts, url, database, folder)
    }

    /// Another server over the same database and object store, with a clock and chance of its own.
    pub async fn replica(&self) -> Self {
        let (blobs, settings) = (self.app.blobs.clone(), self.app.settings.clone());
        let seed = self.number() << 32;
        let parts = Self::parts(&self.url, blobs, settings, self.now(), seed).await;
        Self::of(parts, self.url.clone(), None, tempfile::tempdir().unwrap())
    }

    /// The same server over another object store.
    pub async fn with_blobs(self, blobs: Blobs) -> Self {
        let parts = Self::parts(&self.url, blobs, self.app.settings.clone(), self.now(), 1 << 60).await;
        Self::of(parts, self.url, self.database, self.folder)
    }

    /// The same with other reactions to changes.
    pub async fn with_react(self, react: React) -> Self {
        let blobs = self.app.blobs.clone();
        let (mut parts, clock) =
            Self::parts(&self.url, blobs, self.app.settings.clone(), self.now(), 1 << 60).await;
        parts.react = react;
        Self::of((parts, clock), self.url, self.database, self.folder)
    }

    async fn parts(
        url: &str,
        blobs: Blobs,
        settings: Settings,
        now: Millis,
        seed: u64,
    ) -> (Parts, Arc<TestClock>) {
        let url = url.to_owned();
        let store = tokio::task::spawn_blocking(move || Store::open(&url, Options::default()))
            .await
            .unwrap()
            .unwrap();
        let clock = Arc::new(TestClock(AtomicI64::new(now.0)));
        let identity = Identity::load_or_create(&store, [42; 32]).await.unwrap();
        let parts = Parts {
            store,
            blobs,
            identity,
            grids: Grids::default(),
            calendar: Calendar::shipped().unwrap(),
            catalogue: Catalogue::shipped().unwrap(),
            settings,
            public: PublicAddress {
                url: "https://127.0.0.1:8443".into(),
                pins: vec![protocol::photo::Sha256([1; 32]), protocol::photo::Sha256([2; 32])],
            },
            clock: clock.clone(),
            chance: Arc::new(SeededChance(AtomicU64::new(seed))),
            rate: Default::default(),
            react: reactions::follow,
            stopping: Default::default(),
        };
        (parts, clock)
    }

    fn of(
        (parts, clock): (Parts, Arc<TestClock>),
        url: String,
        database: Option<TestDatabase>,
        folder: tempfile::TempDir,
    ) -> Self {
        let app = App::new(parts);
        Self {
            router: Mutex::new(router(&app)),
            app,
            clock,
            counter: AtomicU64::new(1),
            url,
            database,
            folder,
        }
    }

    pub fn now(&self) -> Millis {
        self.clock.now()
    }
    /// Moves the clock.
    pub fn advance(&self, millis: i64) {
        self.clock.0.fetch_add(millis, Ordering::SeqCst);
    }
    pub fn advance_minutes(&self, minutes: i64) {
        self.advance(minutes * 60_000);
    }
    /// A number that no other call on this app gives.
    pub fn number(&self) -> u64 {
        self.counter.fetch_add(1, Ordering::SeqCst)
    }
    /// Ten bytes for an id.
    pub fn ten(&self) -> [u8; 10] {
        self.app.secret()[..10].try_into().unwrap()
    }

    /// A request with a JSON body (none when null).
    pub async fn call(&self, method: &str, path: &str, token: Option<&str>, body: Value) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let body = if body.is_null() {
            Body::empty()
        } else {
            request = request.header("content-type", "application/json");
            Body::from(serde_json::to_vec(&body).unwrap())
        };
        self.send(request.body(body).unwrap()).await
    }
    pub async fn get(&self, path: &str, token: &str) -> Answer {
        self.call("GET", path, Some(token), Value::Null).await
    }
    pub async fn post_json(&self, path: &str, token: &str, body: impl serde::Serialize) -> Answer {
        self.call("POST", path, Some(token), serde_json::to_value(body).unwrap())
            .await
    }
    /// A request whose answer is read by the caller.
    pub async fn open(&self, request: Request<Body>) -> axum::response::Response {
        let router = self.router.lock().unwrap().clone();
        router.oneshot(request).await.unwrap()
    }
    /// A request as it stands.
    pub async fn send(&self, request: Request<Body>) -> Answer {
        let (parts, body) = self.open(request).await.into_parts();
        let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap().to_vec();
        Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            json: serde_json::from_slice(&bytes).unwrap_or(Value::Null),
            bytes,
        }
    }
    /// Goes behind the routes.
    pub async fn write<T: Send + 'static>(
        &self,
        f: impl FnMut(
            &mut server::store::Tx<'_>,
            &mut server::app::ctx::Ctx,
        ) -> Result<T, server::kernel::failure::Failure>
        + Send
        + 'static,
    ) -> T {
        self.app.write(f).await.unwrap()
    }
    /// One number out of the database, such as `SELECT COUNT(*) AS n FROM case_file`.
    pub async fn count(&self, sql: &'static str) -> i64 {
        self.app
            .read(move |tx| Ok(tx.one(sql, &[], |row| row.get(0))?))
            .await
            .unwrap()
    }
}
