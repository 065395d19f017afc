//! Bytes on the wire for a report without photos: the real handset core over TLS and HTTP/2 to a server
//! process, through a proxy that reads the heads of TLS records. So HTTP/2 frames and compressed headers
//! count as sent; the bytes that TLS adds are counted separately; TCP and IP are not counted.

use super::{Goals, fleet::words, median, to_f64};
use crate::{
    city::City,
    handset::{Handset, fix},
    process::ServerSetup,
    random::ScenarioRandom,
};
use anyhow::{Context, Result, ensure};
use protocol::field::Invitation;
use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};
use terminal_core::transport::{CancelToken, Https, Request, Response, Traffic, Transport, TransportError};

const ALONE: f64 = 600.0;
const IN_A_BATCH: f64 = 120.0;
const BATCH: usize = 50;
const SAMPLES: usize = 9;
/// Length of a TLS record's type, version and length fields.
const RECORD_HEAD: usize = 5;
/// Bytes that TLS 1.3 adds inside a record: the inner type and the tag.
const SEALED: u64 = 17;
const APPLICATION: u8 = 23;

pub struct WirePlan {
    pub folder: PathBuf,
}

/// Counts of one direction.
#[derive(Default)]
struct DirectionCount {
    bytes: AtomicU64,
    records: AtomicU64,
}

#[derive(Debug, Clone, Copy, Default)]
struct WireBytes {
    up: u64,
    down: u64,
    records: u64,
}

/// A proxy that reads only the heads of TLS records.
struct MeteringProxy {
    address: SocketAddr,
    up: Arc<DirectionCount>,
    down: Arc<DirectionCount>,
}

impl MeteringProxy {
    fn before(server: SocketAddr) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let (up, down) = (
            Arc::new(DirectionCount::default()),
            Arc::new(DirectionCount::default()),
        );
        let (to, back) = (Arc::clone(&up), Arc::clone(&down));
        // Not joined: the thread ends with the process.
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(server) = TcpStream::connect(server) else {
                    return;
                };
                let _ = (client.set_nodelay(true), server.set_nodelay(true));
                for (from, into, flow) in [(&client, &server, &to), (&server, &client, &back)] {
                    if let (Ok(from), Ok(into)) = (from.try_clone(), into.try_clone()) {
                        let flow = Arc::clone(flow);
                        thread::spawn(move || pass(from, into, &flow));
                    }
                }
            }
        });
        Ok(Self { address, up, down })
    }
    fn seen(&self) -> WireBytes {
        let of = |counter: &AtomicU64| counter.load(Ordering::SeqCst);
        WireBytes {
            up: of(&self.up.bytes),
            down: of(&self.down.bytes),
            records: of(&self.up.records) + of(&self.down.records),
        }
    }
}

fn pass(mut from: TcpStream, mut into: TcpStream, flow: &DirectionCount) {
    let mut head = [0; RECORD_HEAD];
    while from.read_exact(&mut head).is_ok() {
        let [kind, _, _, high, low] = head;
        let length = u16::from_be_bytes([high, low]);
        let mut body = vec![0; usize::from(length)];
        if from.read_exact(&mut body).is_err() {
            break;
        }
        // Counted before it is passed on, so that the response never arrives before the request was counted.
        if kind == APPLICATION {
            flow.bytes
                .fetch_add(u64::from(length).saturating_sub(SEALED), Ordering::SeqCst);
            flow.records.fetch_add(1, Ordering::SeqCst);
        }
        if into
            .write_all(&head)
            .and_then(|()| into.write_all(&body))
            .is_err()
        {
            break;
        }
    }
    let _ = into.shutdown(std::net::Shutdown::Both);
}

/// The handset's transport; measures each exchange.
struct MeteredTransport<'s> {
    https: Https,
    scale: &'s MeteringProxy,
    exchanges: Mutex<Vec<(String, WireBytes)>>,
}

impl MeteredTransport<'_> {
    /// Returns what was measured since the last call.
    fn take(&self) -> Vec<(String, WireBytes)> {
        std::mem::take(&mut *self.exchanges.lock().unwrap_or_else(PoisonError::into_inner))
    }
    /// Waits for frames after the response (window updates, acknowledgements) and adds them to its exchange.
    fn settled(&self) -> WireBytes {
        let mut seen = self.scale.seen();
        loop {
            thread::sleep(Duration::from_millis(60));
            let now = self.scale.seen();
            if now.records == seen.records {
                return now;
            }
            seen = now;
        }
    }
}

impl Transport for MeteredTransport<'_> {
    fn exchange(&self, request: &Request) -> Result<Response, TransportError> {
        self.carry(request, &CancelToken::default()).0
    }
    fn carry(&self, request: &Request, cancel: &CancelToken) -> (Result<Response, TransportError>, Traffic) {
        let before = self.settled();
        let outcome = self.https.carry(request, cancel);
        let after = self.settled();
        let path = request.path.split('?').next().unwrap_or_default().to_owned();
        let seen = WireBytes {
            up: after.up - before.up,
            down: after.down - before.down,
            records: after.records - before.records,
        };
        self.exchanges
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push((path, seen));
        outcome
    }
}

pub fn run(plan: &WirePlan, goals: &Goals) -> Result<()> {
    let mut city = City::small(&plan.folder.join("wire"), ServerSetup::default())?;
    let scale = MeteringProxy::before(city.server.address())?;
    let invited = city.patroller_of_first_community()?;
    let through = format!("https://{}", scale.address);
    let home = plan.folder.join("handset");
    let mut handset = Handset::enrol(&home, &invited.invitation, Some(&through))?;
    let pins = Invitation::from_text(&invited.invitation)?.pins;
    let weighed = MeteredTransport {
        https: Https::new(&through, &pins)?,
        scale: &scale,
        exchanges: Mutex::default(),
    };
    let mut random = ScenarioRandom::new(5);
    // The first sync fetches grid and catalogues and opens the connection that later syncs use.
    for _ in 0..2 {
        report(&mut handset, &city, &mut random)?;
        handset.sync_over(&weighed)?;
    }
    weighed.take();

    let mut alone = Vec::new();
    let mut beside: Vec<(String, WireBytes)> = Vec::new();
    for _ in 0..SAMPLES {
        report(&mut handset, &city, &mut random)?;
        handset.sync_over(&weighed)?;
        let exchanges = weighed.take();
        alone.push(pushed(&exchanges, 1)?);
        beside = exchanges;
    }
    let mut batch = Vec::new();
    for _ in 0..3 {
        for _ in 0..BATCH {
            report(&mut handset, &city, &mut random)?;
        }
        handset.sync_over(&weighed)?;
        batch.push(pushed(&weighed.take(), BATCH)?);
    }
    say("wire_alone", &alone, 1.0, ALONE, goals);
    say("wire_batch50", &batch, to_f64(BATCH), IN_A_BATCH, goals);
    for (path, seen) in beside {
        println!(
            "  a sync with one report: {path} up={} down={}",
            seen.up, seen.down
        );
    }
    ensure!(city.server.stop()?, "the server did not stop cleanly");
    Ok(())
}

fn report(handset: &mut Handset, city: &City, random: &mut ScenarioRandom) -> Result<()> {
    let mut point = city
        .pack
        .view()
        .cells()
        .next()
        .context("the pack has no cells")?
        .centroid();
    point.lat += i32::try_from(random.below(4000))?;
    point.lon += i32::try_from(random.below(4000))?;
    let mut draft = handset.open()?.new_report()?;
    draft.text(words(random)).at(fix(point, 5));
    draft.submit()?;
    Ok(())
}

/// The bytes of the one push among these exchanges.
fn pushed(exchanges: &[(String, WireBytes)], reports: usize) -> Result<WireBytes> {
    let pushes: Vec<WireBytes> = exchanges
        .iter()
        .filter(|(path, _)| path == "/v1/field/push")
        .map(|(_, seen)| *seen)
        .collect();
    match pushes.as_slice() {
        [one] => Ok(*one),
        other => anyhow::bail!("{} pushes for {reports} reports", other.len()),
    }
}

fn say(promise: &str, seen: &[WireBytes], reports: f64, goal: f64, goals: &Goals) {
    #[expect(clippy::cast_precision_loss, reason = "bytes of a message")]
    let of = |f: fn(&WireBytes) -> u64| median(seen.iter().map(|seen| f(seen) as f64 / reports).collect());
    goals.at_most(promise, of(|s| s.up + s.down), "B", goal);
    println!(
        "  up={:.0}B down={:.0}B tls_on_top={:.1}B tls_records={:.1}",
        of(|s| s.up),
        of(|s| s.down),
        of(|s| s.records * (SEALED + RECORD_HEAD as u64)),
        of(|s| s.records),
    );
}
