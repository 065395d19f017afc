//! The newest Android app (应用版本), for cities whose handsets have no store: published by the command line, named by
//! the signed manifest, fetched by handsets as a reference file.

use crate::{
    app::{meta, object_name::ObjectName, objects::Blobs},
    kernel::failure::Failure,
    store::{database::Store, error::StoreError, tx::Tx},
};
use bytes::Bytes;
use protocol::{
    manifest::{AppRelease, MAX_APP_BYTES},
    photo::Sha256,
    time::Millis,
};
use serde::{Deserialize, Serialize};

/// The key of the release in the table `meta`.
const KEY: &str = "app_release";

/// A release, and when it was published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishedApp {
    pub release: AppRelease,
    pub published: Millis,
}

/// What the operator says of a package; its hash and size are taken from its bytes.
#[derive(Debug, Clone)]
pub struct NewRelease {
    pub version: String,
    pub build: u32,
    pub signer: Sha256,
    /// `None` keeps what was said before.
    pub oldest: Option<u32>,
}

/// Why a release is not published. Nothing has changed then.
#[derive(Debug, thiserror::Error)]
pub enum ReleaseError {
    #[error("不是安装包（APK）/ this is no APK")]
    NotAnApk,
    #[error(
        "安装包 {size} 字节，最多 {MAX_APP_BYTES} 字节 / the package has {size} bytes, at most {MAX_APP_BYTES}"
    )]
    TooLarge { size: u64 },
    #[error("版本号须为 1 至 32 个可见字符 / a version has 1 to 32 visible characters")]
    Version,
    #[error(
        "build {build} 不比已发布的 {present} 新 / build {build} is not newer than the published {present}"
    )]
    NotNewer { build: u32, present: u32 },
    #[error(
        "签名证书与已发布的不同，终端会拒绝安装；确要更换请先 withdraw / the signer differs from the published one: handsets would refuse it; to change it, withdraw first"
    )]
    OtherSigner,
    #[error(
        "这个安装包已用别的版本、build 或签名发布；要改请先 withdraw / this package is published with another version, build or signer; withdraw first"
    )]
    OtherWords,
    #[error("--oldest {oldest} 比这个版本 {build} 还新 / --oldest {oldest} is newer than this build {build}")]
    Oldest { oldest: u32, build: u32 },
    #[error("还没有发布过应用 / no app was published")]
    Nothing,
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Failure(#[from] Failure),
}

/// The release in force.
pub fn current(tx: &mut Tx<'_>) -> Result<Option<PublishedApp>, Failure> {
    let text = meta::read(tx, KEY)?;
    Ok(text.map(|text| serde_json::from_str(&text)).transpose()?)
}

/// Publishes a package: the next manifest of every handset names it. Publishing the same package again changes `oldest`
/// alone.
///
/// # Errors
/// [`ReleaseError`]
pub async fn publish(
    store: &Store,
    blobs: &Blobs,
    new: NewRelease,
    package: Vec<u8>,
    now: Millis,
) -> Result<AppRelease, ReleaseError> {
    let size = package.len() as u64;
    if size > MAX_APP_BYTES {
        return Err(ReleaseError::TooLarge { size });
    }
    if !package.starts_with(b"PK\x03\x04") {
        return Err(ReleaseError::NotAnApk);
    }
    let is_shown = |c: char| !c.is_control() && !c.is_whitespace();
    if !(1..=32).contains(&new.version.chars().count()) || !new.version.chars().all(is_shown) {
        return Err(ReleaseError::Version);
    }
    let sha256 = Sha256::of(&package);
    blobs
        .put_durable(&ObjectName::Reference { sha256 }, Bytes::from(package))
        .await?;
    store
        .write(move |tx| {
            let present = current(tx)?.map(|published| published.release);
            let oldest = new
                .oldest
                .or(present.as_ref().map(|present| present.oldest))
                .unwrap_or(1);
            if oldest > new.build {
                return Err(ReleaseError::Oldest {
                    oldest,
                    build: new.build,
                });
            }
            if let Some(present) = present {
                if present.sha256 == sha256 {
                    let named = (&new.version, new.build, new.signer);
                    if (&present.version, present.build, present.signer) != named {
                        return Err(ReleaseError::OtherWords);
                    }
                } else if new.build <= present.build {
                    return Err(ReleaseError::NotNewer {
                        build: new.build,
                        present: present.build,
                    });
                } else if new.signer != present.signer {
                    return Err(ReleaseError::OtherSigner);
                }
            }
            let release = AppRelease {
                version: new.version.clone(),
                build: new.build,
                sha256,
                size,
                signer: new.signer,
                oldest,
            };
            let published = PublishedApp {
                release: release.clone(),
                published: now,
            };
            meta::set(
                tx,
                KEY,
                &serde_json::to_string(&published).map_err(Failure::from)?,
            )?;
            Ok(release)
        })
        .await
}

/// Takes the release back: handsets that have not installed it forget it with their next manifest.
///
/// # Errors
/// [`ReleaseError::Nothing`]; errors of the store.
pub async fn withdraw(store: &Store) -> Result<AppRelease, ReleaseError> {
    store
        .write(|tx| {
            let present = current(tx)?.ok_or(ReleaseError::Nothing)?;
            meta::delete(tx, KEY)?;
            Ok(present.release)
        })
        .await
}
