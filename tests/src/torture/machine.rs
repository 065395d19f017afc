//! A folder that stands for the disk of one machine: programs that work in it run under the shim of
//! `tests/powercut`, and [`MachineDisk::cut`] discards writes that they had not synced.

use crate::random::ScenarioRandom;
use anyhow::{Context, Result, ensure};
use std::{
    path::{Path, PathBuf},
    process::Command,
};
use tempfile::TempDir;

/// Whose disks report a sync that they did not do.
#[derive(Debug, Clone, Copy, Default)]
pub struct LyingDisks {
    pub hands: bool,
    pub servers: bool,
}

/// The two small C programs, compiled here.
#[derive(Debug, Clone)]
pub struct PowerCutShim {
    library: PathBuf,
    powercut: PathBuf,
    lying_disks: LyingDisks,
}

impl PowerCutShim {
    /// Compiles both with `cc` into `out`.
    pub fn build(out: &Path) -> Result<Self> {
        std::fs::create_dir_all(out)?;
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("powercut");
        let shim = Self {
            library: out.join("libpowercut.so"),
            powercut: out.join("powercut"),
            lying_disks: LyingDisks::default(),
        };
        let cc = |options: &[&str], from: &str, to: &Path| {
            let mut command = Command::new("cc");
            command.args(["-O2", "-Wall"]).args(options).arg("-o").arg(to);
            let status = command.arg(source.join(from)).arg("-lpthread").status();
            let status = status
                .context("a C compiler (cc) is needed to build the shim that discards unsynced writes")?;
            ensure!(status.success(), "cc could not compile {from}");
            Ok(())
        };
        cc(&["-shared", "-fPIC"], "shim.c", &shim.library)?;
        cc(&[], "powercut.c", &shim.powercut)?;
        Ok(shim)
    }
    /// The same shim with disks that report a sync and do not sync.
    pub fn lying(&self, lying_disks: LyingDisks) -> Self {
        Self {
            lying_disks,
            ..self.clone()
        }
    }
    pub fn lying_disks(&self) -> LyingDisks {
        self.lying_disks
    }
}

/// The disk of one machine.
pub struct MachineDisk {
    shim: PowerCutShim,
    folder: PathBuf,
    /// The undo log, on a tmpfs: it must be on another file system than the files that it restores.
    log: TempDir,
    lying_disks: bool,
}

impl MachineDisk {
    pub fn new(shim: &PowerCutShim, folder: &Path, lying_disks: bool) -> Result<Self> {
        std::fs::create_dir_all(folder)?;
        let log = tempfile::Builder::new()
            .prefix("xunge-powercut-")
            .tempdir_in("/dev/shm")
            .context("cannot create the undo log on the tmpfs /dev/shm")?;
        Ok(Self {
            shim: shim.clone(),
            folder: folder.canonicalize()?,
            log,
            lying_disks,
        })
    }
    pub fn folder(&self) -> &Path {
        &self.folder
    }
    /// Sets the environment so that a program runs on this disk.
    pub fn apply_to<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command
            .env("LD_PRELOAD", &self.shim.library)
            .env("POWERCUT_DIR", &self.folder)
            .env("POWERCUT_LOG", self.log.path())
            .env("POWERCUT_NOFSYNC", "1");
        if self.lying_disks {
            command.env("POWERCUT_LIE", "1");
        }
        command
    }
    /// Simulates a power cut; every program on this disk must have ended. Returns which part of the unsynced
    /// writes was kept.
    pub fn cut(&self, random: &mut ScenarioRandom) -> Result<String> {
        let mode = match random.below(4) {
            0 => "lose".to_owned(),
            1 => "prefix".to_owned(),
            _ => format!("scatter:{}", 50 + random.below(900)),
        };
        let done = Command::new(&self.shim.powercut)
            .arg(&self.folder)
            .arg(self.log.path())
            .arg(random.bits().to_string())
            .arg(&mode)
            .output()
            .context("cannot run powercut")?;
        let trouble = String::from_utf8_lossy(&done.stderr);
        ensure!(
            done.status.success() && (trouble.is_empty() || self.lying_disks),
            "powercut {mode} in {}: {trouble}",
            self.folder.display()
        );
        Ok(mode)
    }
}
