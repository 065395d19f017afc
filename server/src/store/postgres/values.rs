//! Values as PostgreSQL takes and gives them.

use ::postgres::types::{IsNull, ToSql, Type, to_sql_checked};
use bytes::BytesMut;

use crate::store::value::Value;

/// Reads a column.
///
/// # Errors
/// The name of the column's type if a portable statement cannot have it.
pub(super) fn value(row: &::postgres::Row, i: usize, ty: &Type) -> Result<Value, String> {
    fn read<'r, T: ::postgres::types::FromSql<'r>>(
        row: &'r ::postgres::Row,
        i: usize,
        make: impl FnOnce(T) -> Value,
    ) -> Result<Value, String> {
        let value: Option<T> = row.try_get(i).map_err(|e| e.to_string())?;
        Ok(value.map_or(Value::Null, make))
    }
    match ty {
        t if *t == Type::BOOL => read(row, i, Value::Bool),
        t if *t == Type::INT8 => read(row, i, Value::Int),
        t if *t == Type::INT4 => read(row, i, |x: i32| Value::Int(x.into())),
        t if *t == Type::INT2 => read(row, i, |x: i16| Value::Int(x.into())),
        t if *t == Type::FLOAT8 => read(row, i, Value::Real),
        t if *t == Type::FLOAT4 => read(row, i, |x: f32| Value::Real(x.into())),
        t if *t == Type::TEXT || *t == Type::VARCHAR || *t == Type::NAME || *t == Type::UNKNOWN => {
            read(row, i, Value::Text)
        }
        t if *t == Type::BYTEA => read(row, i, Value::Blob),
        t if *t == Type::VOID => Ok(Value::Null),
        other => Err(other.name().to_owned()),
    }
}

/// The error of a parameter whose type does not fit the statement.
#[derive(Debug, thiserror::Error)]
#[error("{found} given where the statement wants {wanted}")]
pub(super) struct WrongKind {
    found: &'static str,
    wanted: String,
}

impl ToSql for Value {
    fn to_sql(
        &self,
        ty: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        let wrong = || WrongKind {
            found: self.kind(),
            wanted: ty.name().to_owned(),
        };
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Bool(b) if *ty == Type::BOOL => b.to_sql(ty, out),
            Self::Int(i) if *ty == Type::INT8 => i.to_sql(ty, out),
            Self::Int(i) if *ty == Type::INT4 => i32::try_from(*i).map_err(|_| wrong())?.to_sql(ty, out),
            Self::Int(i) if *ty == Type::INT2 => i16::try_from(*i).map_err(|_| wrong())?.to_sql(ty, out),
            Self::Int(i) if *ty == Type::FLOAT8 => {
                f64::from(i32::try_from(*i).map_err(|_| wrong())?).to_sql(ty, out)
            }
            Self::Real(r) if *ty == Type::FLOAT8 => r.to_sql(ty, out),
            Self::Text(t) if [Type::TEXT, Type::VARCHAR, Type::NAME].contains(ty) => t.to_sql(ty, out),
            Self::Blob(b) if *ty == Type::BYTEA => b.to_sql(ty, out),
            _ => Err(Box::new(wrong())),
        }
    }

    /// Accepts every type; `to_sql` checks the kind of the value.
    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}
