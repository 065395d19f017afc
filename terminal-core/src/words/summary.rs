//! The line that says what an item is about.

use crate::words::{self, Lang};
use protocol::duty::{Answer, Purpose};
use serde::{Deserialize, Serialize};

/// What an item is about, as parts: worded in the reader's language when it is shown, not when it was filed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Summary(Vec<SummaryPart>);

/// One part of a [`Summary`].
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SummaryPart {
    /// What a person wrote; shown as it is.
    Text(String),
    /// The type of a report (事/部件) as the catalogue named it; `en` is empty if only the Chinese name is known.
    Matter { zh: String, en: String },
    /// The answer to a task.
    Answer {
        purpose: Option<Purpose>,
        answer: Answer,
    },
}

impl Summary {
    /// Leaves out parts that have nothing to show.
    pub fn new(parts: impl IntoIterator<Item = SummaryPart>) -> Self {
        Self(
            parts
                .into_iter()
                .filter(|part| !part.words(Lang::Zh).is_empty())
                .collect(),
        )
    }
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
    pub fn parts(&self) -> &[SummaryPart] {
        &self.0
    }
    /// One line in the language of the screen.
    pub fn words(&self, lang: Lang) -> String {
        let parts: Vec<String> = self.0.iter().map(|part| part.words(lang)).collect();
        parts.join(lang.pick("，", ", "))
    }
}

impl SummaryPart {
    fn words(&self, lang: Lang) -> String {
        match self {
            Self::Text(text) => text.trim().to_owned(),
            Self::Matter { zh, en } => {
                let name = if en.is_empty() { zh } else { lang.pick(zh, en) };
                name.trim().to_owned()
            }
            Self::Answer { purpose, answer } => {
                let purpose = purpose.map_or("", |purpose| words::purpose(lang, purpose));
                let answer = words::answer_words(lang, *answer);
                format!("{purpose} {answer}").trim().to_owned()
            }
        }
    }
}

impl From<&str> for Summary {
    fn from(text: &str) -> Self {
        Self::new([SummaryPart::Text(text.to_owned())])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn w22_a_summary_is_worded_in_the_language_of_its_reader() {
        let answer = |purpose| SummaryPart::Answer {
            purpose,
            answer: Answer::NotTrue,
        };
        let text = |text: &str| SummaryPart::Text(text.into());
        let matter = |en: &str| SummaryPart::Matter {
            zh: "暴露垃圾".into(),
            en: en.into(),
        };
        for (parts, zh, en) in [
            (
                vec![answer(Some(Purpose::Verify)), text(" 已清走 ")],
                "核实 不属实，已清走",
                "Verification not true, 已清走",
            ),
            (vec![answer(None), text("")], "不属实", "not true"),
            (
                vec![matter("exposed rubbish"), text("路边")],
                "暴露垃圾，路边",
                "exposed rubbish, 路边",
            ),
            (vec![matter("")], "暴露垃圾", "暴露垃圾"),
            (vec![text("  ")], "", ""),
        ] {
            let summary = Summary::new(parts);
            assert_eq!(
                (summary.words(Lang::Zh).as_str(), summary.words(Lang::En).as_str()),
                (zh, en)
            );
            assert_eq!(summary.is_empty(), zh.is_empty());
            let json = serde_json::to_string(&summary).unwrap();
            assert_eq!(serde_json::from_str::<Summary>(&json).unwrap(), summary);
        }
    }
}
