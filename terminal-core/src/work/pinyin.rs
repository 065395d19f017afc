//! Search by pinyin: initials (`jgps`), whole syllables (`jinggai`), or both mixed (`jinggps`).
//!
//! Names come with their syllables from the catalogue ([`protocol::manifest::CatalogueItem::pinyin`]): one word per
//! character, the readings of a polyphonic character separated by `/`. Any of them is accepted.

/// Where typed letters were found in a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum PinyinMatch {
    /// They begin with the name's first character.
    Beginning,
    /// They begin with a later one.
    Within,
}

/// Finds `letters` (lower case, no blanks) in the syllables of a name. Each character of the name takes its initial,
/// its syllable or the beginning of its syllable.
pub(super) fn find(syllables: &str, letters: &str) -> Option<PinyinMatch> {
    if letters.is_empty() || !letters.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return None;
    }
    let words: Vec<&str> = syllables.split_whitespace().collect();
    let at = (0..words.len()).find(|at| words.get(*at..).is_some_and(|rest| follows(rest, letters)))?;
    Some(match at {
        0 => PinyinMatch::Beginning,
        _ => PinyinMatch::Within,
    })
}

/// Returns true if the words spell the letters from their beginning.
fn follows(words: &[&str], letters: &str) -> bool {
    if letters.is_empty() {
        return true;
    }
    let Some((word, rest)) = words.split_first() else {
        return false;
    };
    word.split('/').any(|reading| {
        let common = reading
            .bytes()
            .zip(letters.bytes())
            .take_while(|(a, b)| a == b)
            .count();
        (1..=common).any(|taken| letters.get(taken..).is_some_and(|left| follows(rest, left)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn initials_syllables_and_both_mixed_are_found() {
        let name = "jing gai po sun";
        for letters in [
            "j", "jg", "jgps", "jing", "jingg", "jinggai", "jinggps", "jgposun", "jgpos",
        ] {
            assert_eq!(find(name, letters), Some(PinyinMatch::Beginning), "{letters}");
        }
        for letters in ["gps", "posun", "s"] {
            assert_eq!(find(name, letters), Some(PinyinMatch::Within), "{letters}");
        }
        for letters in ["", "jp", "jgpss", "gj", "ing", "井", "jg ps"] {
            assert_eq!(find(name, letters), None, "{letters}");
        }
    }

    #[test]
    fn every_reading_of_a_polyphonic_character_is_accepted() {
        let name = "chong/zhong da wei xian yuan";
        for letters in ["cd", "zd", "zhongda", "chdwxy", "zhdwxy"] {
            assert_eq!(find(name, letters), Some(PinyinMatch::Beginning), "{letters}");
        }
        // One reading at a time.
        assert_eq!(find(name, "chongzhong"), None);
    }
}
