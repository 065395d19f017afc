//! `cargo xtask torture`: real processes with injected faults. See [`e2e::torture`].

use anyhow::{Context, Result};
use clap::{Args, Parser, Subcommand, ValueEnum};
use e2e::torture::{
    RunLength, TortureEngine, TorturePlan,
    hand::{self, HandsetHome},
    run,
};
use std::{io::Read as _, path::PathBuf, process::ExitCode, time::Duration};

/// 反复断电、杀进程、断网之后，一条不丢，一条不重 / kills, power cuts, full disks and network faults; nothing lost, nothing twice
#[derive(Debug, Parser)]
struct TortureArgs {
    #[command(subcommand)]
    inside: Option<InnerCommand>,
    /// Duration for each engine
    #[arg(long, default_value_t = 2)]
    minutes: u64,
    /// Number of rounds for each engine, however long they take
    #[arg(long, conflicts_with = "minutes")]
    rounds: Option<u64>,
    #[arg(long, default_value_t = 1)]
    seed: u64,
    #[arg(long, value_enum)]
    engine: Option<OnlyEngine>,
    /// URL of a PostgreSQL where a database may be created
    #[arg(long, env = "XUNGE_TEST_PG")]
    postgres: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum OnlyEngine {
    Sqlite,
    Postgres,
}

/// The handset process, started by the torture run itself.
#[derive(Debug, Subcommand)]
enum InnerCommand {
    /// Works until it is killed
    #[command(hide = true)]
    Work(HandsetArgs),
    /// Delivers everything and writes its inventory
    #[command(hide = true)]
    Deliver {
        #[command(flatten)]
        hand: HandsetArgs,
        #[arg(long)]
        out: PathBuf,
    },
}

#[derive(Debug, Args)]
struct HandsetArgs {
    #[arg(long)]
    home: PathBuf,
    #[arg(long)]
    notes: PathBuf,
    #[arg(long)]
    seed: u64,
}

impl HandsetArgs {
    fn place(self) -> HandsetHome {
        let Self { home, notes, seed } = self;
        HandsetHome { home, notes, seed }
    }
}

fn main() -> ExitCode {
    let command = TortureArgs::parse();
    let done = match command.inside {
        Some(InnerCommand::Work(hand)) => {
            end_with_parent();
            hand::work(&hand.place()).map(|()| true)
        }
        Some(InnerCommand::Deliver { hand, out }) => {
            end_with_parent();
            deliver_all(&hand.place(), &out).map(|()| true)
        }
        None => torture(&command),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("torture: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Standard input is a pipe from the parent; it closes when the parent ends.
fn end_with_parent() {
    std::thread::spawn(|| {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(1);
    });
}

fn deliver_all(place: &HandsetHome, out: &std::path::Path) -> Result<()> {
    let inventory = hand::deliver_all(place)?;
    Ok(std::fs::write(out, serde_json::to_vec(&inventory)?)?)
}

fn torture(command: &TortureArgs) -> Result<bool> {
    let folder = tempfile::Builder::new().prefix("xunge-torture-").tempdir()?;
    println!("数据在 {}，种子 {}", folder.path().display(), command.seed);
    let mut engines = Vec::new();
    if command.engine != Some(OnlyEngine::Postgres) {
        engines.push(TortureEngine::Sqlite);
    }
    let database = match command.engine {
        Some(OnlyEngine::Sqlite) => None,
        Some(OnlyEngine::Postgres) | None => {
            let server = command.postgres.as_deref();
            let server = server.context("no PostgreSQL: set XUNGE_TEST_PG or give --postgres")?;
            Some(TortureDatabase::create(server)?)
        }
    };
    engines.extend(
        database
            .iter()
            .map(|database| TortureEngine::Postgres(database.url.clone())),
    );
    let plan = TorturePlan {
        seed: command.seed,
        length: match command.rounds {
            Some(rounds) => RunLength::Rounds(rounds),
            None => RunLength::Time(Duration::from_secs(command.minutes * 60)),
        },
        engines,
    };
    let good = run(&plan, folder.path());
    if !matches!(good, Ok(true)) {
        // Keep the folder for inspection; the system cleans its temporary folder.
        let _ = folder.keep();
    }
    good
}

/// A database for this run, dropped with this value.
struct TortureDatabase {
    server: String,
    name: String,
    url: String,
}

impl TortureDatabase {
    fn create(server: &str) -> Result<Self> {
        let name = format!("xunge_torture_{}", std::process::id());
        let (front, _) = server
            .rsplit_once('/')
            .context("expected postgres://…/database")?;
        let database = Self {
            server: server.to_owned(),
            url: format!("{front}/{name}"),
            name,
        };
        database.run(&format!("CREATE DATABASE {}", database.name))?;
        Ok(database)
    }
    fn run(&self, statement: &str) -> Result<()> {
        let mut client = postgres::Client::connect(&self.server, postgres::NoTls)
            .context("cannot connect to PostgreSQL")?;
        client
            .batch_execute(statement)
            .with_context(|| statement.to_owned())
    }
}

impl Drop for TortureDatabase {
    fn drop(&mut self) {
        let _ = self.run(&format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name));
    }
}
