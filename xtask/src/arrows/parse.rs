//! What one source file refers to: its `use` trees and its inline paths that begin with `crate`, `super`, `self` or a
//! child module; also its string literals, which the check of SQL reads.

use std::collections::BTreeSet;

use crate::tokens::{Kind, Token, tokens};

/// A module path from the root of the crate, without `crate`.
pub type ModulePath = Vec<String>;

/// One place that names something of the same crate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    pub path: ModulePath,
    pub line: usize,
    /// Inside of an item that is compiled for tests only.
    pub test: bool,
    /// A `pub use`: gives another name to a thing and needs nothing of it.
    pub reexport: bool,
}

/// `pub use path as name` in `module`; `*` as the name of a glob.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reexport {
    pub module: ModulePath,
    pub name: String,
    pub path: ModulePath,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Literal {
    pub text: String,
    pub line: usize,
    pub test: bool,
}

#[derive(Debug, Default)]
pub struct Parsed {
    pub references: Vec<Reference>,
    pub reexports: Vec<Reexport>,
    /// Macros with `#[macro_export]`: they live at the root, whatever file holds them.
    pub exported_macros: Vec<String>,
    /// Names of items this file defines.
    pub defined: BTreeSet<String>,
    /// Modules in files of their own that exist for tests only.
    pub test_children: BTreeSet<String>,
    pub literals: Vec<Literal>,
}

/// Parses the file of `module`. `own_names` are the names by which the crate may be called besides `crate` (a binary
/// calls its library by name).
pub fn parse(text: &str, module: &[String], own_names: &[&str]) -> Parsed {
    let tokens = tokens(text);
    let children = children(&tokens);
    let mut parser = Parser {
        tokens: &tokens,
        file: module,
        own_names,
        children,
        braces: Vec::new(),
        test_until: 0,
        next_is_test: false,
        next_is_exported: false,
        out: Parsed::default(),
    };
    let mut at = 0;
    while at < tokens.len() {
        at = parser.step(at);
    }
    parser.out
}

/// Every `mod name` of the file, whether inline or not.
fn children(tokens: &[Token]) -> BTreeSet<String> {
    let pairs = tokens.windows(2).filter_map(|pair| match pair {
        [word, name] if word.is_word("mod") => name.word().map(str::to_owned),
        _ => None,
    });
    pairs.collect()
}

struct Parser<'a> {
    tokens: &'a [Token],
    file: &'a [String],
    own_names: &'a [&'a str],
    children: BTreeSet<String>,
    /// One for each open brace: the name of the inline module that it opens.
    braces: Vec<Option<String>>,
    /// Tokens before this index belong to an item for tests.
    test_until: usize,
    next_is_test: bool,
    next_is_exported: bool,
    out: Parsed,
}

impl Parser<'_> {
    fn get(&self, at: usize) -> Option<&Token> {
        self.tokens.get(at)
    }

    fn word(&self, at: usize) -> Option<&str> {
        self.get(at)?.word()
    }

    fn is(&self, at: usize, punct: char) -> bool {
        self.get(at).is_some_and(|token| token.is(punct))
    }

    fn is_sep(&self, at: usize) -> bool {
        self.get(at).is_some_and(|token| token.kind == Kind::PathSep)
    }

    fn test(&self, at: usize) -> bool {
        at < self.test_until
    }

    /// The module that stands around the current token.
    fn here(&self) -> ModulePath {
        let inline = self.braces.iter().flatten();
        self.file.iter().chain(inline).cloned().collect()
    }

    /// Handles what begins at `at` and returns where to go on.
    fn step(&mut self, at: usize) -> usize {
        let Some(token) = self.get(at).cloned() else {
            return at + 1;
        };
        match token.kind {
            Kind::Punct('#') => return self.attribute(at),
            Kind::Punct('{') => self.braces.push(None),
            Kind::Punct('}') => {
                self.braces.pop();
            }
            Kind::Str(text) => self.literal(text, token.line, self.test(at)),
            Kind::Ident(word) => return self.ident(at, &word),
            Kind::PathSep | Kind::Punct(_) | Kind::Other => {}
        }
        at + 1
    }

    fn literal(&mut self, text: String, line: usize, test: bool) {
        self.out.literals.push(Literal { text, line, test });
    }

    fn ident(&mut self, at: usize, word: &str) -> usize {
        self.begin_item(at, word);
        match word {
            "use" if !self.is(at + 1, '<') => return self.use_item(at),
            "mod" if self.is(at + 2, '{') => {
                let name = self.word(at + 1).map(str::to_owned);
                self.define(at + 1);
                self.braces.push(name);
                return at + 3;
            }
            "mod" => {
                if let Some(name) = self.word(at + 1).map(str::to_owned)
                    && self.test(at)
                {
                    self.out.test_children.insert(name);
                }
                return at + 2;
            }
            "fn" | "struct" | "enum" | "trait" | "type" | "const" | "static" | "union" => self.define(at + 1),
            "macro_rules" => self.define(at + 2),
            _ => {}
        }
        let before_is_path = at
            .checked_sub(1)
            .is_some_and(|before| self.is_sep(before) || self.is(before, '.'));
        if self.is_sep(at + 1) && !before_is_path && self.begins_a_path(word) {
            return self.inline_path(at);
        }
        at + 1
    }

    /// The first word after an attribute begins the item that the attribute speaks of.
    fn begin_item(&mut self, at: usize, word: &str) {
        if self.next_is_exported && word == "macro_rules" {
            self.out
                .exported_macros
                .extend(self.word(at + 2).map(str::to_owned));
        }
        if self.next_is_test {
            self.test_until = self.test_until.max(self.item_end(at));
        }
        self.next_is_test = false;
        self.next_is_exported = false;
    }

    fn define(&mut self, at: usize) {
        self.out.defined.extend(self.word(at).map(str::to_owned));
    }

    fn begins_a_path(&self, word: &str) -> bool {
        matches!(word, "crate" | "super" | "self")
            || self.own_names.contains(&word)
            || self.children.contains(word)
    }

    /// One past the `;` or `}` that ends the item at `at`; a field or an arm ends at its comma.
    fn item_end(&self, at: usize) -> usize {
        let mut depth = 0_usize;
        for (index, token) in self.tokens.iter().enumerate().skip(at) {
            match token.kind {
                Kind::Punct('{' | '(' | '[') => depth += 1,
                Kind::Punct('}' | ')' | ']') => {
                    depth = depth.saturating_sub(1);
                    if depth == 0 && token.is('}') {
                        return index + 1;
                    }
                }
                Kind::Punct(';' | ',') if depth == 0 => return index + 1,
                _ => {}
            }
        }
        self.tokens.len()
    }

    /// `#[…]` or `#![…]`.
    fn attribute(&mut self, at: usize) -> usize {
        let inner = self.is(at + 1, '!');
        let open = at + 1 + usize::from(inner);
        if !self.is(open, '[') {
            return at + 1;
        }
        let mut depth = 0_usize;
        let mut end = open;
        while let Some(token) = self.get(end) {
            depth += usize::from(token.is('['));
            depth -= usize::from(token.is(']'));
            end += 1;
            if depth == 0 {
                break;
            }
        }
        let inside: Vec<Token> = self.tokens.get(open + 1..end).unwrap_or_default().to_vec();
        if is_for_tests(&inside) {
            if inner {
                self.test_until = self.tokens.len();
            } else {
                self.next_is_test = true;
            }
        }
        self.next_is_exported |= inside.first().is_some_and(|token| token.is_word("macro_export"));
        self.attribute_paths(&inside, at);
        end
    }

    /// Paths in an attribute: `value_type = crate::a::B`, and as a string `with = "crate::a"`.
    fn attribute_paths(&mut self, inside: &[Token], at: usize) {
        let test = self.test(at) || self.next_is_test;
        for (index, token) in inside.iter().enumerate() {
            let mut words: Vec<String> = match &token.kind {
                Kind::Str(text) if text.contains("::") => text.split("::").map(str::to_owned).collect(),
                Kind::Ident(word) => {
                    let mut words = vec![word.clone()];
                    let mut next = index + 1;
                    while inside.get(next).is_some_and(|token| token.kind == Kind::PathSep)
                        && let Some(word) = inside.get(next + 1).and_then(Token::word)
                    {
                        words.push(word.to_owned());
                        next += 2;
                    }
                    words
                }
                Kind::Str(_) | Kind::PathSep | Kind::Punct(_) | Kind::Other => continue,
            };
            let begins = words
                .first()
                .is_some_and(|word| matches!(word.as_str(), "crate" | "super" | "self"));
            if begins && words.len() > 1 && words.iter().all(|word| is_identifier(word)) {
                words.truncate(8);
                self.refer(&words, token.line, test, false);
            }
        }
    }

    fn inline_path(&mut self, at: usize) -> usize {
        let line = self.get(at).map_or(0, |token| token.line);
        let mut words = vec![self.word(at).unwrap_or_default().to_owned()];
        let mut next = at + 1;
        while self.is_sep(next)
            && let Some(word) = self.word(next + 1)
        {
            words.push(word.to_owned());
            next += 2;
        }
        self.refer(&words, line, self.test(at), false);
        next
    }

    fn use_item(&mut self, at: usize) -> usize {
        let line = self.get(at).map_or(0, |token| token.line);
        let public = self.is_public(at);
        let mut leaves = Vec::new();
        let end = self.use_tree(at + 1, &[], &mut leaves);
        for (words, name) in leaves {
            let Some(path) = self.absolute(&words) else {
                continue;
            };
            let reexport = public && !self.test(at);
            if reexport {
                let module = self.here();
                self.out.reexports.push(Reexport {
                    module,
                    name,
                    path: path.clone(),
                });
            }
            self.out.references.push(Reference {
                path,
                line,
                test: self.test(at),
                reexport,
            });
        }
        end
    }

    /// Whether `pub`, `pub(crate)` or the like stands before.
    fn is_public(&self, at: usize) -> bool {
        let before = |n: usize| at.checked_sub(n).and_then(|at| self.get(at));
        let word = |n: usize, word: &str| before(n).is_some_and(|token| token.is_word(word));
        word(1, "pub") || (before(1).is_some_and(|token| token.is(')')) && word(4, "pub"))
    }

    /// Adds each leaf of a tree with the name that it gets here; returns where the tree ends.
    fn use_tree(&self, mut at: usize, before: &[String], leaves: &mut Vec<(Vec<String>, String)>) -> usize {
        let mut words = before.to_vec();
        loop {
            match self.get(at).map(|token| &token.kind) {
                Some(Kind::PathSep) => at += 1,
                Some(Kind::Punct('{')) => {
                    at += 1;
                    while at < self.tokens.len() && !self.is(at, '}') {
                        at = self.use_tree(at, &words, leaves);
                        at += usize::from(self.is(at, ','));
                    }
                    return at + 1;
                }
                Some(Kind::Punct('*')) => {
                    leaves.push((words, "*".to_owned()));
                    return at + 1;
                }
                Some(Kind::Ident(word)) if word == "as" => {
                    let name = self.word(at + 1).unwrap_or_default().to_owned();
                    leaves.push((words, name));
                    return at + 2;
                }
                Some(Kind::Ident(word)) => {
                    // `a::{self}` names `a`.
                    if word != "self" || words.is_empty() {
                        words.push(word.clone());
                    }
                    at += 1;
                }
                _ => {
                    let name = words.last().cloned().unwrap_or_default();
                    leaves.push((words, name));
                    return at.max(1);
                }
            }
        }
    }

    fn refer(&mut self, words: &[String], line: usize, test: bool, reexport: bool) {
        if let Some(path) = self.absolute(words) {
            self.out.references.push(Reference {
                path,
                line,
                test,
                reexport,
            });
        }
    }

    /// The path from the root of the crate; `None` when it begins in another crate.
    fn absolute(&self, words: &[String]) -> Option<ModulePath> {
        let (first, rest) = words.split_first()?;
        let mut rest = rest;
        let mut base = match first.as_str() {
            "crate" => Vec::new(),
            name if self.own_names.contains(&name) => Vec::new(),
            "self" => self.here(),
            "super" => {
                let mut base = self.here();
                base.pop();
                base
            }
            name if self.children.contains(name) => {
                rest = words;
                self.here()
            }
            _ => return None,
        };
        while let Some((first, others)) = rest.split_first()
            && first == "super"
        {
            base.pop();
            rest = others;
        }
        base.extend(rest.iter().cloned());
        Some(base)
    }
}

/// `cfg(test)` and what includes it; `cfg(not(test))` is the opposite.
fn is_for_tests(inside: &[Token]) -> bool {
    let says = |word: &str| inside.iter().any(|token| token.is_word(word));
    let first = inside.first();
    let cfg = first.is_some_and(|token| token.is_word("cfg")) && says("test") && !says("not");
    cfg || (first.is_some_and(|token| token.is_word("test")) && inside.len() <= 2)
}

fn is_identifier(word: &str) -> bool {
    !word.is_empty() && word.chars().all(|c| c == '_' || c.is_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(text: &str, module: &[&str]) -> Vec<String> {
        let module: Vec<String> = module.iter().map(|word| (*word).to_owned()).collect();
        let parsed = parse(text, &module, &["server"]);
        let shown = parsed.references.iter().map(|found| {
            let mark = if found.test { "test " } else { "" };
            format!("{mark}{}", found.path.join("::"))
        });
        shown.collect()
    }

    #[test]
    fn a_use_tree_gives_every_leaf() {
        let text = "use crate::{a::{self, B as C}, d::*}; pub(crate) use super::e::F; use std::io;";
        assert_eq!(paths(text, &["x", "y"]), ["a", "a::B", "d", "x::e::F"]);
    }

    #[test]
    fn inline_paths_are_found_and_comments_and_strings_are_not() {
        let text = "// crate::no::A\nfn f() -> crate::a::A { super::b::<u8>(\"crate::no\"); self::c::D::new(); server::e() }";
        assert_eq!(paths(text, &["x", "y"]), ["a::A", "x::b", "x::y::c::D::new", "e"]);
    }

    #[test]
    fn a_child_module_is_a_path_from_here() {
        let text = "mod child; pub use child::Thing; fn f() { child::run(); other::run(); a.child::<u8>() }";
        assert_eq!(paths(text, &["x"]), ["x::child::Thing", "x::child::run"]);
    }

    #[test]
    fn super_counts_inline_modules() {
        let text = "mod inner { use super::A; use super::super::B; } use super::C;";
        assert_eq!(paths(text, &["x", "y"]), ["x::y::A", "x::B", "x::C"]);
    }

    #[test]
    fn what_is_compiled_for_tests_is_marked() {
        let text = "#[cfg(test)] use crate::a; use crate::b; #[cfg(test)] mod tests { use crate::c; fn f() { crate::d(); } } \
                    #[cfg(not(test))] use crate::e; #[test] fn g() { crate::h() } #[cfg(test)] mod more;";
        assert_eq!(
            paths(text, &[]),
            ["test a", "b", "test c", "test d", "e", "test h"]
        );
        assert!(parse(text, &[], &[]).test_children.contains("more"));
    }

    #[test]
    fn attributes_name_paths_too() {
        let text = "#[serde(with = \"crate::a::hex\")] #[schema(value_type = crate::b::B)] struct S;";
        assert_eq!(paths(text, &[]), ["a::hex", "b::B"]);
    }

    #[test]
    fn exported_macros_and_definitions_are_listed() {
        let parsed = parse(
            "#[macro_export] macro_rules! params { () => { $crate::a::B } } pub struct S; fn f() {}",
            &[],
            &[],
        );
        assert_eq!(parsed.exported_macros, ["params"]);
        assert!(
            ["params", "S", "f"]
                .iter()
                .all(|name| parsed.defined.contains(*name))
        );
        assert_eq!(parsed.references.len(), 1);
    }
}
