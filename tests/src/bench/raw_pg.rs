//! The floor on PostgreSQL: as many connections as there are clients, a serializable transaction for each push.

use super::raw::{Engine, Push, replay};
use anyhow::{Context as _, Result};
use postgres::{Client, NoTls, Statement, error::SqlState, types::ToSql};
use server::store::Value;
use std::{collections::HashMap, thread};

struct Connection {
    client: Client,
    statements: HashMap<&'static str, Statement>,
}

impl Connection {
    fn open(url: &str) -> Result<Self> {
        Ok(Self {
            client: Client::connect(url, NoTls)?,
            statements: HashMap::new(),
        })
    }
    fn transaction(&mut self, push: &Push, last: &mut HashMap<String, i64>) -> Result<()> {
        self.client.batch_execute("BEGIN ISOLATION LEVEL SERIALIZABLE")?;
        replay(self, push, last)?;
        self.client.batch_execute("COMMIT")?;
        Ok(())
    }
    /// Until it is committed; answers how often it had to be run again.
    fn push(&mut self, push: &Push, last: &mut HashMap<String, i64>) -> Result<u64> {
        for again in 0.. {
            let mut then = last.clone();
            match self.transaction(push, &mut then) {
                Ok(()) => {
                    *last = then;
                    return Ok(again);
                }
                Err(error) if is_conflict(&error) => self.client.batch_execute("ROLLBACK")?,
                Err(error) => return Err(error),
            }
        }
        Ok(0)
    }
}

fn is_conflict(error: &anyhow::Error) -> bool {
    let code = error
        .downcast_ref::<postgres::Error>()
        .and_then(postgres::Error::code);
    code.is_some_and(|code| {
        [
            &SqlState::T_R_SERIALIZATION_FAILURE,
            &SqlState::T_R_DEADLOCK_DETECTED,
        ]
        .contains(&code)
    })
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

/// Raw PostgreSQL with its connections open and its statements prepared from round to round.
pub struct Connections(Vec<Connection>);

impl Connections {
    pub fn open(url: &str, count: usize) -> Result<Self> {
        (0..count)
            .map(|_| Connection::open(url))
            .collect::<Result<_>>()
            .map(Self)
    }
    /// All pushes, each stream's in order on a connection of its own; how often something had to be run again.
    pub fn replay(&mut self, pushes: &[Push], last: &mut HashMap<String, i64>) -> Result<u64> {
        let mut streams: HashMap<&str, Vec<&Push>> = HashMap::new();
        for push in pushes {
            streams.entry(&push.stream).or_default().push(push);
        }
        let mut again = 0;
        thread::scope(|scope| -> Result<()> {
            let mut running = Vec::new();
            for (connection, pushes) in self.0.iter_mut().zip(streams.into_values()) {
                let mut last = last.clone();
                running.push(scope.spawn(move || -> Result<_> {
                    let mut again = 0;
                    for push in pushes {
                        again += connection.push(push, &mut last)?;
                    }
                    Ok((again, last))
                }));
            }
            for thread in running {
                let (times, now) = thread
                    .join()
                    .map_err(|_| anyhow::anyhow!("a thread panicked"))??;
                again += times;
                for (mailbox, n) in now {
                    let known = last.entry(mailbox).or_default();
                    *known = n.max(*known);
                }
            }
            Ok(())
        })?;
        Ok(again)
    }
}
