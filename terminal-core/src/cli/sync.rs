//! The commands `enroll` and `sync`.

use crate::{
    Result,
    cli::{
        args::HandsetCli,
        said::{Said, WAITS},
        screen::ProgressLine,
        surroundings::CommandLine,
    },
    lifecycle::{enrol::InvitationPreview, handset::Handset},
    platform::{clock::sleep, home::KEY_FILE},
    sync::{data_policy::SyncTrigger, report::SyncReport},
    terminal::Terminal,
    transport::cancel::CancelToken,
    words::{self, Lang},
};
use protocol::{field::Device, open::Open, time::Millis};
use serde_json::json;
use std::time::Duration;

/// Shows what an invitation says, without using it.
pub fn preview(invitation: &str, lang: Lang) -> Result<Said> {
    let preview = InvitationPreview::of(invitation)?;
    let server = &preview.server;
    Ok(Said::new(
        lang.pick(
            format!("将登记到服务器 {server}；登记给谁由服务器在登记后告知。还没有登记"),
            format!("This code enrols at the server {server}, which tells afterwards for whom. Nothing was enrolled"),
        ),
        json!({ "server": server, "pinned": preview.is_pinned }),
    ))
}

pub fn enroll(handset: &Handset, invitation: &str, is_another: bool, lang: Lang) -> Result<Said> {
    let device = Device {
        model: "xunge".into(),
        os: std::env::consts::OS.into(),
        app: env!("CARGO_PKG_VERSION").into(),
    };
    let cancel = CancelToken::default();
    let terminal = if is_another {
        handset.enrol_another(invitation, device, &cancel)?
    } else {
        handset.enrol(invitation, device, &cancel)?
    };
    let account = terminal.account();
    let key = terminal.store().home().join(KEY_FILE);
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
        let Some(pause) = pause(&total, now).filter(|pause| *pause <= left && !total.is_delivered()) else {
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
    Ok(said(lang, &total, terminal.clock_reading()?.wall))
}

/// The result of a sync.
pub fn said(lang: Lang, report: &SyncReport, now: Millis) -> Said {
    if let Some(done) = &report.handed_over {
        let text = words::of_reason(lang, &done.reason()).to_owned();
        return Said::new(text, json!({ "delivered": true, "report": report }));
    }
    let mut lines = summary(lang, report, now);
    if !report.is_delivered() {
        // Unlike an app, this program does not run until the next try.
        lines.push(way_on(lang, report).into());
    }
    Said {
        text: lines.join("\n"),
        exit: if report.is_delivered() { 0 } else { WAITS },
        json: json!({ "delivered": report.is_delivered(), "report": report }),
    }
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

/// What to do after a sync that left something; [`super::network::watch`] continues by itself. A time is named only if
/// there is one.
fn way_on(lang: Lang, report: &SyncReport) -> &'static str {
    let held = report.held_back.as_ref().map(|reason| reason.code.as_str());
    let is_held = report.photos_held_back || report.entries_waiting > 0;
    let (zh, en) = match held.filter(|_| is_held) {
        _ if report.next_try.is_some() => (
            "到时请再运行一次 sync，或用 --wait-for 秒数 让它等待",
            "Run sync again at that time, or use --wait-for SECONDS to make it wait",
        ),
        Some("policy.battery") => ("充电后再同步", "Sync again while it is charging"),
        Some("policy.budget") => (
            "连上 Wi-Fi 后或下个月再同步",
            "Sync again with Wi-Fi, or next month",
        ),
        Some("network.offline") => ("有网络后再同步", "Sync again when there is a network"),
        Some(_) => ("连上 Wi-Fi 后再同步", "Sync again with Wi-Fi"),
        None if report.entries_parked > 0 && report.entries_waiting == 0 && report.photos_waiting == 0 => {
            ("修改后再同步", "Revise what was not accepted, then sync again")
        }
        None => ("请稍后再同步一次", "Sync again later"),
    };
    lang.pick(zh, en)
}

/// What was done and what is left, and what to type for it.
pub fn summary(lang: Lang, report: &SyncReport, now: Millis) -> Vec<String> {
    let mut lines = report.lines(lang, now);
    if report.entries_parked > 0 {
        lines.push(
            lang.pick(
                "用 queue 查看没有接收的原因",
                "`queue` shows why they were not accepted",
            )
            .into(),
        );
    }
    if report.photos_held_back {
        lines.push(
            lang.pick(
                "要现在发送照片用 sync --photos-now",
                "`sync --photos-now` sends photos now",
            )
            .into(),
        );
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::run_policy::HeldBack;

    #[test]
    fn several_runs_are_summed_into_one_report() {
        let first = SyncReport {
            entries_received: 1,
            photos_received: 2,
            entries_waiting: 2,
            rows_pulled: 1,
            ..SyncReport::default()
        };
        let last = SyncReport {
            entries_received: 5,
            photos_received: 2,
            pulled: true,
            ..SyncReport::default()
        };
        let total = add(&first, last);
        assert_eq!(
            (total.entries_received, total.photos_received, total.rows_pulled),
            (6, 4, 1)
        );
        assert!(total.is_delivered());
    }

    #[test]
    fn use_c_a_sync_that_left_something_says_when_to_sync_again() {
        let waiting = |held: Option<HeldBack>| SyncReport {
            photos_waiting: 1,
            photos_held_back: held.is_some(),
            held_back: held.map(HeldBack::reason),
            pulled: true,
            ..SyncReport::default()
        };
        let way = |report: &SyncReport| way_on(Lang::Zh, report);
        assert_eq!(way(&waiting(Some(HeldBack::Metered))), "连上 Wi-Fi 后再同步");
        assert_eq!(way(&waiting(Some(HeldBack::Battery))), "充电后再同步");
        assert_eq!(
            way(&waiting(Some(HeldBack::Budget))),
            "连上 Wi-Fi 后或下个月再同步"
        );
        assert_eq!(way(&waiting(None)), "请稍后再同步一次");
        let refused = SyncReport {
            entries_parked: 1,
            pulled: true,
            ..SyncReport::default()
        };
        assert_eq!(way(&refused), "修改后再同步");
        let later = SyncReport {
            next_try: Some(Millis(1)),
            ..waiting(None)
        };
        assert!(
            way(&later).contains("--wait-for"),
            "only a time can be waited for"
        );
        // What is metered holds nothing back by itself.
        let sent = SyncReport {
            held_back: Some(HeldBack::Metered.reason()),
            ..refused
        };
        assert_eq!(way(&sent), "修改后再同步");
    }
}
