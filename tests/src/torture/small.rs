//! A small disk that can become full: a tmpfs whose size limit is set to slightly more than what is used.

use anyhow::{Context, Result, ensure};
use std::{
    path::{Path, PathBuf},
    process::Command,
};

const ROOMY: &str = "size=4g";

/// A mounted tmpfs; unmounted when dropped.
pub struct SmallTmpfs {
    at: PathBuf,
}

impl SmallTmpfs {
    /// Returns `None` and prints a note if this user may not mount; then no disk becomes full in this run.
    pub fn mount(at: &Path) -> Result<Option<Self>> {
        std::fs::create_dir_all(at)?;
        match mount(&["-t", "tmpfs", "-o", ROOMY, "tmpfs"], at) {
            Ok(()) => Ok(Some(Self { at: at.to_owned() })),
            Err(error) => {
                println!(
                    "不能挂载小磁盘，本次不试磁盘写满 / cannot mount a small disk (needs root), so no disk becomes full in this run: {error:#}"
                );
                Ok(None)
            }
        }
    }
    /// Leaves this much free space, in KiB. A concurrent writer may use some of it before the limit is set.
    pub fn fill(&self, leave_kib: u64) -> Result<()> {
        let mut last = Ok(());
        for more in [0, 256, 1024, 4096] {
            let size = self.used_kib()? + leave_kib + more;
            last = mount(&["-o", &format!("remount,size={size}k")], &self.at);
            if last.is_ok() {
                break;
            }
        }
        last
    }
    /// Copies the files on it to a folder beside it.
    pub fn keep(&self) -> Result<()> {
        let kept = self.at.with_extension("kept");
        let status = Command::new("cp").arg("-a").arg(&self.at).arg(&kept).status()?;
        ensure!(status.success(), "cp -a {}", self.at.display());
        Ok(())
    }
    pub fn make_room(&self) -> Result<()> {
        mount(&["-o", &format!("remount,{ROOMY}")], &self.at)
    }
    fn used_kib(&self) -> Result<u64> {
        let said = Command::new("df")
            .args(["-k", "--output=used"])
            .arg(&self.at)
            .output()?;
        let said = String::from_utf8_lossy(&said.stdout).into_owned();
        Ok(said
            .lines()
            .nth(1)
            .context("no figure in the output of df")?
            .trim()
            .parse()?)
    }
}

impl Drop for SmallTmpfs {
    fn drop(&mut self) {
        // Lazily, because a process that still has a file open there ends soon after.
        let _ = Command::new("umount").arg("--lazy").arg(&self.at).status();
    }
}

fn mount(options: &[&str], at: &Path) -> Result<()> {
    let output = Command::new("mount").args(options).arg(at).output()?;
    ensure!(
        output.status.success(),
        "mount {options:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}
