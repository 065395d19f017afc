//! Commands that show something, and `withdraw`.

use crate::{
    Error, Result,
    cli::{
        args::{AtArg, FixArgs},
        documents,
        filing::CommandContext,
        network::held_now,
        said::Said,
        table::table,
        text,
    },
    grid::place::{TypedPlace, parse_datum},
    work::{
        tasks::{HandsetTask, TaskDistance},
        withdraw::Withdrawal,
    },
};
use protocol::geo::{Datum, PointE7};
use serde_json::{Value, json};

impl CommandContext<'_> {
    pub(super) fn where_is(&self, text: &str, datum: &str, fix: &FixArgs) -> Result<Said> {
        let typed = TypedPlace::parse(text, parse_datum(datum)?)?;
        // Without an accuracy it is a place on a map, not where the worker stands.
        let mut view = None;
        if typed.accuracy_cm.is_some() {
            let measured = self.measured(typed, fix)?;
            match self.terminal.saw_fix(&measured) {
                // A full disk lets everything be read; the fix is only kept for later.
                Err(Error::Full) => {}
                kept => kept?,
            }
            view = Some(self.terminal.judge_fix(&measured)?);
        }
        let place = self.terminal.where_is(typed.point, typed.accuracy_cm)?;
        let mut said = Said::new(text::place(self.lang, &place), documents::place(&place));
        said.text.push_str(&text::doubts(self.lang, view.as_ref()));
        if let Some(fields) = said.json.as_object_mut() {
            fields.insert("fix".into(), documents::fix(view.as_ref()));
        }
        Ok(said)
    }
    pub(super) fn queue(&self, all: bool) -> Result<Said> {
        let now = self.terminal.now()?;
        let mut rows = self.terminal.queue()?;
        rows.retain(|row| all || !row.is_finished());
        // A photo that waits for Wi-Fi, the budget or the battery says so (law 2).
        if let Some(held) = held_now(self.terminal)? {
            for row in &mut rows {
                row.explain_wait(&held);
            }
        }
        // The list is all that the command line shows of an item.
        if let Err(error) = self.terminal.mark_read(&rows) {
            tracing::info!(name: "item.shown_again", cause = error.code().as_str());
        }
        let items = rows
            .iter()
            .map(|row| {
                let fix = self.terminal.fix_of(row.id)?;
                Ok(documents::item_with_fix(row, fix.as_ref(), now))
            })
            .collect::<Result<Vec<Value>>>()?;
        Ok(Said::new(
            text::queue(self.lang, &rows, all, now),
            json!({ "items": items }),
        ))
    }
    pub(super) fn tasks(&self, at: &AtArg, all: bool) -> Result<Said> {
        let now = self.terminal.now()?;
        let here: Option<PointE7> = match &at.at {
            Some(text) => Some(TypedPlace::parse(text, Datum::Wgs84)?.point),
            None => None,
        };
        let tasks: Vec<(HandsetTask, Option<TaskDistance>)> = self
            .terminal
            .tasks()?
            .into_iter()
            .filter(|task| all || task.answered.is_none())
            .map(|task| {
                let way = here.and_then(|here| task.distance_from(here));
                (task, way)
            })
            .collect();
        let documents: Vec<Value> = tasks
            .iter()
            .map(|(task, way)| documents::task(task, *way, now))
            .collect();
        let mut said = Said::new(text::tasks(self.lang, &tasks, now), json!({ "tasks": documents }));
        if all {
            let answered = self.terminal.answered_tasks()?;
            said.text.push_str(&text::answered(self.lang, &answered, now));
            if let Some(fields) = said.json.as_object_mut() {
                let answered = answered.iter().map(|one| documents::answered(one, now));
                fields.insert("answered".into(), answered.collect());
            }
        }
        Ok(said)
    }
    pub(super) fn withdraw(&self, item: &str, reason: &str) -> Result<Said> {
        let id = self.terminal.find_item(item)?;
        let is_returned = self.terminal.queue_row(id)?.needs_author();
        let (text, outcome, withdrawal) = match self.terminal.withdraw(id, reason)? {
            Withdrawal::DraftDiscarded => (
                self.lang.pick("草稿已删除", "The draft was deleted"),
                "draft_discarded",
                None,
            ),
            Withdrawal::Cancelled => (
                self.lang.pick("已取消：还没有发出，不会上传", "Cancelled: it had not been sent and will not be sent"),
                "cancelled",
                None,
            ),
            // The centre did not accept it, so there is nothing for the centre to decide.
            Withdrawal::Requested { id: withdrawal } if is_returned => (
                self.lang.pick("已从待办中去掉", "Taken off your list"),
                "requested",
                Some(withdrawal),
            ),
            Withdrawal::Requested { id: withdrawal } => (
                self.lang.pick(
                    "撤回已保存在本机，联网后发出；可能已受理，结果以中心答复为准",
                    "The withdrawal is saved and will be sent when there is a network; the item may already be accepted, so the centre decides",
                ),
                "requested",
                Some(withdrawal),
            ),
        };
        Ok(Said::new(
            text,
            json!({ "item": id, "outcome": outcome, "withdrawal": withdrawal }),
        ))
    }
    pub(super) fn types(&self, search: &str) -> Result<Said> {
        let catalogue = self.terminal.catalogue()?;
        let found = self.terminal.search_matters(search)?;
        let rows: Vec<Vec<String>> = found
            .iter()
            .map(|item| vec![item.code.to_string(), item.zh.clone(), item.en.clone()])
            .collect();
        let text = if rows.is_empty() {
            self.lang.pick(
                format!("没有找到「{search}」：可输入代码、名称的一部分或拼音首字母"),
                format!("nothing matches “{search}”; use a code, part of a name or pinyin initials"),
            )
        } else {
            table(&[], &rows)
        };
        Ok(Said::new(
            text,
            json!({ "version": catalogue.version, "types": found }),
        ))
    }
}
