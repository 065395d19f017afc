//! Texts in both languages, and the words of figures, so that both apps say the same.

use terminal_core::protocol::{entry::Reason, problem::ProblemClass, time::Millis};
use terminal_core::words::{self, Lang};

/// The language of the screen.
#[uniffi::remote(Enum)]
pub enum Lang {
    Zh,
    En,
}

/// A text in both languages.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Words {
    pub zh: String,
    pub en: String,
}

/// Asks the core for both languages.
pub(crate) fn both(words: impl Fn(Lang) -> String) -> Words {
    Words {
        zh: words(Lang::Zh),
        en: words(Lang::En),
    }
}

/// How an app reacts to an error or a reason; see `ProblemClass` of the protocol.
#[uniffi::remote(Enum)]
pub enum ProblemClass {
    RetryLater,
    Authenticate,
    Split,
    SenderRefused,
    StreamEnded,
    Refused,
    Version,
    Review,
    Waiting,
    Settled,
    Network,
    HeldBack,
    Input,
    Device,
}

/// Why something is as it is: a stable code, its class, and the words for the worker.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Why {
    pub code: String,
    pub kind: ProblemClass,
    pub words: Words,
}

impl From<Reason> for Why {
    fn from(reason: Reason) -> Self {
        Self {
            code: reason.code.to_string(),
            kind: reason.code.class(),
            words: Words {
                zh: words::of_reason(Lang::Zh, &reason).to_owned(),
                en: words::of_reason(Lang::En, &reason).to_owned(),
            },
        }
    }
}

uniffi::custom_type!(Reason, Why, {
    remote,
    lower: |reason| reason.into(),
    try_lift: |_why| Err(uniffi::deps::anyhow::anyhow!("reasons come from the core")),
});

/// 「2 小时 14 分」. Unit: milliseconds.
#[uniffi::export]
pub fn duration_words(lang: Lang, millis: i64) -> String {
    words::duration(lang, millis)
}

/// A moment as short as it is clear: the time of a day that is today, else with its date.
#[uniffi::export]
pub fn moment_words(at: Millis, now: Millis) -> String {
    words::moment(at, now)
}

/// 「240 米」, 「3.1 公里」. Unit: metres.
#[uniffi::export]
pub fn distance_words(lang: Lang, metres: f64) -> String {
    words::distance(lang, metres)
}

/// 「3.4 MB」. Unit: bytes.
#[uniffi::export]
pub fn size_words(bytes: u64) -> String {
    words::bytes(bytes)
}

/// The words of an answer on its button.
#[uniffi::export]
pub fn answer_words(lang: Lang, answer: terminal_core::protocol::duty::Answer) -> String {
    words::answer_words(lang, answer).to_owned()
}
