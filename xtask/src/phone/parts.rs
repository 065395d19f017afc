//! What a library consists of: its sections that are no code of anybody, and its code and data by crate.

use std::collections::BTreeMap;

/// The parts, largest first, from `readelf --wide --sections` and `nm --print-size --demangle`.
pub fn of(sections: &str, symbols: &str) -> Vec<(String, u64)> {
    let mut parts: BTreeMap<String, u64> = BTreeMap::new();
    let (mut named, mut anonymous) = (0, 0);
    for (name, bytes) in sections.lines().filter_map(section) {
        match name {
            ".eh_frame" | ".eh_frame_hdr" | ".gcc_except_table" => {
                *parts.entry("(unwind tables)".to_owned()).or_default() += bytes;
            }
            name if name.starts_with(".rel") => {
                *parts.entry("(relocations)".to_owned()).or_default() += bytes;
            }
            ".text" | ".rodata" | ".data.rel.ro" | ".data" => anonymous += bytes,
            _ => {}
        }
    }
    for (bytes, name) in symbols.lines().filter_map(symbol) {
        named += bytes;
        *parts.entry(owner(name)).or_default() += bytes;
    }
    parts.insert(
        "(constants without a name)".to_owned(),
        anonymous.saturating_sub(named),
    );
    let mut parts: Vec<_> = parts.into_iter().collect();
    parts.sort_by_key(|(_, bytes)| std::cmp::Reverse(*bytes));
    parts
}

/// Name and size of a section: `[12] .text PROGBITS address offset size …`.
fn section(line: &str) -> Option<(&str, u64)> {
    let (_, rest) = line.split_once(']')?;
    let mut words = rest.split_whitespace();
    let name = words.next()?;
    let size = words.nth(3)?;
    Some((name, u64::from_str_radix(size, 16).ok()?))
}

/// Size and name of code or data in the file: `address size t name`. A variable that begins as zero takes no room.
fn symbol(line: &str) -> Option<(u64, &str)> {
    let mut words = line.splitn(4, ' ');
    let size = u64::from_str_radix(words.nth(1)?, 16).ok()?;
    let kind = words.next()?;
    let name = words.next()?;
    (!matches!(kind, "b" | "B")).then_some((size, name))
}

/// The crate that a function belongs to; C has no crates.
fn owner(name: &str) -> String {
    let path = name.trim_start_matches(['<', '&', '*', '(']);
    let path = path.strip_prefix("dyn ").unwrap_or(path);
    match path.split_once("::") {
        Some((first, _)) if first.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') => first.to_owned(),
        Some(_) => "(generic code)".to_owned(),
        None => "(C: SQLite, SQLCipher, ring)".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECTIONS: &str = "\
There are 30 section headers, starting at offset 0x8a1c00:
  [Nr] Name              Type            Address          Off    Size   ES Flg Lk Inf Al
  [ 9] .eh_frame         PROGBITS        0000000000120000 120000 000100 00   A  0   0  8
  [10] .gcc_except_table PROGBITS        0000000000120100 120100 000010 00   A  0   0  4
  [12] .text             PROGBITS        0000000000200000 200000 000300 00  AX  0   0 64
  [20] .bss              NOBITS          0000000000400000 400000 000500 00  WA  0   0 32
";
    const SYMBOLS: &str = "\
0000000000200000 0000000000000100 t terminal_core::sync::driver::Driver::run
0000000000200100 0000000000000080 t <reqwest::blocking::Client as core::fmt::Debug>::fmt
0000000000200180 0000000000000040 T sqlite3_open_v2
0000000000400000 0000000000000500 b std::thread::CURRENT
0000000000000000                  U memcpy
";

    #[test]
    fn every_byte_of_code_is_counted_once_by_its_owner_and_the_rest_is_said() {
        let parts: BTreeMap<_, _> = of(SECTIONS, SYMBOLS).into_iter().collect();
        assert_eq!(parts["(unwind tables)"], 0x110);
        assert_eq!(parts["terminal_core"], 0x100);
        assert_eq!(parts["reqwest"], 0x80);
        assert_eq!(parts["(C: SQLite, SQLCipher, ring)"], 0x40);
        assert_eq!(parts["(constants without a name)"], 0x300 - 0x1c0);
        assert!(!parts.contains_key("std"), "zeros take no room in the file");
    }

    #[test]
    fn the_largest_part_is_first() {
        let parts = of(SECTIONS, SYMBOLS);
        assert!(parts.is_sorted_by(|a, b| a.1 >= b.1), "{parts:?}");
    }
}
