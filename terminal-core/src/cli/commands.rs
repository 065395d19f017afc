//! One function a command: arguments in, what is said out.

use super::{
    Said,
    args::{ActivityArgs, AtArg, Cli, Command, ReportArgs},
    human, machine, manners, pending, sync,
};
use crate::{
    Error, Result,
    activity::ActivityDraft,
    disk::SystemDisk,
    homes::{Homes, Others},
    matters,
    photos::Source,
    place::{TypedPlace, parse_datum},
    report::{Content, Draft, ReportDraft},
    store::DATABASE,
    tasks::{Task, Way},
    terminal::{Platform, Terminal, Withdrawal},
    words::{self, Lang},
};
use protocol::{
    evidence::Position,
    geo::{Datum, PointE7},
    ids::EntryId,
    payload::EntryKind,
    problem::{HandsetCode, ReasonCode},
    time::Millis,
};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

pub fn run(cli: &Cli) -> Result<Said> {
    let home = cli.home.as_deref().ok_or_else(|| {
        Error::input(
            HandsetCode::CommandHome,
            "请用 --home 指定本机数据目录（或设置 XUNGE_HOME）",
            "name the folder of this handset's data with --home (or XUNGE_HOME)",
        )
    })?;
    let homes = Homes::at(home, &SystemDisk);
    match &cli.command {
        Command::Enroll { string, another } => {
            let home = if *another {
                homes.fresh()?
            } else {
                homes.current()?
            };
            let said = sync::enroll(&home, string, cli.lang)?;
            homes.switch(&home)?;
            return Ok(said);
        }
        Command::Users => return pending::users(&homes, cli.lang),
        Command::Switch { user } => return pending::switch(&homes, user, cli.lang),
        Command::Salvage { export } => {
            return pending::salvage(&homes, export.as_deref(), cli.lang);
        }
        // Whatever became of the home in use, the others' work leaves.
        Command::Sync { wait_for, photos_now } => {
            let said = open(&homes.current()?)
                .and_then(|terminal| sync::sync(&terminal, cli, *wait_for, *photos_now));
            return pending::with_the_others(&homes, said, cli);
        }
        _ => {}
    }
    let terminal = open(&homes.current()?)?;
    let at = Desk {
        terminal: &terminal,
        lang: cli.lang,
    };
    match &cli.command {
        // Said above, before a home was opened.
        Command::Enroll { .. }
        | Command::Users
        | Command::Switch { .. }
        | Command::Salvage { .. }
        | Command::Sync { .. } => Err(Error::NotEnrolled),
        Command::ExportParcel { file } => pending::export(&terminal, file, cli.lang),
        Command::CheckIn { at: place, note } => {
            let item = terminal.check_in(at.position(place)?, note)?;
            at.filed(
                item.id,
                false,
                "已签到，保存在本机，联网后自动上传",
                "Checked in, saved on this handset, sent when there is a network",
            )
        }
        Command::CheckOut { at: place, note } => {
            let item = terminal.check_out(at.position(place)?, note)?;
            at.filed(
                item.id,
                false,
                "已签退，保存在本机，联网后自动上传",
                "Checked out, saved on this handset, sent when there is a network",
            )
        }
        Command::Where { place, datum } => at.where_is(place, datum),
        Command::Report(report) => at.report(report),
        Command::Activity(activity) => at.activity(activity),
        Command::Queue { all } => at.queue(*all),
        Command::Watch { seconds } => {
            let mut others = Others::of(homes.clone(), terminal.store().home());
            manners::watch(&terminal, &mut || others.look(&open), &homes, cli, *seconds)
        }
        Command::Traffic => manners::traffic(&terminal, cli.lang),
        Command::Set { name, value } => {
            manners::set(&terminal, cli.lang, name.as_deref().zip(value.as_deref()))
        }
        Command::Tasks { at: place, all } => at.tasks(place, *all),
        Command::Answer {
            task,
            answer,
            text,
            photos,
            at: place,
        } => at.answer(task, answer, text, photos, place),
        Command::Withdraw { item, reason } => at.withdraw(item, reason),
        Command::Status => {
            let status = terminal.status()?;
            let (plan, held) = (terminal.data_use()?, manners::held_now(&terminal)?);
            let mut document = machine::status(&status);
            if let Some(fields) = document.as_object_mut() {
                fields.insert("traffic".into(), manners::data_use_json(&plan));
                fields.insert("held_back".into(), json!(held));
            }
            let mut network = vec![(cli.lang.pick("流量", "Data"), manners::budget(cli.lang, &plan))];
            if let Some(line) = pending::salvage_line(&terminal, cli.lang)? {
                network.push((cli.lang.pick("抢救", "Salvage"), line));
            }
            if let Some(reason) = &held {
                let name = cli.lang.pick("等待", "Waits");
                network.push((name, words::of_reason(cli.lang, reason).into()));
            }
            Ok(Said::new(human::status(cli.lang, &status, network), document))
        }
        Command::Types { search } => at.types(search),
    }
}

/// The handset in `home`. Looks before the key file is opened, so that a mistyped folder is not filled.
pub(super) fn open(home: &Path) -> Result<Terminal> {
    if let Some(done) = crate::wipe::of(home)? {
        return Err(Error::Input(done.reason()));
    }
    if !home.join(DATABASE).exists() {
        return Err(Error::NotEnrolled);
    }
    Terminal::open(home, Platform::command_line(home)?)
}

struct Desk<'a> {
    terminal: &'a Terminal,
    lang: Lang,
}

impl Desk<'_> {
    /// `--at`, as evidence carries it.
    fn position(&self, at: &AtArg) -> Result<Option<Position>> {
        at.at.as_deref().map(|text| self.typed(text)).transpose()
    }
    fn typed(&self, text: &str) -> Result<Position> {
        TypedPlace::parse(text, Datum::Wgs84)?.position(self.terminal.now()?)
    }

    fn where_is(&self, text: &str, datum: &str) -> Result<Said> {
        let typed = TypedPlace::parse(text, parse_datum(datum)?)?;
        let place = self.terminal.where_is(typed.point, typed.accuracy_cm)?;
        Ok(Said::new(human::place(self.lang, &place), machine::place(&place)))
    }

    fn report(&self, args: &ReportArgs) -> Result<Said> {
        // What is typed wrong is said before anything is saved.
        let catalogue = self.terminal.catalogue()?;
        let matter = args
            .matter
            .as_deref()
            .map(|text| matters::one(&catalogue, text))
            .transpose()?;
        let position = self.position(&args.at)?;
        let place = args.place.as_deref().map(|text| self.typed(text)).transpose()?;
        let mut draft: ReportDraft = match (&args.draft, &args.mend) {
            (Some(id), _) => match self.submitted(id)? {
                Some(said) => return Ok(said),
                None => self.terminal.report_draft(self.terminal.find_item(id)?)?,
            },
            (None, Some(id)) => self.terminal.mend_report(self.terminal.find_item(id)?)?,
            (None, None) => self.terminal.new_report()?,
        };
        if let Some(matter) = matter {
            draft.matter(matter.code)?;
        }
        if let Some(position) = position {
            draft.at(position);
        }
        if let Some(place) = place {
            draft.place(place);
        }
        if let Some(text) = &args.text {
            draft.text(text);
        }
        if let Some(address) = &args.address {
            draft.address(address);
        }
        if args.self_handled {
            draft.self_handled(true);
        }
        self.finish(&mut draft, &args.photos, args.save)
    }

    fn activity(&self, args: &ActivityArgs) -> Result<Said> {
        let starts = args.starts.as_deref().map(time).transpose()?;
        let ends = args.ends.as_deref().map(time).transpose()?;
        let position = self.position(&args.at)?;
        let mut draft: ActivityDraft = match (&args.draft, &args.mend) {
            (Some(id), _) => match self.submitted(id)? {
                Some(said) => return Ok(said),
                None => self.terminal.activity_draft(self.terminal.find_item(id)?)?,
            },
            (None, Some(id)) => self.terminal.mend_activity(self.terminal.find_record(id)?)?,
            (None, None) => self.terminal.new_activity()?,
        };
        if let Some(category) = &args.category {
            draft.category(category);
        }
        if let Some(title) = &args.title {
            draft.title(title);
        }
        if let Some(starts) = starts {
            draft.starts(starts);
        }
        if let Some(ends) = ends {
            draft.ends(ends);
        }
        if let Some(place) = &args.place {
            draft.place(place);
        }
        if let Some(organiser) = &args.organiser {
            draft.organiser(organiser);
        }
        if let Some(participants) = args.participants {
            draft.participants(participants);
        }
        if let Some(summary) = &args.summary {
            draft.summary(summary);
        }
        if let Some(position) = position {
            draft.at(position);
        }
        self.finish(&mut draft, &args.photos, args.save)
    }

    fn answer(&self, task: &str, answer: &str, text: &str, photos: &[PathBuf], at: &AtArg) -> Result<Said> {
        let answer = words::parse_answer(answer).ok_or_else(|| {
            Error::input(
                ReasonCode::TaskAnswerUnknown,
                "请回答 属实、不属实、已整改 或 未整改",
                "answer true, not_true, rectified or not_rectified",
            )
        })?;
        let position = self.position(at)?;
        let mut draft = self
            .terminal
            .task(self.terminal.find_task(task)?)?
            .answer(answer)?;
        if !text.is_empty() {
            draft.text(text);
        }
        if let Some(position) = position {
            draft.at(position);
        }
        self.finish(&mut draft, photos, false)
    }

    /// Photos, then the draft or the entry; from the first photo on a kill costs nothing.
    fn finish<C: Content>(&self, draft: &mut Draft<C>, photos: &[PathBuf], save: bool) -> Result<Said> {
        let mut repeated = 0;
        for photo in photos {
            let before = draft.photos().len();
            if let Err(error) = draft.add_photo(Source::Path(photo)) {
                return Err(self.after_photo_failed(draft, photo, before, &error));
            }
            repeated += usize::from(draft.photos().len() == before);
        }
        if save {
            draft.save()?;
            let row = self.row(draft.id())?;
            let id = human::short(draft.id());
            let text = self.lang.pick(
                format!("草稿已保存在本机，编号 {id}；提交用 --draft {id}"),
                format!("Draft saved on this handset, id {id}; file it with --draft {id}"),
            );
            return Ok(Said::new(text, json!({ "item": row, "again": false })));
        }
        let filed = draft.submit()?;
        let mut said = self.filed(
            filed.item,
            filed.again,
            "已保存在本机，联网后自动上传",
            "Saved on this handset, sent when there is a network",
        )?;
        if repeated > 0 {
            said.text.push_str(&self.lang.pick(
                format!("\n有 {repeated} 张照片重复，只保留一份"),
                format!("\n{repeated} of the photos came twice and were kept once"),
            ));
        }
        let left_out = draft.photos_left_out();
        if left_out > 0 {
            said.text.push_str(&self.lang.pick(
                format!("\n原有 {left_out} 张照片不在本机，新版本不含这些照片，需要时请补拍"),
                format!(
                    "\n{left_out} photos of the old version are not on this handset and not in the new one"
                ),
            ));
        }
        if let Some(fields) = said.json.as_object_mut() {
            fields.insert("photos_left_out".into(), json!(left_out));
        }
        Ok(said)
    }

    /// A photo was refused. What was taken in before it is in the draft, and the way on is said.
    fn after_photo_failed<C: Content>(
        &self,
        draft: &Draft<C>,
        photo: &Path,
        taken: usize,
        error: &Error,
    ) -> Error {
        let reason = error.reason();
        let name = photo.file_name().unwrap_or(photo.as_os_str()).to_string_lossy();
        let id = human::short(draft.id());
        let (zh, en) = if taken == 0 {
            ("；没有提交".to_owned(), "; nothing was filed".to_owned())
        } else if C::KIND == EntryKind::Answer {
            (
                format!("；前 {taken} 张已存入草稿，再次反馈这个任务即可继续"),
                format!("; the first {taken} are kept in a draft, answer the task again to go on"),
            )
        } else {
            (
                format!("；前 {taken} 张已存入草稿 {id}，可用 --draft {id} 继续"),
                format!("; the first {taken} are kept in draft {id}, go on with --draft {id}"),
            )
        };
        Error::input(
            &reason.code,
            format!("照片 {name}：{}{zh}", reason.zh),
            format!("photo {name}: {}{en}", reason.en),
        )
    }

    /// `--draft` of something that was submitted already: said, not filed twice.
    fn submitted(&self, id: &str) -> Result<Option<Said>> {
        let id = self.terminal.find_item(id)?;
        match self.terminal.store().item(id)? {
            Some(_) => self.filed(id, true, "", "").map(Some),
            None => Ok(None),
        }
    }

    /// What every filing says: where it is now, what it was, and its id.
    fn filed(&self, id: EntryId, again: bool, zh: &str, en: &str) -> Result<Said> {
        let now = self.terminal.now()?;
        let rows = self.terminal.queue()?;
        let row = rows
            .into_iter()
            .find(|row| row.id == id)
            .ok_or(Error::NoSuchItem)?;
        let first = if again {
            self.lang.pick(
                format!(
                    "这一条之前已提交，没有重复提交：{}",
                    row.state_words(self.lang, now)
                ),
                format!(
                    "This was filed before and was not filed again: {}",
                    row.state_words(self.lang, now)
                ),
            )
        } else {
            self.lang.pick(zh, en).to_owned()
        };
        let mut parts = vec![human::kind(self.lang, &row.kind)];
        if !row.summary.is_empty() {
            parts.push(super::table::clip(&row.summary, 60));
        }
        if row.photos_named > 0 {
            let n = row.photos_named;
            parts.push(self.lang.pick(format!("照片 {n} 张"), format!("{n} photos")));
        }
        parts.push(self.lang.pick(
            format!("编号 {}", human::short(id)),
            format!("id {}", human::short(id)),
        ));
        Ok(Said::new(
            format!("{first}\n{}", parts.join("  ")),
            json!({ "item": machine::item(&row, now), "again": again }),
        ))
    }
    fn row(&self, id: EntryId) -> Result<Value> {
        let now = self.terminal.now()?;
        let rows = self.terminal.queue()?;
        Ok(rows
            .iter()
            .find(|row| row.id == id)
            .map_or(Value::Null, |row| machine::item(row, now)))
    }

    fn queue(&self, all: bool) -> Result<Said> {
        let now = self.terminal.now()?;
        let mut rows = self.terminal.queue()?;
        rows.retain(|row| all || !row.is_finished());
        let items: Vec<Value> = rows.iter().map(|row| machine::item(row, now)).collect();
        Ok(Said::new(
            human::queue(self.lang, &rows, all, now),
            json!({ "items": items }),
        ))
    }

    fn tasks(&self, at: &AtArg, all: bool) -> Result<Said> {
        let now = self.terminal.now()?;
        let here: Option<PointE7> = match &at.at {
            Some(text) => Some(TypedPlace::parse(text, Datum::Wgs84)?.point),
            None => None,
        };
        let tasks: Vec<(Task, Option<Way>)> = self
            .terminal
            .tasks()?
            .into_iter()
            .filter(|task| all || task.answered.is_none())
            .map(|task| {
                let way = here.and_then(|here| task.way_from(here));
                (task, way)
            })
            .collect();
        let documents: Vec<Value> = tasks
            .iter()
            .map(|(task, way)| machine::task(task, *way, now))
            .collect();
        Ok(Said::new(
            human::tasks(self.lang, &tasks, now),
            json!({ "tasks": documents }),
        ))
    }

    fn withdraw(&self, item: &str, reason: &str) -> Result<Said> {
        let id = self.terminal.find_item(item)?;
        let (text, outcome, withdrawal) = match self.terminal.withdraw(id, reason)? {
            Withdrawal::DraftDiscarded => (
                self.lang.pick("草稿已删除", "The draft was thrown away"),
                "draft_discarded",
                None,
            ),
            Withdrawal::Cancelled => (
                self.lang.pick("已取消：还没有发出，不会上传", "Cancelled: it was never sent and will not be"),
                "cancelled",
                None,
            ),
            Withdrawal::Requested(withdrawal) => (
                self.lang.pick(
                    "撤回已保存在本机，联网后发出；可能已受理，结果以中心答复为准",
                    "The withdrawal is saved and will be sent; the centre decides, since the item may have arrived",
                ),
                "requested",
                Some(withdrawal),
            ),
        };
        Ok(Said::new(
            text,
            json!({ "item": id, "outcome": outcome, "withdrawal": withdrawal }),
        ))
    }

    fn types(&self, search: &str) -> Result<Said> {
        let catalogue = self.terminal.catalogue()?;
        let found = matters::search(&catalogue, search);
        let rows: Vec<Vec<String>> = found
            .iter()
            .map(|item| vec![item.code.to_string(), item.zh.clone(), item.en.clone()])
            .collect();
        let text = if rows.is_empty() {
            self.lang.pick(
                format!("没有包含「{search}」的类型"),
                format!("no type has “{search}” in its name"),
            )
        } else {
            super::table::table(&[], &rows)
        };
        Ok(Said::new(
            text,
            json!({ "version": catalogue.version, "types": found }),
        ))
    }
}

/// A civil time in Asia/Shanghai: `2026-11-22 09:00`, seconds and `T` allowed.
fn time(text: &str) -> Result<Millis> {
    let text = text.trim().replace(['T', '/'], " ");
    let parsed = ["%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S", "%Y %m %d %H:%M"]
        .iter()
        .find_map(|form| jiff::civil::DateTime::strptime(form, &text).ok());
    parsed.map(Millis::from_civil).ok_or_else(|| {
        Error::input(
            HandsetCode::TimeMalformed,
            format!("看不懂时间 {text}，请写成 2026-11-22 09:00"),
            format!("cannot read the time {text}, write 2026-11-22 09:00"),
        )
    })
}
