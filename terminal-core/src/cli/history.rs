//! `history`: reports and activity records of 24 months, by pages.

use crate::{
    Result,
    cli::{
        documents,
        filing::CommandContext,
        said::Said,
        table::{clip, table},
    },
    words::{self, Lang},
    work::history::{HistoryCursor, HistoryRow},
};
use protocol::{manifest::Catalogue, time::Millis};
use serde_json::{Value, json};

impl CommandContext<'_> {
    pub(super) fn history(&self, after: Option<HistoryCursor>, limit: u16) -> Result<Said> {
        let now = self.terminal.now()?;
        let rows = self.terminal.history(after, limit.into())?;
        // Without the catalogue, only the names of types are missing.
        let catalogue = self.terminal.catalogue().ok();
        let next = (rows.len() == usize::from(limit))
            .then(|| rows.last().map(HistoryRow::cursor))
            .flatten();
        let documents: Vec<Value> = rows
            .iter()
            .map(|row| document(row, catalogue.as_ref(), now))
            .collect();
        Ok(Said::new(
            text(self.lang, &rows, next, catalogue.as_ref(), now),
            json!({ "rows": documents, "next": next.map(|next| next.to_string()) }),
        ))
    }
}

fn text(
    lang: Lang,
    rows: &[HistoryRow],
    next: Option<HistoryCursor>,
    catalogue: Option<&Catalogue>,
    now: Millis,
) -> String {
    if rows.is_empty() {
        return lang
            .pick(
                "没有更多记录：24 个月内的上报和活动记录会列在这里",
                "No more records: reports and activity records of 24 months are listed here",
            )
            .into();
    }
    let heading = lang.pick(
        ["时间", "内容", "摘要", "状态", "受理号"],
        ["Made", "What", "Summary", "State", "No."],
    );
    let lines: Vec<Vec<String>> = rows
        .iter()
        .map(|row| {
            vec![
                words::moment(row.made, now),
                words::kind(lang, row.kind).to_owned(),
                clip(&row.line(lang, catalogue), 36),
                clip(&row.state_words(lang, now), 36),
                row.number.clone().unwrap_or_default(),
            ]
        })
        .collect();
    let mut text = table(&heading, &lines);
    if let Some(next) = next {
        text.push_str(&lang.pick(
            format!("更早的：history --after {next}\n"),
            format!("Earlier rows: history --after {next}\n"),
        ));
    }
    text
}

fn document(row: &HistoryRow, catalogue: Option<&Catalogue>, now: Millis) -> Value {
    json!({
        "record": row.record,
        "kind": row.kind,
        "made": row.made,
        "receipt_number": row.number,
        "line_zh": row.line(Lang::Zh, catalogue),
        "line_en": row.line(Lang::En, catalogue),
        "matter": row.matter,
        "cell": row.cell,
        "title": row.title,
        "place": row.place,
        "text": row.text,
        "starts": row.starts,
        "ends": row.ends,
        "category": row.category,
        "participants": row.participants,
        "photos": row.photos.map(|(held, named)| json!({ "held": held, "named": named })),
        "case_state": row.case,
        "review": row.review,
        "withdrawn": row.withdrawn,
        "reason": documents::reason(row.reason.as_ref()),
        "state_zh": row.state_words(Lang::Zh, now),
        "state_en": row.state_words(Lang::En, now),
        "item": row.item.as_ref().map(|item| item.id),
        "cursor": row.cursor().to_string(),
    })
}
