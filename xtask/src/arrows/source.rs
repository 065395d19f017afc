//! The source files of one crate, parsed, each with its module path and its room.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};

use super::parse::{ModulePath, Parsed, parse};

/// One file under `src/`.
pub struct SourceFile {
    /// Relative to `src/`, with `/`.
    pub name: String,
    pub module: ModulePath,
    /// The top-level module, `lib` or `main` for the root, `bin` for programs.
    pub room: String,
    /// Compiled for tests only.
    pub test: bool,
    pub parsed: Parsed,
}

/// Reads `src` of the crate that dependents call `name` (with `_`).
pub fn read(src: &Path, name: &str) -> Result<Vec<SourceFile>> {
    let mut files = Vec::new();
    list(src, &mut files)?;
    ensure!(
        !files.is_empty(),
        "{} holds no source: nothing can be checked",
        src.display()
    );
    files.sort();
    let mut sources = Vec::new();
    for file in files {
        let text =
            std::fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
        let relative = file.strip_prefix(src).unwrap_or(&file);
        let name_in_src: Vec<String> = relative
            .iter()
            .map(|part| part.to_string_lossy().into_owned())
            .collect();
        sources.push(source(&name_in_src, &text, name));
    }
    mark_tests(&mut sources);
    Ok(sources)
}

fn list(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    let entries = std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            list(&path, files)?;
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            files.push(path);
        }
    }
    Ok(())
}

fn source(parts: &[String], text: &str, crate_name: &str) -> SourceFile {
    let stem = |part: &String| part.trim_end_matches(".rs").to_owned();
    let mut module: ModulePath = parts.iter().map(stem).collect();
    let room = module.first().cloned().unwrap_or_default();
    let is_root = parts.len() == 1 && matches!(room.as_str(), "lib" | "main");
    if is_root || module.last().is_some_and(|last| last == "mod") {
        module.pop();
    }
    // A program is a crate of its own that calls the library by name; the library never calls it `crate`.
    let own_names: &[&str] = if room == "bin" { &[crate_name] } else { &[] };
    SourceFile {
        name: parts.join("/"),
        parsed: parse(text, &module, own_names),
        module,
        room,
        test: false,
    }
}

/// A file whose `mod` line is for tests, and all that lies below it.
fn mark_tests(sources: &mut [SourceFile]) {
    let mut for_tests: BTreeSet<ModulePath> = BTreeSet::new();
    for source in sources.iter() {
        for child in &source.parsed.test_children {
            let mut module = source.module.clone();
            module.push(child.clone());
            for_tests.insert(module);
        }
    }
    for source in sources {
        let upper = (1..=source.module.len()).filter_map(|length| source.module.get(..length));
        source.test = upper.into_iter().any(|module| for_tests.contains(module));
    }
}
