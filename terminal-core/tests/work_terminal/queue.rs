//! Items in the queue: states, withdrawal, swept files, retention.

use super::*;

#[test]
fn an_item_shows_its_state_at_every_step() {
    let home = Home::new();
    let terminal = home.open();
    let mut draft = terminal.new_report().unwrap();
    draft.text("积水");
    draft.add_photo(PhotoSource::Bytes(&picture(7))).unwrap();
    let cover = draft.photos().first().map(|photo| photo.sha256);
    assert!(
        cover.is_some() && find(&terminal, draft.id()).cover == cover,
        "a draft"
    );
    let id = draft.submit().unwrap().item;
    assert_eq!(find(&terminal, id).cover, cover, "an item");
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
    let Withdrawal::Requested { id: withdrawal } = terminal.withdraw(id, "重复").unwrap() else {
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
        Withdrawal::Requested { id: withdrawal },
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
    let Withdrawal::Requested { id: withdrawal } = terminal.withdraw(id, "").unwrap() else {
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
    let days = |days: i64| {
        home.hand.advance(days * 86_400_000);
        let now = terminal_core::platform::Clock::read(&home.hand);
        let terminal = home.open();
        testing::server_time(terminal.store(), &now, now.wall).unwrap();
    };
    days(0);
    drop(home.open());
    assert_eq!(
        home.photo_files(),
        named + 3,
        "only the temporary file is gone at once"
    );
    days(31);
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
    assert_eq!(home.photo_files(), named + 3);
    days(31);
    drop(home.open());
    assert_eq!(home.photo_files(), named + 1);
}

#[test]
fn field_e_a_database_that_lost_its_last_commits_keeps_their_photos() {
    let home = Home::new();
    let now = terminal_core::platform::Clock::read(&home.hand);
    testing::server_time(home.open().store(), &now, now.wall).unwrap();
    let database = home.path().join("account.db");
    let before = fs::read(&database).unwrap();
    let terminal = home.open();
    let mut draft = terminal.new_report().unwrap();
    draft.text("日志丢失之前");
    draft.add_photo(PhotoSource::Bytes(&picture(1))).unwrap();
    let photo = draft.photos()[0].sha256;
    draft.submit().unwrap();
    drop((draft, terminal));
    // The log was lost, so the database is as before.
    fs::write(&database, before).unwrap();
    for _ in 0..2 {
        let terminal = home.open();
        assert!(terminal.queue().unwrap().is_empty());
        assert!(
            terminal.photo_folder().read(photo).is_ok(),
            "it may be all that is left"
        );
        assert_eq!(terminal.unnamed_photos().unwrap(), 1);
    }
    home.hand.advance(31 * 86_400_000);
    drop(home.open());
    assert!(home.open().photo_folder().read(photo).is_err());
    assert_eq!(home.open().unnamed_photos().unwrap(), 0);
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

fn case_row(terminal: &Terminal, n: u64, id: EntryId, state: CaseState, reason: Option<&str>) {
    let record = terminal.store().item(id).unwrap().unwrap().record;
    let body = CaseRow {
        case: CaseId(Uuid::from_u128(9)),
        record,
        number: protocol::entry::receipt_number(id),
        state: state.into(),
        photos_held: 0,
        photos_named: 0,
        at: Millis(MORNING),
        made: None,
        matter: None,
        cell: None,
        address: None,
        text: None,
        withdrawn: false,
        reason: reason.map(Into::into),
    };
    testing::pull(
        terminal.store(),
        vec![row(Mailbox::Author, n, kind::CASE, body.case, &body)],
    )
    .unwrap();
}

#[test]
fn use_a03_a_report_that_was_not_filed_stays_in_the_queue_until_it_was_read() {
    let home = Home::new();
    let terminal = home.open();
    let id = terminal.new_report().unwrap().text("一").submit().unwrap().item;
    testing::receive_all(terminal.store(), Millis(MORNING), true).unwrap();
    dispose(&terminal, 1, id, Disposition::applied());
    case_row(&terminal, 2, id, CaseState::Prefiled, None);
    assert!(find(&terminal, id).is_finished(), "nothing to read yet");
    let why = "不属于城市管理事项";
    case_row(&terminal, 3, id, CaseState::NotFiled, Some(why));
    let shown = find(&terminal, id);
    assert!(shown.awaits_reading() && !shown.is_finished() && !shown.needs_author());
    assert_eq!(
        shown.state_words(Lang::Zh, Millis(MORNING)),
        format!("已收到，不立案：{why}")
    );
    assert_eq!(shown.reason().unwrap().code, HandsetCode::CaseNotFiled);
    // Looking at the list is not reading it; opening the item is, also for the next start of the app.
    assert!(!find(&terminal, id).is_finished());
    assert_eq!(terminal.item(id).unwrap().row.reason().unwrap().zh, why);
    drop(terminal);
    let terminal = home.open();
    assert!(find(&terminal, id).is_finished());
    assert!(
        find(&terminal, id)
            .state_words(Lang::Zh, Millis(MORNING))
            .contains(why)
    );
}

#[test]
fn use_a18_a_report_that_was_handled_on_the_spot_is_not_called_in_vain() {
    let home = Home::new();
    let terminal = home.open();
    let mut draft = terminal.new_report().unwrap();
    let id = draft.text("已扶正").self_handled(true).submit().unwrap().item;
    testing::receive_all(terminal.store(), Millis(MORNING), true).unwrap();
    case_row(&terminal, 1, id, CaseState::NotFiled, Some("现场已恢复"));
    let shown = find(&terminal, id);
    assert_eq!(shown.reason().unwrap().code, HandsetCode::CaseSelfHandled);
    assert_eq!(
        shown.state_words(Lang::Zh, Millis(MORNING)),
        "已收到，您已自行处理，不立案：现场已恢复"
    );
    assert!(shown.awaits_reading());
    let history = terminal.history(None, 9).unwrap();
    assert!(
        history[0]
            .state_words(Lang::Zh, Millis(MORNING))
            .contains("自行处理")
    );
}

#[test]
fn use_a03_the_history_says_why_a_report_was_not_filed_when_the_item_is_gone() {
    let home = Home::new();
    let terminal = home.open();
    let id = EntryId(Uuid::from_u128(8));
    let body = CaseRow {
        case: CaseId(Uuid::from_u128(8)),
        record: protocol::ids::RecordId(id.0),
        number: "261122-8".into(),
        state: CaseState::NotFiled.into(),
        photos_held: 0,
        photos_named: 0,
        at: Millis(MORNING),
        made: Some(Millis(MORNING)),
        matter: None,
        cell: None,
        address: None,
        text: None,
        withdrawn: false,
        reason: Some("不属于城市管理事项".into()),
    };
    testing::pull(
        terminal.store(),
        vec![row(Mailbox::Author, 1, kind::CASE, body.case, &body)],
    )
    .unwrap();
    let words = |lang| terminal.history(None, 9).unwrap()[0].state_words(lang, Millis(MORNING));
    assert_eq!(words(Lang::Zh), "不立案：不属于城市管理事项");
    assert!(words(Lang::En).starts_with("Not filed: "));
}

#[test]
fn use_a03_a_refused_withdrawal_is_shown_with_its_reason_until_it_was_read() {
    let home = Home::new();
    let terminal = home.open();
    let id = terminal.new_report().unwrap().text("一").submit().unwrap().item;
    testing::receive_all(terminal.store(), Millis(MORNING), true).unwrap();
    let Withdrawal::Requested { id: withdrawal } = terminal.withdraw(id, "报错了").unwrap() else {
        panic!()
    };
    testing::receive_all(terminal.store(), Millis(MORNING), true).unwrap();
    let words = Reason::new(
        ErrorCode::parse("review.rejected"),
        "已派人处理",
        "somebody is on the way",
    );
    dispose(&terminal, 1, withdrawal, Disposition::rejected(words));
    assert_eq!(find(&terminal, id).state, ItemState::Received, "it stands again");
    let shown = find(&terminal, withdrawal);
    assert_eq!(shown.state_words(Lang::Zh, Millis(MORNING)), "被退回：已派人处理");
    assert!(shown.needs_author() && !shown.is_finished());
    terminal.mark_read(&[shown]).unwrap();
    let read = find(&terminal, withdrawal);
    assert!(!read.needs_author() && read.is_finished());
    assert_eq!(terminal.status().unwrap().returned, 0);
}

#[test]
fn use_a01_a_case_that_was_withdrawn_elsewhere_is_shown_as_withdrawn() {
    let home = Home::new();
    let terminal = home.open();
    let id = terminal.new_report().unwrap().text("一").submit().unwrap().item;
    testing::receive_all(terminal.store(), Millis(MORNING), true).unwrap();
    case_row(&terminal, 1, id, CaseState::Withdrawn, None);
    assert_eq!(find(&terminal, id).state, ItemState::Withdrawn);
}

#[test]
fn use_a12_a_check_in_that_a_person_reviews_begins_no_duty() {
    let home = Home::new();
    let terminal = home.open();
    let check = terminal.check_in(None, "").unwrap().id;
    testing::receive_all(terminal.store(), Millis(MORNING), true).unwrap();
    assert!(terminal.presence().unwrap().on_duty);
    let not_holder = Reason::new(
        ErrorCode::parse("duty.not_holder"),
        "现在不是该岗位的持有人",
        "not yours",
    );
    dispose(&terminal, 1, check, Disposition::review(not_holder));
    assert!(!terminal.presence().unwrap().on_duty);
}

#[test]
fn use_a12_a_post_that_was_taken_is_told() {
    let home = Home::new();
    let terminal = home.open();
    assert!(
        !terminal.status().unwrap().is_post_taken,
        "nothing is known before the first sync"
    );
    testing::synced(terminal.store(), Millis(MORNING)).unwrap();
    assert!(terminal.status().unwrap().is_post_taken);
    let post = protocol::feed::PostRow {
        name: "前进社区".into(),
        number: "13900000001".into(),
        area: Vec::new(),
    };
    testing::pull(
        terminal.store(),
        vec![row(Mailbox::Post, 1, kind::POST, "post", post)],
    )
    .unwrap();
    assert!(!terminal.status().unwrap().is_post_taken);
}

#[test]
fn use_a17_a_photo_that_is_held_back_says_why() {
    let home = Home::new();
    let terminal = home.open();
    let mut draft = terminal.new_report().unwrap();
    draft.add_photo(PhotoSource::Bytes(&picture(3))).unwrap();
    let id = draft.submit().unwrap().item;
    testing::receive_all(terminal.store(), Millis(MORNING), false).unwrap();
    let mut shown = find(&terminal, id);
    let metered = terminal_core::sync::HeldBack::Metered.reason();
    shown.explain_wait(&metered);
    let line = shown.state_line(Lang::Zh, Millis(MORNING));
    assert!(
        line.starts_with("已收到，照片 0/1：") && line.contains("Wi-Fi"),
        "{line}"
    );
}
