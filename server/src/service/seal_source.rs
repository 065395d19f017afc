//! Where the key that seals the server's keys comes from: the environment, a command (a hook for a key management service),
//! or a file beside the data folder, never inside it: a copy of the data alone must not be enough to act as the server.

use crate::app::seal::{NotASealKey, SealKey};
use std::{
    fs, io,
    io::Write as _,
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    process::Command,
};

/// Where the key comes from.
#[derive(Debug, Clone)]
pub enum SealSource {
    /// Given, such as from the environment.
    Key(SealKey),
    /// The first line that this shell command prints.
    Command(String),
    /// A file of mode 600 with 64 hexadecimal digits. It is created for a database whose keys are not sealed yet.
    File(PathBuf),
}

/// Why there is no key for sealing.
#[derive(Debug, thiserror::Error)]
pub enum SealSourceError {
    #[error("封存密钥 {path}：{error} / the seal key {path}: {error}")]
    File { path: String, error: io::Error },
    #[error("{path}：{error}")]
    Text { path: String, error: NotASealKey },
    #[error(
        "服务器密钥已封存，但找不到封存密钥 {path}：请从备份取回这个文件，或用 --seal-key-file、XUNGE_SEAL_KEY 指明；\
         没有它服务器不能启动 / the server's keys are sealed and the seal key {path} is missing: bring the file back from its \
         backup, or name it by --seal-key-file or XUNGE_SEAL_KEY; the server does not start without it"
    )]
    Missing { path: String },
    #[error("封存密钥命令失败：{0} / the command for the seal key failed: {0}")]
    Command(String),
    #[error(
        "{0} 旁边没有可以放封存密钥的位置，请用 --seal-key-file 指明 / no place beside {0} for the seal key; name one by \
         --seal-key-file"
    )]
    NoPlace(String),
}

impl SealSource {
    /// The file beside the data folder: `FOLDER.seal-key`.
    pub fn beside(data: &Path) -> Self {
        let name = data.file_name().map(|name| {
            let mut name = name.to_owned();
            name.push(".seal-key");
            name
        });
        Self::File(name.map_or_else(PathBuf::new, |name| data.with_file_name(name)))
    }

    /// The key. `is_needed`: keys of the database are sealed already, so that a new key would open none of them. `fresh` are
    /// 32 random bytes for a new one.
    ///
    /// # Errors
    /// [`SealSourceError`], with what to do.
    pub fn load(&self, is_needed: bool, fresh: [u8; 32]) -> Result<SealKey, SealSourceError> {
        match self {
            Self::Key(key) => Ok(key.clone()),
            Self::Command(command) => printed(command),
            Self::File(path) if path.as_os_str().is_empty() => Err(SealSourceError::NoPlace("/".to_owned())),
            Self::File(path) => match read(path) {
                Err(SealSourceError::File { error, .. }) if error.kind() == io::ErrorKind::NotFound => {
                    if is_needed {
                        let path = path.display().to_string();
                        return Err(SealSourceError::Missing { path });
                    }
                    create(path, &SealKey::new(fresh))?;
                    tracing::warn!(
                        path = %path.display(),
                        "已生成封存密钥：请单独备份这个文件，不要和数据放在一起；丢失后服务器无法启动 / a seal key was made: back this \
                         file up, apart from the data; without it the server does not start"
                    );
                    // Of two that start at the same time, both use the file that was first.
                    read(path)
                }
                found => found,
            },
        }
    }
}

/// Writes a new key into a file of mode 600; a file that exists stays as it is.
///
/// # Errors
/// [`SealSourceError::File`].
pub fn create(path: &Path, key: &SealKey) -> Result<(), SealSourceError> {
    let write = || {
        // The file gets its name only when it is whole, because another server may start at the same time.
        // Another process may have the same number in a container of its own, so the name is the key's as well.
        let whole = path.with_extension(format!("{}.{}.new", key.id(), std::process::id()));
        let mut options = fs::OpenOptions::new();
        let mut file = options.write(true).create_new(true).mode(0o600).open(&whole)?;
        file.write_all(format!("{}\n", key.expose()).as_bytes())?;
        file.sync_all()?;
        let named = fs::hard_link(&whole, path);
        fs::remove_file(&whole)?;
        match named {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
            named => named?,
        }
        match path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            Some(folder) => fs::File::open(folder)?.sync_all(),
            None => Ok(()),
        }
    };
    write().map_err(|error| failed(path, error))
}

fn read(path: &Path) -> Result<SealKey, SealSourceError> {
    let text = fs::read_to_string(path).map_err(|error| failed(path, error))?;
    let mode = fs::metadata(path)
        .map_err(|error| failed(path, error))?
        .permissions()
        .mode();
    if mode & 0o077 != 0 {
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).map_err(|error| failed(path, error))?;
        tracing::warn!(path = %path.display(), "other users of this machine could read the seal key; it is closed now");
    }
    text.parse().map_err(|error| SealSourceError::Text {
        path: path.display().to_string(),
        error,
    })
}

fn printed(command: &str) -> Result<SealKey, SealSourceError> {
    let failed = |what: String| SealSourceError::Command(what);
    let output = Command::new("sh")
        .args(["-c", command])
        .output()
        .map_err(|error| failed(error.to_string()))?;
    if !output.status.success() {
        return Err(failed(output.status.to_string()));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().next().unwrap_or_default();
    line.parse()
        .map_err(|error: NotASealKey| failed(error.to_string()))
}

fn failed(path: &Path, error: io::Error) -> SealSourceError {
    SealSourceError::File {
        path: path.display().to_string(),
        error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sec_a03_file_is_made_once_beside_the_data_and_for_the_server_alone() {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("data");
        let source = SealSource::beside(&data);
        let file = dir.path().join("data.seal-key");
        assert!(matches!(
            source.load(true, [1; 32]),
            Err(SealSourceError::Missing { .. })
        ));
        assert!(!file.exists(), "a key that opens nothing is not made");
        let made = source.load(false, [1; 32]).unwrap();
        assert_eq!(source.load(false, [2; 32]).unwrap(), made);
        assert_eq!(source.load(true, [2; 32]).unwrap(), made);
        let mode = || fs::metadata(&file).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(), 0o600);
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        source.load(true, [2; 32]).unwrap();
        assert_eq!(mode(), 0o600);
        fs::write(&file, "no key").unwrap();
        assert!(matches!(
            source.load(true, [2; 32]),
            Err(SealSourceError::Text { .. })
        ));
    }

    #[test]
    fn command_gives_the_key_or_the_reason() {
        let key = SealKey::new([3; 32]);
        let printing = SealSource::Command(format!("echo {}", key.expose()));
        assert_eq!(printing.load(true, [1; 32]).unwrap(), key);
        for wrong in ["exit 3", "echo nothing"] {
            let refused = SealSource::Command(wrong.to_owned()).load(true, [1; 32]);
            assert!(matches!(refused, Err(SealSourceError::Command(_))), "{wrong}");
        }
    }
}
