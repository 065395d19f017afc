//! Properties that every codec and rule of the protocol has for all input.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use protocol::{
    codes::{CellCode, CommunityCode, MatterClass, MatterCode},
    entry::Entry,
    feed::PullAnswer,
    field::Invitation,
    geo::PointE7,
    push::{Envelope, StreamMark},
    sign::PublicKey,
};

proptest! {
    /// Rule: SJ-05
    #[test]
    fn cell_codes_are_built_from_their_parts(county in "[0-9]{6}", street in 1u8..=99, community in 1u8..=99, serial in 1u8..=99) {
        let county: protocol::codes::CountyCode = county.parse().unwrap();
        let cell = county.street(street).unwrap().community(community).unwrap().cell(serial).unwrap();
        prop_assert_eq!(cell.to_string().parse::<CellCode>().unwrap(), cell);
        prop_assert_eq!((cell.county(), cell.serial()), (county, serial));
        prop_assert_eq!(cell.community().street(), cell.street());
        prop_assert_eq!(cell.grouped().replace('-', ""), cell.to_string());
    }

    #[test]
    fn text_that_is_not_a_code_is_rejected(text in "\\PC{0,16}") {
        let digits = |n: usize| text.len() == n && text.bytes().all(|b| b.is_ascii_digit());
        prop_assert_eq!(text.parse::<CellCode>().is_ok(), digits(12));
        prop_assert_eq!(text.parse::<CommunityCode>().is_ok(), digits(10));
        let _ = text.parse::<MatterCode>();
    }

    #[test]
    fn matter_codes_read_back(component: bool, large in 1u8..=99, small in 1u8..=99) {
        let class = if component { MatterClass::Component } else { MatterClass::Event };
        let code = MatterCode { class, large, small };
        prop_assert_eq!(code.to_string().parse::<MatterCode>().unwrap(), code);
    }

    #[test]
    fn degrees_survive_the_integer_form(lat in -90.0f64..=90.0, lon in -180.0f64..=180.0) {
        let point = PointE7::from_degrees(lat, lon).unwrap();
        let (a, b) = point.degrees();
        prop_assert!((a - lat).abs() <= 0.51e-7 && (b - lon).abs() <= 0.51e-7);
    }

    #[test]
    fn a_number_in_an_unknown_row_is_passed_on_exactly(number in any::<f64>().prop_filter("JSON has no such number", |n| n.is_finite())) {
        let body = serde_json::json!({ "reading": number });
        let written = serde_json::to_vec(&body).unwrap();
        prop_assert_eq!(serde_json::from_slice::<serde_json::Value>(&written).unwrap(), body);
    }

    #[test]
    fn hostile_bytes_never_panic_a_decoder(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = Entry::read(&bytes);
        let _ = serde_json::from_slice::<Envelope>(&bytes);
        let _ = serde_json::from_slice::<PullAnswer>(&bytes);
        let text = String::from_utf8_lossy(&bytes);
        let _ = Invitation::from_text(&format!("xunge1:{text}"));
        let _ = text.parse::<PublicKey>();
    }

    #[test]
    fn adding_and_subtracting_workdays_are_inverse(start in 0i64..2000, n in 1i32..200) {
        let calendar = protocol::calendar::Calendar::shipped().unwrap();
        let day = jiff::civil::date(2020, 6, 1).checked_add(jiff::Span::new().days(start)).unwrap();
        let there = calendar.add_workdays(day, n).at;
        let back = calendar.add_workdays(there, -n).at;
        prop_assert!(calendar.is_workday(there).at);
        prop_assert!(back <= day && calendar.add_workdays(back, n).at == there);
    }

    #[test]
    fn a_mark_describes_every_number(mut numbers in proptest::collection::btree_set(1u64..200, 0..100)) {
        let mark = StreamMark::of(numbers.iter().copied());
        let missing: Vec<u64> = mark.holes.iter().flat_map(|(a, b)| *a..=*b).collect();
        prop_assert!(missing.iter().all(|n| !numbers.contains(n)));
        numbers.extend(missing);
        prop_assert_eq!(numbers.len() as u64, mark.highest);
    }
}
