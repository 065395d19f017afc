//! From a path to the file that defines what it names.

use std::collections::BTreeMap;

use super::source::SourceFile;

/// A chain of `pub use` longer than this is a loop.
const LONGEST_CHAIN: usize = 8;

/// Which file holds which module, and what each module gives another name.
pub struct Index<'a> {
    sources: &'a [SourceFile],
    modules: BTreeMap<&'a [String], usize>,
    /// Macros at the root of the crate.
    macros: BTreeMap<&'a str, usize>,
}

impl<'a> Index<'a> {
    pub fn new(sources: &'a [SourceFile]) -> Self {
        let numbered = || sources.iter().enumerate();
        let modules = numbered()
            .filter(|(_, source)| source.room != "bin")
            .map(|(at, source)| (source.module.as_slice(), at));
        let macros = numbered().flat_map(|(at, source)| {
            let names = source.parsed.exported_macros.iter();
            names.map(move |name| (name.as_str(), at))
        });
        Self {
            sources,
            modules: modules.collect(),
            macros: macros.collect(),
        }
    }

    /// The file that defines `path`, through any `pub use`; `None` when the crate has no such module at all.
    pub fn file_of(&self, path: &[String]) -> Option<usize> {
        self.follow(path, LONGEST_CHAIN)
    }

    fn follow(&self, path: &[String], left: usize) -> Option<usize> {
        let module = (0..=path.len())
            .rev()
            .find_map(|length| self.modules.get_key_value(path.get(..length)?))?;
        let (module, file) = (*module.0, *module.1);
        let Some((name, rest)) = path.get(module.len()..).and_then(<[String]>::split_first) else {
            return Some(file);
        };
        if module.is_empty()
            && let Some(of_macro) = self.macros.get(name.as_str())
        {
            return Some(*of_macro);
        }
        let source = self.sources.get(file)?;
        if left == 0 || source.parsed.defined.contains(name) {
            return Some(file);
        }
        let here = || {
            source
                .parsed
                .reexports
                .iter()
                .filter(|known| known.module == module)
        };
        if let Some(known) = here().find(|known| known.name == *name) {
            let target: Vec<String> = known.path.iter().chain(rest).cloned().collect();
            return self.follow(&target, left - 1);
        }
        let by_glob = here().filter(|known| known.name == "*").find_map(|known| {
            let target: Vec<String> = known.path.iter().chain([name]).chain(rest).cloned().collect();
            let found = self.follow(&target, left - 1)?;
            let defines = self.sources.get(found)?.parsed.defined.contains(name);
            defines.then_some(found)
        });
        Some(by_glob.unwrap_or(file))
    }
}
