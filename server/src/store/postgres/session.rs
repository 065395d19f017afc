//! One connection: statements, values, errors.

use std::collections::HashMap;
use std::error::Error as _;
use std::sync::Arc;

use ::postgres::error::SqlState;
use ::postgres::types::{IsNull, ToSql, Type, to_sql_checked};
use ::postgres::{Client, Statement};
use bytes::BytesMut;

use super::{hints::Wire, secure::PgAddress, translate::translate};
use crate::store::{
    error::{Internal, StoreError},
    executor::Lane,
    hint::Hint,
    job::{Job, Verdict},
    options::Options,
    tx::Session,
    value::{Row, Value},
};

/// Prepared statements kept per connection; the whole program has fewer.
const STATEMENTS: usize = 1024;

/// Planner settings that make writes find rows by key, independent of the statistics, which are a minute old; ids grow with
/// time, and a cached plan was made for a small table. In the morning after a rollout PostgreSQL merged all streams to find
/// one (1.7 ms of each check-in at 10,000 terminals). A disabled plan is still used when it is the only one, with a penalty
/// cost high enough to trigger JIT, which takes longer than the statement; so JIT is off too.
const BY_KEY: &str =
    "SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; SET jit = off";

/// The result of one attempt to run jobs.
pub(super) enum Step {
    /// Answer all of them with this.
    Done {
        outcome: Result<Vec<Hint>, StoreError>,
        /// True if the connection may be used again.
        healthy: bool,
    },
    /// Rolled back by a conflict; a retry may succeed. The error is the answer when the retry time is over.
    Again(StoreError),
    /// The connection was lost before COMMIT, and with it the transaction.
    Lost(StoreError),
}

/// The effect of an error on the transaction or connection, besides the failed statement.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Trouble {
    None,
    Again,
    Lost,
}

pub(super) struct PgSession {
    client: Client,
    statements: HashMap<String, Prepared>,
    trouble: Trouble,
    /// Of all transactions of this connection.
    lane: Lane,
}

#[derive(Clone)]
struct Prepared {
    statement: Statement,
    columns: Arc<[String]>,
}

impl PgSession {
    /// A connection for transactions of `lane`.
    pub(super) fn connect(address: &PgAddress, options: &Options, lane: Lane) -> Result<Self, StoreError> {
        let mut client = address.connect().map_err(StoreError::unavailable)?;
        let timeout = options.statement_timeout.as_millis();
        let settings = format!(
            "SET statement_timeout = {timeout};
             SET idle_in_transaction_session_timeout = {timeout};
             SET TIME ZONE 'UTC'"
        );
        client.batch_execute(&settings).map_err(StoreError::unavailable)?;
        make_durable(&mut client).map_err(StoreError::unavailable)?;
        if lane == Lane::Write {
            client.batch_execute(BY_KEY).map_err(StoreError::unavailable)?;
        }
        Ok(Self {
            client,
            statements: HashMap::new(),
            trouble: Trouble::None,
            lane,
        })
    }

    /// Runs the jobs once in one transaction of their lane. If there are several, each has a savepoint, so that the error of
    /// one does not roll back the others. An error of the engine or of COMMIT applies to all.
    pub(super) fn run(&mut self, jobs: &mut [Box<dyn Job + '_>], wire: Option<&Wire>) -> Step {
        self.trouble = Trouble::None;
        let begin = match self.lane {
            Lane::Write => "BEGIN ISOLATION LEVEL SERIALIZABLE",
            Lane::Read(_) | Lane::Quick => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        };
        if let Err(error) = self.batch(begin) {
            return Step::Lost(error);
        }
        let several = jobs.len() > 1;
        let (mut hints, mut kept) = (Vec::new(), false);
        for job in jobs {
            if several && let Err(error) = self.batch("SAVEPOINT member") {
                return self.give_up(error);
            }
            let verdict = job.run(self);
            if self.trouble != Trouble::None {
                return self.give_up(StoreError::Busy);
            }
            let closing = match verdict {
                Verdict::Keep(mut more) => {
                    hints.append(&mut more);
                    kept = true;
                    "RELEASE SAVEPOINT member"
                }
                Verdict::Discard | Verdict::Doomed(_) => {
                    "ROLLBACK TO SAVEPOINT member; RELEASE SAVEPOINT member"
                }
            };
            if several && let Err(error) = self.batch(closing) {
                return self.give_up(error);
            }
        }
        if !kept {
            let healthy = self.batch("ROLLBACK").is_ok();
            return Step::Done {
                outcome: Ok(Vec::new()),
                healthy,
            };
        }
        if let Some(wire) = wire.filter(|_| self.lane == Lane::Write) {
            for payload in wire.encode(&hints) {
                let notify = format!("SELECT pg_notify('{}', ?1)", Wire::CHANNEL);
                if let Err(error) = self.execute(&notify, &[Value::Text(payload)]) {
                    return self.give_up(error);
                }
            }
        }
        self.commit(hints)
    }

    fn commit(&mut self, hints: Vec<Hint>) -> Step {
        let Err(error) = self.client.batch_execute("COMMIT") else {
            return Step::Done {
                outcome: Ok(hints),
                healthy: true,
            };
        };
        let unknown = error.code() == Some(&SqlState::T_R_STATEMENT_COMPLETION_UNKNOWN);
        let meaning = self.classify(&error);
        match self.trouble {
            // PostgreSQL reported that it rolled back.
            Trouble::Again => Step::Again(StoreError::Busy),
            Trouble::None if !unknown => Step::Done {
                outcome: Err(meaning),
                healthy: true,
            },
            Trouble::None | Trouble::Lost => {
                tracing::error!(%error, "the answer to COMMIT was lost; its outcome is unknown");
                Step::Done {
                    outcome: Err(StoreError::commit_unknown(error, false)),
                    healthy: false,
                }
            }
        }
    }

    /// Rolls back a transaction that failed before COMMIT.
    fn give_up(&mut self, error: StoreError) -> Step {
        let trouble = self.trouble;
        if trouble == Trouble::Lost || self.batch("ROLLBACK").is_err() {
            return Step::Lost(StoreError::unavailable("the connection was lost"));
        }
        match trouble {
            Trouble::Again => Step::Again(StoreError::Busy),
            Trouble::None | Trouble::Lost => Step::Done {
                outcome: Err(error),
                healthy: true,
            },
        }
    }

    fn prepared(&mut self, sql: &str, params: &[Value]) -> Result<Prepared, StoreError> {
        let prepared = match self.statements.get(sql) {
            Some(prepared) => prepared.clone(),
            None => {
                let text = translate(sql)?;
                let prepared = self.client.prepare(&text);
                let statement = prepared.map_err(|e| self.classify(&e))?;
                let columns = statement.columns().iter().map(|c| c.name().to_owned()).collect();
                let prepared = Prepared { statement, columns };
                if self.statements.len() >= STATEMENTS {
                    self.statements.clear();
                }
                self.statements.insert(sql.to_owned(), prepared.clone());
                prepared
            }
        };
        let wanted = prepared.statement.params().len();
        if wanted != params.len() {
            return Err(StoreError::statement(format_args!(
                "{wanted} parameters in the statement, {} given: {sql}",
                params.len()
            )));
        }
        Ok(prepared)
    }

    /// Maps an error of PostgreSQL and records its effect on the connection.
    fn classify(&mut self, error: &::postgres::Error) -> StoreError {
        let Some(db) = error.as_db_error() else {
            if error.source().is_some_and(|e| e.is::<WrongKind>()) {
                return StoreError::statement(DisplayChain(error));
            }
            self.trouble = Trouble::Lost;
            return StoreError::unavailable(DisplayChain(error));
        };
        let code = db.code();
        let lost = [
            &SqlState::ADMIN_SHUTDOWN,
            &SqlState::CRASH_SHUTDOWN,
            &SqlState::CANNOT_CONNECT_NOW,
            &SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT,
        ];
        if *code == SqlState::READ_ONLY_SQL_TRANSACTION && matches!(self.lane, Lane::Read(_)) {
            return StoreError::ReadOnly;
        }
        // A write in a read-only transaction means that the server became a standby.
        let standby = *code == SqlState::READ_ONLY_SQL_TRANSACTION;
        if standby || lost.contains(&code) || code.code().starts_with("08") || self.client.is_closed() {
            self.trouble = Trouble::Lost;
            return StoreError::unavailable(db);
        }
        let stale_plan =
            db.routine() == Some("RevalidateCachedQuery") || *code == SqlState::INVALID_SQL_STATEMENT_NAME;
        if stale_plan {
            // The schema changed under a prepared statement.
            self.statements.clear();
        }
        if stale_plan
            || [
                SqlState::T_R_SERIALIZATION_FAILURE,
                SqlState::T_R_DEADLOCK_DETECTED,
            ]
            .contains(code)
        {
            self.trouble = Trouble::Again;
            return StoreError::Busy;
        }
        match code {
            c if *c == SqlState::UNIQUE_VIOLATION => StoreError::Conflict {
                constraint: constraint(db),
            },
            c if *c == SqlState::FOREIGN_KEY_VIOLATION || *c == SqlState::RESTRICT_VIOLATION => {
                StoreError::ForeignKey
            }
            c if c.code().starts_with("23") => StoreError::Check {
                detail: Internal::new(db),
            },
            c if *c == SqlState::DISK_FULL => StoreError::Full,
            c if *c == SqlState::QUERY_CANCELED || *c == SqlState::LOCK_NOT_AVAILABLE => StoreError::Busy,
            c if c.code().starts_with("53") => StoreError::unavailable(db),
            _ => StoreError::statement(db),
        }
    }
}

impl Session for PgSession {
    fn execute(&mut self, sql: &str, params: &[Value]) -> Result<u64, StoreError> {
        let prepared = self.prepared(sql, params)?;
        let result = self.client.execute(&prepared.statement, &bind(params));
        result.map_err(|e| self.classify(&e))
    }

    fn query(&mut self, sql: &str, params: &[Value], each: &mut dyn FnMut(Row)) -> Result<(), StoreError> {
        let prepared = self.prepared(sql, params)?;
        let result = self.client.query(&prepared.statement, &bind(params));
        for row in result.map_err(|e| self.classify(&e))? {
            let mut values = Vec::with_capacity(row.len());
            for (i, column) in row.columns().iter().enumerate() {
                values.push(value(&row, i, column.type_()).map_err(|found| {
                    StoreError::decode(column.name(), "a portable type (CAST it)", found)
                })?);
            }
            each(Row::new(Arc::clone(&prepared.columns), values));
        }
        Ok(())
    }

    fn batch(&mut self, sql: &str) -> Result<(), StoreError> {
        let result = self.client.batch_execute(sql);
        result.map_err(|e| self.classify(&e))
    }

    fn is_broken(&self) -> bool {
        self.trouble != Trouble::None
    }
}

/// Makes COMMIT wait for the disk, as SQLite with `synchronous = FULL`, because receipts depend on it. This overrides a
/// configuration that turned it off. How many standbys must confirm as well remains the operator's choice.
fn make_durable(client: &mut Client) -> Result<(), ::postgres::Error> {
    let setting: String = client.query_one("SHOW synchronous_commit", &[])?.get(0);
    if setting == "off" {
        client.batch_execute("SET synchronous_commit = on")?;
    }
    Ok(())
}

fn bind(params: &[Value]) -> Vec<&(dyn ToSql + Sync)> {
    params.iter().map(|p| p as &(dyn ToSql + Sync)).collect()
}

fn value(row: &::postgres::Row, i: usize, ty: &Type) -> Result<Value, String> {
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
struct WrongKind {
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

/// The columns of the violated key as SQLite names them, `table.column, table.column`.
fn constraint(db: &::postgres::error::DbError) -> String {
    let name = || db.constraint().unwrap_or("a unique constraint").to_owned();
    let (Some(table), Some(detail)) = (db.table(), db.detail()) else {
        return name();
    };
    // "Key (a, b)=(1, 2) already exists.", in the language of the server
    let Some((_, rest)) = detail.split_once('(') else {
        return name();
    };
    match rest.split_once(")=(") {
        Some((columns, _)) if !columns.contains('(') => columns
            .split(", ")
            .map(|column| format!("{table}.{}", column.trim_matches('"')))
            .collect::<Vec<_>>()
            .join(", "),
        _ => name(),
    }
}

/// The text of an error with its causes: the text of the client alone is "error serializing parameter 0".
struct DisplayChain<'e>(&'e ::postgres::Error);

impl std::fmt::Display for DisplayChain<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}
