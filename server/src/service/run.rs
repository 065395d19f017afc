//! Starts, runs and stops a server: database, object store, keys, listener, background jobs.
//!
//! [`start`] returns when the listener accepts requests. [`RunningServer::stop`] stops accepting requests, finishes the
//! current ones, and closes the database after all acknowledged writes.

use super::{
    backup, health, jobs, private_files, reactions,
    rooms::JOBS,
    router::router,
    seal_source::SealSource,
    start_error::StartError,
    store_id,
    tls::{self, Tls},
};
use crate::{
    app::{
        address::{self, PublicAddress, Reach},
        calendars::Calendars,
        grid_packs::Grids,
        identity::Identity,
        objects::Blobs,
        s3::S3,
        seal::SealKey,
        secrets,
        state::{App, Parts},
    },
    grids::{reference, watch},
    http::connections::{Bounded, Connections},
    kernel::{
        clock::{MachineClock, RandomSource, ServerClock, SystemRandomSource},
        config::Settings,
        failure::Failure,
        ids::Ids,
    },
    people::orgs,
    store::{database::Store, options},
    terminals::parcel_keys,
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

/// Requests at the same time on one HTTP/2 connection, and bytes that may arrive before a handler reads them: of one
/// request, and of all of the connection.
const STREAMS: u32 = 64;
const STREAM_WINDOW: u32 = 256 * 1024;
const CONNECTION_WINDOW: u32 = 512 * 1024;

/// Options of a server.
#[derive(Clone)]
pub struct ServerOptions {
    /// Folder for the embedded database, the object store and the certificate.
    pub data: PathBuf,
    /// `postgres://…`; the embedded database in `data` when absent.
    pub database: Option<String>,
    /// A bucket for the objects; the folder in `data` when it names none.
    pub s3: S3,
    /// Where the key comes from that seals the server's keys; a file beside `data` by default.
    pub seal: SealSource,
    pub listen: SocketAddr,
    /// What handsets call the server: `https://host[:port]`, or [`crate::app::address::LOOPBACK`]. When absent, `listen`
    /// if other machines can reach it.
    pub public: Option<String>,
    /// Starts on an object store that lacks what the database names; see [`StartError::ObjectsMissing`].
    pub accept_missing_photos: bool,
    /// Migrates a database of an older version without a copy of it.
    pub without_backup: bool,
    pub tls: Tls,
    pub settings: Settings,
}

impl ServerOptions {
    /// The defaults: embedded database, own certificate.
    pub fn new(data: impl Into<PathBuf>, listen: SocketAddr) -> Self {
        let data = data.into();
        Self {
            seal: SealSource::beside(&data),
            data,
            database: None,
            s3: S3::default(),
            listen,
            public: None,
            accept_missing_photos: false,
            without_backup: false,
            tls: Tls::Own,
            settings: Settings::default(),
        }
    }
    pub(crate) fn database_url(&self) -> String {
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

/// [`open`] for a city that was founded, for tools beside a server that may run. Nothing is created, migrated or sealed.
///
/// # Errors
/// [`StartError::NoCity`], [`StartError::OlderSchema`].
pub async fn open_city(options: &ServerOptions) -> Result<Opened, StartError> {
    if backup::needs_migration(&options.database_url()).await? {
        return Err(StartError::OlderSchema);
    }
    open_founded(options).await
}

/// [`open`] for a city that was founded, whatever version made it: a database of an older version is copied and migrated.
async fn open_to_serve(options: &ServerOptions) -> Result<Opened, StartError> {
    backup::before_migration(&options.database_url(), &options.data, options.without_backup).await?;
    open_founded(options).await
}

async fn open_founded(options: &ServerOptions) -> Result<Opened, StartError> {
    let place = || match &options.database {
        Some(_) => "--database".to_owned(),
        None => options.data.display().to_string(),
    };
    if options.database.is_none() && !options.data.join(DATABASE).exists() {
        return Err(StartError::NoCity(place()));
    }
    let opened = open(options).await?;
    match opened.store.read(orgs::any).await? {
        true => Ok(opened),
        false => {
            opened.store.close().await;
            Err(StartError::NoCity(place()))
        }
    }
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
    let seal = seal_key(&options.seal, &store).await?;
    let identity = Identity::load_or_create(&store, seal.clone(), SystemRandomSource::bytes()).await?;
    let fresh = SystemRandomSource::bytes();
    store
        .write(move |tx| parcel_keys::reseal(tx, &seal, &seal, &mut Ids::new(fresh)))
        .await?;
    Ok(Opened {
        store,
        blobs,
        identity,
    })
}

async fn seal_key(source: &SealSource, store: &Store) -> Result<SealKey, StartError> {
    let is_needed = store.read(secrets::any_sealed).await?;
    let source = source.clone();
    let loaded = tokio::task::spawn_blocking(move || source.load(is_needed, SystemRandomSource::bytes()));
    Ok(loaded.await.map_err(Failure::internal)??)
}

impl Opened {
    /// Checks that the object store belongs to the database, and holds what the database names unless `accept_missing`.
    /// Called before the first write to it.
    pub async fn settle_objects(&mut self, accept_missing: bool) -> Result<(), StartError> {
        if store_id::settle(
            &self.store,
            &self.blobs,
            SystemRandomSource::bytes(),
            accept_missing,
        )
        .await?
        {
            self.identity.epoch =
                Identity::renew_epoch(&self.store, SystemRandomSource::bytes(), MachineClock.now()).await?;
        }
        Ok(())
    }
}

/// Builds the parts of a server, if the database and the object store belong together.
pub async fn assemble(
    mut opened: Opened,
    settings: Settings,
    public: PublicAddress,
    accept_missing: bool,
) -> Result<App, StartError> {
    opened.settle_objects(accept_missing).await?;
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
        bounds: Default::default(),
        sign_ins: Default::default(),
        scratch: Default::default(),
        known: Default::default(),
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
    pub connections: Arc<Connections>,
    handle: axum_server::Handle<SocketAddr>,
    serving: JoinHandle<std::io::Result<()>>,
    jobs: Vec<JoinHandle<()>>,
}

/// Starts a server; see the module.
pub async fn start(options: ServerOptions) -> Result<RunningServer, StartError> {
    if matches!(options.tls, Tls::Plain) && !options.listen.ip().is_loopback() {
        return Err(StartError::PlainOutside(options.listen));
    }
    let opened = open_to_serve(&options).await?;
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
    let (url, reach) = address::settle(options.public.as_deref(), scheme, address)?;
    match reach {
        Reach::Network => {}
        Reach::ThisMachine => {
            tracing::warn!(%url, "仅限本机：别的设备连不上这个地址 / only handsets on this machine reach this address")
        }
        Reach::Nobody => tracing::warn!(
            %url,
            "别的设备连不上这个地址，不能发放登记码；请用 --public https://主机 指明 / no handset reaches this address, so that no \
             invitation is made; name another by --public https://host"
        ),
    }
    let certificate = tls::load(
        &options.tls,
        &opened.store,
        &opened.identity.seal,
        SystemRandomSource::bytes(),
        &options.data.join("tls"),
        &url,
    )
    .await?;
    let pins = certificate.as_ref().map(|c| c.pins.clone()).unwrap_or_default();
    let app = assemble(
        opened,
        options.settings,
        PublicAddress {
            url: url.clone(),
            pins,
            reach,
        },
        options.accept_missing_photos,
    )
    .await?;
    app.scratch.set_folder(&options.data);

    let handle = axum_server::Handle::new();
    let connections = Connections::new(&app.settings);
    let bounded = Bounded(Arc::clone(&connections));
    let service = router(&app).into_make_service_with_connect_info::<SocketAddr>();
    let serving = match &certificate {
        Some(certificate) => {
            let config = axum_server::tls_rustls::RustlsConfig::from_config(certificate.config.clone());
            let mut server = axum_server::from_tcp_rustls(listener, config)
                .map_err(failed)?
                .map(|tls| tls.acceptor(bounded))
                .handle(handle.clone());
            tune(&mut server);
            tokio::spawn(async move { server.serve(service).await })
        }
        None => {
            // With both versions the library reads the first bytes to see which one it is, and keeps 8 KiB more for each
            // connection ever after. Connections with TLS pay for that.
            let mut server = axum_server::from_tcp(listener)
                .map_err(failed)?
                .acceptor(bounded)
                .http1_only()
                .handle(handle.clone());
            tune(&mut server);
            tokio::spawn(async move { server.serve(service).await })
        }
    };
    let mut jobs = Vec::new();
    if let Some(address) = app.settings.metrics_listen.0 {
        let bound = tokio::net::TcpListener::bind(address).await;
        let listener = bound.map_err(|error| StartError::Listen { address, error })?;
        jobs.push(tokio::spawn(health::serve_metrics(app.clone(), listener)));
    }
    jobs.extend([
        tokio::spawn(health::upkeep()),
        tokio::spawn(Arc::clone(&connections).watch()),
        tokio::spawn(jobs::watch(app.clone(), JOBS)),
        tokio::spawn(watch::watch(app.clone())),
    ]);
    tracing::info!(%url, %address, engine = ?app.store.engine(), epoch = app.identity.epoch, "listening");
    Ok(RunningServer {
        app,
        address,
        url,
        certificate: certificate.map(|c| c.pem),
        connections,
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
        .max_concurrent_streams(STREAMS)
        .max_send_buf_size(READ_AHEAD)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
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
