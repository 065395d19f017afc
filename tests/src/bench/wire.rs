//! What a report without photos costs on the line: the real handset core over TLS and HTTP/2 to a server process,
//! through a proxy that reads the heads of TLS records. So frames and packed heads count as they travelled; what TLS
//! puts around them is counted apart, TCP and IP are not counted.

use super::{Verdicts, fleet::words, median, to_f64};
use crate::{
    chance::Chance,
    city::City,
    handset::{Handset, fix},
    process::Setup,
};
use anyhow::{Context, Result, ensure};
use protocol::{field::Invitation, role::Role};
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
/// Type, version and length of a TLS record.
const RECORD_HEAD: usize = 5;
/// What TLS 1.3 adds inside a record: the inner type and the tag.
const SEALED: u64 = 17;
const APPLICATION: u8 = 23;

pub struct Plan {
    pub folder: PathBuf,
}

/// Counts of one direction.
#[derive(Default)]
struct Flow {
    bytes: AtomicU64,
    records: AtomicU64,
}

#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    up: u64,
    down: u64,
    records: u64,
}

/// A proxy that looks at nothing but the heads of records.
struct Scale {
    address: SocketAddr,
    up: Arc<Flow>,
    down: Arc<Flow>,
}

impl Scale {
    fn before(server: SocketAddr) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let (up, down) = (Arc::new(Flow::default()), Arc::new(Flow::default()));
        let (to, back) = (Arc::clone(&up), Arc::clone(&down));
        // It ends with the process.
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
    fn seen(&self) -> Seen {
        let of = |counter: &AtomicU64| counter.load(Ordering::SeqCst);
        Seen {
            up: of(&self.up.bytes),
            down: of(&self.down.bytes),
            records: of(&self.up.records) + of(&self.down.records),
        }
    }
}

fn pass(mut from: TcpStream, mut into: TcpStream, flow: &Flow) {
    let mut head = [0; RECORD_HEAD];
    while from.read_exact(&mut head).is_ok() {
        let [kind, _, _, high, low] = head;
        let length = u16::from_be_bytes([high, low]);
        let mut body = vec![0; usize::from(length)];
        if from.read_exact(&mut body).is_err() {
            break;
        }
        // Counted before it is passed on: the answer to a request never overtakes its count.
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

/// The handset's own transport, each exchange weighed.
struct Weighed<'s> {
    https: Https,
    scale: &'s Scale,
    exchanges: Mutex<Vec<(String, Seen)>>,
}

impl Weighed<'_> {
    /// What was weighed since the last time.
    fn take(&self) -> Vec<(String, Seen)> {
        std::mem::take(&mut *self.exchanges.lock().unwrap_or_else(PoisonError::into_inner))
    }
    /// What follows an answer (windows, acknowledgements) belongs to its exchange.
    fn settled(&self) -> Seen {
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

impl Transport for Weighed<'_> {
    fn exchange(&self, request: &Request) -> Result<Response, TransportError> {
        self.carry(request, &CancelToken::default()).0
    }
    fn carry(&self, request: &Request, cancel: &CancelToken) -> (Result<Response, TransportError>, Traffic) {
        let before = self.settled();
        let outcome = self.https.carry(request, cancel);
        let after = self.settled();
        let path = request.path.split('?').next().unwrap_or_default().to_owned();
        let seen = Seen {
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

pub fn run(plan: &Plan, verdicts: &Verdicts) -> Result<()> {
    let mut city = City::small(&plan.folder.join("wire"), Setup::default())?;
    let scale = Scale::before(city.server.address())?;
    let community = city.communities().first().context("a community")?.0.to_string();
    let invited = city.post("101", "巡查", "巡查员", Role::Patroller, &[&community])?;
    let through = format!("https://{}", scale.address);
    let home = plan.folder.join("handset");
    let mut handset = Handset::enrol(&home, &invited.invitation, Some(&through))?;
    let pins = Invitation::from_text(&invited.invitation)?.pins;
    let weighed = Weighed {
        https: Https::new(&through, &pins)?,
        scale: &scale,
        exchanges: Mutex::default(),
    };
    let mut chance = Chance::new(5);
    // The first sync fetches grid and catalogues and opens the connection that the others use.
    for _ in 0..2 {
        report(&mut handset, &city, &mut chance)?;
        handset.sync_over(&weighed)?;
    }
    weighed.take();

    let mut alone = Vec::new();
    let mut beside: Vec<(String, Seen)> = Vec::new();
    for _ in 0..SAMPLES {
        report(&mut handset, &city, &mut chance)?;
        handset.sync_over(&weighed)?;
        let exchanges = weighed.take();
        alone.push(pushed(&exchanges, 1)?);
        beside = exchanges;
    }
    let mut batch = Vec::new();
    for _ in 0..3 {
        for _ in 0..BATCH {
            report(&mut handset, &city, &mut chance)?;
        }
        handset.sync_over(&weighed)?;
        batch.push(pushed(&weighed.take(), BATCH)?);
    }
    say("wire_alone", &alone, 1.0, ALONE, verdicts);
    say("wire_batch50", &batch, to_f64(BATCH), IN_A_BATCH, verdicts);
    for (path, seen) in beside {
        println!(
            "  a sync with one report: {path} up={} down={}",
            seen.up, seen.down
        );
    }
    ensure!(city.server.stop()?, "the server stops cleanly");
    Ok(())
}

fn report(handset: &mut Handset, city: &City, chance: &mut Chance) -> Result<()> {
    let mut point = city.pack.view().cells().next().context("a cell")?.centroid();
    point.lat += i32::try_from(chance.below(4000))?;
    point.lon += i32::try_from(chance.below(4000))?;
    let mut draft = handset.open()?.new_report()?;
    draft.text(words(chance)).at(fix(point, 5));
    draft.submit()?;
    Ok(())
}

/// What the one push among the exchanges weighed.
fn pushed(exchanges: &[(String, Seen)], reports: usize) -> Result<Seen> {
    let pushes: Vec<Seen> = exchanges
        .iter()
        .filter(|(path, _)| path == "/v1/field/push")
        .map(|(_, seen)| *seen)
        .collect();
    match pushes.as_slice() {
        [one] => Ok(*one),
        other => anyhow::bail!("{} pushes for {reports} reports", other.len()),
    }
}

fn say(promise: &str, seen: &[Seen], reports: f64, goal: f64, verdicts: &Verdicts) {
    #[expect(clippy::cast_precision_loss, reason = "bytes of a message")]
    let of = |f: fn(&Seen) -> u64| median(seen.iter().map(|seen| f(seen) as f64 / reports).collect());
    verdicts.at_most(promise, of(|s| s.up + s.down), "B", goal);
    println!(
        "  up={:.0}B down={:.0}B tls_on_top={:.1}B tls_records={:.1}",
        of(|s| s.up),
        of(|s| s.down),
        of(|s| s.records * (SEALED + RECORD_HEAD as u64)),
        of(|s| s.records),
    );
}
