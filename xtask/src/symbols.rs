//! `cargo xtask symbols`: no program that a user runs holds test code.
//!
//! Two independent searches. Symbols: `nm` must name none of the items that stand behind a test feature in the sources.
//! Strings: neither the marker that `protocol/src/sabotage.rs` puts into a build with defects nor the description of
//! any defect is in the file; this also works on a stripped file. A search that cannot find anything proves nothing, so
//! the simulator, which is built with every test feature, must be found guilty by both searches, stripped by the
//! second.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};

use crate::select::VARIANT;
use crate::shell::{self, quiet_stdin};
use crate::tokens::{Kind, Token, tokens};
use crate::workspace::Workspace;

/// Crate, feature, and the folder of its sources.
const FEATURES: &[(&str, &str, &str)] = &[
    ("protocol", "sabotage", "protocol/src"),
    ("terminal_core", "testing", "terminal-core/src"),
];
/// Holds the marker and the descriptions.
const DEFECTS: &str = "protocol/src/sabotage.rs";
/// Shorter literals of that file (`sabotage`) are no descriptions.
const SHORTEST_DESCRIPTION: usize = 16;
/// The program that holds test code on purpose, and the folder of its profile.
const PLANTED: (&str, &str) = ("debug", "xunge-simulate");

/// What betrays test code.
struct Wanted {
    /// One list of symbol paths for each feature, such as `protocol` and `::ARMED`.
    symbols: Vec<(&'static str, &'static str, BTreeSet<String>)>,
    strings: BTreeSet<String>,
}

/// What was found in one file.
#[derive(Debug, Default)]
struct Found {
    symbols: usize,
    /// The features whose items were found, each with one of them.
    features: Vec<(&'static str, String)>,
    strings: Vec<String>,
}

/// Checks the programs in `target/debug`, and the search itself on the simulator.
pub fn stage(ws: &Workspace) -> Result<()> {
    planted(ws)?;
    products(ws)
}

/// Fails when a program of the product selection in `target/debug` holds test code.
pub fn products(ws: &Workspace) -> Result<()> {
    let packages = ws.packages()?;
    let own = packages
        .iter()
        .filter(|package| package.name != VARIANT && package.name != "xtask");
    let names = own.flat_map(|package| &package.binaries);
    let mut files = Vec::new();
    for name in names {
        files.push(ws.binary("debug", name)?);
    }
    innocent(ws, &files)
}

/// Fails when one of these files holds test code, or cannot be judged.
pub fn innocent(ws: &Workspace, files: &[PathBuf]) -> Result<()> {
    ensure!(!files.is_empty(), "no program to check for test code");
    let wanted = wanted(ws)?;
    let mut faults = Vec::new();
    for file in files {
        let found = search(&wanted, file)?;
        ensure!(
            found.symbols > 0,
            "{} holds no symbols: check it before it is stripped",
            file.display()
        );
        faults.extend(
            found
                .evidence()
                .map(|what| format!("{} holds {what}", file.display())),
        );
    }
    if !faults.is_empty() {
        bail!("test code in programs for users:\n{}", faults.join("\n"));
    }
    println!("symbols: {} programs hold no test code", files.len());
    Ok(())
}

/// Fails unless the simulator is found guilty in every way that the search has.
fn planted(ws: &Workspace) -> Result<()> {
    let (profile, name) = PLANTED;
    let file = ws.binary(profile, name)?;
    ensure!(
        file.is_file(),
        "{} is not built: the check cannot be tested",
        file.display()
    );
    let wanted = wanted(ws)?;
    let found = search(&wanted, &file)?;
    for (_, feature, _) in &wanted.symbols {
        ensure!(
            found.features.iter().any(|(seen, _)| seen == feature),
            "the check is blind: {name} is built with `{feature}`, and no symbol of it was found"
        );
    }
    let stripped = file.with_extension("stripped");
    shell::output(quiet_stdin("strip").arg("-o").arg(&stripped).arg(&file))?;
    let without = search(&wanted, &stripped);
    std::fs::remove_file(&stripped).context("cannot remove the stripped copy")?;
    let without = without?;
    ensure!(
        without.symbols == 0 && without.strings.len() == wanted.strings.len(),
        "the check is blind: {} of {} strings were found in the stripped {name}",
        without.strings.len(),
        wanted.strings.len()
    );
    println!(
        "symbols: {name} is found guilty of {} features, stripped of {} strings",
        found.features.len(),
        without.strings.len()
    );
    Ok(())
}

impl Found {
    fn evidence(&self) -> impl Iterator<Item = String> {
        let features = self
            .features
            .iter()
            .map(|(feature, symbol)| format!("`{feature}`: the symbol {symbol}"));
        let strings = self
            .strings
            .first()
            .map(|text| format!("{} strings of defects: \"{text}\"", self.strings.len()));
        features.chain(strings)
    }
}

fn wanted(ws: &Workspace) -> Result<Wanted> {
    let mut symbols = Vec::new();
    for (name, feature, folder) in FEATURES {
        let mut items = BTreeSet::new();
        for file in rust_files(&ws.path(folder))? {
            let text =
                std::fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
            items.extend(items_behind(&tokens(&text), feature));
        }
        ensure!(
            !items.is_empty(),
            "{folder} holds nothing behind the feature `{feature}`: drop it from the list"
        );
        symbols.push((*name, *feature, items));
    }
    let text = std::fs::read_to_string(ws.path(DEFECTS)).with_context(|| format!("cannot read {DEFECTS}"))?;
    let strings: BTreeSet<String> = descriptions(&tokens(&text)).collect();
    ensure!(!strings.is_empty(), "{DEFECTS} describes no defect");
    Ok(Wanted { symbols, strings })
}

/// Long string literals that are in the code; those in attributes are not compiled into a program.
fn descriptions(tokens: &[Token]) -> impl Iterator<Item = String> {
    let mut in_attribute = false;
    tokens.iter().enumerate().filter_map(move |(at, token)| {
        if token.is('#') && tokens.get(at + 1).is_some_and(|next| next.is('[')) {
            in_attribute = true;
        } else if token.is(']') {
            in_attribute = false;
        }
        match &token.kind {
            Kind::Str(text) if !in_attribute && text.len() >= SHORTEST_DESCRIPTION => Some(text.clone()),
            Kind::Str(_) | Kind::Ident(_) | Kind::PathSep | Kind::Punct(_) | Kind::Other => None,
        }
    })
}

fn rust_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let entries = std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(rust_files(&path)?);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            files.push(path);
        }
    }
    Ok(files)
}

/// Paths of items under `#[cfg(feature = "…")]`: `::name` of a function or static, `::name::` of a module. A name that
/// also exists without the feature (`cfg(not(…))`) betrays nothing and is left out.
fn items_behind(tokens: &[Token], feature: &str) -> BTreeSet<String> {
    let (mut behind, mut besides) = (BTreeSet::new(), BTreeSet::new());
    for at in 0..tokens.len() {
        let word = |n: usize| tokens.get(at + n).and_then(Token::word);
        if word(0) != Some("cfg") {
            continue;
        }
        let inside: Vec<&Token> = tokens
            .iter()
            .skip(at)
            .take_while(|token| !token.is(']'))
            .collect();
        let of_feature = inside
            .iter()
            .any(|token| matches!(&token.kind, Kind::Str(text) if text == feature));
        if !of_feature {
            continue;
        }
        let negated = inside.iter().any(|token| token.is_word("not"));
        if let Some(item) = item_after(tokens.get(at + inside.len()..).unwrap_or_default()) {
            if negated { &mut besides } else { &mut behind }.insert(item);
        }
    }
    behind.difference(&besides).cloned().collect()
}

/// The first item after an attribute. A statement or a field has no name that a symbol could carry.
fn item_after(tokens: &[Token]) -> Option<String> {
    const BEFORE_AN_ITEM: &[&str] = &[
        "pub", "crate", "super", "in", "unsafe", "async", "extern", "const",
    ];
    let words = tokens.iter().take(12).filter_map(Token::word).collect::<Vec<_>>();
    let at = words.iter().position(|word| !BEFORE_AN_ITEM.contains(word))?;
    let name = words.get(at + 1)?;
    match *words.get(at)? {
        "fn" | "static" => Some(format!("::{name}")),
        "mod" => Some(format!("::{name}::")),
        _ => None,
    }
}

fn search(wanted: &Wanted, file: &Path) -> Result<Found> {
    let mut found = Found::default();
    // Exit code 0 also without symbols, which the caller judges by their number.
    let listed = shell::output(quiet_stdin("nm").args(["--demangle", "--defined-only"]).arg(file))
        .context("nm is needed to look for test code")?;
    for line in String::from_utf8_lossy(&listed).lines() {
        found.symbols += 1;
        for (of_crate, feature, items) in &wanted.symbols {
            let seen = found.features.iter().any(|(known, _)| known == feature);
            if !seen && line.contains(of_crate) && items.iter().any(|item| names(line, of_crate, item)) {
                let symbol = line.split_whitespace().skip(2).collect::<Vec<_>>().join(" ");
                found.features.push((feature, symbol));
            }
        }
    }
    found.strings = strings_in(&wanted.strings, file)?;
    Ok(found)
}

/// Whether a demangled symbol names the item: `protocol::sabotage::ARMED`, `<X as terminal_core::a::Disk>::is_plain`.
fn names(line: &str, of_crate: &str, item: &str) -> bool {
    let at_crate = line.find(&format!("{of_crate}::"));
    let ends = |at: usize| {
        let after = line.get(at + item.len()..).and_then(|rest| rest.chars().next());
        item.ends_with("::") || !after.is_some_and(|c| c == '_' || c.is_alphanumeric())
    };
    at_crate.is_some_and(|begin| line.match_indices(item).any(|(at, _)| at > begin && ends(at)))
}

/// Which of these texts are in the file. `grep` searches for all at once, in optimised code.
fn strings_in(wanted: &BTreeSet<String>, file: &Path) -> Result<Vec<String>> {
    let mut grep = quiet_stdin("grep");
    grep.env("LC_ALL", "C")
        .args(["--text", "--only-matching", "--fixed-strings"]);
    for text in wanted {
        grep.arg("-e").arg(text);
    }
    let out = grep.arg("--").arg(file).output().context("cannot start grep")?;
    // 1 says that nothing was found.
    ensure!(
        matches!(out.status.code(), Some(0 | 1)),
        "grep failed on {}: {}",
        file.display(),
        String::from_utf8_lossy(&out.stderr)
    );
    let lines: BTreeSet<String> = String::from_utf8_lossy(&out.stdout)
        .lines()
        .map(str::to_owned)
        .collect();
    Ok(lines.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn behind(text: &str) -> Vec<String> {
        items_behind(&tokens(text), "testing").into_iter().collect()
    }

    #[test]
    fn items_behind_the_feature_are_found_by_kind() {
        let text = "#[cfg(feature = \"testing\")] pub mod testing; #[cfg(feature = \"testing\")] fn is_plain(&self) -> bool { false } \
                    #[cfg(feature = \"testing\")] pub(crate) static ARMED: u8 = 0; #[cfg(feature = \"other\")] fn no() {}";
        assert_eq!(behind(text), ["::ARMED", "::is_plain", "::testing::"]);
    }

    #[test]
    fn a_name_that_the_product_has_too_betrays_nothing() {
        let text = "#[cfg(feature = \"testing\")] pub fn is() {} #[cfg(not(feature = \"testing\"))] pub const fn is() {}";
        assert!(behind(text).is_empty());
        assert!(behind("#[cfg(feature = \"testing\")] if disk.is_plain() { return }").is_empty());
    }

    #[test]
    fn strings_of_attributes_are_no_descriptions() {
        let text = "#[expect(dead_code, reason = \"a reason that is long enough\")] const A: [u8; 1] = *b\"a marker that is long enough\";";
        assert_eq!(
            descriptions(&tokens(text)).collect::<Vec<_>>(),
            ["a marker that is long enough"]
        );
    }

    #[test]
    fn a_symbol_is_matched_by_whole_names_of_the_right_crate() {
        assert!(names("0001 b protocol::sabotage::ARMED", "protocol", "::ARMED"));
        assert!(names(
            "1 t <sim::Disk as terminal_core::platform::Disk>::is_plain",
            "terminal_core",
            "::is_plain"
        ));
        assert!(names(
            "1 t terminal_core::store::testing::enrol::h1",
            "terminal_core",
            "::testing::"
        ));
        assert!(!names("1 t protocol::sabotage::ARMED_NOT", "protocol", "::ARMED"));
        assert!(!names("1 t other::testing::f", "terminal_core", "::testing::"));
    }

    #[test]
    fn both_features_of_the_tree_have_items_and_descriptions() {
        let ws = Workspace::find().unwrap();
        let wanted = wanted(&ws).unwrap();
        assert!(wanted.symbols.iter().all(|(_, _, items)| !items.is_empty()));
        assert!(wanted.strings.len() > 50, "{}", wanted.strings.len());
    }

    #[test]
    fn a_text_is_found_in_a_file_of_bytes() {
        let file = std::env::temp_dir().join(format!("xtask-strings-{}", std::process::id()));
        std::fs::write(&file, b"\0\xffthe server lies\0\n\xfe").unwrap();
        let wanted = BTreeSet::from(["the server lies".to_owned(), "the handset lies".to_owned()]);
        assert_eq!(strings_in(&wanted, &file).unwrap(), ["the server lies"]);
        std::fs::remove_file(&file).unwrap();
    }
}
