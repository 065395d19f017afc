//! A real server in a process of its own: founded, started, killed, started again.

use crate::office::Office;
use anyhow::{Context, Result, bail, ensure};
use std::{
    ffi::OsString,
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

/// Account of the first administrator.
pub const ADMIN: &str = "guanliyuan";

/// How a server is set up.
#[derive(Debug, Clone, Default)]
pub struct Setup {
    /// A `postgres://` URL; the embedded database when absent.
    pub database: Option<String>,
    /// Settings in TOML.
    pub settings: Option<String>,
    /// Without TLS, so that a line can see what passes.
    pub plain_http: bool,
}

/// A server's data and, while it runs, its process. Dropping it kills the process.
pub struct Server {
    data: PathBuf,
    setup: Setup,
    /// Arguments of `serve` for a certificate that its operator brings; its own when empty.
    certificate: Vec<OsString>,
    child: Option<Child>,
    address: SocketAddr,
    url: String,
    /// Of the first administrator, as it was told once.
    pub admin_password: String,
}

/// A program of this workspace, beside the one that runs.
pub fn program(name: &str) -> Result<PathBuf> {
    let here = std::env::current_exe()?;
    let folders = here.ancestors().skip(1).take(2);
    let found = folders
        .map(|folder| folder.join(name))
        .find(|path| path.is_file());
    found.with_context(|| {
        format!("{name} is not built: run `cargo build --workspace --exclude sim --bins` first")
    })
}

impl Server {
    /// Founds the city 长春市 in `data` and starts the server on a free port. `database` is a `postgres://` URL.
    pub fn found(data: &Path, database: Option<&str>) -> Result<Self> {
        let setup = Setup {
            database: database.map(str::to_owned),
            ..Setup::default()
        };
        let mut server = Self::init(data, setup)?;
        server.start()?;
        Ok(server)
    }
    /// Founds the city 长春市 in `data`; the server rests.
    pub fn init(data: &Path, setup: Setup) -> Result<Self> {
        let mut server = Self::of(data, setup)?;
        let said = server.tool(
            &["init"],
            &["--city", "2201", "--name", "长春市", "--account", ADMIN],
        )?;
        server.admin_password = said
            .rsplit('：')
            .next()
            .context("the first password")?
            .trim()
            .to_owned();
        Ok(server)
    }
    /// A server that was founded before, with its data; it rests.
    pub fn of(data: &Path, setup: Setup) -> Result<Self> {
        std::fs::create_dir_all(data)?;
        let server = Self {
            data: data.to_owned(),
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
    /// What an operator does after a backup was put in place, while the server rests.
    pub fn renew_epoch(&self) -> Result<()> {
        self.tool(&["renew-epoch"], &[]).map(|_| ())
    }
    /// Another server over the same PostgreSQL and the same object folder, with a data folder of its own; it rests.
    pub fn replica(&self, data: &Path) -> Result<Self> {
        std::fs::create_dir_all(data)?;
        std::os::unix::fs::symlink(self.data.join("objects"), data.join("objects"))?;
        let replica = Self {
            data: data.to_owned(),
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
    /// Other settings (TOML), from the next start on.
    pub fn set(&mut self, settings: &str) -> Result<()> {
        self.setup.settings = Some(settings.to_owned());
        self.configure()
    }
    /// Another certificate, from the next start on: `--cert`, `--key`, `--next-key` and their files.
    pub fn certify(&mut self, files: &[(&str, &Path)]) {
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
    /// Imports a grid file while the server rests or runs.
    pub fn import_grid(&self, file: &Path) -> Result<String> {
        self.tool(&["grid", "import"], &[&file.display().to_string()])
    }
    /// Starts the process; on the port it had before, if it had one.
    pub fn start(&mut self) -> Result<()> {
        ensure!(self.child.is_none(), "the server runs already");
        let log = std::fs::File::options()
            .append(true)
            .create(true)
            .open(self.log())?;
        let mut child = self
            .command(&["serve"])?
            .args(["--listen", &self.address.to_string()])
            .arg("--config")
            .arg(self.settings())
            .args(self.setup.plain_http.then_some("--plain-http"))
            .args(&self.certificate)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()?;
        let mut first = String::new();
        BufReader::new(child.stdout.take().context("its output")?).read_line(&mut first)?;
        if first.trim().is_empty() {
            let status = child.wait()?;
            bail!("the server did not start ({status}): {}", tail(&self.log()));
        }
        first.trim().clone_into(&mut self.url);
        self.address = self.url.split("://").nth(1).context("an address")?.parse()?;
        self.child = Some(child);
        Ok(())
    }
    /// The process that runs, if one does.
    pub fn process(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }
    /// SIGKILL: nothing is finished, nothing is said.
    pub fn kill(&mut self) -> Result<()> {
        if let Some(mut child) = self.child.take() {
            child.kill()?;
            child.wait()?;
        }
        Ok(())
    }
    /// SIGTERM: what is under way is finished. Answers whether it ended well.
    pub fn stop(&mut self) -> Result<bool> {
        let Some(mut child) = self.child.take() else {
            return Ok(true);
        };
        let told = Command::new("kill").arg(child.id().to_string()).status()?;
        ensure!(told.success(), "kill");
        Ok(child.wait()?.success())
    }
    pub fn url(&self) -> &str {
        &self.url
    }
    pub fn address(&self) -> SocketAddr {
        self.address
    }
    pub fn data(&self) -> &Path {
        &self.data
    }
    /// Where its log is.
    pub fn log(&self) -> PathBuf {
        self.data.join("server.log")
    }
    /// The HTTP API as staff reach it.
    pub fn office(&self) -> Result<Office> {
        if self.setup.plain_http {
            return Office::new(&self.url, None);
        }
        let certificate = std::fs::read_to_string(self.data.join("tls/certificate.pem"))?;
        Office::new(&self.url, Some(&certificate))
    }

    fn command(&self, verbs: &[&str]) -> Result<Command> {
        let mut command = Command::new(program("xunge-server")?);
        command.args(verbs).arg("--data").arg(&self.data);
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

impl Drop for Server {
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
