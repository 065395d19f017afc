//! A rule's id, and how it is recognised in prose and in the name of a function.

use std::fmt;

/// The id of a rule as `docs/rules.md` writes it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Id {
    /// `law 1`: one of the three laws.
    Law(u32),
    /// `SP-07`: two capital letters that name the source, and a number of two digits.
    Source(String, u32),
    /// `T14`, `G1`: a row of the transition table, or a gap that a setting closes.
    Letter(char, u32),
    /// `story 17`: a failure story.
    Story(u32),
}

impl fmt::Display for Id {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Law(number) => write!(out, "law {number}"),
            Self::Source(family, number) => write!(out, "{family}-{number:02}"),
            Self::Letter(letter, number) => write!(out, "{letter}{number}"),
            Self::Story(number) => write!(out, "story {number:02}"),
        }
    }
}

/// Reads an id that stands alone: `SP-07`, `T14`, `law 1`, `story 17`.
pub fn parse(text: &str) -> Option<Id> {
    match in_line(text).as_slice() {
        [one] if one.to_string().len() >= text.trim().len() => Some(one.clone()),
        _ => None,
    }
}

/// The ids in one line of prose or code, in their order.
///
/// Identifiers such as `story_17_x` are not prose; [`in_name`] reads those.
pub fn in_line(line: &str) -> Vec<Id> {
    let mut found = Vec::new();
    let mut before = "";
    for word in words(line) {
        if let Some(number) = plain_number(word) {
            match before.to_ascii_lowercase().as_str() {
                "law" | "laws" => found.push(Id::Law(number)),
                "story" | "stories" => found.push(Id::Story(number)),
                _ => {}
            }
        } else if let Some(id) = source(word) {
            found.push(id);
        } else {
            found.extend(word.split('-').filter_map(letter));
        }
        before = word;
    }
    found
}

/// The ids that the name of a function carries: `story_17_a_second_user` carries `story 17`.
///
/// `a_photo_of_17_megabytes` gives `OF-17`: which families exist, the list of the rules decides.
pub fn in_name(name: &str) -> Vec<Id> {
    let parts: Vec<&str> = name.split('_').collect();
    let pairs = parts.iter().zip(parts.iter().skip(1));
    let mut found: Vec<Id> = pairs
        .filter_map(|(word, number)| {
            let digits = number.parse().ok().filter(|_| number.len() <= 2)?;
            match *word {
                "law" => Some(Id::Law(digits)),
                "story" => Some(Id::Story(digits)),
                _ if number.len() == 2 => source(&format!("{}-{number}", word.to_ascii_uppercase())),
                _ => None,
            }
        })
        .collect();
    found.extend(
        parts
            .iter()
            .filter(|part| is_lower(part))
            .filter_map(|part| letter(&part.to_ascii_uppercase())),
    );
    found
}

fn is_lower(part: &str) -> bool {
    part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
}

/// Maximal runs of ASCII letters, digits, `-` and `_`, without a `-` at their ends.
fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split(|c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '_')
        .map(|word| word.trim_matches('-'))
        .filter(|word| !word.is_empty())
}

/// `SP-07`. Whether the family exists, the list of the rules decides.
fn source(word: &str) -> Option<Id> {
    let (family, number) = word.split_once('-')?;
    let letters = family.len() == 2 && family.chars().all(|c| c.is_ascii_uppercase());
    let digits = number.len() == 2 && number.chars().all(|c| c.is_ascii_digit());
    (letters && digits).then_some(())?;
    Some(Id::Source(family.to_owned(), number.parse().ok()?))
}

/// `T14`, `G1` or `X23`. Zero and leading zeros are no ids: `T0` is a name for a moment in tests.
fn letter(word: &str) -> Option<Id> {
    let mut chars = word.chars();
    let first = chars.next().filter(|c| matches!(c, 'T' | 'G' | 'X'))?;
    plain_number(chars.as_str()).map(|number| Id::Letter(first, number))
}

fn plain_number(word: &str) -> Option<u32> {
    let digits = (1..=2).contains(&word.len()) && word.chars().all(|c| c.is_ascii_digit());
    word.parse().ok().filter(|number| digits && *number > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(ids: &[Id]) -> Vec<String> {
        ids.iter().map(Id::to_string).collect()
    }

    #[test]
    fn ids_are_found_in_prose() {
        let line = "/// A report (上报, T1, SJ-03); see law 2, failure story 7, T3–T4 and SP-03..SP-16.";
        assert_eq!(
            shown(&in_line(line)),
            ["T1", "SJ-03", "law 2", "story 07", "T3", "T4", "SP-03", "SP-16"]
        );
    }

    #[test]
    fn words_that_look_like_ids_are_not_taken() {
        for line in [
            "const T0: Millis",
            "SHA-256 and UTF-8",
            "2026-11-23T08:15",
            "story_17_a_user",
            "T14_LIMIT",
            "004-3",
            "law and order",
            "T014",
        ] {
            assert_eq!(in_line(line), [], "{line}");
        }
    }

    #[test]
    fn ids_are_found_in_names() {
        assert_eq!(shown(&in_name("story_17_a_second_user")), ["story 17"]);
        assert_eq!(shown(&in_name("sp_07_a_lost_terminal")), ["SP-07"]);
        assert_eq!(shown(&in_name("law_1_survives_a_kill")), ["law 1"]);
        assert_eq!(shown(&in_name("a_case_is_dispatched_again_by_t9")), ["T9"]);
        assert_eq!(shown(&in_name("a_photo_of_17_megabytes")), ["OF-17"]);
        assert_eq!(in_name("the_edges_of_2026_are_known"), []);
    }

    #[test]
    fn an_id_alone_is_read_and_anything_else_is_refused() {
        for text in ["SP-07", "T14", "law 1", "story 17", "story 07"] {
            assert_eq!(parse(text).map(|id| id.to_string()).as_deref(), Some(text));
        }
        for text in ["", "SP", "SP-7", "T14 and T15", "see law 1 there"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
