//! Writes the pinyin readings of the characters in the shipped catalogue tables, for
//! `CatalogueItem::pinyin`. The readings come from the crate `pinyin` (data of pinyin-data), which is used
//! only here: no product contains its tables.

use pinyin::ToPinyinMulti;
use std::{collections::BTreeMap, env, fmt::Write as _, fs, path::Path};

const TABLES: [&str; 2] = ["data/components_cjt214.json", "data/events_cjt214.json"];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    let mut known: BTreeMap<char, String> = BTreeMap::new();
    for table in TABLES {
        println!("cargo::rerun-if-changed={table}");
        let text = fs::read_to_string(table)?;
        let names = text.lines().filter(|line| line.contains("\"name_zh\""));
        for character in names.flat_map(str::chars) {
            if let Some(readings) = readings(character) {
                known.insert(character, readings);
            }
        }
    }
    let mut code = String::from("&[");
    for (character, readings) in &known {
        write!(code, "({character:?}, {readings:?}), ")?;
    }
    code.push(']');
    let folder = env::var("OUT_DIR")?;
    fs::write(Path::new(&folder).join("readings.rs"), code)?;
    Ok(())
}

/// All readings without tones, each once, separated by `/`; ü is written as it is typed, v.
fn readings(character: char) -> Option<String> {
    let mut plain: Vec<String> = Vec::new();
    for reading in character.to_pinyin_multi()? {
        let typed = reading.plain().replace('ü', "v");
        let is_typable = typed.bytes().all(|b| b.is_ascii_lowercase());
        if is_typable && !plain.contains(&typed) {
            plain.push(typed);
        }
    }
    (!plain.is_empty()).then(|| plain.join("/"))
}
