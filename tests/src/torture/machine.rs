//! A folder that stands for one machine's disk: the programs that work in it run under the shim of `tests/powercut`, and
//! [`Machine::cut`] makes it forget what they had not synced.

use crate::chance::Chance;
use anyhow::{Context, Result, ensure};
use std::{
    path::{Path, PathBuf},
    process::Command,
};
use tempfile::TempDir;

/// Whose disks answer "synced" and are not.
#[derive(Debug, Clone, Copy, Default)]
pub struct Lies {
    pub hands: bool,
    pub servers: bool,
}

/// The two small C programs, built here.
#[derive(Debug, Clone)]
pub struct Shim {
    library: PathBuf,
    powercut: PathBuf,
    lies: Lies,
}

impl Shim {
    /// Compiles both with `cc` into `out`.
    pub fn build(out: &Path) -> Result<Self> {
        std::fs::create_dir_all(out)?;
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("powercut");
        let shim = Self {
            library: out.join("libpowercut.so"),
            powercut: out.join("powercut"),
            lies: Lies::default(),
        };
        let cc = |options: &[&str], from: &str, to: &Path| {
            let mut command = Command::new("cc");
            command.args(["-O2", "-Wall"]).args(options).arg("-o").arg(to);
            let status = command.arg(source.join(from)).arg("-lpthread").status();
            let status = status
                .context("a C compiler (cc) is needed to build the shim that forgets unsynced writes")?;
            ensure!(status.success(), "cc could not compile {from}");
            Ok(())
        };
        cc(&["-shared", "-fPIC"], "shim.c", &shim.library)?;
        cc(&[], "powercut.c", &shim.powercut)?;
        Ok(shim)
    }
    /// The same with disks that lie.
    pub fn lying(&self, lies: Lies) -> Self {
        Self { lies, ..self.clone() }
    }
    pub fn lies(&self) -> Lies {
        self.lies
    }
}

/// One machine's disk.
pub struct Machine {
    shim: Shim,
    folder: PathBuf,
    /// On a tmpfs, as the undo log must be on another file system than what it undoes.
    log: TempDir,
    lies: bool,
}

impl Machine {
    pub fn new(shim: &Shim, folder: &Path, lies: bool) -> Result<Self> {
        std::fs::create_dir_all(folder)?;
        let log = tempfile::Builder::new()
            .prefix("xunge-powercut-")
            .tempdir_in("/dev/shm")
            .context("the undo log needs the tmpfs /dev/shm")?;
        Ok(Self {
            shim: shim.clone(),
            folder: folder.canonicalize()?,
            log,
            lies,
        })
    }
    pub fn folder(&self) -> &Path {
        &self.folder
    }
    /// Makes a program work on this disk.
    pub fn wear<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command
            .env("LD_PRELOAD", &self.shim.library)
            .env("POWERCUT_DIR", &self.folder)
            .env("POWERCUT_LOG", self.log.path())
            .env("POWERCUT_NOFSYNC", "1");
        if self.lies {
            command.env("POWERCUT_LIE", "1");
        }
        command
    }
    /// The power goes; every program on this disk must be dead already.
    /// Answers what of the unsynced was left.
    pub fn cut(&self, chance: &mut Chance) -> Result<String> {
        let mode = match chance.below(4) {
            0 => "lose".to_owned(),
            1 => "prefix".to_owned(),
            _ => format!("scatter:{}", 50 + chance.below(900)),
        };
        let done = Command::new(&self.shim.powercut)
            .arg(&self.folder)
            .arg(self.log.path())
            .arg(chance.bits().to_string())
            .arg(&mode)
            .output()
            .context("powercut")?;
        let trouble = String::from_utf8_lossy(&done.stderr);
        ensure!(
            done.status.success() && (trouble.is_empty() || self.lies),
            "powercut {mode} in {}: {trouble}",
            self.folder.display()
        );
        Ok(mode)
    }
}
