//! The raw run on PostgreSQL: one writing connection, as the server has one, and as many pushes per
//! serializable COMMIT as the server had. Several connections only conflict: see `docs/benchmarks.md`.

use super::raw::{StatementRunner, StoredPush, replay};
use anyhow::{Context as _, Result};
use postgres::{Client, NoTls, Statement, types::ToSql};
use server::store::Value;
use std::collections::HashMap;

/// A PostgreSQL connection; connection and prepared statements are kept between rounds.
pub struct RawPostgres {
    client: Client,
    statements: HashMap<&'static str, Statement>,
}

impl RawPostgres {
    pub fn open(url: &str) -> Result<Self> {
        Ok(Self {
            client: Client::connect(url, NoTls)?,
            statements: HashMap::new(),
        })
    }
    /// Replays all pushes, `group` of them per COMMIT.
    pub fn replay(
        &mut self,
        pushes: &[StoredPush],
        group: usize,
        last: &mut HashMap<String, i64>,
    ) -> Result<()> {
        for group in pushes.chunks(group.max(1)) {
            self.plain("BEGIN ISOLATION LEVEL SERIALIZABLE")?;
            for push in group {
                self.plain("SAVEPOINT member")?;
                replay(self, push, last)?;
                self.plain("RELEASE SAVEPOINT member")?;
            }
            self.plain("COMMIT")?;
        }
        Ok(())
    }
}

impl StatementRunner for RawPostgres {
    fn run(&mut self, sql: &'static str, values: &[Value]) -> Result<()> {
        if !self.statements.contains_key(sql) {
            // In these texts `?` only marks parameters.
            let statement = self.client.prepare(&sql.replace('?', "$"))?;
            self.statements.insert(sql, statement);
        }
        let statement = self
            .statements
            .get(sql)
            .context("the statement was not prepared")?;
        let values: Vec<&(dyn ToSql + Sync)> = values.iter().map(|v| v as &(dyn ToSql + Sync)).collect();
        self.client.query(statement, &values)?;
        Ok(())
    }
    fn plain(&mut self, sql: &'static str) -> Result<()> {
        Ok(self.client.batch_execute(sql)?)
    }
}
