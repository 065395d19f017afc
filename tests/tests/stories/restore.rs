//! The server is replaced by its backup: handsets send again what it lost, and nothing is there twice.

use crate::{
    converged::assert_converged,
    stage::{StoryStage, cases, completeness, entries, file, invite, line, photos, row},
};
use e2e::{handset::Handset, line::LineFault};
use protocol::ids::EntryId;
use serde_json::json;
use terminal_core::work::{ItemState, Withdrawal};

on_both_engines!(restored_server_gets_lost_entries_again_and_holds_nothing_twice,);

fn restored_server_gets_lost_entries_again_and_holds_nothing_twice(stage: &StoryStage) {
    let mut city = stage.plain_city();
    let line = line(&city);
    let mut handset = stage.patroller(&city, "501", Some(&line));
    let later = invite(&city, "502");
    let before = file(&city, &mut handset, "备份之前", &[stage.small_photo(501)]);
    assert!(handset.sync().unwrap().is_success());
    let half = file(
        &city,
        &mut handset,
        "照片在备份之后",
        &[stage.small_photo(502), stage.small_photo(503)],
    );
    // The first of the two arrives with its creation, whose answer is lost.
    line.set(LineFault::LoseAnswer("POST /v1/field/photos".into()));
    assert!(!handset.sync().unwrap().is_success());
    assert!(city.server.stop().unwrap());
    stage.back_up();
    city.server.start().unwrap();

    // During ten minutes: photos arrive, reports, a withdrawal, a second handset.
    line.set(LineFault::Good);
    let after = file(&city, &mut handset, "备份之后", &[stage.small_photo(504)]);
    let mistaken = file(&city, &mut handset, "误报", &[]);
    assert!(handset.sync().unwrap().is_success());
    let Withdrawal::Requested { .. } = handset.open().unwrap().withdraw(mistaken, "误报").unwrap() else {
        panic!("expected a withdrawal request, because the report was sent")
    };
    assert!(handset.sync().unwrap().is_success());
    let mut young = stage.handset(&city, &later, "502", None, None);
    let of_young = file(&city, &mut young, "新登记的终端", &[stage.small_photo(505)]);
    assert!(young.sync().unwrap().is_success());
    let counted = (cases(&city), entries(&city), photos(&city));
    assert_eq!(counted, (5, 6, (5, 5)));
    let states = |handset: &mut Handset, ids: &[EntryId]| -> Vec<(ItemState, Option<String>, usize)> {
        let rows = ids.iter().map(|id| row(handset, *id));
        rows.map(|row| (row.state.clone(), row.receipt_number(), row.photos_sent))
            .collect()
    };
    let (ids, of_young) = ([before, half, after, mistaken], [of_young]);
    let said = (states(&mut handset, &ids), states(&mut young, &of_young));

    assert!(city.server.stop().unwrap());
    stage.restore();
    city.server.renew_epoch().unwrap();
    city.server.start().unwrap();
    assert_eq!(
        (cases(&city), entries(&city), photos(&city)),
        (2, 2, (3, 2)),
        "ten minutes must be lost"
    );
    // Twice, so that a duplicate would have been created.
    for _ in 0..2 {
        for handset in [&mut handset, &mut young] {
            let report = handset.sync().unwrap();
            assert!(report.is_success(), "{report:?}");
            assert_eq!((report.entries_waiting, report.photos_waiting), (0, 0));
        }
        assert_eq!((cases(&city), entries(&city), photos(&city)), counted);
    }
    assert_eq!(
        said,
        (states(&mut handset, &ids), states(&mut young, &of_young)),
        "numbers and states must be equal"
    );
    assert_eq!(
        completeness(&city, &mut handset)["mark"],
        json!({"upto": 5, "highest": 5})
    );
    assert_eq!(
        completeness(&city, &mut young)["mark"],
        json!({"upto": 1, "highest": 1})
    );
    for handset in [&mut handset, &mut young] {
        assert_converged(&city, handset);
    }
}
