//! What every file of resources is made from: a table of the design, and the frame of a file of values.

use anyhow::{Context as _, Result};
use serde_json::{Map, Value};

/// The object at a JSON pointer.
pub fn table<'a>(tokens: &'a Value, pointer: &str) -> Result<&'a Map<String, Value>> {
    tokens
        .pointer(pointer)
        .and_then(Value::as_object)
        .with_context(|| format!("design/tokens.json has no {pointer}"))
}

/// A file of values.
pub fn values(body: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<!-- Generated from design/tokens.json. -->\n<resources>\n{body}</resources>\n"
    )
}
