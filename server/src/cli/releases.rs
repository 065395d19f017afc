//! Tools for the app's releases.

use super::data_location::DataLocation;
use crate::{
    grids::release::{self, NewRelease},
    kernel::clock::{MachineClock, ServerClock as _},
    service::run,
};
use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use protocol::{manifest::AppRelease, photo::Sha256};
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub enum AppTool {
    /// 发布安卓应用：各终端在 Wi-Fi 下自动下载，由使用者确认安装 / Publish the Android app: handsets fetch it on Wi-Fi and
    /// their users install it
    Publish(Publish),
    /// 显示已发布的应用 / Show the published app
    Show(DataLocation),
    /// 撤下已发布的应用；已安装的不受影响 / Take the published app back; what is installed stays
    Withdraw(DataLocation),
}

#[derive(Debug, Args)]
pub struct Publish {
    #[command(flatten)]
    place: DataLocation,
    /// The package, signed for release
    apk: PathBuf,
    /// As people read it, such as 1.4.0
    #[arg(long)]
    version: String,
    /// Android's versionCode
    #[arg(long)]
    build: u32,
    /// SHA-256 of the signing certificate: `apksigner verify --print-certs` prints it
    #[arg(long)]
    signer: Sha256,
    /// The oldest build that is still served; older handsets ask their user to update
    #[arg(long)]
    oldest: Option<u32>,
}

impl AppTool {
    pub async fn run(self) -> Result<()> {
        match self {
            Self::Publish(publish) => {
                let package =
                    std::fs::read(&publish.apk).with_context(|| publish.apk.display().to_string())?;
                let new = NewRelease {
                    version: publish.version,
                    build: publish.build,
                    signer: publish.signer,
                    oldest: publish.oldest,
                };
                let opened = run::open_city(&publish.place.options()?).await?;
                let done =
                    release::publish(&opened.store, &opened.blobs, new, package, MachineClock.now()).await;
                opened.store.close().await;
                println!("已发布：{}", line(&done?));
            }
            Self::Show(place) => {
                let opened = run::open_city(&place.options()?).await?;
                let found = opened.store.read(release::current).await;
                opened.store.close().await;
                match found? {
                    Some(app) => println!("{}", line(&app.release)),
                    None => println!("还没有发布过应用 / no app was published"),
                }
            }
            Self::Withdraw(place) => {
                let opened = run::open_city(&place.options()?).await?;
                let done = release::withdraw(&opened.store).await;
                opened.store.close().await;
                println!("已撤下：{}", line(&done?));
            }
        }
        Ok(())
    }
}

fn line(app: &AppRelease) -> String {
    let line = format!(
        "{}（build {}，{} 字节，最早仍支持 build {}）sha256 {} 签名 {}",
        app.version, app.build, app.size, app.oldest, app.sha256, app.signer
    );
    protocol::text::for_terminal(&line)
}
