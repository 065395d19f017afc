//! Typed values of parameters and columns, equal on both engines.

use std::sync::Arc;

use super::error::StoreError;

/// A parameter or a column. Text must not contain NUL, which PostgreSQL refuses, and reals must not be NaN, which SQLite
/// turns into NULL; [`Tx`](super::tx::Tx) refuses both on both engines.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Null,
    /// BOOLEAN. SQLite returns it as `Int` 0 or 1.
    Bool(bool),
    /// BIGINT.
    Int(i64),
    /// DOUBLE PRECISION.
    Real(f64),
    /// TEXT.
    Text(String),
    /// BYTEA.
    Blob(Vec<u8>),
}

impl Value {
    /// The name of the kind, for error messages that must not quote the content.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "NULL",
            Self::Bool(_) => "a boolean",
            Self::Int(_) => "an integer",
            Self::Real(_) => "a real",
            Self::Text(_) => "text",
            Self::Blob(_) => "bytes",
        }
    }

    /// The reason why this value must not be stored, if any.
    pub(super) fn unportable(&self) -> Option<&'static str> {
        match self {
            Self::Text(text) if text.as_bytes().contains(&0) => Some("text with a NUL character"),
            Self::Real(real) if real.is_nan() => Some("not a number"),
            _ => None,
        }
    }
}

macro_rules! value_from {
    ($($ty:ty => |$x:ident| $make:expr;)*) => {
        $(impl From<$ty> for Value {
            fn from($x: $ty) -> Self {
                $make
            }
        })*
    };
}

value_from! {
    bool => |x| Self::Bool(x);
    i64 => |x| Self::Int(x);
    i32 => |x| Self::Int(x.into());
    u32 => |x| Self::Int(x.into());
    u16 => |x| Self::Int(x.into());
    u8 => |x| Self::Int(x.into());
    f64 => |x| Self::Real(x);
    &str => |x| Self::Text(x.to_owned());
    String => |x| Self::Text(x);
    Vec<u8> => |x| Self::Blob(x);
    &[u8] => |x| Self::Blob(x.to_vec());
}

impl<const N: usize> From<[u8; N]> for Value {
    fn from(bytes: [u8; N]) -> Self {
        Self::Blob(bytes.to_vec())
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// References convert too, so that a closure that runs twice need not clone.
impl<T: Clone + Into<Self>> From<&T> for Value {
    fn from(value: &T) -> Self {
        value.clone().into()
    }
}

/// `params![id, &name, None::<i64>]` is a `&[Value; N]`, in the order of `?1`, `?2` ..
#[macro_export]
macro_rules! params {
    ($($value:expr),* $(,)?) => {
        &[$($crate::store::value::Value::from($value)),*] as &[$crate::store::value::Value]
    };
}

/// One result row. Owned: it does not borrow the statement.
#[derive(Debug, Clone)]
pub struct Row {
    columns: Arc<[String]>,
    values: Vec<Value>,
}

impl Row {
    pub(super) fn new(columns: Arc<[String]>, values: Vec<Value>) -> Self {
        Self { columns, values }
    }

    /// The column `at` (a name or an index from 0) as a `T`. The error names the column.
    pub fn get<T: FromValue>(&self, at: impl ColumnIndex) -> Result<T, StoreError> {
        let value = at
            .position(&self.columns)
            .and_then(|i| self.values.get(i))
            .ok_or_else(|| StoreError::decode(at.name(&self.columns), "a column of that name", "absent"))?;
        T::from_value(value)
            .ok_or_else(|| StoreError::decode(at.name(&self.columns), T::EXPECTED, value.kind()))
    }

    /// The TEXT column `at` parsed into a domain type: codes, states, ids.
    pub fn parse<T: std::str::FromStr>(&self, at: impl ColumnIndex) -> Result<T, StoreError> {
        let text: String = self.get(at)?;
        text.parse()
            .map_err(|_| StoreError::decode(at.name(&self.columns), std::any::type_name::<T>(), text))
    }

    /// [`Row::parse`] for a column that may be NULL.
    pub fn parse_opt<T: std::str::FromStr>(&self, at: impl ColumnIndex) -> Result<Option<T>, StoreError> {
        match self.get::<Option<String>>(at)? {
            None => Ok(None),
            Some(_) => self.parse(at).map(Some),
        }
    }

    /// The names of the columns, in order.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }
}

/// The reference to a column: `"name"` or an index from 0.
pub trait ColumnIndex: Copy {
    /// The index of the column.
    fn position(&self, columns: &[String]) -> Option<usize>;
    /// Its name for an error message.
    fn name(&self, columns: &[String]) -> String;
}

impl ColumnIndex for &str {
    fn position(&self, columns: &[String]) -> Option<usize> {
        columns.iter().position(|c| c == self)
    }

    fn name(&self, _: &[String]) -> String {
        (*self).to_owned()
    }
}

impl ColumnIndex for usize {
    fn position(&self, _: &[String]) -> Option<usize> {
        Some(*self)
    }

    fn name(&self, columns: &[String]) -> String {
        columns.get(*self).cloned().unwrap_or_else(|| format!("#{self}"))
    }
}

/// A type that a column can be read as. Domain types implement it beside their `From<..> for Value`.
pub trait FromValue: Sized {
    /// What is expected, for the error message.
    const EXPECTED: &'static str;
    /// The value as this type, or `None` where it is something else.
    fn from_value(value: &Value) -> Option<Self>;
}

impl FromValue for Value {
    const EXPECTED: &'static str = "anything";
    fn from_value(value: &Value) -> Option<Self> {
        Some(value.clone())
    }
}

impl FromValue for bool {
    const EXPECTED: &'static str = "a boolean";
    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Bool(b) => Some(*b),
            Value::Int(0) => Some(false),
            Value::Int(1) => Some(true),
            _ => None,
        }
    }
}

impl FromValue for i64 {
    const EXPECTED: &'static str = "an integer";
    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Int(i) => Some(*i),
            _ => None,
        }
    }
}

macro_rules! narrow_from_value {
    ($($ty:ty: $expected:literal),*) => {
        $(impl FromValue for $ty {
            const EXPECTED: &'static str = $expected;
            fn from_value(value: &Value) -> Option<Self> {
                i64::from_value(value).and_then(|i| i.try_into().ok())
            }
        })*
    };
}

narrow_from_value!(i32: "a 32-bit integer", u32: "an integer from 0 to 2^32-1", u16: "an integer from 0 to 65535",
    u8: "an integer from 0 to 255", u64: "an integer from 0", usize: "an integer from 0");

impl FromValue for f64 {
    const EXPECTED: &'static str = "a real";
    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Real(r) => Some(*r),
            // An integer literal in an expression (`COALESCE(x, 0)`) is an integer in SQLite only.
            Value::Int(i) => i32::try_from(*i).ok().map(Into::into),
            _ => None,
        }
    }
}

impl FromValue for String {
    const EXPECTED: &'static str = "text";
    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Text(t) => Some(t.clone()),
            _ => None,
        }
    }
}

impl FromValue for Vec<u8> {
    const EXPECTED: &'static str = "bytes";
    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Blob(b) => Some(b.clone()),
            _ => None,
        }
    }
}

impl<const N: usize> FromValue for [u8; N] {
    const EXPECTED: &'static str = "bytes of a fixed length";
    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Blob(b) => b.as_slice().try_into().ok(),
            _ => None,
        }
    }
}

impl<T: FromValue> FromValue for Option<T> {
    const EXPECTED: &'static str = T::EXPECTED;
    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Null => Some(None),
            other => T::from_value(other).map(Some),
        }
    }
}
