//! Lists: every list of the API is cut to the reader's scope and read in pages by keyset, never by offset, so
//! that a page costs the same however far down it lies and nothing is skipped when rows move.

use crate::store::value::Value;
use serde::{Deserialize, Serialize};

/// Rows a page may hold at most.
pub const MOST: u32 = 200;
/// Rows of a page when nobody asks for a number.
const USUAL: u32 = 50;

/// A page of a list.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// Goes into `after` to read on; absent on the last page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// How many rows to give for a wish of `limit`.
pub fn limit(limit: Option<u32>) -> u32 {
    limit.unwrap_or(USUAL).clamp(1, MOST)
}

impl<T> Page<T> {
    /// Cuts rows that were read one further than `limit` to a page; `cursor` names the last row given.
    pub fn cut(mut items: Vec<T>, limit: u32, cursor: impl Fn(&T) -> String) -> Self {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = items.len() > limit;
        items.truncate(limit);
        let next = items.last().filter(|_| more).map(cursor);
        Self { items, next }
    }
}

/// The condition of a query with its parameters, put together piece by piece; values never stand in the text.
#[derive(Debug, Default)]
pub struct Where {
    conditions: Vec<String>,
    values: Vec<Value>,
}

impl Where {
    /// Adds a parameter and gives its name, `?1`, `?2` …
    pub fn bind(&mut self, value: impl Into<Value>) -> String {
        self.values.push(value.into());
        format!("?{}", self.values.len())
    }
    /// One more condition that has to hold.
    pub fn and(&mut self, condition: impl Into<String>) {
        self.conditions.push(condition.into());
    }
    /// `column` is one of `values`; nothing is, when there are none.
    pub fn one_of(&mut self, column: &str, values: impl IntoIterator<Item = impl Into<Value>>) {
        let condition = self.one_of_text(column, values);
        self.and(condition);
    }
    /// The text of [`Where::one_of`], for use inside an `OR`.
    pub fn one_of_text(
        &mut self,
        column: &str,
        values: impl IntoIterator<Item = impl Into<Value>>,
    ) -> String {
        let names: Vec<String> = values.into_iter().map(|v| self.bind(v)).collect();
        if names.is_empty() {
            "1 = 0".to_owned()
        } else {
            format!("{column} IN ({})", names.join(", "))
        }
    }
    /// `column` lies in one of `areas` (prefixes of cell codes); nothing does, when there are none.
    pub fn within(&mut self, column: &str, areas: &[String]) {
        let condition = self.within_text(column, areas);
        self.and(condition);
    }
    /// The text of [`Where::within`], for use inside an `OR`.
    pub fn within_text(&mut self, column: &str, areas: &[String]) -> String {
        let parts: Vec<String> = areas
            .iter()
            .map(|area| {
                let name = self.bind(area);
                format!("substr({column}, 1, length(CAST({name} AS TEXT))) = {name}")
            })
            .collect();
        if parts.is_empty() {
            "1 = 0".to_owned()
        } else {
            format!("({})", parts.join(" OR "))
        }
    }
    /// `WHERE …`, or nothing.
    pub fn sql(&self) -> String {
        if self.conditions.is_empty() {
            String::new()
        } else {
            format!("WHERE {}", self.conditions.join(" AND "))
        }
    }
    pub fn values(&self) -> &[Value] {
        &self.values
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_names_its_last_row_only_when_there_is_more() {
        let cursor = |n: &i32| n.to_string();
        assert_eq!(Page::cut(vec![1, 2, 3], 2, cursor).next.as_deref(), Some("2"));
        assert_eq!(Page::cut(vec![1, 2], 2, cursor).next, None);
        assert_eq!(Page::cut(Vec::<i32>::new(), 2, cursor).next, None);
    }

    #[test]
    fn nobody_reads_more_than_a_page_or_less_than_a_row() {
        assert_eq!((limit(None), limit(Some(0)), limit(Some(9999))), (50, 1, 200));
    }

    #[test]
    fn a_scope_of_nothing_shows_nothing() {
        let mut condition = Where::default();
        condition.within("area", &[]);
        condition.one_of("state", Vec::<&str>::new());
        assert_eq!(condition.sql(), "WHERE 1 = 0 AND 1 = 0");
    }

    #[test]
    fn values_stand_in_parameters() {
        let mut condition = Where::default();
        condition.within("area", &["220104".to_owned(), "220105".to_owned()]);
        let name = condition.bind("x");
        condition.and(format!("state = {name}"));
        assert_eq!(
            condition.sql(),
            "WHERE (substr(area, 1, length(CAST(?1 AS TEXT))) = ?1 OR \
             substr(area, 1, length(CAST(?2 AS TEXT))) = ?2) AND state = ?3"
        );
        assert_eq!(condition.values().len(), 3);
    }
}
