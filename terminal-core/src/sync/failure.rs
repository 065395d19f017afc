//! Classifies failures: what a failure means for the next step.

use crate::{sync::step::StepOutcome, transport::request::Response};
use protocol::{
    entry::Reason,
    problem::{ErrorCode, HandsetCode, Problem, ProblemCode, Recovery},
};

/// The longest wait in milliseconds that is believed when a server asks for it: a manual sync does not end it. The
/// centre's server asks for minutes; a date of another century comes from somebody else's error.
const LONGEST_ASKED: i64 = 3_600_000;

/// What a 401 means on a handset, in Chinese and English.
const SIGN_IN: (&str, &str) = (
    "服务器没有认出本机，将自动重新验证；一直这样请联系管理员",
    "the server did not recognise this handset, which proves itself again; if this goes on, contact the administrator",
);

/// What to do about a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// There was no answer, or the answer came from something else (login page, proxy). Wait, then try everything
    /// again.
    Network,
    /// The server cannot process the request now. Wait, then send it again.
    Transient {
        /// The delay from Retry-After in milliseconds; `None` if the response has none.
        retry_after_ms: Option<i64>,
    },
    /// The token is missing or expired. Get a new token, then send the request again.
    Authenticate,
    /// The request is too large. Send fewer items in one request.
    Split,
    /// The server refuses this content. The item stays in the queue, where the worker sees it, and is tried again
    /// after a long wait.
    Refused,
}

/// A failure, its classification, and the texts for the worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyncFailure {
    /// What the next step does about the failure.
    pub kind: FailureKind,
    /// The code and the texts for the worker.
    pub reason: Reason,
}

impl SyncFailure {
    /// Makes the failure for a response that does not come from the server; `what` describes the response.
    pub fn foreign(what: &str) -> Self {
        Self {
            kind: FailureKind::Network,
            reason: Reason::new(
                HandsetCode::AnswerForeign,
                "收到的不是服务器的回答（可能需要网页登录的无线网），将自动重试",
                format!("the answer did not come from the server ({what}); the handset will try again"),
            ),
        }
    }
}

/// Returns a successful (2xx) response, or the classified failure.
///
/// The code of a problem document decides. Without a known code the status decides; a wrong guess then costs only
/// time, because every kind of failure is tried again.
pub fn classify(outcome: StepOutcome) -> Result<Response, SyncFailure> {
    let response = match outcome {
        StepOutcome::Answer(response) => response,
        StepOutcome::Failed(error) => {
            return Err(SyncFailure {
                kind: FailureKind::Network,
                reason: error.reason(),
            });
        }
        StepOutcome::Photo(_) => return Err(SyncFailure::foreign("a photo instead of a response")),
    };
    if (200..300).contains(&response.status) {
        return Ok(response);
    }
    let problem = serde_json::from_slice::<Problem>(&response.body)
        .ok()
        .filter(|p| !p.code.as_str().is_empty());
    let retry_after_ms = parse_retry_after(&response);
    let transient = FailureKind::Transient { retry_after_ms };
    // If this version does not know the code as a problem, the status of the response decides.
    let known = problem.as_ref().and_then(|p| match &p.code {
        ErrorCode::Problem(code) => Some(code.recovery()),
        ErrorCode::Reason(_) | ErrorCode::Handset(_) | ErrorCode::Other(_) => None,
    });
    let kind = match (known, response.status) {
        (Some(Recovery::Retry), _) => transient,
        (Some(Recovery::Authenticate), _) => FailureKind::Authenticate,
        (Some(Recovery::Split), _) => FailureKind::Split,
        (Some(Recovery::Refused), _) => FailureKind::Refused,
        (None, 401) => FailureKind::Authenticate,
        (None, 413) => FailureKind::Split,
        (None, 408 | 425 | 429 | 500..=599) => transient,
        (None, 400..=499) if response.status != 407 => FailureKind::Refused,
        (None, _) => FailureKind::Network,
    };
    let reason = match problem {
        // The server's words are for a person who signs in; a handset does it by itself.
        Some(problem)
            if matches!(
                &problem.code,
                ErrorCode::Problem(ProblemCode::Unauthenticated | ProblemCode::TokenExpired)
            ) =>
        {
            Reason::new(problem.code, SIGN_IN.0, SIGN_IN.1)
        }
        None if kind == FailureKind::Authenticate => {
            Reason::new(ErrorCode::of_http(response.status), SIGN_IN.0, SIGN_IN.1)
        }
        Some(problem) => {
            let en = if problem.detail.is_empty() {
                problem.title_en
            } else {
                format!("{} ({})", problem.title_en, problem.detail)
            };
            Reason::new(problem.code, problem.title, en)
        }
        None if kind == FailureKind::Network => {
            SyncFailure::foreign(&format!("HTTP {}", response.status)).reason
        }
        None => Reason::new(
            ErrorCode::of_http(response.status),
            format!("服务器或网络返回 {}，内容仍保存在本机", response.status),
            format!(
                "the server or the network answered HTTP {}; everything is kept on this handset",
                response.status
            ),
        ),
    };
    Err(SyncFailure { kind, reason })
}

/// Returns the delay from Retry-After in milliseconds. The header holds seconds, or a date that is compared with the
/// response's Date header, because the handset's clock may be wrong.
fn parse_retry_after(response: &Response) -> Option<i64> {
    let believed = |wait: i64| (wait <= LONGEST_ASKED).then_some(wait);
    let text = response.header("retry-after")?.trim();
    if let Ok(seconds) = text.parse::<u32>() {
        return believed(i64::from(seconds) * 1000);
    }
    let date = |text: &str| {
        jiff::fmt::rfc2822::parse(text)
            .ok()
            .map(|zoned| zoned.timestamp().as_millisecond())
    };
    let until = date(text)?;
    let from = response.header("date").and_then(date)?;
    believed(until.saturating_sub(from).max(0))
}

/// Makes a failure that the handset detected itself.
pub(super) fn failure(kind: FailureKind, code: impl Into<ErrorCode>, zh: &str, en: &str) -> SyncFailure {
    SyncFailure {
        kind,
        reason: Reason::new(code, zh, en),
    }
}

/// Parses a response body. A body that cannot be parsed, or holds an integer that no table takes, is a response that does
/// not come from the server.
pub(super) fn read_answer<T: serde::de::DeserializeOwned>(body: &[u8], what: &str) -> Result<T, SyncFailure> {
    if has_huge_integer(body) {
        return Err(SyncFailure::foreign(&format!(
            "a number of the {what} answer is too large"
        )));
    }
    serde_json::from_slice(body).map_err(|_| SyncFailure::foreign(&format!("no {what} answer")))
}

/// Returns true if the JSON holds an integer beyond `i64`, outside of texts and fractions.
fn has_huge_integer(json: &[u8]) -> bool {
    const MOST: &[u8] = b"9223372036854775807";
    let (mut in_text, mut escaped, mut start) = (false, false, None);
    for (at, byte) in json.iter().enumerate() {
        if in_text {
            (in_text, escaped) = (escaped || *byte != b'"', !escaped && *byte == b'\\');
            continue;
        }
        in_text = *byte == b'"';
        match (byte, start) {
            (b'0'..=b'9', None) => start = Some(at),
            (b'0'..=b'9', Some(_)) => {}
            (_, Some(from)) => {
                let digits = json.get(from..at).unwrap_or_default();
                let before = from.checked_sub(1).and_then(|i| json.get(i));
                let is_integer = before != Some(&b'.') && !matches!(byte, b'.' | b'e' | b'E');
                if is_integer && (digits.len(), digits) > (MOST.len(), MOST) {
                    return true;
                }
                start = None;
            }
            (_, None) => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::error::TransportError;
    use protocol::problem::ProblemCode;

    fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> StepOutcome {
        StepOutcome::Answer(Response {
            status,
            headers: headers
                .iter()
                .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
                .collect(),
            body: body.into(),
        })
    }
    fn kind(outcome: StepOutcome) -> FailureKind {
        classify(outcome).unwrap_err().kind
    }
    #[test]
    fn sec_low_an_integer_beyond_i64_is_found_outside_of_texts() {
        for (json, huge) in [
            (r#"{"n":9223372036854775807}"#, false),
            (r#"{"n":9223372036854775808}"#, true),
            (r#"{"n":[1,18446744073709551615]}"#, true),
            (
                r#"{"text":"18446744073709551615 \" 18446744073709551615"}"#,
                false,
            ),
            (r#"{"x":0.12345678901234567890123,"y":1.5e30}"#, false),
            (r#"{"text":"\\","n":99999999999999999999}"#, true),
        ] {
            assert_eq!(has_huge_integer(json.as_bytes()), huge, "{json}");
        }
    }

    fn problem(code: ProblemCode) -> StepOutcome {
        answer(
            code.status(),
            &[],
            &serde_json::to_string(&Problem::new(code)).unwrap(),
        )
    }

    #[test]
    fn every_problem_code_is_classified_by_its_own_verdict() {
        for code in ProblemCode::ALL {
            let failure = classify(problem(*code)).unwrap_err();
            assert_eq!(failure.reason.code, *code);
            let same = matches!(
                (code.recovery(), failure.kind),
                (Recovery::Retry, FailureKind::Transient { .. })
                    | (Recovery::Authenticate, FailureKind::Authenticate)
                    | (Recovery::Split, FailureKind::Split)
                    | (Recovery::Refused, FailureKind::Refused)
            );
            assert!(same, "{code:?} became {:?}", failure.kind);
        }
    }

    #[test]
    fn responses_of_other_servers_are_never_final() {
        assert_eq!(
            kind(answer(302, &[("location", "http://portal/")], "")),
            FailureKind::Network
        );
        assert_eq!(
            kind(answer(511, &[], "<html>log in</html>")),
            FailureKind::Transient { retry_after_ms: None }
        );
        assert_eq!(
            kind(answer(520, &[], "<html>")),
            FailureKind::Transient { retry_after_ms: None }
        );
        assert_eq!(kind(answer(407, &[], "<html>")), FailureKind::Network);
        assert_eq!(
            kind(StepOutcome::Failed(TransportError::Timeout)),
            FailureKind::Network
        );
        assert_eq!(kind(answer(413, &[], "<html>")), FailureKind::Split);
    }

    #[test]
    fn retry_after_is_parsed_as_seconds_or_as_a_date_of_the_servers_clock() {
        let after = |headers: &[(&str, &str)]| kind(answer(503, headers, ""));
        assert_eq!(
            after(&[("retry-after", "120")]),
            FailureKind::Transient {
                retry_after_ms: Some(120_000)
            }
        );
        assert_eq!(
            after(&[
                ("retry-after", "Wed, 21 Oct 2015 07:28:30 GMT"),
                ("date", "Wed, 21 Oct 2015 07:28:00 GMT")
            ]),
            FailureKind::Transient {
                retry_after_ms: Some(30_000)
            }
        );
        assert_eq!(
            after(&[("retry-after", "soon")]),
            FailureKind::Transient { retry_after_ms: None }
        );
    }

    #[test]
    fn field_e_a_wait_until_another_century_is_not_believed() {
        for wait in ["Thu, 01 Jan 2099 00:00:00 GMT", "4294967295", "86400"] {
            let headers = [("retry-after", wait), ("date", "Wed, 21 Oct 2015 07:28:00 GMT")];
            assert_eq!(
                kind(answer(429, &headers, "")),
                FailureKind::Transient { retry_after_ms: None },
                "{wait}"
            );
        }
    }

    #[test]
    fn field_e_a_handset_is_not_told_to_sign_in() {
        let problem = serde_json::to_string(&Problem::new(ProblemCode::Unauthenticated)).unwrap();
        for body in [problem.as_str(), ""] {
            let failure = classify(answer(401, &[], body)).unwrap_err();
            assert_eq!(failure.kind, FailureKind::Authenticate);
            assert!(!failure.reason.zh.contains("登录"), "{:?}", failure.reason);
            assert!(failure.reason.zh.contains("自动重新验证"), "{:?}", failure.reason);
        }
    }

    #[test]
    fn an_unknown_problem_code_is_classified_by_status_and_shown_in_its_words() {
        let body = r#"{"type":"urn:x","title":"新","title_en":"new","status":422,"code":"future.thing"}"#;
        let failure = classify(answer(422, &[], body)).unwrap_err();
        assert_eq!(failure.kind, FailureKind::Refused);
        assert_eq!(
            (failure.reason.code.as_str(), failure.reason.zh.as_str()),
            ("future.thing", "新")
        );
    }
}
