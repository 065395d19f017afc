//! Phones that were put back to an older copy or copied, and what was refused and revised.

use super::*;
use protocol::push::RefusedEntry;

/// A phone that was put back to an older copy, or copied: the server has later entries of the same stream.
#[test]
fn field_06_what_a_restored_phone_files_gets_free_numbers_and_arrives() {
    let world = World::new(41);
    let items = [
        world.report("一", &[30_000]),
        world.report("二", &[]),
        world.report("三", &[]),
    ];
    for item in &items[..2] {
        let other = engine::server::ServerEntry {
            id: world.new_id(),
            bytes: b"filed by the other copy".to_vec(),
            received: Millis(1),
        };
        world.server().entries.insert(item.n, other);
    }
    let report = world.sync();
    assert!(report.is_delivered(), "{report:?}");
    assert_eq!((report.entries_received, report.entries_refused), (3, 0));
    let numbers: Vec<u64> = items.iter().map(|item| world.item(item).n).collect();
    assert_eq!(numbers, [4, 5, 3], "no number twice, no number left out");
    for item in &items {
        let now = world.item(item);
        assert!(now.is_complete(), "{now:?}");
        let (entry, bytes) = world.store().entry(item.id).unwrap();
        assert_eq!(
            (entry.n, protocol::photo::Sha256::of(&bytes)),
            (now.n, now.sha256)
        );
        assert_eq!(
            world.server().entries[&now.n].bytes,
            bytes,
            "exactly what the server holds"
        );
    }
    // The next one follows.
    assert_eq!(world.report("四", &[]).n, 6);
}

/// Makes an answer refuse the number of each entry, whatever the server said.
fn number_taken(answer: &mut Response) {
    let Ok(mut said) = serde_json::from_slice::<PushAnswer>(&answer.body) else {
        return;
    };
    let receipts = std::mem::take(&mut said.receipts);
    let refused = receipts
        .into_iter()
        .enumerate()
        .map(|(index, receipt)| RefusedEntry {
            index,
            id: Some(receipt.id),
            code: ProblemCode::EntryNumberTaken.into(),
            detail: String::new(),
        });
    said.refused.extend(refused);
    for element in &mut said.refused {
        element.code = ProblemCode::EntryNumberTaken.into();
    }
    answer.body = serde_json::to_vec(&said).unwrap();
}

#[test]
fn field_06_a_number_that_is_refused_again_and_again_is_shown_to_the_author() {
    let world = World::new(44);
    let item = world.report("一", &[]);
    // The challenge and the token pass.
    let token = [EngineFault::Pass, EngineFault::Pass];
    let refusals = (0..20).map(|_| EngineFault::HandsetChange(number_taken));
    world.fault(token.into_iter().chain(refusals));
    let report = world.sync();
    assert_eq!(
        (report.entries_received, report.entries_refused),
        (0, 1),
        "{report:?}"
    );
    assert!(matches!(world.item(&item).custody, Custody::Refused(_)));
    assert_eq!(
        world.server().pushes.len(),
        6,
        "five new numbers, then a person looks"
    );
}

/// Finding A7, and row 7 of the field: what was refused and revised is waiting nowhere.
#[test]
fn use_a07_a_refused_item_that_was_revised_leaves_every_count() {
    let world = World::new(43);
    let item = world.report("一", &[30_000]);
    let other = engine::server::ServerEntry {
        id: item.id,
        bytes: b"other bytes".to_vec(),
        received: Millis(1),
    };
    world.server().entries.insert(item.n, other);
    let report = world.sync();
    assert_eq!((report.entries_parked, report.photos_waiting), (1, 1));
    let (photo, file) = world.photo(30_000);
    let mut revised = world.draft("一，改", vec![(photo, file)]);
    (revised.record, revised.supersedes) = (item.record, Some(item.id));
    world.store().submit(&revised).unwrap();
    let report = world.sync();
    assert_eq!(
        (
            report.entries_received,
            report.entries_parked,
            report.photos_waiting
        ),
        (1, 0, 0)
    );
    assert!(report.is_success(), "{report:?}");
    assert_eq!(world.store().photos_waiting().unwrap(), 0);
}
