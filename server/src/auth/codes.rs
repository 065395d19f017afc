//! One-time enrolment codes: their text and their stored hash.

use protocol::photo::Sha256;

/// The 32 symbols of codes, without look-alikes. The low five bits of a byte select one.
const ALPHABET: &[u8; 32] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZ";

/// A one-time code of 12 symbols (60 bits), grouped for reading aloud: `K7PQ-2M4X-9ZTB`.
pub fn code(random: [u8; 32]) -> String {
    let symbol = |byte: &u8| {
        ALPHABET
            .get(usize::from(byte & 31))
            .copied()
            .map_or('2', char::from)
    };
    let groups: Vec<String> = random
        .chunks(4)
        .take(3)
        .map(|four| four.iter().map(symbol).collect())
        .collect();
    groups.join("-")
}

/// The stored form of a code: the hash of its symbols, independent of grouping and case.
pub fn code_hash(code: &str) -> String {
    let symbols: String = code
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_uppercase())
        .collect();
    Sha256::of(symbols.as_bytes()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_the_same_however_it_is_written() {
        let code = code([0xff; 32]);
        assert_eq!(code, "ZZZZ-ZZZZ-ZZZZ");
        assert_eq!(code_hash(&code), code_hash(" zzzz zzzzzzzz\n"));
        assert_ne!(code_hash(&code), code_hash("ZZZZ-ZZZZ-ZZZ2"));
    }

    #[test]
    fn codes_have_no_look_alikes() {
        assert!(ALPHABET.iter().all(|c| !b"01IO".contains(c)));
    }
}
