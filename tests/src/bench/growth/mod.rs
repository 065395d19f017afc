//! What a large city costs the people who ask: the same questions to three servers with 10^4, 10^5 and 10^6 cases, with as many
//! activity records, about twice as many entries and five times as many mailbox rows. Goal: the 99th percentile at the
//! largest is at most twice that of the smallest.
//!
//! The rows are copies of rows that the server wrote ([`template`]): with new ids, numbers, times and hashes, spread over 40
//! terminals, 6,400 cells and 23 months. Of every 50 cases three wait: one for the acceptor, one for a department, one for
//! the answer to its check. A sample of the copies is read through the API, which verifies the ledger.

mod city;
mod load;
mod measure;
mod template;

use self::{
    city::{DAY, GrowingCity},
    load::{Columns, Loader},
    template::Copy,
};
use super::{Goals, fleet};
use crate::{
    city::City,
    process::{ServerProcess, ServerSetup},
    random::ScenarioRandom,
};
use anyhow::{Context as _, Result, ensure};
use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    time::Instant,
};

/// What is measured.
pub struct GrowthPlan {
    pub folder: PathBuf,
    /// URL of a PostgreSQL cluster, to measure that engine instead of SQLite.
    pub postgres: Option<String>,
    /// Cases of the largest city; each smaller one has a tenth of the next.
    pub most: usize,
    /// Requests of each kind to each server.
    pub requests: usize,
}

/// Cases that are written in one transaction.
const BATCH: usize = 5_000;
/// Milliseconds over which closed cases are spread.
const HISTORY: i64 = 690 * DAY;
/// Copies that are read through the API at each size.
const SAMPLE: usize = 20;

/// A city of one size, running.
pub struct GrownCity {
    pub server: ServerProcess,
    /// Id of a copied case.
    pub case: String,
    /// Number of the next entry of the last terminal.
    pub next: u64,
}

pub fn run(plan: &GrowthPlan, goals: &Goals) -> Result<()> {
    let engine = if plan.postgres.is_some() {
        "postgres"
    } else {
        "sqlite"
    };
    let database = |cases: usize| -> Result<Option<String>> {
        let of = |url: &String| super::ingest::of_cluster(url, &format!("xunge_growth_{cases}"));
        plan.postgres.as_ref().map(of).transpose()
    };
    let sizes = [plan.most / 100, plan.most / 10, plan.most];
    let [first, ..] = sizes;
    if let (Some(url), Some(_)) = (&plan.postgres, database(first)?) {
        let mut client = postgres::Client::connect(url, postgres::NoTls)?;
        client.batch_execute(&format!("CREATE DATABASE xunge_growth_{first}"))?;
    }
    let mut folder = plan.folder.join(format!("growth-{first}"));
    let mut grown = GrowingCity::create(fleet::set_up_city(&folder, database(first)?.as_deref())?)?;
    ensure!(grown.city.server.stop()?, "the server did not stop cleanly");
    let mut growth = Growth::of(&grown);
    let mut running: Vec<GrownCity> = Vec::new();
    let mut last = first;
    for cases in sizes {
        let mut setup = ServerSetup {
            database: database(cases)?,
            settings: Some(fleet::SETTINGS.into()),
            plain_http: true,
            ..ServerSetup::default()
        };
        if cases != last {
            let next = plan.folder.join(format!("growth-{cases}"));
            copy_city(&folder, &next)?;
            if let Some(url) = &plan.postgres {
                let mut client = postgres::Client::connect(url, postgres::NoTls)?;
                client.batch_execute(&format!(
                    "CREATE DATABASE xunge_growth_{cases} TEMPLATE xunge_growth_{last}"
                ))?;
            }
            (folder, last) = (next, cases);
        }
        let began = Instant::now();
        let mut loader = match &setup.database {
            Some(url) => Loader::postgres(url)?,
            None => Loader::sqlite(&folder.join("xunge.db"))?,
        };
        growth.grow_to(&grown, cases, &mut loader)?;
        drop(loader);
        println!(
            "  {engine}: {cases} cases after {:.0} s",
            began.elapsed().as_secs_f64()
        );
        setup.settings = Some(fleet::SETTINGS.into());
        let case = growth.sample.first().cloned().context("no sample")?;
        let server = ServerProcess::existing(&folder, setup)?;
        // The copies are not in the figures yet.
        server.recount()?;
        let next = growth.numbers.last().copied().context("no terminal")?;
        running.push(GrownCity {
            server,
            case,
            next: u64::try_from(next)?,
        });
    }
    measure::run(engine, plan, &mut grown, &mut running, &growth.sample, goals)?;
    for city in &mut running {
        ensure!(city.server.stop()?, "the server did not stop cleanly");
    }
    Ok(())
}

/// The URL of a city's database.
fn url(city: &City) -> String {
    let file = city.server.data().join("xunge.db");
    city.server
        .database()
        .map_or_else(|| format!("sqlite:{}", file.display()), str::to_owned)
}

/// Copies the data folder of a stopped server, and the key beside it.
fn copy_city(from: &Path, to: &Path) -> Result<()> {
    let done = std::process::Command::new("cp")
        .arg("-a")
        .args([from, to])
        .status()?;
    ensure!(done.success(), "the data folder was not copied");
    let key = |folder: &Path| folder.with_extension("seal-key");
    if key(from).exists() {
        std::fs::copy(key(from), key(to))?;
    }
    Ok(())
}

/// How far the city has grown.
struct Growth {
    cases: usize,
    /// Next number of each terminal's stream, and of each mailbox.
    numbers: Vec<i64>,
    mail: HashMap<String, i64>,
    random: ScenarioRandom,
    now: i64,
    /// Ids of cases for the sample.
    sample: Vec<String>,
}

impl Growth {
    fn of(grown: &GrowingCity) -> Self {
        Self {
            cases: 0,
            numbers: vec![1; grown.owners.len()],
            mail: grown.mail.clone(),
            random: ScenarioRandom::new(150),
            now: fleet::now().0,
            sample: Vec::new(),
        }
    }

    /// Writes copies until there are `cases`.
    fn grow_to(&mut self, grown: &GrowingCity, cases: usize, loader: &mut Loader) -> Result<()> {
        let before = self.cases;
        let every = ((cases - before) / SAMPLE).max(1);
        let mut columns = Columns::new();
        let t = &grown.templates;
        for template in [
            &t.reported,
            &t.handling,
            &t.checking,
            &t.declined,
            &t.closed,
            &t.submitted,
            &t.approved,
        ] {
            columns.extend(template.columns.clone());
        }
        self.sample.clear();
        let indexes = loader.without_indexes()?;
        while self.cases < cases {
            let mut rows = Vec::new();
            for _ in 0..BATCH.min(cases - self.cases) {
                let k = self.cases;
                self.cases += 1;
                let (case, open) = match k % 50 {
                    0 => (&t.reported, true),
                    1 => (&t.handling, true),
                    2 => (&t.checking, true),
                    3 | 4 => (&t.declined, false),
                    _ => (&t.closed, false),
                };
                // In the order of time, as a city fills up; what waits is young.
                let done = i64::try_from(k - before)? * 1000 / i64::try_from(cases - before)?;
                let age = if open {
                    i64::try_from(self.random.below(14 * 86_400))? * 1000
                } else {
                    (1000 - done) * HISTORY / 1000 + i64::try_from(self.random.below(60_000))?
                };
                let at = self.now - age - DAY;
                let activity = if k % 50 == 7 { &t.submitted } else { &t.approved };
                let from = rows.len();
                for template in [case, activity] {
                    let who = k % grown.owners.len();
                    let owner = grown.owners.get(who).context("no owner")?;
                    let number = self.numbers.get_mut(who).context("no owner")?;
                    let cell = format!(
                        "2201{:02}{:02}{:02}{:02}",
                        4 + k / 7 % 10,
                        1 + k / 70 % 10,
                        1 + k / 700 % 8,
                        1 + k / 5600 % 8
                    );
                    let to = Copy {
                        owner,
                        cell: &cell,
                        at,
                        first: *number,
                    };
                    *number += template.entries();
                    let (random, mail) = (&mut self.random, &mut self.mail);
                    let id = || city::record(at, random);
                    let next = |mailbox: &str| {
                        // Looked up by text first: nearly always it is there.
                        if let Some(n) = mail.get_mut(mailbox) {
                            *n += 1;
                            return *n;
                        }
                        mail.insert(mailbox.to_owned(), 1);
                        1
                    };
                    rows.extend(template.copy(&to, id, next)?);
                }
                if k.is_multiple_of(every) && self.sample.len() < SAMPLE {
                    let of_case = |(table, _): &&template::CopiedRow| {
                        template::TABLES.get(*table) == Some(&"case_file")
                    };
                    let case = rows
                        .iter()
                        .skip(from)
                        .find(of_case)
                        .and_then(|(_, row)| row.first());
                    if let Some(server::store::Value::Text(id)) = case {
                        self.sample.push(id.clone());
                    }
                }
            }
            loader.write(&rows, &columns)?;
        }
        for (owner, next) in grown.owners.iter().zip(&self.numbers) {
            let (stream, upto) = (&owner.stream, next - 1);
            loader.run(&format!(
                "INSERT INTO stream_mark (stream, upto) VALUES ('{stream}', {upto})
                 ON CONFLICT (stream) DO UPDATE SET upto = excluded.upto"
            ))?;
        }
        for (mailbox, last) in &self.mail {
            loader.run(&format!(
                "INSERT INTO mailbox (id, last) VALUES ('{mailbox}', {last})
                 ON CONFLICT (id) DO UPDATE SET last = excluded.last"
            ))?;
        }
        for index in indexes {
            loader.run(&index)?;
        }
        loader.settle()?;
        Ok(())
    }
}
