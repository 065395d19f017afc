//! Why a server did not start.

use super::tls::TlsError;
use crate::{kernel::failure::Failure, store::error::StoreError};
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
    #[error("certificate: {0}")]
    Tls(#[from] TlsError),
    #[error("listen on {address}: {error}")]
    Listen {
        address: SocketAddr,
        error: std::io::Error,
    },
    #[error("plain HTTP is only for a loopback address; {0} is none")]
    PlainOutside(SocketAddr),
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
}
