//! The transaction that domain code sees.

use super::{
    error::StoreError,
    hint::Hint,
    value::{Row, Value},
};

/// What an engine lends to a transaction. Statement texts carry `?1`, `?2` ..; the engine translates.
pub(super) trait Session {
    /// Run a statement that answers no rows; the number of rows it changed.
    fn execute(&mut self, sql: &str, params: &[Value]) -> Result<u64, StoreError>;
    /// Run a statement to its end, handing every row to `each`.
    fn query(&mut self, sql: &str, params: &[Value], each: &mut dyn FnMut(Row)) -> Result<(), StoreError>;
    /// Statements without parameters, for savepoints and migrations.
    fn batch(&mut self, sql: &str) -> Result<(), StoreError>;
    /// Whether the engine's transaction is gone, so that no savepoint can bring it back.
    fn is_broken(&self) -> bool;
}

/// One transaction, lent to a closure of [`Store::write`](super::database::Store::write) or
/// [`Store::read`](super::database::Store::read).
///
/// **A failed statement dooms its scope.** PostgreSQL refuses everything after an error until a rollback,
/// SQLite does not; so that both behave alike, after an error of the engine every further statement gets the
/// same error, and the closure's changes are rolled back even when it returns `Ok`. Where an error is an
/// expected outcome, write `ON CONFLICT .. DO NOTHING` or wrap the part in [`Tx::attempt`].
pub struct Tx<'a> {
    session: &'a mut dyn Session,
    writable: bool,
    doomed: Option<StoreError>,
    hints: Vec<Hint>,
    depth: u32,
}

impl<'a> Tx<'a> {
    pub(super) fn new(session: &'a mut dyn Session, writable: bool) -> Self {
        Self {
            session,
            writable,
            doomed: None,
            hints: Vec::new(),
            depth: 0,
        }
    }

    /// What is left when the closure is done: the error that doomed it, or the hints to send after COMMIT.
    pub(super) fn finish(self) -> Result<Vec<Hint>, StoreError> {
        match self.doomed {
            Some(error) => Err(error),
            None => Ok(self.hints),
        }
    }

    /// Run a statement that answers no rows (use [`Tx::all`], [`Tx::one`] or [`Tx::opt`] for `RETURNING`).
    /// Returns how many rows it inserted, changed or deleted.
    pub fn execute(&mut self, sql: &str, params: &[Value]) -> Result<u64, StoreError> {
        self.admit(params)?;
        if !self.writable {
            return Err(self.doom(StoreError::ReadOnly));
        }
        let result = self.session.execute(sql, params);
        result.map_err(|e| self.doom(e))
    }

    /// All rows of an answer, each read by `read`. Say `ORDER BY` whenever the order matters.
    pub fn all<T>(
        &mut self,
        sql: &str,
        params: &[Value],
        mut read: impl FnMut(&Row) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        self.admit(params)?;
        let mut rows = Vec::new();
        let mut unreadable = None;
        let result = self.session.query(sql, params, &mut |row| {
            if unreadable.is_none() {
                match read(&row) {
                    Ok(item) => rows.push(item),
                    Err(error) => unreadable = Some(error),
                }
            }
        });
        result.map_err(|e| self.doom(e))?;
        unreadable.map_or(Ok(rows), Err)
    }

    /// The row, if there is one; [`StoreError::TooManyRows`] if there are more (say `LIMIT 1` to mean the first).
    pub fn opt<T>(
        &mut self,
        sql: &str,
        params: &[Value],
        read: impl FnMut(&Row) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        let mut rows = self.all(sql, params, read)?;
        let first = rows.pop();
        if rows.is_empty() {
            Ok(first)
        } else {
            Err(StoreError::TooManyRows)
        }
    }

    /// Exactly one row, else [`StoreError::NotFound`] or [`StoreError::TooManyRows`].
    pub fn one<T>(
        &mut self,
        sql: &str,
        params: &[Value],
        read: impl FnMut(&Row) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.opt(sql, params, read)?.ok_or(StoreError::NotFound)
    }

    /// Send `hint` to whoever listens, once this transaction is committed; never when it is rolled back.
    pub fn after_commit(&mut self, hint: Hint) {
        if !self.hints.contains(&hint) {
            self.hints.push(hint);
        }
    }

    /// Run a part that may fail without failing the whole: when it returns an error, its changes and hints
    /// are undone and the transaction goes on. An error that nobody can go on from (a lost connection, a
    /// serialization conflict, which runs the whole closure again) stays.
    pub fn attempt<T, E>(&mut self, part: impl FnOnce(&mut Tx<'_>) -> Result<T, E>) -> Result<T, E>
    where
        E: From<StoreError>,
    {
        self.admit(&[])?;
        self.depth += 1;
        let name = format!("part_{}", self.depth);
        let hints = self.hints.len();
        let opened = self.session.batch(&format!("SAVEPOINT {name}"));
        let result = match opened {
            Ok(()) => part(self),
            Err(error) => Err(self.doom(error).into()),
        };
        self.depth -= 1;
        // A part that swallowed its own statement error still did not happen.
        let result = match (&self.doomed, result) {
            (Some(error), Ok(_)) => Err(error.clone().into()),
            (_, result) => result,
        };
        if self.session.is_broken() {
            return result;
        }
        let closing = if result.is_ok() {
            format!("RELEASE SAVEPOINT {name}")
        } else {
            self.hints.truncate(hints);
            format!("ROLLBACK TO SAVEPOINT {name}; RELEASE SAVEPOINT {name}")
        };
        match self.session.batch(&closing) {
            Ok(()) => {
                self.doomed = None;
                result
            }
            Err(error) => Err(self.doom(error).into()),
        }
    }

    /// Statements without parameters, for the migrations.
    pub(super) fn batch(&mut self, sql: &str) -> Result<(), StoreError> {
        self.admit(&[])?;
        let result = self.session.batch(sql);
        result.map_err(|e| self.doom(e))
    }

    fn admit(&mut self, params: &[Value]) -> Result<(), StoreError> {
        if let Some(error) = &self.doomed {
            return Err(error.clone());
        }
        for (i, param) in params.iter().enumerate() {
            if let Some(why) = param.unportable() {
                return Err(self.doom(StoreError::Unportable { index: i + 1, why }));
            }
        }
        Ok(())
    }

    fn doom(&mut self, error: StoreError) -> StoreError {
        self.doomed.get_or_insert(error).clone()
    }
}
