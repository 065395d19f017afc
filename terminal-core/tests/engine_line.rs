//! A sync looks at network and battery before every action, and counts every request with what it cost then
//! (SP-12, story 37).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod engine;

use engine::{EngineNetwork, World};
use std::sync::{
    Mutex,
    atomic::{AtomicUsize, Ordering},
};
use terminal_core::{
    platform::{Clock as _, Connectivity, Power, Surroundings},
    store::{NetworkSettings, PlanMonth, TrafficUse},
    sync::{Driver, LiveGuide, SyncReport, SyncTrigger},
    transport::{CancelToken, Request, Response, Transport, TransportError},
};

const WIFI: Connectivity = Connectivity {
    online: true,
    metered: false,
    roaming: false,
};

const MOBILE: Connectivity = Connectivity {
    metered: true,
    ..WIFI
};

const ROAMING: Connectivity = Connectivity {
    roaming: true,
    ..WIFI
};

const FULL: Power = Power {
    low: false,
    charging: false,
};

const LOW: Power = Power {
    low: true,
    charging: false,
};

/// A phone whose network and battery change.
struct Phone {
    now: Mutex<(Connectivity, Power)>,
    asked: AtomicUsize,
}

impl Phone {
    fn new(network: Connectivity) -> Self {
        Self {
            now: Mutex::new((network, FULL)),
            asked: AtomicUsize::new(0),
        }
    }
}

impl Surroundings for Phone {
    fn connectivity(&self) -> Connectivity {
        self.asked.fetch_add(1, Ordering::SeqCst);
        self.now.lock().unwrap().0
    }
    fn power(&self) -> Power {
        self.now.lock().unwrap().1
    }
}

/// Changes the phone after so many parts of photos.
struct Flips<'a> {
    network: &'a EngineNetwork,
    phone: &'a Phone,
    after: usize,
    to: (Connectivity, Power),
    parts: AtomicUsize,
}

impl Transport for Flips<'_> {
    fn exchange(&self, request: &Request) -> Result<Response, TransportError> {
        let answer = self.network.exchange(request);
        let is_photo = request.path.starts_with("/v1/field/photos") && !request.body.is_empty();
        if is_photo && self.parts.fetch_add(1, Ordering::SeqCst) + 1 == self.after {
            *self.phone.now.lock().unwrap() = self.to;
        }
        answer
    }
}

fn sync(world: &World, phone: &Phone, transport: &dyn Transport, trigger: SyncTrigger) -> SyncReport {
    let driver = Driver {
        transport,
        photos: &world.photos,
        clock: world.clock.as_ref(),
        random: world.random.clone(),
        signer: terminal_core::platform::Keystore::signer(
            &world.keystore,
            world.store().account().unwrap().stream,
        )
        .unwrap(),
    };
    let guide = LiveGuide {
        store: world.store(),
        clock: world.clock.as_ref(),
        around: phone,
        trigger,
    };
    driver
        .run_guided(
            world.store(),
            &guide,
            &CancelToken::default(),
            &Mutex::default(),
            &mut |_| {},
        )
        .unwrap()
}

fn used(world: &World, wanted: impl Fn(&TrafficUse) -> bool) -> u64 {
    let month = PlanMonth::of(world.clock.read().wall);
    let rows = world.store().traffic(&month).unwrap();
    rows.iter()
        .filter(|row| wanted(row))
        .map(|row| row.traffic.total())
        .sum()
}

#[test]
fn w02_a_photo_ends_at_its_next_part_when_the_network_or_the_battery_changes() {
    let part = 64 * 1024;
    for (seed, to, code) in [
        (1, (MOBILE, FULL), "policy.metered"),
        (2, (ROAMING, FULL), "policy.roaming"),
        (3, (WIFI, LOW), "policy.battery"),
    ] {
        let world = World::new(seed);
        let item = world.report("垃圾", &[600_000, 300_000]);
        let phone = Phone::new(WIFI);
        let flips = Flips {
            network: &world.network,
            phone: &phone,
            after: 2,
            to,
            parts: AtomicUsize::new(0),
        };
        let report = sync(&world, &phone, &flips, SyncTrigger::Automatic);
        assert_eq!(
            flips.parts.load(Ordering::SeqCst),
            2,
            "{code}: no part after the change"
        );
        assert_eq!(
            (report.photos_waiting, report.photos_held_back),
            (2, true),
            "{code}"
        );
        assert_eq!(report.held_back.unwrap().code, code);
        assert_eq!(
            world.item(&item).photos[0].sent,
            3 * part,
            "{code}: what was sent stays"
        );
        assert!(
            phone.asked.load(Ordering::SeqCst) >= 8,
            "asked before every action"
        );
        let free = used(&world, |row| !row.metered && row.kind == "photos");
        assert!((3 * part..4 * part).contains(&free), "{code}: {free}");
        assert_eq!(
            used(&world, |row| row.metered && row.kind == "photos"),
            0,
            "{code}"
        );

        // Entries still go, and are counted as what they cost.
        let entry = world.report("后来", &[]);
        sync(&world, &phone, &flips, SyncTrigger::Automatic);
        assert!(world.is_received(&entry), "{code}");
        let dear = used(&world, |row| row.metered && row.kind == "entries");
        assert_eq!(dear > 0, to.1 == FULL, "{code}: {dear}");
        assert_eq!(used(&world, |row| row.roaming) > 0, to.0.roaming, "{code}");

        // On Wi-Fi the photo goes on at its byte.
        *phone.now.lock().unwrap() = (WIFI, FULL);
        let before = used(&world, |row| row.kind == "photos");
        assert!(sync(&world, &phone, &flips, SyncTrigger::Automatic).is_success());
        let rest = used(&world, |row| row.kind == "photos") - before;
        assert!(rest < (900_000 - 3 * part) * 12 / 10, "{code}: {rest}");
        world.assert_agreement();
    }
}

#[test]
fn w02_bytes_are_counted_as_metered_only_while_they_are() {
    let world = World::new(4);
    world.report("垃圾", &[600_000]);
    let settings = NetworkSettings {
        wifi_only_photos: false,
        ..NetworkSettings::default()
    };
    world.store().set_network_settings(&settings).unwrap();
    let phone = Phone::new(MOBILE);
    let flips = Flips {
        network: &world.network,
        phone: &phone,
        after: 1,
        to: (WIFI, FULL),
        parts: AtomicUsize::new(0),
    };
    assert!(sync(&world, &phone, &flips, SyncTrigger::Automatic).is_success());
    let metered = used(&world, |row| row.metered && row.kind == "photos");
    assert!((64 * 1024..72 * 1024).contains(&metered), "{metered}");
    let free = used(&world, |row| !row.metered && row.kind == "photos");
    assert!(free > 600_000 - 64 * 1024, "{free}");
}

#[test]
fn w02_the_budget_ends_photos_in_the_middle_of_a_run() {
    let world = World::new(5);
    world.report("垃圾", &[800_000, 800_000]);
    let settings = NetworkSettings {
        wifi_only_photos: false,
        budget_mb: Some(1),
        ..NetworkSettings::default()
    };
    world.store().set_network_settings(&settings).unwrap();
    let phone = Phone::new(MOBILE);
    let report = sync(&world, &phone, &world.network, SyncTrigger::Automatic);
    assert_eq!(report.held_back.unwrap().code, "policy.budget");
    assert_eq!((report.entries_received, report.photos_received), (1, 1));
    let spent = used(&world, |row| row.metered);
    assert!((800_000..=1_000_000).contains(&spent), "{spent}");
}
