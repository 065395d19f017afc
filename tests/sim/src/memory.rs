//! What is remembered of the server's decisions: an applied entry stays applied, and a cancelled task stays
//! cancelled.

use super::{
    judge::{CheckResult, Invariant, check_failed, violation},
    world::SimWorld,
};
use protocol::{ids::EntryId, time::Millis};
use server::params;
use std::collections::BTreeSet;

/// Decisions of the server so far.
#[derive(Default)]
pub struct ServerDecisions {
    applied: BTreeSet<EntryId>,
    /// Tasks that the centre cancelled.
    withdrawn: BTreeSet<String>,
}

impl ServerDecisions {
    pub fn withdrawn(&mut self, task: String) {
        self.withdrawn.insert(task);
    }
}

impl SimWorld<'_> {
    /// The server was restored from its backup of that time: forgets later decisions, and the ended streams
    /// that were delivered after it.
    pub(super) fn restored(&mut self, of: Millis) {
        self.decisions = ServerDecisions::default();
        self.ended_streams.retain(|stream| stream.ended < of);
        for handset in &mut self.handsets {
            handset.excused = true;
            // Responses of the running sync came from the server before the restore.
            if let Some(run) = &mut handset.run {
                run.is_of_before = true;
            }
            handset.needs_invitation |= handset.enrolled.is_none() && handset.known_as.is_some();
        }
    }
    pub(super) fn check_decisions(&mut self) -> CheckResult {
        if !self.server.is_up() {
            return Ok(());
        }
        let found = self.server.read(|tx| {
            let entries = tx.all("SELECT id, state FROM entry", params![], |row| {
                Ok((row.parse::<EntryId>("id")?, row.get::<String>("state")?))
            })?;
            let tasks = tx.all(
                "SELECT id, state FROM task WHERE state <> 'cancelled'",
                params![],
                |row| Ok((row.get::<String>("id")?, row.get::<String>("state")?)),
            )?;
            let unanswered = tx.all(
                "SELECT e.id FROM entry e WHERE e.kind = 'answer' AND e.state = 'applied'
                   AND NOT EXISTS (SELECT 1 FROM task t WHERE t.answer_entry = e.id) LIMIT 1",
                params![],
                |row| row.get::<String>("id"),
            )?;
            Ok((entries, tasks, unanswered))
        });
        let (entries, tasks, unanswered) = match found {
            Ok(found) => found,
            Err(_) if self.server.host.is_dead() || self.server_disk_faulty => {
                self.check_server_crash();
                return Ok(());
            }
            Err(error) => return Err(check_failed(error)),
        };
        for (id, state) in entries {
            let again = matches!(state.as_str(), "pending" | "held" | "review");
            if again && self.decisions.applied.contains(&id) {
                return violation(
                    Invariant::Twice,
                    format!("entry {id} was applied and is in state {state} again"),
                );
            }
            if state == "applied" {
                self.decisions.applied.insert(id);
            }
        }
        if let Some((id, state)) = tasks.iter().find(|(id, _)| self.decisions.withdrawn.contains(id)) {
            return violation(
                Invariant::Untrue,
                format!("task {id} was cancelled and is in state {state} again"),
            );
        }
        match unanswered.first() {
            None => Ok(()),
            Some(id) => violation(
                Invariant::Twice,
                format!("answer {id} is applied, but its task is closed by another answer"),
            ),
        }
    }
}
