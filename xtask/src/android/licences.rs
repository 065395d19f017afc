//! What 开源许可 in the app shows: the licences of the crates in the core's library, put together as for a release, and of
//! the libraries that Maven links. The crates are those of this host; a phone's target links the same or fewer.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, bail};

use super::resources::TARGET;
use crate::clock;
use crate::package::{Artefact, closure, licences};
use crate::workspace::Workspace;

/// The core's library.
const CORE: Artefact = Artefact {
    package: "bindings",
    program: "xunge_core",
    features: &[],
};

/// Licences of Maven's libraries by their group. A group that is missing here must be looked up before it is shipped.
const GROUPS: &[(&str, &str)] = &[
    ("com.google.zxing", "Apache-2.0"),
    ("net.java.dev.jna", "Apache-2.0 OR LGPL-2.1-or-later"),
    ("org.jetbrains.kotlin", "Apache-2.0"),
    ("org.jetbrains.kotlinx", "Apache-2.0"),
];

/// The text of that licence, which this project is under too.
const APACHE: &str = "LICENSE-APACHE";

/// Writes `assets/licences.txt` below the target.
pub fn write(ws: &Workspace) -> Result<()> {
    let began = clock::now();
    let file = ws.path(TARGET).join("assets/licences.txt");
    let dir = file.parent().context("no folder for assets")?;
    std::fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
    let text = text(ws)?;
    std::fs::write(&file, &text).with_context(|| format!("cannot write {}", file.display()))?;
    println!(
        "android licences: {} kB in {TARGET}/assets, {:.1} s",
        text.len() / 1000,
        began.elapsed().as_secs_f64()
    );
    Ok(())
}

fn text(ws: &Workspace) -> Result<String> {
    let host = closure::host()?;
    let facts = closure::facts(ws, &host)?;
    let crates = licences::text(ws, &[closure::of(ws, &CORE, &host)?], &facts)?;
    let read =
        |name: &str| std::fs::read_to_string(ws.path(name)).with_context(|| format!("cannot read {name}"));
    let mut libraries = BTreeSet::new();
    for module in ["android/core/pom.xml", "android/app/pom.xml"] {
        libraries.extend(linked(&read("android/pom.xml")?, &read(module)?).context(module)?);
    }
    let libraries: String = libraries.iter().map(|line| format!("  {line}\n")).collect();
    Ok(format!(
        "Libraries of the app, all used under Apache-2.0, whose text follows.\n\n{libraries}\n{}\n\n{}\n\
         The core. The source of each crate: https://crates.io/crates/NAME\n\n{crates}",
        read(APACHE)?.trim_end(),
        "=".repeat(80),
    ))
}

/// `group:artifact version: licence` of each library that is in the app. Versions are properties of the parent.
fn linked(parent: &str, module: &str) -> Result<Vec<String>> {
    let mut lines = Vec::new();
    for dependency in parts(module, "dependency") {
        let group = parts(dependency, "groupId")
            .next()
            .context("a library without a group")?;
        let artifact = parts(dependency, "artifactId")
            .next()
            .context("a library without a name")?;
        // Tests, the framework that the phone has, and our own modules.
        if dependency.contains("<scope>") || group == "cn.xunge" {
            continue;
        }
        let version = parts(dependency, "version")
            .next()
            .context("a library without a version")?;
        let version = match version.strip_prefix("${").and_then(|name| name.strip_suffix('}')) {
            Some(name) => parts(parent, name)
                .next()
                .with_context(|| format!("no property {name}"))?,
            None => version,
        };
        let Some((_, licence)) = GROUPS.iter().find(|(known, _)| *known == group) else {
            bail!("the licence of {group} is not known to xtask/src/android/licences.rs");
        };
        lines.push(format!("{group}:{artifact} {version}: {licence}"));
    }
    Ok(lines)
}

/// What stands between each pair of tags.
fn parts<'a>(xml: &'a str, tag: &str) -> impl Iterator<Item = &'a str> {
    let (open, close) = (format!("<{tag}>"), format!("</{tag}>"));
    let mut rest = xml;
    std::iter::from_fn(move || {
        let (_, after) = rest.split_once(open.as_str())?;
        let (part, behind) = after.split_once(close.as_str())?;
        rest = behind;
        Some(part)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARENT: &str = "<properties><zxing.version>3.5.4</zxing.version></properties>";

    fn library(group: &str, more: &str) -> String {
        format!("<dependency><groupId>{group}</groupId><artifactId>core</artifactId>{more}</dependency>")
    }

    #[test]
    fn a_linked_library_is_named_with_its_version_and_licence() {
        let module = library("com.google.zxing", "<version>${zxing.version}</version>")
            + &library("junit", "<version>4</version><scope>test</scope>")
            + &library("cn.xunge", "<version>1</version>");
        assert_eq!(
            linked(PARENT, &module).unwrap(),
            ["com.google.zxing:core 3.5.4: Apache-2.0"]
        );
    }

    #[test]
    fn a_library_of_an_unknown_group_stops_the_build() {
        let error = linked(PARENT, &library("org.example", "<version>1</version>")).unwrap_err();
        assert!(error.to_string().contains("org.example"), "{error}");
    }

    #[test]
    fn the_app_shows_the_texts_of_its_crates_and_libraries() {
        let text = text(&Workspace::find().unwrap()).unwrap();
        for part in [
            "com.google.zxing:core",
            "Apache License",
            "uniffi",
            "Mozilla Public License Version 2.0",
        ] {
            assert!(text.contains(part), "{part}");
        }
    }
}
