//! What helps a worker to choose: types by use and by pinyin, a cell without a fix, the last fix.

use super::*;
use protocol::{codes::CellCode, evidence::Position, geo::PointE7, manifest::Catalogue, payload::Report};
use std::sync::Arc;
use terminal_core::{
    grid::BorderKind,
    platform::{Clock, ClockRaw, Platform},
};

pub(super) const MINUTE: i64 = 60_000;

fn report(terminal: &Terminal, matter: &str) -> EntryId {
    let mut draft = terminal.new_report().unwrap();
    draft.matter(matter.parse().unwrap()).unwrap();
    draft.submit().unwrap().item
}
/// Code and number of reports.
fn frequent(terminal: &Terminal, limit: usize) -> Vec<(String, u64)> {
    let found = terminal.frequent_matters(limit).unwrap();
    found
        .iter()
        .map(|used| (used.item.code.to_string(), used.reports))
        .collect()
}
fn used(codes: &[(&str, u64)]) -> Vec<(String, u64)> {
    codes.iter().map(|(code, n)| ((*code).to_owned(), *n)).collect()
}
fn codes(terminal: &Terminal, text: &str) -> Vec<String> {
    let found = terminal.search_matters(text).unwrap();
    found.iter().map(|item| item.code.to_string()).collect()
}
fn sent(terminal: &Terminal, id: EntryId) -> (protocol::entry::Entry, Report) {
    match payload(terminal, id) {
        (entry, Payload::Report(report)) => (entry, report),
        other => panic!("{other:?}"),
    }
}
pub(super) fn later(minutes: i64) -> Position {
    Position {
        fix_time: Millis(MORNING + minutes * MINUTE),
        monotonic_ms: None,
        ..in_the_west_cell()
    }
}

#[test]
fn the_most_used_types_come_first_and_among_equals_the_last_used() {
    let home = Home::new();
    let terminal = home.open();
    assert_eq!(frequent(&terminal, 5), []);
    for matter in ["E0102", "C0101", "E0101", "C0101", "E0102", "E0103"] {
        report(&terminal, matter);
    }
    // A report without a type, a cancelled one and a check-in count for nothing.
    let mut untyped = terminal.new_report().unwrap();
    untyped.text("垃圾").submit().unwrap();
    let cancelled = report(&terminal, "E0101");
    assert_eq!(terminal.withdraw(cancelled, "").unwrap(), Withdrawal::Cancelled);
    terminal.check_in(None, "").unwrap();
    let wanted = used(&[("E0102", 2), ("C0101", 2), ("E0103", 1), ("E0101", 1)]);
    assert_eq!(frequent(&terminal, 9), wanted);
    assert_eq!(frequent(&terminal, 2), wanted[..2]);
    assert_eq!(frequent(&home.open(), 9), wanted, "after a restart");
}

#[test]
fn deleting_old_reports_does_not_forget_the_most_used_types() {
    let home = Home::new();
    let terminal = home.open();
    for matter in ["E0102", "E0102", "C0101"] {
        report(&terminal, matter);
    }
    report(&terminal, "E0101");
    testing::receive_all(terminal.store(), Millis(MORNING), true).unwrap();
    let before = frequent(&terminal, 9);
    assert_eq!(before, used(&[("E0102", 2), ("E0101", 1), ("C0101", 1)]));
    terminal.store().prune(Millis(i64::MAX), &|_, _| false).unwrap();
    assert_eq!(terminal.store().items().unwrap().len(), 0);
    assert_eq!(frequent(&terminal, 9), before);
    report(&terminal, "C0101");
    report(&terminal, "C0101");
    let after = used(&[("C0101", 3), ("E0102", 2), ("E0101", 1)]);
    assert_eq!(frequent(&home.open(), 9), after);
}

#[test]
fn a_revised_report_counts_once_with_its_last_type_also_when_its_first_version_is_deleted() {
    let home = Home::new();
    let terminal = home.open();
    let returned = report(&terminal, "E0101");
    testing::receive_all(terminal.store(), Millis(MORNING), true).unwrap();
    let reason = Reason::new(ErrorCode::parse("blurred"), "看不清", "blurred");
    dispose(&terminal, 1, returned, Disposition::rejected(reason));
    let mut draft = terminal.revise_report(returned).unwrap();
    draft.matter("E0103".parse().unwrap()).unwrap();
    draft.submit().unwrap();
    let once = used(&[("E0103", 1)]);
    assert_eq!(frequent(&terminal, 9), once);
    terminal.store().prune(Millis(i64::MAX), &|_, _| false).unwrap();
    assert_eq!(terminal.store().items().unwrap().len(), 1);
    assert_eq!(frequent(&terminal, 9), once);
}

#[test]
fn types_are_found_by_initials_and_those_used_most_come_first() {
    let home = Home::new();
    let terminal = home.open();
    let catalogue = r#"{"version":"own.1","items":[
        {"code":"E0501","zh":"井盖破损","en":"broken cover","verified":true,"pinyin":"jing gai/ge po sun"},
        {"code":"E0502","zh":"井盖丢失","en":"missing cover","verified":true,"pinyin":"jing gai/ge diu shi"},
        {"code":"E0503","zh":"雨水井盖","en":"storm drain","verified":true,"pinyin":"yu shui jing gai/ge"},
        {"code":"E0598","zh":"旧条目井盖","en":"old row","verified":true}]}"#;
    testing::file(
        terminal.store(),
        FileName::Catalogue,
        "own.1",
        catalogue.as_bytes(),
    )
    .unwrap();
    for text in [
        "jgps",
        "JGPS",
        "jinggaiposun",
        "jing gai po sun",
        "井盖破",
        "E0501",
        "0501",
        "broken",
    ] {
        assert_eq!(codes(&terminal, text), ["E0501"], "{text}");
    }
    assert_eq!(codes(&terminal, "jg"), ["E0501", "E0502", "E0503"]);
    // A row of an older server has no syllables; its name is searched all the same.
    assert_eq!(codes(&terminal, "井盖"), ["E0501", "E0502", "E0503", "E0598"]);
    report(&terminal, "E0503");
    report(&terminal, "E0502");
    report(&terminal, "E0598");
    report(&terminal, "E0598");
    assert_eq!(
        codes(&terminal, "jg"),
        ["E0502", "E0501", "E0503"],
        "use ranks equals only"
    );
    assert_eq!(codes(&terminal, "井盖"), ["E0502", "E0501", "E0598", "E0503"]);
    assert_eq!(codes(&terminal, "E0503")[0], "E0503");
    assert_eq!(codes(&terminal, ""), ["E0598", "E0502", "E0503", "E0501"]);
    // A type that the operator's catalogue lost is not offered.
    let shipped = serde_json::to_vec(&Catalogue::shipped().unwrap()).unwrap();
    testing::file(terminal.store(), FileName::Catalogue, "own.2", &shipped).unwrap();
    assert!(frequent(&terminal, 9).iter().all(|(code, _)| code != "E0598"));
}

#[test]
fn a_report_without_a_fix_names_the_cell_that_its_worker_chose() {
    let home = Home::new();
    let terminal = home.open();
    let east: CellCode = "220104010102".parse().unwrap();
    // Without a grid the cell cannot be checked; the server does it.
    let mut draft = terminal.new_report().unwrap();
    draft.text("井盖").cell(east).unwrap();
    let cell = draft.cell_name().unwrap().unwrap();
    assert_eq!(
        (cell.cell.code, cell.cell.street, cell.chosen),
        (east, None, true)
    );
    testing::file(terminal.store(), FileName::Grid, "220104.1", &two_cells()).unwrap();
    draft.save().unwrap();

    let terminal = home.open();
    let mut draft = terminal.report_draft(draft.id()).unwrap();
    let cell = draft.cell_name().unwrap().unwrap();
    assert_eq!(cell.cell.community.as_deref(), Some("桂林社区"));
    assert_eq!((draft.position(), draft.located().unwrap()), (None, None));
    let error = draft
        .cell("220104010109".parse::<CellCode>().unwrap())
        .err()
        .unwrap();
    assert_eq!(error.code(), "place.unknown");
    let (entry, report) = sent(&terminal, draft.submit().unwrap().item);
    assert_eq!((report.cell, report.cell_chosen), (Some(east), true));
    assert_eq!(entry.grid.unwrap().0, "220104.1");
    assert_eq!(entry.evidence.position, None);

    // A cell from a position is not called chosen, and a choice can be taken back.
    let mut draft = terminal.new_report().unwrap();
    draft.text("井盖").at(in_the_west_cell());
    draft.cell(east).unwrap().cell(None).unwrap();
    let (_, report) = sent(&terminal, draft.submit().unwrap().item);
    assert_eq!(
        (report.cell, report.cell_chosen),
        ("220104010101".parse().ok(), false)
    );

    // With both, the entry holds both: the server takes the position's cell and flags the difference.
    let mut draft = terminal.new_report().unwrap();
    draft.text("井盖").at(in_the_west_cell());
    draft.cell(east).unwrap();
    let filed = draft.submit().unwrap().item;
    let (entry, report) = sent(&terminal, filed);
    assert_eq!((report.cell, report.cell_chosen), (Some(east), true));
    assert_eq!(entry.evidence.position, Some(in_the_west_cell()));

    // A revision keeps the choice.
    testing::receive_all(terminal.store(), Millis(MORNING), true).unwrap();
    let reason = Reason::new(ErrorCode::parse("blurred"), "看不清", "blurred");
    dispose(&terminal, 1, filed, Disposition::rejected(reason));
    let revised = terminal.revise_report(filed).unwrap();
    assert_eq!(revised.content().cell, Some(east));
}

#[test]
fn a_restored_draft_shows_where_it_is() {
    let home = Home::new();
    let terminal = home.open();
    testing::file(terminal.store(), FileName::Grid, "220104.1", &two_cells()).unwrap();
    let mut east = in_the_west_cell();
    east.point.lon += 12_000;
    let mut draft = terminal.new_report().unwrap();
    draft.matter("E0102".parse().unwrap()).unwrap();
    draft.text("垃圾").at(in_the_west_cell()).place(east.clone());
    draft.add_photo(PhotoSource::Bytes(&picture(1))).unwrap();

    let draft = home.open().report_draft(draft.id()).unwrap();
    assert_eq!(draft.kind(), EntryKind::Report);
    assert_eq!(draft.position(), Some(&in_the_west_cell()));
    assert_eq!(draft.matter_position(), Some(&east));
    let cell = draft.cell_name().unwrap().unwrap();
    assert_eq!(
        (cell.cell.code.to_string().as_str(), cell.chosen),
        ("220104010102", false)
    );
    let located = draft.located().unwrap().unwrap();
    assert_eq!(located.cell().map(|cell| cell.code), Some(cell.cell.code));
    let content = draft.content();
    assert_eq!(
        (content.text.as_str(), content.matter_name.as_str()),
        ("垃圾", "暴露垃圾")
    );
    assert_eq!(draft.photos().len(), 1);
}

#[test]
fn the_last_fix_is_kept_with_its_age_and_never_replaced_by_an_older_one() {
    let home = Home::new();
    let terminal = home.open();
    assert_eq!(terminal.last_fix().unwrap(), None);
    // A draft that is only begun used no fix yet.
    let mut draft = terminal.new_report().unwrap();
    draft.text("垃圾").at(later(0));
    home.hand.advance(2 * MINUTE);
    terminal.check_in(Some(later(2)), "").unwrap();
    home.hand.advance(5 * MINUTE);
    // Filed after the check-in, with the older fix.
    draft.submit().unwrap();
    let last = home.open().last_fix().unwrap().unwrap();
    assert_eq!((last.position, last.age_ms), (later(2), Some(5 * MINUTE)));
    // The same fix again does not make it younger.
    terminal.check_out(Some(later(2)), "").unwrap();
    assert_eq!(terminal.last_fix().unwrap().unwrap().age_ms, Some(5 * MINUTE));

    // Another boot: the position stays, its age is unknown.
    struct Rebooted;
    impl Clock for Rebooted {
        fn read(&self) -> ClockRaw {
            ClockRaw {
                wall: Millis(MORNING),
                boot: "another".into(),
                monotonic_ms: 9_000_000,
            }
        }
    }
    let mut platform = Platform::command_line(home.path()).unwrap();
    platform.clock = Arc::new(Rebooted);
    let terminal = Terminal::open(home.path(), platform).unwrap();
    let last = terminal.last_fix().unwrap().unwrap();
    assert_eq!((last.position, last.age_ms), (later(2), None));
}

#[test]
fn a_fix_from_the_future_is_replaced_by_any_other() {
    let home = Home::new();
    let terminal = home.open();
    let wrong = Position {
        provider: "network".into(),
        ..later(60 * 24 * 400)
    };
    terminal.saw_fix(&wrong).unwrap();
    assert_eq!(terminal.last_fix().unwrap().unwrap().position, wrong);
    terminal.saw_fix(&later(0)).unwrap();
    assert_eq!(terminal.last_fix().unwrap().unwrap().position, later(0));
}

#[test]
fn the_cells_of_the_grid_are_listed_and_those_around_a_point_by_distance() {
    let home = Home::new();
    let terminal = home.open();
    assert_eq!(terminal.streets().unwrap(), []);
    assert_eq!(terminal.cells_near(in_the_west_cell().point, 5).unwrap(), []);
    let point = |lat, lon| PointE7 { lat, lon };
    let (corner, opposite) = (
        point(438_570_000, 1_253_000_000),
        point(438_575_000, 1_253_011_000),
    );
    assert_eq!(terminal.map_area(corner, opposite).unwrap(), None);
    testing::file(terminal.store(), FileName::Grid, "220104.1", &two_cells()).unwrap();
    let streets = terminal.streets().unwrap();
    assert_eq!(streets.len(), 1);
    assert_eq!(
        (streets[0].name.as_deref(), streets[0].cells),
        (Some("桂林路街道"), 2)
    );
    let communities = terminal.communities(streets[0].code).unwrap();
    assert_eq!(communities[0].name.as_deref(), Some("桂林社区"));
    let cells = terminal.cells_of(communities[0].code).unwrap();
    let serials: Vec<u8> = cells.iter().map(|cell| cell.code.serial()).collect();
    assert_eq!(serials, [1, 2]);
    assert_eq!(terminal.communities("22010499".parse().unwrap()).unwrap(), []);
    assert_eq!(terminal.cells_of("2201040199".parse().unwrap()).unwrap(), []);
    let near = terminal.cells_near(in_the_west_cell().point, 5).unwrap();
    assert_eq!(near.len(), 2);
    assert_eq!((near[0].cell.code.serial(), near[0].metres), (1, 0.0));
    assert!((47.0..50.0).contains(&near[1].metres), "{}", near[1].metres);
    assert_eq!(terminal.cells_near(in_the_west_cell().point, 1).unwrap().len(), 1);
    let area = terminal.map_area(corner, opposite).unwrap().unwrap();
    let [cell] = &area.cells[..] else {
        panic!("{:?}", area.cells);
    };
    assert_eq!(cell.cell.community.as_deref(), Some("桂林社区"));
    assert_eq!(
        (cell.ring.len(), cell.centre),
        (4, point(438_575_000, 1_253_006_000))
    );
    // One community: only the outer border.
    let kinds: Vec<BorderKind> = area.borders.iter().map(|line| line.kind).collect();
    assert_eq!((kinds, area.generated), (vec![BorderKind::Outer], true));
}

#[test]
fn a_place_has_a_cell_candidates_or_a_nearest_cell_and_may_have_no_grid() {
    let home = Home::new();
    let terminal = home.open();
    let here = in_the_west_cell();
    assert_eq!(
        terminal.where_is(here.point, None).unwrap().answer,
        PlaceAnswer::NoGrid
    );
    let before = terminal.check_in(Some(here.clone()), "").unwrap();
    assert_eq!(terminal.store().entry(before.id).unwrap().0.grid, None);

    testing::file(terminal.store(), FileName::Grid, "220104.1", &two_cells()).unwrap();
    let place = terminal.where_is(here.point, Some(800)).unwrap();
    let cell = place.cell().unwrap();
    assert_eq!(cell.code.grouped(), "220104-01-01-01");
    assert_eq!(
        (cell.street.as_deref(), cell.community.as_deref()),
        (Some("桂林路街道"), Some("桂林社区"))
    );
    let PlaceAnswer::In {
        candidates, outside, ..
    } = place.answer
    else {
        panic!()
    };
    assert_eq!((candidates.len(), outside), (1, 0.0));

    let border = PointE7 {
        lat: here.point.lat,
        lon: 1_253_011_000,
    };
    let PlaceAnswer::In { candidates, .. } = terminal.where_is(border, Some(2000)).unwrap().answer else {
        panic!()
    };
    assert_eq!(candidates.len(), 2);
    assert!(candidates[0].share > candidates[1].share);

    let sea = PointE7 {
        lat: here.point.lat,
        lon: 1_252_990_000,
    };
    let PlaceAnswer::Outside {
        nearest: Some((cell, metres)),
        ..
    } = terminal.where_is(sea, None).unwrap().answer
    else {
        panic!()
    };
    assert_eq!(cell.code.grouped(), "220104-01-01-01");
    assert!((75.0..85.0).contains(&metres), "{metres}");

    let mut draft = terminal.new_report().unwrap();
    let id = draft.text("路灯不亮").at(here).submit().unwrap().item;
    let (entry, Payload::Report(report)) = payload(&terminal, id) else {
        panic!()
    };
    assert_eq!(entry.grid.unwrap().0, "220104.1");
    assert_eq!(report.cell.unwrap().as_str(), "220104010101");
}
