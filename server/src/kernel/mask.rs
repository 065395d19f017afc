//! Masks for personal data (DC-05).

use super::personal::{Personal, PersonalKind, find};
use std::collections::BTreeSet;

/// Masks a name: the family name and stars (DC-05).
pub fn masked_name(name: &str) -> String {
    let mut letters = name.chars();
    match letters.next() {
        Some(first) => std::iter::once(first).chain(letters.map(|_| '*')).collect(),
        None => String::new(),
    }
}

/// Masks a phone number: at most the last two digits remain (DC-05).
pub fn masked_phone(phone: &str) -> String {
    let n = phone.chars().count();
    let shown = if n >= 7 { 2 } else { 0 };
    phone
        .chars()
        .enumerate()
        .map(|(i, c)| if i + shown >= n { c } else { '*' })
        .collect()
}

/// Hides personal data from readers who must not see it.
#[derive(Debug, Clone, Default)]
pub struct Masker {
    /// Numbers that a person marked as the matter's own contact.
    contacts: BTreeSet<String>,
    /// Texts that are secret whatever they look like: name and phone number of the caller.
    secrets: Vec<(String, PersonalKind)>,
}

impl Masker {
    /// Shows these numbers ([`Personal::value`]).
    pub fn showing(contacts: impl IntoIterator<Item = String>) -> Self {
        Self {
            contacts: contacts.into_iter().collect(),
            secrets: Vec::new(),
        }
    }
    /// Also hides this caller, by name and by number.
    pub fn hiding(mut self, name: &str, phone: &str) -> Self {
        let (name, phone) = (name.trim(), phone.trim());
        if name.chars().count() >= 2 {
            self.secrets.push((name.to_owned(), PersonalKind::Name));
        }
        // A short number may be part of a house number or a date.
        if phone.chars().filter(char::is_ascii_digit).count() >= 5 && !self.contacts.contains(phone) {
            self.secrets.push((phone.to_owned(), PersonalKind::Mobile));
        }
        self
    }
    /// Returns whether this number is marked as the matter's own contact.
    pub fn shows(&self, value: &str) -> bool {
        self.contacts.contains(value)
    }
    /// Returns the text with tags instead of numbers and of the caller's name.
    pub fn text(&self, text: &str) -> String {
        let hidden = find(text)
            .into_iter()
            .filter(|one| one.kind != PersonalKind::Name && !self.shows(&one.value));
        let mut shown = replaced(text, hidden);
        for (secret, kind) in &self.secrets {
            shown = shown.replace(secret.as_str(), kind.tag());
        }
        shown
    }
}

/// Returns the text with tags instead of all personal data, names with a title included.
pub fn bare(text: &str) -> String {
    replaced(text, find(text).into_iter())
}

/// Returns the text with a tag instead of each value in `values`.
pub fn without(text: &str, values: &[String]) -> String {
    replaced(
        text,
        find(text).into_iter().filter(|one| values.contains(&one.value)),
    )
}

fn replaced(text: &str, found: impl Iterator<Item = Personal>) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut at = 0;
    for one in found {
        if let Some(before) = text.get(at..one.range.start) {
            shown.push_str(before);
            shown.push_str(one.kind.tag());
            at = one.range.end;
        }
    }
    shown.push_str(text.get(at..).unwrap_or_default());
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Rule: DC-05
    #[test]
    fn masker_hides_numbers_and_the_caller_and_shows_marked_contacts() {
        let masker = Masker::showing(["043185678901".to_owned()]).hiding("王小明", "95-123456");
        let text = "来电人王小明 139 0000 1234，店主 0431-85678901，另 95-123456";
        assert_eq!(
            masker.text(text),
            "来电人〔姓名〕 〔电话〕，店主 0431-85678901，另 〔电话〕"
        );
        assert_eq!(
            without(text, &["13900001234".into()]),
            "来电人王小明 〔电话〕，店主 0431-85678901，另 95-123456"
        );
    }

    #[test]
    fn name_with_a_title_stays_readable() {
        assert_eq!(Masker::default().text("王先生反映路灯不亮"), "王先生反映路灯不亮");
    }

    proptest! {
        /// Rule: DC-05
        #[test]
        fn no_mobile_number_survives_its_mask(number in "1[3-9][0-9]{9}", words in "[路灯井盖，。]{0,6}") {
            let text = format!("{words}{number}{words}");
            prop_assert!(!Masker::default().text(&text).contains(&number));
        }

        /// Rule: DC-05
        #[test]
        fn a_masked_caller_cannot_be_read_back(name in "\\PC{2,8}", phone in "[0-9]{3,15}") {
            let hidden = masked_name(&name);
            prop_assert_eq!(hidden.chars().count(), name.chars().count());
            prop_assert!(hidden.chars().skip(1).all(|c| c == '*'));
            let digits = masked_phone(&phone).chars().filter(char::is_ascii_digit).count();
            prop_assert!(digits <= 2 && digits < phone.len());
        }
    }
}
