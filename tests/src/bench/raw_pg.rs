//! The floor on PostgreSQL: one connection that writes, as the server has one, and as many pushes to a serializable
//! COMMIT as the server had. Several connections only conflict: see `docs/benchmarks.md`.

use super::raw::{Engine, Push, replay};
use anyhow::{Context as _, Result};
use postgres::{Client, NoTls, Statement, types::ToSql};
use server::store::Value;
use std::collections::HashMap;

/// Raw PostgreSQL with its connection open and its statements prepared from round to round.
pub struct Connection {
    client: Client,
    statements: HashMap<&'static str, Statement>,
}

impl Connection {
    pub fn open(url: &str) -> Result<Self> {
        Ok(Self {
            client: Client::connect(url, NoTls)?,
            statements: HashMap::new(),
        })
    }
    /// All pushes, so many to a COMMIT.
    pub fn replay(&mut self, pushes: &[Push], group: usize, last: &mut HashMap<String, i64>) -> Result<()> {
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

impl Engine for Connection {
    fn run(&mut self, sql: &'static str, values: &[Value]) -> Result<()> {
        if !self.statements.contains_key(sql) {
            // The texts hold no question mark but those of parameters.
            let statement = self.client.prepare(&sql.replace('?', "$"))?;
            self.statements.insert(sql, statement);
        }
        let statement = self.statements.get(sql).context("prepared before")?;
        let values: Vec<&(dyn ToSql + Sync)> = values.iter().map(|v| v as &(dyn ToSql + Sync)).collect();
        self.client.query(statement, &values)?;
        Ok(())
    }
    fn plain(&mut self, sql: &'static str) -> Result<()> {
        Ok(self.client.batch_execute(sql)?)
    }
}
