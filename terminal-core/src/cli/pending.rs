//! Commands for pending work: export, salvage, several users.

use crate::{
    Error, Result,
    cli::{
        args::HandsetCli,
        open::open,
        said::{Said, WAITS},
        sync,
    },
    lifecycle::{salvage, users::Users},
    platform::{bundle::Platform, system_disk::SystemDisk},
    store::quarantine::quarantined_databases,
    terminal::Terminal,
    transport::https::Https,
    words::{self, Lang},
};
use protocol::problem::HandsetCode;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

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

/// The result of the salvage of one home.
struct HomeSalvage {
    lines: Vec<String>,
    reports: Vec<salvage::SalvageReport>,
    exit: u8,
}

/// Reads the quarantined databases of all users, and hands them over or writes them to a file.
pub fn salvage(homes: &Users<'_>, export: Option<&Path>, lang: Lang) -> Result<Said> {
    let current = homes.current()?;
    let mut all = salvage_at(&current, export, lang)?;
    for home in homes.all()?.into_iter().filter(|home| *home != current) {
        let disk = &SystemDisk;
        if homes.waits_for_salvage(&home) || !salvage::unread(&home, disk)?.is_empty() {
            let more = salvage_at(&home, export, lang)?;
            all.lines.push(format!("—— {}", home.display()));
            all.lines.extend(more.lines);
            all.reports.extend(more.reports);
            all.exit = all.exit.max(more.exit);
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

/// Hands over the quarantined databases of the other users while one user watches. Failures are tried after
/// the next sync; a success is reported.
pub fn salvage_others(homes: &Users<'_>, lang: Lang) -> Option<(String, Value)> {
    let current = homes.current().ok()?;
    let (mut lines, mut reports) = (Vec::new(), Vec::new());
    for home in homes.all().ok()?.iter().filter(|home| **home != current) {
        if !homes.waits_for_salvage(home) {
            continue;
        }
        match salvage_at(home, None, lang) {
            Ok(done) if done.reports.iter().any(|report| report.delivered) => {
                lines.extend(done.lines);
                reports.extend(done.reports);
            }
            Ok(_) => {}
            Err(error) => tracing::info!(
                code = %error.code(),
                "salvage of another user's database failed, to be tried again"
            ),
        }
    }
    (!reports.is_empty()).then(|| {
        (
            lines.join("\n"),
            json!({ "event": "salvaged", "salvaged": reports }),
        )
    })
}

fn salvage_at(home: &Path, export: Option<&Path>, lang: Lang) -> Result<HomeSalvage> {
    // Damage that is found only now leads to quarantine at the next open.
    let platform = Platform::command_line(home)?;
    match Terminal::open(home, platform.clone()) {
        Ok(terminal) if terminal.store().is_sound()? => {}
        Ok(terminal) => {
            drop(terminal);
            if let Err(error) = Terminal::open(home, platform.clone()) {
                tracing::info!(code = %error.code(), "a damaged database was moved to quarantine");
            }
        }
        Err(Error::Quarantined { .. } | Error::NotEnrolled) => {}
        Err(error) => return Err(error),
    }
    let disk = platform.disk.as_ref();
    let (mut lines, mut documents, mut exit) = (Vec::new(), Vec::new(), 0);
    for file in quarantined_databases(home, disk)? {
        let saved = salvage::read(home, &platform, &file)?;
        let report = saved.report.clone();
        let why = match export {
            Some(target) => {
                saved.export(home, &platform, target)?;
                lang.pick(
                    format!("已封存到 {}，请交给中心导入", target.display()),
                    format!("Sealed in {}; give the file to the centre to import", target.display()),
                )
            }
            None => match deliver(saved, home, &platform) {
                // The report is among the unread reports below.
                Ok(_) => continue,
                Err(error) => lang.pick(
                    format!(
                        "还没有交接（{}），仍保存在本机；联网后再运行 salvage",
                        words::of_error(lang, &error)
                    ),
                    format!(
                        "Not handed over yet ({}); everything is kept on this handset; run salvage again when there is a network",
                        words::of_error(lang, &error)
                    ),
                ),
            },
        };
        exit = WAITS;
        lines.extend([salvage_text(lang, &report), why]);
        documents.push(report);
    }
    let reports = salvage::unread(home, disk)?;
    for (_, report) in &reports {
        lines.push(salvage_text(lang, report));
        lines.push(
            lang.pick("已全部交接给中心", "Everything was handed over to the centre")
                .into(),
        );
        documents.push(report.clone());
    }
    salvage::mark_read(disk, &reports)?;
    Ok(HomeSalvage {
        lines,
        reports: documents,
        exit,
    })
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

fn deliver(saved: salvage::Salvage, home: &Path, platform: &Platform) -> Result<salvage::SalvageReport> {
    let account = saved.account()?;
    let https = Https::new(&account.server, &account.pins).map_err(|error| error.reason())?;
    saved.deliver(home, platform, &https)
}

struct ListedUser {
    number: usize,
    home: PathBuf,
    name: String,
    waiting: usize,
    is_current: bool,
}

fn all(homes: &Users<'_>) -> Result<Vec<ListedUser>> {
    let current = homes.current()?;
    let mut users = Vec::new();
    for (at, home) in homes.all()?.into_iter().enumerate() {
        let terminal = match open(&home) {
            Err(Error::NotEnrolled) => continue,
            other => other?,
        };
        let status = terminal.status()?;
        users.push(ListedUser {
            number: at + 1,
            name: status.account.holder_name,
            waiting: status.items_waiting,
            is_current: home == current,
            home,
        });
    }
    Ok(users)
}

pub fn users(homes: &Users<'_>, lang: Lang) -> Result<Said> {
    let users = all(homes)?;
    let lines: Vec<String> = users
        .iter()
        .map(|user| {
            let mark = if user.is_current { "*" } else { " " };
            let waiting = match user.waiting {
                0 => String::new(),
                n => lang.pick(format!("，{n} 条待上传"), format!(", {n} waiting")),
            };
            format!("{mark} {} {}{waiting}", user.number, user.name)
        })
        .collect();
    let documents: Vec<Value> = users.iter().map(document).collect();
    Ok(Said::new(lines.join("\n"), json!({ "users": documents })))
}

fn document(user: &ListedUser) -> Value {
    json!({
        "number": user.number,
        "name": user.name,
        "waiting": user.waiting,
        "current": user.is_current,
        "home": user.home,
    })
}

pub fn switch(homes: &Users<'_>, wanted: &str, lang: Lang) -> Result<Said> {
    let users = all(homes)?;
    let mut fitting = users
        .iter()
        .filter(|user| user.name == wanted || user.number.to_string() == wanted);
    let (Some(user), None) = (fitting.next(), fitting.next()) else {
        return Err(Error::input(
            HandsetCode::UserUnknown,
            "没有这个用户（或有重名），请用 users 查看序号",
            "no such user, or several with this name; `users` shows the numbers",
        ));
    };
    homes.switch(&user.home)?;
    let others: usize = users
        .iter()
        .filter(|u| u.number != user.number)
        .map(|u| u.waiting)
        .sum();
    let mut text = lang.pick(
        format!("当前用户：{}", user.name),
        format!("Current user: {}", user.name),
    );
    if others > 0 {
        text.push_str(&lang.pick(
            format!("\n其他用户还有 {others} 条待上传，sync 时会以各自身份照常上传"),
            format!(
                "\n{others} items of other users are waiting; sync sends them under each user's own identity"
            ),
        ));
    }
    Ok(Said::new(text, json!({ "user": document(user) })))
}

/// After the sync of the current user, syncs the others, each under its own identity; a failure does not
/// affect the rest.
pub fn with_the_others(homes: &Users<'_>, first: Result<Said>, cli: &HandsetCli) -> Result<Said> {
    let current = homes.current()?;
    let (mut lines, mut documents, mut exit) = (Vec::new(), Vec::new(), 0);
    for home in homes.all()?.into_iter().filter(|home| *home != current) {
        let said = open(&home).and_then(|terminal| {
            let name = terminal.account().holder_name.clone();
            sync::sync(&terminal, cli, 0, false).map(|said| (name, said))
        });
        match said {
            Ok((name, said)) => {
                exit = exit.max(said.exit);
                lines.push(format!("—— {name}\n{}", said.text));
                documents.push(json!({ "name": name, "sync": said.json }));
            }
            Err(error) => {
                // Only this command salvages the databases of users who are not current.
                let done = if homes.waits_for_salvage(&home) {
                    salvage_at(&home, None, cli.lang)
                } else {
                    Err(error)
                };
                match done {
                    Ok(done) => {
                        exit = exit.max(done.exit);
                        lines.extend(done.lines);
                        documents.push(json!({ "home": home, "salvaged": done.reports }));
                    }
                    Err(Error::NotEnrolled) => {}
                    Err(error) => {
                        exit = exit.max(WAITS);
                        lines.push(words::of_error(cli.lang, &error));
                        documents.push(json!({ "home": home, "error": error.reason() }));
                    }
                }
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
