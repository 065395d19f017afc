//! A complete server inside a test: its own database on either engine, a clock that only the test moves,
//! seeded random bytes, and requests sent directly to the router.
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
pub use world::{StaffMember, TestCity};

use axum::{
    Router,
    body::Body,
    http::{HeaderMap, Request},
};
use pg::TestDatabase;
use protocol::{manifest::Catalogue, time::Millis};
use serde_json::Value;
use server::{
    app::{
        address::{PublicAddress, Reach},
        calendars::Calendars,
        grid_packs::Grids,
        identity::Identity,
        objects::Blobs,
        seal::SealKey,
        state::{App, Parts, React},
        tally,
    },
    kernel::{
        clock::{RandomSource, ServerClock},
        config::Settings,
    },
    service::{reactions, router::router},
    store::{Options, StatementWatch, Store},
};
use std::sync::{
    Arc, Mutex,
    atomic::{AtomicI64, AtomicU64, Ordering},
};
use tower::ServiceExt as _;

/// 2026-11-23 09:00 in Asia/Shanghai, a Monday.
pub const START: Millis = Millis(1_795_395_600_000);

/// Makes two tests of each function: `NAME::sqlite` and `NAME::postgres`, as in the stories.
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

/// Stands still until [`TestApp::advance`] is called.
pub struct SteppedClock(AtomicI64);
impl ServerClock for SteppedClock {
    fn now(&self) -> Millis {
        Millis(self.0.load(Ordering::SeqCst))
    }
}

/// The same bytes in each run: SHA-256 of a counter.
pub struct CountingRandom(AtomicU64);
impl RandomSource for CountingRandom {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(32) {
            let n = self.0.fetch_add(1, Ordering::SeqCst);
            let block = protocol::photo::Sha256::of(&n.to_le_bytes()).0;
            chunk.copy_from_slice(&block[..chunk.len()]);
        }
    }
}

/// A response that was read to its end.
pub struct TestResponse {
    pub status: u16,
    pub headers: HeaderMap,
    pub bytes: Vec<u8>,
    /// The body as JSON; `Null` if it is none.
    pub json: Value,
}

impl std::fmt::Debug for TestResponse {
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

impl TestResponse {
    /// The problem's code; empty if the response is no problem.
    pub fn code(&self) -> &str {
        self.json["code"].as_str().unwrap_or_default()
    }
    /// The body of a successful response as a protocol type.
    pub fn body<T: serde::de::DeserializeOwned>(&self) -> T {
        assert!(self.status < 300, "{self:?}");
        serde_json::from_slice(&self.bytes).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }
    /// Fails unless the status is equal.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{self:?}");
        self
    }
    /// Fails unless the response is a problem with this code.
    #[track_caller]
    pub fn expect_code(self, code: &str) -> Self {
        assert_eq!(self.code(), code, "{self:?}");
        self
    }
}

/// A server under test.
pub struct TestApp {
    pub app: App,
    router: Mutex<Router>,
    clock: Arc<SteppedClock>,
    counter: AtomicU64,
    url: String,
    figures: FiguresAtTheEnd,
    // Dropped last: the database must outlive the store.
    database: Option<TestDatabase>,
    folder: tempfile::TempDir,
}

/// Fails every test after which a figure is not what the rows give (issue 15, point 5).
struct FiguresAtTheEnd(Store);

impl Drop for FiguresAtTheEnd {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        // A test may have closed or broken its database; then there is nothing to compare.
        if let Ok(wrong) = self.0.read_blocking(tally::compare) {
            assert!(wrong.is_empty(), "figures differ from the rows: {wrong:?}");
        }
    }
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
        Self::over(Some(TestDatabase::migrated()), settings).await
    }
    /// The same, with a watch on its statements.
    pub async fn sqlite_watched(settings: Settings, watch: StatementWatch) -> Self {
        let options = Options {
            watch: Some(watch),
            ..Options::default()
        };
        Self::opened(None, settings, options).await
    }
    async fn over(database: Option<TestDatabase>, settings: Settings) -> Self {
        Self::opened(database, settings, Options::default()).await
    }
    async fn opened(database: Option<TestDatabase>, settings: Settings, options: Options) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = match &database {
            Some(database) => database.url().to_owned(),
            None => format!("sqlite:{}", folder.path().join("server.db").display()),
        };
        let blobs = Blobs::new(Arc::new(object_store::memory::InMemory::new()));
        let store = Self::store(&url, options).await;
        let parts = Self::parts_over(store, blobs, settings, START, 1).await;
        Self::of(parts, url, database, folder)
    }

    /// The address of its database, as the server's options name it.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Runs SQL on the PostgreSQL of this test, outside of the store.
    pub fn run_sql(&self, sql: &str) {
        self.database.as_ref().expect("only with PostgreSQL").run(sql);
    }

    /// Another server over the same database and object store, with its own clock and random bytes.
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

    /// The same for a server with another reach.
    pub async fn with_reach(self, reach: Reach) -> Self {
        let blobs = self.app.blobs.clone();
        let (mut parts, clock) =
            Self::parts(&self.url, blobs, self.app.settings.clone(), self.now(), 1 << 60).await;
        parts.public.reach = reach;
        Self::of((parts, clock), self.url, self.database, self.folder)
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
    ) -> (Parts, Arc<SteppedClock>) {
        let store = Self::store(url, Options::default()).await;
        Self::parts_over(store, blobs, settings, now, seed).await
    }

    async fn store(url: &str, options: Options) -> Store {
        let url = url.to_owned();
        let opened = tokio::task::spawn_blocking(move || Store::open(&url, options));
        opened.await.unwrap().unwrap()
    }

    async fn parts_over(
        store: Store,
        blobs: Blobs,
        settings: Settings,
        now: Millis,
        seed: u64,
    ) -> (Parts, Arc<SteppedClock>) {
        let clock = Arc::new(SteppedClock(AtomicI64::new(now.0)));
        let identity = Identity::load_or_create(&store, SealKey::new([41; 32]), [42; 32])
            .await
            .unwrap();
        let parts = Parts {
            store,
            blobs,
            identity,
            grids: Grids::default(),
            calendar: Calendars::shipped().unwrap(),
            catalogue: Catalogue::shipped().unwrap(),
            settings,
            public: PublicAddress {
                url: "https://127.0.0.1:8443".into(),
                pins: vec![protocol::photo::Sha256([1; 32]), protocol::photo::Sha256([2; 32])],
                reach: Reach::ThisMachine,
            },
            clock: clock.clone(),
            random: Arc::new(CountingRandom(AtomicU64::new(seed))),
            rate: Default::default(),
            bounds: Default::default(),
            sign_ins: Default::default(),
            scratch: Default::default(),
            known: Default::default(),
            react: reactions::follow,
            stopping: Default::default(),
        };
        (parts, clock)
    }

    fn of(
        (parts, clock): (Parts, Arc<SteppedClock>),
        url: String,
        database: Option<TestDatabase>,
        folder: tempfile::TempDir,
    ) -> Self {
        let app = App::new(parts);
        Self {
            router: Mutex::new(router(&app)),
            figures: FiguresAtTheEnd(app.store.clone()),
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
    /// Moves the clock forward, in milliseconds.
    pub fn advance(&self, millis: i64) {
        self.clock.0.fetch_add(millis, Ordering::SeqCst);
    }
    pub fn advance_minutes(&self, minutes: i64) {
        self.advance(minutes * 60_000);
    }
    /// A number that is different at each call.
    pub fn number(&self) -> u64 {
        self.counter.fetch_add(1, Ordering::SeqCst)
    }
    /// Ten random bytes for an id.
    pub fn ten(&self) -> [u8; 10] {
        self.app.secret()[..10].try_into().unwrap()
    }

    /// Sends a request with a JSON body (no body if `Null`).
    pub async fn call(&self, method: &str, path: &str, token: Option<&str>, body: Value) -> TestResponse {
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
    pub async fn get(&self, path: &str, token: &str) -> TestResponse {
        self.call("GET", path, Some(token), Value::Null).await
    }
    pub async fn post_json(&self, path: &str, token: &str, body: impl serde::Serialize) -> TestResponse {
        self.call("POST", path, Some(token), serde_json::to_value(body).unwrap())
            .await
    }
    /// Sends a request; the caller reads the response.
    pub async fn open(&self, request: Request<Body>) -> axum::response::Response {
        let router = self.router.lock().unwrap().clone();
        router.oneshot(request).await.unwrap()
    }
    /// Sends the request unchanged and reads the response.
    pub async fn send(&self, request: Request<Body>) -> TestResponse {
        let (parts, body) = self.open(request).await.into_parts();
        let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap().to_vec();
        TestResponse {
            status: parts.status.as_u16(),
            headers: parts.headers,
            json: serde_json::from_slice(&bytes).unwrap_or(Value::Null),
            bytes,
        }
    }
    /// Writes directly to the database.
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
    /// Counts all rows again, after a test changed some behind the product's back.
    pub async fn recount(&self) {
        self.write(|tx, _| Ok(tally::recount(tx)?)).await;
    }
    /// Returns one number from the database, such as `SELECT COUNT(*) AS n FROM case_file`.
    pub async fn count(&self, sql: &'static str) -> i64 {
        self.app
            .read(move |tx| Ok(tx.one(sql, &[], |row| row.get(0))?))
            .await
            .unwrap()
    }
}
