//! Every text that the handset shows, in Chinese and English: short, spoken, first what happened and then
//! what to do.
//!
//! State names are those of the design tokens (`data/state_words.json`), so that handset and console use the
//! same names; a test compares them. Numbers carry units: 「2 小时 14 分」, never 2.2 h.

use crate::{Error, photos::error::PhotoError};
use protocol::{
    duty::{Answer, Purpose},
    entry::Reason,
    feed::ActivityState,
    open::Open,
    payload::EntryKind,
    role::Role,
};
use std::str::FromStr;

mod amounts;
pub mod fix;
mod summary;
pub use amounts::{MEGABYTE, bytes, direction, distance, duration, moment, share, soon};
pub use summary::{Summary, SummaryPart};

/// The language of the screen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Lang {
    /// 中文
    #[default]
    Zh,
    En,
}

impl Lang {
    /// Selects the value for this language.
    pub fn pick<T>(self, zh: T, en: T) -> T {
        match self {
            Self::Zh => zh,
            Self::En => en,
        }
    }
}

impl FromStr for Lang {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "zh" => Ok(Self::Zh),
            "en" => Ok(Self::En),
            _ => Err(format!("{text}: zh | en")),
        }
    }
}

/// The text of a reason in one language; the other language if that one is empty.
pub fn of_reason(lang: Lang, reason: &Reason) -> &str {
    let (wanted, other) = lang.pick((&reason.zh, &reason.en), (&reason.en, &reason.zh));
    if wanted.is_empty() { other } else { wanted }
}

/// Says whether the hint stream is open.
pub fn hint_stream(lang: Lang, open: bool) -> String {
    lang.pick(
        if open {
            "已连上服务器，有新任务会立即收到"
        } else {
            "与服务器的连接断开，按间隔收取"
        },
        if open {
            "connected to the server: new tasks arrive immediately"
        } else {
            "disconnected from the server: tasks arrive with the next poll"
        },
    )
    .into()
}

/// An error as shown on the screen: text, and the code at the end.
pub fn of_error(lang: Lang, error: &Error) -> String {
    let reason = error.reason();
    let words = of_reason(lang, &reason);
    lang.pick(
        format!("{words}（{}）", reason.code),
        format!("{words} ({})", reason.code),
    )
}

/// Names of the states in the design tokens.
pub mod state {
    use crate::words::Lang;

    pub fn draft(lang: Lang) -> String {
        lang.pick("草稿", "Draft").into()
    }
    pub fn queued(lang: Lang) -> String {
        lang.pick("待上传", "Waiting to send").into()
    }
    pub fn sending(lang: Lang) -> String {
        lang.pick("上传中", "Sending").into()
    }
    pub fn photos_pending(lang: Lang, sent: usize, named: usize) -> String {
        lang.pick(
            format!("已收到，照片 {sent}/{named}"),
            format!("Received, photos {sent} of {named}"),
        )
    }
    pub fn received(lang: Lang) -> String {
        lang.pick("已收到", "Received").into()
    }
    pub fn later(lang: Lang, time: &str) -> String {
        lang.pick(format!("稍后重试，{time}"), format!("Will retry at {time}"))
    }
    pub fn refused(lang: Lang, reason: &str) -> String {
        lang.pick(format!("被退回：{reason}"), format!("Returned: {reason}"))
    }
    pub fn review(lang: Lang) -> String {
        lang.pick("转人工核对", "In review").into()
    }
    pub fn task_new(lang: Lang) -> String {
        lang.pick("新任务", "New task").into()
    }
    pub fn task_due(lang: Lang, time: &str) -> String {
        lang.pick(format!("剩余 {time}"), format!("{time} left"))
    }
    pub fn task_overdue(lang: Lang, time: &str) -> String {
        lang.pick(format!("已超时 {time}"), format!("Overdue by {time}"))
    }
    pub fn on_duty(lang: Lang) -> String {
        lang.pick("在岗", "On duty").into()
    }
    pub fn off_duty(lang: Lang) -> String {
        lang.pick("未到岗", "Off duty").into()
    }
}

/// The last 8 characters of an id, which differ between ids. Lists show them and every command accepts them.
pub fn short_id(id: &str) -> &str {
    id.get(id.len().saturating_sub(8)..).unwrap_or(id)
}

/// The name of an entry kind.
pub fn kind(lang: Lang, kind: EntryKind) -> &'static str {
    let (zh, en) = match kind {
        EntryKind::CheckIn => ("签到", "Check-in"),
        EntryKind::CheckOut => ("签退", "Check-out"),
        EntryKind::Report => ("上报", "Report"),
        EntryKind::Activity => ("活动记录", "Activity"),
        EntryKind::Answer => ("任务反馈", "Answer"),
        EntryKind::Withdraw => ("撤回", "Withdrawal"),
        EntryKind::Void => ("已取消", "Cancelled"),
    };
    lang.pick(zh, en)
}

/// The name of an entry kind; a kind that this version does not know shows its code.
pub fn entry_kind(lang: Lang, open: &Open<EntryKind>) -> String {
    match open {
        Open::Known(known) => kind(lang, *known).to_owned(),
        Open::Other(code) => code.clone(),
    }
}

/// The name of a role; a role that this version does not know shows its code.
pub fn role(lang: Lang, open: &Open<Role>) -> String {
    match open {
        Open::Known(role) => lang.pick(role.zh().to_owned(), role.as_str().replace('_', " ")),
        Open::Other(code) => code.clone(),
    }
}

/// The name of a task's purpose; a purpose that this version does not know shows its code.
pub fn task_purpose(lang: Lang, open: &Open<Purpose>) -> String {
    match open {
        Open::Known(known) => purpose(lang, *known).to_owned(),
        Open::Other(code) => code.clone(),
    }
}

pub fn purpose(lang: Lang, purpose: Purpose) -> &'static str {
    let en = match purpose {
        Purpose::Verify => "Verification",
        Purpose::Check => "Check",
        Purpose::Inspect => "Inspection",
    };
    lang.pick(purpose.zh(), en)
}

pub fn answer_words(lang: Lang, answer: Answer) -> &'static str {
    let en = match answer {
        Answer::True => "true",
        Answer::NotTrue => "not true",
        Answer::Rectified => "rectified",
        Answer::NotRectified => "not rectified",
    };
    lang.pick(answer.zh(), en)
}

/// Parses an answer as people type it: 属实, `true`, `not_true`, `not-true` …
pub fn parse_answer(text: &str) -> Option<Answer> {
    let wanted = text.trim().to_lowercase().replace(['-', ' '], "_");
    Answer::ALL
        .iter()
        .copied()
        .find(|a| a.as_str() == wanted || a.zh() == wanted)
        .or(match wanted.as_str() {
            "false" | "untrue" => Some(Answer::NotTrue),
            _ => None,
        })
}

pub fn activity(lang: Lang, state: ActivityState) -> &'static str {
    let (zh, en) = match state {
        ActivityState::Submitted => ("待审核", "Awaiting review"),
        ActivityState::Approved => ("通过", "Approved"),
        ActivityState::Returned => ("退回", "Returned"),
    };
    lang.pick(zh, en)
}

/// What is wrong with a photo, and what to do.
pub fn photo_error(error: &PhotoError) -> Reason {
    use media::MediaError as M;
    let (zh, en): (String, String) = match error {
        PhotoError::Refused(M::Empty) => (
            "照片是空文件，请重新拍照".into(),
            "The photo file is empty; take the photo again".into(),
        ),
        PhotoError::Refused(M::TooLarge { bytes, max }) => (
            format!(
                "照片有 {} MB，最多 {} MB，请降低分辨率后重拍",
                mega(*bytes),
                mega(*max)
            ),
            format!(
                "The photo has {} MB, at most {} MB are taken; lower the resolution",
                mega(*bytes),
                mega(*max)
            ),
        ),
        PhotoError::Refused(M::TooManyPixels { width, height, .. }) => (
            format!("照片为 {width}×{height} 像素，过大，请降低分辨率后重拍"),
            format!("The photo is {width}×{height} pixels, too many; lower the resolution"),
        ),
        PhotoError::Refused(M::TooLargeAsAWhole { width, height, .. }) => (
            format!("这种格式的照片过大（{width}×{height}），请用系统相机重拍"),
            format!(
                "A photo of this kind is too large ({width}×{height}); take it again with the phone's own camera"
            ),
        ),
        PhotoError::Refused(M::Unreadable { .. }) => (
            "读取照片时出错，请重新选择或重新拍照".into(),
            "The photo could not be read; choose it again or take it again".into(),
        ),
        PhotoError::Refused(M::NotAnImage) => (
            "这不是照片，请重新选择".into(),
            "This is not a photo; choose another file".into(),
        ),
        PhotoError::Refused(M::CutOff) => (
            "照片不完整，请重新拍照".into(),
            "The photo is incomplete; take it again".into(),
        ),
        PhotoError::Refused(M::UnsupportedFormat { format: "HEIC" }) => (
            "不支持 HEIC 格式。请在相机设置里关闭“高效格式”（iPhone：设置→相机→格式→兼容性最佳）后重拍，\
             或把照片另存为 JPEG"
                .into(),
            "HEIC is not taken. Turn off \"high efficiency\" in the camera's settings (iPhone: Settings, Camera, Formats, \
             Most Compatible) and take the photo again, or save it as JPEG"
                .into(),
        ),
        PhotoError::Refused(M::UnsupportedFormat { format }) => (
            format!("不支持 {format} 格式，请用 JPEG 或 PNG"),
            format!("{format} is not taken, use JPEG or PNG"),
        ),
        PhotoError::Refused(M::Corrupt { .. }) => (
            "照片已损坏，请重新拍照".into(),
            "The photo is damaged, take it again".into(),
        ),
        // The longer side is long enough: it was cut, or scaled with its shape.
        PhotoError::Refused(M::TooSmall { width, height }) if width.max(height) >= &NARROW => (
            "照片太窄，放不下时间和地点水印，请重新拍照".into(),
            "The photo is too narrow to carry time and place, take it again".into(),
        ),
        PhotoError::Refused(M::TooSmall { .. }) => (
            "照片太小，放不下时间和地点水印，请重新拍照".into(),
            "The photo is too small to carry time and place, take it again".into(),
        ),
        PhotoError::Refused(M::Internal { .. }) => (
            "照片处理出错，请重试；仍不行请联系管理员".into(),
            "The photo could not be processed, try again or tell the administrator".into(),
        ),
        PhotoError::Source { path, .. } => (
            format!("打不开照片文件 {}，请检查路径", path.display()),
            format!("Cannot open {}, check the path", path.display()),
        ),
        PhotoError::Missing(_) => (
            "本机没有这张照片，请重新拍照或联系管理员".into(),
            "This photo is not on this handset".into(),
        ),
        PhotoError::Damaged { .. } => (
            "本机保存的照片已损坏，请重新拍照或联系管理员".into(),
            "The photo kept on this handset is damaged, take it again or tell the administrator".into(),
        ),
        PhotoError::DiskFull => (
            "本机存储空间不足，照片未保存；请清理空间后重试，已保存的内容不受影响".into(),
            "No space left, the photo was not kept; make room and try again, what was saved is safe".into(),
        ),
        PhotoError::Folder(_) => ("照片文件夹读写出错，请联系管理员".into(), error.to_string()),
        PhotoError::NoRandomness => ("系统无法提供随机数，请重启后重试".into(), error.to_string()),
    };
    Reason::new(error.code(), zh, en)
}

/// A picture that is too small for its stamp although one side is this long, in pixels, is narrow.
const NARROW: u32 = 1_000;

fn mega(bytes: u64) -> u64 {
    bytes.div_ceil(1024 * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn state_names_are_those_of_the_design_tokens() {
        let tokens: serde_json::Value =
            serde_json::from_str(include_str!("../data/state_words.json")).unwrap();
        for (lang, key) in [(Lang::Zh, "zh"), (Lang::En, "en")] {
            let token = |name: &str| tokens["state"][name][key].as_str().unwrap().to_owned();
            assert_eq!(state::draft(lang), token("draft"));
            assert_eq!(state::queued(lang), token("queued"));
            assert_eq!(state::sending(lang), token("sending"));
            let photos = token("photos_pending").replace("{n}", "1").replace("{m}", "3");
            assert_eq!(state::photos_pending(lang, 1, 3), photos);
            assert_eq!(state::received(lang), token("received"));
            assert_eq!(
                state::later(lang, "14:05"),
                token("later").replace("{time}", "14:05")
            );
            assert_eq!(
                state::refused(lang, "R"),
                token("refused").replace("{reason}", "R")
            );
            assert_eq!(state::review(lang), token("review"));
            assert_eq!(state::task_new(lang), token("task_new"));
            assert_eq!(
                state::task_due(lang, "T"),
                token("task_due").replace("{time}", "T")
            );
            assert_eq!(
                state::task_overdue(lang, "T"),
                token("task_overdue").replace("{time}", "T")
            );
            assert_eq!(state::on_duty(lang), token("on_duty"));
            assert_eq!(state::off_duty(lang), token("off_duty"));
        }
    }

    #[test]
    fn answers_are_parsed_as_people_type_them() {
        for (text, wanted) in [
            ("属实", Answer::True),
            ("不属实", Answer::NotTrue),
            ("not-true", Answer::NotTrue),
            ("已整改", Answer::Rectified),
            ("未整改", Answer::NotRectified),
            ("Not_Rectified", Answer::NotRectified),
        ] {
            assert_eq!(parse_answer(text), Some(wanted), "{text}");
        }
        assert_eq!(parse_answer("maybe"), None);
    }

    #[test]
    fn use_c_a_narrow_picture_is_not_called_small() {
        let words = |width, height| {
            photo_error(&PhotoError::Refused(media::MediaError::TooSmall {
                width,
                height,
            }))
            .zh
        };
        assert!(words(1600, 40).starts_with("照片太窄"));
        assert!(words(60, 40).starts_with("照片太小"));
    }
}
