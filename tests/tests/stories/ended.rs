//! Decisions about a stream that has ended reach its author on the handset that the author uses now.

use crate::{
    converged::assert_converged,
    stage::{self, StoryStage, cases, entries, file, invite, photos, row, xunge_json},
};
use e2e::{city::City, handset::Handset};
use protocol::{ids::EntryId, role::Role};
use serde_json::{Value, json};
use terminal_core::{
    words::Lang,
    work::{ItemState, QueueRow, Withdrawal},
};

on_both_engines!(
    entries_closed_on_one_handset_need_no_action_on_another,
    rejection_after_handset_replacement_reaches_its_author_and_can_be_revised,
    entries_lost_by_a_restore_are_delivered_from_a_damaged_database,
);

fn queue(handset: &mut Handset) -> Vec<QueueRow> {
    handset.open().unwrap().queue().unwrap()
}

fn rejected(row: &QueueRow) -> Option<&str> {
    match &row.state {
        ItemState::Returned(reason) => Some(&reason.zh),
        _ => None,
    }
}

fn damaged(handset: &mut Handset) {
    handset.kill();
    let database = handset.home().join("account.db");
    let mut bytes = std::fs::read(&database).unwrap();
    bytes[..16].fill(0);
    std::fs::write(&database, bytes).unwrap();
}

fn rejection_after_handset_replacement_reaches_its_author_and_can_be_revised(stage: &StoryStage) {
    let city = stage.city();
    let leader = stage::desk(&city, "banzhang", Role::ShiftLeader);
    let invited = invite(&city, "170");
    let mut handset = stage.handset(&city, &invited, "170", None, None);
    let one = file(&city, &mut handset, "井盖缺失", &[stage.small_photo(170)]);
    let two = file(&city, &mut handset, "看错了", &[]);
    let three = file(&city, &mut handset, "乱堆物料", &[]);
    let stream = handset.open().unwrap().account().stream;
    let path = format!("/v1/streams/{stream}/revoke");
    city.admin.post(&path, &json!({"reason": "lost"})).unwrap();
    assert!(handset.sync().unwrap().handed_over.is_some());

    // Another handset of the same person, which never held these entries.
    let again = city.invite("170", &invited.post, &invited.person).unwrap();
    let home = stage.path("replaced");
    let mut handset = Handset::enrol(&home, &again.invitation, None).unwrap();
    assert!(handset.sync().unwrap().is_success());
    let shown = queue(&mut handset);
    assert_eq!(shown.len(), 3, "{shown:?}");
    assert!(
        shown.iter().all(|row| matches!(row.state, ItemState::Review(_))),
        "{shown:?}"
    );
    assert!(!shown.iter().any(|row| row.is_finished() || row.needs_author()));

    let decide = |id: EntryId, decision: &str| {
        let body = json!({"decision": decision, "reason": "照片看不清，请补拍"});
        leader.post(&format!("/v1/review/{id}"), &body).unwrap()
    };
    for (id, decision) in [(one, "reject"), (two, "reject"), (three, "apply")] {
        decide(id, decision);
    }
    assert!(handset.sync().unwrap().is_success());
    let shown = queue(&mut handset);
    assert_eq!(shown.len(), 2, "applied entries need no action: {shown:?}");
    let first = row(&mut handset, one);
    assert!(rejected(&first).unwrap().contains("照片看不清"), "{first:?}");
    assert!(
        first.summary.words(Lang::Zh).contains("井盖缺失") && first.receipt_number().is_some(),
        "{first:?}"
    );
    assert_eq!(handset.open().unwrap().status().unwrap().returned, 2);
    let (_, said) = xunge_json(&home, &["queue"]);
    assert_eq!(said["items"][0]["state"], "returned", "{said}");

    // One is revised with its original content, under the same record; the other one is withdrawn.
    let mut draft = handset.open().unwrap().revise_report(one).unwrap();
    assert_eq!(
        (draft.content().text.as_str(), draft.record()),
        ("井盖缺失", first.record)
    );
    assert!(draft.content().matter.is_some());
    draft.text("井盖缺失，已补拍");
    draft
        .add_photo(terminal_core::photos::PhotoSource::Path(&stage.small_photo(171)))
        .unwrap();
    let mended = draft.submit().unwrap().item;
    let asked = handset.open().unwrap().withdraw(two, "看错了").unwrap();
    assert!(matches!(asked, Withdrawal::Requested { .. }));
    assert_eq!(
        handset.open().unwrap().withdraw(two, "看错了").unwrap(),
        asked,
        "a second withdrawal must have no effect"
    );
    assert_eq!(row(&mut handset, two).state, ItemState::Withdrawing);
    assert!(
        queue(&mut handset).iter().all(|row| row.id != one),
        "its new version must be the current one"
    );
    let code = handset
        .open()
        .unwrap()
        .revise_report(three)
        .map(|_| ())
        .unwrap_err();
    assert_eq!(code.code(), "item.unknown", "{code}");

    assert!(handset.sync().unwrap().is_success());
    assert_eq!(cases(&city), 2);
    assert_eq!(row(&mut handset, mended).state, ItemState::Received);
    let left: Vec<EntryId> = queue(&mut handset).iter().map(|row| row.id).collect();
    assert_eq!(
        left.len(),
        2,
        "expected the new version and the withdrawal: {left:?}"
    );
    assert!(!left.contains(&one) && !left.contains(&two), "{left:?}");
    assert_converged(&city, &mut handset);
}

fn entries_closed_on_one_handset_need_no_action_on_another(stage: &StoryStage) {
    let city = stage.city();
    let leader = stage::desk(&city, "banzhang", Role::ShiftLeader);
    let invited = invite(&city, "173");
    let another = |label: &str| {
        let invitation = city
            .invite(label, &invited.post, &invited.person)
            .unwrap()
            .invitation;
        let mut handset = Handset::enrol(&stage.path(label), &invitation, None).unwrap();
        assert!(handset.sync().unwrap().is_success());
        handset
    };
    let reject = |id: EntryId| {
        let body = json!({"decision": "reject", "reason": "请补拍"});
        leader.post(&format!("/v1/review/{id}"), &body).unwrap();
    };
    let revoke = |handset: &mut Handset| {
        let stream = handset.open().unwrap().account().stream;
        let path = format!("/v1/streams/{stream}/revoke");
        city.admin.post(&path, &json!({"reason": "lost"})).unwrap();
        assert!(handset.sync().unwrap().handed_over.is_some());
    };
    let asked_for = |handset: &mut Handset| -> Vec<EntryId> {
        assert!(handset.sync().unwrap().is_success());
        let back = queue(handset).into_iter().filter(|row| rejected(row).is_some());
        back.map(|row| row.id).collect()
    };
    // Revised on a handset that ends before the new version was sent: the old one must not be listed again.
    let (mut first, mut watching) = (another("173a"), another("173b"));
    let one = file(&city, &mut first, "井盖缺失", &[]);
    revoke(&mut first);
    reject(one);
    let mut second = another("173c");
    assert_eq!(asked_for(&mut second), [one]);
    assert_eq!(asked_for(&mut watching), [one]);
    let mended = {
        let mut draft = second.open().unwrap().revise_report(one).unwrap();
        draft.submit().unwrap().item
    };
    revoke(&mut second);
    assert_eq!(asked_for(&mut watching), []);
    assert!(matches!(row(&mut watching, mended).state, ItemState::Review(_)));
    reject(mended);
    assert_eq!(asked_for(&mut watching), [mended]);

    // An entry that this handset holds, and that its author has withdrawn on another one.
    let gone = format!("/v1/posts/{}/holders", invited.post);
    let mut third = another("173d");
    city.admin.delete(&format!("{gone}/{}", invited.person)).unwrap();
    let check_in = third.open().unwrap().check_in(None, "").unwrap().id;
    assert!(third.sync().unwrap().is_success());
    reject(check_in);
    city.admin
        .post(&gone, &json!({"person": invited.person}))
        .unwrap();
    assert_eq!(asked_for(&mut third), [check_in, mended]);
    assert_eq!(asked_for(&mut watching).len(), 2);
    watching.open().unwrap().withdraw(check_in, "不需要").unwrap();
    assert!(watching.sync().unwrap().is_success());
    assert_eq!(asked_for(&mut third), [mended]);
    assert_eq!(row(&mut third, check_in).state, ItemState::Withdrawn);
    assert_converged(&city, &mut third);
    assert_converged(&city, &mut watching);
}

fn entries_lost_by_a_restore_are_delivered_from_a_damaged_database(stage: &StoryStage) {
    let mut city = stage.city();
    let supervisor = stage::desk(&city, "dudao", Role::Supervisor);
    let mut handset = stage.patroller(&city, "171", None);
    assert!(handset.sync().unwrap().is_success());
    assert!(city.server.stop().unwrap());
    stage.back_up();
    city.server.start().unwrap();
    let record = {
        let mut draft = stage::activity(&mut handset);
        draft.submit().unwrap().record
    };
    file(&city, &mut handset, "备份之后", &[stage.small_photo(172)]);
    assert!(handset.sync().unwrap().is_success());
    // A newer version that the server has never received.
    let mut newer = handset.open().unwrap().revise_activity(record).unwrap();
    newer.participants(40).submit().unwrap();
    let held = |city: &City| (cases(city), entries(city), photos(city));
    assert_eq!(held(&city), (1, 2, (1, 1)));

    assert!(city.server.stop().unwrap());
    stage.restore();
    city.server.renew_epoch().unwrap();
    city.server.start().unwrap();
    assert_eq!(held(&city), (0, 0, (0, 0)));
    damaged(&mut handset);
    let (exit, said) = xunge_json(handset.home(), &["salvage"]);
    let report: &Value = &said["salvaged"][0];
    assert_eq!((exit, &report["delivered"]), (0, &json!(true)), "{said}");
    assert_eq!(
        (&report["entries"], &report["held"]),
        (&json!(1), &json!(2)),
        "{said}"
    );
    assert_eq!(held(&city), (1, 3, (1, 1)));
    let list = supervisor.get("/v1/activities?state=submitted").unwrap();
    let record = &list["items"][0];
    assert_eq!(
        (&record["version"], &record["participants"]),
        (&json!(2), &json!(40)),
        "the newer version must be the current one: {list}"
    );
}
