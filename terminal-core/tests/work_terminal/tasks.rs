//! Tasks, returned activities, places, and terminals shared between threads.

use super::*;

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
        holder_name: None,
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
fn use_a05_what_nobody_returned_is_not_called_returned_after_its_revision() {
    let home = Home::new();
    let terminal = home.open();
    let mut draft = terminal.new_activity().unwrap();
    draft
        .category("fitness")
        .title("广场健身操")
        .place("文化广场")
        .organiser("文体站")
        .starts(Millis(MORNING))
        .ends(Millis(MORNING + 3_600_000))
        .participants(42);
    draft.add_photo(PhotoSource::Bytes(&picture(11))).unwrap();
    let first = draft.submit().unwrap();
    testing::receive_all(terminal.store(), Millis(MORNING), true).unwrap();
    let mut mended = terminal.revise_activity(first.record).unwrap();
    mended.participants(24).submit().unwrap();
    let row = find(&terminal, first.item);
    assert_eq!(row.state_words(Lang::Zh, Millis(MORNING)), "已有新版本");
    assert_eq!(
        row.state_words(Lang::En, Millis(MORNING)),
        "Replaced by a newer version"
    );
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
            made: None,
            starts: None,
            ends: None,
            category: None,
            participants: None,
            place: None,
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
    assert_eq!(
        words(first.item),
        "已有新版本",
        "the row of the newer version no longer says that this one was returned"
    );
    assert_eq!(
        terminal.revise_activity(first.record).err().unwrap().code(),
        "activity.approved"
    );
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

#[test]
fn photos_that_a_draft_lacks_are_asked_about_and_never_refused() {
    let home = Home::new();
    let terminal = home.open();
    let rows = [
        task(1, Purpose::Verify, MORNING),
        task(2, Purpose::Inspect, MORNING),
    ];
    let feed = rows
        .iter()
        .zip(1..)
        .map(|(r, n)| row(Mailbox::Post, n, kind::TASK, r.task, r))
        .collect();
    testing::pull(terminal.store(), feed).unwrap();
    let begin = |n: usize| {
        terminal
            .task(rows[n].task)
            .unwrap()
            .begin_answer(Answer::True)
            .unwrap()
    };
    let lacks = begin(0).fewer_photos().unwrap().unwrap();
    assert_eq!((lacks.asked, lacks.has), (1, 0));
    assert_eq!(
        lacks.words(Lang::Zh),
        "要求至少 1 张照片，现在没有照片。就这样提交吗？"
    );
    // The server flags no other kind of task, and no report.
    assert_eq!(begin(1).fewer_photos().unwrap(), None);
    assert_eq!(terminal.new_report().unwrap().fewer_photos().unwrap(), None);
    let lacks = terminal.new_activity().unwrap().fewer_photos().unwrap().unwrap();
    assert_eq!((lacks.asked, lacks.has), (3, 0));
    // The operator asks for none: nothing is asked. One that asks for two is said so.
    let ask = |answer_photos| {
        let asked = AskedEvidence {
            answer_photos,
            ..AskedEvidence::default()
        };
        testing::ask(terminal.store(), asked).unwrap();
    };
    ask(0);
    assert_eq!(begin(0).fewer_photos().unwrap(), None);
    ask(2);
    let mut draft = begin(0);
    draft.add_photo(PhotoSource::Bytes(&picture(10))).unwrap();
    let lacks = draft.fewer_photos().unwrap().unwrap();
    assert_eq!(
        lacks.words(Lang::En),
        "photos asked for: 2 or more, and there are only 1; submit all the same?"
    );
    // It is filed all the same.
    draft.submit().unwrap();
}

#[test]
fn use_a19_a_task_of_another_holder_of_the_post_names_that_holder() {
    let home = Home::new();
    let terminal = home.open();
    let mut theirs = task(1, Purpose::Check, MORNING);
    theirs.holder = protocol::ids::PersonId(Uuid::from_u128(5));
    theirs.holder_name = Some("李四".into());
    let ours = TaskRow {
        task: TaskId(Uuid::from_u128(2)),
        holder: terminal.account().holder,
        ..theirs.clone()
    };
    let feed = [&theirs, &ours]
        .into_iter()
        .zip(1..)
        .map(|(r, n)| row(Mailbox::Post, n, kind::TASK, r.task, r))
        .collect();
    testing::pull(terminal.store(), feed).unwrap();
    let shown = terminal.task(theirs.task).unwrap();
    assert_eq!(shown.other_holder(), Some("李四"));
    assert_eq!(terminal.task(ours.task).unwrap().other_holder(), None);
}

#[test]
fn use_a16_what_was_answered_is_listed_with_its_state_and_can_be_answered_again_after_a_withdrawal() {
    let home = Home::new();
    let terminal = home.open();
    let asked = task(7, Purpose::Verify, MORNING + 3_600_000);
    let (mailbox, id) = (Mailbox::Post, asked.task);
    let tell = |n, body: Option<&TaskRow>| {
        let mut told = row(mailbox, n, kind::TASK, id, body);
        told.body = body.map(|body| serde_json::to_value(body).unwrap());
        testing::pull(terminal.store(), vec![told]).unwrap();
    };
    tell(1, Some(&asked));
    let first = terminal
        .task(id)
        .unwrap()
        .begin_answer(Answer::NotTrue)
        .unwrap()
        .submit()
        .unwrap()
        .item;
    let listed = || -> Vec<(EntryId, ItemState, bool)> {
        let answered = terminal.answered_tasks().unwrap();
        assert!(answered.iter().all(|one| one.task == id));
        answered
            .into_iter()
            .map(|one| (one.row.id, one.row.state, one.is_open))
            .collect()
    };
    assert_eq!(listed(), [(first, ItemState::Queued, false)]);
    assert_eq!(
        find(&terminal, first).summary.words(Lang::Zh),
        format!("核实 不属实，{}", asked.wording),
        "without a remark the list says what was asked"
    );

    // The server has it, and the task is gone.
    testing::receive_all(terminal.store(), Millis(MORNING), true).unwrap();
    tell(2, None);
    assert!(terminal.tasks().unwrap().is_empty());
    assert_eq!(listed(), [(first, ItemState::Received, false)]);

    // Withdrawn: the task comes back when the centre agrees.
    let Withdrawal::Requested { id: withdrawal } = terminal.withdraw(first, "看错了").unwrap() else {
        panic!("it was sent")
    };
    assert_eq!(listed(), [(first, ItemState::Withdrawing, false)]);
    testing::receive_all(terminal.store(), Millis(MORNING), true).unwrap();
    dispose(&terminal, 3, withdrawal, Disposition::applied());
    tell(4, Some(&asked));
    assert_eq!(listed(), [(first, ItemState::Withdrawn, true)]);
    let second = terminal
        .task(id)
        .unwrap()
        .begin_answer(Answer::True)
        .unwrap()
        .submit()
        .unwrap()
        .item;
    assert_eq!(listed()[0], (second, ItemState::Queued, false));
    assert_eq!(listed().len(), 2);
    assert_eq!(terminal.task(id).unwrap().answered, Some(second));
}

#[test]
fn use_a06_a_revision_keeps_what_is_not_given() {
    let home = Home::new();
    let terminal = home.open();
    testing::file(terminal.store(), FileName::Grid, "220104.1", &two_cells()).unwrap();
    let cell = Some("220104010101".parse().unwrap());
    let returned =
        || Disposition::rejected(Reason::new(ErrorCode::parse("case.blurred"), "看不清", "blurred"));

    // An activity: two versions without a position keep the cell of the first.
    let mut draft = terminal.new_activity().unwrap();
    draft
        .category("fitness")
        .title("广场健身操")
        .place("文化广场")
        .organiser("文体站")
        .summary("六十人")
        .starts(Millis(MORNING))
        .ends(Millis(MORNING + 3_600_000))
        .participants(42)
        .at(in_the_west_cell());
    let first = draft.submit().unwrap();
    let activity = |id| match payload(&terminal, id) {
        (entry, Payload::Activity(said)) => (entry, said),
        _ => panic!("no activity"),
    };
    let (_, before) = activity(first.item);
    assert_eq!(before.cell, cell);
    for participants in [24, 25] {
        let mut next = terminal.revise_activity(first.record).unwrap();
        assert_eq!(
            next.cell_name()
                .unwrap()
                .map(|named| (named.cell.code, named.chosen)),
            cell.map(|code| (code, false))
        );
        let item = next.participants(participants).submit().unwrap().item;
        let (entry, after) = activity(item);
        assert!(entry.grid.is_some(), "the cell is one of a grid");
        assert_eq!(
            after,
            protocol::payload::Activity {
                participants,
                ..before.clone()
            }
        );
    }

    // A report: address, place, position with its cell, and the cell that was chosen.
    for is_chosen in [false, true] {
        let mut draft = terminal.new_report().unwrap();
        draft.text("井盖破损").address("桂林路 12 号").self_handled(true);
        if is_chosen {
            draft.cell(cell).unwrap();
        } else {
            draft.at(in_the_west_cell()).place(in_the_west_cell());
        }
        let first = draft.submit().unwrap().item;
        testing::receive_all(terminal.store(), Millis(MORNING), true).unwrap();
        dispose(&terminal, 20 + u64::from(is_chosen), first, returned());
        let mut next = terminal.revise_report(first).unwrap();
        let second = next.text("井盖缺失").submit().unwrap().item;
        let (Payload::Report(before), Payload::Report(after)) =
            (payload(&terminal, first).1, payload(&terminal, second).1)
        else {
            panic!("no report")
        };
        assert_eq!(before.cell, cell);
        let text = "井盖缺失".into();
        assert_eq!(after, protocol::payload::Report { text, ..before });
    }

    // An answer that was returned: the remarks, unless the answer is another one.
    let asked = task(3, Purpose::Verify, MORNING + 3_600_000);
    testing::pull(
        terminal.store(),
        vec![row(Mailbox::Post, 1, kind::TASK, asked.task, &asked)],
    )
    .unwrap();
    let begin = |answer| terminal.task(asked.task).unwrap().begin_answer(answer).unwrap();
    let first = begin(Answer::True).text("井盖移位").submit().unwrap().item;
    testing::receive_all(terminal.store(), Millis(MORNING), true).unwrap();
    dispose(&terminal, 30, first, returned());
    assert_eq!(begin(Answer::True).content().text, "井盖移位");
    assert_eq!(begin(Answer::NotTrue).content().text, "");
}
