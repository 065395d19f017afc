//! One connection: transactions and statements.
//!
//! What needs no answer travels with the next statement that needs one ([`Pipeline`]): BEGIN and savepoints, statements of
//! [`Session::run`], NOTIFY with COMMIT. If one of them fails, its error arrives while a later statement is asked for, perhaps
//! in another closure of the group. So the group is rolled back and runs again with an answer for each statement, and the
//! error meets its own closure where it would on SQLite. Parts ([`Tx::attempt`](crate::store::tx::Tx::attempt)) get a
//! savepoint in that second run only, because hardly any fails and each savepoint is a transaction to PostgreSQL.

use std::collections::HashMap;
use std::sync::Arc;

use ::postgres::error::SqlState;
use ::postgres::types::ToSql;
use tokio_postgres::Statement;

use super::{
    errors::{self, ErrorEffect},
    hints::Wire,
    pipeline::{Failed, Pipeline},
    secure::PgAddress,
    translate::translate,
    values::value,
};
use crate::store::{
    error::StoreError,
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

/// Gives another job for a group of so many, if there is one.
pub(super) type More<'m, 'j> = dyn FnMut(usize) -> Option<Box<dyn Job + 'j>> + 'm;

/// The effect of an error on the transaction or connection, besides the failed statement.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Trouble {
    None,
    Again,
    /// A part or a statement failed that no savepoint or answer was spent on. The group has to run again with them.
    Stray,
    Lost,
}

pub(super) struct PgSession {
    pipeline: Pipeline,
    statements: HashMap<String, Prepared>,
    trouble: Trouble,
    /// Of all transactions of this connection.
    lane: Lane,
    /// False while every statement waits for its answer and every part has a savepoint.
    defers: bool,
}

#[derive(Clone)]
struct Prepared {
    statement: Statement,
    columns: Arc<[String]>,
}

/// The lock that a group of writes holds, so that the groups of several replicas run one after the other: concurrently they
/// would conflict, because PostgreSQL tracks the reads of a key by page. The first statement after BEGIN: LOCK TABLE takes no
/// snapshot, so the group sees the one before it. This mode conflicts with itself and VACUUM alone, and PostgreSQL frees
/// it with the transaction, whatever becomes of the replica.
const TAKE_TURN: &str = "LOCK TABLE schema_migration IN SHARE UPDATE EXCLUSIVE MODE";

impl PgSession {
    /// A connection for transactions of `lane`.
    pub(super) fn connect(address: &PgAddress, options: &Options, lane: Lane) -> Result<Self, StoreError> {
        let mut this = Self {
            pipeline: Pipeline::connect(address)?,
            statements: HashMap::new(),
            trouble: Trouble::None,
            lane,
            defers: false,
        };
        let timeout = options.statement_timeout.as_millis();
        // A replica that is cut off holds the turn of the others no longer than they wait.
        let idle = match lane {
            Lane::Write => timeout.min(options.patience.as_millis().max(1000)),
            Lane::Read(_) | Lane::Quick => timeout,
        };
        this.batch(&format!(
            "SET statement_timeout = {timeout};
             SET idle_in_transaction_session_timeout = {idle};
             SET TIME ZONE 'UTC'"
        ))?;
        this.make_durable()?;
        if lane == Lane::Write {
            this.batch(BY_KEY)?;
        }
        Ok(this)
    }

    /// Ends the connection.
    pub(super) fn close(self) {
        self.pipeline.close();
    }

    /// Makes COMMIT wait for the disk, as SQLite with `synchronous = FULL`, because receipts depend on it. This overrides a
    /// configuration that turned it off. How many standbys must confirm as well remains the operator's choice.
    fn make_durable(&mut self) -> Result<(), StoreError> {
        let setting = self
            .pipeline
            .wait(|client| async move { client.query_one("SHOW synchronous_commit", &[]).await });
        let setting: String = self.answered(setting)?.get(0);
        if setting == "off" {
            self.batch("SET synchronous_commit = on")?;
        }
        Ok(())
    }

    /// Whether writes can take turns with those of other replicas: a role may lack the right to lock, an engine that
    /// understands PostgreSQL's language may lack the statement. Then conflicts are retried.
    pub(super) fn can_take_turns(&mut self) -> bool {
        self.trouble = Trouble::None;
        let tried = self
            .batch("BEGIN")
            .and_then(|()| self.batch(&format!("{TAKE_TURN} NOWAIT")));
        let can = !matches!(tried, Err(StoreError::Statement { .. }));
        let _ = self.batch("ROLLBACK");
        if !can && let Err(error) = tried {
            tracing::warn!(%error, detail = error.detail(), "writes of several replicas cannot take turns; conflicts are retried");
        }
        can
    }

    /// Runs the jobs once in one transaction of their lane, and those that `more` gives meanwhile: it is called with their
    /// number and what it gives is added to `jobs`. The error of one job does not roll back the others. An error of the
    /// engine or of COMMIT applies to all. With `turns`, a write waits for those of other replicas.
    pub(super) fn run<'j>(
        &mut self,
        jobs: &mut Vec<Box<dyn Job + 'j>>,
        more: &mut More<'_, 'j>,
        wire: Option<&Wire>,
        turns: bool,
    ) -> Step {
        let wire = wire.filter(|_| self.lane == Lane::Write);
        let turns = turns && self.lane == Lane::Write;
        let mut step = self.run_once(jobs, more, wire, turns, true);
        if step.is_none() {
            metrics::counter!("store_careful_runs_total").increment(1);
            step = self.run_once(jobs, &mut |_| None, wire, turns, false);
        }
        if self.lane == Lane::Write {
            metrics::counter!("store_round_trips_total").increment(self.pipeline.take_trips());
        }
        step.unwrap_or(Step::Again(StoreError::Busy))
    }

    fn begin(&mut self, turns: bool) {
        self.pipeline.begin(match self.lane {
            Lane::Write => "BEGIN ISOLATION LEVEL SERIALIZABLE",
            Lane::Read(_) | Lane::Quick => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        });
        if turns {
            self.pipeline.say(TAKE_TURN);
        }
    }

    /// `None`: what failed needs an answer or a savepoint that it did not get. Everything was rolled back.
    fn run_once<'j>(
        &mut self,
        jobs: &mut Vec<Box<dyn Job + 'j>>,
        more: &mut More<'_, 'j>,
        wire: Option<&Wire>,
        turns: bool,
        defers: bool,
    ) -> Option<Step> {
        self.trouble = Trouble::None;
        self.defers = defers;
        self.begin(turns);
        // Whether something is kept, so that the next job needs a savepoint; and whether something has to go that has none.
        let (mut hints, mut kept, mut dirty) = (Vec::new(), false, false);
        for at in 0.. {
            if at == jobs.len()
                && let Some(job) = more(at)
            {
                jobs.push(job);
            }
            let Some(job) = jobs.get_mut(at) else {
                break;
            };
            if std::mem::take(&mut dirty) {
                self.pipeline.say("ROLLBACK");
                self.begin(turns);
            }
            if kept {
                self.pipeline.say("SAVEPOINT member");
            }
            let verdict = job.run(self);
            if self.trouble != Trouble::None {
                return self.give_up(StoreError::Busy);
            }
            match verdict {
                Verdict::Keep(mut some) => {
                    hints.append(&mut some);
                    if kept {
                        self.pipeline.say("RELEASE SAVEPOINT member");
                    }
                    kept = true;
                }
                Verdict::Discard | Verdict::Doomed(_) if kept => {
                    self.pipeline
                        .say("ROLLBACK TO SAVEPOINT member; RELEASE SAVEPOINT member");
                }
                Verdict::Discard | Verdict::Doomed(_) => dirty = true,
            }
        }
        if !kept {
            return self.discard();
        }
        if self.lane != Lane::Write {
            // A transaction that only read has nothing to lose.
            self.pipeline.say("COMMIT");
            self.pipeline.flush();
            return Some(Step::Done {
                outcome: Ok(hints),
                healthy: true,
            });
        }
        if let Some(wire) = wire {
            for payload in wire.encode(&hints) {
                let notify = format!("SELECT pg_notify('{}', ?1)", Wire::CHANNEL);
                if let Err(error) = Session::run(self, &notify, &[Value::Text(payload)]) {
                    return self.give_up(error);
                }
            }
        }
        self.commit(hints)
    }

    /// Ends a transaction of which nothing is kept.
    fn discard(&mut self) -> Option<Step> {
        self.pipeline.say("ROLLBACK");
        let settled = self.pipeline.settle();
        let is_earlier = settled.as_ref().is_err_and(|failed| failed.earlier);
        let ended = self.answered(settled);
        match self.trouble {
            Trouble::Stray => None,
            Trouble::Again => Some(Step::Again(StoreError::Busy)),
            Trouble::Lost if is_earlier => {
                Some(Step::Lost(StoreError::unavailable("the connection was lost")))
            }
            Trouble::None | Trouble::Lost => Some(Step::Done {
                outcome: Ok(Vec::new()),
                healthy: ended.is_ok(),
            }),
        }
    }

    fn commit(&mut self, hints: Vec<Hint>) -> Option<Step> {
        // COMMIT must not be the first thing that a connection learns which died while it was idle.
        if !self.pipeline.is_answered() {
            let drained = self.pipeline.drain();
            if let Err(error) = self.answered(drained) {
                return self.give_up(error);
            }
        }
        self.pipeline.say("COMMIT");
        let Err(failed) = self.pipeline.settle() else {
            return Some(Step::Done {
                outcome: Ok(hints),
                healthy: true,
            });
        };
        let (earlier, from_server) = (failed.earlier, failed.error.as_db_error().is_some());
        let unknown = failed.error.code() == Some(&SqlState::T_R_STATEMENT_COMPLETION_UNKNOWN);
        let text = failed.error.to_string();
        let meaning = match self.answered::<()>(Err(failed)) {
            Ok(()) => StoreError::Busy,
            Err(meaning) => meaning,
        };
        match self.trouble {
            // PostgreSQL reported that it rolled back.
            Trouble::Again => Some(Step::Again(StoreError::Busy)),
            Trouble::Stray => None,
            // PostgreSQL refused a statement before COMMIT, which therefore rolled back if it was read at all.
            Trouble::Lost if earlier && from_server => Some(Step::Lost(meaning)),
            Trouble::None if !unknown => Some(Step::Done {
                outcome: Err(meaning),
                healthy: true,
            }),
            Trouble::None | Trouble::Lost => {
                tracing::error!(
                    error = text,
                    "the answer to COMMIT was lost; its outcome is unknown"
                );
                Some(Step::Done {
                    outcome: Err(StoreError::commit_unknown(text, false)),
                    healthy: false,
                })
            }
        }
    }

    /// Rolls back a transaction that failed before COMMIT.
    fn give_up(&mut self, error: StoreError) -> Option<Step> {
        let trouble = self.trouble;
        if trouble == Trouble::Lost {
            return Some(Step::Lost(StoreError::unavailable("the connection was lost")));
        }
        self.pipeline.say("ROLLBACK");
        // Statements behind the failed one may be under way; their errors tell nothing.
        let _ = self.pipeline.settle();
        if self.pipeline.is_closed() {
            return Some(Step::Lost(StoreError::unavailable("the connection was lost")));
        }
        match trouble {
            Trouble::Stray => None,
            Trouble::Again => Some(Step::Again(StoreError::Busy)),
            Trouble::None | Trouble::Lost => Some(Step::Done {
                outcome: Err(error),
                healthy: true,
            }),
        }
    }

    fn prepared(&mut self, sql: &str, params: &[Value]) -> Result<Prepared, StoreError> {
        let prepared = match self.statements.get(sql) {
            Some(prepared) => prepared.clone(),
            None => {
                let text = translate(sql)?;
                let statement = self
                    .pipeline
                    .wait(|client| async move { client.prepare(&text).await });
                let statement = self.answered(statement)?;
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

    /// Fails after trouble: the transaction ends as soon as the closure does.
    fn go_on(&self) -> Result<(), StoreError> {
        match self.trouble {
            Trouble::None => Ok(()),
            Trouble::Again | Trouble::Stray | Trouble::Lost => Err(StoreError::Busy),
        }
    }

    /// The meaning of an answer; records its effect on the connection.
    fn answered<T>(&mut self, answer: Result<T, Failed>) -> Result<T, StoreError> {
        answer.map_err(|failed| {
            let meaning = self.classify(&failed.error);
            if failed.earlier && self.trouble == Trouble::None {
                let timed_out = failed.error.code() == Some(&SqlState::QUERY_CANCELED);
                if timed_out {
                    // As a rule in the wait for the turn.
                    self.trouble = Trouble::Again;
                } else if self.defers {
                    self.trouble = Trouble::Stray;
                }
            }
            meaning
        })
    }

    /// Maps an error of PostgreSQL and records its effect on the connection.
    fn classify(&mut self, error: &::postgres::Error) -> StoreError {
        let (meaning, effect) = errors::classify(error, self.lane, self.pipeline.is_closed());
        match effect {
            ErrorEffect::None => {}
            ErrorEffect::Lost => self.trouble = Trouble::Lost,
            ErrorEffect::Again => self.trouble = Trouble::Again,
            ErrorEffect::StalePlan => {
                self.statements.clear();
                self.trouble = Trouble::Again;
            }
        }
        meaning
    }
}

impl Session for PgSession {
    fn execute(&mut self, sql: &str, params: &[Value]) -> Result<u64, StoreError> {
        self.go_on()?;
        let Prepared { statement, .. } = self.prepared(sql, params)?;
        let params = bind(params);
        let answer = self
            .pipeline
            .wait(|client| async move { client.execute(&statement, &params).await });
        self.answered(answer)
    }

    fn run(&mut self, sql: &str, params: &[Value]) -> Result<(), StoreError> {
        if !self.defers {
            return self.execute(sql, params).map(drop);
        }
        self.go_on()?;
        let Prepared { statement, .. } = self.prepared(sql, params)?;
        let sent = self.pipeline.send(&statement, params.to_vec());
        self.answered(sent)
    }

    fn query(&mut self, sql: &str, params: &[Value], each: &mut dyn FnMut(Row)) -> Result<(), StoreError> {
        self.go_on()?;
        let Prepared { statement, columns } = self.prepared(sql, params)?;
        let params = bind(params);
        let answer = self
            .pipeline
            .wait(|client| async move { client.query(&statement, &params).await });
        for row in self.answered(answer)? {
            let mut values = Vec::with_capacity(row.len());
            for (i, column) in row.columns().iter().enumerate() {
                values.push(value(&row, i, column.type_()).map_err(|found| {
                    StoreError::decode(column.name(), "a portable type (CAST it)", found)
                })?);
            }
            each(Row::new(Arc::clone(&columns), values));
        }
        Ok(())
    }

    fn batch(&mut self, sql: &str) -> Result<(), StoreError> {
        let answer = self
            .pipeline
            .wait(|client| async move { client.batch_execute(sql).await });
        self.answered(answer)
    }

    fn open_part(&mut self, name: &str) -> Result<(), StoreError> {
        if !self.defers {
            self.pipeline.say(&format!("SAVEPOINT {name}"));
        }
        Ok(())
    }

    fn close_part(&mut self, name: &str, keep: bool) -> Result<(), StoreError> {
        if !self.defers {
            self.pipeline.say(&if keep {
                format!("RELEASE SAVEPOINT {name}")
            } else {
                format!("ROLLBACK TO SAVEPOINT {name}; RELEASE SAVEPOINT {name}")
            });
        } else if !keep {
            self.trouble = Trouble::Stray;
            return Err(StoreError::Busy);
        }
        Ok(())
    }

    fn is_broken(&self) -> bool {
        self.trouble != Trouble::None
    }
}

fn bind(params: &[Value]) -> Vec<&(dyn ToSql + Sync)> {
    params.iter().map(|p| p as &(dyn ToSql + Sync)).collect()
}
