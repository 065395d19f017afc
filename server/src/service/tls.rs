//! TLS certificates: given files, or a certificate that the server made itself with the key of its successor. Every
//! enrolment string contains the pins of both, so that the certificate can be replaced without visiting the handsets.

use super::{
    own_certificate::{self, CERTIFICATE, Pems, read},
    tls_error::TlsError,
};
use crate::{app::seal::SealKey, store::database::Store};
use protocol::photo::Sha256;
use rcgen::{KeyPair, PublicKeyData as _};
use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::ParsedCertificate,
};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

/// Where the certificate comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tls {
    /// Created once for the whole deployment.
    Own,
    /// PEM files; `next` is the key of the successor, whose pin goes into enrolment strings too.
    Files {
        certificate: PathBuf,
        key: PathBuf,
        next: Option<PathBuf>,
    },
    /// None: loopback only, when asked for.
    Plain,
}

/// A certificate in use.
pub struct ServerCertificate {
    pub pem: String,
    /// SHA-256 of the SPKI in use and of the successor's.
    pub pins: Vec<Sha256>,
    pub config: Arc<ServerConfig>,
}

/// The certificate for a server with the public address `url`; `None` without TLS. `fresh` are 32 random bytes.
pub async fn load(
    tls: &Tls,
    store: &Store,
    seal: &SealKey,
    fresh: [u8; 32],
    folder: &Path,
    url: &str,
) -> Result<Option<ServerCertificate>, TlsError> {
    match tls {
        Tls::Plain => Ok(None),
        Tls::Files {
            certificate,
            key,
            next,
        } => {
            let pems = Pems {
                certificate: read(certificate)?,
                key: read(key)?,
                next: next.as_deref().map(read).transpose()?,
            };
            pair(&pems, &certificate.display().to_string()).map(Some)
        }
        Tls::Own => {
            let pems = own_certificate::load(store, seal, fresh, folder, url).await?;
            pair(&pems, CERTIFICATE).map(Some)
        }
    }
}

/// `name` is for messages.
fn pair(pems: &Pems, name: &str) -> Result<ServerCertificate, TlsError> {
    let pem_error = |error| TlsError::Pem {
        path: name.to_owned(),
        error,
    };
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(pems.certificate.as_bytes())
        .collect::<Result<_, _>>()
        .map_err(pem_error)?;
    let first = chain.first().ok_or_else(|| TlsError::Empty(name.to_owned()))?;
    let mut pins = vec![Sha256::of(
        &ParsedCertificate::try_from(first)?.subject_public_key_info(),
    )];
    if let Some(next) = &pems.next {
        pins.push(Sha256::of(&KeyPair::from_pem(next)?.subject_public_key_info()));
    }
    let secret = PrivateKeyDer::from_pem_slice(pems.key.as_bytes()).map_err(pem_error)?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, secret)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(ServerCertificate {
        pem: pems.certificate.clone(),
        pins,
        config: Arc::new(config),
    })
}
