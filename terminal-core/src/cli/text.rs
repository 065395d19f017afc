//! Texts for people.

use crate::{
    cli::table::{clip, table},
    grid::place::{CandidateCell, CellName, LocatedPlace, PlaceAnswer},
    words::{self, Lang},
    work::{
        queue_row::{ItemState, QueueRow},
        status::Status,
        tasks::{HandsetTask, TaskDistance},
    },
};
use protocol::{open::Open, payload::EntryKind, role::Role, time::Millis};

/// The end of an id; see [`words::short_id`].
pub fn short(id: impl std::fmt::Display) -> String {
    words::short_id(&id.to_string()).to_owned()
}

/// Number of listed candidates; `--json` has all.
const CANDIDATES: usize = 5;

pub fn kind(lang: Lang, kind: &Open<EntryKind>) -> String {
    match kind {
        Open::Known(kind) => words::kind(lang, *kind).to_owned(),
        Open::Other(kind) => kind.clone(),
    }
}

/// 「220104-05-03-17 桂林路街道 桂林社区」
pub fn cell(cell: &CellName) -> String {
    let names = [cell.street.as_deref(), cell.community.as_deref()];
    let mut line = cell.code.grouped();
    for name in names.into_iter().flatten() {
        line.push(' ');
        line.push_str(name);
    }
    line
}

fn percent(share: f64) -> String {
    if share > 0.0 && share < 0.01 {
        "<1%".into()
    } else {
        format!("{:.0}%", share * 100.0)
    }
}

pub fn place(lang: Lang, place: &LocatedPlace) -> String {
    let candidates = |list: &[CandidateCell]| -> String {
        let rows: Vec<Vec<String>> = list
            .iter()
            .take(CANDIDATES)
            .map(|c| vec![format!("  {}", percent(c.share)), cell(&c.cell)])
            .collect();
        let mut text = table(&[], &rows);
        let rest = list.len().saturating_sub(CANDIDATES);
        if rest > 0 {
            text.push_str(&lang.pick(
                format!("  另有 {rest} 个单元，可能性更小\n"),
                format!("  and {rest} more cells, less likely\n"),
            ));
        }
        text
    };
    let circle = place.accuracy_cm.map_or_else(String::new, |cm| {
        format!("  ±{} {}", cm.div_ceil(100), lang.pick("米", "m"))
    });
    match &place.answer {
        PlaceAnswer::NoGrid => lang
            .pick(
                "本机还没有网格，同步后即可查询；上报不受影响",
                "There is no grid on this handset yet; sync to download it; you can still file reports",
            )
            .into(),
        PlaceAnswer::In {
            cell: name,
            candidates: list,
            outside,
            ..
        } => {
            let mut text = format!("{}{circle}\n", cell(name));
            if list.len() > 1 || *outside > 0.0 {
                text.push_str(lang.pick("精度范围内可能是：\n", "Possible within the accuracy:\n"));
                text.push_str(&candidates(list));
                if *outside > 0.0 {
                    let words = lang.pick("网格以外", "outside the grid");
                    text.push_str(&format!("  {}  {words}\n", percent(*outside)));
                }
            }
            text
        }
        PlaceAnswer::Outside {
            nearest,
            candidates: list,
            ..
        } => {
            let mut text = format!(
                "{}{circle}\n",
                lang.pick("不在任何单元网格内", "Not in any grid cell")
            );
            if let Some((name, metres)) = nearest {
                let distance = words::distance(lang, *metres);
                text.push_str(&lang.pick(
                    format!("最近：{}，相距 {distance}\n", cell(name)),
                    format!("Nearest: {}, {distance} away\n", cell(name)),
                ));
            }
            if !list.is_empty() {
                text.push_str(lang.pick("精度范围内可能是：\n", "Possible within the accuracy:\n"));
                text.push_str(&candidates(list));
            }
            text
        }
    }
}

pub fn queue(lang: Lang, rows: &[QueueRow], all: bool, now: Millis) -> String {
    if rows.is_empty() {
        return lang
            .pick(
                if all {
                    "还没有任何内容：上报、签到、活动记录都会列在这里"
                } else {
                    "队列是空的，您提交的内容都已送达（queue --all 查看全部）"
                },
                if all {
                    "Nothing yet: reports, check-ins and activity records are listed here"
                } else {
                    "The queue is empty; everything you submitted has been delivered (queue --all lists it)"
                },
            )
            .into();
    }
    let heading = lang.pick(
        ["编号", "时间", "内容", "摘要", "照片", "状态"],
        ["Id", "Time", "Kind", "Summary", "Photos", "State"],
    );
    let mut lines = Vec::new();
    for row in rows {
        lines.push(vec![
            short(row.id),
            words::moment(row.made, now),
            kind(lang, &row.kind),
            clip(&row.summary, 28),
            match row.photos_named {
                0 => String::new(),
                named => format!("{}/{named}", row.photos_sent),
            },
            state(lang, row, now),
        ]);
    }
    let mut text = table(&heading, &lines);
    if rows.iter().any(QueueRow::needs_author) {
        text.push_str(lang.pick(
            "被退回的可修改后重新提交：report --revise 编号，activity --revise 编号\n",
            "Revise a returned item: report --revise ID, activity --revise ID\n",
        ));
    }
    if rows.iter().any(|row| row.is_draft() && row.problem.is_none()) {
        text.push_str(lang.pick(
            "草稿可继续：report --draft 编号；不要的用 withdraw 编号 删除\n",
            "Continue a draft: report --draft ID; delete it: withdraw ID\n",
        ));
    }
    text
}

/// The state, the 受理号 if there is one, and why the last try failed.
fn state(lang: Lang, row: &QueueRow, now: Millis) -> String {
    let mut text = row.state_words(lang, now);
    if let Some(problem) = row.problem.as_ref() {
        if row.state == ItemState::PhotosPending
            && let Some(at) = row.next_try
        {
            text.push_str(lang.pick("，", ", "));
            text.push_str(&words::state::later(lang, &words::moment(at, now)));
        }
        text.push_str(lang.pick("：", ": "));
        text.push_str(words::of_reason(lang, problem));
    }
    let numbered = matches!(row.kind, Open::Known(EntryKind::Report | EntryKind::Activity));
    if let Some(number) = row.receipt_number().filter(|_| numbered) {
        text.push_str(&lang.pick(format!(" · 受理号 {number}"), format!(" · No. {number}")));
    }
    text
}

pub fn tasks(lang: Lang, tasks: &[(HandsetTask, Option<TaskDistance>)], now: Millis) -> String {
    if tasks.is_empty() {
        return lang
            .pick(
                "没有待办任务；新任务会在同步后出现在这里",
                "No open tasks; new tasks appear here after a sync",
            )
            .into();
    }
    let mut text = String::new();
    for (task, way) in tasks {
        let purpose = match &task.row.purpose {
            Open::Known(purpose) => words::purpose(lang, *purpose).to_owned(),
            Open::Other(purpose) => purpose.clone(),
        };
        let left = task.left(now);
        let length = words::duration(lang, left);
        let due = match task.answered {
            Some(_) => lang.pick("已反馈", "Answered").to_owned(),
            None if left < 0 => words::state::task_overdue(lang, &length),
            None => words::state::task_due(lang, &length),
        };
        let until = words::moment(task.row.due, now);
        let limit = lang.pick(format!("{due}（{until} 前）"), format!("{due} (by {until})"));
        text.push_str(&format!("{}  {purpose}  {limit}\n", short(task.row.task)));
        text.push_str(&format!("  {}\n", task.row.wording));
        let place = task.cell.as_ref().map_or_else(|| task.row.cell.grouped(), cell);
        let address = task
            .row
            .address
            .as_deref()
            .map_or_else(String::new, |a| format!("  {a}"));
        let way = way.map_or_else(String::new, |way| {
            let direction = words::direction(lang, way.bearing);
            format!("  {direction} {}", words::distance(lang, way.metres))
        });
        text.push_str(&format!("  {place}{address}{way}\n"));
        if let (None, Some(purpose)) = (task.answered, task.row.purpose.known()) {
            let [yes, no] = purpose.answers();
            let id = short(task.row.task);
            text.push_str(&lang.pick(
                format!("  反馈：answer {id} {} 或 {}\n", yes.zh(), no.zh()),
                format!("  Answer: answer {id} {yes} or {no}\n"),
            ));
        }
    }
    text
}

pub fn status(lang: Lang, status: &Status, network: Vec<(&str, String)>) -> String {
    let now = status.clock.estimate();
    let account = &status.account;
    let roles: Vec<String> = account
        .roles
        .iter()
        .map(|role| match role {
            Open::Known(role) => lang.pick(role.zh().to_owned(), role_en(*role)),
            Open::Other(role) => role.clone(),
        })
        .collect();
    let since = status.presence.since.map(|at| words::moment(at, now));
    let duty = if status.presence.on_duty {
        let state = words::state::on_duty(lang);
        let since = since.unwrap_or_default();
        lang.pick(
            format!("{state}（{since} 起）"),
            format!("{state} (since {since})"),
        )
    } else {
        words::state::off_duty(lang)
    };
    let unsent = lang.pick("，签到待上传", ", check-in not sent yet");
    let duty = if status.presence.confirmed {
        duty
    } else {
        format!("{duty}{unsent}")
    };
    let waits = match (status.items_waiting, status.photos_waiting) {
        (0, 0) => lang.pick("都已送达", "everything has been delivered").to_owned(),
        (items, photos) => lang.pick(
            format!("{items} 条、{photos} 张照片待上传"),
            format!("{items} items and {photos} photos to send"),
        ),
    };
    let mut lines = vec![
        (
            lang.pick("姓名", "Name"),
            lang.pick(
                format!("{}（{}）", account.holder_name, roles.join("、")),
                format!("{} ({})", account.holder_name, roles.join(", ")),
            ),
        ),
        (
            lang.pick("岗位", "Post"),
            status.post.as_ref().map_or_else(
                || short(account.post),
                |post| format!("{} {}", post.name, post.number),
            ),
        ),
        (lang.pick("在岗", "On duty"), duty),
        (lang.pick("待上传", "To send"), waits),
    ];
    let mut counted = |zh, en, number: usize, text: String| {
        if number > 0 {
            lines.push((lang.pick(zh, en), text));
        }
    };
    counted("草稿", "Drafts", status.drafts, status.drafts.to_string());
    counted(
        "被退回",
        "Returned",
        status.returned,
        lang.pick(
            format!("{} 条，用 queue 查看并修改", status.returned),
            format!("{}; revise them with `queue`", status.returned),
        ),
    );
    let overdue = match status.tasks_overdue {
        0 => String::new(),
        n => lang.pick(format!("，其中 {n} 个已超时"), format!(", {n} overdue")),
    };
    lines.push((
        lang.pick("任务", "Tasks"),
        lang.pick(
            format!("{} 个待反馈{overdue}", status.tasks_open),
            format!("{} to answer{overdue}", status.tasks_open),
        ),
    ));
    lines.push((
        lang.pick("网格", "Grid"),
        status.grid.as_ref().map_or_else(
            || {
                lang.pick("还没有，同步后下载", "none yet; sync to download it")
                    .into()
            },
            ToString::to_string,
        ),
    ));
    lines.push((
        lang.pick("上次同步", "Last sync"),
        status.last_sync.map_or_else(
            || lang.pick("还没有", "never").into(),
            |at| words::moment(at, now),
        ),
    ));
    lines.extend(network);
    let mark = if status.clock.is_trusted() {
        lang.pick("已校准", "synchronised")
    } else {
        lang.pick("本机时间，未校准", "local time, not synchronised")
    };
    lines.push((lang.pick("时间", "Time"), format!("{}  {mark}", now.text())));
    lines.push((lang.pick("服务器", "Server"), account.server.clone()));
    let rows: Vec<Vec<String>> = lines
        .into_iter()
        .map(|(name, value)| vec![name.into(), value])
        .collect();
    table(&[], &rows)
}

fn role_en(role: Role) -> String {
    role.as_str().replace('_', " ")
}
