//! Conversions between Rust values and SQL.

use crate::{Error, Result};
use rusqlite::Connection;

/// Executes a cached prepared statement.
pub(super) fn run(connection: &Connection, sql: &str, parameters: impl rusqlite::Params) -> Result<usize> {
    Ok(connection.prepare_cached(sql)?.execute(parameters)?)
}

/// Converts a count or size for SQLite.
pub(super) fn int(value: u64) -> Result<i64> {
    i64::try_from(value).map_err(|_| Error::Data(format!("{value} does not fit")))
}

/// Converts a count or size from SQLite.
pub(super) fn uint(value: i64) -> Result<u64> {
    u64::try_from(value).map_err(|_| Error::Data(format!("{value} is negative")))
}

/// Parses stored text.
pub(super) fn parse<T: std::str::FromStr>(text: &str) -> Result<T>
where
    T::Err: std::fmt::Display,
{
    text.parse()
        .map_err(|error| Error::Data(format!("{text:?}: {error}")))
}

pub(super) fn to_json<T: serde::Serialize>(value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(Error::from)
}

pub(super) fn from_json<T: serde::de::DeserializeOwned>(text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(Error::from)
}
