//! Codes and texts of the dispositions that intake itself decides.

use crate::kernel::{failure::Refusal, mask::Masker};
use protocol::{entry::Reason, problem::ReasonCode};

pub(super) fn kind_unknown(kind: &str) -> Reason {
    Reason::new(
        ReasonCode::KindUnknown,
        format!("服务器尚不认识这类内容（{kind}），已保存，升级后自动处理"),
        format!(
            "The server does not support entries of kind {kind:?} yet; it is saved and will be applied after a server upgrade"
        ),
    )
}

pub(super) fn version_unknown() -> Reason {
    Reason::new(
        ReasonCode::VersionUnknown,
        "由较新版本的应用生成，已保存，服务器升级后自动处理",
        "Created by a newer version of the app; it is saved and will be applied after a server upgrade",
    )
}

pub(super) fn unreadable(what: &str) -> Reason {
    Reason::new(
        ReasonCode::Unreadable,
        format!("内容无法识别，请改正后重新提交（{what}）"),
        format!("The content cannot be read; correct it and submit it again ({what})"),
    )
}

pub(super) fn author() -> Reason {
    Reason::new(
        ReasonCode::Author,
        "填报人或岗位与本终端不符，由中心核对，您不用处理",
        "The author or the post does not belong to this terminal; the centre will check it, you do not need to act",
    )
}

/// The author is a placeholder: the backup that the server was restored from knows no post of the person.
pub(super) fn unverified() -> Reason {
    Reason::new(
        ReasonCode::Unverified,
        "已保存，服务器从备份恢复后没有该人员的任职记录，由中心核对后生效",
        "Saved; after its restore from a backup the server has no record that this person holds a post, so the centre will check the entry before it takes effect",
    )
}

pub(super) fn waiting() -> Reason {
    Reason::new(
        ReasonCode::WaitsForEntry,
        "等待前一条内容到达或处理，您不用处理",
        "Waiting for an earlier entry to arrive or to be processed; you do not need to act",
    )
}

pub(super) fn apply_failed() -> Reason {
    Reason::new(
        ReasonCode::ApplyFailed,
        "已保存，但服务器处理时出错，将继续重试",
        "Saved, but the server failed to process it; the server will try again",
    )
}

pub(super) fn withdrawn() -> Reason {
    Reason::new(
        ReasonCode::Withdrawn,
        "已由本人撤回，不用处理",
        "Withdrawn by the author; nothing to do",
    )
}

/// Keeps the text of the rejection and adds that a newer version exists.
pub(super) fn superseded(why: Option<&Reason>) -> Reason {
    let words = |said: Option<&String>, now: &str| match said {
        Some(said) => format!("{said} ({now})"),
        None => now.to_owned(),
    };
    Reason::new(
        ReasonCode::Superseded,
        words(why.map(|why| &why.zh), "已由新版本代替，不用处理"),
        words(
            why.map(|why| &why.en),
            "Replaced by a newer version; nothing to do",
        ),
    )
}

pub(super) fn withdraw_foreign() -> Reason {
    Reason::new(
        ReasonCode::WithdrawForeign,
        "只能撤回本人提交的内容，需要时请联系中心",
        "You can only withdraw your own entries; contact the centre if another one is wrong",
    )
}

pub(super) fn withdraw_late() -> Reason {
    Reason::new(
        ReasonCode::WithdrawLate,
        "内容已进入办理，能否撤回由中心决定",
        "The entry is already being handled; the centre decides whether it can be withdrawn",
    )
}

/// Handed over by a revoked stream.
pub(super) fn sealed() -> Reason {
    Reason::new(
        ReasonCode::ParcelHandedOver,
        "终端停用后封存移交的内容，由中心核对后生效",
        "Handed over in a sealed parcel after the terminal was revoked; the centre will check it before it takes effect",
    )
}

pub(super) fn reviewer(code: ReasonCode, words: &str) -> Reason {
    // The author's handset shows it.
    let words = Masker::default().text(words);
    // The words are a person's, mostly Chinese: in English the code says what they are.
    let en = format!("{}: {words}", code.en().trim_end_matches('.'));
    Reason::new(code, words, en)
}

/// A room's refusal as a reason for the author: texts of the code, the field errors and the detail.
pub(super) fn refused(refusal: &Refusal) -> Reason {
    let (mut zh, mut en) = (refusal.code.zh().to_owned(), refusal.code.en().to_owned());
    for error in &refusal.errors {
        zh.push('；');
        zh.push_str(&error.zh);
        en.push_str("; ");
        en.push_str(&error.en);
    }
    if !refusal.detail.is_empty() {
        zh.push_str(&format!("（{}）", refusal.detail));
        en.push_str(&format!(" ({})", refusal.detail));
    }
    Reason::new(refusal.code, zh, en)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn use_c_words_of_a_reviewer_say_in_english_what_they_are() {
        let reason = reviewer(ReasonCode::ReviewAccepted, "同意撤回");
        assert_eq!(reason.zh, "同意撤回");
        assert_eq!(reason.en, "Accepted by a reviewer; nothing to do: 同意撤回");
    }
}
