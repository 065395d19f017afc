//! Personal data in free text (DC-05): phone numbers and identity numbers, and names with a title.
//!
//! [`find`] is the one detector. It is a pure function over the text; it offers and never refuses.
//! [`Masker`](super::mask::Masker) hides what it finds from readers who must not see it.

use std::ops::Range;

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
        '\u{3000}' | '\u{a0}' | '\u{2002}'..='\u{200a}' => ' ',
        '\u{2010}'..='\u{2015}' | '\u{2212}' | '·' | '•' => '-',
        other => other,
    }
}

/// Characters that people write between the digits of a number. Invisible ones are left out before.
const fn separates(c: char) -> bool {
    matches!(c, ' ' | '-' | '(' | ')')
}

const fn invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}' | '\u{ad}')
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
    for name in names(text) {
        let apart =
            |other: &Personal| other.range.end <= name.range.start || name.range.end <= other.range.start;
        if found.iter().all(apart) {
            found.push(name);
        }
    }
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
    "tel", "phone", "mobile", "mob", "wx", "vx", "wechat", "call", "id", "t", "m", "p",
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
    let mut best = None;
    for (n, group) in groups.iter().enumerate().skip(first).take(MOST_GROUPS) {
        if n > first {
            let before = groups.get(n - 1)?;
            let between = signs.get(before.to..group.from).unwrap_or_default();
            if between.is_empty() || between.len() > 3 || !between.iter().all(|s| separates(s.ascii)) {
                break;
            }
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
        let hit = judge(&digits, &shape).filter(|_| stands_alone(signs, begin, group));
        if let Some((kind, value)) = hit {
            let range = signs.get(begin.from)?.from..signs.get(group.to.checked_sub(1)?)?.to;
            best = Some((Personal { kind, range, value }, n + 1));
        }
    }
    best
}

/// Decides about digits that stand in groups of these lengths.
fn judge(digits: &str, shape: &[usize]) -> Option<(PersonalKind, String)> {
    // Groups as people write them: one, or none shorter than three digits, or every digit alone.
    let spelled = shape.len() > 1 && shape.iter().all(|n| *n == 1);
    let grouped = |shape: &[usize]| spelled || shape.len() == 1 || shape.iter().all(|n| *n >= 3);
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
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn values(text: &str) -> Vec<(PersonalKind, String)> {
        find(text).into_iter().map(|one| (one.kind, one.value)).collect()
    }

    /// Rule: DC-05
    #[test]
    fn phone_numbers_are_found_as_people_write_them() {
        for text in [
            "请回电13900001234，谢谢",
            "电话139 0000 1234",
            "139-0000-1234",
            "139-00001234",
            "１３９００００１２３４",
            "１３９－００００－１２３４",
            "tel13900001234",
            "+86 139 0000 1234",
            "+8613900001234",
            "0086-13900001234",
            "86 13900001234",
            "013900001234",
            "1 3 9 0 0 0 0 1 2 3 4",
            "139\u{200b}0000\u{200b}1234",
            "2026-11-29 13900001234",
            "桂林路 1 号 13900001234",
        ] {
            assert_eq!(
                values(text),
                [(PersonalKind::Mobile, "13900001234".into())],
                "{text}"
            );
        }
        for (text, value) in [
            ("0431-85678901", "043185678901"),
            ("（0431）85678901", "043185678901"),
            ("(0431) 8567 8901", "043185678901"),
            ("04318567890", "04318567890"),
            ("010-88886666", "01088886666"),
            ("010 8888 6666", "01088886666"),
            ("０４３１－８５６７８９０１", "043185678901"),
            ("+86 431 85678901", "043185678901"),
        ] {
            assert_eq!(
                values(text),
                [(PersonalKind::Landline, value.to_owned())],
                "{text}"
            );
        }
    }

    /// Rule: DC-05
    #[test]
    fn identity_numbers_are_found_by_date_and_check_digit() {
        for (text, value) in [
            ("身份证11010519491231002X。", "11010519491231002X"),
            ("11010519491231002x", "11010519491231002X"),
            ("440524188001010014", ""),
            ("220104 19900307 1238", "220104199003071238"),
            ("220104 19900307 1239", ""),
            ("110105491231002", "110105491231002"),
            ("110105 19491231 002X", "11010519491231002X"),
            ("１１０１０５１９４９１２３１００２Ｘ", "11010519491231002X"),
            // A wrong check digit, a month 13, and a province that does not exist.
            ("110105194912310021", ""),
            ("110105491331002", ""),
            ("990105491231002", ""),
        ] {
            let expected: Vec<_> = Some((PersonalKind::Identity, value.to_owned()))
                .filter(|(_, value)| !value.is_empty())
                .into_iter()
                .collect();
            assert_eq!(values(text), expected, "{text}");
        }
    }

    /// Rule: DC-05
    #[test]
    fn other_numbers_are_not_found() {
        for text in [
            "",
            "案卷 261123-7K3M9PQ2XA",
            "受理号261123-1390000123",
            "261123-13900001234A",
            "网格220104050301",
            "编码2201040503011390",
            "2026-11-29 09:00",
            "20261129",
            "2026.11.29-2026.12.01",
            "桂林路1390号",
            "1380-1390号",
            "13-15号楼1单元1304室",
            "1795395600000",
            "0190b3c4-1390-0001-8234-139000012345",
            "a13900001234b",
            "12345",
            "12319",
            "110",
            "井盖 3 个，13 米，15 米",
            "400-810-8888",
            "吉A12345",
            "0.5 米",
            "43.8000000,125.3000000",
        ] {
            assert_eq!(values(text), [], "{text}");
        }
    }

    #[test]
    fn name_with_a_title_is_a_hint_and_stays_readable() {
        assert_eq!(
            values("王先生反映路灯不亮"),
            [(PersonalKind::Name, "王先生".into())]
        );
        assert_eq!(
            values("来电人张小明女士"),
            [(PersonalKind::Name, "张小明女士".into())]
        );
        assert_eq!(values("先生们请注意"), []);
    }

    proptest! {
        /// Rule: DC-05
        #[test]
        fn mobile_number_is_found_in_any_text(before in "[^0-9０-９A-Za-zＡ-Ｚａ-ｚ_. ()（）+-]{0,6}", number in "1[3-9][0-9]{9}", wide: bool) {
            let written: String = if wide {
                number.chars().map(|c| char::from_u32(u32::from(c) + 0xfee0).unwrap()).collect()
            } else {
                number.clone()
            };
            let text = format!("{before}，{written}，{before}");
            prop_assert!(find(&text).iter().any(|one| one.value == number));
        }

        #[test]
        fn ranges_are_in_order_and_on_borders_of_characters(text in "[0-9１３９xX王先生 ()-]{0,40}|\\PC{0,40}") {
            let mut at = 0;
            for one in find(&text) {
                prop_assert!(one.range.start >= at && text.get(one.range.clone()).is_some());
                at = one.range.end;
            }
        }
    }
}
