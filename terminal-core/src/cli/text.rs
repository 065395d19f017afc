//! Texts for people.

use crate::{
    cli::table::{clip, table},
    grid::place::{CandidateCell, CellName, LocatedPlace, PlaceAnswer},
    words::{self, Lang},
    work::{
        answered::AnsweredTask,
        fix::FixView,
        queue_row::QueueRow,
        status::Status,
        tasks::{HandsetTask, TaskDistance},
    },
};
use protocol::{payload::EntryKind, time::Millis};

/// The end of an id; see [`words::short_id`].
pub fn short(id: impl std::fmt::Display) -> String {
    words::short_id(&id.to_string()).to_owned()
}

/// Number of listed candidates; `--json` has all.
const CANDIDATES: usize = 5;

/// A line for each doubt about a fix.
pub fn doubts(lang: Lang, fix: Option<&FixView>) -> String {
    let doubts = fix.map(|fix| fix.doubts.as_slice()).unwrap_or_default();
    doubts
        .iter()
        .map(|doubt| format!("{}\n", doubt.words(lang)))
        .collect()
}

pub fn place(lang: Lang, place: &LocatedPlace) -> String {
    let candidates = |list: &[CandidateCell]| -> String {
        let rows: Vec<Vec<String>> = list
            .iter()
            .take(CANDIDATES)
            .map(|c| vec![format!("  {}", words::share(c.share)), c.cell.words()])
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
            let mut text = format!("{}{circle}\n", name.words());
            if list.len() > 1 || *outside > 0.0 {
                text.push_str(lang.pick("精度范围内可能是：\n", "Possible within the accuracy:\n"));
                text.push_str(&candidates(list));
                if *outside > 0.0 {
                    let words = lang.pick("网格以外", "outside the grid");
                    text.push_str(&format!("  {}  {words}\n", words::share(*outside)));
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
                    format!("最近：{}，相距 {distance}\n", name.words()),
                    format!("Nearest: {}, {distance} away\n", name.words()),
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
            words::entry_kind(lang, &row.kind),
            clip(&row.summary.words(lang), 28),
            match row.photos_named {
                0 => String::new(),
                named => format!("{}/{named}", row.photos_sent),
            },
            row.state_line(lang, now),
        ]);
    }
    let mut text = table(&heading, &lines);
    let returned: Vec<&str> = ways(rows.iter().filter(|row| row.needs_author()), |kind| match kind {
        EntryKind::Report => Some(lang.pick("report --revise 编号", "report --revise ID")),
        EntryKind::Activity => Some(lang.pick("activity --revise 编号", "activity --revise ID")),
        EntryKind::Answer => Some(lang.pick("answer 任务编号 回答", "answer TASK ANSWER")),
        EntryKind::CheckIn | EntryKind::CheckOut | EntryKind::Withdraw | EntryKind::Void => None,
    });
    if !returned.is_empty() {
        let returned = returned.join(lang.pick("，", ", "));
        text.push_str(&lang.pick(
            format!("被退回的可修改后重新提交：{returned}\n"),
            format!("Revise a returned item: {returned}\n"),
        ));
    }
    let drafts = rows.iter().filter(|row| row.is_draft() && row.problem.is_none());
    let drafts: Vec<&str> = ways(drafts, |kind| match kind {
        EntryKind::Report => Some(lang.pick("report --draft 编号", "report --draft ID")),
        EntryKind::Activity => Some(lang.pick("activity --draft 编号", "activity --draft ID")),
        EntryKind::Answer => Some(lang.pick("answer 任务编号 回答", "answer TASK ANSWER")),
        EntryKind::CheckIn | EntryKind::CheckOut | EntryKind::Withdraw | EntryKind::Void => None,
    });
    if !drafts.is_empty() {
        let drafts = drafts.join(lang.pick("，", ", "));
        text.push_str(&lang.pick(
            format!("草稿可继续：{drafts}；不要的用 withdraw 编号 删除\n"),
            format!("Continue a draft: {drafts}; delete it: withdraw ID\n"),
        ));
    }
    text
}

/// The commands for these rows, each once.
fn ways<'r>(
    rows: impl Iterator<Item = &'r QueueRow>,
    way: impl Fn(EntryKind) -> Option<&'static str>,
) -> Vec<&'static str> {
    let mut ways: Vec<&'static str> = Vec::new();
    for row in rows {
        if let Some(found) = row.kind.known().and_then(|kind| way(*kind))
            && !ways.contains(&found)
        {
            ways.push(found);
        }
    }
    ways
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
        let purpose = words::task_purpose(lang, &task.row.purpose);
        let due = task.due_words(lang, now);
        let until = words::moment(task.row.due, now);
        let limit = lang.pick(format!("{due}（{until} 前）"), format!("{due} (by {until})"));
        let holder = task.other_holder().map_or_else(String::new, |name| {
            lang.pick(format!("  由 {name} 办理"), format!("  {name} has it"))
        });
        text.push_str(&format!("{}  {purpose}  {limit}{holder}\n", short(task.row.task)));
        text.push_str(&format!("  {}\n", task.row.wording));
        let place = task
            .cell
            .as_ref()
            .map_or_else(|| task.row.cell.grouped(), CellName::words);
        let address = task
            .row
            .address
            .as_deref()
            .map_or_else(String::new, |a| format!("  {a}"));
        let way = way.map_or_else(String::new, |way| format!("  {}", way.words(lang)));
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

/// What was answered, below the open tasks.
pub fn answered(lang: Lang, answered: &[AnsweredTask], now: Millis) -> String {
    if answered.is_empty() {
        return String::new();
    }
    let heading = lang.pick(
        ["任务", "反馈时间", "反馈", "状态"],
        ["Task", "Answered", "Answer", "State"],
    );
    let lines: Vec<Vec<String>> = answered
        .iter()
        .map(|one| {
            let again = lang.pick("，可再次反馈", ", can be answered again");
            vec![
                short(one.task),
                words::moment(one.row.made, now),
                clip(&one.row.summary.words(lang), 36),
                one.row.state_line(lang, now) + if one.is_open { again } else { "" },
            ]
        })
        .collect();
    let title = lang.pick("已反馈", "Answered");
    format!("\n{title}\n{}", table(&heading, &lines))
}

pub fn status(lang: Lang, status: &Status, network: Vec<(&str, String)>) -> String {
    let now = status.clock.estimate();
    let account = &status.account;
    let roles: Vec<String> = account.roles.iter().map(|role| words::role(lang, role)).collect();
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
            match &status.post {
                Some(post) => format!("{} {}", post.name, post.number),
                None if status.is_post_taken => lang
                    .pick(
                        "您已不是这个岗位的持有人，不再收到任务；已填的内容照常上传，有疑问请联系管理员",
                        "you do not hold this post any more and get no tasks; what you filed is still sent; ask the administrator if this is wrong",
                    )
                    .into(),
                None => short(account.post),
            },
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
