//! Tools around custody: parcels that came on a memory card, and how complete it all is.

use super::{audit, data_location::DataLocation, photo_audit};
use crate::{
    app::{
        address::{PublicAddress, Reach},
        tally,
    },
    entries::row::EntryState,
    http::problem,
    intake::{
        completeness::{self, Completeness},
        parcel::{self, ParcelSource},
    },
    kernel::config::Settings,
    service::run,
};
use anyhow::{Context, Result, anyhow, bail};
use bytes::Bytes;
use clap::Subcommand;
use protocol::{ids::StreamId, parcel::Parcel};
use std::{path::PathBuf, process::ExitCode};

#[derive(Debug, Subcommand)]
pub enum ParcelTool {
    /// 导入终端导出的封存包文件；重复导入无影响 / Import the parcels of an exported file; a repeated import has no effect
    Import {
        #[command(flatten)]
        place: DataLocation,
        file: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
pub enum AuditTool {
    /// 逐终端核对完整性：退出码 0 无缺失，3 有缺失 / Check each stream for missing entries and photos; exit code 0 if none is missing, 3 otherwise
    Completeness {
        #[command(flatten)]
        place: DataLocation,
        /// Only this stream
        #[arg(long)]
        stream: Option<StreamId>,
        #[arg(long)]
        json: bool,
    },
    /// 核对照片是否都在对象存储里：退出码 0 都在，3 有缺失 / Look for every photo in the object store; exit code 0 if all are there, 3
    /// otherwise
    Photos(DataLocation),
    /// 审计日志：谁在何时做了什么；查看本身也记入日志 / Who did what and when, oldest first; the reading is noted, too
    Log(audit::Log),
}

impl ParcelTool {
    pub async fn run(self) -> Result<ExitCode> {
        match self {
            Self::Import { place, file } => import(&place, &file).await?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

async fn import(place: &DataLocation, file: &std::path::Path) -> Result<()> {
    let bytes = Bytes::from(std::fs::read(file).with_context(|| file.display().to_string())?);
    let opened = run::open_city(&place.options()?).await?;
    let nowhere = PublicAddress {
        url: String::new(),
        pins: Vec::new(),
        reach: Reach::Nobody,
    };
    let app = run::assemble(opened, Settings::default(), nowhere, false).await?;
    let taken = import_all(&app, &bytes).await;
    app.store.clone().close().await;
    taken
}

/// One after the other; a parcel that cannot be taken does not hold up those behind it.
async fn import_all(app: &crate::app::state::App, bytes: &Bytes) -> Result<()> {
    let mut rest: &[u8] = bytes;
    let (mut number, mut failed) = (0, 0);
    while !rest.is_empty() {
        number += 1;
        let (parcel, after) = Parcel::first(rest).map_err(|bad| anyhow!("封存包 {number}: {bad}"))?;
        match parcel::take(app, bytes.slice_ref(parcel.bytes), ParcelSource::File).await {
            Ok(answer) => println!(
                "封存包 {number}（终端流 {}）：条目 {}，照片 {}，其他留存 {}",
                parcel.head.stream,
                answer.receipts.len(),
                answer.photos.len(),
                answer.kept.len()
            ),
            Err(failure) => {
                failed += 1;
                let (problem, _) = problem::of_failure(&failure);
                println!("封存包 {number}：未能接收，{}（{}）", problem.title, problem.code);
            }
        }
        rest = after;
    }
    match (number, failed) {
        (0, _) => Err(anyhow!("文件里没有封存包 / this file contains no parcel")),
        (_, 0) => Ok(()),
        _ => Err(anyhow!(
            "{failed} 个封存包未能接收 / {failed} parcels were not taken"
        )),
    }
}

impl AuditTool {
    pub async fn run(self) -> Result<ExitCode> {
        let (place, stream, json) = match self {
            Self::Completeness { place, stream, json } => (place, stream, json),
            Self::Photos(place) => return photo_audit::run(&place).await,
            Self::Log(log) => return log.run().await,
        };
        let opened = run::open_city(&place.options()?).await?;
        let found = opened
            .store
            .read(move |tx| {
                let streams = match stream {
                    Some(one) => vec![one],
                    None => completeness::all(tx)?,
                };
                // An audit rests on the rows, and what follows are figures.
                let wrong = tally::compare(tx)?.len();
                let found: Result<Vec<Completeness>, _> = streams
                    .into_iter()
                    .map(|stream| completeness::of(tx, stream))
                    .collect();
                Ok::<_, crate::kernel::failure::Failure>((found?, wrong))
            })
            .await;
        opened.store.close().await;
        let (found, wrong) = found?;
        if wrong > 0 {
            bail!(
                "{wrong} 项统计数字与记录不符，请先运行 xunge-server recount / {wrong} figures differ from the rows; \
                 run xunge-server recount first"
            );
        }
        let is_complete = found.iter().all(Completeness::is_complete);
        if json {
            let document = serde_json::json!({ "complete": is_complete, "streams": found });
            println!("{}", serde_json::to_string_pretty(&document)?);
        } else {
            found.iter().for_each(|stream| println!("{}", line(stream)));
            let missing = found.iter().filter(|stream| !stream.is_complete()).count();
            println!("共 {} 个终端流，{missing} 个有缺失", found.len());
        }
        Ok(ExitCode::from(if is_complete { 0 } else { 3 }))
    }
}

fn line(c: &Completeness) -> String {
    let holes: Vec<String> = c
        .mark
        .holes
        .iter()
        .map(|(from, to)| format!("{from}–{to}"))
        .collect();
    let mut line = format!(
        "{} 条目 {}/{}，缺 {}，待核对 {}，暂存 {}，退回 {}，封存移交 {}，照片 {}/{}",
        c.stream,
        c.held(),
        c.mark.highest,
        c.missing,
        c.in_state(EntryState::Review),
        c.in_state(EntryState::Held) + c.in_state(EntryState::Pending),
        c.in_state(EntryState::Rejected),
        c.sealed,
        c.photos_held,
        c.photos_named
    );
    if !holes.is_empty() {
        line.push_str(&format!("，缺号 {}", holes.join("、")));
    }
    match (c.revoked, c.handed_over) {
        (None, _) => {}
        (Some(_), None) => line.push_str("，已停用，尚未交接完"),
        (Some(_), Some(_)) => line.push_str("，已停用，已全部交接"),
    }
    line
}
