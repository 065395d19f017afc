//! Photo uploads: resumed by byte, confirmed by hash, never dropped.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod engine;

use engine::{EngineFault, World, html, server::problem};
use protocol::{
    feed::{FeedRow, Mailbox, kind},
    field::PHOTO_RECEIPT_HEADER,
    manifest::{FileName, ManifestFile},
    photo::Sha256,
    problem::ProblemCode,
};
use terminal_core::{
    platform::Random as _,
    store::{Custody, NetworkSettings},
    sync::{DeviceConditions, Policy, SyncTrigger},
    transport::Response,
};

const AUTO: Policy = Policy {
    manual: false,
    ..Policy::MANUAL
};

fn requests(world: &World, what: &str) -> usize {
    world
        .log()
        .iter()
        .filter(|(request, _)| request.contains(what))
        .count()
}

#[test]
fn story_12_a_photo_goes_on_at_the_byte_where_the_network_dropped() {
    let world = World::new(1);
    let item = world.report("垃圾", &[600_000]);
    // challenge, token, push, pull, manifest, create with 64 KiB, 128 KiB; then nothing.
    world.fault((0..7).map(|_| EngineFault::Pass).chain([EngineFault::LoseAnswer]));
    let report = world.sync();
    assert_eq!(report.photos_waiting, 1);
    let photo = &world.item(&item).photos[0];
    assert_eq!(
        (photo.received, photo.sent),
        (None, (64 + 128) * 1024),
        "the counter shows what is confirmed"
    );
    assert!(photo.retry.problem.is_some());
    let held: usize = world.server().uploads.values().map(|u| u.bytes.len()).sum();
    assert_eq!(
        held,
        (64 + 128 + 256) * 1024,
        "the last part arrived, its answer was lost"
    );
    let creations = requests(&world, "Post /v1/field/photos");
    assert!(world.sync().is_success());
    assert_eq!(
        requests(&world, "Post /v1/field/photos"),
        creations,
        "the same upload goes on"
    );
    world.assert_agreement();
}

#[test]
fn story_12_a_creation_whose_answer_was_lost_goes_on_without_its_first_bytes() {
    let world = World::new(21);
    let item = world.report("垃圾", &[300_000]);
    // challenge, token, push, pull, manifest; the answer to the creation with 64 KiB is lost.
    world.fault((0..5).map(|_| EngineFault::Pass).chain([EngineFault::LoseAnswer]));
    assert_eq!(world.sync().photos_waiting, 1);
    assert_eq!(world.server().uploads.len(), 1);
    world.settle();
    assert!(world.item(&item).is_complete());
    assert_eq!(world.server().uploads.len(), 1, "the same upload goes on");
    let creations = requests(&world, "Post /v1/field/photos ");
    assert_eq!(creations, 2, "it was asked for once more");
    assert_eq!(
        world.photo_bodies().iter().sum::<usize>(),
        300_000,
        "no byte was sent twice"
    );
    world.assert_agreement();
}

#[test]
fn on_a_line_that_carried_the_last_photos_well_a_photo_is_one_request() {
    let world = World::new(22);
    let first = world.report("垃圾", &[600_000]);
    assert!(world.sync().is_success());
    assert_eq!(world.photo_bodies().len(), 4, "64, 128, 256 KiB and the rest");
    // A day later nothing is known of the line.
    for (hours, bodies) in [(1, 1), (30, 4)] {
        world.clock.advance(hours * 3_600_000);
        let before = world.photo_bodies().len();
        let next = world.report("垃圾", &[600_000]);
        assert!(world.sync().is_success());
        assert!(world.item(&next).is_complete());
        assert_eq!(world.photo_bodies().len() - before, bodies, "{hours} h");
    }
    assert!(world.item(&first).is_complete());
    world.assert_agreement();
}

#[test]
fn story_13_an_upload_that_is_gone_starts_again_and_the_photo_stays() {
    for gone in [404, 410] {
        let world = World::new(2);
        let item = world.report("垃圾", &[300_000]);
        world.fault((0..6).map(|_| EngineFault::Pass).chain([EngineFault::LoseAnswer]));
        world.sync();
        world.server().uploads.clear();
        world.fault([
            EngineFault::Pass,
            EngineFault::Pass,
            EngineFault::Pass,
            EngineFault::Instead(Response {
                status: gone,
                ..Response::default()
            }),
        ]);
        world.settle();
        assert!(world.item(&item).is_complete());
        assert_eq!(
            world.photos.0.lock().unwrap().len(),
            1,
            "nothing touched the file"
        );
        world.assert_agreement();
    }
}

#[test]
fn after_a_restore_many_photos_are_sent_again_in_one_run() {
    let world = World::new(31);
    world.sync();
    world.server().backup();
    let items: Vec<_> = (0..8).map(|_| world.report("垃圾", &[3_000])).collect();
    assert!(world.sync().is_success());
    world.server().restore();
    assert!(world.sync().is_success(), "each photo that arrives is progress");
    assert!(items.iter().all(|item| world.item(item).is_complete()));
    world.assert_agreement();
}

#[test]
fn an_upload_that_is_always_gone_does_not_loop() {
    let world = World::new(3);
    let item = world.report("垃圾", &[3_000_000]);
    world.fault(
        (0..5)
            .map(|_| EngineFault::Pass)
            .chain((0..400).map(|k| match k % 2 {
                0 => EngineFault::Pass,
                _ => EngineFault::Instead(problem(ProblemCode::UploadGone)),
            })),
    );
    let report = world.sync();
    assert!(world.log().len() < 20, "{}", world.log().len());
    assert_eq!(report.photos_waiting, 1);
    assert_eq!(
        world.item(&item).photos[0].retry.problem.as_ref().unwrap().code,
        "upload.gone"
    );
    world.network.faults.lock().unwrap().clear();
    world.settle();
    assert!(world.item(&item).is_complete());
}

#[test]
fn story_21_a_missing_photo_file_is_shown_and_the_others_go_on() {
    let world = World::new(4);
    let item = world.report("垃圾", &[1000, 2000, 3000]);
    let file = item.photos[1].file.clone();
    let bytes = world.photos.0.lock().unwrap().remove(&file).unwrap();
    let report = world.sync();
    assert_eq!((report.photos_received, report.photos_waiting), (2, 1));
    let now = world.item(&item);
    assert_eq!(
        now.photos[1].retry.problem.as_ref().unwrap().code,
        "photo.file_missing"
    );
    assert!(report.next_try.is_some(), "it is not given up");
    // The file reappears (a card was inserted again).
    world.photos.0.lock().unwrap().insert(file, bytes);
    assert!(world.sync().is_success());
}

#[test]
fn story_05_the_same_picture_in_two_reports_travels_once() {
    let world = World::new(5);
    let photo = world.photo(5000);
    let one = world
        .store()
        .submit(&world.draft("a", vec![photo.clone(), photo.clone()]))
        .unwrap();
    let two = world
        .store()
        .submit(&world.draft("b", vec![photo.clone()]))
        .unwrap();
    assert!(world.sync().is_success());
    assert!(world.item(&one).is_complete() && world.item(&two).is_complete());
    assert_eq!(world.photo_bodies(), [5000]);
    let three = world.store().submit(&world.draft("c", vec![photo])).unwrap();
    assert!(
        world.sync().is_success(),
        "the server holds it: its receipt comes with the creation"
    );
    assert!(world.item(&three).is_complete());
    assert_eq!(world.photo_bodies(), [5000]);
}

#[test]
fn a_receipt_for_another_photo_is_no_receipt() {
    let tampers: [fn(&mut Response); 3] = [
        |r| tamper(r, |text| text.replacen("\"sha256\":\"", "\"sha256\":\"ff", 1)),
        |r| tamper(r, |text| text.replace("\"size\":", "\"size\":1")),
        |r| tamper(r, |_| "yes".into()),
    ];
    for change in tampers {
        let world = World::new(6);
        let item = world.report("垃圾", &[1000]);
        world.fault(
            (0..5)
                .map(|_| EngineFault::Pass)
                .chain([EngineFault::HandsetChange(change)]),
        );
        world.sync_as(AUTO);
        let photo = &world.item(&item).photos[0];
        assert_eq!(photo.received, None);
        assert_eq!(photo.retry.problem.as_ref().unwrap().code, "receipt.mismatch");
        world.settle();
        assert!(world.item(&item).is_complete());
    }
}
fn tamper(response: &mut Response, change: impl Fn(&str) -> String) {
    for (name, value) in &mut response.headers {
        if name == PHOTO_RECEIPT_HEADER {
            *value = change(value);
        }
    }
}

#[test]
fn a_photo_without_a_receipt_is_not_received() {
    let world = World::new(7);
    let item = world.report("垃圾", &[1000]);
    let strip: fn(&mut Response) = |r| r.headers.retain(|(name, _)| name != PHOTO_RECEIPT_HEADER);
    world.fault(
        (0..5)
            .map(|_| EngineFault::Pass)
            .chain(vec![EngineFault::HandsetChange(strip); 2]),
    );
    let report = world.sync_as(AUTO);
    assert_eq!(report.photos_waiting, 1);
    assert_eq!(
        world.item(&item).photos[0].retry.problem.as_ref().unwrap().code,
        "photo.unconfirmed"
    );
    world.settle();
    assert!(world.item(&item).is_complete());
}

#[test]
fn story_29_parts_that_are_too_large_are_halved() {
    let world = World::new(8);
    let item = world.report("垃圾", &[200_000]);
    world.server().max_chunk = 20 * 1024;
    world.settle();
    assert!(world.item(&item).is_complete());
    world.assert_agreement();
}

#[test]
fn story_37_photos_wait_for_an_unmetered_network_and_the_report_does_not() {
    let world = World::new(9);
    let item = world.report("垃圾", &[1000]);
    let mut metered = DeviceConditions::default();
    metered.network.metered = true;
    let policy = |settings: NetworkSettings| settings.policy(metered, 0, SyncTrigger::Automatic);
    let report = world.sync_as(policy(NetworkSettings::default()));
    assert_eq!((report.entries_received, report.photos_waiting), (1, 1));
    assert!(report.photos_held_back && !report.is_success());
    assert_eq!(report.held_back.unwrap().code, "policy.metered");
    assert_eq!(requests(&world, "photos"), 0, "not one byte of a photo");
    assert!(matches!(world.item(&item).custody, Custody::Received(_)));
    let also_photos = NetworkSettings {
        wifi_only_photos: false,
        ..NetworkSettings::default()
    };
    assert!(world.sync_as(policy(also_photos)).is_success());
}

#[test]
fn a_new_report_overtakes_a_large_photo() {
    let world = World::new(10);
    world.report("first", &[3_000_000]);
    let mut machine = world.machine(Policy::MANUAL);
    for _ in 0..10 {
        assert!(world.step(&mut machine, true));
    }
    let second = world.report("second", &[]);
    for _ in 0..3 {
        world.step(&mut machine, true);
    }
    assert!(matches!(world.item(&second).custody, Custody::Received(_)));
    assert_eq!(world.store().photos_waiting().unwrap(), 1);
    while world.step(&mut machine, true) {}
    assert_eq!(world.store().photos_waiting().unwrap(), 0);
    assert_eq!(
        requests(&world, "Post /v1/field/photos"),
        1,
        "the photo went on where it was"
    );
}

fn publish(world: &World, version: &str, size: usize) -> Vec<u8> {
    let mut bytes = vec![0; size];
    world.random.fill(&mut bytes).unwrap();
    let file = ManifestFile {
        name: FileName::Grid.into(),
        version: version.into(),
        sha256: Sha256::of(&bytes),
        size: size as u64,
    };
    let unknown = ManifestFile {
        name: protocol::open::Open::Other("future".into()),
        ..file.clone()
    };
    world.server().files = vec![(file, bytes.clone()), (unknown, vec![])];
    bytes
}

#[test]
fn a_reference_file_is_resumed_and_the_old_one_stays_until_it_is_complete() {
    let mut world = World::new(11);
    let first = publish(&world, "220104.1", 900_000);
    assert_eq!(world.sync().files_updated, 1);
    let in_force = |world: &World| world.store().file(FileName::Grid).unwrap().unwrap();
    assert_eq!(in_force(&world).1, first);
    let second = publish(&world, "220104.2", 1_200_000);
    // challenge, token, pull, manifest, one part; then cut.
    world.fault((0..5).map(|_| EngineFault::Pass).chain([EngineFault::LoseAnswer]));
    assert_eq!(world.sync().files_updated, 0);
    assert_eq!(in_force(&world).0.version, "220104.1");
    assert_eq!(world.store().wanted_files().unwrap()[0].have, 256 * 1024);
    world.restart();
    assert_eq!(world.sync().files_updated, 1);
    assert_eq!(
        (in_force(&world).0.version.as_str(), in_force(&world).1 == second),
        ("220104.2", true)
    );
    assert!(world.store().wanted_files().unwrap().is_empty());
    assert_eq!(world.sync().files_updated, 0);
}

#[test]
fn a_damaged_file_or_a_forged_manifest_changes_nothing_in_force() {
    let world = World::new(12);
    let first = publish(&world, "220104.1", 1000);
    world.sync();
    let second = publish(&world, "220104.2", 1000);
    let damage: fn(&mut Response) = |r| r.body[7] ^= 1;
    world.fault(
        (0..4)
            .map(|_| EngineFault::Pass)
            .chain([EngineFault::HandsetChange(damage)]),
    );
    world.sync_as(AUTO);
    assert_eq!(world.store().file(FileName::Grid).unwrap().unwrap().1, first);
    let wanted = &world.store().wanted_files().unwrap()[0];
    assert_eq!(
        (wanted.have, wanted.retry.problem.as_ref().unwrap().code.as_str()),
        (0, "file.hash_mismatch")
    );
    world.clock.advance(60_000);
    world.sync_as(AUTO);
    assert_eq!(world.store().file(FileName::Grid).unwrap().unwrap().1, second);

    publish(&world, "220104.3", 1000);
    let forge: fn(&mut Response) = |r| {
        let mut signed: protocol::manifest::SignedManifest = serde_json::from_slice(&r.body).unwrap();
        signed.manifest = signed.manifest.replace("220104.3", "220104.9");
        r.body = serde_json::to_vec(&signed).unwrap();
    };
    world.fault(
        (0..3)
            .map(|_| EngineFault::Pass)
            .chain([EngineFault::HandsetChange(forge)]),
    );
    let report = world.sync_as(AUTO);
    assert_eq!(report.problem.unwrap().code, "manifest.signature");
    assert!(world.store().wanted_files().unwrap().is_empty());
    assert_eq!(
        world.store().file(FileName::Grid).unwrap().unwrap().0.version,
        "220104.2"
    );
}

#[test]
fn a_foreign_page_in_place_of_any_answer_never_drops_a_photo() {
    for status in [200, 204, 403, 404, 409, 410, 422, 500] {
        for at in 0..9 {
            let world = World::new(13);
            let item = world.report("垃圾", &[100_000]);
            world.fault(
                (0..at)
                    .map(|_| EngineFault::Pass)
                    .chain([EngineFault::Instead(html(status))]),
            );
            world.sync_as(AUTO);
            world.assert_agreement();
            world.network.faults.lock().unwrap().clear();
            world.settle();
            assert!(world.item(&item).is_complete(), "{status} at {at}");
            world.assert_agreement();
        }
    }
}

#[test]
fn a_handset_without_a_grid_fetches_it_on_any_network_and_a_newer_one_waits() {
    let world = World::new(14);
    let metered = Policy {
        photos: false,
        files: false,
        ..AUTO
    };
    publish(&world, "220104.1", 1000);
    assert_eq!(world.sync_as(metered).files_updated, 1);
    publish(&world, "220104.2", 1000);
    assert_eq!(world.sync_as(metered).files_updated, 0);
    assert_eq!(world.sync_as(AUTO).files_updated, 1);
}

#[test]
fn a_reference_photo_is_fetched_and_deleted_with_its_task() {
    let world = World::new(15);
    let bytes = b"somebody else's photo".to_vec();
    let sha256 = Sha256::of(&bytes);
    let task = serde_json::json!({
        "task": uuid::Uuid::from_u128(1), "purpose": "check", "wording": "看看", "cell": "220104050317",
        "due": 9, "compare": sha256, "post": uuid::Uuid::from_u128(3), "holder": uuid::Uuid::from_u128(4),
        "issued": 1
    });
    let row = |n, body| FeedRow {
        mailbox: Mailbox::Post.into(),
        n,
        kind: kind::TASK.into(),
        entity: "task".into(),
        body,
    };
    world.server().rows = vec![row(1, Some(task))];
    world.sync_as(AUTO);
    assert_eq!(
        world.store().compare_photo(sha256).unwrap(),
        None,
        "the server does not have it yet"
    );
    world.server().photos.insert(sha256, bytes.clone());
    world.fault(
        (0..4)
            .map(|_| EngineFault::Pass)
            .chain([EngineFault::Instead(html(200))]),
    );
    world.sync();
    assert_eq!(
        world.store().compare_photo(sha256).unwrap(),
        None,
        "a login page is no photo"
    );
    assert!(world.sync().is_success());
    assert_eq!(world.store().compare_photo(sha256).unwrap(), Some(bytes));
    world.server().rows = vec![row(2, None)];
    world.sync();
    assert_eq!(world.store().compare_photo(sha256).unwrap(), None);
}

#[test]
fn photos_of_an_entry_that_the_server_does_not_hold_are_not_tried() {
    let world = World::new(16);
    let item = world.report("垃圾", &[1000]);
    let other = engine::server::ServerEntry {
        id: item.id,
        bytes: b"other bytes".to_vec(),
        received: protocol::time::Millis(1),
    };
    world.server().entries.insert(item.n, other);
    let report = world.sync();
    assert_eq!((report.entries_parked, report.photos_waiting), (1, 1));
    assert_eq!(requests(&world, "photos"), 0);
}
