//! TLS certificates: given files, or a self-signed certificate with the key of its successor. Every enrolment string
//! contains the pins of both, so that the certificate can be replaced without visiting the handsets.
//!
//! The self-signed certificate is in the database with the other keys, because all replicas must present the same one.
//! The data folder holds a copy for administrators.

use crate::{
    app::meta,
    store::{database::Store, error::StoreError, tx::Tx},
};
use protocol::photo::Sha256;
use rcgen::{CertificateParams, KeyPair, PublicKeyData, SanType};
use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::ParsedCertificate,
};
use std::{
    fmt::Display, io::Write, net::IpAddr, os::unix::fs::OpenOptionsExt, path::Path, path::PathBuf, sync::Arc,
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
    /// A certificate without its key, or the reverse. Neither is replaced: the other half may be in a backup.
    #[error(
        "{present} is there and {missing} is missing: restore {missing}, or remove {present} to get a new certificate"
    )]
    Half { present: String, missing: String },
    #[error("{0}")]
    Store(#[from] StoreError),
}

const CERTIFICATE: &str = "certificate.pem";
const KEY: &str = "key.pem";
const NEXT: &str = "next-key.pem";

/// Certificate, key and the successor's key, in PEM.
#[derive(Clone)]
struct Pems {
    certificate: String,
    key: String,
    next: Option<String>,
}

/// The certificate for a server with the public address `url`; `None` without TLS.
pub async fn load(
    tls: &Tls,
    store: &Store,
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
            let pems = own(store, folder, url).await?;
            pair(&pems, CERTIFICATE).map(Some)
        }
    }
}

/// The self-signed certificate: from the database, else from the data folder (older versions), else a new one. Replicas
/// that start at the same time on a new database agree on one.
async fn own(store: &Store, folder: &Path, url: &str) -> Result<Pems, TlsError> {
    let mut kept = store.read(stored).await?;
    if kept.is_none() {
        let [certificate, key, next] = [CERTIFICATE, KEY, NEXT].map(|name| folder.join(name));
        let in_folder = whole_pair([&certificate, &key].map(|path| (path.display(), path.exists())))?;
        let pems = if in_folder {
            Pems {
                certificate: read(&certificate)?,
                key: read(&key)?,
                next: Some(read(&next)?),
            }
        } else {
            make(url)?
        };
        kept = store
            .write(move |tx| {
                if stored(tx)?.is_none() {
                    for (name, pem) in pems.named() {
                        meta::insert(tx, &row_of(name), pem)?;
                    }
                }
                stored(tx)
            })
            .await?;
    }
    let pems = kept.ok_or(StoreError::NotFound)?;
    std::fs::create_dir_all(folder).map_err(|error| file(folder, error))?;
    for (name, pem) in pems.named() {
        let path = folder.join(name);
        if std::fs::read_to_string(&path).ok().as_deref() != Some(pem) {
            write_secret(&path, pem)?;
        }
    }
    Ok(pems)
}

impl Pems {
    fn named(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let next = self.next.as_deref().map(|next| (NEXT, next));
        [(KEY, self.key.as_str())]
            .into_iter()
            .chain(next)
            .chain([(CERTIFICATE, self.certificate.as_str())])
    }
}

fn row_of(name: &str) -> String {
    format!("tls/{name}")
}

/// Reads the certificate and keys from the database; `None` if neither certificate nor key is there.
fn stored(tx: &mut Tx<'_>) -> Result<Option<Pems>, TlsError> {
    let mut pem = |name| meta::read(tx, &row_of(name));
    let (certificate, key) = (pem(CERTIFICATE)?, pem(KEY)?);
    let row = |name| format!("the row {} of the table meta", row_of(name));
    whole_pair([
        (row(CERTIFICATE), certificate.is_some()),
        (row(KEY), key.is_some()),
    ])?;
    let (Some(certificate), Some(key)) = (certificate, key) else {
        return Ok(None);
    };
    Ok(Some(Pems {
        certificate,
        key,
        next: pem(NEXT)?,
    }))
}

/// Returns whether both halves of a pair are present, each given by its name; [`TlsError::Half`] for one alone.
fn whole_pair(halves: [(impl Display, bool); 2]) -> Result<bool, TlsError> {
    let [(first, has_first), (second, has_second)] =
        halves.map(|(name, is_there)| (name.to_string(), is_there));
    let (present, missing) = match (has_first, has_second) {
        (true, false) => (first, second),
        (false, true) => (second, first),
        _ => return Ok(has_first),
    };
    Err(TlsError::Half { present, missing })
}

fn make(url: &str) -> Result<Pems, TlsError> {
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
    Ok(Pems {
        certificate: params.self_signed(&pair)?.pem(),
        key: pair.serialize_pem(),
        next: Some(KeyPair::generate()?.serialize_pem()),
    })
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

fn file(path: &Path, error: std::io::Error) -> TlsError {
    TlsError::File {
        path: path.display().to_string(),
        error,
    }
}

fn read(path: &Path) -> Result<String, TlsError> {
    std::fs::read_to_string(path).map_err(|error| file(path, error))
}

/// Writes a file with mode 600 atomically, also when replicas share the folder and start at the same time.
fn write_secret(path: &Path, text: &str) -> Result<(), TlsError> {
    let whole = path.with_extension(format!("{}.new", std::process::id()));
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
        // Sync the folder, so that the name survives a power cut and the certificate never exists without its keys.
        path.parent()
            .map_or(Ok(()), |folder| std::fs::File::open(folder)?.sync_all())
    };
    write().map_err(|error| file(path, error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::options::Options;

    #[tokio::test]
    async fn an_own_certificate_is_made_once_for_all_replicas_with_two_pins() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let url = format!("sqlite:{}", at("a.db").display());
        let store = tokio::task::spawn_blocking(move || Store::open(&url, Options::default()))
            .await
            .unwrap()
            .unwrap();
        let load = async |data: &str| {
            load(&Tls::Own, &store, &at(data), "https://xunge.example:8443/")
                .await
                .unwrap()
                .unwrap()
        };
        let (first, other, again) = (load("a").await, load("b").await, load("a").await);
        assert_eq!(first.pins, other.pins, "another replica with a folder of its own");
        assert_eq!(first.pins, again.pins);
        assert_eq!(first.pins.len(), 2);
        assert_ne!(first.pins[0], first.pins[1]);
        use std::os::unix::fs::PermissionsExt;
        for name in [KEY, NEXT] {
            let mode = std::fs::metadata(at("b").join(name))
                .unwrap()
                .permissions()
                .mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        store.close().await;
    }

    /// Loads the own certificate of a new server whose data folder holds these files.
    async fn load_beside(folder: &Path, files: &[(&str, &str)]) -> Result<Option<ServerCertificate>, TlsError> {
        for (name, text) in files {
            std::fs::write(folder.join(name), text).unwrap();
        }
        let url = format!("sqlite:{}", folder.join("a.db").display());
        let store = tokio::task::spawn_blocking(move || Store::open(&url, Options::default()))
            .await
            .unwrap()
            .unwrap();
        let loaded = load(&Tls::Own, &store, folder, "https://xunge.example:8443/").await;
        store.close().await;
        loaded
    }

    fn texts(folder: &Path) -> [Option<String>; 3] {
        [CERTIFICATE, KEY, NEXT].map(|name| std::fs::read_to_string(folder.join(name)).ok())
    }

    #[tokio::test]
    async fn half_a_pair_of_files_is_refused_and_stays_untouched() {
        let whole = make("https://xunge.example:8443/").unwrap();
        let files: Vec<_> = whole.named().collect();
        for missing in [CERTIFICATE, KEY] {
            let folder = tempfile::tempdir().unwrap();
            let files: Vec<_> = files
                .iter()
                .copied()
                .filter(|(name, _)| *name != missing)
                .collect();
            let expected = |name: &str| {
                files
                    .iter()
                    .find(|(n, _)| *n == name)
                    .map(|(_, text)| (*text).to_owned())
            };
            let error = load_beside(folder.path(), &files)
                .await
                .err()
                .unwrap()
                .to_string();
            let path = folder.path().join(missing);
            assert!(
                error.contains(&format!("{} is missing", path.display())),
                "{error}"
            );
            assert_eq!(texts(folder.path()), [CERTIFICATE, KEY, NEXT].map(expected));
            // The server starts with the old certificate after the missing half was restored.
            let restored = load_beside(folder.path(), &whole.named().collect::<Vec<_>>()).await;
            assert_eq!(restored.unwrap().unwrap().pem, whole.certificate);
        }
    }

    #[tokio::test]
    async fn half_a_pair_in_the_database_is_refused_and_stays_untouched() {
        let folder = tempfile::tempdir().unwrap();
        load_beside(folder.path(), &[]).await.unwrap().unwrap();
        let before = texts(folder.path());
        let url = format!("sqlite:{}", folder.path().join("a.db").display());
        let store = tokio::task::spawn_blocking(move || Store::open(&url, Options::default()))
            .await
            .unwrap()
            .unwrap();
        store
            .write(|tx| tx.execute("DELETE FROM meta WHERE key = 'tls/certificate.pem'", &[]))
            .await
            .unwrap();
        store.close().await;
        let error = load_beside(folder.path(), &[]).await.err().unwrap().to_string();
        assert!(
            error.contains("tls/certificate.pem of the table meta is missing"),
            "{error}"
        );
        assert_eq!(texts(folder.path()), before);
    }

    #[test]
    fn hosts_are_read_from_urls() {
        assert_eq!(host_of("https://a.example:8443/x"), Some("a.example"));
        assert_eq!(host_of("https://[::1]:8443"), Some("::1"));
        assert_eq!(host_of("nonsense"), None);
    }
}
