//! Personal data in free text (DC-05): phone numbers and identity numbers, and names with a title.
//!
//! [`find`] is the one detector. It is a pure function over the text; it offers and never refuses.
//! [`Masker`](super::mask::Masker) hides what it finds from readers who must not see it.

use std::{collections::BTreeMap, ops::Range};

crate::text_enum! {
    /// What was found.
    pub enum PersonalKind {
        /// 手机号码
        Mobile = "mobile",
        /// 固定电话, with its area code
        Landline = "landline",
        /// 身份证号
        Identity = "identity",
        /// A name with a title, such as 王先生: a hint only, never masked.
        Name = "name",
    }
}

impl PersonalKind {
    /// What a masked text shows instead.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::Mobile | Self::Landline => "〔电话〕",
            Self::Identity => "〔证件号〕",
            Self::Name => "〔姓名〕",
        }
    }
}

/// Personal data in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Personal {
    pub kind: PersonalKind,
    /// Bytes of the text.
    pub range: Range<usize>,
    /// A number as ASCII digits without separators, country code and leading zero of a mobile number; a name as it is.
    pub value: String,
}

/// A character of the text: ASCII for full-width digits and letters.
#[derive(Debug, Clone, Copy)]
struct Sign {
    ascii: char,
    from: usize,
    to: usize,
}

/// Digits that stand together.
#[derive(Debug, Clone)]
struct Group {
    digits: String,
    /// Range of [`Sign`]s.
    from: usize,
    to: usize,
}

/// Groups in one number at most: eleven single digits, and a country code.
const MOST_GROUPS: usize = 20;

fn ascii(c: char) -> char {
    match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        '\u{3000}' | '\u{a0}' | '\u{2002}'..='\u{200a}' | '\n' | '\r' | '\t' => ' ',
        '、' | '。' => ',',
        '\u{2010}'..='\u{2015}' | '\u{2212}' | '·' | '•' => '-',
        other => other,
    }
}

/// Characters that people write between the digits of a number. Invisible ones are left out before.
const fn separates(c: char) -> bool {
    matches!(c, ' ' | '-' | '(' | ')') || separates_seldom(c)
}

/// Characters that also stand between two numbers: they separate a mobile number in its usual groups alone.
const fn separates_seldom(c: char) -> bool {
    matches!(c, '.' | ',' | '/' | '~')
}

const fn invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{ad}'
        | '\u{fe0f}' | '\u{20e3}')
}

/// Returns the personal data in the text, in order and without overlaps.
///
/// Numbers of cases, cells, dates and houses are not found: a number must have exactly the digits of a phone or identity
/// number, grouped as people group them, and an identity number a valid date and check digit.
pub fn find(text: &str) -> Vec<Personal> {
    let signs: Vec<Sign> = text
        .char_indices()
        .filter(|(_, c)| !invisible(*c))
        .map(|(from, c)| Sign {
            ascii: ascii(c),
            from,
            to: from + c.len_utf8(),
        })
        .collect();
    let mut found = numbers(&signs);
    found.extend(spoken(&signs));
    found.sort_by_key(|one| one.range.start);
    // Where the numbers up to each one end. Nothing is compared with everything else: a text may be full of both.
    let ends: Vec<usize> = found
        .iter()
        .scan(0, |furthest: &mut usize, one| {
            *furthest = one.range.end.max(*furthest);
            Some(*furthest)
        })
        .collect();
    let mut apart: BTreeMap<usize, Personal> = BTreeMap::new();
    for name in names(text) {
        let before = found.partition_point(|one| one.range.start < name.range.end);
        let numbers = before.checked_sub(1).and_then(|last| ends.get(last));
        let names = apart.range(..name.range.end).next_back();
        let end = numbers.copied().max(names.map(|(_, other)| other.range.end));
        if end.is_none_or(|end| end <= name.range.start) {
            apart.insert(name.range.start, name);
        }
    }
    found.extend(apart.into_values());
    found.sort_by_key(|one| one.range.start);
    found
}

fn groups(signs: &[Sign]) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for (at, sign) in signs.iter().enumerate() {
        let digit = sign.ascii.is_ascii_digit()
            // The check digit X ends an identity number.
            || (matches!(sign.ascii, 'x' | 'X')
                && groups.last().is_some_and(|g| g.to == at && ends_identity(g)));
        if !digit {
            continue;
        }
        match groups.last_mut() {
            Some(group) if group.to == at => {
                group.digits.push(sign.ascii.to_ascii_uppercase());
                group.to = at + 1;
            }
            _ => groups.push(Group {
                digits: sign.ascii.to_ascii_uppercase().to_string(),
                from: at,
                to: at + 1,
            }),
        }
    }
    groups
}

/// Whether an X may follow: after 17 digits, or after the last group of a grouped number.
fn ends_identity(group: &Group) -> bool {
    matches!(group.digits.len(), 3 | 17) && group.digits.bytes().all(|b| b.is_ascii_digit())
}

/// Words in Latin letters that stand directly before a number.
const LABELS: &[&str] = &[
    "tel", "phone", "mobile", "mob", "wx", "vx", "v", "wechat", "weixin", "call", "dh", "dianhua", "sj",
    "shouji", "id", "t", "m", "p",
];

/// Returns whether the digits stand alone: no word of letters touches them, except a label before them.
fn stands_alone(signs: &[Sign], first: &Group, last: &Group) -> bool {
    let letter = |at: Option<usize>| {
        at.and_then(|at| signs.get(at))
            .is_some_and(|s| s.ascii.is_ascii_alphabetic() || s.ascii == '_')
    };
    if letter(Some(last.to)) {
        return false;
    }
    let word: String = signs
        .get(..first.from)
        .unwrap_or_default()
        .iter()
        .rev()
        .map(|s| s.ascii)
        .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
        .collect();
    let word: String = word.chars().rev().collect::<String>().to_ascii_lowercase();
    word.is_empty() || LABELS.contains(&word.as_str())
}

fn numbers(signs: &[Sign]) -> Vec<Personal> {
    let groups = groups(signs);
    let mut found = Vec::new();
    let mut next = 0;
    while next < groups.len() {
        match number(signs, &groups, next) {
            Some((one, after)) => {
                found.push(one);
                next = after;
            }
            None => next += 1,
        }
    }
    found
}

/// The longest number that begins with the group `first`, and the group after it.
fn number(signs: &[Sign], groups: &[Group], first: usize) -> Option<(Personal, usize)> {
    let begin = groups.get(first)?;
    let mut digits = String::new();
    let (mut best, mut is_seldom) = (None, false);
    for (n, group) in groups.iter().enumerate().skip(first).take(MOST_GROUPS) {
        if n > first {
            let before = groups.get(n - 1)?;
            let between = signs.get(before.to..group.from).unwrap_or_default();
            if between.is_empty() || between.len() > 3 || !between.iter().all(|s| separates(s.ascii)) {
                break;
            }
            is_seldom |= between.iter().any(|s| separates_seldom(s.ascii));
        }
        digits.push_str(&group.digits);
        if digits.len() > 18 {
            break;
        }
        let shape: Vec<usize> = groups
            .get(first..=n)
            .unwrap_or_default()
            .iter()
            .map(|g| g.digits.len())
            .collect();
        let hit = judge(&digits, &shape)
            .filter(|_| !is_seldom || shape == [3, 4, 4])
            .or_else(|| {
                (!is_seldom)
                    .then(|| local(signs, begin, &digits, &shape))
                    .flatten()
            })
            .filter(|_| stands_alone(signs, begin, group));
        if let Some((kind, value)) = hit {
            let range = signs.get(begin.from)?.from..signs.get(group.to.checked_sub(1)?)?.to;
            best = Some((Personal { kind, range, value }, n + 1));
        }
    }
    best
}

/// Words before a number of the own city, which has no area code.
const CALLED: &[&str] = &["电话", "座机", "固话", "手机"];

/// A land line without its area code, if a word before it says that it is one.
fn local(signs: &[Sign], first: &Group, digits: &str, shape: &[usize]) -> Option<(PersonalKind, String)> {
    let fits =
        matches!(shape, [7 | 8] | [3 | 4, 4]) && matches!(digits.as_bytes().first(), Some(b'2'..=b'8'));
    let before: String = signs
        .get(..first.from)
        .unwrap_or_default()
        .iter()
        .rev()
        .map(|s| s.ascii)
        .skip_while(|c| matches!(c, ' ' | ':' | '是' | '为'))
        .take(2)
        .collect();
    let before: String = before.chars().rev().collect();
    (fits && CALLED.contains(&before.as_str())).then(|| (PersonalKind::Landline, digits.to_owned()))
}

/// Decides about digits that stand in groups of these lengths.
fn judge(digits: &str, shape: &[usize]) -> Option<(PersonalKind, String)> {
    // Groups as people write them: one, or none shorter than three digits, or every digit alone.
    let spelled = shape.len() > 1 && shape.iter().all(|n| *n == 1);
    let grouped = |shape: &[usize]| {
        spelled || shape.len() == 1 || shape.iter().all(|n| *n >= 3) || *shape == [3, 2, 2, 2, 2]
    };
    if (digits.len() == 18 || digits.len() == 15) && grouped(shape) && is_identity(digits) {
        return Some((PersonalKind::Identity, digits.to_owned()));
    }
    // The country code may be a group of its own.
    let local = match shape {
        [2, rest @ ..] if digits.starts_with("86") => Some((digits.get(2..)?, rest)),
        [4, rest @ ..] if digits.starts_with("0086") => Some((digits.get(4..)?, rest)),
        _ => None,
    };
    let (number, shape) = local.unwrap_or((digits, shape));
    if shape.is_empty() || !grouped(shape) {
        return None;
    }
    for prefix in ["", "0086", "86", "0"] {
        if let Some(rest) = number.strip_prefix(prefix)
            && is_mobile(rest)
        {
            return Some((PersonalKind::Mobile, rest.to_owned()));
        }
    }
    let number = if local.is_some() && !number.starts_with('0') {
        format!("0{number}")
    } else {
        number.to_owned()
    };
    is_landline(&number).then_some((PersonalKind::Landline, number))
}

/// Mobile numbers in Chinese numerals: exactly eleven of them together.
fn spoken(signs: &[Sign]) -> Vec<Personal> {
    const NUMERALS: [&str; 10] = ["〇零", "一幺", "二", "三", "四", "五", "六", "七", "八", "九"];
    let digit = |c: char| {
        NUMERALS
            .iter()
            .zip('0'..='9')
            .find(|(of, _)| of.contains(c))
            .map(|(_, d)| d)
    };
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(rest) = signs.get(at..).filter(|rest| !rest.is_empty()) {
        let run: String = rest.iter().map_while(|s| digit(s.ascii)).collect();
        if is_mobile(&run)
            && let (Some(first), Some(last)) = (rest.first(), rest.get(run.len() - 1))
        {
            found.push(Personal {
                kind: PersonalKind::Mobile,
                range: first.from..last.to,
                value: run.clone(),
            });
        }
        at += run.len().max(1);
    }
    found
}

fn is_mobile(digits: &str) -> bool {
    digits.len() == 11
        && digits.bytes().all(|b| b.is_ascii_digit())
        && digits.starts_with('1')
        && matches!(digits.as_bytes().get(1), Some(b'3'..=b'9'))
}

/// An area code (010, 02x with 8 digits; 03xx to 09xx with 7 or 8), then a number that begins with 2 to 8.
fn is_landline(digits: &str) -> bool {
    let code = match digits.as_bytes() {
        [b'0', b'1', b'0', ..] | [b'0', b'2', ..] => 3,
        [b'0', b'3'..=b'9', ..] => 4,
        _ => return false,
    };
    let rest = digits.as_bytes().get(code..).unwrap_or_default();
    let fits = if code == 3 {
        rest.len() == 8
    } else {
        matches!(rest.len(), 7 | 8)
    };
    fits && matches!(rest.first(), Some(b'2'..=b'8')) && rest.iter().all(u8::is_ascii_digit)
}

/// Codes of provinces, the first two digits of an identity number.
const PROVINCES: &[u8] = &[
    11, 12, 13, 14, 15, 21, 22, 23, 31, 32, 33, 34, 35, 36, 37, 41, 42, 43, 44, 45, 46, 50, 51, 52, 53, 54,
    61, 62, 63, 64, 65, 71, 81, 82, 83,
];

/// Whether these 15 or 18 characters are an identity number (GB 11643): province, date of birth, and for 18 characters
/// the check digit (ISO 7064, MOD 11-2).
fn is_identity(digits: &str) -> bool {
    let part = |range: Range<usize>| digits.get(range).and_then(|text| text.parse::<u32>().ok());
    let province = part(0..2).and_then(|n| u8::try_from(n).ok());
    if !province.is_some_and(|code| PROVINCES.contains(&code)) {
        return false;
    }
    let day = |year: Option<u32>, at: usize| {
        year.zip(part(at..at + 2))
            .zip(part(at + 2..at + 4))
            .is_some_and(|((year, month), day)| {
                let most = match month {
                    4 | 6 | 9 | 11 => 30,
                    2 if year % 4 == 0 => 29,
                    2 => 28,
                    1..=12 => 31,
                    _ => 0,
                };
                (1900..2100).contains(&year) && (1..=most).contains(&day)
            })
    };
    match digits.len() {
        15 => digits.bytes().all(|b| b.is_ascii_digit()) && day(part(6..8).map(|n| 1900 + n), 8),
        18 => day(part(6..10), 10) && check_digit(digits) == digits.chars().last(),
        _ => false,
    }
}

/// The 18th character that belongs to the first 17 digits.
fn check_digit(digits: &str) -> Option<char> {
    const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let mut sum = 0;
    for (weight, c) in WEIGHTS.iter().zip(digits.chars()) {
        sum += weight * c.to_digit(10)?;
    }
    "10X98765432".chars().nth(usize::try_from(sum % 11).ok()?)
}

/// The most frequent family names.
const FAMILY: &str = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶阎余潘杜戴夏钟汪田任姜\
范方石姚谭廖邹熊金陆郝孔白崔康毛邱秦江史顾侯邵孟龙万段雷钱汤尹黎易常武乔贺赖龚文庞樊兰殷施陶洪翟安颜倪严牛温芦季俞章鲁葛伍韦申尤毕聂丛焦向柳邢路岳齐梅莫庄辛管祝左\
涂谷祁时舒耿牟卜路詹关苗凌费纪靳盛童欧甄项曲成游阳裴席卫查屈鲍位覃霍翁隋植甘景薄单包司柏宁柯阮桂闵";

/// Titles that follow a name.
const TITLES: &[&str] = &[
    "先生", "女士", "小姐", "太太", "阿姨", "大爷", "大妈", "大娘", "大叔", "大姐", "大哥", "师傅", "奶奶",
    "爷爷",
];

/// Names with a title: a family name, at most two more characters, and the title.
fn names(text: &str) -> Vec<Personal> {
    let chars: Vec<(usize, char)> = text.char_indices().collect();
    let mut found: Vec<Personal> = Vec::new();
    for title in TITLES {
        for (at, _) in text.match_indices(title) {
            let place = chars.partition_point(|(from, _)| *from < at);
            // The nearest family name: 王先生 before 王小明先生.
            let start = (1..=3).find_map(|back| {
                let (from, c) = *chars.get(place.checked_sub(back)?)?;
                (FAMILY.contains(c) && !c.is_whitespace()).then_some(from)
            });
            let Some(start) = start else { continue };
            let range = start..at + title.len();
            if let Some(value) = text.get(range.clone()) {
                found.push(Personal {
                    kind: PersonalKind::Name,
                    range,
                    value: value.to_owned(),
                });
            }
        }
    }
    found
}

#[cfg(test)]
mod tests;
