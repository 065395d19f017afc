//! Programs and libraries that the machine must have, how each is detected, and its Debian packages.

use std::path::Path;

use crate::pg;
use crate::shell::{self, quiet_stdin};

/// What an item is needed for: the demo alone needs no database server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum For {
    /// Building and running the project.
    Build,
    /// Its tests and checks, in addition.
    Test,
    /// A bench: a program that it is compared with.
    Peer,
    /// Building for the processor of phones, in a system of its own.
    Phone,
}

/// One item that the machine must have.
pub struct Need {
    pub what: &'static str,
    pub debian: &'static str,
    pub used_for: For,
    /// Detects the item by using it and not by package name, so it works on any system. Takes milliseconds.
    pub present: fn() -> bool,
}

const NEEDS: &[Need] = &[
    Need {
        what: "a C compiler",
        debian: "gcc libc6-dev",
        used_for: For::Build,
        present: || program("cc"),
    },
    Need {
        what: "perl",
        debian: "perl",
        used_for: For::Build,
        present: || program("perl"),
    },
    Need {
        what: "pkg-config",
        debian: "pkg-config",
        used_for: For::Build,
        present: || program("pkg-config"),
    },
    Need {
        what: "OpenSSL's headers (for SQLCipher)",
        debian: "libssl-dev",
        used_for: For::Build,
        present: || shell::output(quiet_stdin("pkg-config").args(["--exists", "openssl"])).is_ok(),
    },
    Need {
        what: "a Chinese font (WenQuanYi Micro Hei or Noto Sans CJK)",
        debian: "fonts-wqy-microhei",
        used_for: For::Build,
        present: chinese_font,
    },
    Need {
        what: "nm and strip (binutils)",
        debian: "binutils",
        used_for: For::Build,
        present: || program("nm") && program("strip"),
    },
    Need {
        what: "git",
        debian: "git",
        used_for: For::Test,
        present: || program("git"),
    },
    Need {
        what: "PostgreSQL's server programs (initdb, pg_ctl)",
        debian: "postgresql",
        used_for: For::Test,
        present: || pg::programs().is_some(),
    },
    Need {
        what: "Chromium",
        debian: "chromium",
        used_for: For::Test,
        present: || {
            ["chromium", "chromium-browser", "google-chrome"]
                .into_iter()
                .any(program)
        },
    },
    Need {
        what: "Node.js with npm (for tus-js-client)",
        debian: "nodejs npm",
        used_for: For::Test,
        present: || program("node") && program("npm"),
    },
    Need {
        what: "Python 3 with venv (for the pinned tools)",
        debian: "python3-venv",
        used_for: For::Test,
        present: || shell::output(quiet_stdin("python3").args(["-c", "import ensurepip, venv"])).is_ok(),
    },
    Need {
        what: "aapt2 (resources of the Android app)",
        debian: "aapt",
        used_for: For::Test,
        present: || program("aapt2"),
    },
    Need {
        what: "Maven",
        debian: "maven",
        used_for: For::Test,
        present: || program("mvn"),
    },
    Need {
        what: "a JDK, 17 or later",
        debian: "openjdk-17-jdk-headless",
        used_for: For::Test,
        present: jdk,
    },
    Need {
        what: "vipsthumbnail (libvips), the peer of the bench of photos",
        debian: "libvips-tools",
        used_for: For::Peer,
        present: || program("vipsthumbnail"),
    },
    Need {
        what: "mmdebstrap, which makes the system that compiles for phones",
        debian: "mmdebstrap",
        used_for: For::Phone,
        present: || program("mmdebstrap"),
    },
    Need {
        what: "bwrap (bubblewrap), which runs commands in it",
        debian: "bubblewrap",
        used_for: For::Phone,
        present: || program("bwrap"),
    },
];

/// Those of the Android app, by their Debian packages.
pub const ANDROID: &[&str] = &["aapt", "maven", "openjdk-17-jdk-headless"];

/// The items that are missing for this purpose. Every purpose includes `Build`.
pub fn missing(purpose: For) -> Vec<&'static Need> {
    let wanted = |need: &&Need| need.used_for == For::Build || need.used_for == purpose;
    NEEDS
        .iter()
        .filter(wanted)
        .filter(|need| !(need.present)())
        .collect()
}

fn program(name: &str) -> bool {
    shell::which(name).is_some()
}

/// `javac 17.0.15`, by the compiler and not by `java`: a runtime alone does not build.
fn jdk() -> bool {
    let said = shell::output(quiet_stdin("javac").arg("-version")).unwrap_or_default();
    let text = String::from_utf8_lossy(&said).into_owned();
    let major = text
        .strip_prefix("javac ")
        .and_then(|version| version.split('.').next());
    major
        .and_then(|major| major.trim().parse::<u32>().ok())
        .is_some_and(|major| major >= 17)
}

fn chinese_font() -> bool {
    const KNOWN: &[&str] = &[
        "/usr/share/fonts/truetype/wqy/wqy-microhei.ttc",
        "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc",
        "/System/Library/Fonts/PingFang.ttc",
    ];
    let listed =
        || shell::output(quiet_stdin("fc-list").args([":lang=zh", "file"])).is_ok_and(|out| !out.is_empty());
    KNOWN.iter().any(|file| Path::new(file).is_file()) || listed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_needs_of_the_demo_are_part_of_the_needs_of_the_tests() {
        let names = |purpose| missing(purpose).iter().map(|need| need.what).collect::<Vec<_>>();
        let all = names(For::Test);
        assert!(names(For::Build).iter().all(|what| all.contains(what)));
        assert!(NEEDS.iter().all(|need| !need.debian.is_empty()));
    }
}
