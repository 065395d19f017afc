//! Commands for pending work: export, salvage, several users.

use crate::{
    Result,
    cli::{
        args::HandsetCli,
        said::{Said, WAITS},
        screen::ProgressLine,
        surroundings::CommandLine,
        sync,
    },
    lifecycle::{
        handset::{Handset, SalvageOutcome, SalvagedHome, unknown_user},
        salvage,
        users::{HandsetUser, HomeCondition, UsersWork},
    },
    live::handset::OtherSync,
    store::quarantine::quarantined_databases,
    sync::data_policy::SyncTrigger,
    terminal::Terminal,
    transport::cancel::CancelToken,
    words::{self, Lang},
};
use serde_json::{Value, json};
use std::path::Path;

pub fn export(terminal: &Terminal, file: &Path, lang: Lang) -> Result<Said> {
    let sealed = terminal.export_parcels(file)?;
    let (entries, photos, drafts) = (sealed.entries, sealed.photos, sealed.drafts);
    Ok(Said::new(
        lang.pick(
            format!(
                "已封存 {entries} 条内容、{photos} 张照片、{drafts} 份草稿到 {}\n\
                 只有中心能打开；请把文件交给中心导入。本机内容不变，联网后照常上传，不会重复",
                file.display()
            ),
            format!(
                "Sealed {entries} entries, {photos} photos and {drafts} drafts in {}\n\
                 Only the centre can open it; give the file to the centre to import. The items stay on this handset and \
                 are also sent when there is a network; none is counted twice",
                file.display()
            ),
        ),
        json!({
            "file": file,
            "parcels": sealed.parcels,
            "entries": entries,
            "photos": photos,
            "drafts": drafts,
            "photos_missing": sealed.photos_missing,
        }),
    ))
}

/// Reads the quarantined databases of all users, and hands them over or writes them to a file.
pub fn salvage(handset: &Handset, export: Option<&Path>, lang: Lang) -> Result<Said> {
    let current = handset.current_home()?;
    let mut all = Salvaged::default();
    all.add(handset, &handset.salvage_home(&current, export)?, lang)?;
    for home in handset.homes()?.into_iter().filter(|home| *home != current) {
        if handset.waits_for_salvage(&home) || handset.has_unread_reports(&home)? {
            let more = handset.salvage_home(&home, export)?;
            all.lines.push(format!("—— {}", home.display()));
            all.add(handset, &more, lang)?;
        }
    }
    all.lines.push(if all.reports.is_empty() {
        lang.pick("没有损坏的数据库", "There is no damaged database")
            .into()
    } else {
        lang.pick(
            "要继续填报，请用新的登记码重新登记（如果还没有）",
            "To continue filing, enrol again with a new enrolment code, if you have not done so yet",
        )
        .into()
    });
    Ok(Said {
        text: all.lines.join("\n"),
        json: json!({ "salvaged": all.reports }),
        exit: all.exit,
    })
}

/// What a watch reports after it handed over the databases of other users.
pub fn salvaged_others(handset: &Handset, done: &[SalvagedHome], lang: Lang) -> (String, Value) {
    let mut all = Salvaged::default();
    for home in done {
        if let Err(error) = all.add(handset, home, lang) {
            tracing::info!(name: "salvage.shown_again", cause = error.code().as_str());
        }
    }
    (
        all.lines.join("\n"),
        json!({ "event": "salvaged", "salvaged": all.reports }),
    )
}

/// The salvages of several homes in words.
#[derive(Default)]
struct Salvaged {
    lines: Vec<String>,
    reports: Vec<salvage::SalvageReport>,
    exit: u8,
}

impl Salvaged {
    /// Adds one home. Its reports count as read from now on.
    fn add(&mut self, handset: &Handset, done: &SalvagedHome, lang: Lang) -> Result<()> {
        for (report, outcome) in &done.databases {
            self.lines.push(salvage_text(lang, report));
            self.lines.push(outcome_text(lang, outcome));
            self.reports.push(report.clone());
        }
        if done.waits() {
            self.exit = WAITS;
        }
        handset.mark_salvage_read(done)
    }
}

fn outcome_text(lang: Lang, outcome: &SalvageOutcome) -> String {
    match outcome {
        SalvageOutcome::HandedOver => lang
            .pick("已全部交接给中心", "Everything was handed over to the centre")
            .into(),
        SalvageOutcome::Exported(target) => lang.pick(
            format!("已封存到 {}，请交给中心导入", target.display()),
            format!(
                "Sealed in {}; give the file to the centre to import",
                target.display()
            ),
        ),
        SalvageOutcome::Waits(why) => {
            let why = format!("{} ({})", words::of_reason(lang, why), why.code);
            lang.pick(
                format!("还没有交接（{why}），仍保存在本机；联网后再运行 salvage"),
                format!(
                    "Not handed over yet ({why}); everything is kept on this handset; run salvage again when there is a network"
                ),
            )
        }
    }
}

/// What was saved and what was not.
fn salvage_text(lang: Lang, report: &salvage::SalvageReport) -> String {
    let salvage::SalvageReport {
        file,
        entries,
        photos,
        drafts,
        held,
        is_whole,
        ..
    } = report;
    let lost: Vec<String> = report.lost.iter().map(|(a, b)| format!("#{a}–#{b}")).collect();
    let mut text = lang.pick(
        format!(
            "{file}：抢救出 {entries} 条未上传内容、{photos} 张照片、{drafts} 份草稿；{held} 条此前已由服务器收到"
        ),
        format!(
            "{file}: recovered {entries} unsent entries, {photos} photos and {drafts} drafts; the server had already \
             received {held}"
        ),
    );
    if !lost.is_empty() {
        text.push_str(&lang.pick(
            format!("；读不出 {}", lost.join("、")),
            format!("; unreadable: {}", lost.join(", ")),
        ));
    } else if !is_whole {
        text.push_str(
            &lang.pick(
                "；数据库有读不出的部分，可能还有内容未能抢救，原文件已保留".to_owned(),
                "; some parts of the database are unreadable and may contain more; the original file is kept"
                    .to_owned(),
            ),
        );
    }
    text
}

/// A line for the home screen while a damaged database waits for salvage, or a report was not read.
pub fn salvage_line(terminal: &Terminal, lang: Lang) -> Result<Option<String>> {
    let (home, disk) = (terminal.store().home(), terminal.disk());
    if !quarantined_databases(home, disk)?.is_empty() {
        return Ok(Some(
            lang.pick(
                "有损坏的数据库等待抢救，请运行 salvage",
                "a damaged database is waiting for salvage; run salvage",
            )
            .into(),
        ));
    }
    let reports = salvage::unread(home, disk)?;
    Ok((!reports.is_empty()).then(|| {
        lang.pick(
            "损坏的数据库已抢救并交接，请运行 salvage 查看结果",
            "a damaged database was salvaged and handed over; run salvage to see the result",
        )
        .into()
    }))
}

pub fn users(handset: &Handset, lang: Lang) -> Result<Said> {
    let users = handset.users()?;
    let lines: Vec<String> = users.iter().map(|user| line(lang, user)).collect();
    let documents: Vec<Value> = users.iter().map(|user| document(lang, user)).collect();
    Ok(Said::new(lines.join("\n"), json!({ "users": documents })))
}

/// One user: name, what waits, and the condition if it is not the usual one.
fn line(lang: Lang, user: &HandsetUser) -> String {
    let mark = if user.is_current { "*" } else { " " };
    let unknown = lang.pick("（姓名未知）", "(name unknown)");
    let mut text = format!(
        "{mark} {} {}",
        user.number,
        user.name.as_deref().unwrap_or(unknown)
    );
    let UsersWork {
        entries,
        photos,
        drafts,
    } = user.waiting.unwrap_or_default();
    for (n, zh, en) in [
        (entries, "条待上传", "waiting"),
        (photos, "张照片待上传", "photos waiting"),
        (drafts, "份草稿", "drafts"),
    ] {
        if n > 0 {
            text.push_str(&lang.pick(format!("，{n} {zh}"), format!(", {n} {en}")));
        }
    }
    if user.condition != HomeCondition::Enrolled {
        let words = user.condition.words(lang);
        text.push_str(&lang.pick(format!("：{words}"), format!(": {words}")));
    } else if user.is_salvage_due {
        text.push_str(lang.pick(
            "；另有损坏的数据库等待抢救，请运行 salvage",
            "; a damaged database is waiting too; run salvage",
        ));
    }
    text
}

fn document(lang: Lang, user: &HandsetUser) -> Value {
    json!({
        "number": user.number,
        "name": user.name,
        "waiting": user.waiting.map(|work| work.entries),
        "photos_waiting": user.waiting.map(|work| work.photos),
        "drafts": user.waiting.map(|work| work.drafts),
        "current": user.is_current,
        "condition": user.condition.as_str(),
        "condition_text": user.condition.words(lang),
        "salvage_due": user.is_salvage_due,
        "home": user.home,
    })
}

pub fn switch(handset: &Handset, wanted: &str, lang: Lang) -> Result<Said> {
    let users = handset.users()?;
    let mut fitting = users
        .iter()
        .filter(|user| user.name.as_deref() == Some(wanted) || user.number.to_string() == wanted);
    let (Some(user), None) = (fitting.next(), fitting.next()) else {
        return Err(unknown_user());
    };
    handset.switch(user.number)?;
    let others: u64 = users
        .iter()
        .filter(|other| other.number != user.number)
        .filter_map(|other| other.waiting)
        .map(|work| work.entries)
        .sum();
    let name = user.name.clone().unwrap_or_else(|| user.number.to_string());
    let mut text = lang.pick(format!("当前用户：{name}"), format!("Current user: {name}"));
    if user.condition != HomeCondition::Enrolled {
        text.push_str(&format!("\n{}", user.condition.words(lang)));
    }
    if others > 0 {
        text.push_str(&lang.pick(
            format!("\n其他用户还有 {others} 条待上传，sync 时会以各自身份照常上传"),
            format!(
                "\n{others} items of other users are waiting; sync sends them under each user's own identity"
            ),
        ));
    }
    let user = HandsetUser {
        is_current: true,
        ..user.clone()
    };
    Ok(Said::new(text, json!({ "user": document(lang, &user) })))
}

/// After the sync of the current user, syncs the others, each under its own identity; a failure does not
/// affect the rest.
pub fn with_the_others(
    handset: &Handset,
    first: Result<Said>,
    around: &CommandLine,
    cli: &HandsetCli,
) -> Result<Said> {
    let lang = cli.lang;
    let current = handset.current_home()?;
    let mut screen = ProgressLine::new(cli);
    let done = handset.sync_others(
        &current,
        around,
        SyncTrigger::Person,
        &CancelToken::default(),
        &mut |progress| screen.show(&progress),
    )?;
    screen.clear();
    let (mut lines, mut documents, mut exit) = (Vec::new(), Vec::new(), 0);
    for other in done {
        match other {
            OtherSync::Synced { name, report, now } => {
                let said = sync::said(lang, &report, now);
                exit = exit.max(said.exit);
                lines.push(format!("—— {name}\n{}", said.text));
                documents.push(json!({ "name": name, "sync": said.json }));
            }
            OtherSync::Salvaged(done) => {
                let mut all = Salvaged::default();
                all.add(handset, &done, lang)?;
                exit = exit.max(all.exit);
                lines.extend(all.lines);
                documents.push(json!({ "home": done.home, "salvaged": all.reports }));
            }
            OtherSync::Failed { home, error } => {
                exit = exit.max(WAITS);
                lines.push(words::of_error(lang, &error));
                documents.push(json!({ "home": home, "error": error.reason() }));
            }
        }
    }
    let mut said = first?;
    if !documents.is_empty() {
        said.text = format!("{}\n{}", said.text, lines.join("\n"));
        said.exit = said.exit.max(exit);
        if let Some(fields) = said.json.as_object_mut() {
            fields.insert("others".into(), json!(documents));
        }
    }
    Ok(said)
}
