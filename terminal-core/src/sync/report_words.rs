//! A sync's result in words: what was done, what is left and why, and when it continues.

use crate::{
    sync::report::SyncReport,
    words::{self, Lang},
};
use protocol::{entry::Reason, time::Millis};

impl SyncReport {
    /// Nothing waits, nothing was refused, and the mailboxes were read to the end.
    pub fn is_delivered(&self) -> bool {
        self.is_success() && self.entries_parked == 0
    }

    /// One line for each thing to know. `now` is the wall clock.
    pub fn lines(&self, lang: Lang, now: Millis) -> Vec<String> {
        let count =
            |n: u64, zh: &str, en: &str| (n > 0).then(|| lang.pick(format!("{n} {zh}"), format!("{n} {en}")));
        let join = |parts: Vec<Option<String>>| {
            let parts: Vec<String> = parts.into_iter().flatten().collect();
            parts.join(lang.pick("、", ", "))
        };
        let sent = join(vec![
            count(self.entries_received, "条内容", "entries"),
            count(self.photos_received, "张照片", "photos"),
        ]);
        let fetched = join(vec![
            count(self.rows_pulled, "条更新", "updates"),
            count(self.files_updated, "个资料文件", "reference files"),
        ]);
        let mut lines = Vec::new();
        if !sent.is_empty() {
            lines.push(lang.pick(format!("本次送达：{sent}"), format!("Delivered now: {sent}")));
        }
        if !fetched.is_empty() {
            lines.push(lang.pick(format!("收到：{fetched}"), format!("Fetched: {fetched}")));
        }
        if self.entries_parked > 0 {
            let n = self.entries_parked;
            lines.push(lang.pick(
                format!("服务器没有接收 {n} 条，仍保存在本机"),
                format!("The server did not accept {n} items; they are kept on this handset"),
            ));
        }
        if self.is_delivered() {
            lines.push(lang.pick("全部送达", "Everything has been delivered").into());
            return lines;
        }
        let waiting = join(vec![
            count(self.entries_waiting, "条内容", "entries"),
            count(self.photos_waiting, "张照片", "photos"),
        ]);
        if !waiting.is_empty() {
            lines.push(lang.pick(
                format!("还没送达：{waiting}，都保存在本机"),
                format!("Not delivered yet: {waiting}; everything is kept on this handset"),
            ));
        }
        let held = self.held_back.as_ref().filter(|_| self.photos_held_back);
        if let Some(held) = held {
            lines.push(words::of_reason(lang, held).to_owned());
        }
        if !self.pulled {
            let said = lang.pick(
                "任务和结果没有收完，可能不是最新的",
                "Tasks and results were not received completely and may be out of date",
            );
            lines.push(said.into());
        }
        let is_shown = |problem: &&Reason| held == Some(*problem);
        if let Some(problem) = self.problem.as_ref().filter(|problem| !is_shown(problem)) {
            let words = words::of_reason(lang, problem);
            lines.push(lang.pick(
                format!("原因：{words}（{}）", problem.code),
                format!("Reason: {words} ({})", problem.code),
            ));
        }
        if let Some(at) = self.next_try {
            let asked = lang.pick("（服务器要求）", " (requested by the server)");
            lines.push(format!(
                "{}{}{}",
                lang.pick("下次重试：", "Next try: "),
                words::soon(lang, at.plus(self.offset_ms), now.plus(self.offset_ms)),
                if self.wait_asked { asked } else { "" },
            ));
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::problem::HandsetCode;

    const NOW: Millis = Millis(1_795_306_503_000);

    fn clean() -> SyncReport {
        SyncReport {
            entries_received: 3,
            photos_received: 2,
            pulled: true,
            ..SyncReport::default()
        }
    }

    #[test]
    fn a_sync_is_called_delivered_only_if_nothing_is_left() {
        assert!(clean().is_delivered());
        assert_eq!(
            clean().lines(Lang::Zh, NOW).join("\n"),
            "本次送达：3 条内容、2 张照片\n全部送达"
        );
        let left = [
            SyncReport {
                entries_waiting: 1,
                ..clean()
            },
            SyncReport {
                photos_waiting: 1,
                ..clean()
            },
            SyncReport {
                photos_waiting: 1,
                photos_held_back: true,
                ..clean()
            },
            SyncReport {
                entries_parked: 1,
                ..clean()
            },
            SyncReport {
                pulled: false,
                ..clean()
            },
        ];
        for report in left {
            assert!(!report.is_delivered(), "{report:?}");
            let (zh, en) = (
                report.lines(Lang::Zh, NOW).join("\n"),
                report.lines(Lang::En, NOW).join("\n"),
            );
            assert!(
                !zh.contains("全部送达") && !en.contains("Everything"),
                "{zh} {en}"
            );
            assert!(zh.lines().count() > 1, "it says what is left: {zh}");
        }
    }

    #[test]
    fn the_summary_says_why_and_until_when_items_wait() {
        let report = SyncReport {
            photos_waiting: 2,
            problem: Some(Reason::new(
                HandsetCode::Cut,
                "网络中断，将自动重试",
                "the connection broke",
            )),
            next_try: Some(NOW.plus(7 * 60_000)),
            ..clean()
        };
        let text = report.lines(Lang::Zh, NOW).join("\n");
        assert!(text.contains("还没送达：2 张照片，都保存在本机"), "{text}");
        assert!(
            text.contains("原因：网络中断，将自动重试（network.cut）"),
            "{text}"
        );
        assert!(text.ends_with("\n下次重试：08:22"), "{text}");
    }
}
