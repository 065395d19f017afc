//! An S3 server in this process, over a folder. Include it with `#[path = "support/bucket.rs"] mod bucket;`.

use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto::Builder,
};
use object_store::aws::AmazonS3Builder;
use s3s::{auth::SimpleAuth, service::S3ServiceBuilder};
use server::app::{objects::Blobs, s3::S3};

const KEY: &str = "xunge";
const SECRET: &str = "geheimnis";

/// An S3 server in this process; it runs until the test's runtime ends.
pub struct S3Bucket {
    pub endpoint: String,
    // The bucket is a folder in this folder.
    _root: tempfile::TempDir,
}

impl S3Bucket {
    pub async fn start() -> Self {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join("photos")).unwrap();
        let mut service = S3ServiceBuilder::new(s3s_fs::FileSystem::new(root.path()).unwrap());
        service.set_auth(SimpleAuth::from_single(KEY, SECRET));
        let service = service.build();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let service = service.clone();
                tokio::spawn(async move {
                    let http = Builder::new(TokioExecutor::new());
                    let _ = http.serve_connection(TokioIo::new(socket), service).await;
                });
            }
        });
        Self {
            endpoint,
            _root: root,
        }
    }

    /// The object store as a server opens it.
    pub fn blobs(&self) -> Blobs {
        open(&self.endpoint, SECRET)
    }
}

pub fn open(endpoint: &str, secret: &str) -> Blobs {
    let settings = S3 {
        bucket: Some("photos".into()),
        endpoint: Some(endpoint.to_owned()),
        ..S3::default()
    };
    let keys = AmazonS3Builder::new()
        .with_access_key_id(KEY)
        .with_secret_access_key(secret);
    settings.open_with(keys).unwrap().unwrap()
}
