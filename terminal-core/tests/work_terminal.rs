//! The worker's day without a network: nothing is lost, nothing is filed twice, and every message is true.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use protocol::{
    duty::{Answer, Purpose, TaskRow},
    entry::{Disposition, DispositionState, Reason},
    feed::{ActivityRow, ActivityState, DispositionRow, Mailbox, PresenceRow, kind},
    ids::{EntryId, TaskId},
    manifest::FileName,
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
    assert_eq!(row.summary, "暴露垃圾，路边有垃圾");
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
    terminal.check_out(None, "").unwrap();
    assert!(!terminal.presence().unwrap().on_duty);
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
    assert!(!terminal.presence().unwrap().on_duty, "the shift ended");
    assert!(terminal.check_in(None, "").is_ok());
}

#[test]
fn an_item_shows_its_state_at_every_step() {
    let home = Home::new();
    let terminal = home.open();
    let mut draft = terminal.new_report().unwrap();
    draft.text("积水");
    draft.add_photo(PhotoSource::Bytes(&picture(7))).unwrap();
    let id = draft.submit().unwrap().item;
    let words = |lang| find(&terminal, id).state_words(lang, Millis(MORNING));
    assert_eq!(words(Lang::Zh), "待上传");
    assert_eq!(
        find(&terminal, id).receipt_number(),
        None,
        "no number before the receipt"
    );
    testing::receive_all(terminal.store(), Millis(MORNING), false).unwrap();
    assert_eq!(words(Lang::Zh), "已收到，照片 0/1");
    assert_eq!(words(Lang::En), "Received, photos 0 of 1");
    assert!(find(&terminal, id).receipt_number().is_some());
    assert!(!find(&terminal, id).is_finished());
    testing::receive_all(terminal.store(), Millis(MORNING), true).unwrap();
    assert_eq!(words(Lang::Zh), "已收到");
    assert!(find(&terminal, id).is_finished());
    let reason = |code: &str| {
        Reason::new(
            ErrorCode::parse(code),
            "照片看不清，请重拍",
            "the photo is blurred, take it again",
        )
    };
    dispose(&terminal, 1, id, Disposition::review(reason("late")));
    assert_eq!(words(Lang::Zh), "转人工核对：照片看不清，请重拍");
    dispose(&terminal, 2, id, Disposition::rejected(reason("blurred")));
    assert_eq!(words(Lang::Zh), "被退回：照片看不清，请重拍");
    assert!(find(&terminal, id).needs_author());
    // Revised: a new entry of the same record, with the photo that is still here.
    let mut mended = terminal.revise_report(id).unwrap();
    assert_eq!(mended.content().text, "积水");
    mended.text("积水，已补照片");
    mended.add_photo(PhotoSource::Bytes(&picture(8))).unwrap();
    let next = mended.submit().unwrap().item;
    let (entry, Payload::Report(report)) = payload(&terminal, next) else {
        panic!()
    };
    assert_eq!(
        (entry.supersedes, entry.record),
        (Some(id), find(&terminal, id).record)
    );
    assert_eq!(report.photos.len(), 2);
    assert_eq!(words(Lang::Zh), "被退回，已修改");
    assert_eq!(
        terminal.revise_report(id).err().unwrap().code(),
        "item.mended_already"
    );
    assert_eq!(
        terminal.revise_report(next).err().unwrap().code(),
        "report.not_returned"
    );
}

#[test]
fn a_withdrawal_cancels_before_the_offer_and_is_filed_after_it() {
    let home = Home::new();
    let terminal = home.open();
    let mut draft = terminal.new_report().unwrap();
    draft.add_photo(PhotoSource::Bytes(&picture(9))).unwrap();
    let id = draft.id();
    assert_eq!(terminal.withdraw(id, "").unwrap(), Withdrawal::DraftDiscarded);
    assert_eq!(home.photo_files(), 0);
    assert_eq!(terminal.withdraw(id, "").unwrap_err().code(), "item.unknown");

    let mut draft = terminal.new_report().unwrap();
    let id = draft.text("一").submit().unwrap().item;
    testing::receive_all(terminal.store(), Millis(MORNING), true).unwrap();
    let Withdrawal::Requested(withdrawal) = terminal.withdraw(id, "重复").unwrap() else {
        panic!()
    };
    let (entry, Payload::Withdraw(said)) = payload(&terminal, withdrawal) else {
        panic!()
    };
    assert_eq!(
        (said.entry, said.reason.as_str(), entry.after),
        (id, "重复", Some(id))
    );
    assert_eq!(
        find(&terminal, id).state,
        ItemState::Withdrawing,
        "nobody has agreed yet"
    );
    assert_eq!(find(&terminal, withdrawal).state, ItemState::Queued);
    assert_eq!(
        terminal.withdraw(id, "").unwrap(),
        Withdrawal::Requested(withdrawal),
        "once"
    );
    assert_eq!(
        terminal.withdraw(withdrawal, "").unwrap_err().code(),
        "item.not_cancellable"
    );
}

#[test]
fn an_item_is_withdrawn_only_when_the_server_says_so() {
    let home = Home::new();
    let terminal = home.open();
    let id = terminal.new_report().unwrap().text("一").submit().unwrap().item;
    testing::receive_all(terminal.store(), Millis(MORNING), true).unwrap();
    let Withdrawal::Requested(withdrawal) = terminal.withdraw(id, "").unwrap() else {
        panic!()
    };
    testing::receive_all(terminal.store(), Millis(MORNING), true).unwrap();
    let review = Disposition {
        state: DispositionState::Review.into(),
        reason: None,
    };
    dispose(&terminal, 1, withdrawal, review);
    let row = find(&terminal, id);
    assert_eq!(row.state, ItemState::Withdrawing, "a person decides");
    assert!(!row.is_finished() && !row.state_words(Lang::Zh, Millis(MORNING)).contains("已撤回"));
    dispose(&terminal, 2, withdrawal, Disposition::applied());
    assert_eq!(find(&terminal, id).state, ItemState::Withdrawn);
}

#[test]
fn leftover_photo_files_are_swept_and_named_ones_stay() {
    let home = Home::new();
    let folder = home.path().join("photos");
    let (draft, item) = {
        let terminal = home.open();
        let mut draft = terminal.new_report().unwrap();
        draft.add_photo(PhotoSource::Bytes(&picture(1))).unwrap();
        let mut filed = terminal.new_report().unwrap();
        filed.add_photo(PhotoSource::Bytes(&picture(2))).unwrap();
        (draft.id(), filed.submit().unwrap().item)
    };
    let named = home.photo_files();
    let nobodys = protocol::photo::Sha256([7; 32]);
    let litter = || {
        for name in [
            format!("{nobodys}.photo"),
            format!("{nobodys}.thumb"),
            format!("{nobodys}.photo.new-00ff"),
        ] {
            fs::write(folder.join(name), b"x").unwrap();
        }
    };
    litter();
    fs::write(folder.join("notes.txt"), b"not ours").unwrap();
    let terminal = home.open();
    assert_eq!(home.photo_files(), named + 1, "what is not ours stays as well");
    for photo in [
        terminal.report_draft(draft).unwrap().photos()[0].sha256,
        terminal.store().item(item).unwrap().unwrap().photos[0].sha256,
    ] {
        assert!(terminal.photo_folder().read(photo).is_ok());
        assert!(terminal.photo_folder().thumbnail(photo).is_ok());
    }
    // While a draft is unreadable, nobody knows which photos it names.
    let unread = store::SavedDraft {
        id: EntryId(Uuid::from_u128(77)),
        kind: "report".into(),
        json: "{".into(),
        updated: Millis(0),
    };
    terminal.store().save_draft(&unread).unwrap();
    drop(terminal);
    litter();
    let terminal = home.open();
    assert_eq!(home.photo_files(), named + 4);
    terminal.store().delete_draft(unread.id).unwrap();
    drop(terminal);
    // A quarantined database may name photos that this one does not know.
    let aside = home.path().join("account.db.aside-1");
    fs::write(&aside, b"sealed").unwrap();
    drop(home.open());
    assert_eq!(home.photo_files(), named + 4);
    fs::remove_file(&aside).unwrap();
    drop(home.open());
    assert_eq!(home.photo_files(), named + 1);
}

#[test]
fn only_finished_items_are_deleted_after_thirty_days() {
    const DAY: i64 = 86_400_000;
    let home = Home::new();
    let terminal = home.open();
    let report = |seed: u32| {
        let mut draft = terminal.new_report().unwrap();
        draft.add_photo(PhotoSource::Bytes(&picture(seed))).unwrap();
        draft.submit().unwrap().item
    };
    let (done, returned, mending) = (report(1), report(2), report(3));
    testing::receive_all(terminal.store(), Millis(MORNING), true).unwrap();
    dispose(&terminal, 1, done, Disposition::applied());
    dispose(
        &terminal,
        2,
        returned,
        Disposition::rejected(Reason::new(ErrorCode::parse("blurred"), "看不清", "blurred")),
    );
    dispose(
        &terminal,
        3,
        mending,
        Disposition::rejected(Reason::new(ErrorCode::parse("blurred"), "看不清", "blurred")),
    );
    terminal.revise_report(mending).unwrap().save().unwrap();
    let unsent = report(4);
    let there = || [done, returned, mending, unsent].map(|id| terminal.store().item(id).unwrap().is_some());
    // The clock was not checked against the server, so the age is unknown.
    home.hand.advance(40 * DAY);
    terminal.forget_old().unwrap();
    assert_eq!(there(), [true; 4]);
    let now = terminal_core::platform::Clock::read(&home.hand);
    testing::server_time(terminal.store(), &now, Millis(MORNING + 30 * DAY)).unwrap();
    terminal.forget_old().unwrap();
    assert_eq!(there(), [true; 4], "30 days by the server's time");
    testing::server_time(terminal.store(), &now, Millis(MORNING + 30 * DAY + 1)).unwrap();
    let before = home.photo_files();
    terminal.forget_old().unwrap();
    assert_eq!(there(), [false, true, true, true]);
    assert_eq!(home.photo_files(), before - 2, "with its photo and thumbnail");
}

fn task(n: u128, purpose: Purpose, due: i64) -> TaskRow {
    TaskRow {
        task: TaskId(Uuid::from_u128(n)),
        purpose: purpose.into(),
        wording: "请核实举报".into(),
        cell: "220104010102".parse().unwrap(),
        place: Some(in_the_west_cell().point),
        address: None,
        due: Millis(due),
        compare: None,
        case: None,
        post: protocol::ids::PostId(Uuid::from_u128(3)),
        holder: protocol::ids::PersonId(Uuid::from_u128(4)),
        issued: Millis(MORNING),
    }
}

#[test]
fn a_task_takes_another_answer_only_after_a_withdrawal_or_return() {
    let home = Home::new();
    let terminal = home.open();
    let rows = [
        task(1, Purpose::Check, MORNING + 9000),
        task(2, Purpose::Verify, MORNING + 1000),
    ];
    let feed = rows
        .iter()
        .zip(1..)
        .map(|(r, n)| row(Mailbox::Post, n, kind::TASK, r.task, r))
        .collect();
    testing::pull(terminal.store(), feed).unwrap();
    let order: Vec<TaskId> = terminal
        .tasks()
        .unwrap()
        .iter()
        .map(terminal_core::work::HandsetTask::id)
        .collect();
    assert_eq!(
        order,
        [rows[1].task, rows[0].task],
        "what is due first stands first"
    );
    let verify = terminal.task(rows[1].task).unwrap();
    assert_eq!(
        verify.begin_answer(Answer::Rectified).err().unwrap().code(),
        "task.answer_unfit"
    );
    let mut draft = verify.begin_answer(Answer::NotTrue).unwrap();
    let mut second = verify.begin_answer(Answer::True).unwrap();
    draft.add_photo(PhotoSource::Bytes(&picture(10))).unwrap();
    let id = draft.text("现场已清理").submit().unwrap().item;
    assert_eq!(
        second.submit().unwrap_err().code(),
        HandsetCode::TaskAnsweredAlready,
        "begun before, too late now"
    );
    assert_eq!(
        verify.begin_answer(Answer::True).err().unwrap().code(),
        "task.answered_already"
    );
    assert_eq!(terminal.task(rows[1].task).unwrap().answered, Some(id));
    let (_, Payload::Answer(said)) = payload(&terminal, id) else {
        panic!()
    };
    assert_eq!(
        (said.answer, said.photos.len()),
        (Open::Known(Answer::NotTrue), 1)
    );
    testing::receive_all(terminal.store(), Millis(MORNING), true).unwrap();
    let returned = Reason::new(ErrorCode::parse("task.blurred"), "看不清", "blurred");
    dispose(&terminal, 9, id, Disposition::rejected(returned));
    assert!(
        verify.begin_answer(Answer::True).is_ok(),
        "returned: it can be answered again"
    );
    let nobody = terminal.task(TaskId(Uuid::from_u128(77)));
    assert_eq!(nobody.err().unwrap().code(), "task.unknown");
}

#[test]
fn a_returned_activity_is_revised_as_a_new_version_of_its_record() {
    let home = Home::new();
    let terminal = home.open();
    let mut draft = terminal.new_activity().unwrap();
    draft
        .category("fitness")
        .title("广场健身操")
        .place("文化广场")
        .organiser("文体站");
    assert_eq!(draft.submit().unwrap_err().code(), "activity.incomplete");
    draft
        .starts(Millis(MORNING))
        .ends(Millis(MORNING))
        .participants(0);
    assert_eq!(draft.submit().unwrap_err().code(), "activity.times");
    draft.ends(Millis(MORNING + 3_600_000));
    assert_eq!(draft.submit().unwrap_err().code(), "activity.participants");
    draft.participants(42);
    draft.add_photo(PhotoSource::Bytes(&picture(11))).unwrap();
    let first = draft.submit().unwrap();
    testing::receive_all(terminal.store(), Millis(MORNING), true).unwrap();
    let review = |n, entry, version, state: ActivityState, reason: Option<&str>| {
        let body = ActivityRow {
            record: first.record,
            entry,
            version,
            title: "广场健身操".into(),
            state: state.into(),
            reason: reason.map(Into::into),
            at: Millis(MORNING),
        };
        testing::pull(
            terminal.store(),
            vec![row(Mailbox::Author, n, kind::ACTIVITY, first.record, body)],
        )
        .unwrap();
    };
    review(1, first.item, 1, ActivityState::Returned, Some("人数与照片不符"));
    let words = |id| find(&terminal, id).state_words(Lang::Zh, Millis(MORNING));
    assert_eq!(words(first.item), "被退回：人数与照片不符");
    let mut mended = home.open().revise_activity(first.record).unwrap();
    let second = mended.participants(24).submit().unwrap();
    assert_eq!(second.record, first.record);
    let (entry, Payload::Activity(said)) = payload(&terminal, second.item) else {
        panic!()
    };
    assert_eq!(entry.supersedes, Some(first.item));
    assert_eq!(
        (said.participants, said.photos.len(), said.title.as_str()),
        (24, 1, "广场健身操")
    );
    assert_eq!(words(first.item), "被退回，已修改");
    testing::receive_all(terminal.store(), Millis(MORNING), true).unwrap();
    // However late the review comes, the record is still here to be revised.
    home.hand.advance(40 * 86_400_000);
    let now = terminal_core::platform::Clock::read(&home.hand);
    testing::server_time(terminal.store(), &now, Millis(MORNING + 40 * 86_400_000)).unwrap();
    terminal.forget_old().unwrap();
    assert!(find(&terminal, second.item).awaits_review());
    review(2, second.item, 2, ActivityState::Approved, None);
    assert_eq!(words(second.item), "已收到，通过");
    assert!(find(&terminal, second.item).is_finished());
    assert_eq!(words(first.item), "被退回，已修改", "history stays what it was");
    assert_eq!(
        terminal.revise_activity(first.record).err().unwrap().code(),
        "activity.approved"
    );
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

    let border = protocol::geo::PointE7 {
        lat: here.point.lat,
        lon: 1_253_011_000,
    };
    let PlaceAnswer::In { candidates, .. } = terminal.where_is(border, Some(2000)).unwrap().answer else {
        panic!()
    };
    assert_eq!(candidates.len(), 2);
    assert!(candidates[0].share > candidates[1].share);

    let sea = protocol::geo::PointE7 {
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

#[test]
fn an_unknown_disposition_of_a_newer_server_shows_the_item_as_received() {
    let home = Home::new();
    let terminal = home.open();
    let id = terminal.check_in(None, "").unwrap().id;
    testing::receive_all(terminal.store(), Millis(MORNING), true).unwrap();
    let newer = Disposition {
        state: Open::<DispositionState>::Other("weighed".into()),
        reason: None,
    };
    dispose(&terminal, 1, id, newer);
    assert_eq!(find(&terminal, id).state, ItemState::Received);
    assert_eq!(find(&terminal, id).kind, Open::Known(EntryKind::CheckIn));
}

#[test]
fn opening_a_folder_without_a_handset_creates_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let platform = terminal_core::platform::Platform::command_line(elsewhere.path()).unwrap();
    assert_eq!(
        Terminal::open(dir.path(), platform).err().unwrap().code(),
        "enrol.none"
    );
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn a_terminal_is_shared_between_threads() {
    fn shared<T: Send + Sync + Clone>() {}
    shared::<Terminal>();
}
