//! The subcommands of `xunge-server` and how they run.

use super::{
    admin, backup, calendar, data_location::DataLocation, grid_tools, init::found, keys, parcels, releases,
    settings,
};
use crate::{
    app::{identity::Identity, tally},
    kernel::clock::{MachineClock, ServerClock as _, SystemRandomSource},
    service::{
        backup as copies, openapi, rooms,
        run::{self, ServerOptions},
        start_error::StartError,
        tls::Tls,
    },
};
use anyhow::{Context, Result, bail};
use clap::{Args, Parser, Subcommand};
use std::{net::SocketAddr, path::PathBuf, process::ExitCode, time::Duration};

/// 巡格 Xunge 服务器 / The Xunge server.
#[derive(Debug, Parser)]
#[command(name = "xunge-server", version, about)]
pub struct ServerCli {
    #[command(subcommand)]
    command: ServerCommand,
}

#[derive(Debug, Subcommand)]
enum ServerCommand {
    /// 启动服务 / Run the server until SIGTERM or Ctrl-C
    Serve(Serve),
    /// 建立城市和第一个管理员 / Create a city and its first administrator
    Init(Init),
    /// 账号：重置密码、添加市级管理员 / Accounts, on the machine itself: reset a password, add an administrator of the city
    #[command(subcommand)]
    Admin(admin::AdminTool),
    /// 工作日历：导入节假日和调休日 / The working calendar: import holidays and make-up days
    #[command(subcommand)]
    Calendar(calendar::CalendarTool),
    /// 从备份恢复后、启动前执行一次：让所有终端重新核对 / Run once after a restore, before the server starts:
    /// all handsets compare their data with the server again
    RenewEpoch(DataLocation),
    /// 由记录重新计数，更正统计数字 / Count all rows again and correct the figures; exit code 1 if one was wrong
    Recount(DataLocation),
    /// 输出 OpenAPI 3.1 说明 / Print the OpenAPI 3.1 description
    Openapi,
    /// 网格：划分、检查、打包、查询、导入 / Grids: cut, check, pack, look up, import
    #[command(subcommand)]
    Grid(grid_tools::GridTool),
    /// 封存包：导入 / Sealed parcels of handsets: import
    #[command(subcommand)]
    Parcel(parcels::ParcelTool),
    /// 备份：服务运行时也可执行 / Back up database and objects, also while the server runs; exit code 3 if an object is missing
    Backup {
        #[command(flatten)]
        place: DataLocation,
        /// Folder of the backup; a former one there is brought up to date
        #[arg(long)]
        to: PathBuf,
    },
    /// 密钥：查看、更换、重新封存、导出证书 / Keys of the server: show, rotate, seal again, export the certificate
    #[command(subcommand)]
    Keys(keys::KeyTool),
    /// 应用：发布、查看、撤下 / The Android app: publish, show, withdraw
    #[command(subcommand)]
    App(releases::AppTool),
    /// 核对与审计 / Audit what the server holds, and who did what
    #[command(subcommand)]
    Audit(parcels::AuditTool),
    /// 列出全部设置 / List every setting: value, default, range, meaning
    Settings {
        /// Settings in TOML; the defaults when absent
        #[arg(long, env = "XUNGE_CONFIG")]
        config: Option<PathBuf>,
    },
    /// 检查运行中的服务 / Check a running server; exit code 0 if it accepts connections
    Healthcheck {
        /// `https://host:port`
        url: String,
    },
}

#[derive(Debug, Args)]
struct Serve {
    #[command(flatten)]
    place: DataLocation,
    #[arg(long, default_value = "127.0.0.1:8443", env = "XUNGE_LISTEN")]
    listen: SocketAddr,
    /// What handsets call the server, such as https://xunge.example; `loopback` for handsets on this machine alone
    #[arg(long, env = "XUNGE_PUBLIC")]
    public: Option<String>,
    /// Start on an object store that lacks the photos which the database names: handsets are asked for them again
    #[arg(long)]
    accept_missing_photos: bool,
    /// Settings in TOML
    #[arg(long, env = "XUNGE_CONFIG")]
    config: Option<PathBuf>,
    /// Migrate a database of an older version without a copy of it
    #[arg(long)]
    no_backup: bool,
    /// Certificate chain (PEM); one of our own is made when absent
    #[arg(long, requires = "key")]
    cert: Option<PathBuf>,
    /// Its key (PEM)
    #[arg(long, requires = "cert")]
    key: Option<PathBuf>,
    /// Key of the next certificate (PEM), pinned by handsets ahead of time
    #[arg(long, requires = "cert")]
    next_key: Option<PathBuf>,
    /// Without TLS; only on a loopback address
    #[arg(long, conflicts_with = "cert")]
    plain_http: bool,
}

#[derive(Debug, Args)]
struct Init {
    #[command(flatten)]
    place: DataLocation,
    /// Code of the city, such as 220100, or the first digits of its county codes, such as 2201
    #[arg(long)]
    city: String,
    /// Name of the city, such as 长春市
    #[arg(long)]
    name: String,
    /// Account of the first administrator
    #[arg(long)]
    account: String,
}

impl DataLocation {
    /// A restored server lacks what came after its backup, and only the handsets still have it. Another epoch
    /// tells each of them at its next contact: it compares entries with the server's mark, asks for the receipt
    /// of every photo again, and reads its mailboxes from the start.
    async fn renew_epoch(self) -> Result<()> {
        let opened = run::open_city(&self.options()?).await?;
        let epoch =
            Identity::renew_epoch(&opened.store, SystemRandomSource::bytes(), MachineClock.now()).await?;
        opened.store.close().await;
        println!(
            "新纪元 {epoch}（原 {}）：启动服务后，各终端下次同步时会补传备份之后的内容",
            opened.identity.epoch
        );
        Ok(())
    }

    /// The figures are kept as rows change, so they are wrong only after a program from before them wrote to the database.
    async fn recount(self) -> Result<ExitCode> {
        let opened = run::open_city(&self.options()?).await?;
        let wrong = opened.store.write(tally::recount).await?;
        opened.store.close().await;
        if wrong.is_empty() {
            println!("统计数字与记录一致 / all figures are what the rows give");
            return Ok(ExitCode::SUCCESS);
        }
        println!("已更正 {} 项统计数字 / figures corrected:", wrong.len());
        for figure in wrong.iter().take(SHOWN) {
            println!("  {figure}");
        }
        if wrong.len() > SHOWN {
            println!("  …");
        }
        Ok(ExitCode::FAILURE)
    }
}

/// Wrong figures that [`ServerCommand::Recount`] prints.
const SHOWN: usize = 20;

/// Runs the command line.
pub fn main() -> Result<ExitCode> {
    let cli = ServerCli::parse();
    // What needs no server needs no runtime either.
    if let ServerCommand::Grid(tool) = &cli.command
        && let Some(command) = tool.offline()?
    {
        return grid_tools::run(command).map(|()| ExitCode::SUCCESS);
    }
    tracing_subscriber::fmt()
        .json()
        .with_writer(std::io::stderr)
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "info".into()),
        )
        .init();
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .on_thread_park(crate::kernel::memory::before_waiting)
        .build()?
        .block_on(async {
            match cli.command {
                ServerCommand::Serve(serve) => Box::pin(serve.run()).await?,
                ServerCommand::Init(init) => init.run().await?,
                ServerCommand::Admin(tool) => tool.run().await?,
                ServerCommand::Calendar(tool) => tool.run().await?,
                ServerCommand::RenewEpoch(place) => place.renew_epoch().await?,
                ServerCommand::Recount(place) => return place.recount().await,
                ServerCommand::Openapi => print!("{}", openapi::text(&rooms::description())),
                ServerCommand::Grid(tool) => tool.online().await?,
                ServerCommand::Parcel(tool) => return Box::pin(tool.run()).await,
                ServerCommand::Backup { place, to } => return Box::pin(backup::run(&place, &to)).await,
                ServerCommand::Keys(tool) => Box::pin(tool.run()).await?,
                ServerCommand::App(tool) => Box::pin(tool.run()).await?,
                ServerCommand::Audit(tool) => return tool.run().await,
                ServerCommand::Settings { config } => settings::list(config.as_deref())?,
                ServerCommand::Healthcheck { url } => healthcheck(url).await?,
            }
            Ok(ExitCode::SUCCESS)
        })
}

impl Serve {
    async fn run(self) -> Result<()> {
        let signals = run::Signals::listen().context("signals")?;
        let settings = settings::read(self.config.as_deref())?;
        let tls = match (self.plain_http, self.cert, self.key) {
            (true, ..) => Tls::Plain,
            (false, Some(certificate), Some(key)) => Tls::Files {
                certificate,
                key,
                next: self.next_key,
            },
            (false, ..) => Tls::Own,
        };
        let options = ServerOptions {
            listen: self.listen,
            public: self.public,
            accept_missing_photos: self.accept_missing_photos,
            without_backup: self.no_backup,
            tls,
            settings,
            ..self.place.options()?
        };
        let running = Box::pin(run::start(options)).await?;
        println!("{}", running.url);
        running.run(signals).await;
        Ok(())
    }
}

impl Init {
    async fn run(self) -> Result<()> {
        let options = self.place.options()?;
        if copies::needs_migration(&options.database_url()).await? {
            return Err(StartError::OlderSchema.into());
        }
        let opened = run::open(&options).await?;
        let founded = found(&opened.store, &self.city, &self.name, &self.account).await?;
        opened.store.close().await;
        println!(
            "已建立 {}（{}），管理员账号 {}",
            self.name, founded.city, self.account
        );
        println!(
            "首次密码（只显示这一次，登录后须先修改才能使用）：{}",
            founded.password
        );
        Ok(())
    }
}

/// A TCP connection within five seconds; whether it is ready, `GET /readyz` says.
async fn healthcheck(url: String) -> Result<()> {
    let address = url
        .split("://")
        .nth(1)
        .and_then(|rest| rest.split('/').next())
        .context("https://host:port")?;
    match tokio::time::timeout(Duration::from_secs(5), tokio::net::TcpStream::connect(address)).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => bail!("{address}: {error}"),
        Err(_) => bail!("{address}: no answer within 5 s"),
    }
}
