//! The server of a world: the real code on a simulated machine, its requests through the real router, on the one
//! thread there is.

use super::{
    clock::{Seeded, Time},
    disk::Objects,
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
    app::{address::PublicAddress, identity::Identity, objects::Blobs, state::App},
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

/// Files of a machine, as an operator copies them.
pub type Image = BTreeMap<String, Vec<u8>>;

/// A whole answer.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }
}

/// See the module.
pub struct Server {
    pub host: Host,
    time: Time,
    seed: u64,
    starts: u64,
    up: Option<Up>,
}

struct Up {
    app: App,
    /// A router is not shared between threads, and there is only one here.
    router: Mutex<Router>,
    runtime: tokio::runtime::Runtime,
}

/// The server's machine died under the request, or it is not running.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Down;

impl Server {
    /// A machine with these files on its disk, off.
    pub fn new(time: &Time, seed: u64, image: &Image) -> Result<Self> {
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
    fn write(&self, image: &Image) -> Result<()> {
        let files = self.host.files();
        for (name, bytes) in image {
            files.create(name)?;
            files.append(name, bytes)?;
            files.sync_file(name)?;
            files.sync_dir(name.rsplit_once('/').map_or("", |(folder, _)| folder))?;
        }
        Ok(())
    }
    /// What lies on its disk now.
    pub fn image(&self) -> Result<Image> {
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
    /// The process is gone; what it had in hand as well.
    pub fn die(&mut self) {
        self.up = None;
    }
    /// Another machine in its place, with the files of a backup; its epoch is renewed as the guide says.
    pub fn replace(&mut self, backup: &Image) -> Result<()> {
        self.die();
        self.host = Host::new("server", self.seed.wrapping_add(self.starts));
        self.write(backup)?;
        self.boot()?;
        let mut fresh = [0; 32];
        let mut rng = simdisk::Rng(self.seed ^ self.starts ^ 0xE90C);
        rng.fill(&mut fresh);
        let up = self.up.as_ref().context("just started")?;
        let store = up.app.store.clone();
        up.runtime
            .block_on(Identity::renew_epoch(&store, fresh, self.time.now()))
            .map_err(|e| anyhow::anyhow!("renewing the epoch: {e}"))?;
        // The new epoch is another server to all who listen: it starts with it.
        self.die();
        self.host.power_cycle(simdisk::Cut::Process);
        self.boot()
    }

    /// Starts the process on what is on the disk.
    pub fn boot(&mut self) -> Result<()> {
        self.starts += 1;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .max_blocking_threads(1)
            .build()?;
        let options = Options {
            vfs: Some(self.host.vfs().to_owned()),
            ..Options::default()
        };
        let store = Store::open_inline(DATABASE, options)?;
        let blobs = Blobs::new(Arc::new(Objects::new(&self.host)));
        let chance = Seeded::new(self.seed.rotate_left(17) ^ self.starts);
        let (time, seed) = (self.time.clone(), [7; 32]);
        let app = runtime.block_on(async move {
            let identity = Identity::load_or_create(&store, seed).await?;
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
                },
                Arc::new(time),
                Arc::new(chance),
            )
            .await?;
            server::intake::reconsider(&app).await?;
            Ok::<_, anyhow::Error>(app)
        })?;
        self.up = Some(Up {
            router: Mutex::new(router(&app)),
            app,
            runtime,
        });
        Ok(())
    }

    /// One request, to the end of its answer.
    pub fn request(&self, request: Request<Body>) -> Result<Answer, Down> {
        let up = self.up.as_ref().ok_or(Down)?;
        let router = up.router.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let answer = up.runtime.block_on(async move {
            let response = router.oneshot(request).await.map_err(|_| Down)?;
            let (parts, body) = response.into_parts();
            let body = axum::body::to_bytes(body, usize::MAX).await.map_err(|_| Down)?;
            Ok(Answer {
                status: parts.status.as_u16(),
                headers: parts.headers,
                body: body.to_vec(),
            })
        });
        // Whatever a machine said while it died, nobody has heard it.
        if self.host.is_dead() { Err(Down) } else { answer }
    }
    /// What somebody at the centre asks, signed in with `token`.
    pub fn staff(&self, token: &str, method: &str, path: &str, body: &Value) -> Result<Answer, Down> {
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
        self.request(built.map_err(|_| Down)?)
    }
    /// The background jobs, one after the other.
    pub fn sweep(&self) -> Result<(), Down> {
        let up = self.up.as_ref().ok_or(Down)?;
        let app = up.app.clone();
        up.runtime.block_on(async move {
            // A job that fails is tried again at its next turn.
            let _ = server::intake::sweep(&app).await;
            let _ = server::photos::sweep(&app).await;
            let _ = app.write(server::duty::end_expired).await;
        });
        if self.host.is_dead() { Err(Down) } else { Ok(()) }
    }
    /// Looks into the database.
    pub fn read<T: Send + 'static>(
        &self,
        f: impl FnMut(&mut Tx<'_>) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T> {
        let up = self.up.as_ref().context("the server is down")?;
        up.runtime
            .block_on(up.app.read(f))
            .map_err(|e| anyhow::anyhow!("the server's database: {e}"))
    }
    /// Goes behind the routes.
    pub fn write_tx<T: Send + 'static>(
        &self,
        f: impl FnMut(&mut Tx<'_>, &mut server::app::ctx::Ctx) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T> {
        let up = self.up.as_ref().context("the server is down")?;
        up.runtime
            .block_on(up.app.write(f))
            .map_err(|e| anyhow::anyhow!("the server's database: {e}"))
    }
    /// The parts, for what founds the city.
    pub fn with<T>(&self, f: impl AsyncFnOnce(&App) -> Result<T>) -> Result<T> {
        let up = self.up.as_ref().context("the server is down")?;
        up.runtime.block_on(f(&up.app))
    }
    /// An object's bytes, as they lie on the disk.
    pub fn object(&self, name: &str) -> Option<Vec<u8>> {
        self.host
            .files()
            .read(&format!("{}/{name}", super::disk::OBJECTS))
            .ok()
    }
    /// Ends as an operator ends it.
    pub fn stop(mut self) -> Result<Image> {
        if let Some(up) = self.up.take() {
            up.app.store.clone().close_blocking();
        }
        ensure!(!self.host.is_dead(), "the server died while it was founded");
        self.image()
    }
}
