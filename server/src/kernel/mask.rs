//! Masks for personal data (DC-05).

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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
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
