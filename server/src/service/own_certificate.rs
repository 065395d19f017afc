//! The certificate that the server makes itself, with the key of its successor. It is in the database, because all replicas
//! must present the same one; its keys are sealed there ([`crate::app::seal`]). The data folder holds a copy of the
//! certificate, which is public, and no key.

use super::tls_error::TlsError;
use crate::{
    app::{audit, ctx::Ctx, meta, seal::SealKey, secrets},
    kernel::ids::Ids,
    store::{database::Store, error::StoreError, tx::Tx},
};
use protocol::time::Millis;
use rcgen::{CertificateParams, KeyPair, SanType};
use std::{
    fmt::Display,
    fs, io,
    io::Write as _,
    net::IpAddr,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

pub(super) const CERTIFICATE: &str = "certificate.pem";
pub(super) const KEY: &str = "key.pem";
pub(super) const NEXT: &str = "next-key.pem";

/// The row of the certificate.
const ROW: &str = "tls/certificate.pem";

/// Certificate, key and the successor's key, in PEM.
#[derive(Clone)]
pub(super) struct Pems {
    pub(super) certificate: String,
    pub(super) key: String,
    pub(super) next: Option<String>,
}

/// The certificate of the deployment: from the database, else from the data folder (older versions), else a new one.
/// Replicas that start at the same time on a new database agree on one. Keys that an older version left in the folder are
/// deleted there once they are in the database.
pub(super) async fn load(
    store: &Store,
    seal: &SealKey,
    fresh: [u8; 32],
    folder: &Path,
    url: &str,
) -> Result<Pems, TlsError> {
    let key = seal.clone();
    let mut kept = store.read(move |tx| stored(tx, &key)).await?;
    if kept.is_none() {
        let pems = match in_folder(folder)? {
            Some(pems) => pems,
            None => make(url)?,
        };
        let key = seal.clone();
        kept = store
            .write(move |tx| {
                if stored(tx, &key)?.is_none() {
                    keep(tx, &key, &pems, &mut Ids::new(fresh))?;
                }
                stored(tx, &key)
            })
            .await?;
    }
    let pems = kept.ok_or(StoreError::NotFound)?;
    fs::create_dir_all(folder).map_err(|error| failed(folder, error))?;
    write_private(&folder.join(CERTIFICATE), &pems.certificate)?;
    for (name, secret) in [(KEY, Some(&pems.key)), (NEXT, pems.next.as_ref())] {
        let path = folder.join(name);
        // A file with another content is not ours to delete.
        if fs::read_to_string(&path).is_ok_and(|text| Some(&text) == secret) {
            fs::remove_file(&path).map_err(|error| failed(&path, error))?;
            tracing::warn!(path = %path.display(), "the key is sealed in the database; the file with it was deleted");
        }
    }
    Ok(pems)
}

/// Makes a certificate for `url` over the announced key, and announces a new one. The servers present it from their next
/// start on. Handsets that know the announced key follow.
///
/// # Errors
/// [`TlsError::NotOwn`] if the deployment has made no certificate itself.
pub async fn rotate(
    store: &Store,
    seal: &SealKey,
    url: &str,
    fresh: [u8; 32],
    now: Millis,
) -> Result<(), TlsError> {
    let (seal, url) = (seal.clone(), url.to_owned());
    store
        .write(move |tx| {
            let next = stored(tx, &seal)?.and_then(|pems| pems.next);
            let next = KeyPair::from_pem(&next.ok_or(TlsError::NotOwn)?)?;
            let mut ids = Ids::new(fresh);
            keep(tx, &seal, &over(&next, &url)?, &mut ids)?;
            let mut ctx = Ctx::new(now, ids.bytes());
            audit::note_machine(tx, &mut ctx, "server.rotate_tls", "server", "tls")?;
            Ok(())
        })
        .await
}

/// Writes certificate and keys into `folder`, each with mode 600, for an administrator who takes them into his own hands.
///
/// # Errors
/// [`TlsError::NotOwn`], and errors of the disk.
pub async fn export(store: &Store, seal: &SealKey, folder: &Path) -> Result<Vec<PathBuf>, TlsError> {
    let key = seal.clone();
    let pems = store.read(move |tx| stored(tx, &key)).await?;
    let pems = pems.ok_or(TlsError::NotOwn)?;
    fs::create_dir_all(folder).map_err(|error| failed(folder, error))?;
    let mut written = Vec::new();
    for (name, pem) in pems.named() {
        let path = folder.join(name);
        write_private(&path, pem)?;
        written.push(path);
    }
    Ok(written)
}

impl Pems {
    pub(super) fn named(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let next = self.next.as_deref().map(|next| (NEXT, next));
        [(KEY, self.key.as_str())]
            .into_iter()
            .chain(next)
            .chain([(CERTIFICATE, self.certificate.as_str())])
    }
}

fn keep(tx: &mut Tx<'_>, seal: &SealKey, pems: &Pems, ids: &mut Ids) -> Result<(), TlsError> {
    secrets::set(tx, seal, secrets::TLS, &pems.key, ids)?;
    if let Some(next) = &pems.next {
        secrets::set(tx, seal, secrets::NEXT_TLS, next, ids)?;
    }
    Ok(meta::set(tx, ROW, &pems.certificate)?)
}

/// The certificate and keys of the database; `None` if neither certificate nor key is there.
fn stored(tx: &mut Tx<'_>, seal: &SealKey) -> Result<Option<Pems>, TlsError> {
    let (certificate, key) = (meta::read(tx, ROW)?, secrets::read(tx, seal, secrets::TLS)?);
    let row = |name| format!("the row {name} of the table meta");
    whole_pair([
        (row(ROW), certificate.is_some()),
        (row(secrets::TLS), key.is_some()),
    ])?;
    let (Some(certificate), Some(key)) = (certificate, key) else {
        return Ok(None);
    };
    Ok(Some(Pems {
        certificate,
        key,
        next: secrets::read(tx, seal, secrets::NEXT_TLS)?,
    }))
}

fn in_folder(folder: &Path) -> Result<Option<Pems>, TlsError> {
    let [certificate, key, next] = [CERTIFICATE, KEY, NEXT].map(|name| folder.join(name));
    if !whole_pair([&certificate, &key].map(|path| (path.display(), path.exists())))? {
        return Ok(None);
    }
    Ok(Some(Pems {
        certificate: read(&certificate)?,
        key: read(&key)?,
        next: Some(read(&next)?),
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

pub(super) fn make(url: &str) -> Result<Pems, TlsError> {
    over(&KeyPair::generate()?, url)
}

/// A certificate for `url` over `pair`, with the key of its successor.
fn over(pair: &KeyPair, url: &str) -> Result<Pems, TlsError> {
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
        certificate: params.self_signed(pair)?.pem(),
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

fn failed(path: &Path, error: io::Error) -> TlsError {
    TlsError::File {
        path: path.display().to_string(),
        error,
    }
}

pub(super) fn read(path: &Path) -> Result<String, TlsError> {
    fs::read_to_string(path).map_err(|error| failed(path, error))
}

/// Writes a file with mode 600 atomically, also when replicas share the folder and start at the same time. A file that has
/// the text already is left alone.
fn write_private(path: &Path, text: &str) -> Result<(), TlsError> {
    if fs::read_to_string(path).is_ok_and(|found| found == text) {
        return Ok(());
    }
    let whole = path.with_extension(format!("{}.new", std::process::id()));
    let write = || {
        let mut options = fs::OpenOptions::new();
        let mut out = options
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&whole)?;
        out.write_all(text.as_bytes())?;
        out.sync_all()?;
        fs::rename(&whole, path)?;
        // Sync the folder, so that the name survives a power cut.
        path.parent()
            .map_or(Ok(()), |folder| fs::File::open(folder)?.sync_all())
    };
    write().map_err(|error| failed(path, error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        service::tls::{self, ServerCertificate, Tls},
        store::options::Options,
    };

    const URL: &str = "https://xunge.example:8443/";

    async fn open(folder: &Path) -> Store {
        let url = format!("sqlite:{}", folder.join("a.db").display());
        tokio::task::spawn_blocking(move || Store::open(&url, Options::default()))
            .await
            .unwrap()
            .unwrap()
    }

    fn seal() -> SealKey {
        SealKey::new([5; 32])
    }

    async fn load_own(store: &Store, folder: &Path) -> Result<ServerCertificate, TlsError> {
        let loaded = tls::load(&Tls::Own, store, &seal(), [6; 32], folder, URL).await?;
        Ok(loaded.unwrap())
    }

    /// Loads the own certificate of a server whose data folder holds these files.
    async fn load_beside(folder: &Path, files: &[(&str, &str)]) -> Result<ServerCertificate, TlsError> {
        for (name, text) in files {
            fs::write(folder.join(name), text).unwrap();
        }
        let store = open(folder).await;
        let loaded = load_own(&store, folder).await;
        store.close().await;
        loaded
    }

    fn texts(folder: &Path) -> [Option<String>; 3] {
        [CERTIFICATE, KEY, NEXT].map(|name| fs::read_to_string(folder.join(name)).ok())
    }

    #[tokio::test]
    async fn an_own_certificate_is_made_once_for_all_replicas_with_two_pins() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let store = open(folder.path()).await;
        let first = load_own(&store, &at("a")).await.unwrap();
        let other = load_own(&store, &at("b")).await.unwrap();
        let again = load_own(&store, &at("a")).await.unwrap();
        assert_eq!(first.pins, other.pins, "another replica with a folder of its own");
        assert_eq!(first.pins, again.pins);
        assert_eq!(first.pins.len(), 2);
        assert_ne!(first.pins[0], first.pins[1]);
        assert_eq!(
            texts(&at("b")),
            [Some(other.pem), None, None],
            "sec_a03: no key in the folder"
        );
        store.close().await;
    }

    #[tokio::test]
    async fn sec_a03_keys_in_the_folder_of_an_older_version_move_into_the_database() {
        let folder = tempfile::tempdir().unwrap();
        let old = make(URL).unwrap();
        let loaded = load_beside(folder.path(), &old.named().collect::<Vec<_>>()).await;
        assert_eq!(loaded.unwrap().pem, old.certificate);
        assert_eq!(texts(folder.path()), [Some(old.certificate.clone()), None, None]);
        let store = open(folder.path()).await;
        assert_eq!(
            load_own(&store, folder.path()).await.unwrap().pem,
            old.certificate
        );
        let out = folder.path().join("out");
        assert_eq!(export(&store, &seal(), &out).await.unwrap().len(), 3);
        assert_eq!(texts(&out), [Some(old.certificate), Some(old.key), old.next]);
        store.close().await;
    }

    #[tokio::test]
    async fn rotation_presents_the_announced_key_and_announces_another() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path()).await;
        let none = rotate(&store, &seal(), URL, [1; 32], Millis(1)).await;
        assert!(matches!(none, Err(TlsError::NotOwn)));
        let before = load_own(&store, folder.path()).await.unwrap();
        rotate(&store, &seal(), URL, [1; 32], Millis(1)).await.unwrap();
        let after = load_own(&store, folder.path()).await.unwrap();
        assert_eq!(after.pins[0], before.pins[1]);
        assert!(!before.pins.contains(&after.pins[1]));
        store.close().await;
    }

    #[tokio::test]
    async fn half_a_pair_of_files_is_refused_and_stays_untouched() {
        let whole = make(URL).unwrap();
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
            let refused = load_beside(folder.path(), &files).await;
            let error = refused.err().unwrap().to_string();
            let path = folder.path().join(missing);
            assert!(
                error.contains(&format!("{} is missing", path.display())),
                "{error}"
            );
            assert_eq!(texts(folder.path()), [CERTIFICATE, KEY, NEXT].map(expected));
            // The server starts with the old certificate after the missing half was restored.
            let restored = load_beside(folder.path(), &whole.named().collect::<Vec<_>>()).await;
            assert_eq!(restored.unwrap().pem, whole.certificate);
        }
    }

    #[tokio::test]
    async fn half_a_pair_in_the_database_is_refused_and_stays_untouched() {
        let folder = tempfile::tempdir().unwrap();
        load_beside(folder.path(), &[]).await.unwrap();
        let before = texts(folder.path());
        let store = open(folder.path()).await;
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
