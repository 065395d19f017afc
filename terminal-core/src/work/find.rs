//! Lookup of items, tasks and records by a shortened id.

use crate::{
    Error, Result,
    terminal::Terminal,
    words,
    work::tasks::{HandsetTask, unknown_task},
};
use protocol::{
    entry::receipt_number,
    feed::{ActivityRow, kind},
    ids::{EntryId, RecordId, TaskId},
    problem::HandsetCode,
};

impl Terminal {
    /// The item or draft that a short id means: the beginning or end of its id, its number (`#12`), or its
    /// 受理号.
    ///
    /// # Errors
    /// `item.unknown`; `item.ambiguous` names the candidates.
    pub fn find_item(&self, text: &str) -> Result<EntryId> {
        let items = self.store().items()?;
        if let Some(n) = text.strip_prefix('#').and_then(|n| n.parse::<u64>().ok()) {
            return items
                .iter()
                .find(|item| item.n == n)
                .map(|item| item.id)
                .ok_or(Error::NoSuchItem);
        }
        let drafts = self.store().drafts()?.into_iter().map(|draft| draft.id);
        let elsewhere = self.needs_action()?.into_iter().map(|open| open.row.entry);
        let here = items.iter().map(|item| item.id);
        let mut ids: Vec<EntryId> = here.chain(drafts).chain(elsewhere).collect();
        ids.sort_unstable();
        ids.dedup();
        if let Some(id) = ids
            .iter()
            .find(|id| receipt_number(**id).eq_ignore_ascii_case(text))
        {
            return Ok(*id);
        }
        one_of(text, ids, Error::NoSuchItem)
    }
    /// The task that a short id means.
    ///
    /// # Errors
    /// `task.unknown`, `item.ambiguous`.
    pub fn find_task(&self, text: &str) -> Result<TaskId> {
        let ids = self.tasks()?.iter().map(HandsetTask::id).collect();
        one_of(text, ids, unknown_task())
    }
    /// The record that a short id means; the id of one of its items is accepted too.
    ///
    /// # Errors
    /// `item.unknown`, `item.ambiguous`.
    pub fn find_record(&self, text: &str) -> Result<RecordId> {
        match self.find_item(text) {
            Ok(id) => match self.store().item(id)? {
                Some(item) => Ok(item.record),
                None => Ok(self.needs_action_entry(id)?.ok_or(Error::NoSuchItem)?.row.record),
            },
            Err(Error::NoSuchItem) => {
                let mut records: Vec<RecordId> =
                    self.store().items()?.iter().map(|item| item.record).collect();
                let rows: Vec<ActivityRow> = self.store().mailbox_of(kind::ACTIVITY)?;
                records.extend(rows.iter().map(|row| row.record));
                records.sort_unstable();
                records.dedup();
                one_of(text, records, Error::NoSuchItem)
            }
            Err(error) => Err(error),
        }
    }
}

/// The only id that begins or ends with `text`, ignoring hyphens and case. At least four hexadecimal digits.
fn one_of<T: std::fmt::Display + Copy>(text: &str, ids: Vec<T>, unknown: Error) -> Result<T> {
    let wanted = text.trim().to_lowercase().replace('-', "");
    let wanted = wanted.trim_start_matches('…');
    let is_short = wanted.len() < 4 || !wanted.bytes().all(|b| b.is_ascii_hexdigit());
    let plain = |id: &T| id.to_string().replace('-', "");
    // The beginning of the form shown in lists is accepted too, because people type what they see.
    let fits = |id: &T| {
        let id = plain(id);
        id.starts_with(wanted) || id.ends_with(wanted) || words::short_id(&id).starts_with(wanted)
    };
    let found: Vec<T> = if is_short {
        Vec::new()
    } else {
        ids.into_iter().filter(fits).collect()
    };
    match found.as_slice() {
        [one] => Ok(*one),
        [] => Err(unknown),
        many => {
            let list: Vec<String> = many
                .iter()
                .take(5)
                .map(|id| words::short_id(&id.to_string()).to_owned())
                .collect();
            Err(Error::input(
                HandsetCode::ItemAmbiguous,
                format!("编号 {text} 不唯一，请多写几位：{}", list.join("，")),
                format!("{text} fits several: {}", list.join(", ")),
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_id_is_unique_or_the_candidates_are_named() {
        let id = |ms, r| EntryId::from_parts(ms, [r; 10]);
        let ids = vec![
            id(1_795_306_503_000, 1),
            id(1_795_306_503_001, 2),
            id(1_795_306_999_000, 3),
        ];
        let find = |text: &str| one_of(text, ids.clone(), Error::NoSuchItem);
        let full = ids[1].to_string();
        assert_eq!(find(&full).unwrap(), ids[1]);
        assert_eq!(find(&full[full.len() - 6..]).unwrap(), ids[1]);
        assert_eq!(
            find(&full[full.len() - 8..full.len() - 3]).unwrap(),
            ids[1],
            "the beginning of what lists show"
        );
        assert_eq!(find(&format!("…{}", &full[full.len() - 6..])).unwrap(), ids[1]);
        assert_eq!(find(&ids[2].to_string()[..12]).unwrap(), ids[2]);
        assert_eq!(find(&full[..10]).unwrap_err().code(), "item.ambiguous");
        for unknown in ["", "0", "zzzz", "ffffffff"] {
            assert_eq!(find(unknown).unwrap_err().code(), "item.unknown", "{unknown}");
        }
    }
}
