//! The server's side: one process, or two over one PostgreSQL, each of which may die; and one address for handsets, behind
//! which whoever lives answers.

use super::{Engine, machine::Machine};
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
struct Replica {
    child: Option<Child>,
    address: Option<SocketAddr>,
}

/// All processes of the server, on one machine's disk.
pub struct Servers {
    data: PathBuf,
    database: Option<String>,
    /// Outside the machine's disk: what a program says is not what it keeps.
    log: PathBuf,
    replicas: Vec<Replica>,
    balancer: Balancer,
}

impl Servers {
    /// The servers of a city that was founded in `data`; they rest.
    pub fn new(data: &Path, engine: &Engine, log: &Path) -> Result<Self> {
        let (database, count) = match engine {
            Engine::Sqlite => (None, 1),
            Engine::Postgres(url) => (Some(url.clone()), 2),
        };
        let replica = || Replica {
            child: None,
            address: None,
        };
        Ok(Self {
            data: data.to_owned(),
            database,
            log: log.to_owned(),
            replicas: std::iter::repeat_with(replica).take(count).collect(),
            balancer: Balancer::start()?,
        })
    }
    pub fn count(&self) -> usize {
        self.replicas.len()
    }
    /// Where handsets and staff reach whoever lives.
    pub fn address(&self) -> SocketAddr {
        self.balancer.address
    }
    /// Starts whoever rests.
    pub fn start(&mut self, machine: &Machine) -> Result<()> {
        let resting = self.replicas.iter_mut().filter(|replica| replica.child.is_none());
        for replica in resting {
            let mut command = Command::new(program("xunge-server")?);
            command.arg("serve").arg("--data").arg(&self.data);
            if let Some(database) = &self.database {
                command.args(["--database", database]);
            }
            let log = File::options().append(true).create(true).open(&self.log)?;
            let mut child = machine
                .wear(&mut command)
                .args(["--listen", "127.0.0.1:0", "--plain-http", "--config"])
                .arg(self.data.join("settings.toml"))
                .env("RUST_LOG", "warn")
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .stderr(log)
                .spawn()?;
            let mut first = String::new();
            BufReader::new(child.stdout.take().context("its output")?).read_line(&mut first)?;
            let Some(address) = first.trim().split("://").nth(1) else {
                let status = child.wait()?;
                let said = std::fs::read_to_string(&self.log).unwrap_or_default();
                let last = said.lines().last().unwrap_or_default();
                bail!("the server does not start ({status}): {last}");
            };
            replica.address = Some(address.parse()?);
            replica.child = Some(child);
        }
        self.tell();
        Ok(())
    }
    /// SIGKILL for one of them; whether it lived.
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
        self.tell();
        Ok(true)
    }
    /// SIGKILL for all; how many lived.
    pub fn kill_all(&mut self) -> Result<u64> {
        let mut killed = 0;
        for which in 0..self.replicas.len() {
            killed += u64::from(self.kill(which)?);
        }
        Ok(killed)
    }
    fn tell(&self) {
        let living = self.replicas.iter().filter_map(|replica| replica.address);
        *lock(&self.balancer.living) = living.collect();
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        let _ = self.kill_all();
    }
}

/// One address in front of the living servers: each connection goes to the next of them.
struct Balancer {
    address: SocketAddr,
    living: Arc<Mutex<Vec<SocketAddr>>>,
}

impl Balancer {
    fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let living: Arc<Mutex<Vec<SocketAddr>>> = Arc::default();
        let (inner, turn) = (living.clone(), AtomicUsize::new(0));
        // It ends with the process: nobody waits for it.
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
