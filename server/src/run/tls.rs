//! TLS from the start: given files, or a certificate of our own with its successor's key, so that two pins
//! travel in every enrolment string and the certificate can change without visiting the handsets.

use protocol::photo::Sha256;
use rcgen::{CertificateParams, KeyPair, PublicKeyData, SanType};
use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::ParsedCertificate,
};
use std::{io::Write, net::IpAddr, os::unix::fs::OpenOptionsExt, path::Path, path::PathBuf, sync::Arc};

/// Where the certificate comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tls {
    /// Made once and kept in the data folder.
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
pub struct Certificate {
    pub pem: String,
    /// SHA-256 of the SPKI in use and of the successor's.
    pub pins: Vec<Sha256>,
    pub config: Arc<ServerConfig>,
}

#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("{path}: {error}")]
    File { path: String, error: std::io::Error },
    #[error("{path}: {error}")]
    Pem {
        path: String,
        error: rustls::pki_types::pem::Error,
    },
    #[error("making a certificate: {0}")]
    Make(#[from] rcgen::Error),
    #[error("{0}")]
    Rustls(#[from] rustls::Error),
    #[error("{0} holds no certificate")]
    Empty(String),
}

const CERTIFICATE: &str = "certificate.pem";
const KEY: &str = "key.pem";
const NEXT: &str = "next-key.pem";

/// The certificate for a server that is called `url`, if it speaks TLS.
pub fn load(tls: &Tls, folder: &Path, url: &str) -> Result<Option<Certificate>, TlsError> {
    match tls {
        Tls::Plain => Ok(None),
        Tls::Files {
            certificate,
            key,
            next,
        } => {
            let next = next.as_deref().map(read).transpose()?;
            read_pair(certificate, key, next.as_deref()).map(Some)
        }
        Tls::Own => {
            let paths = [CERTIFICATE, KEY, NEXT].map(|name| folder.join(name));
            let [certificate, key, next] = &paths;
            // The certificate is written last: when it is there, all three are.
            if !certificate.exists() {
                make(folder, &paths, url)?;
            }
            read_pair(certificate, key, Some(&read(next)?)).map(Some)
        }
    }
}

fn make(folder: &Path, [certificate, key, next]: &[PathBuf; 3], url: &str) -> Result<(), TlsError> {
    std::fs::create_dir_all(folder).map_err(|error| file(folder, error))?;
    let pair = KeyPair::generate()?;
    let mut params = CertificateParams::new(vec!["localhost".to_owned()])?;
    params
        .subject_alt_names
        .push(SanType::IpAddress(IpAddr::from([127, 0, 0, 1])));
    if let Some(host) = host_of(url) {
        params.subject_alt_names.push(match host.parse::<IpAddr>() {
            Ok(address) => SanType::IpAddress(address),
            Err(_) => SanType::DnsName(host.try_into()?),
        });
    }
    params.subject_alt_names.dedup();
    params.distinguished_name.push(rcgen::DnType::CommonName, "Xunge");
    let signed = params.self_signed(&pair)?;
    write_secret(key, &pair.serialize_pem())?;
    write_secret(next, &KeyPair::generate()?.serialize_pem())?;
    write_secret(certificate, &signed.pem())
}

fn host_of(url: &str) -> Option<&str> {
    let rest = url.split_once("://")?.1;
    let authority = rest.split('/').next()?;
    let host = match authority.strip_prefix('[') {
        Some(v6) => v6.split(']').next()?,
        None => authority.split(':').next()?,
    };
    (!host.is_empty()).then_some(host)
}

fn read_pair(certificate: &Path, key: &Path, next: Option<&str>) -> Result<Certificate, TlsError> {
    let pem = read(certificate)?;
    let pem_error = |path: &Path| {
        let path = path.display().to_string();
        move |error| TlsError::Pem { path, error }
    };
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(pem.as_bytes())
        .collect::<Result<_, _>>()
        .map_err(pem_error(certificate))?;
    let first = chain
        .first()
        .ok_or_else(|| TlsError::Empty(certificate.display().to_string()))?;
    let mut pins = vec![Sha256::of(
        &ParsedCertificate::try_from(first)?.subject_public_key_info(),
    )];
    if let Some(next) = next {
        pins.push(Sha256::of(&KeyPair::from_pem(next)?.subject_public_key_info()));
    }
    let secret = PrivateKeyDer::from_pem_slice(read(key)?.as_bytes()).map_err(pem_error(key))?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, secret)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Certificate {
        pem,
        pins,
        config: Arc::new(config),
    })
}

fn file(path: &Path, error: std::io::Error) -> TlsError {
    TlsError::File {
        path: path.display().to_string(),
        error,
    }
}

fn read(path: &Path) -> Result<String, TlsError> {
    std::fs::read_to_string(path).map_err(|error| file(path, error))
}

/// Mode 600, whole or not at all.
fn write_secret(path: &Path, text: &str) -> Result<(), TlsError> {
    let whole = path.with_extension("new");
    let write = || {
        let mut options = std::fs::OpenOptions::new();
        let mut out = options
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&whole)?;
        out.write_all(text.as_bytes())?;
        out.sync_all()?;
        std::fs::rename(&whole, path)?;
        // The name survives a power cut, too, and in this order: the certificate never without its keys.
        path.parent()
            .map_or(Ok(()), |folder| std::fs::File::open(folder)?.sync_all())
    };
    write().map_err(|error| file(path, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_own_certificate_is_made_once_with_two_pins() {
        let folder = tempfile::tempdir().unwrap();
        let first = load(&Tls::Own, folder.path(), "https://xunge.example:8443/")
            .unwrap()
            .unwrap();
        let again = load(&Tls::Own, folder.path(), "https://xunge.example:8443/")
            .unwrap()
            .unwrap();
        assert_eq!(first.pins, again.pins);
        assert_eq!(first.pins.len(), 2);
        assert_ne!(first.pins[0], first.pins[1]);
        use std::os::unix::fs::PermissionsExt;
        for name in [KEY, NEXT] {
            let mode = std::fs::metadata(folder.path().join(name))
                .unwrap()
                .permissions()
                .mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn hosts_are_read_from_urls() {
        assert_eq!(host_of("https://a.example:8443/x"), Some("a.example"));
        assert_eq!(host_of("https://[::1]:8443"), Some("::1"));
        assert_eq!(host_of("nonsense"), None);
    }
}
