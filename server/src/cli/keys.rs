//! `xunge-server keys`: the keys of the server, how each is replaced, and the key that seals them.

use super::data_location::DataLocation;
use crate::{
    app::{
        audit,
        ctx::Ctx,
        seal::SealKey,
        secrets::{self, KeyError},
    },
    kernel::{
        clock::{MachineClock, ServerClock as _, SystemRandomSource},
        failure::Failure,
        ids::Ids,
    },
    service::{
        own_certificate,
        run::{self, Opened},
        seal_source::{self, SealSource},
    },
    terminals::parcel_keys,
};
use anyhow::{Context as _, Result, ensure};
use clap::{Subcommand, ValueEnum};
use protocol::sign::Signer as _;
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(super) enum KeyTool {
    /// 列出公钥和封存密钥编号 / List the public keys and the id of the seal key; no secret is printed
    Show(DataLocation),
    /// 更换一把密钥，重启服务后生效 / Replace one key; it is used from the next start of the servers on
    Rotate {
        which: Rotated,
        #[command(flatten)]
        place: DataLocation,
        /// With `signing`: the former keys are in strange hands; what they certified readmits nobody
        #[arg(long)]
        forget: bool,
        /// What handsets call the server; needed for `tls`
        #[arg(long, env = "XUNGE_PUBLIC", required_if_eq("which", "tls"))]
        public: Option<String>,
    },
    /// 换一把封存密钥（先停服务） / Seal all keys with a new seal key while the servers are stopped
    Reseal {
        #[command(flatten)]
        place: DataLocation,
        /// File with the new key; a new one is created if it is missing
        #[arg(long)]
        to: PathBuf,
    },
    /// 导出自制证书及密钥 / Write the own certificate and its keys into a folder
    ExportTls {
        #[command(flatten)]
        place: DataLocation,
        folder: PathBuf,
    },
}

/// The key to replace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Rotated {
    /// Signs certificates of handsets and manifests.
    Signing,
    /// Authenticates challenges.
    Challenge,
    /// Handsets seal parcels to it.
    Parcel,
    /// The certificate that the server made itself.
    Tls,
}

impl KeyTool {
    pub(super) async fn run(self) -> Result<()> {
        match self {
            Self::Show(place) => show(&place).await,
            Self::Rotate {
                which,
                place,
                forget,
                public,
            } => rotate(which, &place, forget, public.as_deref()).await,
            Self::Reseal { place, to } => reseal(&place, to).await,
            Self::ExportTls { place, folder } => {
                let opened = run::open_city(&place.options()?).await?;
                let written = own_certificate::export(&opened.store, &opened.identity.seal, &folder).await;
                opened.store.close().await;
                for path in written? {
                    println!("{}", path.display());
                }
                Ok(())
            }
        }
    }
}

async fn show(place: &DataLocation) -> Result<()> {
    let opened = run::open_city(&place.options()?).await?;
    opened.store.clone().close().await;
    let identity = opened.identity;
    println!("签名密钥（现用） signing\t{}", identity.signer.public_key());
    println!("签名密钥（下一把） next signing\t{}", identity.next_signer);
    for key in &identity.retired_signers {
        println!("签名密钥（已换下） retired\t{key}");
    }
    println!("封存包密钥 parcel\t{}", identity.parcel_key);
    println!("封存密钥编号 seal key id\t{}", identity.seal.id());
    Ok(())
}

async fn rotate(which: Rotated, place: &DataLocation, forget: bool, public: Option<&str>) -> Result<()> {
    let opened = run::open_city(&place.options()?).await?;
    let done = rotated(which, &opened, forget, public).await;
    opened.store.close().await;
    println!("{}", done?);
    Ok(())
}

/// Replaces the key, and returns what to do then.
async fn rotated(which: Rotated, opened: &Opened, forget: bool, public: Option<&str>) -> Result<String> {
    let (identity, store, now) = (&opened.identity, &opened.store, MachineClock.now());
    Ok(match which {
        Rotated::Signing => {
            let key = identity
                .rotate_signing(store, forget, SystemRandomSource::bytes(), now)
                .await?;
            format!(
                "重启全部服务后由 {key} 签名；各终端最近一次同步后都已认识它 / restart all servers; it signs from then on"
            )
        }
        Rotated::Challenge => {
            identity
                .rotate_mac(store, SystemRandomSource::bytes(), now)
                .await?;
            "已更换；请同时重启全部服务 / replaced; restart all servers together".to_owned()
        }
        Rotated::Parcel => {
            let key = parcel_keys::renew(store, &identity.seal, SystemRandomSource::bytes()).await?;
            format!("新的封存包密钥 {}；旧密钥已留存，仍可打开以前的封存包", key.id())
        }
        Rotated::Tls => {
            let public = public.context("--public")?;
            own_certificate::rotate(store, &identity.seal, public, SystemRandomSource::bytes(), now).await?;
            "重启全部服务后使用新证书 / restart all servers; they present the new certificate from then on"
                .to_owned()
        }
    })
}

/// Seals with the key in `to`. If it is interrupted, the keys are sealed with the former key, or all with the new one: it is
/// one transaction.
async fn reseal(place: &DataLocation, to: PathBuf) -> Result<()> {
    let options = place.options()?;
    if let SealSource::File(former) = &options.seal {
        ensure!(*former != to, "--to 须是另一个文件 / --to must be another file");
    }
    let opened = run::open_city(&options).await?;
    seal_source::create(&to, &SealKey::new(SystemRandomSource::bytes()))?;
    let new = SealSource::File(to.clone()).load(true, SystemRandomSource::bytes())?;
    let (id, old, fresh) = (
        new.id(),
        opened.identity.seal.clone(),
        SystemRandomSource::bytes(),
    );
    let sealed = opened.store.write(move |tx| {
        let mut ids = Ids::new(fresh);
        let changed =
            secrets::reseal(tx, &old, &new, &mut ids)? + parcel_keys::reseal(tx, &old, &new, &mut ids)?;
        let mut ctx = Ctx::new(MachineClock.now(), ids.bytes());
        audit::note_machine(tx, &mut ctx, "server.reseal", "server", &new.id())?;
        Ok::<_, KeyError>(changed)
    });
    let sealed = sealed.await.map_err(Failure::from);
    opened.store.close().await;
    println!(
        "{} 把密钥已用封存密钥 {id} 重新封存；以后请用 --seal-key-file {} 启动 / start the server with this file from now on",
        sealed?,
        to.display()
    );
    Ok(())
}
