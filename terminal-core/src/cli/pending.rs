//! Commands about what waits and must not be lost: export, salvage, several users.

use super::{Said, WAITS, args::Cli, commands::open, sync};
use crate::{
    Error, Result,
    homes::Homes,
    salvage,
    terminal::{Platform, Terminal},
    transport::https::Https,
    words::{self, Lang},
};
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
                "{entries} entries, {photos} photos and {drafts} drafts are sealed in {}\n\
                 Only the centre can open it; have it imported there. Nothing changes here: it is sent as usual once \
                 there is a network, and counts once",
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

/// Reads what was set aside, and hands it over or writes it to a file.
pub fn salvage(home: &Path, export: Option<&Path>, lang: Lang) -> Result<Said> {
    // A database whose damage shows only now is set aside by opening it.
    let platform = Platform::command_line(home)?;
    if let Err(error) = Terminal::open(home, platform.clone())
        && !matches!(error, Error::MovedAside { .. } | Error::NotEnrolled)
    {
        return Err(error);
    }
    let aside = salvage::waiting(home, platform.disk.as_ref())?;
    if aside.is_empty() {
        let text = lang.pick("没有损坏的数据库", "No damaged database waits here");
        return Ok(Said::new(text, json!({ "salvaged": [] })));
    }
    let (mut lines, mut documents, mut exit) = (Vec::new(), Vec::new(), 0);
    for file in aside {
        let saved = salvage::read(home, &platform, &file)?;
        let mut report = saved.report.clone();
        let mut problem = None;
        if let Some(target) = export {
            saved.export(home, &platform, target)?;
            exit = WAITS;
        } else {
            match deliver(saved, home, &platform) {
                Ok(delivered) => report = delivered,
                Err(error) => {
                    exit = WAITS;
                    problem = Some(error.reason());
                }
            }
        }
        let lost: Vec<String> = report.lost.iter().map(|(a, b)| format!("#{a}–#{b}")).collect();
        lines.push(lang.pick(
            format!(
                "{}：抢救出 {} 条未上传内容、{} 张照片、{} 份草稿；{} 条此前已由服务器收到{}",
                report.file,
                report.entries,
                report.photos,
                report.drafts,
                report.held,
                if lost.is_empty() {
                    String::new()
                } else {
                    format!("；读不出：{}", lost.join("、"))
                }
            ),
            format!(
                "{}: {} unsent entries, {} photos and {} drafts saved; {} had been received before{}",
                report.file,
                report.entries,
                report.photos,
                report.drafts,
                report.held,
                if lost.is_empty() {
                    String::new()
                } else {
                    format!("; unreadable: {}", lost.join(", "))
                }
            ),
        ));
        if let Some(problem) = &problem {
            lines.push(format!("{}（{}）", words::of_reason(lang, problem), problem.code));
        }
        lines.push(match (report.delivered, export) {
            (true, _) => lang.pick("已全部交接给中心", "All of it was handed over").into(),
            (false, Some(file)) => lang.pick(
                format!("已封存到 {}，请交给中心导入", file.display()),
                format!("Sealed in {}, have it imported at the centre", file.display()),
            ),
            (false, None) => lang
                .pick(
                    "还没有交接，仍保存在本机；联网后再运行 salvage",
                    "Not handed over yet, all kept here; run salvage again",
                )
                .into(),
        });
        let mut document = serde_json::to_value(&report)?;
        if let (Some(fields), Some(problem)) = (document.as_object_mut(), &problem) {
            fields.insert("problem".into(), json!(problem));
        }
        documents.push(document);
    }
    lines.push(
        lang.pick(
            "新的内容需要重新登记（向管理员索取登记码）后继续填报",
            "To go on filing, enrol again with a new string from the administrator",
        )
        .into(),
    );
    Ok(Said {
        text: lines.join("\n"),
        json: json!({ "salvaged": documents }),
        exit,
    })
}

fn deliver(saved: salvage::Salvage, home: &Path, platform: &Platform) -> Result<salvage::SalvageReport> {
    let account = saved.account()?;
    let https = Https::new(&account.server, &account.pins).map_err(|error| error.reason())?;
    saved.deliver(home, platform, &https)
}

struct User {
    number: usize,
    home: PathBuf,
    name: String,
    waiting: usize,
    is_current: bool,
}

fn all(homes: &Homes<'_>) -> Result<Vec<User>> {
    let current = homes.current()?;
    let mut users = Vec::new();
    for (at, home) in homes.all()?.into_iter().enumerate() {
        let terminal = match open(&home) {
            Err(Error::NotEnrolled) => continue,
            other => other?,
        };
        let status = terminal.status()?;
        users.push(User {
            number: at + 1,
            name: status.account.holder_name,
            waiting: status.items_waiting,
            is_current: home == current,
            home,
        });
    }
    Ok(users)
}

pub fn users(homes: &Homes<'_>, lang: Lang) -> Result<Said> {
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

fn document(user: &User) -> Value {
    json!({
        "number": user.number,
        "name": user.name,
        "waiting": user.waiting,
        "current": user.is_current,
        "home": user.home,
    })
}

pub fn switch(homes: &Homes<'_>, wanted: &str, lang: Lang) -> Result<Said> {
    let users = all(homes)?;
    let mut fitting = users
        .iter()
        .filter(|user| user.name == wanted || user.number.to_string() == wanted);
    let (Some(user), None) = (fitting.next(), fitting.next()) else {
        return Err(Error::input(
            "user.unknown",
            "没有这个用户（或有重名），请用 users 查看序号",
            "no such user, or several of that name; see `users` for the numbers",
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
        format!("User now: {}", user.name),
    );
    if others > 0 {
        text.push_str(&lang.pick(
            format!("\n其他用户还有 {others} 条待上传，sync 时会以各自身份照常上传"),
            format!("\n{others} of other users wait; sync sends them under their own identity"),
        ));
    }
    Ok(Said::new(text, json!({ "user": document(user) })))
}

/// The sync of the user in use, and after it what waits of the others: each under its own identity, none in the way
/// of another.
pub fn with_the_others(homes: &Homes<'_>, first: Result<Said>, cli: &Cli) -> Result<Said> {
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
            Err(Error::NotEnrolled) => {}
            Err(error) => {
                exit = exit.max(WAITS);
                lines.push(words::of_error(cli.lang, &error));
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
