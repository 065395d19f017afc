//! Proxies and firewalls on the way to the server: what they refuse is remembered, and passed by.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod engine;

use engine::World;

/// How many requests were answered with this status.
fn answered(world: &World, status: u16) -> usize {
    world.log().iter().filter(|(_, s)| *s == status).count()
}

#[test]
fn use_f04_limit_of_a_proxy_is_remembered_for_a_day_and_over_a_restart() {
    let mut world = World::new(40);
    let refused = |world: &World| answered(world, 413);
    *world.network.largest_body.lock().unwrap() = Some(100_000);
    let first = world.report("垃圾", &[900_000]);
    world.settle();
    assert!(world.item(&first).is_complete());
    // 128 KiB once; after that 64 KiB.
    assert_eq!(refused(&world), 1);
    world.restart();
    let second = world.report("井盖", &[900_000]);
    world.settle();
    assert!(world.item(&second).is_complete());
    assert_eq!(refused(&world), 1);
    // The proxy may have been changed: once a day more is tried.
    world.clock.advance(86_400_000);
    let third = world.report("树枝", &[900_000]);
    world.settle();
    assert!(world.item(&third).is_complete());
    assert_eq!(refused(&world), 2);
    world.assert_agreement();
}

#[test]
fn use_f04_limit_of_a_proxy_for_pushes_is_remembered_for_a_day_and_over_a_restart() {
    let mut world = World::new(41);
    let refused = |world: &World| answered(world, 413);
    let report_many = |world: &World| {
        for _ in 0..60 {
            world.report("垃圾", &[]);
        }
        world.settle();
        world.assert_agreement();
    };
    *world.network.largest_body.lock().unwrap() = Some(10_000);
    report_many(&world);
    let until_it_fits = refused(&world);
    assert!(until_it_fits > 0, "60 reports are more than 10 kB");
    world.restart();
    report_many(&world);
    assert_eq!(refused(&world), until_it_fits);
    // The proxy may have been changed: once a day more is tried.
    world.clock.advance(86_400_000);
    report_many(&world);
    assert!(refused(&world) > until_it_fits);
}

#[test]
fn field_08_photos_pass_a_firewall_that_lets_only_get_and_post_through() {
    for status in [403, 405, 501] {
        let mut world = World::new(42);
        let refused = |world: &World| answered(world, status);
        let patches = |world: &World| world.log().iter().filter(|(r, _)| r.contains("Patch")).count();
        *world.network.firewall.lock().unwrap() = Some(status);
        let first = world.report("垃圾", &[300_000]);
        world.sync();
        assert!(world.item(&first).is_complete(), "in one sync, {status}");
        assert_eq!(refused(&world), 1);
        world.restart();
        let second = world.report("井盖", &[300_000]);
        world.sync();
        assert!(world.item(&second).is_complete());
        assert_eq!(refused(&world), 1, "it is remembered");
        // The firewall may have been changed: once a day the methods of the standard are tried.
        world.clock.advance(86_400_000);
        *world.network.firewall.lock().unwrap() = None;
        let before = patches(&world);
        let third = world.report("树枝", &[100_000]);
        world.settle();
        assert!(world.item(&third).is_complete());
        assert_eq!((refused(&world), patches(&world)), (1, before + 1));
        world.assert_agreement();
    }
}
