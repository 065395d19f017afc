//! Names that people type: one line of visible characters.

use super::failure::{Failure, invalid};
use protocol::text::is_hidden;

/// Reads a name of 1 to `most` characters without hidden ones; spaces around it are dropped.
///
/// # Errors
/// `request.invalid` at `at`.
pub fn name(at: &str, text: &str, most: usize) -> Result<String, Failure> {
    let name = text.trim();
    if name.is_empty() || name.chars().count() > most {
        return Err(invalid(
            at,
            format!("请填写 1 至 {most} 个字"),
            format!("enter 1 to {most} characters"),
        ));
    }
    if name.chars().any(is_hidden) {
        return Err(invalid(
            at,
            "含有看不见的字符，请重新输入",
            "the text holds hidden characters; type it again",
        ));
    }
    Ok(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_hold_no_character_that_is_not_seen() {
        for bad in [
            "",
            "  ",
            "张\u{1b}[2J三",
            "张\u{202e}三",
            "张\u{200b}三",
            "张\n三",
        ] {
            assert!(name("/name", bad, 50).is_err(), "{bad:?}");
        }
        assert_eq!(name("/name", " 买买提·艾力 ", 50).unwrap(), "买买提·艾力");
        assert!(name("/name", "一二三", 2).is_err());
    }
}
