//! `docs/rules.md` as data: each table whose first column is `id`.

use std::collections::BTreeSet;

use super::id::{self, Id};

/// One row of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    pub id: Id,
    /// What the rule asks, in one line.
    pub asks: String,
    /// Codes of `protocol/src/problem.rs` with which a call against the rule is refused.
    pub refusals: Vec<String>,
    /// For a failure story: the file in `tests/tests/stories/` that holds its test.
    pub test_file: Option<String>,
    /// Marked `later`: not built yet, so a test is not demanded.
    pub later: bool,
}

/// All rows, in the order of the document.
#[derive(Debug, Default)]
pub struct Book {
    pub rules: Vec<Rule>,
}

impl Book {
    /// Reads the document. An error is one sentence for each row that cannot be read.
    pub fn parse(text: &str) -> Result<Self, Vec<String>> {
        let mut rules: Vec<Rule> = Vec::new();
        let mut faults = Vec::new();
        let mut columns: Option<Vec<String>> = None;
        for (number, line) in (1..).zip(text.lines()) {
            let Some(cells) = cells(line) else {
                columns = None;
                continue;
            };
            match &columns {
                None => columns = Some(cells),
                Some(columns) if columns.first().is_some_and(|name| name == "id") => {
                    if is_separator(&cells) {
                        continue;
                    }
                    match row(columns, &cells) {
                        Ok(rule) if rules.iter().any(|known| known.id == rule.id) => {
                            faults.push(format!("line {number}: {} is listed twice", rule.id));
                        }
                        Ok(rule) => rules.push(rule),
                        Err(why) => faults.push(format!("line {number}: {why}")),
                    }
                }
                Some(_) => {}
            }
        }
        if rules.is_empty() {
            faults.push("no table whose first column is `id`".to_owned());
        }
        if faults.is_empty() {
            Ok(Self { rules })
        } else {
            Err(faults)
        }
    }

    pub fn holds(&self, id: &Id) -> bool {
        self.rules.iter().any(|rule| rule.id == *id)
    }

    /// Whether a word of this shape is an id of this project: its family is listed. `AB-12` elsewhere is none.
    pub fn knows_family(&self, id: &Id) -> bool {
        let family = |id: &Id| match id {
            Id::Law(_) => "law".to_owned(),
            Id::Story(_) => "story".to_owned(),
            Id::Source(family, _) => family.clone(),
            Id::Letter(letter, _) => letter.to_string(),
        };
        let known: BTreeSet<String> = self.rules.iter().map(|rule| family(&rule.id)).collect();
        known.contains(&family(id))
    }
}

fn row(columns: &[String], cells: &[String]) -> Result<Rule, String> {
    if cells.len() != columns.len() {
        return Err(format!("{} cells under {} columns", cells.len(), columns.len()));
    }
    let cell = |name: &str| {
        let at = columns.iter().position(|column| column == name)?;
        cells.get(at).map(String::as_str).filter(|text| !text.is_empty())
    };
    let text = cell("id").unwrap_or_default();
    let id = id::parse(text).ok_or_else(|| format!("`{text}` is no rule id"))?;
    let later = match cell("mark") {
        None => false,
        Some("later") => true,
        Some(other) => return Err(format!("{id}: the mark is blank or `later`, not `{other}`")),
    };
    if cell("source").is_none() {
        return Err(format!("{id}: the source is missing"));
    }
    let refusals = cell("refused with").unwrap_or_default();
    Ok(Rule {
        asks: cells.get(1).cloned().unwrap_or_default(),
        refusals: refusals
            .split([' ', ','])
            .filter(|code| !code.is_empty())
            .map(bare)
            .collect(),
        test_file: cell("test in").map(bare),
        id,
        later,
    })
}

/// The cells of a table row, `None` for any other line.
fn cells(line: &str) -> Option<Vec<String>> {
    let inside = line.trim().strip_prefix('|')?.strip_suffix('|')?;
    Some(inside.split('|').map(|cell| cell.trim().to_owned()).collect())
}

fn is_separator(cells: &[String]) -> bool {
    cells
        .iter()
        .all(|cell| !cell.is_empty() && cell.chars().all(|c| c == '-' || c == ':'))
}

fn bare(text: &str) -> String {
    text.trim_matches('`').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "| id | what it asks | source | refused with | mark |\n|---|---|---|---|---|\n";

    #[test]
    fn a_row_is_read_with_its_codes_and_its_mark() {
        let book = Book::parse(&format!(
            "# Rules\n\n{HEAD}| SP-06 | Revoke at once | `000` | `stream.revoked`, `auth.scope` | |\n| SP-07 | Replace | `000` | | later |\n"
        ))
        .unwrap();
        let [first, second] = book.rules.as_slice() else {
            panic!("{book:?}");
        };
        assert_eq!(first.refusals, ["stream.revoked", "auth.scope"]);
        assert_eq!((first.later, second.later), (false, true));
        assert_eq!(second.asks, "Replace");
    }

    #[test]
    fn a_story_names_the_file_of_its_test() {
        let book = Book::parse(
            "| id | story | source | test in | mark |\n|-|-|-|-|-|\n| story 01 | Ack lost | x#1 | `custody.rs` | |\n",
        );
        assert_eq!(book.unwrap().rules[0].test_file.as_deref(), Some("custody.rs"));
    }

    #[test]
    fn every_row_that_cannot_be_read_is_named() {
        let rows =
            "| SP-6 | a | b | | |\n| SP-06 | a | b | | soon |\n| SP-08 | a | | | |\n| SP-09 | a | b |\n";
        let faults = Book::parse(&format!("{HEAD}{rows}")).unwrap_err();
        assert_eq!(
            faults.iter().filter(|fault| fault.starts_with("line ")).count(),
            4,
            "{faults:?}"
        );
    }

    #[test]
    fn an_id_is_listed_once() {
        let row = "| T9 | 派遣 | `001` | | |\n";
        assert!(Book::parse(&format!("{HEAD}{row}{row}")).is_err());
    }

    #[test]
    fn other_tables_and_an_empty_document() {
        assert!(Book::parse("| file | what |\n|---|---|\n| a | b |\n").is_err());
    }

    #[test]
    fn only_listed_families_are_ids() {
        let book = Book::parse(&format!("{HEAD}| SP-06 | a | b | | |\n")).unwrap();
        assert!(book.knows_family(&id::parse("SP-99").unwrap()));
        assert!(!book.knows_family(&id::parse("AB-12").unwrap()));
        assert!(!book.knows_family(&id::parse("T1").unwrap()));
    }
}
