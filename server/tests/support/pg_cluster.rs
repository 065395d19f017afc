//! A private PostgreSQL cluster, for a process without `XUNGE_TEST_PG`.
//!
//! A helper process holds the other end of a pipe and stops the cluster when this process ends for any
//! reason.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Certificate and key of the cluster, in PEM.
pub struct ServerPems {
    pub certificate: String,
    pub key: String,
}

/// Stops the cluster when dropped, and when the process dies.
pub struct TestCluster {
    url: String,
    _keeper: Child,
}

impl TestCluster {
    /// Starts a cluster on a free port of loopback.
    ///
    /// # Errors
    /// PostgreSQL is missing; the message says what to install.
    pub fn start() -> io::Result<Self> {
        Self::start_with(None)
    }

    /// The same, with TLS for those who ask for it.
    #[allow(dead_code, reason = "for the test of TLS alone")]
    pub fn start_with_tls(tls: &ServerPems) -> io::Result<Self> {
        Self::start_with(Some(tls))
    }

    fn start_with(tls: Option<&ServerPems>) -> io::Result<Self> {
        let bin = programs().ok_or_else(|| {
            io::Error::other(
                "PostgreSQL is not installed: apt-get install postgresql, \
                 or name a server that may create databases in XUNGE_TEST_PG",
            )
        })?;
        // Directly under /tmp: user postgres needs access, and a socket path has at most 107 bytes.
        let kind = if tls.is_some() { "s" } else { "" };
        let dir = PathBuf::from(format!("/tmp/xunge-pgt{kind}-{}", std::process::id()));
        fs::create_dir(&dir)?;
        fs::set_permissions(&dir, fs::Permissions::from_mode(0o711))?;
        let keeper = match serve(&bin, &dir, tls) {
            Ok(keeper) => keeper,
            Err(error) => {
                let _ = fs::remove_dir_all(&dir);
                return Err(error);
            }
        };
        let (port, child) = keeper;
        Ok(Self {
            url: format!("postgres://xunge@127.0.0.1:{port}/postgres"),
            _keeper: child,
        })
    }

    /// URL of its database `postgres`, as superuser `xunge`.
    pub fn url(&self) -> &str {
        &self.url
    }
}

fn serve(bin: &Path, dir: &Path, tls: Option<&ServerPems>) -> io::Result<(u16, Child)> {
    let (data, sockets) = (dir.join("d"), dir.join("s"));
    for part in [&data, &sockets] {
        fs::create_dir(part)?;
        fs::set_permissions(part, fs::Permissions::from_mode(0o700))?;
    }
    // initdb refuses root, so root switches to Debian's user postgres.
    let root = fs::metadata("/proc/self")?.uid() == 0;
    if root {
        output(
            Command::new("chown")
                .arg("postgres:postgres")
                .args([&data, &sockets]),
        )?;
    }
    let program = |name: &str| {
        let mut command = Command::new(if root {
            Path::new("setpriv").into()
        } else {
            bin.join(name)
        });
        if root {
            command.args(["--reuid=postgres", "--regid=postgres", "--init-groups"]);
            command.arg(bin.join(name));
        }
        command
            .env_clear()
            .current_dir("/")
            .envs([("LC_ALL", "C.UTF-8"), ("HOME", "/tmp")]);
        command.env("PATH", format!("{}:/usr/bin:/bin", bin.display()));
        command
    };
    let mut init = program("initdb");
    init.arg("-D").arg(&data);
    output(init.args([
        "-U",
        "xunge",
        "--auth=trust",
        "--no-sync",
        "-E",
        "UTF8",
        "--locale=C.UTF-8",
    ]))?;

    if let Some(tls) = tls {
        for (name, pem) in [("server.crt", &tls.certificate), ("server.key", &tls.key)] {
            let file = data.join(name);
            fs::write(&file, pem)?;
            fs::set_permissions(&file, fs::Permissions::from_mode(0o600))?;
            if root {
                output(Command::new("chown").arg("postgres:postgres").arg(&file))?;
            }
        }
    }
    let ssl = if tls.is_some() { "on" } else { "off" };
    let mut attempts = 0;
    let port = loop {
        attempts += 1;
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let mut start = program("pg_ctl");
        start
            .arg("-D")
            .arg(&data)
            .arg("-l")
            .arg(data.join("log"))
            .args(["-w", "-t", "30", "-o"]);
        start.arg(format!(
            "-h 127.0.0.1 -p {port} -k {} -c fsync=off -c synchronous_commit=off -c full_page_writes=off \
             -c max_connections=300 -c ssl={ssl}",
            sockets.display()
        ));
        match output(start.arg("start")) {
            Ok(()) => break port,
            // Another process may have taken the port meanwhile.
            Err(error) if attempts == 3 => return Err(error),
            Err(_) => {}
        }
    };
    let mut stop = program("pg_ctl");
    stop.arg("-D").arg(&data).args(["-m", "immediate", "stop"]);
    let keeper = Command::new("/bin/sh")
        .args(["-c", "read _; \"$@\"; rm -rf \"$0\""])
        .arg(dir)
        .arg(stop.get_program())
        .args(stop.get_args())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        // Ctrl-C is meant for the tests; the helper must outlive them.
        .process_group(0)
        .spawn()?;
    Ok((port, keeper))
}

/// The newest of Debian's PostgreSQL versions, which are not on PATH.
fn programs() -> Option<PathBuf> {
    fs::read_dir("/usr/lib/postgresql")
        .ok()?
        .flatten()
        .filter_map(|entry| {
            Some((
                entry.file_name().to_str()?.parse::<u32>().ok()?,
                entry.path().join("bin"),
            ))
        })
        .filter(|(_, bin)| bin.join("initdb").is_file())
        .max()
        .map(|(_, bin)| bin)
}

fn output(command: &mut Command) -> io::Result<()> {
    let log = tempfile::NamedTempFile::new()?;
    let status = command
        .stdin(Stdio::null())
        // A file and not a pipe: the server that pg_ctl leaves running would keep a pipe open.
        .stdout(log.reopen()?)
        .stderr(log.reopen()?)
        .status()
        .map_err(|e| io::Error::other(format!("{command:?}: {e}")))?;
    if status.success() {
        return Ok(());
    }
    let text = fs::read_to_string(log.path()).unwrap_or_default();
    Err(io::Error::other(format!("{command:?}: {status}\n{text}")))
}
