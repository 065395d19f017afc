//! The server of a world: the real code on a simulated machine; requests go through the real router on the
//! one thread.

use super::{
    clock::{SeededBytes, SimTime},
    disk::{SimObjectStore, store_disk},
};
use anyhow::{Context as _, Result, ensure};
use axum::{
    Router,
    body::Body,
    http::{HeaderMap, Request},
};
use protocol::time::Millis;
use serde_json::Value;
use server::{
    app::{
        address::{PublicAddress, Reach},
        identity::Identity,
        objects::Blobs,
        seal::SealKey,
        state::App,
    },
    kernel::{config::Settings, failure::Failure},
    service::{
        router::router,
        run::{self, Opened},
    },
    store::{Options, Store, Tx},
};
use simdisk::Host;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};
use tower::ServiceExt as _;

/// Name of the database on the server's disk.
const DATABASE: &str = "sqlite:xunge.db";

/// Files of a machine's disk, as an operator copies them.
pub type DiskImage = BTreeMap<String, Vec<u8>>;

/// A complete response.
#[derive(Debug, Clone)]
pub struct SimResponse {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl SimResponse {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }
}

/// A simulated server: machine, disk and, while it runs, the app.
pub struct SimServer {
    pub host: Host,
    time: SimTime,
    seed: u64,
    starts: u64,
    up: Option<RunningServer>,
}

struct RunningServer {
    app: App,
    /// The mutex makes the router shareable; there is only one thread.
    router: Mutex<Router>,
    runtime: tokio::runtime::Runtime,
}

/// The server's machine died during the request, or the server is not running.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerDown;

impl SimServer {
    /// A machine with these files on its disk, switched off.
    pub fn new(time: &SimTime, seed: u64, image: &DiskImage) -> Result<Self> {
        let server = Self {
            host: Host::new("server", seed),
            time: time.clone(),
            seed,
            starts: 0,
            up: None,
        };
        server.write(image)?;
        Ok(server)
    }
    fn write(&self, image: &DiskImage) -> Result<()> {
        let files = self.host.files();
        for (name, bytes) in image {
            files.create(name)?;
            files.append(name, bytes)?;
            files.sync_file(name)?;
            files.sync_dir(name.rsplit_once('/').map_or("", |(folder, _)| folder))?;
        }
        Ok(())
    }
    /// The files on its disk now.
    pub fn image(&self) -> Result<DiskImage> {
        let files = self.host.files();
        let names = files.list("")?;
        names
            .into_iter()
            .filter(|name| !name.ends_with("-shm"))
            .map(|name| Ok((name.clone(), files.read(&name)?)))
            .collect()
    }
    pub fn now(&self) -> Millis {
        self.time.now()
    }
    pub fn is_up(&self) -> bool {
        self.up.is_some()
    }
    /// Ends the process; requests in progress are lost.
    pub fn die(&mut self) {
        self.up = None;
    }
    /// Replaces the machine by another one with the files of a backup, and renews the epoch as the guide
    /// requires.
    pub fn replace(&mut self, backup: &DiskImage) -> Result<()> {
        self.die();
        self.host = Host::new("server", self.seed.wrapping_add(self.starts));
        self.write(backup)?;
        self.boot()?;
        let mut fresh = [0; 32];
        let mut rng = simdisk::Rng(self.seed ^ self.starts ^ 0xE90C);
        rng.fill(&mut fresh);
        let up = self.up.as_ref().context("the server was just started")?;
        let store = up.app.store.clone();
        up.runtime
            .block_on(Identity::renew_epoch(&store, fresh, self.time.now()))
            .map_err(|e| anyhow::anyhow!("renewing the epoch: {e}"))?;
        // Restarts, because the new epoch takes effect at the start.
        self.die();
        self.host.power_cycle(simdisk::Cut::Process);
        self.boot()
    }

    /// Starts the process on the files of its disk.
    pub fn boot(&mut self) -> Result<()> {
        self.starts += 1;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .max_blocking_threads(1)
            .build()?;
        let options = Options {
            disk: Some(store_disk(&self.host)),
            ..Options::default()
        };
        let store = Store::open_inline(DATABASE, options)?;
        let blobs = Blobs::new(Arc::new(SimObjectStore::new(&self.host)));
        let random = SeededBytes::new(self.seed.rotate_left(17) ^ self.starts);
        let (time, seed) = (self.time.clone(), [7; 32]);
        let app = runtime.block_on(async move {
            let identity = Identity::load_or_create(&store, SealKey::new([6; 32]), seed).await?;
            let opened = Opened {
                store,
                blobs,
                identity,
            };
            let app = run::assemble_with(
                opened,
                Settings::default(),
                PublicAddress {
                    url: "http://127.0.0.1:8443".into(),
                    pins: Vec::new(),
                    reach: Reach::ThisMachine,
                },
                Arc::new(time),
                Arc::new(random),
            )
            .await?;
            server::intake::reconsider(&app).await?;
            Ok::<_, anyhow::Error>(app)
        })?;
        self.up = Some(RunningServer {
            router: Mutex::new(router(&app)),
            app,
            runtime,
        });
        Ok(())
    }

    /// Sends one request and reads the response to its end.
    pub fn request(&self, request: Request<Body>) -> Result<SimResponse, ServerDown> {
        let up = self.up.as_ref().ok_or(ServerDown)?;
        let router = up.router.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let answer = up.runtime.block_on(async move {
            let response = router.oneshot(request).await.map_err(|_| ServerDown)?;
            let (parts, body) = response.into_parts();
            let body = axum::body::to_bytes(body, usize::MAX)
                .await
                .map_err(|_| ServerDown)?;
            Ok(SimResponse {
                status: parts.status.as_u16(),
                headers: parts.headers,
                body: body.to_vec(),
            })
        });
        // A response from a machine that died meanwhile was not received.
        if self.host.is_dead() {
            Err(ServerDown)
        } else {
            answer
        }
    }
    /// A request of a person at the centre, signed in with `token`.
    pub fn staff(
        &self,
        token: &str,
        method: &str,
        path: &str,
        body: &Value,
    ) -> Result<SimResponse, ServerDown> {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", format!("Bearer {token}"));
        let built = if body.is_null() {
            request.body(Body::empty())
        } else {
            request
                .header("content-type", "application/json")
                .body(Body::from(body.to_string()))
        };
        self.request(built.map_err(|_| ServerDown)?)
    }
    /// Runs the background jobs one after the other.
    pub fn sweep(&self) -> Result<(), ServerDown> {
        let up = self.up.as_ref().ok_or(ServerDown)?;
        let app = up.app.clone();
        up.runtime.block_on(async move {
            // A failed job runs again at its next turn.
            let _ = server::intake::sweep(&app).await;
            let _ = server::photos::sweep(&app).await;
            let _ = server::app::tally_job::fold(&app).await;
            let _ = app.write(server::duty::end_expired).await;
        });
        if self.host.is_dead() {
            Err(ServerDown)
        } else {
            Ok(())
        }
    }
    /// Reads the database directly.
    pub fn read<T: Send + 'static>(
        &self,
        f: impl FnMut(&mut Tx<'_>) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T> {
        let up = self.up.as_ref().context("the server is not running")?;
        up.runtime
            .block_on(up.app.read(f))
            .map_err(|e| anyhow::anyhow!("the server's database: {e}"))
    }
    /// Writes to the database directly.
    pub fn write_tx<T: Send + 'static>(
        &self,
        f: impl FnMut(&mut Tx<'_>, &mut server::app::ctx::Ctx) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T> {
        let up = self.up.as_ref().context("the server is not running")?;
        up.runtime
            .block_on(up.app.write(f))
            .map_err(|e| anyhow::anyhow!("the server's database: {e}"))
    }
    /// Runs code with the app, for the set-up of the template.
    pub fn with<T>(&self, f: impl AsyncFnOnce(&App) -> Result<T>) -> Result<T> {
        let up = self.up.as_ref().context("the server is not running")?;
        up.runtime.block_on(f(&up.app))
    }
    /// An object's bytes as they are on the disk.
    pub fn object(&self, name: &str) -> Option<Vec<u8>> {
        self.host
            .files()
            .read(&format!("{}/{name}", super::disk::OBJECTS))
            .ok()
    }
    /// Stops the server cleanly and returns the files of its disk.
    pub fn stop(mut self) -> Result<DiskImage> {
        if let Some(up) = self.up.take() {
            up.app.store.clone().close_blocking();
        }
        ensure!(!self.host.is_dead(), "the server's machine died during set-up");
        self.image()
    }
}
