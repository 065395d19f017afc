//! The grid over a sync: which pack is fetched of the two that a server offers.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod engine;

use engine::{EngineFault, World};
use protocol::{
    manifest::{FileName, ManifestFile},
    photo::Sha256,
};
use terminal_core::platform::Random as _;

/// Publishes random bytes under these names, as one version.
fn publish(world: &World, version: &str, files: &[(FileName, usize)]) -> Vec<Vec<u8>> {
    let content = |size: usize| {
        let mut bytes = vec![0; size];
        world.random.fill(&mut bytes).unwrap();
        bytes
    };
    let contents: Vec<Vec<u8>> = files.iter().map(|(_, size)| content(*size)).collect();
    world.server().files = files
        .iter()
        .zip(&contents)
        .map(|((name, _), bytes)| {
            let file = ManifestFile {
                name: (*name).into(),
                version: version.into(),
                sha256: Sha256::of(bytes),
                size: bytes.len() as u64,
            };
            (file, bytes.clone())
        })
        .collect();
    contents
}

fn asked_for(world: &World, bytes: &[u8]) -> usize {
    let path = format!("files/{}", Sha256::of(bytes));
    let log = world.log();
    log.iter().filter(|(request, _)| request.contains(&path)).count()
}

fn in_force(world: &World) -> (String, Vec<u8>) {
    let (file, bytes) = world.store().file(FileName::Grid).unwrap().unwrap();
    (file.version, bytes)
}

const BOTH: [(FileName, usize); 2] = [(FileName::Grid, 2_000_000), (FileName::GridSecond, 700_000)];

#[test]
fn pack_2_the_small_pack_is_fetched_resumed_and_verified_and_the_large_one_is_not_asked_for() {
    let mut world = World::new(31);
    let packs = publish(&world, "220104.1", &BOTH);
    // challenge, token, pull, manifest, one part; then cut.
    world.fault((0..5).map(|_| EngineFault::Pass).chain([EngineFault::LoseAnswer]));
    assert_eq!(world.sync().files_updated, 0);
    assert_eq!(world.store().wanted_files().unwrap()[0].have, 256 * 1024);
    world.restart();
    assert_eq!(world.sync().files_updated, 1);
    assert!(in_force(&world) == ("220104.1".into(), packs[1].clone()));
    assert_eq!(asked_for(&world, &packs[0]), 0);
    assert!(asked_for(&world, &packs[1]) >= 2);
    assert_eq!(world.sync().files_updated, 0, "nothing is fetched twice");
}

#[test]
fn pack_2_a_handset_with_the_pack_of_an_older_server_keeps_it_when_the_server_is_newer() {
    let world = World::new(32);
    let old = publish(&world, "220104.1", &BOTH[..1]).remove(0);
    assert_eq!(world.sync().files_updated, 1);
    assert!(in_force(&world) == ("220104.1".into(), old.clone()));
    // The server is upgraded: the same file, and another beside it.
    let (grid, _) = world.server().files[0].clone();
    let packs = publish(&world, "220104.1", &BOTH);
    world.server().files[0] = (grid, old.clone());
    assert_eq!(world.sync().files_updated, 0);
    assert_eq!(asked_for(&world, &packs[1]), 0);
    assert!(in_force(&world).1 == old);
    // The next version comes in the second format alone.
    let packs = publish(&world, "220104.2", &BOTH);
    assert_eq!(world.sync().files_updated, 1);
    assert!(in_force(&world) == ("220104.2".into(), packs[1].clone()));
    assert_eq!(asked_for(&world, &packs[0]), 0);
}
