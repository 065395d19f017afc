//! The worker's day without a network: nothing is lost, nothing is filed twice, and every message is true.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::wildcard_imports
)]

#[path = "work_terminal/choosing.rs"]
mod choosing;
#[path = "work_terminal/fixes.rs"]
mod fixes;
#[path = "work_terminal/queue.rs"]
mod queue;
#[path = "work_terminal/tasks.rs"]
mod tasks;

use protocol::{
    case::CaseState,
    duty::{Answer, Purpose, TaskRow},
    entry::{Disposition, DispositionState, Reason},
    feed::{ActivityRow, ActivityState, CaseRow, DispositionRow, Mailbox, PresenceRow, kind},
    ids::{CaseId, EntryId, TaskId},
    manifest::{AskedEvidence, FileName},
    open::Open,
    payload::{EntryKind, Payload},
    problem::{ErrorCode, HandsetCode},
    time::Millis,
};
use std::{fs, path::Path};
use tempfile::TempDir;
use terminal_core::{
    grid::PlaceAnswer,
    photos::PhotoSource,
    store::{self, testing},
    terminal::Terminal,
    words::Lang,
    work::{ItemState, QueueRow, Withdrawal},
};
use uuid::Uuid;

mod work_support;
use work_support::{Hand, MORNING, enrol, in_the_west_cell, open, picture, row, two_cells};

struct Home {
    dir: TempDir,
    hand: Hand,
}

impl Home {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        enrol(dir.path());
        Self {
            dir,
            hand: Hand::new(),
        }
    }
    fn path(&self) -> &Path {
        self.dir.path()
    }
    /// Opens the handset as after a start of the process.
    fn open(&self) -> Terminal {
        open(self.path(), &self.hand)
    }
    fn photo_files(&self) -> usize {
        fs::read_dir(self.path().join("photos")).map_or(0, |files| files.count())
    }
}

fn find(terminal: &Terminal, id: EntryId) -> QueueRow {
    terminal
        .queue()
        .unwrap()
        .into_iter()
        .find(|row| row.id == id)
        .unwrap()
}
fn payload(terminal: &Terminal, id: EntryId) -> (protocol::entry::Entry, Payload) {
    let (_, bytes) = terminal.store().entry(id).unwrap();
    let (entry, payload) = protocol::entry::Entry::read(&bytes).unwrap();
    (entry, payload.unwrap())
}
fn dispose(terminal: &Terminal, n: u64, id: EntryId, disposition: Disposition) {
    let record = terminal.store().item(id).unwrap().unwrap().record;
    let body = DispositionRow {
        entry: id,
        record,
        disposition,
        at: Millis(MORNING),
    };
    testing::pull(
        terminal.store(),
        vec![row(Mailbox::Author, n, kind::DISPOSITION, id, body)],
    )
    .unwrap();
}

#[test]
fn a_draft_of_a_newer_app_is_shown_as_such_and_never_lost() {
    let home = Home::new();
    let terminal = home.open();
    let newer = |kind: &str, json: String| {
        let id = EntryId(Uuid::from_u128(
            0x0190_0000_0000_7000_8000_0000_0000_0000 + json.len() as u128,
        ));
        let (kind, updated) = (kind.to_owned(), Millis(MORNING));
        terminal
            .store()
            .save_draft(&store::SavedDraft {
                id,
                kind,
                json,
                updated,
            })
            .unwrap();
        id
    };
    let record = Uuid::from_u128(7);
    let drafts = [
        newer("sketch", format!(r#"{{"record":"{record}","strokes":[1,2]}}"#)),
        newer("report", r#"{"fields":{"text":"a shape of its own"}}"#.into()),
        newer("answer", "not even JSON".into()),
    ];
    let kept = terminal.store().drafts().unwrap();
    for id in drafts {
        let row = find(&terminal, id);
        assert!(row.is_draft());
        assert_eq!(row.reason().unwrap().code, "draft.newer");
        assert!(row.reason().unwrap().zh.contains("更新应用"));
        // Every operation on it is refused with the same reason, and it stays.
        for refused in [
            terminal.report_draft(id).err().unwrap(),
            terminal.withdraw(id, "").unwrap_err(),
        ] {
            assert_eq!(refused.code(), "draft.newer");
        }
    }
    assert_eq!(terminal.status().unwrap().drafts, 3);
    assert_eq!(find(&terminal, drafts[0]).record.0, record);
    terminal.forget_old().unwrap();
    assert_eq!(home.open().store().drafts().unwrap(), kept);
}

#[test]
fn story_31_a_report_survives_a_kill_between_photo_and_submit() {
    let home = Home::new();
    let id = {
        let terminal = home.open();
        let mut draft = terminal.new_report().unwrap();
        draft
            .matter("E0102".parse().unwrap())
            .unwrap()
            .text("路边有垃圾")
            .at(in_the_west_cell());
        draft.add_photo(PhotoSource::Bytes(&picture(1))).unwrap();
        draft.id()
        // Dropped without saving: the process was killed.
    };
    let terminal = home.open();
    let row = find(&terminal, id);
    assert_eq!((row.state, row.photos_named, row.n), (ItemState::Draft, 1, None));
    assert_eq!(row.summary.words(Lang::Zh), "暴露垃圾，路边有垃圾");
    let mut draft = terminal.report_draft(id).unwrap();
    draft.add_photo(PhotoSource::Bytes(&picture(2))).unwrap();
    let filed = draft.submit().unwrap();
    assert_eq!((filed.item, filed.photos, filed.again), (id, 2, false));
    let (entry, Payload::Report(report)) = payload(&home.open(), id) else {
        panic!()
    };
    assert_eq!((report.text.as_str(), report.photos.len()), ("路边有垃圾", 2));
    assert_eq!(entry.evidence.position, Some(in_the_west_cell()));
    assert!(home.open().store().drafts().unwrap().is_empty());
}

#[test]
fn story_06_the_same_draft_submitted_many_times_is_one_item() {
    let home = Home::new();
    let terminal = home.open();
    let mut draft = terminal.new_report().unwrap();
    draft.text("井盖松动").save().unwrap();
    let id = draft.id();
    // From many threads and from handles that were opened before, like taps on a hanging screen.
    let results: Vec<bool> = std::thread::scope(|scope| {
        let drafts: Vec<_> = (0..6).map(|_| home.open().report_draft(id).unwrap()).collect();
        let taps: Vec<_> = drafts
            .into_iter()
            .map(|mut draft| scope.spawn(move || draft.submit().unwrap().again))
            .collect();
        taps.into_iter().map(|tap| tap.join().unwrap()).collect()
    });
    assert_eq!(results.iter().filter(|again| !**again).count(), 1, "{results:?}");
    assert!(draft.submit().unwrap().again);
    assert_eq!(terminal.store().items().unwrap().len(), 1);
    assert_eq!(
        draft.text("另一件事").save().err().unwrap().code(),
        "draft.submitted"
    );
}

#[test]
fn no_part_of_a_report_is_on_the_disk_unencrypted() {
    let home = Home::new();
    let terminal = home.open();
    let text = "绝密口令：红色灯笼挂在北门 SECRET-LANTERN-42";
    let mut draft = terminal.new_report().unwrap();
    draft.text(text).address("北门外大街七号院");
    draft.add_photo(PhotoSource::Bytes(&picture(3))).unwrap();
    let photo = draft.photos()[0].sha256;
    let jpeg = terminal.photo_folder().read(photo).unwrap();
    let thumbnail = terminal.photo_folder().thumbnail(photo).unwrap();
    let mut seen = 0;
    let mut look = |when: &str| {
        let mut folders = vec![home.path().to_path_buf()];
        while let Some(folder) = folders.pop() {
            for file in fs::read_dir(folder).unwrap() {
                let path = file.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let bytes = fs::read(&path).unwrap();
                seen += bytes.len();
                let holds = |part: &[u8]| bytes.windows(part.len()).any(|w| w == part);
                let shown = path.display();
                assert!(
                    !bytes.starts_with(b"\xff\xd8\xff") && !holds(b"JFIF\0"),
                    "{when}: a JPEG in {shown}"
                );
                for part in ["SECRET-LANTERN", "红色灯笼", "北门外大街"] {
                    assert!(!holds(part.as_bytes()), "{when}: the report's words in {shown}");
                }
                for part in [
                    &jpeg[jpeg.len() / 2..][..12],
                    &thumbnail[thumbnail.len() / 2..][..12],
                ] {
                    assert!(!holds(part), "{when}: the photo's bytes in {shown}");
                }
            }
        }
    };
    look("as a draft");
    draft.submit().unwrap();
    look("in the outbox");
    testing::receive_all(terminal.store(), Millis(MORNING), true).unwrap();
    drop(draft);
    drop(terminal);
    look("received and closed");
    assert!(seen > jpeg.len() * 3, "the photo was there to be looked at");
}

#[test]
fn the_same_file_added_twice_is_one_photo_and_two_equal_reports_share_nothing() {
    let home = Home::new();
    let terminal = home.open();
    let mut draft = terminal.new_report().unwrap();
    draft.add_photo(PhotoSource::Bytes(&picture(4))).unwrap();
    home.hand.advance(60_000);
    draft.add_photo(PhotoSource::Bytes(&picture(4))).unwrap();
    assert_eq!(draft.photos().len(), 1);
    assert_eq!(home.photo_files(), 2, "photo and thumbnail, nothing else");
    // Story 5: identical bytes in two reports are photos of two items; withdrawing one does not remove the
    // other's.
    let mut other = terminal.new_report().unwrap();
    home.hand.advance(-60_000);
    other.add_photo(PhotoSource::Bytes(&picture(4))).unwrap();
    assert_eq!(other.photos()[0].sha256, draft.photos()[0].sha256);
    let kept = other.submit().unwrap().item;
    draft.submit().unwrap();
    assert_eq!(terminal.withdraw(draft.id(), "").unwrap(), Withdrawal::Cancelled);
    let photo = terminal.store().item(kept).unwrap().unwrap().photos[0].sha256;
    assert!(terminal.photo_folder().read(photo).is_ok());
    assert_eq!(terminal.withdraw(kept, "").unwrap(), Withdrawal::Cancelled);
    assert_eq!(home.photo_files(), 0);
}

#[test]
fn bad_photos_are_refused_and_the_draft_is_unchanged() {
    let home = Home::new();
    let terminal = home.open();
    let mut draft = terminal.new_report().unwrap();
    draft.add_photo(PhotoSource::Bytes(&picture(5))).unwrap();
    for (bytes, code) in [
        (Vec::new(), "photo.empty"),
        (b"no photo".to_vec(), "photo.not_an_image"),
        (picture(6)[..3000].to_vec(), "photo.cut_off"),
    ] {
        assert_eq!(
            draft.add_photo(PhotoSource::Bytes(&bytes)).err().unwrap().code(),
            code
        );
    }
    assert_eq!(draft.photos().len(), 1);
    assert_eq!(
        terminal.report_draft(draft.id()).unwrap().photos(),
        draft.photos()
    );
    for seed in 0..19 {
        draft.add_photo(PhotoSource::Bytes(&picture(100 + seed))).unwrap();
    }
    let files = home.photo_files();
    assert_eq!(
        draft
            .add_photo(PhotoSource::Bytes(&picture(200)))
            .err()
            .unwrap()
            .code(),
        "photo.too_many"
    );
    assert_eq!(home.photo_files(), files);
    draft.add_photo(PhotoSource::Bytes(&picture(5))).unwrap();
    // A damaged photo file is noticed before anything is filed.
    let name = format!("{}.photo", draft.photos()[0].sha256);
    fs::write(home.path().join("photos").join(name), b"gone").unwrap();
    assert_eq!(draft.submit().unwrap_err().code(), "photo.damaged");
    assert!(terminal.store().items().unwrap().is_empty());
    assert!(
        terminal
            .new_report()
            .unwrap()
            .submit()
            .is_err_and(|e| e.code() == "report.empty")
    );
}

#[test]
fn a_second_check_in_is_refused() {
    let home = Home::new();
    let terminal = home.open();
    assert_eq!(terminal.check_out(None, "").unwrap_err().code(), "checkin.not");
    let item = terminal.check_in(Some(in_the_west_cell()), "早班").unwrap();
    let error = home.open().check_in(None, "").unwrap_err();
    assert_eq!(error.code(), "checkin.already");
    assert!(error.reason().zh.contains("08:15"), "{}", error.reason().zh);
    assert_eq!(terminal.store().items().unwrap().len(), 1);
    // Withdrawn before it was offered: it leaves no trace.
    terminal.withdraw(item.id, "").unwrap();
    assert!(!terminal.presence().unwrap().on_duty);
    terminal.check_in(None, "").unwrap();
    assert_eq!(terminal.presence().unwrap().began, None, "the shift goes on");
    home.hand.advance(8 * 3_600_000);
    terminal.check_out(None, "").unwrap();
    let over = terminal.presence().unwrap();
    assert!(!over.on_duty);
    let hours = |at: Option<Millis>| (at.unwrap().0 - MORNING) / 3_600_000;
    assert_eq!((hours(over.began), hours(over.since)), (0, 8));
}

#[test]
fn a_new_civil_day_takes_a_check_in_after_a_forgotten_check_out() {
    let home = Home::new();
    let terminal = home.open();
    terminal.check_in(None, "").unwrap();
    // 08:15 in the morning: the day ends in less than sixteen hours.
    home.hand.advance(15 * 3_600_000);
    assert_eq!(terminal.check_in(None, "").unwrap_err().code(), "checkin.already");
    home.hand.advance(3_600_000);
    terminal.check_in(None, "").unwrap();
    assert_eq!(terminal.store().items().unwrap().len(), 2);
}

#[test]
fn concurrent_check_ins_file_one_item() {
    let home = Home::new();
    let results: Vec<_> = std::thread::scope(|scope| {
        let taps: Vec<_> = (0..6)
            .map(|_| scope.spawn(|| home.open().check_in(None, "").is_ok()))
            .collect();
        taps.into_iter().map(|tap| tap.join().unwrap()).collect()
    });
    assert_eq!(results.iter().filter(|ok| **ok).count(), 1, "{results:?}");
    assert_eq!(home.open().store().items().unwrap().len(), 1);
}

#[test]
fn only_a_newer_presence_row_of_the_server_ends_a_shift() {
    let home = Home::new();
    let terminal = home.open();
    let said = |n, present, since| {
        let person = terminal.account().holder;
        let body = PresenceRow {
            person,
            present,
            since: Millis(since),
        };
        testing::pull(
            terminal.store(),
            vec![row(Mailbox::Author, n, kind::PRESENCE, person, body)],
        )
        .unwrap();
    };
    said(1, false, MORNING - 1000);
    terminal.check_in(None, "").unwrap();
    assert!(
        terminal.presence().unwrap().on_duty,
        "our own check-in waits and is newer"
    );
    testing::receive_all(terminal.store(), Millis(MORNING + 5000), false).unwrap();
    assert!(
        terminal.presence().unwrap().on_duty,
        "received, the mailbox not read yet"
    );
    said(2, true, MORNING);
    assert!(terminal.presence().unwrap().confirmed);
    said(3, false, MORNING + 8 * 3_600_000);
    let ended = terminal.presence().unwrap();
    assert!(!ended.on_duty, "the shift ended");
    assert_eq!(ended.began, Some(Millis(MORNING)), "it began here");
    assert!(terminal.check_in(None, "").is_ok());
}
