//! Pages of the queue, one item in full, and the home screen's counts: whatever happened to the items, they say the
//! same as the whole queue.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use proptest::prelude::*;
use protocol::{
    entry::{Disposition, Reason},
    feed::{ActivityRow, ActivityState, CaseRow, DispositionRow, Mailbox, kind},
    ids::{CaseId, EntryId},
    payload::Payload,
    problem::ErrorCode,
    time::Millis,
};
use terminal_core::{
    photos::PhotoSource,
    store::testing,
    terminal::Terminal,
    work::{ItemState, QueueFilter, QueueRow},
};
use uuid::Uuid;

mod work_support;
use work_support::{Hand, MORNING, enrol, in_the_west_cell, open, picture, row};

/// What may happen to an item.
#[derive(Debug, Clone, Copy)]
enum Fate {
    Waits,
    Received,
    Rejected,
    RejectedAndRevised,
    Cancelled,
    WithdrawalAsked,
    ActivityReturned,
    CheckedIn,
    Draft,
}

fn fates() -> impl Strategy<Value = Vec<Fate>> {
    let one = prop::sample::select(vec![
        Fate::Waits,
        Fate::Received,
        Fate::Rejected,
        Fate::RejectedAndRevised,
        Fate::Cancelled,
        Fate::WithdrawalAsked,
        Fate::ActivityReturned,
        Fate::CheckedIn,
        Fate::Draft,
    ]);
    prop::collection::vec(one, 0..12)
}

struct Player {
    terminal: Terminal,
    n: u64,
}

impl Player {
    fn report(&self) -> EntryId {
        self.terminal
            .new_report()
            .unwrap()
            .text("井盖破损")
            .submit()
            .unwrap()
            .item
    }
    fn receive(&self) {
        testing::receive_all(self.terminal.store(), Millis(MORNING), true).unwrap();
    }
    fn pull(&mut self, kind: &str, entity: impl std::fmt::Display, body: impl serde::Serialize) {
        self.n += 1;
        let row = row(Mailbox::Author, self.n, kind, entity, body);
        testing::pull(self.terminal.store(), vec![row]).unwrap();
    }
    fn reject(&mut self, id: EntryId) {
        let reason = Reason::new(ErrorCode::parse("report.unclear"), "看不清", "not clear");
        let body = DispositionRow {
            entry: id,
            record: self.terminal.store().item(id).unwrap().unwrap().record,
            disposition: Disposition::rejected(reason),
            at: Millis(MORNING),
        };
        self.pull(kind::DISPOSITION, id, body);
    }
    fn live(&mut self, fate: Fate) {
        match fate {
            Fate::Waits => drop(self.report()),
            Fate::Received => {
                self.report();
                self.receive();
            }
            Fate::Rejected | Fate::RejectedAndRevised => {
                let id = self.report();
                self.receive();
                self.reject(id);
                if matches!(fate, Fate::RejectedAndRevised) {
                    self.terminal.revise_report(id).unwrap().submit().unwrap();
                }
            }
            Fate::Cancelled => {
                let id = self.report();
                self.terminal.withdraw(id, "").unwrap();
            }
            Fate::WithdrawalAsked => {
                let id = self.report();
                self.receive();
                self.terminal.withdraw(id, "重复").unwrap();
            }
            Fate::ActivityReturned => {
                let mut draft = self.terminal.new_activity().unwrap();
                draft
                    .category("fitness")
                    .title("广场健身操")
                    .place("文化广场")
                    .organiser("文体站")
                    .starts(Millis(MORNING))
                    .ends(Millis(MORNING + 3_600_000))
                    .participants(20);
                let seed = u32::try_from(self.n).unwrap();
                draft.add_photo(PhotoSource::Bytes(&picture(seed))).unwrap();
                let filed = draft.submit().unwrap();
                self.receive();
                let body = serde_json::json!({
                    "record": filed.record, "entry": filed.item, "version": 1, "title": "广场健身操",
                    "state": ActivityState::Returned, "reason": "人数不符", "at": MORNING,
                });
                serde_json::from_value::<ActivityRow>(body.clone()).unwrap();
                self.pull(kind::ACTIVITY, filed.record, body);
            }
            Fate::CheckedIn => {
                if self.terminal.presence().unwrap().on_duty {
                    self.terminal.check_out(None, "").unwrap();
                } else {
                    self.terminal.check_in(Some(in_the_west_cell()), "").unwrap();
                }
            }
            Fate::Draft => drop(self.terminal.new_report().unwrap().text("草稿").save().unwrap()),
        }
    }
}

fn player() -> (tempfile::TempDir, Player) {
    let dir = tempfile::tempdir().unwrap();
    enrol(dir.path());
    let terminal = open(dir.path(), &Hand::new());
    (dir, Player { terminal, n: 0 })
}

fn by_pages(terminal: &Terminal, filter: QueueFilter, size: usize) -> Vec<QueueRow> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = terminal.queue_page(filter, after, size).unwrap();
        assert!(page.len() <= size);
        let Some(last) = page.last() else { return all };
        after = last.n;
        all.extend(page);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn w13_pages_and_counts_say_the_same_as_the_whole_queue(fates in fates(), size in 1usize..5) {
        let (_dir, mut player) = player();
        for fate in &fates {
            player.live(*fate);
        }
        let terminal = &player.terminal;
        let queue = terminal.queue().unwrap();
        let items: Vec<QueueRow> = queue.iter().filter(|row| !row.is_draft()).cloned().collect();
        prop_assert_eq!(&by_pages(terminal, QueueFilter::All, size), &items);
        let needs_you: Vec<QueueRow> = items.iter().filter(|row| row.needs_author()).cloned().collect();
        prop_assert_eq!(&by_pages(terminal, QueueFilter::NeedsYou, size), &needs_you);
        for row in by_pages(terminal, QueueFilter::Unsent, size) {
            let item = terminal.store().item(row.id).unwrap().unwrap();
            prop_assert!(!item.is_complete());
        }
        let status = terminal.status().unwrap();
        prop_assert_eq!(status.drafts, queue.iter().filter(|row| row.is_draft()).count());
        prop_assert_eq!(status.items_waiting, queue.iter().filter(|row| row.waits_for_receipt()).count());
        prop_assert_eq!(status.returned, needs_you.len());
        for row in queue {
            prop_assert_eq!(&terminal.queue_row(row.id).unwrap(), &row);
        }
    }
}

#[test]
fn an_item_shows_what_was_said_its_photos_its_case_and_its_versions() {
    let (_dir, mut player) = player();
    let terminal = player.terminal.clone();
    let mut draft = terminal.new_report().unwrap();
    draft.text("井盖破损").at(in_the_west_cell());
    draft.add_photo(PhotoSource::Bytes(&picture(3))).unwrap();
    let photo = draft.photos().first().unwrap().sha256;
    let filed = draft.submit().unwrap();
    let waiting = terminal.item(filed.item).unwrap();
    assert_eq!(waiting.row.state, ItemState::Queued);
    assert_eq!(
        waiting.evidence.unwrap().position.unwrap().point,
        in_the_west_cell().point
    );
    assert_eq!(
        (waiting.photos.len(), waiting.photos.first().unwrap().sent),
        (1, 0)
    );
    let Some(Payload::Report(said)) = waiting.payload else {
        panic!("a report")
    };
    assert_eq!(said.text, "井盖破损");
    let small = terminal.thumbnail(photo).unwrap();
    assert!(small.len() < terminal.photo(photo).unwrap().len());
    let nobody = protocol::photo::Sha256([7; 32]);
    assert_eq!(terminal.photo(nobody).unwrap_err().code(), "photo.missing");
    player.receive();
    let case = serde_json::json!({
        "case": CaseId(Uuid::from_u128(9)), "record": filed.record, "number": "2201040001", "state": "reported",
        "photos_held": 1, "photos_named": 1, "at": MORNING,
    });
    serde_json::from_value::<CaseRow>(case.clone()).unwrap();
    player.pull(kind::CASE, CaseId(Uuid::from_u128(9)), case);
    player.reject(filed.item);
    let second = terminal.revise_report(filed.item).unwrap().submit().unwrap();
    let item = terminal.item(second.item).unwrap();
    assert_eq!(item.case.unwrap().number, "2201040001");
    let versions: Vec<EntryId> = item.versions.iter().map(|row| row.id).collect();
    assert_eq!(versions, [filed.item, second.item]);
    let unknown = EntryId(Uuid::from_u128(1));
    assert_eq!(terminal.item(unknown).unwrap_err().code(), "item.unknown");
}
