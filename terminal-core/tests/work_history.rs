//! The history by pages and the month state of activity records, on a plain store.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use protocol::{
    case::CaseState,
    entry::{Disposition, receipt_number},
    feed::{ActivityRow, ActivityState, CaseRow, DispositionRow, Mailbox, kind},
    ids::{CaseId, EntryId, RecordId},
    manifest::Catalogue,
    time::{CivilMonth, Millis},
};
use serde_json::json;
use std::collections::BTreeSet;
use terminal_core::{
    store::testing,
    terminal::Terminal,
    words::Lang,
    work::{HistoryCursor, HistoryRow, ItemState, MonthState, Submitted},
};
use uuid::Uuid;

mod work_support;
use work_support::{Hand, MORNING, enrol, open, row};

const DAY_MS: i64 = 86_400_000;

struct Home {
    _dir: tempfile::TempDir,
    hand: Hand,
    terminal: Terminal,
    n: u64,
}

impl Home {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        enrol(dir.path());
        let hand = Hand::new();
        let terminal = open(dir.path(), &hand);
        Self {
            _dir: dir,
            hand,
            terminal,
            n: 0,
        }
    }
    fn pull(&mut self, kind: &str, entity: impl std::fmt::Display, body: impl serde::Serialize) {
        self.n += 1;
        let row = row(Mailbox::Author, self.n, kind, entity, body);
        testing::pull(self.terminal.store(), vec![row]).unwrap();
    }
    fn pull_case(&mut self, case: &CaseRow) {
        self.pull(kind::CASE, case.case, case);
    }
    fn pull_activity(&mut self, activity: &ActivityRow) {
        self.pull(kind::ACTIVITY, activity.record, activity);
    }
    fn receive(&self) {
        testing::receive_all(self.terminal.store(), Millis(MORNING), true).unwrap();
    }
    fn report(&self, text: &str) -> Submitted {
        self.terminal.new_report().unwrap().text(text).submit().unwrap()
    }
    fn activity(&self, title: &str, starts: Millis) -> Submitted {
        let mut draft = self.terminal.new_activity().unwrap();
        draft
            .category("fitness")
            .title(title)
            .place("文化广场")
            .organiser("文体站")
            .starts(starts)
            .ends(starts.plus(3_600_000))
            .participants(20);
        draft.submit().unwrap()
    }
    /// All pages of this size.
    fn pages(&self, size: usize) -> Vec<HistoryRow> {
        let (mut all, mut after): (Vec<HistoryRow>, Option<HistoryCursor>) = (Vec::new(), None);
        loop {
            let page = self.terminal.history(after, size).unwrap();
            let is_last = page.len() < size;
            // As the command line passes it.
            after = page.last().map(|row| row.cursor().to_string().parse().unwrap());
            all.extend(page);
            if is_last {
                return all;
            }
        }
    }
}

fn id(n: u32) -> Uuid {
    Uuid::from_u128(u128::from(n) << 64 | 7)
}

fn case(n: u32, made: Option<Millis>, state: CaseState) -> CaseRow {
    CaseRow {
        case: CaseId(id(n)),
        record: RecordId(id(1_000_000 + n)),
        number: receipt_number(EntryId(id(n))),
        state: state.into(),
        photos_held: 1,
        photos_named: 2,
        at: made.unwrap_or(Millis(MORNING)).plus(1_000),
        made,
        matter: Some("E0102".parse().unwrap()),
        cell: None,
        address: Some("同志街 88 号".into()),
        text: None,
        withdrawn: false,
        reason: None,
    }
}

fn activity(n: u32, starts: Option<Millis>, state: ActivityState) -> ActivityRow {
    ActivityRow {
        record: RecordId(id(2_000_000 + n)),
        entry: EntryId(id(n)),
        version: 1,
        title: "健步走".into(),
        state: state.into(),
        reason: None,
        at: Millis(MORNING),
        made: starts.map(|at| at.plus(7_200_000)),
        starts,
        ends: starts.map(|at| at.plus(3_600_000)),
        category: starts.map(|_| "fitness".into()),
        participants: starts.map(|_| 60),
        place: Some("文化广场".into()),
    }
}

fn month(text: &str) -> CivilMonth {
    text.parse().unwrap()
}

fn counts(state: MonthState) -> (u32, u32, u32, u32) {
    (state.filed, state.approved, state.returned, state.waiting)
}

#[test]
fn history_is_newest_first_and_every_page_size_gives_each_record_once() {
    let mut home = Home::new();
    for n in 0..60 {
        // Three records each were made in the same millisecond.
        let made = Millis(MORNING - i64::from(n / 3) * DAY_MS);
        home.pull_case(&case(n, Some(made), CaseState::Closed));
        home.pull_activity(&activity(n, Some(made), ActivityState::Approved));
    }
    let own: Vec<Submitted> = (0..5)
        .map(|k| {
            home.hand.advance(1_000);
            home.report(&format!("第 {k} 条"))
        })
        .collect();
    home.receive();
    // The server's row of one of them has arrived.
    let mut known = case(900, Some(Millis(MORNING + 1_500)), CaseState::Handling);
    known.record = own[0].record;
    home.pull_case(&known);
    let all = home.pages(1_000);
    assert_eq!(all.len(), 125);
    assert!(all.windows(2).all(|pair| pair[0].made >= pair[1].made));
    let records: BTreeSet<RecordId> = all.iter().map(|row| row.record).collect();
    assert_eq!(records.len(), all.len(), "each record once");
    for size in [1, 2, 7, 125] {
        assert_eq!(home.pages(size), all, "pages of {size}");
    }
    assert_eq!(home.terminal.history(None, 0).unwrap(), []);
}

#[test]
fn a_row_says_type_place_time_and_state_without_its_item() {
    let mut home = Home::new();
    let catalogue = Catalogue::shipped().unwrap();
    let made = Millis(MORNING - 400 * DAY_MS);
    home.pull_case(&case(1, Some(made), CaseState::Closed));
    let [row] = home.pages(9).try_into().unwrap();
    assert_eq!((row.made, row.photos, &row.item), (made, Some((1, 2)), &None));
    assert_eq!(row.line(Lang::Zh, Some(&catalogue)), "暴露垃圾，同志街 88 号");
    assert_eq!(row.line(Lang::Zh, None), "E0102，同志街 88 号");
    assert_eq!(row.state_words(Lang::Zh, Millis(MORNING)), "结案");
    assert_eq!(row.state_words(Lang::En, Millis(MORNING)), "Closed");
    let mut withdrawn = case(1, Some(made), CaseState::Reported);
    withdrawn.withdrawn = true;
    home.pull_case(&withdrawn);
    let [row] = home.pages(9).try_into().unwrap();
    assert_eq!(row.state_words(Lang::Zh, Millis(MORNING)), "已撤回");
    // A row that the sweep of the server ended is gone.
    let tombstone = protocol::feed::FeedRow {
        mailbox: Mailbox::Author.into(),
        n: 99,
        kind: kind::CASE.into(),
        entity: withdrawn.case.to_string(),
        body: None,
    };
    testing::pull(home.terminal.store(), vec![tombstone]).unwrap();
    assert_eq!(home.pages(9), []);
}

#[test]
fn rows_of_older_and_newer_servers_are_listed_as_far_as_they_can_be_read() {
    let mut home = Home::new();
    let record = |n: u32| RecordId(id(n));
    // An older server: no time of making, so the last change stands for it.
    let old = json!({"case": CaseId(id(1)), "record": record(1), "number": "261122-1", "state": "handling",
        "photos_held": 0, "photos_named": 0, "at": MORNING - DAY_MS});
    home.pull(kind::CASE, 1, old);
    // A newer server: an unknown state, and a form that this version cannot read.
    let unknown = json!({"case": CaseId(id(2)), "record": record(2), "number": "261122-2", "state": "archived",
        "photos_held": 0, "photos_named": 0, "at": MORNING, "made": MORNING});
    home.pull(kind::CASE, 2, unknown);
    home.pull(
        kind::CASE,
        3,
        json!({"record": record(3), "made": MORNING, "parts": [1, 2]}),
    );
    home.pull(kind::CASE, 4, json!({"made": "yesterday"}));
    let rows = home.pages(1);
    let shown: Vec<(RecordId, String)> = rows
        .iter()
        .map(|row| (row.record, row.state_words(Lang::Zh, Millis(MORNING))))
        .collect();
    assert_eq!(
        shown,
        [
            (record(2), "archived".to_owned()),
            (record(1), "处置中".to_owned())
        ]
    );
}

#[test]
fn an_own_item_is_listed_at_once_with_the_state_of_the_queue() {
    let mut home = Home::new();
    let filed = home.report("路边有垃圾");
    let cancelled = home.report("按错了");
    home.terminal.withdraw(cancelled.item, "").unwrap();
    let [row] = home.pages(9).try_into().unwrap();
    assert_eq!(
        (row.record, row.number.as_deref(), row.text.as_str()),
        (filed.record, None, "路边有垃圾")
    );
    assert_eq!(row.item.as_ref().unwrap().state, ItemState::Queued);
    assert_eq!(row.state_words(Lang::Zh, Millis(MORNING)), "待上传");
    home.receive();
    let [row] = home.pages(9).try_into().unwrap();
    assert_eq!(row.number, Some(receipt_number(filed.item)));
    let mut known = case(1, Some(Millis(MORNING)), CaseState::Handling);
    known.record = filed.record;
    home.pull_case(&known);
    let [row] = home.pages(9).try_into().unwrap();
    assert_eq!(
        (row.case.clone(), row.text.as_str()),
        (Some(CaseState::Handling.into()), "路边有垃圾")
    );
    assert_eq!(row.state_words(Lang::Zh, Millis(MORNING)), "已收到，处置中");
    // The item is forgotten, the row stays.
    home.hand.advance(40 * DAY_MS);
    home.terminal
        .store()
        .prune(Millis(MORNING + 40 * DAY_MS), &|_, _| false)
        .unwrap();
    let [row] = home.pages(9).try_into().unwrap();
    assert_eq!((row.item.clone(), row.record), (None, filed.record));
    assert_eq!(row.state_words(Lang::Zh, Millis(MORNING)), "处置中");
}

#[test]
fn only_the_last_version_of_a_record_is_listed() {
    let mut home = Home::new();
    let first = home.activity("健身操", Millis(MORNING - DAY_MS));
    home.receive();
    let mut returned = activity(1, Some(Millis(MORNING - DAY_MS)), ActivityState::Returned);
    (returned.record, returned.entry) = (first.record, first.item);
    returned.reason = Some("人数不符".into());
    home.pull_activity(&returned);
    let [row] = home.pages(9).try_into().unwrap();
    assert_eq!(row.state_words(Lang::Zh, Millis(MORNING)), "被退回：人数不符");
    let mut draft = home.terminal.revise_activity(first.record).unwrap();
    draft.participants(30);
    let second = draft.submit().unwrap();
    let [row] = home.pages(9).try_into().unwrap();
    assert_eq!(
        (row.item.as_ref().unwrap().id, row.participants),
        (second.item, Some(30))
    );
    assert_eq!(row.state_words(Lang::Zh, Millis(MORNING)), "待上传");
}

/// Rule: SP-05.
#[test]
fn the_month_is_that_of_the_beginning_in_shanghai() {
    let mut home = Home::new();
    // 2026-11-30 23:30 to 2026-12-01 00:30 counts for November.
    let late = Millis(MORNING + 8 * DAY_MS + 15 * 3_600_000 + 15 * 60_000);
    assert_eq!(late.text(), "2026-11-30 23:30:03");
    for (n, starts, state) in [
        (1, Millis(MORNING), ActivityState::Approved),
        (2, late, ActivityState::Submitted),
        (3, Millis(MORNING - DAY_MS), ActivityState::Returned),
        (4, late.plus(1_800_000), ActivityState::Approved),
        (5, Millis(MORNING - 365 * DAY_MS), ActivityState::Approved),
    ] {
        home.pull_activity(&activity(n, Some(starts), state));
    }
    // A row of an older server has no beginning.
    home.pull_activity(&activity(6, None, ActivityState::Approved));
    let of = |text| counts(home.terminal.activities(month(text)).unwrap());
    assert_eq!(of("2026-11"), (3, 1, 1, 1));
    assert_eq!(of("2026-12"), (1, 1, 0, 0));
    assert_eq!(of("2025-11"), (1, 1, 0, 0));
    assert_eq!(of("2026-10"), (0, 0, 0, 0));
    let months = home.terminal.activity_months(3).unwrap();
    let shown: Vec<_> = months
        .iter()
        .map(|state| (state.month.to_string(), state.filed))
        .collect();
    assert_eq!(
        shown,
        [
            ("2026-11".to_owned(), 3),
            ("2026-10".to_owned(), 0),
            ("2026-09".to_owned(), 0)
        ]
    );
}

#[test]
fn own_records_count_in_their_month_before_the_server_has_them() {
    let mut home = Home::new();
    let here = |home: &Home| counts(home.terminal.activities(month("2026-11")).unwrap());
    let first = home.activity("健身操", Millis(MORNING - DAY_MS));
    let cancelled = home.activity("按错了", Millis(MORNING - DAY_MS));
    home.terminal.withdraw(cancelled.item, "").unwrap();
    assert_eq!(here(&home), (1, 0, 0, 1));
    home.receive();
    assert_eq!(here(&home), (1, 0, 0, 1));
    let mut known = activity(1, Some(Millis(MORNING - DAY_MS)), ActivityState::Returned);
    (known.record, known.entry) = (first.record, first.item);
    home.pull_activity(&known);
    assert_eq!(here(&home), (1, 0, 1, 0));
    // A revised version waits for its review, though the row still says returned.
    let second = home
        .terminal
        .revise_activity(first.record)
        .unwrap()
        .submit()
        .unwrap();
    assert_eq!(here(&home), (1, 0, 0, 1));
    home.receive();
    assert_eq!(here(&home), (1, 0, 0, 1));
    (known.entry, known.version, known.state) = (second.item, 2, ActivityState::Approved.into());
    home.pull_activity(&known);
    assert_eq!(here(&home), (1, 1, 0, 0));
    // Approved, and revised once more on another handset.
    let other = EntryId(id(77));
    home.pull(
        kind::DISPOSITION,
        second.item,
        DispositionRow {
            entry: second.item,
            record: first.record,
            disposition: Disposition::applied(),
            at: Millis(MORNING),
        },
    );
    (known.entry, known.version, known.state) = (other, 3, ActivityState::Submitted.into());
    home.pull_activity(&known);
    assert_eq!(here(&home), (1, 0, 0, 1));
}
