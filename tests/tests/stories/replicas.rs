//! Several real servers over one PostgreSQL and one object store, behind a balancer; any of them may be
//! killed.

use crate::stage::{StoryStage, cases, completeness, entries, file, invite, photos, row};
use e2e::{
    handset::Handset,
    line::{FaultProxy, LineFault},
    process::ServerProcess,
};
use protocol::ids::EntryId;
use std::{
    io::{Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Condvar, Mutex},
    thread,
};
use terminal_core::work::ItemState;

/// Forwards each connection to the next server in turn, and to another if that one refuses.
struct Balancer {
    address: SocketAddr,
    shared: Arc<BalancerShared>,
}

#[derive(Default)]
struct BalancerShared {
    servers: Mutex<Vec<SocketAddr>>,
    /// Bytes from handsets that were passed on.
    passed: Mutex<u64>,
    more: Condvar,
}

impl Balancer {
    fn over(servers: &[SocketAddr]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(BalancerShared::default());
        let inner = Arc::clone(&shared);
        thread::spawn(move || {
            for (turn, handset) in listener.incoming().flatten().enumerate() {
                let inner = Arc::clone(&inner);
                thread::spawn(move || inner.serve(handset, turn));
            }
        });
        let this = Self { address, shared };
        this.set(servers);
        this
    }
    fn set(&self, servers: &[SocketAddr]) {
        *self.shared.servers.lock().unwrap() = servers.to_vec();
    }
    fn passed(&self) -> u64 {
        *self.shared.passed.lock().unwrap()
    }
    /// Waits until this many bytes in total were passed on.
    fn wait_for(&self, bytes: u64) {
        let passed = self.shared.passed.lock().unwrap();
        drop(
            self.shared
                .more
                .wait_while(passed, |passed| *passed < bytes)
                .unwrap(),
        );
    }
}

impl BalancerShared {
    #[expect(clippy::needless_pass_by_value, reason = "the connection ends with the call")]
    fn serve(&self, handset: TcpStream, turn: usize) {
        let servers = self.servers.lock().unwrap().clone();
        let found =
            (0..servers.len()).find_map(|i| TcpStream::connect(servers[(turn + i) % servers.len()]).ok());
        let Some(server) = found else {
            return;
        };
        thread::scope(|both| {
            both.spawn(|| self.pass(&handset, &server, true));
            self.pass(&server, &handset, false);
        });
    }
    fn pass(&self, mut from: &TcpStream, mut to: &TcpStream, up: bool) {
        let mut buffer = [0; 16 * 1024];
        while let Ok(n @ 1..) = from.read(&mut buffer) {
            if to.write_all(&buffer[..n]).is_err() {
                break;
            }
            if up {
                *self.passed.lock().unwrap() += n as u64;
                self.more.notify_all();
            }
        }
        for end in [from, to] {
            let _ = end.shutdown(Shutdown::Both);
        }
    }
}

/// Enrols a handset that reaches the servers through the balancer.
fn enrol(
    stage: &StoryStage,
    invitation: &str,
    name: &str,
    server: &ServerProcess,
    balancer: &Balancer,
) -> Handset {
    let scheme = server.url().split("://").next().unwrap();
    let through = format!("{scheme}://{}", balancer.address);
    let mut handset = Handset::enrol(
        &stage.path(&format!("handset-{name}")),
        invitation,
        Some(&through),
    )
    .unwrap();
    assert!(handset.sync().unwrap().is_success());
    handset
}

/// Syncs until everything is delivered, like a worker who retries by hand.
fn deliver(handset: &mut Handset) {
    let mut last = None;
    for _ in 0..40 {
        match handset.sync() {
            Ok(report) if report.is_success() => return,
            other => last = Some(other),
        }
    }
    panic!("not delivered: {last:?}");
}

#[test]
fn killing_either_of_two_servers_loses_and_duplicates_nothing() {
    const ROUNDS: u64 = 6;
    const HANDSETS: u64 = 3;
    let stage = StoryStage::postgres();
    let mut city = stage.city();
    let mut other = city.server.replica(&stage.path("other")).unwrap();
    other.start().unwrap();
    let balancer = Balancer::over(&[city.server.address(), other.address()]);
    let mut hands: Vec<(Handset, Vec<EntryId>)> = (0..HANDSETS)
        .map(|i| {
            let number = format!("70{i}");
            let invited = invite(&city, &number);
            let handset = enrol(&stage, &invited.invitation, &number, &city.server, &balancer);
            (handset, Vec::new())
        })
        .collect();

    for round in 0..ROUNDS {
        for (i, (handset, filed)) in (0..).zip(&mut hands) {
            for (n, text) in [(0, "路边垃圾"), (1, "井盖破损")] {
                let photo = stage.photo(100 + (round * HANDSETS + i) * 2 + n, 480, 360);
                filed.push(file(&city, handset, text, std::slice::from_ref(&photo)));
            }
        }
        // Killed during the round's traffic, a little later in each round.
        let kill_at = balancer.passed() + 20_000 + round * 60_000;
        let victim = if round % 2 == 0 {
            &mut other
        } else {
            &mut city.server
        };
        thread::scope(|all| {
            for (handset, _) in &mut hands {
                all.spawn(move || deliver(handset));
            }
            balancer.wait_for(kill_at);
            victim.kill().unwrap();
        });
        // Everything was delivered while one of the two servers was dead.
        victim.start().unwrap();
    }

    let filed = ROUNDS * HANDSETS * 2;
    assert_eq!((cases(&city), entries(&city)), (filed, filed));
    assert_eq!(photos(&city), (filed, filed));
    for (handset, ids) in &mut hands {
        for id in ids.iter() {
            assert_eq!(row(handset, *id).state, ItemState::Received);
        }
        let complete = completeness(&city, handset);
        assert_eq!(complete["missing"], 0, "{complete}");
    }
}

#[test]
fn story_12_upload_started_at_a_killed_server_continues_at_another() {
    let stage = StoryStage::postgres();
    let mut city = stage.city();
    let line = FaultProxy::to(city.server.address()).unwrap();
    let mut other = city.server.replica(&stage.path("other")).unwrap();
    let balancer = Balancer::over(&[line.address()]);
    let invited = invite(&city, "712");
    let mut handset = enrol(&stage, &invited.invitation, "712", &city.server, &balancer);
    let photo = stage.photo(12, 1600, 1200);
    let id = file(&city, &mut handset, "大照片", &[photo]);
    let size = handset.open().unwrap().store().item(id).unwrap().unwrap().photos[0].size;
    assert!(size > 700_000, "{size}");

    line.set(LineFault::CutUp(size * 3 / 4));
    let before = line.bytes_sent();
    assert!(!handset.sync().unwrap().is_success());
    let begun = line.bytes_sent() - before;
    assert!(
        begun >= size * 3 / 4,
        "most of the photo must be uploaded: {begun} of {size}"
    );
    city.server.kill().unwrap();
    other.start().unwrap();
    balancer.set(&[other.address()]);
    let before = balancer.passed();
    deliver(&mut handset);
    assert_eq!(row(&mut handset, id).state, ItemState::Received);
    let again = balancer.passed() - before;
    // The parts of 64, 128 and 256 kB were acknowledged before the cut and must not be sent again.
    assert!(again < size - 448 * 1024 + 32 * 1024, "{again} of {size}");
    city.server.start().unwrap();
    assert_eq!((cases(&city), photos(&city)), (1, (1, 1)));
}
