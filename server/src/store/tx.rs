//! The transaction for domain code.

use super::{
    error::StoreError,
    hint::Hint,
    value::{Row, Value},
};

/// The connection of an engine. Statements use `?1`, `?2` …; the engine translates them.
pub(super) trait Session {
    /// Runs a statement without result rows and returns the number of changed rows.
    fn execute(&mut self, sql: &str, params: &[Value]) -> Result<u64, StoreError>;
    /// Runs a statement whose number of changed rows nobody needs. The engine may put it off until the next statement; if it
    /// fails then, the engine runs the closure again, without putting off.
    fn run(&mut self, sql: &str, params: &[Value]) -> Result<(), StoreError> {
        self.execute(sql, params).map(drop)
    }
    /// Runs a statement to its end and passes every row to `each`.
    fn query(&mut self, sql: &str, params: &[Value], each: &mut dyn FnMut(Row)) -> Result<(), StoreError>;
    /// Runs statements without parameters, for migrations.
    fn batch(&mut self, sql: &str) -> Result<(), StoreError>;
    /// Begins a part that can be undone.
    fn open_part(&mut self, name: &str) -> Result<(), StoreError> {
        self.batch(&format!("SAVEPOINT {name}"))
    }
    /// Ends the part that was begun last, and undoes it unless `keep`. The engine may run the closure again instead.
    fn close_part(&mut self, name: &str, keep: bool) -> Result<(), StoreError> {
        self.batch(&if keep {
            format!("RELEASE SAVEPOINT {name}")
        } else {
            format!("ROLLBACK TO SAVEPOINT {name}; RELEASE SAVEPOINT {name}")
        })
    }
    /// Returns true if the transaction of the engine ended, so that no savepoint can be restored.
    fn is_broken(&self) -> bool;
}

/// One transaction, lent to a closure of [`Store::write`](super::database::Store::write) or
/// [`Store::read`](super::database::Store::read).
///
/// **After a failed statement the transaction is rolled back.** PostgreSQL refuses every statement after an error until
/// a rollback; SQLite does not. To make both equal, every statement after an error of the engine fails with the same
/// error, and the changes are rolled back even if the closure returns `Ok`. If an error is expected, use
/// `ON CONFLICT .. DO NOTHING` or run the part in [`Tx::attempt`].
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

    /// Ends the transaction of the closure: returns the error of a failed statement, or the hints to send after COMMIT.
    pub(super) fn finish(self) -> Result<Vec<Hint>, StoreError> {
        match self.doomed {
            Some(error) => Err(error),
            None => Ok(self.hints),
        }
    }

    /// Runs a statement without result rows and returns the number of inserted, changed or deleted rows. Use [`Tx::all`],
    /// [`Tx::one`] or [`Tx::opt`] for `RETURNING`.
    pub fn execute(&mut self, sql: &str, params: &[Value]) -> Result<u64, StoreError> {
        self.admit(params)?;
        if !self.writable {
            return Err(self.doom(StoreError::ReadOnly));
        }
        let result = self.session.execute(sql, params);
        result.map_err(|e| self.doom(e))
    }

    /// As [`Tx::execute`] where nobody needs the number of rows: on PostgreSQL the statement travels with the next one. Later
    /// statements see its rows. If it fails, the closure gets the error here or runs again and gets it here then, as it would
    /// from [`Tx::execute`].
    pub fn run(&mut self, sql: &str, params: &[Value]) -> Result<(), StoreError> {
        self.admit(params)?;
        if !self.writable {
            return Err(self.doom(StoreError::ReadOnly));
        }
        let result = self.session.run(sql, params);
        result.map_err(|e| self.doom(e))
    }

    /// Reads all rows with `read`. Use `ORDER BY` if the order matters.
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

    /// Reads at most one row; [`StoreError::TooManyRows`] if there are more (use `LIMIT 1` for the first).
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

    /// Reads exactly one row, else [`StoreError::NotFound`] or [`StoreError::TooManyRows`].
    pub fn one<T>(
        &mut self,
        sql: &str,
        params: &[Value],
        read: impl FnMut(&Row) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.opt(sql, params, read)?.ok_or(StoreError::NotFound)
    }

    /// Sends `hint` to all listeners after this transaction is committed; never if it is rolled back.
    pub fn after_commit(&mut self, hint: Hint) {
        if !self.hints.contains(&hint) {
            self.hints.push(hint);
        }
    }

    /// Runs a part in a savepoint: if it returns an error, its changes and hints are rolled back and the transaction
    /// continues. After a lost connection or a serialization conflict (which runs the closure again) it cannot continue.
    pub fn attempt<T, E>(&mut self, part: impl FnOnce(&mut Tx<'_>) -> Result<T, E>) -> Result<T, E>
    where
        E: From<StoreError>,
    {
        self.admit(&[])?;
        self.depth += 1;
        let name = format!("part_{}", self.depth);
        let hints = self.hints.len();
        let opened = self.session.open_part(&name);
        let result = match opened {
            Ok(()) => part(self),
            Err(error) => Err(self.doom(error).into()),
        };
        self.depth -= 1;
        // A part that ignored the error of a statement was rolled back all the same.
        let result = match (&self.doomed, result) {
            (Some(error), Ok(_)) => Err(error.clone().into()),
            (_, result) => result,
        };
        if self.session.is_broken() {
            return result;
        }
        if result.is_err() {
            self.hints.truncate(hints);
        }
        match self.session.close_part(&name, result.is_ok()) {
            Ok(()) => {
                self.doomed = None;
                result
            }
            Err(error) => Err(self.doom(error).into()),
        }
    }

    /// Runs statements without parameters, for the migrations.
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
