//! The OpenAPI 3.1 description: generated from the routes, then completed with the parts that all operations share.

use crate::app::state::App;
use serde_json::{Map, Value, json};
use utoipa_axum::router::OpenApiRouter;

/// The description of every operation. Key order is fixed, so that the committed snapshot compares by text.
pub fn describe(operations: OpenApiRouter<App>) -> Value {
    let (_router, api) = operations.split_for_parts();
    let mut api = match serde_json::to_value(api) {
        Ok(Value::Object(api)) => api,
        _ => Map::new(),
    };
    let info = json!({
        "title": "巡格 Xunge",
        "version": env!("CARGO_PKG_VERSION"),
        "description": "City grid management and community sports: field terminals, cases, tasks. \
                        Errors are RFC 9457 problems with a stable `code`.",
        "license": {"name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0"},
    });
    let schemes = json!({
        "field": {"type": "http", "scheme": "bearer",
                  "description": "A terminal's token from POST /v1/field/token"},
        "metrics": {"type": "http", "scheme": "bearer",
                    "description": "`metrics_token` of the server's settings"},
        "staff": {"type": "http", "scheme": "bearer",
                  "description": "A session's token from POST /v1/session"},
    });
    let statuses = [
        "400", "401", "403", "404", "409", "413", "415", "422", "429", "500", "503",
    ];
    let responses: Map<String, Value> = statuses
        .iter()
        .map(|status| ((*status).to_owned(), problem(words_of(status))))
        .collect();
    api.insert("info".into(), info);
    if let Some(components) = api.entry("components").or_insert(json!({})).as_object_mut() {
        components.insert("securitySchemes".into(), schemes);
        components.insert("responses".into(), Value::Object(responses));
    }
    if let Some(paths) = api.get_mut("paths").and_then(Value::as_object_mut) {
        for (path, item) in paths {
            for (method, operation) in item.as_object_mut().into_iter().flatten() {
                if let Some(operation) = operation.as_object_mut() {
                    complete(path, method, operation);
                }
            }
        }
    }
    let mut api = Value::Object(api);
    widen(&mut api);
    api
}

/// Corrects what the derived schemas say wrongly or in a form that generators of clients cannot read. Counts are unsigned,
/// but `int32` and `int64` are signed and would promise a largest value that the server does not enforce.
fn widen(value: &mut Value) {
    match value {
        Value::Object(map) => {
            if map.get("minimum").is_some_and(|least| least == 0) {
                map.remove("format");
            }
            // A tuple: `items: false` bounds its length from above only, and few generators read a schema that is `false`.
            let tuple = map.get("prefixItems").and_then(Value::as_array).map(Vec::len);
            if let Some(length) = tuple
                && map.get("items").is_some_and(|items| *items == false)
            {
                map.remove("items");
                map.insert("minItems".into(), json!(length));
                map.insert("maxItems".into(), json!(length));
            }
            // An open enum: a known text also matches the schema of any text, so `oneOf` would be wrong.
            let open =
                |one: &Value| one.get("type").is_some_and(|t| t == "string") && one.get("enum").is_none();
            let texts = map.get("oneOf").and_then(Value::as_array);
            if texts.is_some_and(|all| all.iter().any(open))
                && let Some(all) = map.remove("oneOf")
            {
                map.insert("anyOf".into(), all);
            }
            map.values_mut().for_each(widen);
        }
        Value::Array(items) => items.iter_mut().for_each(widen),
        _ => {}
    }
}

/// The description as it is committed.
pub fn text(description: &Value) -> String {
    let mut text = serde_json::to_string_pretty(description).unwrap_or_default();
    text.push('\n');
    text
}

/// A stable name of the operation, and the problems that any operation of its shape may answer with.
fn complete(path: &str, method: &str, operation: &mut Map<String, Value>) {
    let words = path
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|w| !w.is_empty());
    let name: Vec<&str> = std::iter::once(method).chain(words).collect();
    operation.insert("operationId".into(), json!(name.join("_")));
    let body = operation.contains_key("requestBody") || method == "patch";
    let open = operation
        .get("x-xunge-access")
        .is_some_and(|access| access.get("open").is_some());
    let parameters = operation.contains_key("parameters");
    let mut add = vec![("429", true), ("500", true), ("503", true)];
    add.extend([
        ("400", body),
        ("413", body),
        ("415", body),
        ("422", body || parameters),
    ]);
    if let Some(request) = operation.get_mut("requestBody").and_then(Value::as_object_mut) {
        bytes(request);
    }
    // A body may also name a thing that does not exist.
    let named = path.contains('{') || (body && !open);
    add.extend([("401", !open), ("403", !open), ("404", named)]);
    add.push(("409", matches!(method, "post" | "put" | "patch" | "delete")));
    let responses = operation.entry("responses").or_insert_with(|| json!({}));
    let Some(responses) = responses.as_object_mut() else {
        return;
    };
    // Each possible status is listed: a range would also allow unexpected ones.
    responses.remove("4XX");
    for (status, response) in responses.iter_mut() {
        // OpenAPI demands a description of each response.
        if let Some(response) = response.as_object_mut()
            && !response.contains_key("$ref")
        {
            response
                .entry("description")
                .or_insert_with(|| json!(words_of(status)));
            bytes(response);
        }
        if status.starts_with('4') || status.starts_with('5') {
            let words = response
                .get("description")
                .and_then(Value::as_str)
                .filter(|words| !words.is_empty());
            let words = words.unwrap_or(words_of(status));
            // The refusal of a range has no body.
            *response = match status.as_str() {
                "416" => json!({"description": words}),
                _ => problem(words),
            };
        }
    }
    for (status, _) in add.into_iter().filter(|(_, applies)| *applies) {
        responses
            .entry(status)
            .or_insert_with(|| json!({"$ref": format!("#/components/responses/{status}")}));
    }
    // No answer to HEAD has a body, not even a refusal.
    if method == "head" {
        for (status, response) in responses.iter_mut() {
            let words = response.get("description").cloned();
            *response = json!({"description": words.unwrap_or_else(|| json!(words_of(status)))});
        }
    }
}

/// Describes a body that is neither JSON nor text as bytes: its annotation can only name a Rust type, such as `String`,
/// and a generated client would send or decode a text.
fn bytes(body: &mut Map<String, Value>) {
    let content = body.get_mut("content").and_then(Value::as_object_mut);
    for (kind, media) in content.into_iter().flatten() {
        if !kind.ends_with("json") && !kind.starts_with("text/") {
            media["schema"] = json!({"type": "string", "format": "binary"});
        }
    }
}

fn problem(description: &str) -> Value {
    json!({
        "description": description,
        "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
    })
}

fn words_of(status: &str) -> &'static str {
    match status {
        "200" => "The request succeeded",
        "204" => "The request succeeded; the answer has no body",
        "206" => "The part that `Range` names",
        "304" => "The copy that `If-None-Match` names is up to date",
        "400" => "The request is malformed",
        "401" => "The token is missing or has expired",
        "403" => "Not permitted to this actor, or outside its area",
        "404" => "Not found, or not visible to this actor",
        "405" => "`X-HTTP-Method-Override` names no method of uploads",
        "409" => "The request conflicts with the present state; `code` says how",
        "410" => "It existed and is gone",
        "412" => "The server does not speak this version of tus",
        "413" => "The body is too large",
        "416" => "The range lies outside of the file",
        "415" => "The media type or content encoding is not supported",
        "422" => "Some fields are invalid; `errors` lists them",
        "429" => "Too many requests; see Retry-After",
        "460" => "The checksum of the bytes is another one",
        "503" => "Busy or stopping; try again later",
        _ => "The server failed",
    }
}
