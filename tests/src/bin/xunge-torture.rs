//! `cargo xtask torture`: real processes under bad luck. See [`e2e::torture`].

use anyhow::{Context, Result};
use clap::{Args, Parser, Subcommand, ValueEnum};
use e2e::torture::{
    Engine, Lasts, Plan,
    hand::{self, Place},
    run,
};
use std::{io::Read as _, path::PathBuf, process::ExitCode, time::Duration};

/// 反复断电、杀进程、断网之后，一条不丢，一条不重 / kills, power cuts, full disks and bad lines; nothing lost, nothing twice
#[derive(Debug, Parser)]
struct Command {
    #[command(subcommand)]
    inside: Option<Inside>,
    /// For each engine
    #[arg(long, default_value_t = 2)]
    minutes: u64,
    /// So many rounds for each engine, however long they take
    #[arg(long, conflicts_with = "minutes")]
    rounds: Option<u64>,
    #[arg(long, default_value_t = 1)]
    seed: u64,
    #[arg(long, value_enum)]
    engine: Option<Only>,
    /// A PostgreSQL in which a database may be made
    #[arg(long, env = "XUNGE_TEST_PG")]
    postgres: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Only {
    Sqlite,
    Postgres,
}

/// The handset's side, started by torture itself.
#[derive(Debug, Subcommand)]
enum Inside {
    /// Works until it is killed
    #[command(hide = true)]
    Work(Hand),
    /// Delivers everything and says what is there
    #[command(hide = true)]
    Settle {
        #[command(flatten)]
        hand: Hand,
        #[arg(long)]
        out: PathBuf,
    },
}

#[derive(Debug, Args)]
struct Hand {
    #[arg(long)]
    home: PathBuf,
    #[arg(long)]
    notes: PathBuf,
    #[arg(long)]
    seed: u64,
}

impl Hand {
    fn place(self) -> Place {
        let Self { home, notes, seed } = self;
        Place { home, notes, seed }
    }
}

fn main() -> ExitCode {
    let command = Command::parse();
    let done = match command.inside {
        Some(Inside::Work(hand)) => {
            end_with_parent();
            hand::work(&hand.place()).map(|()| true)
        }
        Some(Inside::Settle { hand, out }) => {
            end_with_parent();
            settle(&hand.place(), &out).map(|()| true)
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

/// Standard input is a pipe of torture's; it ends when torture does.
fn end_with_parent() {
    std::thread::spawn(|| {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(1);
    });
}

fn settle(place: &Place, out: &std::path::Path) -> Result<()> {
    let inventory = hand::settle(place)?;
    Ok(std::fs::write(out, serde_json::to_vec(&inventory)?)?)
}

fn torture(command: &Command) -> Result<bool> {
    let folder = tempfile::Builder::new().prefix("xunge-torture-").tempdir()?;
    println!("数据在 {}，种子 {}", folder.path().display(), command.seed);
    let mut engines = Vec::new();
    if command.engine != Some(Only::Postgres) {
        engines.push(Engine::Sqlite);
    }
    let database = match command.engine {
        Some(Only::Sqlite) => None,
        Some(Only::Postgres) | None => {
            let server = command.postgres.as_deref();
            let server = server.context("no PostgreSQL: set XUNGE_TEST_PG or give --postgres")?;
            Some(Database::create(server)?)
        }
    };
    engines.extend(
        database
            .iter()
            .map(|database| Engine::Postgres(database.url.clone())),
    );
    let plan = Plan {
        seed: command.seed,
        lasts: match command.rounds {
            Some(rounds) => Lasts::Rounds(rounds),
            None => Lasts::Time(Duration::from_secs(command.minutes * 60)),
        },
        engines,
    };
    let good = run(&plan, folder.path());
    if !matches!(good, Ok(true)) {
        // Worth a look; the system's temporary folder is its own janitor.
        let _ = folder.keep();
    }
    good
}

/// A database of our own, gone with this value.
struct Database {
    server: String,
    name: String,
    url: String,
}

impl Database {
    fn create(server: &str) -> Result<Self> {
        let name = format!("xunge_torture_{}", std::process::id());
        let (front, _) = server.rsplit_once('/').context("postgres://…/database")?;
        let database = Self {
            server: server.to_owned(),
            url: format!("{front}/{name}"),
            name,
        };
        database.run(&format!("CREATE DATABASE {}", database.name))?;
        Ok(database)
    }
    fn run(&self, statement: &str) -> Result<()> {
        let mut client = postgres::Client::connect(&self.server, postgres::NoTls).context("PostgreSQL")?;
        client
            .batch_execute(statement)
            .with_context(|| statement.to_owned())
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let _ = self.run(&format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name));
    }
}
