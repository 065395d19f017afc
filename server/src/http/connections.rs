//! All open connections of a server: how many there may be, and which one is cut when there are too many.
//!
//! A connection belongs to a stranger until the first request with a valid token. Limits by address count strangers only;
//! a terminal or a person is limited by what it uses itself. The oldest connection of a stranger is cut first, and nobody
//! who is signed in is cut for a stranger.

use super::connection::{OpenConnection, Registry, Watched};
use crate::{
    app::rate::RateCaller,
    http::client::network_of,
    kernel::{clock::every, config::Settings, memory, networks::Networks},
};
use axum::{Extension, middleware::AddExtension};
use axum_server::accept::Accept;
use std::{
    collections::{BTreeMap, HashMap},
    future::{Ready, ready},
    io,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::Ordering::Relaxed},
    time::Duration,
};
use tokio::net::TcpStream;
use tower::Layer as _;

/// Files that the server keeps open for itself: database, objects, log, readers of both.
const OWN_FILES: usize = 256;
/// Open files if the system does not say how many it allows.
const USUAL_FILES: usize = 1024;
/// A stranger's connection without a request is cut after this time, in ms.
const STRANGER_IDLE: u64 = 60_000;
/// How often stalled connections are looked for.
const LOOK: Duration = Duration::from_secs(1);

type Open = BTreeMap<u64, Arc<OpenConnection>>;

/// The registry of connections.
pub struct Connections {
    most: usize,
    strangers: usize,
    per_address: usize,
    per_caller: usize,
    /// ms
    stall: u64,
    proxies: Networks,
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    opened: u64,
    all: Open,
    strangers: Open,
    by_address: HashMap<IpAddr, Open>,
    by_caller: HashMap<RateCaller, Open>,
}

impl Connections {
    /// The registry with the limits of `settings`, below what the system allows.
    pub fn new(settings: &Settings) -> Arc<Self> {
        let number = |n: u32| usize::try_from(n).unwrap_or(usize::MAX);
        let files = open_files().unwrap_or(USUAL_FILES);
        let room = files.saturating_sub(OWN_FILES).max(files / 2).max(16);
        let most = match number(settings.connections) {
            0 => room,
            asked => asked.min(room),
        };
        Arc::new(Self {
            most,
            strangers: number(settings.stranger_connections).min(most / 2).max(1),
            per_address: number(settings.stranger_connections_per_address),
            per_caller: number(settings.connections_per_caller),
            stall: u64::from(settings.answer_stall_seconds) * 1000,
            proxies: settings.trusted_proxies.clone(),
            table: Mutex::default(),
        })
    }
    /// How many connections are open: all, and those of strangers.
    pub fn count(&self) -> (usize, usize) {
        let table = self.table();
        (table.all.len(), table.strangers.len())
    }
    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
    /// Registers a connection; `None` if there is no room and nobody to cut.
    fn open(self: &Arc<Self>, peer: IpAddr) -> Option<Arc<OpenConnection>> {
        let address = (!self.proxies.contain(peer)).then(|| network_of(peer));
        let mut table = self.table();
        if let Some(address) = address
            && self.per_address > 0
            && table
                .by_address
                .get(&address)
                .is_some_and(|own| own.len() >= self.per_address)
        {
            let first = table.by_address.get(&address).and_then(first);
            table.cut(first);
        }
        if address.is_some() && table.strangers.len() >= self.strangers {
            let first = first(&table.strangers);
            table.cut(first);
        }
        if table.all.len() >= self.most {
            let first = first(&table.strangers)?;
            table.cut(Some(first));
        }
        table.opened += 1;
        let id = table.opened;
        let connection = {
            let all: Arc<dyn Registry> = Arc::<Self>::clone(self);
            Arc::new(OpenConnection::new(id, address, Arc::downgrade(&all)))
        };
        table.all.insert(id, Arc::clone(&connection));
        if let Some(address) = address {
            table.strangers.insert(id, Arc::clone(&connection));
            let own = table.by_address.entry(address).or_default();
            own.insert(id, Arc::clone(&connection));
        }
        Some(connection)
    }
    /// Cuts the connections whose clients do not read, and those of strangers who ask for nothing. Runs for ever.
    pub async fn watch(self: Arc<Self>) {
        let mut timer = every(LOOK);
        loop {
            timer.tick().await;
            self.look();
        }
    }
    fn look(&self) {
        let now = super::connection::now();
        let mut table = self.table();
        let waits = |connection: &OpenConnection| {
            connection.is_idle() && now.saturating_sub(connection.idle_since.load(Relaxed)) >= STRANGER_IDLE
        };
        let stalled = table.all.values().filter(|c| c.is_stalled(self.stall)).cloned();
        let mut over: Vec<Arc<OpenConnection>> = stalled.collect();
        let slow = over.len() as u64;
        over.extend(table.strangers.values().filter(|c| waits(c)).cloned());
        for connection in over {
            table.cut(Some(connection));
        }
        let open = (table.all.len() as f64, table.strangers.len() as f64);
        drop(table);
        metrics::counter!("xunge_stalled_connections_total").increment(slow);
        metrics::gauge!("xunge_connections").set(open.0);
        metrics::gauge!("xunge_stranger_connections").set(open.1);
    }
}

impl Registry for Connections {
    fn is_known(&self, connection: &OpenConnection, caller: RateCaller) {
        let mut table = self.table();
        table.no_stranger(connection);
        let Some(open) = table.all.get(&connection.id).cloned() else {
            return;
        };
        let own = table.by_caller.entry(caller).or_default();
        own.insert(connection.id, open);
        if own.len() > self.per_caller {
            let idle = idle(own);
            table.cut(idle);
        }
    }
    fn closed(&self, connection: &OpenConnection) {
        self.table().remove(connection);
        memory::connection_ended();
    }
}

/// Of strangers the oldest connection is cut, whatever it does: one that begins a request and never ends it is no better
/// than an idle one, and an honest stranger is known or gone after a moment.
fn first(open: &Open) -> Option<Arc<OpenConnection>> {
    open.values().next().cloned()
}

/// Of one caller the oldest connection without a request under way is cut, else the oldest one.
fn idle(open: &Open) -> Option<Arc<OpenConnection>> {
    let idle = open.values().find(|connection| connection.is_idle());
    idle.cloned().or_else(|| first(open))
}

impl Table {
    fn cut(&mut self, connection: Option<Arc<OpenConnection>>) {
        if let Some(connection) = connection {
            self.remove(&connection);
            connection.cut();
        }
    }
    fn remove(&mut self, connection: &OpenConnection) {
        self.all.remove(&connection.id);
        self.no_stranger(connection);
        self.no_callers(connection);
    }
    fn no_stranger(&mut self, connection: &OpenConnection) {
        self.strangers.remove(&connection.id);
        if let Some(address) = connection.address {
            leave(&mut self.by_address, &address, connection.id);
        }
    }
    fn no_callers(&mut self, connection: &OpenConnection) {
        if let Some(caller) = connection.caller() {
            leave(&mut self.by_caller, &caller, connection.id);
        }
    }
}

fn leave<K: std::hash::Hash + Eq>(table: &mut HashMap<K, Open>, key: &K, id: u64) {
    if let Some(own) = table.get_mut(key) {
        own.remove(&id);
        if own.is_empty() {
            table.remove(key);
        }
    }
}

/// The number of files that this process may have open.
fn open_files() -> Option<usize> {
    let limits = std::fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Accepts connections that the registry has room for.
#[derive(Clone)]
pub struct Bounded(pub Arc<Connections>);

impl<S> Accept<TcpStream, S> for Bounded {
    type Stream = Watched;
    type Service = AddExtension<S, Arc<OpenConnection>>;
    type Future = Ready<io::Result<(Watched, Self::Service)>>;

    fn accept(&self, socket: TcpStream, service: S) -> Self::Future {
        let opened = socket.peer_addr().map(|peer| self.0.open(peer.ip()));
        ready(match opened {
            Ok(Some(connection)) => {
                let service = Extension(Arc::clone(&connection)).layer(service);
                Ok((Watched::new(socket, connection), service))
            }
            Ok(None) => {
                let _ = socket.set_zero_linger();
                Err(io::ErrorKind::ConnectionRefused.into())
            }
            Err(error) => Err(error),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::ids::StreamId;

    fn registry(settings: &Settings) -> Arc<Connections> {
        Connections::new(settings)
    }

    fn limits(connections: u32, strangers: u32, per_address: u32) -> Settings {
        Settings {
            connections,
            stranger_connections: strangers,
            stranger_connections_per_address: per_address,
            connections_per_caller: 4,
            ..Settings::default()
        }
    }

    fn caller(n: u8) -> RateCaller {
        RateCaller::Stream(StreamId::from_parts(0, [n; 10]))
    }

    #[tokio::test]
    async fn sec_a07_a_stranger_is_cut_for_a_newcomer_and_nobody_who_is_signed_in() {
        let peer: IpAddr = "192.0.2.7".parse().unwrap();
        let open = registry(&limits(20, 10, 0));
        let known = open.open(peer).unwrap();
        known.belongs_to(caller(1));
        let silent = open.open(peer).unwrap();
        let request = silent.begin();
        for _ in 0..50 {
            open.open(peer).unwrap();
        }
        assert_eq!(open.count(), (11, 10));
        let table = open.table();
        assert!(table.all.contains_key(&known.id) && !table.all.contains_key(&silent.id));
        drop((table, request));
    }

    #[tokio::test]
    async fn sec_a07_a_full_server_refuses_strangers_and_keeps_those_who_are_signed_in() {
        let peer: IpAddr = "192.0.2.7".parse().unwrap();
        let open = registry(&limits(16, 1000, 0));
        for n in 0..16 {
            open.open(peer).unwrap().belongs_to(caller(n));
        }
        assert!(open.open(peer).is_none());
        assert_eq!(open.count(), (16, 0));
    }

    #[tokio::test]
    async fn limits_by_address_and_by_caller_cut_their_own_only() {
        let open = registry(&limits(1000, 100, 3));
        let (one, other): (IpAddr, IpAddr) = ("192.0.2.7".parse().unwrap(), "192.0.2.8".parse().unwrap());
        let neighbour = open.open(other).unwrap();
        for _ in 0..10 {
            open.open(one).unwrap();
        }
        assert_eq!(open.count(), (4, 4));
        for _ in 0..10 {
            open.open(other).unwrap().belongs_to(caller(1));
        }
        assert_eq!(open.count(), (8, 4));
        assert!(open.table().all.contains_key(&neighbour.id));
    }
}
