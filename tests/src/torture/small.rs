//! A small disk that can be full: a tmpfs whose size is what is used and a little more.

use anyhow::{Context, Result, ensure};
use std::{
    path::{Path, PathBuf},
    process::Command,
};

const ROOMY: &str = "size=4g";

/// A mounted tmpfs; unmounted when dropped.
pub struct SmallDisk {
    at: PathBuf,
}

impl SmallDisk {
    /// `None`, and said so, for who may not mount: then no disk gets full in this run.
    pub fn mount(at: &Path) -> Result<Option<Self>> {
        std::fs::create_dir_all(at)?;
        match mount(&["-t", "tmpfs", "-o", ROOMY, "tmpfs"], at) {
            Ok(()) => Ok(Some(Self { at: at.to_owned() })),
            Err(error) => {
                println!(
                    "不能挂载小磁盘，本次不试磁盘写满 / no small disk can be mounted (it takes root), no disk gets full in this run: {error:#}"
                );
                Ok(None)
            }
        }
    }
    /// Leaves so many KiB of room. Whoever writes meanwhile may take what was to be left; then there is none.
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
    /// Copies what is on it to a folder beside it.
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
            .context("df says what is used")?
            .trim()
            .parse()?)
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: what still holds a file there ends soon after.
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
