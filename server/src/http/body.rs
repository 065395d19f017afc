//! Extractors for bodies, paths and queries. Their errors are problems.

use super::limits::BodyFault;
use crate::kernel::failure::{Failure, invalid};
use axum::extract::rejection::{BytesRejection, JsonRejection, PathRejection, QueryRejection};
use protocol::problem::ProblemCode;

/// `axum::Json` that answers with problems.
#[derive(axum::extract::FromRequest)]
#[from_request(via(axum::Json), rejection(Failure))]
pub struct Json<T>(pub T);

impl<T: serde::Serialize> axum::response::IntoResponse for Json<T> {
    fn into_response(self) -> axum::response::Response {
        axum::Json(self.0).into_response()
    }
}

/// The decompressed bytes of the body; errors are problems.
pub struct Bytes(pub axum::body::Bytes);

impl<S: Send + Sync> axum::extract::FromRequest<S> for Bytes {
    type Rejection = Failure;
    async fn from_request(request: axum::extract::Request, state: &S) -> Result<Self, Failure> {
        Ok(Self(axum::body::Bytes::from_request(request, state).await?))
    }
}

/// `axum::extract::Path` that answers with problems.
#[derive(axum::extract::FromRequestParts)]
#[from_request(via(axum::extract::Path), rejection(Failure))]
pub struct Path<T>(pub T);

/// `axum::extract::Query` that answers with problems.
#[derive(axum::extract::FromRequestParts)]
#[from_request(via(axum::extract::Query), rejection(Failure))]
pub struct Query<T>(pub T);

/// `request.invalid` for a part of the request that cannot be parsed; `at` names it, `text` is the error.
pub(crate) fn unreadable(at: &str, text: String) -> Failure {
    invalid(at, "填写有误", text)
}

/// `request.invalid` for a body or a query that does not fit. `text` is what the decoder says: the way to the place, then what is
/// wrong there, then line and column. The error names the field.
fn misfit(text: &str) -> Failure {
    let said = ["target type: ", "query string: "]
        .iter()
        .find_map(|before| text.split_once(before))
        .map_or(text, |(_, said)| said);
    let (way, said) = match said.split_once(": ") {
        Some((way, said)) if !way.contains(['`', ' ']) => (way, said),
        _ => ("", said),
    };
    let said = said.rsplit_once(" at line ").map_or(said, |(said, _)| said);
    let named = said.split('`').nth(1).unwrap_or_default();
    let (zh, field) = if said.starts_with("missing field") {
        ("缺少此项", named)
    } else if said.starts_with("unknown field") {
        ("没有这一项", named)
    } else if said.starts_with("unknown variant") {
        ("没有这个取值", "")
    } else {
        ("填写有误", "")
    };
    let mut parts: Vec<&str> = way
        .split(['.', '['])
        .map(|part| part.trim_end_matches(']'))
        .collect();
    if parts.last() != Some(&field) {
        parts.push(field);
    }
    parts.retain(|part| !part.is_empty() && *part != "?");
    let at: String = parts.iter().map(|part| format!("/{part}")).collect();
    let at = if at.is_empty() { "/" } else { &at };
    invalid(at, zh, said)
}

impl From<JsonRejection> for Failure {
    fn from(rejection: JsonRejection) -> Self {
        match rejection {
            JsonRejection::JsonDataError(e) => misfit(&e.body_text()),
            JsonRejection::JsonSyntaxError(e) => Self::because(ProblemCode::BadRequest, e.body_text()),
            JsonRejection::MissingJsonContentType(_) => Self::of(ProblemCode::UnsupportedMedia),
            JsonRejection::BytesRejection(e) => e.into(),
            other => Self::because(ProblemCode::BadRequest, other.body_text()),
        }
    }
}
impl From<BytesRejection> for Failure {
    /// The body is too large or incomplete: a broken connection, a long pause, damaged compression.
    fn from(rejection: BytesRejection) -> Self {
        if rejection.status() == axum::http::StatusCode::PAYLOAD_TOO_LARGE {
            Self::of(ProblemCode::TooLarge)
        } else {
            BodyFault::among(&rejection).unwrap_or(BodyFault::Slow).into()
        }
    }
}
impl From<PathRejection> for Failure {
    fn from(_: PathRejection) -> Self {
        Self::of(ProblemCode::NotFound)
    }
}
impl From<QueryRejection> for Failure {
    fn from(rejection: QueryRejection) -> Self {
        misfit(&rejection.body_text())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the error of this body says: field, Chinese, English.
    fn of<T: serde::de::DeserializeOwned>(body: &str) -> (String, String, String) {
        let bytes = axum::body::Bytes::from(body.to_owned());
        let Err(rejection) = axum::Json::<T>::from_bytes(&bytes) else {
            panic!("{body} fits");
        };
        let failure = Failure::from(rejection);
        let [field] = failure.fields_concerned() else {
            panic!("{failure:?}");
        };
        (field.at.clone(), field.zh.clone(), field.en.clone())
    }

    #[derive(Debug, serde::Deserialize)]
    #[allow(dead_code, reason = "only decoded")]
    struct Page {
        cursor: u32,
        way: Way,
    }

    #[test]
    fn use_c_error_of_a_query_names_the_field() {
        for (query, at, zh) in [
            ("way=up", "/cursor", "缺少此项"),
            ("cursor=1", "/way", "缺少此项"),
            ("cursor=x&way=up", "/cursor", "填写有误"),
            ("cursor=1&way=down", "/way", "没有这个取值"),
        ] {
            let uri = format!("/v1/cases?{query}").parse().unwrap();
            let Err(rejection) = axum::extract::Query::<Page>::try_from_uri(&uri) else {
                panic!("{query} fits");
            };
            let failure = Failure::from(rejection);
            let [field] = failure.fields_concerned() else {
                panic!("{failure:?}");
            };
            assert_eq!(
                (field.at.as_str(), field.zh.as_str()),
                (at, zh),
                "{query}: {}",
                field.en
            );
        }
    }

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code, reason = "only decoded")]
    struct Outer {
        old: u32,
        list: Vec<Inner>,
    }
    #[derive(Debug, serde::Deserialize)]
    #[allow(dead_code, reason = "only decoded")]
    struct Inner {
        way: Way,
    }
    #[derive(Debug, serde::Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Way {
        Up,
    }

    #[test]
    fn use_c_error_of_a_body_names_the_field() {
        for (body, at, zh, en) in [
            (r#"{"list":[]}"#, "/old", "缺少此项", "missing field `old`"),
            (
                r#"{"old":1,"list":[{"way":"up"},{}]}"#,
                "/list/1/way",
                "缺少此项",
                "missing field `way`",
            ),
            (
                r#"{"old":"x","list":[]}"#,
                "/old",
                "填写有误",
                "invalid type: string \"x\", expected u32",
            ),
            (
                r#"{"old":1,"list":[{"way":"down"}]}"#,
                "/list/0/way",
                "没有这个取值",
                "unknown variant `down`, expected `up`",
            ),
            (
                "[]",
                "/",
                "填写有误",
                "invalid length 0, expected struct Outer with 2 elements",
            ),
        ] {
            assert_eq!(
                of::<Outer>(body),
                (at.to_owned(), zh.to_owned(), en.to_owned()),
                "{body}"
            );
        }
        let (at, zh, _) = of::<Outer>(r#"{"old":1,"list":[],"more":2}"#);
        assert_eq!((at.as_str(), zh.as_str()), ("/more", "没有这一项"));
    }
}
