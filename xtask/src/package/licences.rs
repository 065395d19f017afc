//! The licence texts of everything that a release contains, in one file: each text once, with the crates it belongs to.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use super::closure::{Closure, CrateId, Facts};
use crate::workspace::Workspace;

/// How names of licence files begin, in capitals.
const NAMES: &[&str] = &[
    "LICENSE",
    "LICENCE",
    "COPYING",
    "NOTICE",
    "UNLICENSE",
    "COPYRIGHT",
];

/// Sources and licences of data inside the programs: the burn-in font, the tables and the working calendar.
const DATA: &[(&str, &str)] = &[
    (
        "font for the burn-in (WenQuanYi Micro Hei, subset)",
        "media/font/README.md",
    ),
    (
        "font for the burn-in (WenQuanYi Micro Hei, subset)",
        "media/font/LICENSE",
    ),
    (
        "font for the burn-in (Noto Sans CJK SC, subset)",
        "media/font/LICENSE-OFL",
    ),
    ("tables of the protocol", "protocol/data/README.md"),
];

/// Texts of crates that are published without one: how their names begin, and the text of the licence that they name.
const FOUND: &[(&str, &str)] = &[
    ("uniffi", "android/licences/MPL-2.0.txt"),
    // MIT OR Apache-2.0: taken under the latter, whose text is the same for everybody.
    ("geo", "LICENSE-APACHE"),
    ("rstar", "LICENSE-APACHE"),
    ("i_overlay", "LICENSE-APACHE"),
    ("i_key_sort", "xtask/licences/i_key_sort-MIT.txt"),
];

/// The text of the file.
///
/// # Errors
/// A crate without any licence file: its text must be found before it may be released.
pub fn text(ws: &Workspace, closures: &[Closure], facts: &BTreeMap<CrateId, Facts>) -> Result<String> {
    let mut texts: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut listed: BTreeSet<String> = BTreeSet::new();
    let mut without = Vec::new();
    for id in closures.iter().flat_map(BTreeMap::keys).collect::<BTreeSet<_>>() {
        let known = facts
            .get(id)
            .with_context(|| format!("cargo metadata does not know {} {}", id.0, id.1))?;
        if known.member {
            continue;
        }
        let shown = format!("{} {}", id.0, id.1);
        listed.insert(format!("{shown}: {}", known.licence));
        let mut files = licence_files(&known.folder)?;
        if files.is_empty() {
            let found = FOUND.iter().filter(|(begin, _)| id.0.starts_with(begin));
            files.extend(found.map(|(_, text)| ws.path(text)));
        }
        if files.is_empty() {
            without.push(shown.clone());
        }
        for file in files {
            let text = read(&file)?;
            texts.entry(text).or_default().insert(shown.clone());
        }
    }
    if !without.is_empty() {
        bail!("no licence text in: {}", without.join(", "));
    }
    for (what, file) in DATA {
        texts
            .entry(read(&ws.path(file))?)
            .or_default()
            .insert((*what).to_owned());
    }
    let mut out = "Third-party software and data in this release. The licences of each crate, then every text once.\n\n".to_owned();
    for line in listed {
        out += &format!("  {line}\n");
    }
    // Ordered by their users, not by their text.
    let by_users: BTreeMap<String, String> = texts
        .into_iter()
        .map(|(text, users)| {
            (
                users.into_iter().collect::<Vec<_>>().join(", ") + &format!("\u{0}{}", text.len()),
                text,
            )
        })
        .collect();
    for (users, text) in by_users {
        let users = users.split('\u{0}').next().unwrap_or_default().to_owned();
        out += &format!(
            "\n{}\n{users}\n{}\n\n{}\n",
            "=".repeat(80),
            "-".repeat(80),
            text.trim_end()
        );
    }
    Ok(out)
}

fn read(file: &Path) -> Result<String> {
    let bytes = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    // Some old texts are Latin-1; a sign that is lost in a name is better than a text that is left out.
    Ok(String::from_utf8_lossy(&bytes).replace('\r', ""))
}

/// Licence files in the root of a crate, in folders with such a name, and one level below (bundled C sources).
fn licence_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in entries(folder)? {
        if path.is_dir() {
            let all = is_licence(&path);
            files.extend(
                entries(&path)?
                    .into_iter()
                    .filter(|path| path.is_file() && (all || is_licence(path))),
            );
        } else if is_licence(&path) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    entries.map(|entry| Ok(entry?.path())).collect()
}

fn is_licence(path: &Path) -> bool {
    let name = path
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .to_uppercase();
    NAMES.iter().any(|begin| name.starts_with(begin)) && !name.ends_with(".RS")
}

#[cfg(test)]
mod tests {
    use super::super::artefacts::ARTEFACTS;
    use super::super::closure;
    use super::*;

    /// In the gate and not only at a release: a new dependency without a text is found when it is added.
    #[test]
    fn every_crate_of_a_release_has_a_licence_text() {
        let ws = Workspace::find().unwrap();
        let host = closure::host().unwrap();
        let facts = closure::facts(&ws, &host).unwrap();
        let closures: Vec<Closure> = ARTEFACTS
            .iter()
            .map(|artefact| closure::of(&ws, artefact, &host).unwrap())
            .collect();
        for (artefact, closure) in ARTEFACTS.iter().zip(&closures) {
            assert!(closure.keys().any(|id| id.0 == artefact.package));
            assert!(
                closure.len() > 50,
                "{}: {} crates",
                artefact.package,
                closure.len()
            );
            assert!(!closure.keys().any(|id| id.0 == "proptest"), "a crate of tests");
        }
        let text = text(&ws, &closures, &facts).unwrap();
        for wanted in [
            "sqlcipher-src 4",
            "WenQuanYi",
            "SIL OPEN FONT LICENSE",
            "Permission is hereby granted",
            "ring 0.",
        ] {
            assert!(text.contains(wanted), "{wanted}");
        }
    }
}
