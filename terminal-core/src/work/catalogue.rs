//! Search for a type (事/部件) by code, by name, by a part of a name, or by pinyin; and the types that the worker
//! reports most.

use crate::{
    Error, Result,
    store::matter_use::MatterUse,
    terminal::Terminal,
    work::pinyin::{self, PinyinMatch},
};
use protocol::{
    manifest::{Catalogue, CatalogueItem},
    problem::HandsetCode,
};
use std::cmp::Reverse;

/// How well an item fits a search, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    /// The code, or a whole name.
    Exact,
    /// The beginning of the code, of a name or of its pinyin.
    Beginning,
    /// A part of a name or of its pinyin.
    Within,
    /// Another word for it, or a name with more around it (「路灯不亮」).
    Said,
}

/// `name: word word …`, see the file.
const WORDS: &str = include_str!("../../data/matter_words.txt");

/// The words that people say for the type of this name.
fn words_for(name: &str) -> impl Iterator<Item = &'static str> {
    WORDS
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once(':'))
        .filter(move |(known, _)| *known == name)
        .flat_map(|(_, words)| words.split_whitespace())
}

impl Fit {
    /// `wanted` is trimmed and in lower case.
    fn of(item: &CatalogueItem, wanted: &str) -> Option<Self> {
        let code = item.code.to_string().to_lowercase();
        // Workers know a code by its digits, too.
        let digits = code.get(1..).unwrap_or_default();
        let (zh, en) = (item.zh.to_lowercase(), item.en.to_lowercase());
        if [code.as_str(), digits, &zh, &en].contains(&wanted) {
            return Some(Self::Exact);
        }
        let letters: String = wanted.split([' ', '\'']).collect();
        let by_pinyin = pinyin::find(&item.pinyin, &letters);
        if code.starts_with(wanted)
            || digits.starts_with(wanted)
            || zh.starts_with(wanted)
            || en.starts_with(wanted)
            || by_pinyin == Some(PinyinMatch::Beginning)
        {
            return Some(Self::Beginning);
        }
        if zh.contains(wanted) || en.contains(wanted) || by_pinyin.is_some() {
            return Some(Self::Within);
        }
        let is_said = wanted.contains(&zh)
            || words_for(&item.zh).any(|word| word.contains(wanted) || wanted.contains(word));
        is_said.then_some(Self::Said)
    }
}

/// Items whose code begins with the text, whose name contains it in either language, or whose pinyin spells it by
/// initials or syllables (`jg` finds 井盖); also by another word for it (坑 finds 道路破损). The best come first: exact,
/// beginning, part, other words; then by code. All items for an empty text.
pub fn search<'a>(catalogue: &'a Catalogue, text: &str) -> Vec<&'a CatalogueItem> {
    found(catalogue, text).into_iter().map(|(_, item)| item).collect()
}

fn found<'a>(catalogue: &'a Catalogue, text: &str) -> Vec<(Fit, &'a CatalogueItem)> {
    let wanted = text.trim().to_lowercase();
    let items = catalogue.items.iter();
    let mut found: Vec<(Fit, &CatalogueItem)> = items
        .filter_map(|item| Some((Fit::of(item, &wanted)?, item)))
        .collect();
    found.sort_by_key(|(fit, item)| (*fit, item.code));
    found
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
            format!("没有类型「{text}」"),
            format!("there is no type “{text}”"),
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

/// A type with how often the worker has reported it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FrequentMatter {
    pub item: CatalogueItem,
    /// Number of reports, a revised one counted once.
    pub reports: u64,
}

impl Terminal {
    /// The types that this worker reports most, at most `limit`: most used first, among equals the one used last.
    /// Types that the catalogue in force does not have are left out.
    ///
    /// # Errors
    /// `data.malformed`; errors of the store.
    pub fn frequent_matters(&self, limit: usize) -> Result<Vec<FrequentMatter>> {
        let catalogue = self.catalogue()?;
        let mut uses: Vec<_> = self.store().matter_uses()?.into_iter().collect();
        uses.sort_by_key(|(code, used)| (Reverse(*used), *code));
        Ok(uses
            .into_iter()
            .filter_map(|(code, used)| {
                Some(FrequentMatter {
                    item: catalogue.find(code)?.clone(),
                    reports: used.reports,
                })
            })
            .take(limit)
            .collect())
    }
    /// The types that fit a text as [`search`] finds them; among equally good ones those that the worker reports most
    /// come first.
    ///
    /// # Errors
    /// As [`Terminal::frequent_matters`].
    pub fn search_matters(&self, text: &str) -> Result<Vec<CatalogueItem>> {
        let (catalogue, uses) = (self.catalogue()?, self.store().matter_uses()?);
        let used = |item: &CatalogueItem| uses.get(&item.code).copied().unwrap_or_default();
        let mut found: Vec<(Fit, Reverse<MatterUse>, &CatalogueItem)> = found(&catalogue, text)
            .into_iter()
            .map(|(fit, item)| (fit, Reverse(used(item)), item))
            .collect();
        found.sort_by_key(|(fit, used, item)| (*fit, *used, item.code));
        Ok(found.into_iter().map(|(_, _, item)| item.clone()).collect())
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
    #[test]
    fn a_type_is_found_by_what_people_say_for_it() {
        let catalogue = Catalogue::shipped().unwrap();
        let names = |text: &str| -> Vec<&str> {
            search(&catalogue, text)
                .iter()
                .map(|item| item.zh.as_str())
                .collect()
        };
        for (said, name) in [
            ("人行道", "道路破损"),
            ("人行道地砖松了", "道路破损"),
            ("坑", "路面塌陷"),
            ("窨井", "污水井盖"),
            ("共享单车", "非机动车乱停放"),
            ("红绿灯", "交通信号灯"),
            ("路灯不亮", "路灯"),
            ("垃圾桶", "垃圾箱"),
        ] {
            assert!(names(said).contains(&name), "{said}: {:?}", names(said));
        }
        // A name that contains the text comes before one that is only called so.
        let bins = names("垃圾");
        assert!(bins[0].starts_with("垃圾"), "{bins:?}");
        assert_eq!(bins[bins.len() - 2..], ["绿地脏乱", "废弃家具设备"], "{bins:?}");
        assert_eq!(names("飞碟"), Vec::<&str>::new());
    }
    #[test]
    fn every_line_of_the_words_names_a_type_of_the_shipped_catalogue() {
        let catalogue = Catalogue::shipped().unwrap();
        let lines = WORDS.lines().filter(|line| !line.starts_with('#'));
        for line in lines {
            let (name, words) = line.split_once(':').unwrap();
            assert!(catalogue.items.iter().any(|item| item.zh == name), "{name}");
            assert!(words.split_whitespace().count() > 0, "{name} has no words");
        }
    }
    #[test]
    fn a_type_is_found_by_its_initials_and_the_best_come_first() {
        let catalogue = Catalogue::shipped().unwrap();
        let names = |text: &str| -> Vec<&str> {
            search(&catalogue, text)
                .iter()
                .map(|item| item.zh.as_str())
                .collect()
        };
        assert_eq!(names("blljj"), Vec::<&str>::new());
        assert_eq!(names("bllj"), ["暴露垃圾"]);
        assert_eq!(names("BaoLu LaJi"), ["暴露垃圾"]);
        assert!(names("dlps").contains(&"道路破损"), "{:?}", names("dlps"));
        assert!(names("zdwxy").contains(&"重大危险源") && names("cdwxy").contains(&"重大危险源"));
        // A name that begins with the text comes before one that contains it.
        let wells = names("井盖");
        let begins = wells.iter().take_while(|name| name.starts_with("井盖")).count();
        assert!(
            wells.iter().skip(begins).all(|name| !name.starts_with("井盖")),
            "{wells:?}"
        );
        assert_eq!(
            names("0102")[0],
            catalogue.find("C0102".parse().unwrap()).unwrap().zh
        );
    }
}
