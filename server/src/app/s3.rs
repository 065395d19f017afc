//! The object store of a deployment with several servers: S3 or a compatible store (MinIO, Ceph, cloud stores).
//!
//! | where | what |
//! |---|---|
//! | `--s3-bucket`, `XUNGE_S3_BUCKET` | the bucket; naming it chooses S3 instead of the data folder. It has to exist |
//! | `--s3-endpoint`, `XUNGE_S3_ENDPOINT` | `https://host:port`; absent: Amazon's of the region. `http://` is taken for a store in the same private network: photos and reports then travel there in clear |
//! | `--s3-region`, `XUNGE_S3_REGION` | `us-east-1` unless said; most stores of one's own ignore it |
//! | `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN` | the keys, from the environment only: a command line can be read by every user of the machine |
//!
//! Objects are addressed by path (`endpoint/bucket/name`), which every such store understands. A put is durable when
//! the store answers: S3 promises it, and the receipt of a photo depends on it. If the store does not answer, the request
//! fails with `server.busy` and the handset tries again.
//!
//! Only with the cargo feature `s3`; without it the settings are understood and refused.

use super::objects::Blobs;
use crate::kernel::failure::Failure;
use clap::Args;
#[cfg(feature = "s3")]
use object_store::{ClientOptions, RetryConfig, aws::AmazonS3Builder};
#[cfg(feature = "s3")]
use std::{sync::Arc, time::Duration};

/// Which bucket; see the module.
#[derive(Debug, Clone, Args)]
pub struct S3 {
    /// Bucket for photos and files, instead of the data folder; keys from `AWS_ACCESS_KEY_ID` and
    /// `AWS_SECRET_ACCESS_KEY`
    #[arg(long = "s3-bucket", env = "XUNGE_S3_BUCKET")]
    pub bucket: Option<String>,
    /// `https://host:port` of the store; Amazon's when absent
    #[arg(long = "s3-endpoint", env = "XUNGE_S3_ENDPOINT", requires = "bucket")]
    pub endpoint: Option<String>,
    /// Region of the bucket
    #[arg(long = "s3-region", env = "XUNGE_S3_REGION", default_value = "us-east-1")]
    pub region: String,
}

impl Default for S3 {
    fn default() -> Self {
        Self {
            bucket: None,
            endpoint: None,
            region: "us-east-1".to_owned(),
        }
    }
}

impl S3 {
    /// Opens the bucket, if one is named. Sends no request yet.
    #[cfg(feature = "s3")]
    pub fn open(&self) -> Result<Option<Blobs>, Failure> {
        self.open_with(AmazonS3Builder::from_env())
    }

    /// [`Self::open`] with keys that are not from the environment.
    #[cfg(feature = "s3")]
    pub fn open_with(&self, keys: AmazonS3Builder) -> Result<Option<Blobs>, Failure> {
        let Some(bucket) = &self.bucket else {
            return Ok(None);
        };
        // The HTTP client uses the process-wide TLS provider. An error means that another part has installed it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = ClientOptions::new()
            .with_connect_timeout(Duration::from_secs(5))
            .with_timeout(Duration::from_secs(30));
        // A handset waits for the answer and asks again by itself.
        let retry = RetryConfig {
            max_retries: 3,
            retry_timeout: Duration::from_secs(15),
            ..RetryConfig::default()
        };
        let mut builder = keys
            .with_bucket_name(bucket)
            .with_region(&self.region)
            .with_virtual_hosted_style_request(false)
            .with_retry(retry);
        builder = match &self.endpoint {
            Some(endpoint) => builder
                .with_endpoint(endpoint.trim_end_matches('/'))
                .with_client_options(client.with_allow_http(endpoint.starts_with("http://"))),
            None => builder.with_client_options(client),
        };
        Ok(Some(Blobs::new(Arc::new(builder.build()?))))
    }

    /// See the module: this program was built without it.
    #[cfg(not(feature = "s3"))]
    pub fn open(&self) -> Result<Option<Blobs>, Failure> {
        match &self.bucket {
            None => Ok(None),
            Some(_) => Err(Failure::internal(
                "this program was built without S3 (cargo feature `s3`)",
            )),
        }
    }
}
