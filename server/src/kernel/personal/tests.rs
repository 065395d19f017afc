//! What is found in texts, and what is not.

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

/// Rule: DC-05
#[test]
fn numbers_are_found_however_people_separate_them() {
    for text in [
        "139.0000.1234",
        "139/0000/1234",
        "139，0000，1234",
        "139、0000、1234",
        "139\n0000\t1234",
        "139 00 00 12 34",
        "加v13900001234",
        "dh13900001234",
        "一三九零〇〇〇幺二三四",
        "1\u{fe0f}\u{20e3}3900001234",
        "139\u{202e}00001234",
    ] {
        let found = find(text);
        let values: Vec<_> = found.iter().map(|one| one.value.as_str()).collect();
        assert_eq!(values, ["13900001234"], "{text:?}");
    }
    assert_eq!(
        find("座机：85678901").first().map(|one| one.value.as_str()),
        Some("85678901")
    );
    for other in [
        "43.88123456,125.32123456",
        "井盖 85678901 号",
        "1390.1234.567",
        "一二三四五六七八九",
    ] {
        assert_eq!(find(other), [], "{other}");
    }
}

#[test]
fn sec_a05_text_full_of_numbers_and_names_takes_time_in_proportion_to_its_length() {
    let took = |times: usize| {
        let text = "张先生13800138000，".repeat(times);
        let measured = (0..3).map(|_| {
            let began = crate::kernel::clock::uptime();
            assert_eq!(find(&text).len(), 2 * times);
            crate::kernel::clock::uptime().saturating_sub(began)
        });
        measured.min().unwrap_or_default()
    };
    // Sixteen times the length: 256 times the work if each is compared with all others.
    let (short, long) = (took(500), took(8000));
    assert!(long < short * 64, "{short:?}, then {long:?}");
}

#[test]
fn of_two_names_that_overlap_the_first_title_counts_and_numbers_come_before_names() {
    let values = |text: &str| -> Vec<String> { find(text).into_iter().map(|one| one.value).collect() };
    assert_eq!(values("王先生和李女士"), ["王先生", "李女士"]);
    assert_eq!(values("王先生女士"), ["王先生"]);
    assert_eq!(values("找王先生13800138000"), ["王先生", "13800138000"]);
}
