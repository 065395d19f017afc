//! A newer app: fetched last and only where traffic costs nothing, checked, and kept until it is installed.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod engine;

use engine::{EngineFault, World};
use protocol::{
    field::Contact,
    manifest::{AppRelease, MAX_APP_BYTES},
    photo::Sha256,
};
use std::path::PathBuf;
use terminal_core::{
    platform::{NetworkCost, Random as _},
    store::SyncStep,
    sync::Policy,
    transport::Response,
};

const AUTO: Policy = Policy {
    manual: false,
    ..Policy::MANUAL
};

fn publish(world: &World, build: u32, size: usize) -> AppRelease {
    let mut bytes = vec![0; size];
    world.random.fill(&mut bytes).unwrap();
    let release = AppRelease {
        version: format!("1.{build}.0"),
        build,
        sha256: Sha256::of(&bytes),
        size: size as u64,
        signer: Sha256([3; 32]),
        oldest: 1,
    };
    world.server().app = Some((release.clone(), bytes));
    release
}

fn package(world: &World, release: &AppRelease) -> Option<PathBuf> {
    world.store().app_file(release).unwrap()
}

fn packages(world: &World) -> usize {
    let names = std::fs::read_dir(world.store().home()).unwrap();
    let is_package = |name: &str| name.ends_with(".apk") || name == ".app.part";
    names
        .filter(|entry| is_package(entry.as_ref().unwrap().file_name().to_str().unwrap()))
        .count()
}

#[test]
fn a_newer_app_is_fetched_in_parts_checked_and_deleted_once_it_runs() {
    let mut world = World::new(21);
    let release = publish(&world, 12, 900_000);
    world.sync();
    assert_eq!(package(&world, &release), None, "the own build is not known");
    world.store().set_app_build(11).unwrap();
    // challenge, token, pull, manifest, one part; then cut.
    world.fault((0..5).map(|_| EngineFault::Pass).chain([EngineFault::LoseAnswer]));
    world.sync();
    let have = world.store().wanted_app().unwrap().unwrap().have;
    assert!(have > 0 && have < 900_000, "{have}");
    world.restart();
    world.sync();
    let path = package(&world, &release).unwrap();
    assert_eq!(Sha256::of(&std::fs::read(&path).unwrap()), release.sha256);
    assert_eq!(world.store().wanted_app().unwrap(), None);
    let asked = world.log().len();
    world.sync();
    assert!(
        world.log()[asked..]
            .iter()
            .all(|(request, _)| !request.contains("files/"))
    );
    // The newer app runs now.
    world.store().set_app_build(12).unwrap();
    assert_eq!((package(&world, &release), packages(&world)), (None, 0));
}

#[test]
fn the_contact_of_the_invitation_gives_way_to_the_one_of_the_manifest() {
    let mut world = World::new(25);
    let phone = |world: &World| {
        world
            .store()
            .account()
            .unwrap()
            .contact
            .map(|contact| contact.phone)
    };
    assert_eq!(phone(&world), Some("0431-100".into()));
    world.server().contact = Some(Contact {
        name: "值班室".into(),
        phone: "0431-200".into(),
    });
    world.sync();
    assert_eq!(phone(&world), Some("0431-200".into()));
    world.restart();
    assert_eq!(phone(&world), Some("0431-200".into()));
    // The operator took it back.
    world.server().contact = None;
    world.sync();
    assert_eq!(phone(&world), None);
}

#[test]
fn a_newer_app_waits_for_a_network_that_costs_nothing() {
    let world = World::new(22);
    let release = publish(&world, 12, 50_000);
    world.store().set_app_build(11).unwrap();
    for cost in [NetworkCost::Metered, NetworkCost::Roaming] {
        world.sync_as(Policy { cost, ..AUTO });
        assert_eq!(package(&world, &release), None);
    }
    world.sync_as(Policy { files: false, ..AUTO });
    assert_eq!(package(&world, &release), None);
    world.sync_as(AUTO);
    assert!(package(&world, &release).is_some());
}

#[test]
fn a_damaged_package_is_fetched_again_and_an_older_release_is_never_fetched() {
    let world = World::new(23);
    world.store().set_app_build(11).unwrap();
    let older = publish(&world, 11, 1000);
    world.sync();
    assert_eq!(package(&world, &older), None);
    let release = publish(&world, 12, 1000);
    let damage: fn(&mut Response) = |r| r.body[7] ^= 1;
    world.fault(
        (0..4)
            .map(|_| EngineFault::Pass)
            .chain([EngineFault::HandsetChange(damage)]),
    );
    world.sync_as(AUTO);
    assert_eq!((package(&world, &release), packages(&world)), (None, 0));
    let step = world.store().step(SyncStep::App).unwrap();
    assert_eq!(step.problem.unwrap().code.as_str(), "file.hash_mismatch");
    world.clock.advance(60_000);
    world.sync_as(AUTO);
    assert!(package(&world, &release).is_some());
    // A still newer one replaces it; the server takes it back; an old parcel of bytes does not stay.
    let newest = publish(&world, 13, 2000);
    world.sync();
    assert!(package(&world, &newest).is_some());
    assert_eq!(packages(&world), 1);
    world.server().app = None;
    world.sync();
    assert_eq!(world.store().app_release().unwrap(), None);
}

#[test]
fn a_release_that_no_handset_can_hold_is_not_fetched() {
    let world = World::new(24);
    world.store().set_app_build(11).unwrap();
    let release = publish(&world, 12, 1000);
    for size in [0, MAX_APP_BYTES + 1, u64::MAX / 2] {
        let (_, bytes) = world.server().app.clone().unwrap();
        world.server().app = Some((
            AppRelease {
                size,
                ..release.clone()
            },
            bytes,
        ));
        let asked = world.log().len();
        world.sync();
        assert!(
            world.log()[asked..]
                .iter()
                .all(|(request, _)| !request.contains("files/")),
            "{size}"
        );
    }
}
