//! One private PostgreSQL cluster for a whole test run, or one started by hand for debugging a failing test.
//!
//! It listens on loopback and on a socket in its own folder, accepts every connection without a password (user
//! `xunge`), does not sync to disk (except for the benches) and never touches a cluster of the system. Tests find it by
//! `XUNGE_TEST_PG`; each test creates its own database in it.

use std::fs::File;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};

use crate::clock;
use crate::shell::{self, quiet_stdin};

/// The variable that holds the URL of the cluster. Without it each test process starts a cluster for itself
/// (`server/tests/support/pg.rs`) and fails if PostgreSQL is not installed.
pub const VARIABLE: &str = "XUNGE_TEST_PG";

/// Unix allows a socket path of 107 bytes, and PostgreSQL adds `/s/.s.PGSQL.65535.lock` to the folder.
const LONGEST_DIR: usize = 85;
const READY_WITHIN: Duration = Duration::from_secs(30);
const ABANDONED_AFTER: Duration = Duration::from_secs(2 * 3600);
const PREFIX: &str = "xunge-pg-";
/// No data of a test is kept after its run, so no write waits for the disk.
const UNSYNCED: &[&str] = &["fsync=off", "synchronous_commit=off", "full_page_writes=off"];

/// A running cluster. Dropping it stops it and removes its folder.
pub struct Cluster {
    place: Place,
    server: Child,
    port: u16,
}

impl Cluster {
    /// Starts a cluster on a free port. It ends with this process, on Linux also when this process is killed.
    pub fn start() -> Result<Self> {
        Self::start_with(UNSYNCED)
    }

    /// Starts a cluster with PostgreSQL's default settings: it syncs to disk as in production, for the benches.
    pub fn start_durable() -> Result<Self> {
        Self::start_with(&[])
    }

    fn start_with(settings: &'static [&'static str]) -> Result<Self> {
        sweep(Path::new("/tmp"));
        // Not under target/: user postgres may have no way into the tree, and its path may be too long for a socket.
        let dir = PathBuf::from(format!("/tmp/{PREFIX}{}", std::process::id()));
        let place = Place {
            settings,
            ..Place::create(&dir)?
        };
        for _ in 0..3 {
            // Another process may take the port before PostgreSQL binds it: try another one.
            if let Some((server, port)) = place.try_serve(free_port()?)? {
                return Ok(Self { place, server, port });
            }
        }
        let log = std::fs::read_to_string(place.log()).unwrap_or_default();
        place.remove();
        bail!("PostgreSQL did not start:\n{log}");
    }

    pub fn url(&self) -> String {
        url(self.port)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if let Err(error) = self.place.stop() {
            eprintln!("{error:#}");
            self.server.kill().ok();
        }
        self.server.wait().ok();
        self.place.remove();
    }
}

/// Creates a cluster in `dir` and leaves it running on `port` of loopback.
pub fn start_by_hand(dir: &Path, port: u16) -> Result<()> {
    let place = Place::create(&std::path::absolute(dir)?)?;
    let mut start = place.program("pg_ctl", &[]);
    start
        .arg("-D")
        .arg(place.data())
        .arg("-l")
        .arg(place.data().join("log"));
    let options = place.options(port).join(" ");
    shell::output(start.args(["-w", "-t", "30", "-o", &options, "start"]))?;
    println!("export {VARIABLE}={}", url(port));
    Ok(())
}

/// Stops the cluster in `dir` and removes the folder. Refuses a folder that holds no cluster started by xtask.
pub fn stop_by_hand(dir: &Path) -> Result<()> {
    let place = Place::at(&std::path::absolute(dir)?)?;
    ensure!(
        place.data().join("PG_VERSION").is_file(),
        "{} holds no cluster started by xtask",
        place.dir.display()
    );
    place.stop()?;
    place.remove();
    Ok(())
}

/// The folder of PostgreSQL's programs. Debian keeps one folder for each version outside of PATH; the newest is used.
pub fn programs() -> Option<PathBuf> {
    let of_debian = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten();
    let numbered = of_debian.filter_map(|entry| {
        let version: u32 = entry.file_name().to_str()?.parse().ok()?;
        let bin = entry.path().join("bin");
        bin.join("initdb").is_file().then_some((version, bin))
    });
    let newest = numbered.max_by_key(|(version, _)| *version).map(|(_, bin)| bin);
    newest.or_else(|| Some(shell::which("initdb")?.parent()?.to_path_buf()))
}

/// The folder of a cluster (`d`: data, `s`: sockets) and how to run programs on it.
struct Place {
    dir: PathBuf,
    bin: PathBuf,
    /// PostgreSQL refuses to run as root. Root switches to Debian's user `postgres`.
    root: bool,
    settings: &'static [&'static str],
}

impl Place {
    fn at(dir: &Path) -> Result<Self> {
        let shown = dir.display();
        ensure!(
            dir.as_os_str().len() <= LONGEST_DIR,
            "{shown} is too long for a socket ({LONGEST_DIR} bytes at most)"
        );
        let bin = programs().context("PostgreSQL is not installed: `cargo xtask setup`")?;
        Ok(Self {
            dir: dir.to_path_buf(),
            bin,
            root: shell::is_root(),
            settings: UNSYNCED,
        })
    }

    fn create(dir: &Path) -> Result<Self> {
        let place = Self::at(dir)?;
        ensure!(!dir.exists(), "{} exists already", dir.display());
        let mut install = quiet_stdin("install");
        if place.root {
            install.args(["-o", "postgres", "-g", "postgres"]);
        }
        shell::output(install.args(["-d", "-m", "700"]).arg(dir).arg(dir.join("s")))?;
        let mut init = place.program("initdb", &[]);
        init.arg("-D").arg(place.data());
        init.args([
            "-U",
            "xunge",
            "--auth=trust",
            "--no-sync",
            "-E",
            "UTF8",
            "--locale=C.UTF-8",
        ]);
        if let Err(error) = shell::output(&mut init) {
            place.remove();
            return Err(error.context("user postgres needs access to all parents of the folder"));
        }
        Ok(place)
    }

    fn data(&self) -> PathBuf {
        self.dir.join("d")
    }

    fn log(&self) -> PathBuf {
        self.dir.join("log")
    }

    /// Many tests run at once, each with a pool of connections.
    fn options(&self, port: u16) -> Vec<String> {
        let (port, sockets) = (port.to_string(), self.dir.join("s").display().to_string());
        let mut options: Vec<String> = ["-h", "127.0.0.1", "-p", &port, "-k", &sockets]
            .map(String::from)
            .into();
        for setting in self.settings.iter().chain(&["max_connections=300"]) {
            options.extend(["-c".to_owned(), (*setting).to_owned()]);
        }
        options
    }

    /// One of PostgreSQL's programs, run by a user that it accepts, with a clean environment (no inherited `PG*`).
    fn program(&self, name: &str, setpriv: &[&str]) -> Command {
        let program = self.bin.join(name);
        let mut command = if self.root || !setpriv.is_empty() {
            let mut command = quiet_stdin("setpriv");
            if self.root {
                command.args(["--reuid=postgres", "--regid=postgres", "--init-groups"]);
            }
            command.args(setpriv).arg(program);
            command
        } else {
            quiet_stdin(program)
        };
        command
            .env_clear()
            .env("PATH", format!("{}:/usr/bin:/bin", self.bin.display()));
        command
            .env("LC_ALL", "C.UTF-8")
            .env("HOME", "/tmp")
            .current_dir("/");
        command
    }

    /// Starts the server as a child process. `None` when it ended before it was ready.
    fn try_serve(&self, port: u16) -> Result<Option<(Child, u16)>> {
        let ends_with_parent: &[&str] = if cfg!(target_os = "linux") {
            &["--pdeathsig", "QUIT"]
        } else {
            &[]
        };
        let log = File::create(self.log()).context("cannot create PostgreSQL's log")?;
        let mut command = self.program("postgres", ends_with_parent);
        command.arg("-D").arg(self.data()).args(self.options(port));
        let mut server = command
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("cannot start PostgreSQL")?;
        let began = clock::now();
        while began.elapsed() < READY_WITHIN {
            if server.try_wait()?.is_some() {
                return Ok(None);
            }
            let mut ready = self.program("pg_isready", &[]);
            if shell::output(ready.args(["-q", "-h", "127.0.0.1", "-p", &port.to_string(), "-U", "xunge"]))
                .is_ok()
            {
                return Ok(Some((server, port)));
            }
            clock::sleep(Duration::from_millis(50));
        }
        server.kill().ok();
        server.wait().ok();
        Ok(None)
    }

    fn stop(&self) -> Result<()> {
        let mut stop = self.program("pg_ctl", &[]);
        shell::output(
            stop.arg("-D")
                .arg(self.data())
                .args(["-m", "immediate", "-w", "stop"]),
        )?;
        Ok(())
    }

    fn remove(&self) {
        if let Err(error) = std::fs::remove_dir_all(&self.dir) {
            eprintln!("cannot remove {}: {error}", self.dir.display());
        }
    }
}

fn url(port: u16) -> String {
    format!("postgres://xunge@127.0.0.1:{port}/postgres")
}

fn free_port() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port on loopback")?;
    Ok(listener.local_addr()?.port())
}

/// Removes the folders of killed runs: their process is gone, and they are older than any run takes.
fn sweep(parent: &Path) {
    let entries = std::fs::read_dir(parent).into_iter().flatten().flatten();
    for entry in entries {
        let name = entry.file_name();
        let owner = name
            .to_str()
            .and_then(|name| name.strip_prefix(PREFIX)?.parse::<u32>().ok());
        let made = entry.metadata().and_then(|meta| meta.modified());
        let age = made.ok().and_then(clock::age);
        if let (Some(owner), Some(age)) = (owner, age)
            && Path::new("/proc/self").exists()
            && !Path::new("/proc").join(owner.to_string()).exists()
            && age > ABANDONED_AFTER
        {
            std::fs::remove_dir_all(entry.path()).ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_too_long_for_a_socket_is_refused_before_it_is_created() {
        let long = PathBuf::from(format!("/tmp/{}", "x".repeat(LONGEST_DIR)));
        assert!(
            start_by_hand(&long, 1)
                .unwrap_err()
                .to_string()
                .contains("too long")
        );
        assert!(!long.exists());
    }

    #[test]
    fn stopping_never_removes_a_folder_that_is_no_cluster() {
        let dir = std::env::temp_dir().join(format!("xtask-not-a-cluster-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        assert!(stop_by_hand(&dir).is_err());
        assert!(dir.exists());
        std::fs::remove_dir(&dir).unwrap();
    }

    #[test]
    fn the_sweep_keeps_young_folders_and_those_of_others() {
        let parent = std::env::temp_dir().join(format!("xtask-sweep-{}", std::process::id()));
        // No process has the number 4194305: Linux counts up to 4194304.
        let kept = ["xunge-pg-4194305", "xunge-pg-notes", "other"];
        for name in kept {
            std::fs::create_dir_all(parent.join(name)).unwrap();
        }
        sweep(&parent);
        assert!(kept.iter().all(|name| parent.join(name).exists()));
        std::fs::remove_dir_all(&parent).unwrap();
    }
}
