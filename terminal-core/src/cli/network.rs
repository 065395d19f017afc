//! Commands for network settings, data use, and `watch`.

use crate::{
    Error, Result,
    cli::{
        args::HandsetCli,
        pending::salvaged_others,
        said::Said,
        screen::ProgressLine,
        surroundings::{CommandLine, NETWORK},
        sync::summary,
        table::table,
    },
    lifecycle::handset::Handset,
    live::{
        handset::HandsetEvent,
        sync_now::{DataUse, held_reason},
        watch::WatchEvent,
    },
    platform::clock::sleep,
    store::{data_use::TrafficKind, network_settings::NetworkSettings},
    terminal::Terminal,
    transport::{cancel::CancelToken, nudge::NudgeReason, request::Traffic},
    words::{self, Lang},
};
use protocol::{
    problem::HandsetCode,
    text::{for_terminal, json_for_terminal},
    time::Millis,
};
use serde_json::{Value, json};
use std::{
    io::{self, Write as _},
    sync::mpsc,
    time::Duration,
};

/// A setting: its name on the command line and its description.
struct SettingRow {
    name: &'static str,
    zh: &'static str,
    en: &'static str,
    values: &'static str,
}

const SETTINGS: [SettingRow; 8] = [
    SettingRow {
        name: "sync",
        zh: "同步；关闭后不发送任何内容",
        en: "sync; off: nothing is sent",
        values: "on|off",
    },
    SettingRow {
        name: "wifi-only-photos",
        zh: "照片仅在不计费网络发送",
        en: "send photos on unmetered networks only",
        values: "on|off",
    },
    SettingRow {
        name: "wifi-only-files",
        zh: "新资料仅在不计费网络下载",
        en: "download new files on unmetered networks only",
        values: "on|off",
    },
    SettingRow {
        name: "wifi-only-all",
        zh: "全部内容仅在不计费网络同步",
        en: "sync on unmetered networks only",
        values: "on|off",
    },
    SettingRow {
        name: "roaming",
        zh: "漫游时也按计费网络的规则发送照片、下载资料",
        en: "photos and files also while roaming, as on metered networks",
        values: "on|off",
    },
    SettingRow {
        name: "budget-mb",
        zh: "每月流量额度（MB，计费网络）",
        en: "monthly data budget on metered networks (MB)",
        values: "N|none",
    },
    SettingRow {
        name: "poll-minutes",
        zh: "自动收取间隔（分钟）",
        en: "polling interval (minutes)",
        values: "N",
    },
    SettingRow {
        name: "network",
        zh: "当前网络",
        en: "current network",
        values: "free|metered|roaming|offline",
    },
];

fn value(terminal: &Terminal, settings: &NetworkSettings, name: &str) -> Result<String> {
    let switch = |on: bool| if on { "on" } else { "off" }.to_owned();
    Ok(match name {
        "sync" => switch(settings.sync),
        "wifi-only-photos" => switch(settings.wifi_only_photos),
        "wifi-only-files" => switch(settings.wifi_only_files),
        "wifi-only-all" => switch(settings.wifi_only_all),
        "roaming" => switch(settings.roaming),
        "budget-mb" => settings
            .budget_mb
            .map_or_else(|| "none".into(), |mb| mb.to_string()),
        "poll-minutes" => settings.poll_minutes.to_string(),
        _ => terminal
            .store()
            .setting(NETWORK)?
            .unwrap_or_else(|| "free".into()),
    })
}

/// Shows all settings, or changes one.
pub fn set(terminal: &Terminal, lang: Lang, change: Option<(&str, &str)>) -> Result<Said> {
    let mut settings = terminal.store().network_settings()?;
    if let Some((name, wanted)) = change {
        let setting = SETTINGS.iter().find(|setting| setting.name == name);
        let bad = || {
            let (zh, en) = match setting {
                Some(SettingRow { name, values, .. }) => (
                    format!("{name} 不能是 {wanted}，可以是 {values}"),
                    format!("{name} cannot be {wanted}; it is {values}"),
                ),
                None => (
                    format!("没有设置 {name}；不带参数的 set 列出全部设置"),
                    format!("there is no setting {name}; `set` without arguments lists all settings"),
                ),
            };
            Error::input(HandsetCode::SettingValue, zh, en)
        };
        let switch = |settings: &mut bool| {
            *settings = match wanted {
                "on" => true,
                "off" => false,
                _ => return Err(bad()),
            };
            Ok(())
        };
        let number = || wanted.parse::<u32>().ok().filter(|n| *n > 0).ok_or_else(bad);
        match name {
            "sync" => switch(&mut settings.sync)?,
            "wifi-only-photos" => switch(&mut settings.wifi_only_photos)?,
            "wifi-only-files" => switch(&mut settings.wifi_only_files)?,
            "wifi-only-all" => switch(&mut settings.wifi_only_all)?,
            "roaming" => switch(&mut settings.roaming)?,
            "budget-mb" if wanted == "none" => settings.budget_mb = None,
            "budget-mb" => settings.budget_mb = Some(number()?),
            "poll-minutes" => settings.poll_minutes = number()?,
            "network" if ["free", "metered", "roaming", "offline"].contains(&wanted) => {
                terminal.store().set_setting(NETWORK, wanted)?;
            }
            _ => return Err(bad()),
        }
        terminal.store().set_network_settings(&settings)?;
    }
    let mut rows = Vec::new();
    let mut document = serde_json::Map::new();
    for setting in &SETTINGS {
        let value = value(terminal, &settings, setting.name)?;
        document.insert(setting.name.replace('-', "_"), value.clone().into());
        rows.push(vec![
            setting.name.into(),
            value,
            setting.values.into(),
            lang.pick(setting.zh, setting.en).into(),
        ]);
    }
    Ok(Said::new(table(&[], &rows), json!({ "settings": document })))
}

/// The budget in one line, and what to type for photos that it holds back.
pub fn budget(lang: Lang, plan: &DataUse) -> String {
    let mut line = plan.words(lang);
    if plan.is_used_up() {
        line.push_str(lang.pick(
            "；要现在发送照片用 sync --photos-now",
            "; `sync --photos-now` sends photos now",
        ));
    }
    line
}

/// Data use of the month as a document.
pub fn data_use_json(plan: &DataUse) -> Value {
    let sum = |kind: TrafficKind, metered: Option<bool>| {
        let of_kind = plan.used.iter().filter(|used| used.kind == kind.as_str());
        let wanted = of_kind.filter(|used| metered.is_none_or(|metered| used.metered == metered));
        wanted.fold(Traffic::default(), |sum, used| sum.plus(used.traffic))
    };
    let kinds = TrafficKind::ALL.map(|kind| {
        let (all, metered) = (sum(kind, None), sum(kind, Some(true)));
        json!({
            "kind": kind.as_str(), "sent": all.sent, "received": all.received, "metered": metered.total(),
        })
    });
    json!({
        "month": plan.month.to_string(), "metered": plan.metered, "budget": plan.budget, "kinds": kinds,
    })
}

pub fn traffic(terminal: &Terminal, lang: Lang) -> Result<Said> {
    let plan = terminal.data_use()?;
    let mut rows = Vec::new();
    for kind in TrafficKind::ALL {
        let name = match kind {
            TrafficKind::Entries => lang.pick("文字内容", "entries"),
            TrafficKind::Photos => lang.pick("照片", "photos"),
            TrafficKind::Files => lang.pick("资料", "files"),
            TrafficKind::Mailbox => lang.pick("任务和结果", "tasks and results"),
        };
        let of_kind = || plan.used.iter().filter(|used| used.kind == kind.as_str());
        let all = of_kind().fold(Traffic::default(), |sum, used| sum.plus(used.traffic));
        let metered: u64 = of_kind()
            .filter(|used| used.metered)
            .map(|used| used.traffic.total())
            .sum();
        rows.push(vec![
            name.into(),
            words::bytes(all.sent),
            words::bytes(all.received),
            words::bytes(metered),
        ]);
    }
    let head = [
        plan.month.to_string(),
        lang.pick("发送", "sent").into(),
        lang.pick("接收", "received").into(),
        lang.pick("其中计费", "metered").into(),
    ];
    let head: Vec<&str> = head.iter().map(String::as_str).collect();
    let text = format!("{}\n{}", table(&head, &rows).trim_end(), budget(lang, &plan));
    Ok(Said::new(text, json!({ "traffic": data_use_json(&plan) })))
}

pub fn storage(terminal: &Terminal, lang: Lang) -> Result<Said> {
    let used = terminal.storage()?;
    let line = |zh: &str, en: &str, bytes: u64| vec![lang.pick(zh, en).to_owned(), words::bytes(bytes)];
    let rows = [
        line("数据库", "database", used.database),
        line("其中资料", "of it reference data", used.reference),
        line("网格", "grid", used.grid),
        line(
            "照片，只在本机",
            "photos that only this handset holds",
            used.photos_waiting,
        ),
        line(
            "照片，中心已收到（30 天后自动删除）",
            "photos that the centre holds (deleted here after 30 days)",
            used.photos_kept,
        ),
    ];
    let text = table(&[lang.pick("占用", "space"), ""], &rows)
        .trim_end()
        .to_owned();
    let document = json!({
        "database": used.database,
        "reference": used.reference,
        "grid": used.grid,
        "photos_waiting": used.photos_waiting,
        "photos_kept": used.photos_kept,
    });
    Ok(Said::new(text, json!({ "storage": document })))
}

/// Why something would have to wait now, for `status`.
pub fn held_now(terminal: &Terminal) -> Result<Option<protocol::entry::Reason>> {
    held_reason(terminal, &CommandLine::of(terminal))
}

/// How often the watch looks for changes by other processes.
const LOOK: Duration = Duration::from_secs(2);

/// Looks for what other commands file or set, until `over` is closed. A phone does not need it: there one process does
/// everything.
fn nudge_on_changes(terminal: &Terminal, over: &mpsc::Receiver<()>) {
    let look = || {
        let store = terminal.store();
        let settings = store.network_settings().ok();
        (store.next_number().ok(), settings, store.setting(NETWORK).ok())
    };
    let mut seen = look();
    while over.recv_timeout(LOOK) == Err(mpsc::RecvTimeoutError::Timeout) {
        let now = look();
        if now.2 != seen.2 {
            terminal.nudge(NudgeReason::Network);
        } else if now != seen {
            terminal.nudge(NudgeReason::Changed);
        }
        seen = now;
    }
}

/// Watches until it is ended or the time is over. Prints one line, or one document, per event.
pub fn watch(handset: &Handset, terminal: &Terminal, cli: &HandsetCli, seconds: Option<u64>) -> Result<Said> {
    let lang = cli.lang;
    let cancel = CancelToken::default();
    if let Some(seconds) = seconds {
        let cancel = cancel.clone();
        std::thread::spawn(move || {
            sleep(Duration::from_secs(seconds));
            cancel.cancel();
        });
    }
    let mut screen = ProgressLine::new(cli);
    let mut syncs = 0_u64;
    // A closed standard output is no error.
    let say = |text: String, document: &Value| {
        let said = match cli.json {
            true => json_for_terminal(&document.to_string()),
            false => for_terminal(&text),
        };
        let _ = writeln!(io::stdout().lock(), "{said}");
    };
    let mut show = |event| {
        let watched = match event {
            HandsetEvent::Watched(watched) => watched,
            HandsetEvent::Salvaged(done) => {
                let (text, document) = salvaged_others(handset, &done, lang);
                return say(text, &document);
            }
        };
        let (text, document) = match watched {
            WatchEvent::Progress(progress) => return screen.show(&progress),
            WatchEvent::Synced(report) => {
                syncs += 1;
                let now = terminal.clock_reading().map_or(Millis(0), |clock| clock.wall);
                (
                    summary(lang, &report, now).join("\n"),
                    json!({ "event": "synced", "report": report }),
                )
            }
            WatchEvent::SyncedOther(name, report) => {
                let now = terminal.clock_reading().map_or(Millis(0), |clock| clock.wall);
                (
                    format!("—— {name}\n{}", summary(lang, &report, now).join("\n")),
                    json!({ "event": "synced_other", "name": name, "report": report }),
                )
            }
            // The end of the watch ends the connection too.
            WatchEvent::HintStream(false) if cancel.is_cancelled() => return,
            WatchEvent::HintStream(open) => (
                words::hint_stream(lang, open),
                json!({ "event": if open { "line_open" } else { "line_closed" } }),
            ),
            WatchEvent::Paused(why) => (
                format!("{} ({})", words::of_reason(lang, &why), why.code),
                json!({ "event": "silent", "why": why }),
            ),
        };
        screen.clear();
        say(text, &document);
    };
    let (over, wait) = mpsc::channel();
    // The thread reads the store, so it must have ended when the program exits.
    std::thread::scope(|scope| {
        scope.spawn(move || nudge_on_changes(terminal, &wait));
        let done = handset.watch(terminal, &CommandLine::of(terminal), &cancel, &mut show);
        drop(over);
        done
    })?;
    Ok(Said::new(
        lang.pick("已停止", "Stopped"),
        json!({ "syncs": syncs }),
    ))
}
