//! The encoding of a text file: UTF-8, with or without a byte order mark. Any other is refused by its name, because a
//! guess would put wrong names on photos.

/// The bytes are not UTF-8.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EncodingError {
    /// A byte order mark of UTF-16, or a zero byte after each letter.
    #[error("the file is UTF-16; save it as UTF-8")]
    Utf16,
    /// Every byte above 0x7F belongs to a character of GB18030 or its subset GBK.
    #[error("the file is not UTF-8 but, as it seems, GB18030 (GBK); save it as UTF-8")]
    Gb18030,
    /// Neither.
    #[error("the file is not UTF-8")]
    Unknown,
}

/// Returns the text without its byte order mark.
///
/// # Errors
/// The encoding, if it is not UTF-8.
pub fn decode(bytes: &[u8]) -> Result<&str, EncodingError> {
    if let [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] | [b'{', 0, ..] | [0, b'{', ..] = bytes {
        return Err(EncodingError::Utf16);
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(without_mark(text)),
        Err(_) if is_gb18030(bytes) => Err(EncodingError::Gb18030),
        Err(_) => Err(EncodingError::Unknown),
    }
}

/// Returns the text without the byte order mark that some programs put before UTF-8.
pub(crate) fn without_mark(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

/// Returns true if all bytes are ASCII or form characters of two or four bytes.
fn is_gb18030(mut bytes: &[u8]) -> bool {
    loop {
        bytes = match bytes {
            [] => return true,
            [0..=0x7F, rest @ ..]
            | [0x81..=0xFE, 0x40..=0x7E | 0x80..=0xFE, rest @ ..]
            | [0x81..=0xFE, b'0'..=b'9', 0x81..=0xFE, b'0'..=b'9', rest @ ..] => rest,
            _ => return false,
        }
    }
}
