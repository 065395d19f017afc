//! `cargo xtask demo [--once]`: a city at work. See [`e2e::demo`].

use anyhow::Result;
use clap::Parser;
use e2e::demo::{DemoPlan, run};
use std::{
    path::PathBuf,
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

/// 一座城市的一天 / a day of a city
#[derive(Debug, Parser)]
struct DemoArgs {
    /// Bounded: less than three minutes, then an audit over the API; ends with the line `demo: …`
    #[arg(long)]
    once: bool,
    /// Data folder; default: a new temporary folder
    #[arg(long)]
    data: Option<PathBuf>,
    #[arg(long, default_value_t = 1)]
    seed: u64,
    #[arg(long, default_value_t = 20)]
    patrollers: usize,
    #[arg(long, default_value_t = 4)]
    managers: usize,
    /// Reports of each patroller with --once
    #[arg(long, default_value_t = 11)]
    reports: u32,
    /// postgres://… instead of the embedded database
    #[arg(long)]
    database: Option<String>,
    /// Write an invitation and a place to work at into this file, for a handset of another program
    #[arg(long, conflicts_with = "once")]
    handset: Option<PathBuf>,
}

fn main() -> Result<ExitCode> {
    let args = DemoArgs::parse();
    let kept = args.data.is_some();
    let folder = tempfile::Builder::new().prefix("xunge-demo-").tempdir()?;
    let plan = DemoPlan {
        once: args.once,
        data: args.data.unwrap_or_else(|| folder.path().join("city")),
        seed: args.seed,
        patrollers: args.patrollers,
        managers: args.managers,
        reports: args.reports,
        database: args.database,
        handset: args.handset,
    };
    println!("数据在 {}，种子 {}", plan.data.display(), plan.seed);
    let interrupted = Arc::new(AtomicBool::new(false));
    watch(interrupted.clone())?;
    let result = run(&plan, &interrupted)?;
    let Some(result) = result else {
        return Ok(ExitCode::SUCCESS);
    };
    for difference in result.differs.iter().take(30) {
        println!("不符 / differs: {difference}");
    }
    if !result.is_good() && !kept {
        // Differences were found: keep the data for inspection; the system cleans its temporary folder.
        println!("数据留在 / kept in {}", folder.keep().display());
    }
    println!("{}", result.line());
    Ok(if result.is_good() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// The first Ctrl-C requests the end; the second one kills the process.
fn watch(interrupted: Arc<AtomicBool>) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    std::thread::spawn(move || {
        runtime.block_on(async {
            if tokio::signal::ctrl_c().await.is_ok() {
                interrupted.store(true, Ordering::SeqCst);
            }
        });
    });
    Ok(())
}
