//! Reports: the same ones to our server, to PocketBase that syncs each commit, and to PocketBase as it is shipped.

use super::{
    super::{
        Goals,
        fleet::{self, BenchTerminal},
    },
    figures::{MeasuredRounds, PeerGoal, ServerWork, compare},
    pocketbase::{CommitSync, PocketBase, record_of},
};
use crate::city::City;
use anyhow::{Context, Result, ensure};
use protocol::entry::Entry;
use std::path::Path;

/// Records that are read back after each case.
const SAMPLE: usize = 8;

struct ReportsCase {
    name: &'static str,
    clients: usize,
    /// Reports in a request.
    each: usize,
    /// Requests of each client in a round.
    requests: usize,
    /// Beside PocketBase that syncs each commit.
    goal: PeerGoal,
}

const CASES: [ReportsCase; 3] = [
    ReportsCase {
        name: "single",
        clients: 8,
        each: 1,
        requests: 250,
        goal: PeerGoal {
            rate: Some(2.2),
            cpu: Some(0.5),
        },
    },
    ReportsCase {
        name: "one_client",
        clients: 1,
        each: 1,
        requests: 600,
        goal: PeerGoal {
            rate: Some(1.0),
            cpu: None,
        },
    },
    ReportsCase {
        name: "batch50",
        clients: 8,
        each: 50,
        requests: 12,
        goal: PeerGoal {
            rate: Some(3.0),
            cpu: Some(0.4),
        },
    },
];

/// The reports of each client: requests of entries.
type ClientsReports = Vec<Vec<Vec<Vec<u8>>>>;

pub fn run(folder: &Path, rounds: usize, program: &Path, goals: &Goals) -> Result<()> {
    let most = CASES.iter().map(|case| case.clients).max().unwrap_or_default();
    let mut city = fleet::set_up_city(&folder.join("reports"), None)?;
    let mut units = fleet::enrol_fleet(&city, most)?;
    let full = PocketBase::start(program, &folder.join("pocketbase-full"), CommitSync::Full)?;
    let stock = PocketBase::start(program, &folder.join("pocketbase-stock"), CommitSync::Stock)?;
    for case in &CASES {
        let mut sides = Sides {
            city: &city,
            peers: [&full, &stock],
            ours: MeasuredRounds::default(),
            theirs: [MeasuredRounds::default(), MeasuredRounds::default()],
        };
        let before = sides.held()?;
        let mut sent = 0;
        let mut last = Vec::new();
        for round in 0..=rounds {
            last = new_reports(units.iter_mut().take(case.clients), case)?;
            sent += case.clients * case.requests * case.each;
            sides.round(&units, &last, round > 0)?;
        }
        let after = sides.held()?;
        for (place, before, after) in [
            ("entries", before.entries, after.entries),
            ("cases", before.cases, after.cases),
            ("records of PocketBase FULL", before.records[0], after.records[0]),
            (
                "records of PocketBase as shipped",
                before.records[1],
                after.records[1],
            ),
        ] {
            ensure!(
                after - before == sent,
                "{} {place} were added, {sent} reports were sent",
                after - before
            );
        }
        sides.read_back(&last)?;
        let [beside_full, beside_stock] = &sides.theirs;
        let name = format!("peers_reports_{}", case.name);
        println!(
            "  {name}: clients={} reports_a_request={} rounds={rounds}, {sent} reports counted at each, {SAMPLE} read back",
            case.clients, case.each
        );
        compare(&name, &sides.ours, beside_full, case.goal, goals);
        compare(
            &format!("{name}_stock"),
            &sides.ours,
            beside_stock,
            PeerGoal::default(),
            goals,
        );
    }
    ensure!(city.server.stop()?, "the server did not stop cleanly");
    Ok(())
}

fn new_reports<'u>(
    units: impl Iterator<Item = &'u mut BenchTerminal>,
    case: &ReportsCase,
) -> Result<ClientsReports> {
    let request = |unit: &mut BenchTerminal| -> Result<Vec<Vec<u8>>> {
        (0..case.each).map(|_| unit.report(Vec::new())).collect()
    };
    units
        .map(|unit| (0..case.requests).map(|_| request(unit)).collect())
        .collect()
}

/// Our server and its peers.
struct Sides<'a> {
    city: &'a City,
    peers: [&'a PocketBase; 2],
    ours: MeasuredRounds,
    theirs: [MeasuredRounds; 2],
}

/// Rows that each side holds.
struct HeldRows {
    entries: usize,
    cases: usize,
    records: [usize; 2],
}

impl Sides<'_> {
    /// Sends the reports to each in turn. Requests are built before the measurement.
    fn round(&mut self, units: &[BenchTerminal], reports: &ClientsReports, counts: bool) -> Result<()> {
        let records = reports.iter().flatten().map(Vec::len).sum();
        let push = |unit: &BenchTerminal, requests: &[Vec<Vec<u8>>]| -> Result<Vec<Vec<u8>>> {
            requests
                .iter()
                .map(|entries| unit.push(entries.clone()))
                .collect()
        };
        let work = units.iter().zip(reports);
        let work = work
            .map(|(unit, requests)| push(unit, requests))
            .collect::<Result<Vec<_>>>()?;
        let server = ServerWork {
            process: fleet::process(&self.city.server)?,
            folder: self.city.server.data(),
            records,
            counts,
        };
        let address = self.city.server.address();
        self.ours.round(&server, || fleet::send_all(address, &work))?;
        for (peer, measured) in self.peers.iter().zip(&mut self.theirs) {
            let create = |entries: &Vec<Vec<u8>>| -> Result<Vec<u8>> {
                let records = entries
                    .iter()
                    .map(|entry| record_of(entry))
                    .collect::<Result<Vec<_>>>()?;
                peer.request(&records)
            };
            let work = reports
                .iter()
                .map(|requests| requests.iter().map(create).collect())
                .collect::<Result<Vec<_>>>()?;
            let server = ServerWork {
                process: peer.process().id(),
                folder: &peer.folder,
                records,
                counts,
            };
            measured.round(&server, || fleet::send_all(peer.process().address, &work))?;
        }
        Ok(())
    }
    fn held(&self) -> Result<HeldRows> {
        let database = self.database()?;
        let count = |table: &str| -> Result<usize> {
            let rows: i64 =
                database.query_row(&format!("SELECT COUNT(*) FROM {table}"), [], |row| row.get(0))?;
            Ok(usize::try_from(rows)?)
        };
        let [full, stock] = self.peers;
        Ok(HeldRows {
            entries: count("entry")?,
            cases: count("case_file")?,
            records: [full.count()?, stock.count()?],
        })
    }
    /// Reads some reports back from each side, spread over all, and compares them.
    fn read_back(&self, reports: &ClientsReports) -> Result<()> {
        let all: Vec<&Vec<u8>> = reports.iter().flatten().flatten().collect();
        let database = self.database()?;
        for entry in all.iter().step_by(all.len().div_ceil(SAMPLE).max(1)) {
            let id = Entry::read(entry)?.0.id.to_string();
            let (held, cases): (Vec<u8>, i64) = database
                .query_row(
                    "SELECT bytes, (SELECT COUNT(*) FROM case_file WHERE entry = ?1) FROM entry WHERE id = ?1",
                    [&id],
                    |row| Ok((row.get(0)?, row.get(1)?)),
                )
                .with_context(|| format!("our server does not hold {id}"))?;
            ensure!(
                held == **entry && cases == 1,
                "entry {id} differs on our server, or has {cases} cases"
            );
            let record = record_of(entry)?;
            for peer in self.peers {
                peer.holds(&record)?;
            }
        }
        Ok(())
    }
    fn database(&self) -> Result<rusqlite::Connection> {
        Ok(rusqlite::Connection::open(
            self.city.server.data().join("xunge.db"),
        )?)
    }
}
