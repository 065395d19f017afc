//! The server side: one process, or two over one PostgreSQL, each of which may be killed, behind one address
//! that forwards to a running one.

use super::{TortureEngine, machine::MachineDisk};
use crate::process::program;
use anyhow::{Context, Result, bail};
use std::{
    fs::File,
    io::{self, BufRead, BufReader},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

/// One server process.
struct ReplicaProcess {
    child: Option<Child>,
    address: Option<SocketAddr>,
}

/// All server processes, on the disk of one machine.
pub struct ServerGroup {
    data: PathBuf,
    database: Option<String>,
    /// The log is outside that disk, so that a power cut keeps it.
    log: PathBuf,
    replicas: Vec<ReplicaProcess>,
    balancer: TcpBalancer,
}

impl ServerGroup {
    /// The servers of a city that was initialised in `data`. None is started.
    pub fn new(data: &Path, engine: &TortureEngine, log: &Path) -> Result<Self> {
        let (database, count) = match engine {
            TortureEngine::Sqlite => (None, 1),
            TortureEngine::Postgres(url) => (Some(url.clone()), 2),
        };
        let replica = || ReplicaProcess {
            child: None,
            address: None,
        };
        Ok(Self {
            data: data.to_owned(),
            database,
            log: log.to_owned(),
            replicas: std::iter::repeat_with(replica).take(count).collect(),
            balancer: TcpBalancer::start()?,
        })
    }
    pub fn count(&self) -> usize {
        self.replicas.len()
    }
    /// The address for handsets and staff; forwards to a running server.
    pub fn address(&self) -> SocketAddr {
        self.balancer.address
    }
    /// Starts the servers that are not running.
    pub fn start(&mut self, machine: &MachineDisk) -> Result<()> {
        let resting = self.replicas.iter_mut().filter(|replica| replica.child.is_none());
        for replica in resting {
            let mut command = Command::new(program("xunge-server")?);
            command.arg("serve").arg("--data").arg(&self.data);
            if let Some(database) = &self.database {
                command.args(["--database", database]);
            }
            let log = File::options().append(true).create(true).open(&self.log)?;
            let mut child = machine
                .apply_to(&mut command)
                .args([
                    "--public",
                    "loopback",
                    "--listen",
                    "127.0.0.1:0",
                    "--plain-http",
                    "--config",
                ])
                .arg(self.data.join("settings.toml"))
                .env("RUST_LOG", "warn")
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .stderr(log)
                .spawn()?;
            let mut first = String::new();
            BufReader::new(child.stdout.take().context("no standard output pipe")?).read_line(&mut first)?;
            let Some(address) = first.trim().split("://").nth(1) else {
                let status = child.wait()?;
                let said = std::fs::read_to_string(&self.log).unwrap_or_default();
                let last = said.lines().last().unwrap_or_default();
                bail!("the server does not start ({status}): {last}");
            };
            replica.address = Some(address.parse()?);
            replica.child = Some(child);
        }
        self.record();
        Ok(())
    }
    /// Sends SIGKILL to one server; returns true if it was running.
    pub fn kill(&mut self, which: usize) -> Result<bool> {
        let Some(replica) = self.replicas.get_mut(which) else {
            return Ok(false);
        };
        let Some(mut child) = replica.child.take() else {
            return Ok(false);
        };
        child.kill()?;
        child.wait()?;
        replica.address = None;
        self.record();
        Ok(true)
    }
    /// Sends SIGKILL to all servers; returns how many were running.
    pub fn kill_all(&mut self) -> Result<u64> {
        let mut killed = 0;
        for which in 0..self.replicas.len() {
            killed += u64::from(self.kill(which)?);
        }
        Ok(killed)
    }
    fn record(&self) {
        let living = self.replicas.iter().filter_map(|replica| replica.address);
        *lock(&self.balancer.living) = living.collect();
    }
}

impl Drop for ServerGroup {
    fn drop(&mut self) {
        let _ = self.kill_all();
    }
}

/// One address in front of the running servers: forwards each connection to the next of them.
struct TcpBalancer {
    address: SocketAddr,
    living: Arc<Mutex<Vec<SocketAddr>>>,
}

impl TcpBalancer {
    fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let living: Arc<Mutex<Vec<SocketAddr>>> = Arc::default();
        let (inner, turn) = (living.clone(), AtomicUsize::new(0));
        // Not joined: the thread ends with the process.
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let servers = lock(&inner).clone();
                let turn = turn.fetch_add(1, Ordering::Relaxed);
                let chosen = turn
                    .checked_rem(servers.len())
                    .and_then(|at| servers.get(at))
                    .copied();
                thread::spawn(move || serve(&stream, chosen));
            }
        });
        Ok(Self { address, living })
    }
}

fn serve(near: &TcpStream, server: Option<SocketAddr>) {
    let far = server.and_then(|address| TcpStream::connect(address).ok());
    if let Some(far) = far
        && let (Ok(mut near_in), Ok(mut far_out)) = (near.try_clone(), far.try_clone())
    {
        let (mut near_out, mut far_in) = (near, &far);
        thread::scope(|scope| {
            scope.spawn(move || {
                let _ = io::copy(&mut near_in, &mut far_out);
                let _ = far_out.shutdown(Shutdown::Both);
            });
            let _ = io::copy(&mut far_in, &mut near_out);
            let _ = near.shutdown(Shutdown::Both);
        });
    }
    let _ = near.shutdown(Shutdown::Both);
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
