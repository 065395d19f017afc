//! Search for a type (事/部件) by code, by name, or by a part of a name.

use crate::{Error, Result};
use protocol::{
    manifest::{Catalogue, CatalogueItem},
    problem::HandsetCode,
};

/// Items whose code begins with the text, or whose name contains it in either language; all items for an
/// empty text.
pub fn search<'a>(catalogue: &'a Catalogue, text: &str) -> Vec<&'a CatalogueItem> {
    let wanted = text.trim().to_lowercase();
    let fits = |item: &&CatalogueItem| {
        item.code.to_string().to_lowercase().starts_with(&wanted)
            || item.zh.to_lowercase().contains(&wanted)
            || item.en.to_lowercase().contains(&wanted)
    };
    catalogue.items.iter().filter(fits).collect()
}

/// The only item that the text names: exactly by code or name, else the only result of [`search`].
///
/// # Errors
/// `matter.unknown`; `matter.ambiguous` names the candidates.
pub fn one<'a>(catalogue: &'a Catalogue, text: &str) -> Result<&'a CatalogueItem> {
    let wanted = text.trim().to_lowercase();
    let is_exact = |item: &&CatalogueItem| {
        [item.code.to_string(), item.zh.clone(), item.en.clone()]
            .iter()
            .any(|name| name.to_lowercase() == wanted)
    };
    // A name may exist in both tables; then the code must decide.
    let mut found: Vec<&CatalogueItem> = catalogue.items.iter().filter(is_exact).collect();
    if found.is_empty() && !wanted.is_empty() {
        found = search(catalogue, text);
    }
    match found.as_slice() {
        [one] => Ok(one),
        [] => Err(Error::input(
            HandsetCode::MatterUnknown,
            format!("没有类型「{text}」，可用 types 查找"),
            format!("there is no type “{text}”, search with `types`"),
        )),
        many => {
            let list = |name: fn(&CatalogueItem) -> &str| {
                let shown: Vec<String> = many
                    .iter()
                    .take(6)
                    .map(|item| format!("{} {}", item.code, name(item)))
                    .collect();
                let more = if many.len() > shown.len() { " …" } else { "" };
                format!("{}{more}", shown.join(", "))
            };
            Err(Error::input(
                HandsetCode::MatterAmbiguous,
                format!(
                    "「{text}」对应多个类型，请选一个：{}",
                    list(|item| &item.zh).replace(", ", "、")
                ),
                format!(
                    "“{text}” fits several types, choose one: {}",
                    list(|item| &item.en)
                ),
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_found_by_code_name_or_part_of_a_name() {
        let catalogue = Catalogue::shipped().unwrap();
        for text in ["E0102", "e0102", "暴露垃圾", " 暴露垃圾 "] {
            assert_eq!(one(&catalogue, text).unwrap().code.to_string(), "E0102", "{text}");
        }
        assert_eq!(one(&catalogue, "井盖").unwrap_err().code(), "matter.ambiguous");
        assert_eq!(one(&catalogue, "飞碟").unwrap_err().code(), "matter.unknown");
        assert_eq!(one(&catalogue, "").unwrap_err().code(), "matter.unknown");
        assert!(search(&catalogue, "井盖").len() > 2);
        assert_eq!(search(&catalogue, "").len(), catalogue.items.len());
    }
}
