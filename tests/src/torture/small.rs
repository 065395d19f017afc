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
    kept: bool,
}

impl SmallDisk {
    pub fn mount(at: &Path) -> Result<Self> {
        std::fs::create_dir_all(at)?;
        mount(&["-t", "tmpfs", "-o", ROOMY, "tmpfs"], at).context(
            "torture needs small disks that fill up, so it must be run as root with the right to mount a tmpfs",
        )?;
        Ok(Self {
            at: at.to_owned(),
            kept: false,
        })
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
    /// It stays mounted.
    pub fn keep(&mut self) {
        self.kept = true;
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
        if self.kept {
            return;
        }
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
