//! Characters that are not seen, in names and on terminals.
//!
//! A name may come from anybody; a terminal obeys the control characters in it, and marks of writing direction make
//! two different names look alike.

/// Returns true for a character that is not seen, or that changes how the characters around it are shown: control
/// characters, marks of writing direction, zero-width characters, variation selectors, fillers and tags. No name needs
/// one.
pub fn is_hidden(c: char) -> bool {
    commands(c)
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200d}' | '\u{2060}'..='\u{2065}' | '\u{206a}'..='\u{206f}' | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

/// Returns true for a character that commands whoever shows it: control characters, line and paragraph separators, marks
/// of writing direction.
fn commands(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The text as a terminal may show it: each character that commands the terminal, except line feed and tab, becomes
/// U+FFFD.
pub fn for_terminal(text: &str) -> String {
    let seen = |c: char| match c {
        '\n' | '\t' => c,
        c if commands(c) => char::REPLACEMENT_CHARACTER,
        c => c,
    };
    text.chars().map(seen).collect()
}

/// A JSON document as a terminal may show it: the same characters as `\u` escapes, so the document keeps its meaning.
pub fn json_for_terminal(json: &str) -> String {
    let mut seen = String::with_capacity(json.len());
    for c in json.chars() {
        if c == '\n' || !commands(c) {
            seen.push(c);
        } else {
            // All of them lie below U+FFFF, so one escape is enough.
            seen.push_str(&format!("\\u{:04x}", u32::from(c)));
        }
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_gets_no_command_from_a_text() {
        let hostile = "a\u{1b}]0;pwned\u{7}\u{1b}[2J\u{9b}2J\n\t\u{202e}b\r";
        let shown = for_terminal(hostile);
        assert!(
            shown.chars().all(|c| c == '\n' || c == '\t' || !commands(c)),
            "{shown:?}"
        );
        assert_eq!(shown.chars().count(), hostile.chars().count());
        assert_eq!(for_terminal("张三 ❤\u{fe0f}"), "张三 ❤\u{fe0f}");
    }

    #[test]
    fn a_document_keeps_its_meaning() {
        let value = serde_json::json!({ "name": "a\u{9b}2J\u{202e}b\u{1b}\n" });
        let shown = json_for_terminal(&serde_json::to_string_pretty(&value).unwrap());
        assert!(shown.chars().all(|c| c == '\n' || !commands(c)), "{shown:?}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).unwrap(), value);
    }

    #[test]
    fn hidden_characters_are_known_and_names_of_people_have_none() {
        for hidden in ['\u{1b}', '\u{202e}', '\u{200b}', '\u{feff}', '\u{fe0f}', '\n'] {
            assert!(is_hidden(hidden), "{hidden:?}");
        }
        for name in ["张三", "买买提·艾力", "Anne-Marie O'Neil", "𠮷野"] {
            assert!(!name.chars().any(is_hidden), "{name}");
        }
    }
}
