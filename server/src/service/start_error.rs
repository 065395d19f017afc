//! Why a server did not start.

use super::{backup::BackupError, seal_source::SealSourceError, tls_error::TlsError};
use crate::{
    app::{address::BadAddress, secrets::KeyError},
    kernel::failure::Failure,
    store::error::StoreError,
};
use std::net::SocketAddr;

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("data folder {path}: {error}")]
    Data { path: String, error: std::io::Error },
    #[error("database: {0}")]
    Store(#[from] StoreError),
    #[error("{0}")]
    Failure(#[from] Failure),
    /// The database has to be migrated, and could not be copied before.
    #[error(
        "升级前的备份没有成功，数据库未改动（--no-backup 可跳过）：{0} / no copy before the migration, so nothing was changed (--no-backup goes without): {0}"
    )]
    Backup(#[from] BackupError),
    #[error(transparent)]
    Seal(#[from] SealSourceError),
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error("certificate: {0}")]
    Tls(#[from] TlsError),
    #[error("listen on {address}: {error}")]
    Listen {
        address: SocketAddr,
        error: std::io::Error,
    },
    #[error("plain HTTP is only for a loopback address; {0} is none")]
    PlainOutside(SocketAddr),
    #[error(transparent)]
    Public(#[from] BadAddress),
    /// A mistyped folder must not become an empty server that looks healthy.
    #[error(
        "{0} 里还没有建立城市：请检查 --data 和 --database，或先执行 xunge-server init / there is no city in {0}: check --data and \
         --database, or run xunge-server init first"
    )]
    NoCity(String),
    /// A tool must not change the schema under a server of the older version.
    #[error(
        "数据库是旧版本的：请先停止旧版服务，用新版 serve 启动一次完成升级，再执行本命令 / the database is of an older version: stop its \
         server, start serve of this version once, and run the command again"
    )]
    OlderSchema,
    #[error("the operating system gives no random bytes")]
    NoRandomBytes,
    #[error("shipped data: {0}")]
    Shipped(String),
    #[error(
        "对象存储属于另一个数据库：数据库记录的标识为 {database}，对象 store-id 为 {objects}。同一数据库的所有服务器必须共用一个\
         对象存储，请检查 --data 或 S3 设置；若确认无误，请删除对象 store-id 后再启动 / the object store is another \
         database's: the database says {database}, the object `store-id` says {objects}. All servers of a database \
         share one object store: check --data and the S3 settings; if this is the right one, remove the object \
         `store-id` and start again"
    )]
    OtherObjects { database: String, objects: String },
    /// Photos that handsets have deleted would be asked for in vain, one by one.
    #[error(
        "对象存储是空的，但数据库里有 {held} 张照片和文件：请检查 --data 或 S3 设置，或先恢复对象；确实已丢失时，加 \
         --accept-missing-photos 启动一次，各终端会补传仍保存的照片 / the object store is empty, and the database names {held} \
         photos and files: check --data and the S3 settings, or restore the objects; if they are lost, start once with \
         --accept-missing-photos: handsets are asked for those that they still keep"
    )]
    ObjectsMissing { held: u64 },
}
