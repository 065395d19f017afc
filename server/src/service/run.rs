//! Starts, runs and stops a server: database, object store, keys, listener, background jobs.
//!
//! [`start`] returns when the listener accepts requests. [`RunningServer::stop`] stops accepting requests, finishes the
//! current ones, and closes the database after all acknowledged writes.

use super::{
    jobs, private_files, reactions,
    rooms::JOBS,
    router::router,
    start_error::StartError,
    store_id,
    tls::{self, Tls},
};
use crate::{
    app::{
        address::PublicAddress,
        calendars::Calendars,
        grid_packs::Grids,
        identity::Identity,
        objects::Blobs,
        s3::S3,
        state::{App, Parts},
    },
    grids::{reference, watch},
    kernel::{
        clock::{MachineClock, RandomSource, ServerClock, SystemRandomSource},
        config::Settings,
        failure::Failure,
    },
    store::{database::Store, options},
};
use hyper_util::rt::TokioTimer;
use protocol::manifest::Catalogue;
use std::{
    net::{SocketAddr, TcpListener},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    task::JoinHandle,
};

/// The embedded database in the data folder.
const DATABASE: &str = "xunge.db";
/// How long current requests may take after the server was told to stop.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long a request's headers, or the answer to a ping, may take.
const HEADER_TIME: Duration = Duration::from_secs(20);

/// How often the server probes an HTTP/2 connection. Longer than the longest heartbeat of a stream of hints: a
/// probe wakes the radio of a phone as a heartbeat does.
const PROBE: Duration = Duration::from_secs(600);

/// Largest read buffer of a connection, in bytes; it also limits the head of a request. With the library's default of
/// 400 kB, a few hundred handsets that send photos would exhaust the memory.
const READ_AHEAD: usize = 64 * 1024;

/// Options of a server.
pub struct ServerOptions {
    /// Folder for the embedded database, the object store and the certificate.
    pub data: PathBuf,
    /// `postgres://…`; the embedded database in `data` when absent.
    pub database: Option<String>,
    /// A bucket for the objects; the folder in `data` when it names none.
    pub s3: S3,
    pub listen: SocketAddr,
    /// What handsets call the server; `listen` when absent.
    pub public: Option<String>,
    pub tls: Tls,
    pub settings: Settings,
}

impl ServerOptions {
    /// The defaults: embedded database, own certificate.
    pub fn new(data: impl Into<PathBuf>, listen: SocketAddr) -> Self {
        Self {
            data: data.into(),
            database: None,
            s3: S3::default(),
            listen,
            public: None,
            tls: Tls::Own,
            settings: Settings::default(),
        }
    }
    fn database_url(&self) -> String {
        self.database
            .clone()
            .unwrap_or_else(|| format!("sqlite:{}", self.data.join(DATABASE).display()))
    }
}

/// Database, object store and identity without a listener, for the tools of the command line.
pub struct Opened {
    pub store: Store,
    pub blobs: Blobs,
    pub identity: Identity,
}

/// Opens the database and object store of `options`, and creates them if they are missing.
pub async fn open(options: &ServerOptions) -> Result<Opened, StartError> {
    if !SystemRandomSource::healthy() {
        return Err(StartError::NoRandomBytes);
    }
    let closed = private_files::keep(&options.data).map_err(|(path, error)| StartError::Data {
        path: path.display().to_string(),
        error,
    })?;
    for path in closed {
        tracing::warn!(path = %path.display(), "other users of this machine could read this; it is closed now");
    }
    if options.database.is_none() {
        let file = options.data.join(DATABASE);
        private_files::create(&file).map_err(|error| StartError::Data {
            path: file.display().to_string(),
            error,
        })?;
    }
    let url = options.database_url();
    let store = tokio::task::spawn_blocking(move || Store::open(&url, options::Options::default()))
        .await
        .map_err(Failure::internal)??;
    let blobs = match options.s3.open()? {
        Some(blobs) => blobs,
        None => Blobs::folder(&options.data.join("objects"))?,
    };
    let mut seed = [0; 32];
    SystemRandomSource.fill(&mut seed);
    let identity = Identity::load_or_create(&store, seed).await?;
    Ok(Opened {
        store,
        blobs,
        identity,
    })
}

impl Opened {
    /// Checks that the object store belongs to the database. Called before the first write to it.
    pub async fn settle_objects(&self) -> Result<(), StartError> {
        let mut fresh = [0; 16];
        SystemRandomSource.fill(&mut fresh);
        store_id::settle(&self.store, &self.blobs, fresh).await
    }
}

/// Builds the parts of a server, if the database and the object store belong together.
pub async fn assemble(opened: Opened, settings: Settings, public: PublicAddress) -> Result<App, StartError> {
    opened.settle_objects().await?;
    assemble_with(
        opened,
        settings,
        public,
        Arc::new(MachineClock),
        Arc::new(SystemRandomSource),
    )
    .await
}

/// [`assemble`] with the clock and random source of the caller, without the check that database and object store belong
/// together.
pub async fn assemble_with(
    opened: Opened,
    settings: Settings,
    public: PublicAddress,
    clock: Arc<dyn ServerClock>,
    random: Arc<dyn RandomSource>,
) -> Result<App, StartError> {
    let shipped = |error: &dyn std::fmt::Display| StartError::Shipped(error.to_string());
    let grids = Grids::load(&opened.store, &opened.blobs).await?;
    let calendar = Calendars::shipped().map_err(|e| shipped(&e))?;
    calendar.renew(&opened.store).await?;
    let app = App::new(Parts {
        store: opened.store,
        blobs: opened.blobs,
        identity: opened.identity,
        grids,
        calendar,
        catalogue: Catalogue::shipped().map_err(|e| shipped(&e))?,
        settings,
        public,
        clock,
        random,
        rate: Default::default(),
        sign_ins: Default::default(),
        react: reactions::follow,
        stopping: Default::default(),
    });
    reference::publish(&app).await?;
    Ok(app)
}

/// A server that accepts requests.
pub struct RunningServer {
    pub app: App,
    /// Where it listens.
    pub address: SocketAddr,
    /// `https://127.0.0.1:port` or the address it was given.
    pub url: String,
    /// The certificate in use (PEM), unless HTTP is plain.
    pub certificate: Option<String>,
    handle: axum_server::Handle<SocketAddr>,
    serving: JoinHandle<std::io::Result<()>>,
    jobs: Vec<JoinHandle<()>>,
}

/// Starts a server; see the module.
pub async fn start(options: ServerOptions) -> Result<RunningServer, StartError> {
    if matches!(options.tls, Tls::Plain) && !options.listen.ip().is_loopback() {
        return Err(StartError::PlainOutside(options.listen));
    }
    let opened = open(&options).await?;
    let listen = options.listen;
    let failed = |error| StartError::Listen {
        address: listen,
        error,
    };
    let listener = TcpListener::bind(listen).map_err(failed)?;
    listener.set_nonblocking(true).map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let scheme = if matches!(options.tls, Tls::Plain) {
        "http"
    } else {
        "https"
    };
    let url = options
        .public
        .clone()
        .unwrap_or_else(|| format!("{scheme}://{address}"));
    let certificate = tls::load(&options.tls, &opened.store, &options.data.join("tls"), &url).await?;
    let pins = certificate.as_ref().map(|c| c.pins.clone()).unwrap_or_default();
    let app = assemble(
        opened,
        options.settings,
        PublicAddress {
            url: url.clone(),
            pins,
        },
    )
    .await?;

    let handle = axum_server::Handle::new();
    let service = router(&app).into_make_service_with_connect_info::<SocketAddr>();
    let serving = match &certificate {
        Some(certificate) => {
            let config = axum_server::tls_rustls::RustlsConfig::from_config(certificate.config.clone());
            let mut server = axum_server::from_tcp_rustls(listener, config)
                .map_err(failed)?
                .handle(handle.clone());
            tune(&mut server);
            tokio::spawn(async move { server.serve(service).await })
        }
        None => {
            let mut server = axum_server::from_tcp(listener)
                .map_err(failed)?
                .handle(handle.clone());
            tune(&mut server);
            tokio::spawn(async move { server.serve(service).await })
        }
    };
    let jobs = vec![
        tokio::spawn(crate::service::health::upkeep()),
        tokio::spawn(jobs::watch(app.clone(), JOBS)),
        tokio::spawn(watch::watch(app.clone())),
    ];
    tracing::info!(%url, %address, engine = ?app.store.engine(), epoch = app.identity.epoch, "listening");
    Ok(RunningServer {
        app,
        address,
        url,
        certificate: certificate.map(|c| c.pem),
        handle,
        serving,
        jobs,
    })
}

/// Limits of a connection: a client that sends its headers slowly or disappears does not hold it for ever.
fn tune<A>(server: &mut axum_server::Server<SocketAddr, A>) {
    let builder = server.http_builder();
    builder
        .http1()
        .timer(TokioTimer::new())
        .max_buf_size(READ_AHEAD)
        .header_read_timeout(HEADER_TIME);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(Some(PROBE))
        .keep_alive_timeout(HEADER_TIME);
}

impl RunningServer {
    /// Stops accepting requests, waits up to 20 seconds for current ones, and closes the database.
    pub async fn stop(self) {
        self.app.stopping.send_replace(true);
        self.handle.graceful_shutdown(Some(PATIENCE));
        match self.serving.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(%error, "the listener failed"),
            Err(error) => tracing::error!(%error, "the listener panicked"),
        }
        for job in &self.jobs {
            job.abort();
        }
        self.app.store.clone().close().await;
        tracing::info!("stopped");
    }
    /// Waits for SIGTERM, SIGINT or a failure of the listener, then stops.
    pub async fn run(mut self, mut signals: Signals) {
        tokio::select! {
            () = signals.told() => {}
            _ = &mut self.serving => tracing::error!("the listener ended by itself"),
        }
        if self.serving.is_finished() {
            self.app.store.clone().close().await;
        } else {
            self.stop().await;
        }
    }
}

/// The signals that stop the server.
///
/// Registered by [`Signals::listen`]. A signal that arrives before [`Signals`] is awaited is kept, so that a server which
/// is told to stop during its start stops cleanly, too.
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    pub fn listen() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }
    async fn told(&mut self) {
        tokio::select! { _ = self.terminate.recv() => {}, _ = self.interrupt.recv() => {} }
    }
}
