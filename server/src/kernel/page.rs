//! Lists of the API. Every list is restricted to the reader's scope ([`Where`]) and read in pages by keyset
//! ([`List`]), never by offset: the cost of a page does not depend on its position, and no row is skipped when rows are
//! added or removed between two pages.

use super::failure::{Failure, invalid};
use crate::store::{
    error::StoreError,
    tx::Tx,
    value::{Row, Value},
};
use protocol::{
    area::Area,
    ids::{CaseId, EventId, OrgId, PersonId, PostId, RecordId, StreamId, TaskId, TerminalId},
    photo::Sha256,
};
use serde::{Deserialize, Serialize};
use std::{fmt::Display, str::FromStr};

/// Most rows of a page.
const MAX_ROWS: u32 = 200;
/// Rows of a page if the request names no limit.
const DEFAULT_ROWS: u32 = 50;

/// Most bytes of a page as JSON, unless its first row alone is larger. Longer texts give shorter pages.
const MAX_BYTES: usize = 1024 * 1024;

/// A page of a list.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// Value of `after` for the next page; absent on the last page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// One column of a list's sort key.
pub trait KeyColumn: Copy + Display + FromStr {
    fn value(self) -> Value;
}

impl KeyColumn for Sha256 {
    fn value(self) -> Value {
        self.to_string().into()
    }
}

impl KeyColumn for i64 {
    fn value(self) -> Value {
        self.into()
    }
}

macro_rules! key_columns {
    ($($id:ident),*) => {$(
        impl KeyColumn for $id {
            fn value(self) -> Value {
                self.to_string().into()
            }
        }
    )*};
}
key_columns!(
    CaseId, EventId, OrgId, PersonId, PostId, RecordId, StreamId, TaskId, TerminalId
);

/// The sort key of a list, unique for each row. Its text is the cursor: the columns joined by full stops.
pub trait Key: Sized {
    /// Reads a cursor; `None` if it has another number of columns or one that cannot be parsed.
    fn parse(cursor: &str) -> Option<Self>;
    fn cursor(&self) -> String;
    fn values(&self) -> Vec<Value>;
}

macro_rules! keys {
    ($($column:ident $n:tt),+) => {
        impl<$($column: KeyColumn),+> Key for ($($column,)+) {
            fn parse(cursor: &str) -> Option<Self> {
                let mut texts = cursor.split('.');
                let key = ($(texts.next()?.parse::<$column>().ok()?,)+);
                texts.next().is_none().then_some(key)
            }
            fn cursor(&self) -> String {
                [$(self.$n.to_string()),+].join(".")
            }
            fn values(&self) -> Vec<Value> {
                vec![$(self.$n.value()),+]
            }
        }
    };
}
keys!(A 0);
keys!(A 0, B 1);
keys!(A 0, B 1, C 2);

/// What a request asks of a list that is sorted by `K`: how many rows, after which row.
#[derive(Debug, Clone)]
pub struct List<K> {
    /// 1 to [`MAX_ROWS`].
    limit: u32,
    after: Option<K>,
}

impl<K: Key> List<K> {
    /// Reads the query parameters `limit` and `after`.
    ///
    /// # Errors
    /// `request.invalid` with the field `?after` if it is not a cursor of this list.
    pub fn new(limit: Option<u32>, after: Option<&str>) -> Result<Self, Failure> {
        let broken = || {
            invalid(
                "?after",
                "翻页位置无效",
                "the cursor does not belong to this list",
            )
        };
        Ok(Self {
            limit: limit.unwrap_or(DEFAULT_ROWS).clamp(1, MAX_ROWS),
            after: after
                .map(|cursor| K::parse(cursor).ok_or_else(broken))
                .transpose()?,
        })
    }
    /// The row after which the page begins, and how many rows tell whether another page follows.
    pub fn span(&self) -> (Option<&K>, u32) {
        (self.after.as_ref(), self.limit.saturating_add(1))
    }
    /// Runs `select` with the condition `filter` and reads the rows after the cursor, one more than a page has.
    /// `order` names the columns of the key in ascending order, separated by commas.
    pub fn rows<T>(
        &self,
        tx: &mut Tx<'_>,
        (select, order): (&str, &str),
        filter: &Where,
        read: impl FnMut(&Row) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        let mut filter = filter.clone();
        if let Some(key) = &self.after {
            let names: Vec<String> = key.values().into_iter().map(|v| filter.bind(v)).collect();
            filter.and(format!("({order}) > ({})", names.join(", ")));
        }
        let most = filter.bind(self.limit.saturating_add(1));
        let sql = format!("{select} {} ORDER BY {order} LIMIT {most}", filter.sql());
        tx.all(&sql, filter.values(), read)
    }
    /// Cuts what [`List::rows`] read to a page of at most [`MAX_BYTES`], whose `next` is the cursor of its last row if more
    /// rows follow.
    pub fn page<T: Serialize>(&self, items: Vec<T>, key: impl Fn(&T) -> K) -> Result<Page<T>, Failure> {
        self.page_before(items, false, key)
    }
    /// As [`List::page`], for rows with a large part that `whole` reads, row by row: only as many are read as fit into a page
    /// if the large part has the size that the row states.
    pub fn page_of_large<R, T: Serialize>(
        &self,
        mut rows: Vec<(R, usize)>,
        whole: impl FnMut(R) -> Result<T, Failure>,
        key: impl Fn(&T) -> K,
    ) -> Result<Page<T>, Failure> {
        let (mut fitting, mut bytes) = (0, 0_usize);
        for (_, size) in &rows {
            bytes = bytes.saturating_add(*size);
            if fitting > 0 && bytes > MAX_BYTES {
                break;
            }
            fitting += 1;
        }
        let all = rows.len();
        rows.truncate(fitting);
        let items = rows.into_iter().map(|(row, _)| row).map(whole);
        let items = items.collect::<Result<Vec<_>, _>>()?;
        self.page_before(items, all > fitting, key)
    }
    /// As [`List::page`]. `more`: rows follow that are not among the items.
    fn page_before<T: Serialize>(
        &self,
        mut items: Vec<T>,
        more: bool,
        key: impl Fn(&T) -> K,
    ) -> Result<Page<T>, Failure> {
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let (mut fitting, mut bytes) = (0, 0);
        for item in items.iter().take(limit) {
            let mut size = CountedBytes(0);
            serde_json::to_writer(&mut size, item)?;
            bytes += size.0;
            if fitting > 0 && bytes > MAX_BYTES {
                break;
            }
            fitting += 1;
        }
        let more = more || items.len() > fitting;
        items.truncate(fitting);
        let next = items.last().filter(|_| more).map(|item| key(item).cursor());
        Ok(Page { items, next })
    }
}

/// Counts the bytes that are written to it.
struct CountedBytes(usize);

impl std::io::Write for CountedBytes {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The condition of a query and its parameters. Values are always parameters, never part of the SQL text.
#[derive(Debug, Clone, Default)]
pub struct Where {
    conditions: Vec<String>,
    values: Vec<Value>,
}

impl Where {
    /// Adds a parameter and returns its name: `?1`, `?2` …
    pub fn bind(&mut self, value: impl Into<Value>) -> String {
        self.values.push(value.into());
        format!("?{}", self.values.len())
    }
    /// Adds a condition; all conditions must hold.
    pub fn and(&mut self, condition: impl Into<String>) {
        self.conditions.push(condition.into());
    }
    /// Adds: `column` is one of `values`. No values match no row.
    pub fn one_of(&mut self, column: &str, values: impl IntoIterator<Item = impl Into<Value>>) {
        let condition = self.one_of_text(column, values);
        self.and(condition);
    }
    /// The SQL of [`Where::one_of`], for use inside an `OR`; binds the values.
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
    /// Adds: `column`, a cell code or an area, lies in one of `areas`. No areas match no row (TJ-02).
    pub fn within(&mut self, column: &str, areas: &[Area]) {
        let condition = self.within_text(column, areas);
        self.and(condition);
    }
    /// Adds: `column` lies in the area that a request asks for. A text that is no area matches no row.
    pub fn within_asked(&mut self, column: &str, asked: &str) {
        self.within(column, asked.parse().ok().as_slice());
    }
    /// As [`Where::within`] one area, in the form that uses an index of the column.
    pub fn between(&mut self, column: &str, area: Area) {
        let first = self.bind(area.as_str());
        self.and(format!("{column} >= {first}"));
        if let Some(next) = area.following() {
            let next = self.bind(next.as_str());
            self.and(format!("{column} < {next}"));
        }
    }
    /// The SQL of [`Where::within`], for use inside an `OR`; binds the areas.
    pub fn within_text(&mut self, column: &str, areas: &[Area]) -> String {
        let parts: Vec<String> = areas
            .iter()
            .map(|area| {
                let name = self.bind(area.as_str());
                format!("substr({column}, 1, length(CAST({name} AS TEXT))) = {name}")
            })
            .collect();
        if parts.is_empty() {
            "1 = 0".to_owned()
        } else {
            format!("({})", parts.join(" OR "))
        }
    }
    /// `WHERE …`, or an empty text if there is no condition.
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
    use protocol::problem::ProblemCode;

    #[test]
    fn next_is_set_only_if_more_rows_follow() {
        let list = List::<(i64,)>::new(Some(2), None).unwrap();
        let next = |rows: Vec<i64>| list.page(rows, |n| (*n,)).unwrap().next;
        assert_eq!(next(vec![1, 2, 3]).as_deref(), Some("2"));
        assert_eq!((next(vec![1, 2]), next(vec![])), (None, None));
    }

    #[test]
    fn sec_a17_long_texts_give_shorter_pages_and_one_row_at_least() {
        let list = List::<(i64,)>::new(Some(200), None).unwrap();
        let rows = |size: usize| {
            (0..50)
                .map(|n| (n, "x".repeat(size)))
                .collect::<Vec<(i64, String)>>()
        };
        let page = |size| list.page(rows(size), |row| (row.0,)).unwrap();
        let long = page(250_000);
        assert_eq!((long.items.len(), long.next.as_deref()), (4, Some("3")));
        let longest = page(2 * MAX_BYTES);
        assert_eq!((longest.items.len(), longest.next.as_deref()), (1, Some("0")));
        assert_eq!((page(100).items.len(), page(100).next), (50, None));
    }

    #[test]
    fn sec_a17_large_parts_are_read_only_for_the_rows_of_the_page() {
        let list = List::<(i64,)>::new(Some(20), None).unwrap();
        let page = |rows: i64, size: usize| {
            let mut read = 0;
            let rows = (0..rows).map(|n| (n, size)).collect();
            let whole = |n| {
                read += 1;
                Ok(n)
            };
            let page = list.page_of_large(rows, whole, |n| (*n,)).unwrap();
            (read, page.items.len(), page.next)
        };
        assert_eq!(page(21, 250_000), (4, 4, Some("3".into())));
        assert_eq!(page(21, 2 * MAX_BYTES), (1, 1, Some("0".into())));
        assert_eq!(page(4, 250_000), (4, 4, None));
        assert_eq!(page(21, 10), (21, 20, Some("19".into())));
    }

    #[test]
    fn a_page_has_1_to_200_rows() {
        let limit = |asked| List::<(i64,)>::new(asked, None).unwrap().limit;
        assert_eq!((limit(None), limit(Some(0)), limit(Some(9999))), (50, 1, 200));
    }

    #[test]
    fn a_cursor_is_read_again_and_a_broken_one_names_its_field() {
        type Two = (i64, StreamId);
        let id = StreamId::from_parts(1, [1; 10]);
        let cursor = (-7, id).cursor();
        assert_eq!(Two::parse(&cursor), Some((-7, id)));
        for broken in ["", "7", "x", &format!("{cursor}.1"), &format!("x.{id}"), "7.x"] {
            let failure = List::<Two>::new(None, Some(broken)).unwrap_err();
            assert_eq!(failure.public_code(), ProblemCode::Invalid, "{broken}");
            assert_eq!(failure.fields_concerned()[0].at, "?after", "{broken}");
        }
    }

    #[test]
    fn an_empty_scope_matches_no_row() {
        let mut condition = Where::default();
        condition.within("area", &[]);
        condition.one_of("state", Vec::<&str>::new());
        assert_eq!(condition.sql(), "WHERE 1 = 0 AND 1 = 0");
    }

    #[test]
    fn values_are_parameters() {
        let mut condition = Where::default();
        condition.within("area", &["220104".parse().unwrap(), "220105".parse().unwrap()]);
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
