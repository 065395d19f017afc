//! The data folder holds every key and every caller's name: it is for the server's own user alone (finding A3).

use std::{
    fs::{self, DirBuilder, OpenOptions, Permissions},
    io,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

const FOLDER: u32 = 0o700;
const FILE: u32 = 0o600;
/// Bits of the group and of all others.
const OTHERS: u32 = 0o077;

/// Creates the data folder if it is missing, and takes the rights of others away from it, from what lies directly in it
/// and from the folder of the certificate. Objects lie in a folder of their own, which is enough to keep others out of
/// them. Returns what had to be changed.
///
/// # Errors
/// The path that could not be created or changed, and why.
pub(super) fn keep(data: &Path) -> Result<Vec<PathBuf>, (PathBuf, io::Error)> {
    let at = |path: &Path| {
        let path = path.to_owned();
        move |error| (path, error)
    };
    let made = DirBuilder::new().recursive(true).mode(FOLDER).create(data);
    made.map_err(at(data))?;
    let mut changed = Vec::new();
    tighten(data, &mut changed).map_err(at(data))?;
    for folder in [data.to_owned(), data.join("tls")] {
        let Ok(entries) = fs::read_dir(&folder) else {
            continue;
        };
        for entry in entries {
            let path = entry.map_err(at(&folder))?.path();
            tighten(&path, &mut changed).map_err(at(&path))?;
        }
    }
    Ok(changed)
}

/// Creates the file of a database before the engine does, which would give it the rights of the process's mask. The
/// engine gives its log the rights of the database.
///
/// # Errors
/// Errors of the disk.
pub(super) fn create(file: &Path) -> io::Result<()> {
    match OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(FILE)
        .open(file)
    {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

fn tighten(path: &Path, changed: &mut Vec<PathBuf>) -> io::Result<()> {
    let found = match fs::symlink_metadata(path) {
        // A file of the engine that is gone again.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        found => found?,
    };
    let most = if found.is_dir() { FOLDER } else { FILE };
    if found.is_symlink() || found.permissions().mode() & OTHERS == 0 {
        return Ok(());
    }
    fs::set_permissions(path, Permissions::from_mode(most))?;
    changed.push(path.to_owned());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn sec_a03_what_others_could_read_is_closed_and_named() {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("data");
        assert_eq!(keep(&data).unwrap(), Vec::<PathBuf>::new());
        assert_eq!(mode(&data), 0o700);
        create(&data.join("xunge.db")).unwrap();
        assert_eq!(mode(&data.join("xunge.db")), 0o600);
        // As an older version left it.
        fs::set_permissions(&data, Permissions::from_mode(0o755)).unwrap();
        fs::set_permissions(data.join("xunge.db"), Permissions::from_mode(0o644)).unwrap();
        fs::create_dir(data.join("tls")).unwrap();
        fs::write(data.join("tls/key.pem"), "key").unwrap();
        fs::set_permissions(data.join("tls"), Permissions::from_mode(0o755)).unwrap();
        fs::set_permissions(data.join("tls/key.pem"), Permissions::from_mode(0o640)).unwrap();
        assert_eq!(keep(&data).unwrap().len(), 4);
        for (path, expected) in [
            ("", 0o700),
            ("xunge.db", 0o600),
            ("tls", 0o700),
            ("tls/key.pem", 0o600),
        ] {
            assert_eq!(mode(&data.join(path)), expected, "{path}");
        }
        assert_eq!(keep(&data).unwrap(), Vec::<PathBuf>::new());
        // A database that is there is kept.
        fs::write(data.join("xunge.db"), "rows").unwrap();
        create(&data.join("xunge.db")).unwrap();
        assert_eq!(fs::read(data.join("xunge.db")).unwrap(), b"rows");
    }
}
