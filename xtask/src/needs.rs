//! What the machine must have, how each thing is recognised, and what Debian calls it.

use std::path::Path;

use crate::pg;
use crate::shell::{self, quiet_stdin};

/// What a thing is needed for: a newcomer who only wants to see the demo need not install a database server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum For {
    /// Building and running the project.
    Build,
    /// Its tests and checks besides.
    Test,
}

/// One thing the machine must have.
pub struct Need {
    pub what: &'static str,
    pub debian: &'static str,
    pub used_for: For,
    /// Recognised by use and not by package name, so that it holds on any system. Costs milliseconds.
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
];

/// What is not there for this purpose. `Test` includes `Build`.
pub fn missing(purpose: For) -> Vec<&'static Need> {
    let wanted = |need: &&Need| need.used_for == For::Build || purpose == For::Test;
    NEEDS
        .iter()
        .filter(wanted)
        .filter(|need| !(need.present)())
        .collect()
}

fn program(name: &str) -> bool {
    shell::which(name).is_some()
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
    fn what_the_demo_needs_is_part_of_what_the_tests_need() {
        let names = |purpose| missing(purpose).iter().map(|need| need.what).collect::<Vec<_>>();
        let all = names(For::Test);
        assert!(names(For::Build).iter().all(|what| all.contains(what)));
        assert!(NEEDS.iter().all(|need| !need.debian.is_empty()));
    }
}
