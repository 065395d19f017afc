//! The keys of the command line: one file of mode 600 in the home folder. Phones use the platform's keystore
//! instead ([`Keystore`]). Read access to this file is read access to the store; `xunge enroll` says so.

use crate::{
    Error, Result,
    platform::{
        disk::Disk as _,
        home::{CARD, DATABASE, KEY_FILE},
        keystore::Keystore,
        random::{Random, random_bytes},
        system_disk::SystemDisk,
    },
};
use protocol::{
    ids::StreamId,
    photo::Sha256,
    problem::HandsetCode,
    sign::{Signer, SoftwareKey},
};
use serde::{Deserialize, Serialize};
use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    sync::Arc,
};
use zeroize::Zeroizing;

#[derive(Serialize, Deserialize)]
struct KeyFile {
    v: u16,
    /// 32 bytes, hexadecimal, like the other keys.
    database: String,
    photos: String,
    /// Seed for the signing keys of streams, so that the new stream after a salvage has its own key.
    signing: String,
}

/// Keys in a file that only its owner can read.
pub struct FileKeystore {
    path: PathBuf,
    database: Zeroizing<[u8; 32]>,
    photos: Zeroizing<[u8; 32]>,
    signing: Zeroizing<[u8; 32]>,
}

impl FileKeystore {
    /// Opens the key file in `home`, or creates it. The file appears complete and synced, and never replaces
    /// an existing one, even if two processes create it at the same time.
    ///
    /// # Errors
    /// [`Error::KeyFile`] if the file is damaged, readable by others, or missing while its database exists.
    pub fn open_or_create(home: &Path, random: &dyn Random) -> Result<Self> {
        fs::create_dir_all(home).map_err(Error::io(home))?;
        let path = home.join(KEY_FILE);
        if !path.exists() {
            if home.join(DATABASE).exists() || home.join(CARD).exists() {
                return Err(Error::KeyFile {
                    code: HandsetCode::KeysMissing,
                    detail: format!("{} is missing, its database is there", path.display()),
                });
            }
            create(home, &path, random)?;
        }
        Self::read(&path)
    }

    fn read(path: &Path) -> Result<Self> {
        private(path)?;
        let text = Zeroizing::new(fs::read_to_string(path).map_err(Error::io(path))?);
        let damaged = || Error::KeyFile {
            code: HandsetCode::KeysDamaged,
            detail: format!("{} is damaged", path.display()),
        };
        let file: KeyFile = serde_json::from_str(&text).map_err(|_| damaged())?;
        let key = |text: &str| {
            let mut key = Zeroizing::new([0; 32]);
            hex::decode_to_slice(text, key.as_mut()).map_err(|_| damaged())?;
            Ok::<_, Error>(key)
        };
        Ok(Self {
            path: path.to_owned(),
            database: key(&file.database)?,
            photos: key(&file.photos)?,
            signing: key(&file.signing)?,
        })
    }
}

/// Refuses a key file that others can read.
#[cfg(unix)]
fn private(path: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = fs::metadata(path).map_err(Error::io(path))?.permissions().mode();
    if mode & 0o077 != 0 {
        return Err(Error::KeyFile {
            code: HandsetCode::KeysExposed,
            detail: format!(
                "{} is readable by others (mode {:o}); chmod 600 it",
                path.display(),
                mode & 0o777
            ),
        });
    }
    Ok(())
}

#[cfg(not(unix))]
fn private(_path: &Path) -> Result<()> {
    Ok(())
}

fn create(home: &Path, path: &Path, random: &dyn Random) -> Result<()> {
    let secret = || random_bytes::<32>(random).map(|bytes| hex::encode(Zeroizing::new(bytes)));
    let file = KeyFile {
        v: 1,
        database: secret()?,
        photos: secret()?,
        signing: secret()?,
    };
    let text = Zeroizing::new(serde_json::to_string(&file)?);
    let temporary: PathBuf = home.join(format!(".{KEY_FILE}.{}", hex::encode(random_bytes::<8>(random)?)));
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options.open(&temporary).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()
    });
    // A hard link, unlike a rename, fails if another process has created the file meanwhile.
    let linked = written.and_then(|()| match fs::hard_link(&temporary, path) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        other => other,
    });
    let removed = fs::remove_file(&temporary);
    linked.and(removed).map_err(Error::io(path))?;
    SystemDisk.sync_folder(home).map_err(Error::io(home))
}

impl Keystore for FileKeystore {
    fn database_key(&self) -> Result<[u8; 32]> {
        Ok(*self.database)
    }
    fn photo_key(&self) -> Result<[u8; 32]> {
        Ok(*self.photos)
    }
    fn forget(&self) -> Result<()> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::io(&self.path)(error)),
            _ => {
                let home = self.path.parent().unwrap_or(&self.path);
                SystemDisk.sync_folder(home).map_err(Error::io(home))
            }
        }
    }
    fn signer(&self, stream: StreamId) -> Result<Arc<dyn Signer>> {
        let mut seed = Zeroizing::new(Vec::with_capacity(80));
        seed.extend_from_slice(b"xunge-stream-key-v1\0");
        seed.extend_from_slice(self.signing.as_ref());
        seed.extend_from_slice(stream.0.as_bytes());
        let secret = Zeroizing::new(Sha256::of(&seed).0);
        Ok(Arc::new(SoftwareKey::from_secret(&secret)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::random::SystemRandom;

    #[test]
    fn keys_are_created_once_with_mode_600_and_never_change() {
        let home = tempfile::tempdir().unwrap();
        let first = FileKeystore::open_or_create(home.path(), &SystemRandom).unwrap();
        let again = FileKeystore::open_or_create(home.path(), &SystemRandom).unwrap();
        let stream = StreamId(uuid::Uuid::from_u128(7));
        assert_eq!(first.database_key().unwrap(), again.database_key().unwrap());
        assert_eq!(
            first.signer(stream).unwrap().public_key(),
            again.signer(stream).unwrap().public_key()
        );
        assert_ne!(first.database_key().unwrap(), first.photo_key().unwrap());
        assert_eq!(
            fs::read_dir(home.path()).unwrap().count(),
            1,
            "no temporary file stays"
        );
        use std::os::unix::fs::PermissionsExt as _;
        let path = home.path().join(KEY_FILE);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(
            FileKeystore::open_or_create(home.path(), &SystemRandom),
            Err(Error::KeyFile {
                code: HandsetCode::KeysExposed,
                ..
            })
        ));
    }

    #[test]
    fn missing_keys_are_not_replaced_while_their_database_exists() {
        let home = tempfile::tempdir().unwrap();
        fs::write(home.path().join(DATABASE), b"sealed").unwrap();
        assert!(matches!(
            FileKeystore::open_or_create(home.path(), &SystemRandom),
            Err(Error::KeyFile {
                code: HandsetCode::KeysMissing,
                ..
            })
        ));
        assert!(!home.path().join(KEY_FILE).exists());
    }
}
