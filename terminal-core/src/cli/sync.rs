//! The commands `enroll` and `sync`.

use crate::{
    Error, Result,
    cli::{
        args::HandsetCli,
        said::{Said, WAITS},
        screen::ProgressLine,
        surroundings::CommandLine,
    },
    platform::{bundle::Platform, clock::sleep, home::KEY_FILE},
    sync::{data_policy::SyncTrigger, report::SyncReport},
    terminal::Terminal,
    transport::cancel::CancelToken,
    words::{self, Lang},
};
use protocol::{
    entry::Reason,
    field::{Device, Invitation},
    open::Open,
    problem::ProblemCode,
    time::Millis,
};
use serde_json::json;
use std::{path::Path, time::Duration};

pub fn enroll(home: &Path, invitation: &str, lang: Lang) -> Result<Said> {
    // A malformed string creates neither folder nor keys.
    Invitation::from_text(invitation).map_err(|bad| {
        Error::input(
            ProblemCode::EnrolString,
            "登记码格式不正确，请重新扫码或复制完整",
            bad.to_string(),
        )
    })?;
    let device = Device {
        model: "xunge".into(),
        os: std::env::consts::OS.into(),
        app: env!("CARGO_PKG_VERSION").into(),
    };
    let terminal = Terminal::enrol(home, Platform::command_line(home)?, invitation, device)?;
    let account = terminal.account();
    let key = home.join(KEY_FILE);
    let roles: Vec<&str> = account
        .roles
        .iter()
        .map(|role| match role {
            Open::Known(role) => lang.pick(role.zh(), role.as_str()),
            Open::Other(role) => role.as_str(),
        })
        .collect();
    let text = lang.pick(
        format!(
            "已登记：{}（{}），服务器 {}\n\
             密钥保存在 {}，权限 600，仅本用户可读；拿到这个文件的人能读取本机数据，请妥善保管\n\
             下一步：sync 获取网格、类型和任务，然后 check-in 签到",
            account.holder_name,
            roles.join("、"),
            account.server,
            key.display()
        ),
        format!(
            "Enrolled: {} ({}), server {}\n\
             The keys are stored in {} with mode 600, readable by this user only; anyone who has this file can read \
             the data on this handset, so keep it safe\n\
             Next: run sync to get grid, types and tasks, then check-in",
            account.holder_name,
            roles.join(", "),
            account.server,
            key.display()
        ),
    );
    Ok(Said::new(
        text,
        json!({
            "holder": { "id": account.holder, "name": account.holder_name, "roles": account.roles },
            "terminal": account.terminal,
            "stream": account.stream,
            "post": account.post,
            "county": account.county,
            "server": account.server,
            "key_file": key,
        }),
    ))
}

/// Syncs until nothing is left or something has to wait; waits for retries that are due within `wait_for`
/// seconds.
pub fn sync(terminal: &Terminal, cli: &HandsetCli, wait_for: u64, photos_now: bool) -> Result<Said> {
    let lang = cli.lang;
    let mut screen = ProgressLine::new(cli);
    let cancel = CancelToken::default();
    let mut left = Duration::from_secs(wait_for);
    let mut total = SyncReport::default();
    let around = CommandLine::of(terminal);
    let mut ask = if photos_now {
        SyncTrigger::Forced
    } else {
        SyncTrigger::Person
    };
    loop {
        let report = terminal.sync_now(&around, ask, &cancel, &mut |progress| screen.show(&progress))?;
        total = add(&total, report);
        let now = terminal.clock_reading()?.wall;
        let Some(pause) = pause(&total, now).filter(|pause| *pause <= left && !is_success(&total)) else {
            break;
        };
        left = left.saturating_sub(pause);
        sleep(pause);
        // From now on the handset's own waits are waited for, not skipped.
        if ask == SyncTrigger::Person {
            ask = SyncTrigger::Automatic;
        }
    }
    screen.clear();
    if let Some(done) = &total.handed_over {
        let text = words::of_reason(lang, &done.reason()).to_owned();
        return Ok(Said::new(text, json!({ "delivered": true, "report": total })));
    }
    let now = terminal.clock_reading()?.wall;
    Ok(Said {
        text: summary(lang, &total, now),
        exit: if is_success(&total) { 0 } else { WAITS },
        json: json!({ "delivered": is_success(&total), "report": total }),
    })
}

/// Nothing waits, nothing was refused, and the mailboxes were read to the end.
fn is_success(report: &SyncReport) -> bool {
    report.is_success() && report.entries_parked == 0
}

/// Time until the next try; at least 50 ms, so that a clock that was set back cannot make the loop spin.
fn pause(report: &SyncReport, now: Millis) -> Option<Duration> {
    let millis = report.next_try?.since(now).max(50);
    u64::try_from(millis).ok().map(Duration::from_millis)
}

/// Adds the counts of several runs; everything else is that of the last run.
fn add(before: &SyncReport, last: SyncReport) -> SyncReport {
    SyncReport {
        entries_received: before.entries_received + last.entries_received,
        entries_refused: before.entries_refused + last.entries_refused,
        photos_received: before.photos_received + last.photos_received,
        rows_pulled: before.rows_pulled + last.rows_pulled,
        files_updated: before.files_updated + last.files_updated,
        bytes_sent: before.bytes_sent + last.bytes_sent,
        bytes_received: before.bytes_received + last.bytes_received,
        ..last
    }
}

/// What to do after a sync that left something; [`super::network::watch`] continues by itself.
pub const WAY_ON: (&str, &str) = (
    "到时请再运行一次 sync，或用 --wait-for 秒数 让它等待",
    "Run sync again at that time, or use --wait-for SECONDS to make it wait",
);

pub fn summary(lang: Lang, report: &SyncReport, now: Millis) -> String {
    let count =
        |n: u64, zh: &str, en: &str| (n > 0).then(|| lang.pick(format!("{n} {zh}"), format!("{n} {en}")));
    let join = |parts: Vec<Option<String>>| {
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        parts.join(lang.pick("、", ", "))
    };
    let sent = join(vec![
        count(report.entries_received, "条内容", "entries"),
        count(report.photos_received, "张照片", "photos"),
    ]);
    let fetched = join(vec![
        count(report.rows_pulled, "条更新", "updates"),
        count(report.files_updated, "个资料文件", "reference files"),
    ]);
    let mut lines = Vec::new();
    if !sent.is_empty() {
        lines.push(lang.pick(format!("本次送达：{sent}"), format!("Delivered now: {sent}")));
    }
    if !fetched.is_empty() {
        lines.push(lang.pick(format!("收到：{fetched}"), format!("Fetched: {fetched}")));
    }
    if report.entries_parked > 0 {
        let n = report.entries_parked;
        lines.push(lang.pick(
            format!("服务器没有接收 {n} 条，仍保存在本机，用 queue 查看原因"),
            format!("The server did not accept {n} items; they are kept on this handset; `queue` shows the reasons"),
        ));
    }
    if is_success(report) {
        lines.push(lang.pick("全部送达", "Everything has been delivered").into());
        return lines.join("\n");
    }
    let waiting = join(vec![
        count(report.entries_waiting, "条内容", "entries"),
        count(report.photos_waiting, "张照片", "photos"),
    ]);
    if !waiting.is_empty() {
        lines.push(lang.pick(
            format!("还没送达：{waiting}，都保存在本机"),
            format!("Not delivered yet: {waiting}; everything is kept on this handset"),
        ));
    }
    if let Some(held) = report.held_back.as_ref().filter(|_| report.photos_held_back) {
        let words = words::of_reason(lang, held);
        lines.push(lang.pick(
            format!("{words}；要现在发送照片用 sync --photos-now"),
            format!("{words}; `sync --photos-now` sends photos now"),
        ));
    }
    if !report.pulled {
        lines.push(
            lang.pick(
                "任务和结果没有收完，可能不是最新的",
                "Tasks and results were not received completely and may be out of date",
            )
            .into(),
        );
    }
    let is_shown = |problem: &&Reason| report.photos_held_back && report.held_back.as_ref() == Some(*problem);
    if let Some(problem) = report.problem.as_ref().filter(|problem| !is_shown(problem)) {
        let words = words::of_reason(lang, problem);
        lines.push(lang.pick(
            format!("原因：{words}（{}）", problem.code),
            format!("Reason: {words} ({})", problem.code),
        ));
    }
    if let Some(at) = report.next_try {
        let asked = lang.pick("（服务器要求）", " (requested by the server)");
        lines.push(format!(
            "{}{}{}",
            lang.pick("下次重试：", "Next try: "),
            soon(lang, at, now),
            if report.wait_asked { asked } else { "" },
        ));
    }
    // Unlike an app, this program does not run until the next try.
    lines.push(lang.pick(WAY_ON.0, WAY_ON.1).into());
    lines.join("\n")
}

/// A time of day, or the seconds until then if it is near.
fn soon(lang: Lang, at: Millis, now: Millis) -> String {
    match at.since(now) / 1000 {
        seconds @ 0..120 => lang.pick(format!("{} 秒后", seconds + 1), format!("in {} s", seconds + 1)),
        _ => words::moment(at, now),
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
        assert!(is_success(&clean()));
        assert_eq!(
            summary(Lang::Zh, &clean(), NOW),
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
            assert!(!is_success(&report), "{report:?}");
            let (zh, en) = (summary(Lang::Zh, &report, NOW), summary(Lang::En, &report, NOW));
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
        let text = summary(Lang::Zh, &report, NOW);
        assert!(text.contains("还没送达：2 张照片，都保存在本机"), "{text}");
        assert!(
            text.contains("原因：网络中断，将自动重试（network.cut）"),
            "{text}"
        );
        assert!(text.contains("\n下次重试：08:22\n"), "{text}");
        assert!(text.lines().last().unwrap().contains("再运行一次 sync"), "{text}");
        assert_eq!(soon(Lang::Zh, NOW.plus(4_200), NOW), "5 秒后");
    }

    #[test]
    fn several_runs_are_summed_into_one_report() {
        let first = SyncReport {
            entries_waiting: 2,
            rows_pulled: 1,
            ..clean()
        };
        let total = add(&first, clean());
        assert_eq!(
            (total.entries_received, total.photos_received, total.rows_pulled),
            (6, 4, 1)
        );
        assert!(is_success(&total));
    }
}
