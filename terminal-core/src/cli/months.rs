//! `months`: the author's activity records by month.

use crate::{
    Result,
    cli::{filing::CommandContext, said::Said, table::table},
};
use serde_json::{Value, json};

impl CommandContext<'_> {
    pub(super) fn months(&self, last: u16) -> Result<Said> {
        let months = self.terminal.activity_months(last)?;
        let heading = self.lang.pick(
            ["月份", "已提交", "通过", "退回", "待审核"],
            ["Month", "Filed", "Approved", "Returned", "Awaiting review"],
        );
        let lines: Vec<Vec<String>> = months
            .iter()
            .map(|month| {
                let counts = [month.filed, month.approved, month.returned, month.waiting];
                std::iter::once(month.month.to_string())
                    .chain(counts.map(|count| count.to_string()))
                    .collect()
            })
            .collect();
        let documents: Vec<Value> = months
            .iter()
            .map(|month| {
                json!({
                    "month": month.month.to_string(),
                    "filed": month.filed,
                    "approved": month.approved,
                    "returned": month.returned,
                    "waiting": month.waiting,
                })
            })
            .collect();
        Ok(Said::new(table(&heading, &lines), json!({ "months": documents })))
    }
}
