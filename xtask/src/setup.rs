//! Set-up: installs missing packages on Debian and its derivatives; on other systems it lists what is missing.
//!
//! A second run finds everything and ends in under 2 s.

use anyhow::{Context as _, Result, bail};

use crate::needs::{self, For, Need};
use crate::shell::{self, quiet_stdin};
use crate::tools;
use crate::workspace::Workspace;

/// Installs everything a developer needs.
pub fn all(ws: &Workspace) -> Result<()> {
    system(For::Test)?;
    tools::install(ws)?;
    println!("setup: complete");
    Ok(())
}

/// Installs only the packages of the system for this purpose.
pub fn system(purpose: For) -> Result<()> {
    let missing = needs::missing(purpose);
    if missing.is_empty() {
        return Ok(());
    }
    let os_release = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    if !is_debian(&os_release) || shell::which("apt-get").is_none() {
        bail!("{}", list(&missing));
    }
    install(&missing)?;
    let still = needs::missing(purpose);
    if !still.is_empty() {
        bail!("still missing after installation:\n{}", list(&still));
    }
    Ok(())
}

fn install(missing: &[&Need]) -> Result<()> {
    let packages: Vec<&str> = missing.iter().flat_map(|need| need.debian.split(' ')).collect();
    let root = shell::is_root();
    if !root && shell::which("sudo").is_none() {
        bail!(
            "neither root nor sudo; as root: apt-get install --no-install-recommends {}",
            packages.join(" ")
        );
    }
    println!("installing {}", packages.join(" "));
    let apt = || {
        let mut command = quiet_stdin(if root { "env" } else { "sudo" });
        if !root && shell::asked_for_ci() {
            command.arg("-n");
        }
        if !root {
            command.arg("env");
        }
        command.args([
            "DEBIAN_FRONTEND=noninteractive",
            "apt-get",
            "-q",
            "-o",
            "DPkg::Lock::Timeout=120",
        ]);
        command
    };
    shell::output(apt().arg("update")).context("cannot update the package lists")?;
    shell::output(
        apt()
            .args(["install", "-y", "--no-install-recommends"])
            .args(packages),
    )?;
    Ok(())
}

fn is_debian(os_release: &str) -> bool {
    let families = os_release
        .lines()
        .filter_map(|line| line.strip_prefix("ID=").or(line.strip_prefix("ID_LIKE=")));
    families
        .flat_map(|value| value.trim_matches('"').split(' '))
        .any(|family| family == "debian")
}

fn list(missing: &[&Need]) -> String {
    let mut text =
        "missing on this machine; install it with the package manager of your system:\n".to_owned();
    for need in missing {
        text += &format!("  {} (Debian: {})\n", need.what, need.debian);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debian_and_its_derivatives_are_recognised_and_others_are_not() {
        assert!(is_debian("PRETTY_NAME=\"Debian GNU/Linux 12\"\nID=debian\n"));
        assert!(is_debian("ID=ubuntu\nID_LIKE=debian\n"));
        assert!(is_debian("ID=pop\nID_LIKE=\"ubuntu debian\"\n"));
        assert!(!is_debian("ID=fedora\nNAME=\"not debian\"\n"));
        assert!(!is_debian(""));
    }

    #[test]
    fn on_other_systems_each_missing_item_is_listed_with_its_debian_package() {
        let need = Need {
            what: "perl",
            debian: "perl-base",
            used_for: For::Build,
            present: || false,
        };
        assert!(list(&[&need]).contains("  perl (Debian: perl-base)"));
    }
}
