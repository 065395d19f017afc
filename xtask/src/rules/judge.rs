//! List and sources held against each other.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::book::{Book, Rule};
use super::id::Id;
use super::scan::{FileLine, ScannedFile, Test};

/// Where the tests of failure stories stand.
const STORIES: &str = "tests/tests/stories/";

/// The list with what was found for each id, and what is wrong.
pub struct Findings {
    book: Book,
    /// Places in product code, documents and test code outside doc comments of tests.
    mentions: BTreeMap<Id, BTreeSet<FileLine>>,
    tests: BTreeMap<Id, Vec<(FileLine, String)>>,
    /// One sentence each.
    pub faults: Vec<String>,
}

impl Findings {
    pub fn new(book: Book, sources: &[ScannedFile], codes: &BTreeSet<String>) -> Self {
        let mut mentions: BTreeMap<Id, BTreeSet<FileLine>> = BTreeMap::new();
        let mut tests: BTreeMap<Id, Vec<(FileLine, String)>> = BTreeMap::new();
        for (id, place) in sources.iter().flat_map(|source| &source.mentions) {
            if book.knows_family(id) {
                mentions.entry(id.clone()).or_default().insert(place.clone());
            }
        }
        for Test { name, place, ids } in sources.iter().flat_map(|source| &source.tests) {
            for id in ids.iter().filter(|id| book.knows_family(id)) {
                tests
                    .entry(id.clone())
                    .or_default()
                    .push((place.clone(), name.clone()));
            }
        }
        let mut findings = Self {
            book,
            mentions,
            tests,
            faults: Vec::new(),
        };
        findings.faults = findings.unlisted();
        for rule in &findings.book.rules {
            findings.faults.extend(findings.faults_of(rule, codes));
        }
        findings
    }

    /// Ids that a source uses and the list lacks.
    fn unlisted(&self) -> Vec<String> {
        let named = self
            .mentions
            .iter()
            .filter_map(|(id, places)| Some((id, places.first()?)));
        let tested = self
            .tests
            .iter()
            .filter_map(|(id, tests)| Some((id, &tests.first()?.0)));
        let all: BTreeMap<&Id, &FileLine> = named.chain(tested).collect();
        all.into_iter()
            .filter(|(id, _)| !self.book.holds(id))
            .map(|(id, place)| {
                format!(
                    "{id} is used in {}:{} and is not in the list",
                    place.path, place.line
                )
            })
            .collect()
    }

    fn faults_of(&self, rule: &Rule, codes: &BTreeSet<String>) -> Vec<String> {
        let id = &rule.id;
        let mut faults: Vec<String> = rule
            .refusals
            .iter()
            .filter(|code| !codes.contains(*code))
            .map(|code| format!("{id}: there is no problem code `{code}`"))
            .collect();
        if rule.later {
            return faults;
        }
        match (id, &rule.test_file) {
            (Id::Story(_), Some(file)) => {
                let path = format!("{STORIES}{file}");
                if !self.tests_of(id).iter().any(|(place, _)| place.path == path) {
                    faults.push(format!("{id} has no test in {path}"));
                }
            }
            (Id::Story(_), None) => faults.push(format!("{id}: the list names no file with its test")),
            _ if self.tests_of(id).is_empty() => {
                faults.push(format!(
                    "{id} has no test that carries its id, and no mark `later`"
                ));
            }
            _ => {}
        }
        faults
    }

    fn tests_of(&self, id: &Id) -> &[(FileLine, String)] {
        self.tests.get(id).map(Vec::as_slice).unwrap_or_default()
    }

    /// The rules in `wanted`, all if it is empty: what each asks, its places, refusal codes and tests.
    pub fn report(&self, wanted: &[Id]) -> String {
        let mut text = String::new();
        let rules = self.book.rules.iter();
        for rule in rules.filter(|rule| wanted.is_empty() || wanted.contains(&rule.id)) {
            let mark = if rule.later { "  [later]" } else { "" };
            let _ = writeln!(text, "{}  {}{mark}", rule.id, rule.asks);
            for place in self.mentions.get(&rule.id).into_iter().flatten() {
                let kind = if place.path.ends_with(".md") {
                    "docs"
                } else {
                    "code"
                };
                let _ = writeln!(text, "    {kind}     {}:{}", place.path, place.line);
            }
            for code in &rule.refusals {
                let _ = writeln!(text, "    refused  {code}");
            }
            for (place, name) in self.tests_of(&rule.id) {
                let _ = writeln!(text, "    test     {}:{} {name}", place.path, place.line);
            }
        }
        text
    }

    /// One line of figures.
    pub fn summary(&self) -> String {
        let rules = &self.book.rules;
        let later = rules.iter().filter(|rule| rule.later).count();
        let tests: BTreeSet<&(FileLine, String)> = self.tests.values().flatten().collect();
        format!(
            "rules: {} listed, {later} of them marked later, {} tests carry an id, {} faults",
            rules.len(),
            tests.len(),
            self.faults.len()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::super::scan::source;
    use super::*;

    const LIST: &str = "\
| id | what it asks | source | refused with | mark |
|---|---|---|---|---|
| SP-02 | The number belongs to the post | `000` | auth.scope | |
| SP-07 | Replace within 48 h | `000` | | later |

| id | story | source | test in | mark |
|---|---|---|---|---|
| story 01 | Ack lost | x#1 | custody.rs | |
";
    const STORY: (&str, &str) = ("tests/tests/stories/custody.rs", "#[test]\nfn story_01_a() {}\n");
    const POST: (&str, &str) = (
        "server/src/people/posts.rs",
        "//! SP-02\n#[test]\nfn sp_02_a() {}\n",
    );

    fn judged(sources: &[(&str, &str)]) -> Findings {
        let sources: Vec<ScannedFile> = sources.iter().map(|(path, text)| source(path, text)).collect();
        let codes = BTreeSet::from(["auth.scope".to_owned()]);
        Findings::new(Book::parse(LIST).unwrap(), &sources, &codes)
    }

    #[test]
    fn a_list_that_fits_the_sources_has_no_fault() {
        let found = judged(&[STORY, POST]);
        assert_eq!(found.faults, Vec::<String>::new());
        assert_eq!(
            found.summary(),
            "rules: 3 listed, 1 of them marked later, 2 tests carry an id, 0 faults"
        );
    }

    #[test]
    fn a_rule_without_a_test_is_a_fault() {
        let found = judged(&[STORY, ("server/src/people/posts.rs", "//! SP-02\n")]);
        assert_eq!(
            found.faults,
            ["SP-02 has no test that carries its id, and no mark `later`"]
        );
    }

    #[test]
    fn an_id_that_the_list_lacks_is_a_fault_in_code_and_in_tests() {
        let found = judged(&[
            STORY,
            POST,
            ("a.rs", "// SP-99, AB-12\n#[test]\nfn story_77_b() {}\n"),
        ]);
        assert_eq!(
            found.faults,
            [
                "SP-99 is used in a.rs:1 and is not in the list",
                "story 77 is used in a.rs:3 and is not in the list"
            ]
        );
    }

    #[test]
    fn a_story_is_tested_in_the_file_that_the_list_names() {
        let found = judged(&[POST, ("server/tests/a.rs", "#[test]\nfn story_01_a() {}\n")]);
        assert_eq!(
            found.faults,
            ["story 01 has no test in tests/tests/stories/custody.rs"]
        );
    }

    #[test]
    fn an_unknown_refusal_code_is_a_fault() {
        let book = Book::parse(&LIST.replace("auth.scope", "auth.nothing")).unwrap();
        let sources = [source(STORY.0, STORY.1), source(POST.0, POST.1)];
        let found = Findings::new(book, &sources, &BTreeSet::new());
        assert_eq!(found.faults, ["SP-02: there is no problem code `auth.nothing`"]);
    }

    #[test]
    fn the_report_names_code_refusals_and_tests() {
        let found = judged(&[STORY, POST]);
        let report = found.report(&[Id::Source("SP".to_owned(), 2)]);
        assert_eq!(
            report,
            "SP-02  The number belongs to the post\n    code     server/src/people/posts.rs:1\n    refused  auth.scope\n    \
             test     server/src/people/posts.rs:3 sp_02_a\n"
        );
    }
}
