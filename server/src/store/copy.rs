//! A verified copy of the whole database while it is in use: SQLite by `VACUUM INTO`, PostgreSQL by `pg_dump`.

use super::{
    database::Address,
    error::StoreError,
    migrations::{MIGRATIONS, Migration},
    postgres,
};
use rusqlite::{Connection, ErrorCode, OpenFlags};
use std::{
    fs::{self, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// Why there is no copy. Nothing is left of a failed one, and the database is as it was.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{path}：{error}")]
    File { path: String, error: io::Error },
    #[error(
        "{path} 所在磁盘空间不足，副本需要 {needed} 字节 / no room for a copy beside {path}; it needs {needed} bytes"
    )]
    NoSpace { path: String, needed: u64 },
    #[error("副本核对未通过：{0} / the copy is not sound: {0}")]
    Damaged(String),
    #[error("{program}：{error}；请安装 postgresql-client / {program}: {error}; install postgresql-client")]
    Program { program: &'static str, error: String },
}

/// Copies the database at `url` into `folder`, replacing a former copy there only once the new one is whole and was read
/// back. Returns the file.
///
/// # Errors
/// [`CopyError`].
pub fn copy(url: &str, folder: &Path) -> Result<PathBuf, CopyError> {
    let name = match Address::parse(url)? {
        Address::Sqlite(_) => "xunge.db",
        Address::Postgres(_) => "xunge.dump",
    };
    let (file, fresh) = (folder.join(name), folder.join(format!("{name}.new")));
    let failed = |error| CopyError::File {
        path: fresh.display().to_string(),
        error,
    };
    let _ = fs::remove_file(&fresh);
    // Before the engine does, which would give it the rights of the process's mask.
    let mut options = OpenOptions::new();
    options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&fresh)
        .map_err(failed)?;
    let copied = match Address::parse(url)? {
        Address::Sqlite(path) => sqlite(&path, &fresh),
        Address::Postgres(url) => dump(&url, &fresh),
    };
    let named = copied.and_then(|()| {
        fs::File::open(&fresh)
            .and_then(|f| f.sync_all())
            .map_err(failed)?;
        fs::rename(&fresh, &file).map_err(failed)?;
        fs::File::open(folder).and_then(|f| f.sync_all()).map_err(failed)
    });
    match named {
        Ok(()) => Ok(file),
        Err(error) => {
            let _ = fs::remove_file(&fresh);
            Err(error)
        }
    }
}

/// The migrations that opening the database at `url` would run; none for a new one.
///
/// # Errors
/// Errors of the engine.
pub fn pending(url: &str) -> Result<Vec<&'static Migration>, CopyError> {
    let version = match Address::parse(url)? {
        Address::Sqlite(path) if !path.exists() => return Ok(Vec::new()),
        Address::Sqlite(path) => {
            let database =
                Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(unavailable)?;
            let has_table = database
                .prepare("SELECT 1 FROM sqlite_schema WHERE name = 'schema_migration'")
                .and_then(|mut found| found.exists([]))
                .map_err(unavailable)?;
            if !has_table {
                return Ok(Vec::new());
            }
            database
                .query_row(
                    "SELECT COALESCE(MAX(version), 0) FROM schema_migration",
                    [],
                    |row| row.get(0),
                )
                .map_err(unavailable)?
        }
        Address::Postgres(url) => postgres::schema_version(&url)?,
    };
    if version == 0 {
        return Ok(Vec::new());
    }
    Ok(MIGRATIONS.iter().filter(|m| m.version > version).collect())
}

fn sqlite(from: &Path, to: &Path) -> Result<(), CopyError> {
    let database =
        Connection::open_with_flags(from, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(unavailable)?;
    database
        .busy_timeout(std::time::Duration::from_secs(10))
        .map_err(unavailable)?;
    match database.execute("VACUUM INTO ?1", [to.display().to_string()]) {
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::DiskFull) => {
            let number = |pragma| database.query_row(pragma, [], |row| row.get::<_, i64>(0));
            let (pages, size) = (number("PRAGMA page_count"), number("PRAGMA page_size"));
            let needed = pages
                .map_err(unavailable)?
                .saturating_mul(size.map_err(unavailable)?);
            let needed = u64::try_from(needed).unwrap_or(0);
            return Err(CopyError::NoSpace {
                path: to.display().to_string(),
                needed,
            });
        }
        copied => copied.map_err(unavailable)?,
    };
    let copied = Connection::open_with_flags(to, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(unavailable)?;
    let said: String = copied
        .query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))
        .map_err(unavailable)?;
    if said != "ok" {
        return Err(CopyError::Damaged(said));
    }
    let mut dangling = copied.prepare("PRAGMA foreign_key_check").map_err(unavailable)?;
    if dangling.exists([]).map_err(unavailable)? {
        return Err(CopyError::Damaged("foreign keys".to_owned()));
    }
    Ok(())
}

fn dump(url: &str, to: &Path) -> Result<(), CopyError> {
    let mut dumping = Command::new("pg_dump");
    dumping
        .args(["--format=custom", "--no-password", "--file"])
        .arg(to);
    run(
        "pg_dump",
        dumping.envs(postgres::environment(url)?).stdout(Stdio::null()),
    )?;
    // Reads the table of contents and every block, and writes the SQL to nowhere.
    let mut reading = Command::new("pg_restore");
    reading.args(["--file", "/dev/null"]).arg(to);
    run("pg_restore", &mut reading)
}

fn run(program: &'static str, command: &mut Command) -> Result<(), CopyError> {
    let failed = |error: String| CopyError::Program { program, error };
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| failed(error.to_string()))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(failed(said.lines().last().unwrap_or_default().to_owned()))
}

fn unavailable(error: rusqlite::Error) -> CopyError {
    CopyError::Store(StoreError::unavailable(error))
}
