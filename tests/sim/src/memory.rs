//! What the judge remembers of the server: what it has decided stays decided, and what was taken back stays so.

use super::{
    judge::{Judged, Rule, broken, unwell},
    world::World,
};
use protocol::{ids::EntryId, time::Millis};
use server::params;
use std::collections::BTreeSet;

/// See the module.
#[derive(Default)]
pub struct Memory {
    applied: BTreeSet<EntryId>,
    /// Tasks that the centre took back.
    taken_back: BTreeSet<String>,
}

impl Memory {
    pub fn taken_back(&mut self, task: String) {
        self.taken_back.insert(task);
    }
}

impl World<'_> {
    /// The server is its backup of that time: it forgets, and so does the judge; what somebody handed over and forgot
    /// since then is gone with it.
    pub(super) fn restored(&mut self, of: Millis) {
        self.memory = Memory::default();
        self.former.retain(|former| former.ended < of);
        for handset in &mut self.handsets {
            handset.excused = true;
            // What it was told so far in a run under way was told by the server that is gone.
            if let Some(run) = &mut handset.run {
                run.is_of_before = true;
            }
            handset.needs_invitation |= handset.enrolled.is_none() && handset.known_as.is_some();
        }
    }
    pub(super) fn memory_looks(&mut self) -> Judged {
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
            Err(_) if self.server.host.is_dead() || self.server_strained => {
                self.server_may_be_dead();
                return Ok(());
            }
            Err(error) => return Err(unwell(error)),
        };
        for (id, state) in entries {
            let again = matches!(state.as_str(), "pending" | "held" | "review");
            if again && self.memory.applied.contains(&id) {
                return broken(
                    Rule::Twice,
                    format!("entry {id} was applied, and is {state} again"),
                );
            }
            if state == "applied" {
                self.memory.applied.insert(id);
            }
        }
        if let Some((id, state)) = tasks.iter().find(|(id, _)| self.memory.taken_back.contains(id)) {
            return broken(
                Rule::Untrue,
                format!("task {id} was taken back, and is {state} again"),
            );
        }
        match unanswered.first() {
            None => Ok(()),
            Some(id) => broken(
                Rule::Twice,
                format!("answer {id} is in force, and its task was answered by another"),
            ),
        }
    }
}
