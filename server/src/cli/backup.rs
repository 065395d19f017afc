//! `xunge-server backup`: a copy of a city while its server runs.

use super::data_location::DataLocation;
use crate::service::{backup, run};
use anyhow::Result;
use std::{path::Path, process::ExitCode};

pub(super) async fn run(place: &DataLocation, to: &Path) -> Result<ExitCode> {
    let options = place.options()?;
    let opened = run::open_city(&options).await?;
    let made = backup::make(&options.database_url(), &opened.store, &opened.blobs, to).await;
    opened.store.close().await;
    let made = made?;
    for name in &made.missing {
        println!("缺失 missing\t{name}");
    }
    println!(
        "已备份到 {}：数据库 {}，对象 {} 个（本次新增 {}），缺 {} 个。封存密钥不在其中，请另行保管 / backed up; the seal key is not in \
         it, keep that apart",
        to.display(),
        made.database.display(),
        made.objects,
        made.copied,
        made.missing.len()
    );
    Ok(ExitCode::from(if made.missing.is_empty() { 0 } else { 3 }))
}
