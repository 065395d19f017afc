//! A real server in its own process: initialised, started, killed and restarted.

use crate::staff_api::{StaffApi, StaffSession};
use anyhow::{Context, Result, bail, ensure};
use std::{
    collections::BTreeMap,
    ffi::OsString,
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Mutex, PoisonError},
};

/// Account name of the first administrator.
pub const ADMIN: &str = "guanliyuan";

/// How to set up a server.
#[derive(Debug, Clone, Default)]
pub struct ServerSetup {
    /// A `postgres://` URL; `None` uses the embedded SQLite database.
    pub database: Option<String>,
    /// Settings file content (TOML).
    pub settings: Option<String>,
    /// Serve plain HTTP without TLS, so that a [`crate::line`] proxy can read the requests.
    pub plain_http: bool,
    /// Another build of the server than the one beside this program.
    pub program: Option<PathBuf>,
    /// A library that the system's loader loads before all others (`LD_PRELOAD`).
    pub preload: Option<PathBuf>,
}

/// A server's data folder and, while it runs, its process. Dropping it kills the process.
pub struct ServerProcess {
    data: PathBuf,
    /// File of the key that seals the server's keys; replicas share it.
    seal_key: PathBuf,
    setup: ServerSetup,
    /// Arguments of `serve` for a certificate that the operator supplies; empty: the server's own
    /// certificate.
    certificate: Vec<OsString>,
    child: Option<Child>,
    address: SocketAddr,
    url: String,
    /// Password of the first administrator: as `init` printed it once, and after [`Self::admin`] the own one.
    pub admin_password: String,
}

/// The command that builds the programs which stories, demo and benches start. Cargo does not build them with
/// `-p e2e`, because they belong to other packages.
const BUILD_FIRST: &str = "cargo build --workspace --exclude sim --bins";

/// Path of a program of this workspace; it is in the folder of the running program or above it.
///
/// # Errors
/// The program is missing, or it is older than one of the source files that it was built from.
pub fn program(name: &str) -> Result<PathBuf> {
    static CHECKED: Mutex<BTreeMap<String, PathBuf>> = Mutex::new(BTreeMap::new());
    let mut checked = CHECKED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(path) = checked.get(name) {
        return Ok(path.clone());
    }
    let here = std::env::current_exe()?;
    let path = here
        .ancestors()
        .skip(1)
        .take(2)
        .map(|folder| folder.join(name))
        .find(|path| path.is_file())
        .with_context(|| format!("{name} is not built: run `{BUILD_FIRST}` first"))?;
    if let Some(source) = newer_source(&path)? {
        bail!(
            "{} is older than {}: run `{BUILD_FIRST}` first",
            path.display(),
            source.display()
        );
    }
    checked.insert(name.to_owned(), path.clone());
    Ok(path)
}

/// A source file of this workspace that was changed after the program was built. Cargo lists the source files in
/// `PROGRAM.d` beside the program. Without that file (an installed program), or if it lists another workspace (a
/// copied target folder), there is nothing to compare.
fn newer_source(program: &Path) -> Result<Option<PathBuf>> {
    let Ok(listed) = std::fs::read_to_string(program.with_extension("d")) else {
        return Ok(None);
    };
    let built = program.metadata()?.modified()?;
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    let workspace = workspace.context("the package is in the workspace's folder")?;
    let sources = listed.split_once(": ").map_or("", |(_, sources)| sources);
    // A space inside a path is written as `\ `.
    let sources = sources.trim_end().replace("\\ ", "\0");
    Ok(sources
        .split(' ')
        .map(|source| PathBuf::from(source.replace('\0', " ")))
        .filter(|source| source.starts_with(workspace))
        .find(|source| {
            let changed = source.metadata().and_then(|metadata| metadata.modified());
            changed.is_ok_and(|changed| changed > built)
        }))
}

impl ServerProcess {
    /// Initialises the city 长春市 in `data` and starts the server on a free port. `database` is a `postgres://`
    /// URL.
    pub fn init_and_start(data: &Path, database: Option<&str>) -> Result<Self> {
        let setup = ServerSetup {
            database: database.map(str::to_owned),
            ..ServerSetup::default()
        };
        let mut server = Self::init(data, setup)?;
        server.start()?;
        Ok(server)
    }
    /// Initialises the city 长春市 in `data`. The server is not started.
    pub fn init(data: &Path, setup: ServerSetup) -> Result<Self> {
        let mut server = Self::existing(data, setup)?;
        let said = server.tool(
            &["init"],
            &["--city", "2201", "--name", "长春市", "--account", ADMIN],
        )?;
        server.admin_password = said
            .rsplit('：')
            .next()
            .context("no first password in the output of init")?
            .trim()
            .to_owned();
        Ok(server)
    }
    /// A server whose data folder was initialised before. It is not started.
    pub fn existing(data: &Path, setup: ServerSetup) -> Result<Self> {
        std::fs::create_dir_all(data)?;
        let server = Self {
            data: data.to_owned(),
            seal_key: data.with_extension("seal-key"),
            setup,
            certificate: Vec::new(),
            child: None,
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            url: String::new(),
            admin_password: String::new(),
        };
        server.configure()?;
        Ok(server)
    }
    /// Signs in as the first administrator, and changes the password that `init` printed.
    pub fn admin(&mut self) -> Result<StaffSession> {
        let (session, own) = self.api()?.first_sign_in(ADMIN, &self.admin_password)?;
        self.admin_password = own;
        Ok(session)
    }
    /// Renews the epoch: the operator's step after a backup was restored, while the server is stopped.
    pub fn renew_epoch(&self) -> Result<()> {
        self.tool(&["renew-epoch"], &[]).map(|_| ())
    }
    /// Counts all rows again; the server is stopped. Returns true if every figure was right.
    pub fn recount(&self) -> Result<bool> {
        let done = self.command(&["recount"])?.output()?;
        let said = String::from_utf8_lossy(&done.stdout).into_owned();
        ensure!(
            done.status.code().is_some_and(|code| code <= 1) && !said.is_empty(),
            "recount: {}",
            String::from_utf8_lossy(&done.stderr)
        );
        Ok(done.status.success())
    }
    /// Runs `xunge-server keys` with these words; the server is stopped. `more` are arguments of that command.
    pub fn keys(&self, words: &[&str], more: &[&str]) -> Result<String> {
        self.tool(&[&["keys"], words].concat(), more)
    }
    /// Another server process over the same PostgreSQL and the same object folder, with its own data folder.
    /// It is not started.
    pub fn replica(&self, data: &Path) -> Result<Self> {
        std::fs::create_dir_all(data)?;
        std::os::unix::fs::symlink(self.data.join("objects"), data.join("objects"))?;
        let replica = Self {
            data: data.to_owned(),
            seal_key: self.seal_key.clone(),
            setup: self.setup.clone(),
            certificate: self.certificate.clone(),
            child: None,
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            url: String::new(),
            admin_password: self.admin_password.clone(),
        };
        replica.configure()?;
        Ok(replica)
    }
    /// Replaces the settings (TOML); used from the next start.
    pub fn set_settings(&mut self, settings: &str) -> Result<()> {
        self.setup.settings = Some(settings.to_owned());
        self.configure()
    }
    /// Replaces the certificate, used from the next start: arguments `--cert`, `--key`, `--next-key` and
    /// their files.
    pub fn set_certificate(&mut self, files: &[(&str, &Path)]) {
        let pairs = files
            .iter()
            .map(|(name, file)| [OsString::from(name), file.as_os_str().to_owned()]);
        self.certificate = pairs.flatten().collect();
    }
    fn configure(&self) -> Result<()> {
        let settings = self.setup.settings.as_deref().unwrap_or_default();
        Ok(std::fs::write(self.settings(), settings)?)
    }
    fn settings(&self) -> PathBuf {
        self.data.join("settings.toml")
    }
    /// Imports a grid file; the server may be stopped or running.
    pub fn import_grid(&self, file: &Path) -> Result<String> {
        self.tool(&["grid", "import"], &[&file.display().to_string()])
    }
    /// Imports a file of sealed parcels; the server may be stopped or running.
    pub fn import_parcels(&self, file: &Path) -> Result<String> {
        self.tool(&["parcel", "import"], &[&file.display().to_string()])
    }
    /// Starts the process, on the same port as before if it ran before.
    pub fn start(&mut self) -> Result<()> {
        ensure!(self.child.is_none(), "the server is already running");
        let log = std::fs::File::options()
            .append(true)
            .create(true)
            .open(self.log())?;
        let mut child = self
            .command(&["serve"])?
            .args(["--public", "loopback", "--listen", &self.address.to_string()])
            .arg("--config")
            .arg(self.settings())
            .args(self.setup.plain_http.then_some("--plain-http"))
            .args(&self.certificate)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()?;
        let mut first = String::new();
        BufReader::new(child.stdout.take().context("no standard output pipe")?).read_line(&mut first)?;
        if first.trim().is_empty() {
            let status = child.wait()?;
            bail!("the server did not start ({status}): {}", tail(&self.log()));
        }
        first.trim().clone_into(&mut self.url);
        self.address = self
            .url
            .split("://")
            .nth(1)
            .context("no address in the URL")?
            .parse()?;
        self.child = Some(child);
        Ok(())
    }
    /// Process id while the server runs.
    pub fn process(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }
    /// Sends SIGKILL: requests in progress are not finished.
    pub fn kill(&mut self) -> Result<()> {
        if let Some(mut child) = self.child.take() {
            child.kill()?;
            child.wait()?;
        }
        Ok(())
    }
    /// Sends SIGTERM and waits: requests in progress are finished. Returns true if the process ended with
    /// success.
    pub fn stop(&mut self) -> Result<bool> {
        let Some(mut child) = self.child.take() else {
            return Ok(true);
        };
        let told = Command::new("kill").arg(child.id().to_string()).status()?;
        ensure!(told.success(), "kill -TERM failed");
        Ok(child.wait()?.success())
    }
    pub fn url(&self) -> &str {
        &self.url
    }
    pub fn address(&self) -> SocketAddr {
        self.address
    }
    /// URL of its PostgreSQL database.
    pub fn database(&self) -> Option<&str> {
        self.setup.database.as_deref()
    }
    pub fn data(&self) -> &Path {
        &self.data
    }
    /// Path of the log file.
    pub fn log(&self) -> PathBuf {
        self.data.join("server.log")
    }
    /// The HTTP API as staff use it.
    pub fn api(&self) -> Result<StaffApi> {
        if self.setup.plain_http {
            return StaffApi::new(&self.url, None);
        }
        let certificate = std::fs::read_to_string(self.data.join("tls/certificate.pem"))?;
        StaffApi::new(&self.url, Some(&certificate))
    }

    fn command(&self, verbs: &[&str]) -> Result<Command> {
        let mut command = Command::new(match &self.setup.program {
            Some(program) => program.clone(),
            None => program("xunge-server")?,
        });
        command.args(verbs).arg("--data").arg(&self.data);
        command.arg("--seal-key-file").arg(&self.seal_key);
        if let Some(library) = &self.setup.preload {
            command.env("LD_PRELOAD", library);
        }
        if let Some(database) = &self.setup.database {
            command.args(["--database", database]);
        }
        Ok(command)
    }
    fn tool(&self, verbs: &[&str], args: &[&str]) -> Result<String> {
        let output = self.command(verbs)?.args(args).env("RUST_LOG", "warn").output()?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        ensure!(
            output.status.success(),
            "{verbs:?}: {said} {}",
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(said)
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        let _ = self.kill();
    }
}

fn tail(path: &Path) -> String {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines
        .iter()
        .skip(lines.len().saturating_sub(5))
        .copied()
        .collect::<Vec<_>>()
        .join("\n")
}
