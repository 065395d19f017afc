//! Which member of the workspace may link which. `Y -> X` means that Y depends on X.
//!
//! Build and dev dependencies count like normal ones: a test that links the other end of the wire couples the two ends.
//! Only `tests` (package `e2e`) and `tests/sim` (package `sim`) may link both. A member that is not in the table is an
//! error, so that a new member states here what it may depend on.

use anyhow::{Context as _, Result};

use crate::workspace::{Package, Workspace};

/// What a member may link among the members.
enum May {
    Link(&'static [&'static str]),
    LinkAll,
}

const RULES: &[(&str, May)] = &[
    ("protocol", May::Link(&[])),
    ("grid", May::Link(&["protocol"])),
    ("media", May::Link(&[])),
    ("sqlcipher-provider", May::Link(&[])),
    (
        "terminal-core",
        May::Link(&["protocol", "grid", "media", "sqlcipher-provider"]),
    ),
    ("bindings", May::Link(&["terminal-core"])),
    ("bindings-generator", May::Link(&[])),
    ("server", May::Link(&["protocol", "grid", "media"])),
    ("simdisk", May::Link(&[])),
    ("e2e", May::LinkAll),
    ("sim", May::LinkAll),
    ("xtask", May::Link(&[])),
];

/// Crates that may not be anywhere in the lock, and why.
const UNWANTED: &[(&str, &str)] = &[
    (
        "aws-lc-sys",
        "TLS is rustls with ring everywhere: one provider, and nothing that needs cmake on a phone build",
    ),
    (
        "aws-lc-rs",
        "TLS is rustls with ring everywhere; a second provider makes rustls refuse to choose a default",
    ),
    (
        "openssl",
        "TLS is rustls with ring everywhere; OpenSSL serves only SQLCipher, which takes openssl-sys by itself",
    ),
    (
        "native-tls",
        "TLS is rustls with ring everywhere; the platform's TLS cannot pin by SPKI the same way on each",
    ),
];

/// One sentence per forbidden arrow and per unwanted crate.
pub fn faults(ws: &Workspace) -> Result<Vec<String>> {
    let packages = ws.packages()?;
    let lock = std::fs::read_to_string(ws.path("Cargo.lock")).context("cannot read Cargo.lock")?;
    let mut faults = forbidden_arrows(&packages);
    faults.extend(unwanted_crates(&lock));
    println!("arrows: {} members, {} forbidden", packages.len(), faults.len());
    Ok(faults)
}

/// One sentence per forbidden arrow or unknown member.
fn forbidden_arrows(packages: &[Package]) -> Vec<String> {
    packages
        .iter()
        .flat_map(|package| faults_of(package, packages))
        .collect()
}

fn faults_of(package: &Package, members: &[Package]) -> Vec<String> {
    let name = &package.name;
    let Some((_, may)) = RULES.iter().find(|(known, _)| known == name) else {
        return vec![format!(
            "`{name}` is no known member: say what it may link before adding it"
        )];
    };
    let May::Link(allowed) = may else {
        return Vec::new();
    };
    let inside = package
        .dependencies
        .iter()
        .filter(|to| members.iter().any(|member| member.name == to.name));
    inside
        .filter(|to| !allowed.contains(&to.name.as_str()) && to.name != *name)
        .map(|to| {
            let allowed = if allowed.is_empty() {
                "none of the members".to_owned()
            } else {
                allowed.join(", ")
            };
            format!(
                "{name} -> {} ({}) is forbidden; {name} may link: {allowed}",
                to.name, to.kind
            )
        })
        .collect()
}

/// One sentence per unwanted crate in the text of a Cargo.lock.
fn unwanted_crates(lock: &str) -> Vec<String> {
    let names = lock
        .lines()
        .filter_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"'));
    let reason = |name: &str| {
        UNWANTED
            .iter()
            .find(|(unwanted, _)| *unwanted == name)
            .map(|(_, why)| *why)
    };
    names
        .filter_map(|name| Some(format!("{name} is in Cargo.lock: {}", reason(name)?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::Dependency;

    fn package(name: &str, links: &[(&str, &str)]) -> Package {
        let dependency = |(name, kind): &(&str, &str)| Dependency {
            name: (*name).into(),
            kind: (*kind).into(),
        };
        Package {
            name: name.into(),
            dependencies: links.iter().map(dependency).collect(),
            ..Package::default()
        }
    }

    fn house() -> Vec<Package> {
        let all = ["protocol", "grid", "media", "terminal-core", "server"].map(|name| (name, "normal"));
        vec![
            package("protocol", &[("serde", "normal")]),
            package("grid", &[("protocol", "normal"), ("proptest", "dev")]),
            package("media", &[("image", "normal")]),
            package(
                "terminal-core",
                &[("protocol", "normal"), ("grid", "normal"), ("media", "normal")],
            ),
            package("bindings", &[("terminal-core", "normal")]),
            package(
                "server",
                &[("protocol", "normal"), ("grid", "normal"), ("media", "normal")],
            ),
            package("simdisk", &[("rusqlite", "normal")]),
            package("e2e", &all),
            package("sim", &all),
            package("xtask", &[("anyhow", "normal")]),
        ]
    }

    #[test]
    fn the_house_as_designed_passes() {
        assert_eq!(forbidden_arrows(&house()), Vec::<String>::new());
    }

    #[test]
    fn every_arrow_that_the_design_does_not_name_is_found() {
        let names = house()
            .into_iter()
            .map(|package| package.name)
            .collect::<Vec<_>>();
        let mut forbidden = 0;
        for from in &names {
            for to in names.iter().filter(|to| *to != from) {
                let mut graph = house();
                let package = graph.iter_mut().find(|package| package.name == *from).unwrap();
                if package.dependencies.iter().any(|known| known.name == *to)
                    || ["e2e", "sim"].contains(&from.as_str())
                {
                    continue;
                }
                package.dependencies.push(Dependency {
                    name: to.clone(),
                    kind: "normal".into(),
                });
                let faults = forbidden_arrows(&graph);
                assert_eq!(faults.len(), 1, "{from} -> {to}: {faults:?}");
                assert!(faults[0].contains(&format!("{from} -> {to}")), "{faults:?}");
                forbidden += 1;
            }
        }
        // 8 members with 9 possible targets each, less the 8 arrows that are allowed.
        assert_eq!(forbidden, 8 * 9 - 8);
    }

    #[test]
    fn a_dev_or_build_dependency_counts() {
        for kind in ["dev", "build"] {
            let mut graph = house();
            graph[3].dependencies.push(Dependency {
                name: "server".into(),
                kind: kind.into(),
            });
            assert_eq!(
                forbidden_arrows(&graph),
                [format!(
                    "terminal-core -> server ({kind}) is forbidden; terminal-core may link: protocol, grid, media, sqlcipher-provider"
                )]
            );
        }
    }

    #[test]
    fn a_room_that_nobody_announced_is_an_error() {
        let mut graph = house();
        graph.push(package("helpers", &[]));
        let faults = forbidden_arrows(&graph);
        assert_eq!(faults.len(), 1);
        assert!(faults[0].contains("`helpers` is no known member"), "{faults:?}");
    }

    #[test]
    fn a_second_tls_provider_in_the_lock_is_named_with_the_reason() {
        let lock = "[[package]]\nname = \"openssl-sys\"\n\n[[package]]\nname = \"aws-lc-sys\"\n\n[[package]]\nname = \"openssl\"\n";
        let faults = unwanted_crates(lock);
        assert_eq!(faults.len(), 2, "{faults:?}");
        assert!(
            faults[0].starts_with("aws-lc-sys") && faults[0].contains("ring everywhere"),
            "{faults:?}"
        );
        assert!(faults[1].starts_with("openssl is"), "{faults:?}");
        assert_eq!(
            unwanted_crates("[[package]]\nname = \"ring\"\n"),
            Vec::<String>::new()
        );
    }
}
