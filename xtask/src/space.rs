//! Disk space for a build. A full disk ends a build in the middle, with errors that name everything but the disk.

use anyhow::{Context as _, Result, ensure};

use crate::shell;
use crate::workspace::Workspace;

/// A clean gate writes about so much into `target`. Unit: 10^9 bytes.
const FULL_BUILD_GB: u64 = 12;
/// What a gate needs beside a `target` that is there: rebuilt members, databases, photos.
const REBUILD_GB: u64 = 3;

/// Fails if the disk of `target` has too little space left for a build.
pub fn check(ws: &Workspace) -> Result<()> {
    // Not `deps`: building xtask itself makes that folder.
    let has_target = ws.root().join("target/debug/xunge-server").is_file();
    let needed = if has_target { REBUILD_GB } else { FULL_BUILD_GB };
    let mut df = shell::quiet_stdin("df");
    let said = shell::output(df.args(["-P", "-k"]).arg(ws.root()))?;
    let free = available(&String::from_utf8_lossy(&said)).context("df printed no available space")?;
    println!("space: {free} GB free, {needed} GB needed");
    ensure!(
        free >= needed,
        "{free} GB free on the disk of {}, a build needs {needed} GB; free some space (`cargo clean`) and try again",
        ws.root().display()
    );
    Ok(())
}

/// The available space in 10^9 bytes, from `df -P -k`.
fn available(said: &str) -> Option<u64> {
    let line = said.lines().nth(1)?;
    let kib: u64 = line.split_whitespace().nth(3)?.parse().ok()?;
    Some(kib * 1024 / 1_000_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn available_space_is_read_from_df_and_nothing_else_is_taken_for_it() {
        let said = "Filesystem     1024-blocks     Used Available Capacity Mounted on\n\
                    /dev/vda         264112064 87231040   8000000      92% /\n";
        assert_eq!(available(said), Some(8));
        for other in [
            "",
            "Filesystem\n",
            "Filesystem\n/dev/vda 1 2\n",
            "a\nb c d many\n",
        ] {
            assert_eq!(available(other), None, "{other:?}");
        }
    }
}
