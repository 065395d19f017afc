//! What the sources say of rules: where an id is named, and which tests carry one.

use std::collections::BTreeSet;

use super::id::{self, Id};

/// A place in a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileLine {
    pub path: String,
    /// Counted from 1.
    pub line: usize,
}

/// One test that carries at least one id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Test {
    pub name: String,
    pub place: FileLine,
    pub ids: BTreeSet<Id>,
}

/// What one file says.
#[derive(Debug)]
pub struct ScannedFile {
    /// Ids named outside the doc comments of tests.
    pub mentions: Vec<(Id, FileLine)>,
    pub tests: Vec<Test>,
}

/// Reads one file; only Rust files hold tests.
pub fn source(path: &str, text: &str) -> ScannedFile {
    let tests = if path.ends_with(".rs") {
        tests_in(path, text)
    } else {
        Vec::new()
    };
    let doc_lines: BTreeSet<usize> = tests
        .iter()
        .flat_map(|(_, lines)| lines.iter().copied())
        .collect();
    let mentions = (1..)
        .zip(text.lines())
        .filter(|(line, _)| !doc_lines.contains(line))
        .flat_map(|(line, text)| {
            id::in_line(text).into_iter().map(move |id| {
                let path = path.to_owned();
                (id, FileLine { path, line })
            })
        });
    ScannedFile {
        mentions: mentions.collect(),
        tests: tests.into_iter().map(|(test, _)| test).collect(),
    }
}

/// The codes that the registry of problems defines: the string literals of `NAME = "code", STATUS, …`.
pub fn problem_codes(text: &str) -> BTreeSet<String> {
    let code = |line: &str| {
        let (_, right) = line.split_once(" = \"")?;
        let (code, _) = right.split_once("\", ")?;
        let shape = |c: char| c.is_ascii_lowercase() || c == '.' || c == '_';
        (code.contains('.') && code.chars().all(shape)).then(|| code.to_owned())
    };
    text.lines().filter_map(code).collect()
}

/// Every test that carries an id, with the lines of its doc comment.
///
/// A test is a function with a `test` attribute, a function inside a macro call such as `both_engines! { … }`, or one
/// that such a call lists by name (`on_both_engines!(…)`).
fn tests_in(path: &str, text: &str) -> Vec<(Test, Vec<usize>)> {
    let listed = listed_by_macros(text);
    let mut found = Vec::new();
    let mut docs: Vec<(usize, &str)> = Vec::new();
    let mut attribute = false;
    let mut inside_macro = false;
    for (number, line) in (1..).zip(text.lines()) {
        let code = line.trim_start();
        if opens_macro(code) {
            inside_macro = code.contains('{');
        } else if inside_macro && line.starts_with(['}', ')']) {
            inside_macro = false;
        }
        if let Some(doc) = code.strip_prefix("///") {
            docs.push((number, doc));
        } else if code.starts_with("#[") {
            attribute |= code.contains("test");
        } else if code.starts_with("//") {
            // An ordinary comment between doc comment and function changes nothing.
        } else {
            if let Some(name) = function(code)
                && (attribute || inside_macro || listed.contains(name))
            {
                let mut ids: BTreeSet<Id> = id::in_name(name).into_iter().collect();
                ids.extend(docs.iter().flat_map(|(_, doc)| id::in_line(doc)));
                let place = FileLine {
                    path: path.to_owned(),
                    line: number,
                };
                let name = name.to_owned();
                let lines = docs.iter().map(|(line, _)| *line).collect();
                found.push((Test { name, place, ids }, lines));
            }
            docs.clear();
            attribute = false;
        }
    }
    found.retain(|(test, _)| !test.ids.is_empty());
    found
}

/// The name of the function that a line begins.
fn function(code: &str) -> Option<&str> {
    let mut rest = code;
    for word in ["pub ", "async "] {
        rest = rest.strip_prefix(word).unwrap_or(rest);
    }
    let rest = rest.strip_prefix("fn ")?;
    let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_')?;
    rest.get(..end)
}

/// A call of a macro that makes a test for each engine.
fn opens_macro(code: &str) -> bool {
    code.split_once('!').is_some_and(|(name, rest)| {
        name.ends_with("both_engines") && rest.trim_start().starts_with(['{', '('])
    })
}

/// The names that such calls list.
fn listed_by_macros(text: &str) -> BTreeSet<&str> {
    let mut names = BTreeSet::new();
    let mut inside = false;
    for line in text.lines() {
        let code = line.trim();
        if opens_macro(code) {
            inside = code.contains('(');
        }
        if inside {
            names.extend(code.split(|c: char| !c.is_ascii_alphanumeric() && c != '_'));
            inside = !code.contains(')');
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<String> {
        source("a.rs", text)
            .tests
            .iter()
            .map(|test| {
                let ids: Vec<String> = test.ids.iter().map(Id::to_string).collect();
                format!("{} {}", test.name, ids.join(","))
            })
            .collect()
    }

    #[test]
    fn a_test_carries_an_id_in_its_name_or_its_doc_comment() {
        let text = "\
            /// Rules: SP-02, T9\n    #[test]\n    fn a_number_stays() {}\n\
            #[tokio::test]\n async fn sp_06_revoked_at_once() {}\n\
            #[test]\nfn nothing_named() {}\n";
        assert_eq!(
            names(text),
            ["a_number_stays SP-02,T9", "sp_06_revoked_at_once SP-06"]
        );
    }

    #[test]
    fn tests_made_by_macros_are_found() {
        let text = "both_engines! {\n    /// SP-05\n    async fn a_month(app: App) {\n    }\n}\nasync fn t9_helper() {}\n";
        assert_eq!(names(text), ["a_month SP-05"]);
        let text = "on_both_engines!(\n    story_01_a,\n    story_02_b,\n);\nfn story_01_a(s: &Stage) {}\nfn story_03_c() {}\n";
        assert_eq!(names(text), ["story_01_a story 01"]);
    }

    #[test]
    fn an_id_in_code_is_a_mention_and_one_in_a_tests_doc_comment_is_not() {
        let text = "//! Posts (SP-02).\n/// T9\n#[test]\nfn a() {}\n// law 1\n";
        let found = source("a.rs", text);
        let places: Vec<String> = found
            .mentions
            .iter()
            .map(|(id, at)| format!("{id}:{}", at.line))
            .collect();
        assert_eq!(places, ["SP-02:1", "law 1:5"]);
    }

    #[test]
    fn a_doc_comment_belongs_to_the_next_function_only() {
        let text = "/// T9\nstruct A;\n#[test]\nfn a() {}\n";
        assert_eq!(names(text), Vec::<String>::new());
    }

    #[test]
    fn problem_codes_are_read_from_their_registry() {
        let text = "    Busy = \"server.busy\", 503, Retry, \"忙\", \"x\";\n    let a = \"no\", b;\n";
        assert_eq!(
            problem_codes(text).into_iter().collect::<Vec<_>>(),
            ["server.busy"]
        );
    }
}
