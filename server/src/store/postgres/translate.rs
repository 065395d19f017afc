//! Translates `?1` to `$1`, except inside quotes and comments.

use crate::store::error::StoreError;

/// Translates a statement for PostgreSQL.
///
/// # Errors
/// A bare `?` and a `$1` are refused, because SQLite gives them another meaning.
pub(super) fn translate(sql: &str) -> Result<String, StoreError> {
    let mut out = String::with_capacity(sql.len());
    let mut rest = sql;
    while let Some(c) = rest.chars().next() {
        let quoted = match c {
            '\'' | '"' => until(rest, 1, if c == '\'' { "'" } else { "\"" }),
            '-' if rest.starts_with("--") => until(rest, 2, "\n"),
            '/' if rest.starts_with("/*") => until(rest, 2, "*/"),
            _ => 0,
        };
        if quoted > 0 {
            let (text, after) = rest.split_at(quoted);
            out.push_str(text);
            rest = after;
            continue;
        }
        rest = rest.get(c.len_utf8()..).unwrap_or_default();
        let numbered = rest.starts_with(|d: char| d.is_ascii_digit());
        match c {
            '?' if numbered => out.push('$'),
            '?' => return Err(StoreError::statement(format_args!("a bare ? (write ?1): {sql}"))),
            '$' if numbered => return Err(StoreError::statement(format_args!("$1 (write ?1): {sql}"))),
            c => out.push(c),
        }
    }
    Ok(out)
}

/// How long the piece at the start of `text` is that ends with `end`, looked for after `skip` bytes. A doubled
/// quote inside a string ends one piece and begins the next, which comes to the same.
fn until(text: &str, skip: usize, end: &str) -> usize {
    text.get(skip..)
        .and_then(|inner| inner.find(end))
        .map_or(text.len(), |at| skip + at + end.len())
}

#[cfg(test)]
mod tests {
    use super::translate;

    #[test]
    fn parameters_are_translated_and_quoted_text_is_left_alone() {
        for (sql, expected) in [
            ("SELECT ?1, ?10, ?2", "SELECT $1, $10, $2"),
            ("SELECT '?1', 'it''s ?2', ?1", "SELECT '?1', 'it''s ?2', $1"),
            (
                "SELECT \"a?1\" FROM t -- ?2\nWHERE x = ?1",
                "SELECT \"a?1\" FROM t -- ?2\nWHERE x = $1",
            ),
            (
                "/* ?1 */ SELECT '巡格?1', ?3 -- ?",
                "/* ?1 */ SELECT '巡格?1', $3 -- ?",
            ),
            ("SELECT '", "SELECT '"),
            ("SELECT 5 - ?1 / ?2", "SELECT 5 - $1 / $2"),
        ] {
            assert_eq!(translate(sql).unwrap(), expected);
        }
        for refused in ["SELECT ?", "SELECT $1", "SELECT ?x"] {
            assert!(translate(refused).is_err(), "{refused}");
        }
        assert_eq!(translate("SELECT '$1 ?'").unwrap(), "SELECT '$1 ?'");
    }
}
