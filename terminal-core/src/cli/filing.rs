//! Commands that file reports, activity records and answers.

use crate::{
    Error, Result,
    cli::{
        args::{ActivityArgs, AtArg, FixArgs, ReportArgs},
        documents,
        said::Said,
        screen,
        table::clip,
        text,
    },
    grid::{listing::parse_cell, place::TypedPlace},
    photos::folder::PhotoSource,
    terminal::Terminal,
    words::{self, Lang},
    work::{
        activity::ActivityDraft,
        catalogue,
        draft::{Draft, DraftContent},
        report::ReportDraft,
    },
};
use protocol::{
    evidence::Position,
    geo::Datum,
    ids::EntryId,
    payload::EntryKind,
    problem::{HandsetCode, ReasonCode},
    time::Millis,
};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

pub(super) struct CommandContext<'a> {
    pub(super) terminal: &'a Terminal,
    pub(super) lang: Lang,
    /// Somebody sits at a terminal and can be asked.
    pub(super) asks: bool,
}

/// What happens to a draft with fewer photos than asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fewer {
    Ask,
    /// Files it, or nothing is asked for.
    Confirmed,
}

impl Fewer {
    pub(super) const fn confirmed(is: bool) -> Self {
        if is { Self::Confirmed } else { Self::Ask }
    }
}

impl CommandContext<'_> {
    pub(super) fn report(&self, args: &ReportArgs) -> Result<Said> {
        // Typing errors are reported before anything is saved.
        let catalogue = self.terminal.catalogue()?;
        let matter = args
            .matter
            .as_deref()
            .map(|text| catalogue::one(&catalogue, text))
            .transpose()?;
        let position = self.position(&args.at)?;
        let place = args.place.as_deref().map(|text| self.typed(text)).transpose()?;
        let cell = args.cell.as_deref().map(parse_cell).transpose()?;
        let mut draft: ReportDraft = match (&args.draft, &args.revise) {
            (Some(id), _) => match self.submitted(id)? {
                Some(said) => return Ok(said),
                None => self.terminal.report_draft(self.terminal.find_item(id)?)?,
            },
            (None, Some(id)) => self.terminal.revise_report(self.terminal.find_item(id)?)?,
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
        if cell.is_some() {
            draft.cell(cell)?;
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
        self.finish(&mut draft, &args.photos, args.save, Fewer::Confirmed)
    }
    pub(super) fn activity(&self, args: &ActivityArgs) -> Result<Said> {
        let starts = args.starts.as_deref().map(time).transpose()?;
        let ends = args.ends.as_deref().map(time).transpose()?;
        let position = self.position(&args.at)?;
        let mut draft: ActivityDraft = match (&args.draft, &args.revise) {
            (Some(id), _) => match self.submitted(id)? {
                Some(said) => return Ok(said),
                None => self.terminal.activity_draft(self.terminal.find_item(id)?)?,
            },
            (None, Some(id)) => self.terminal.revise_activity(self.terminal.find_record(id)?)?,
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
        let fewer = Fewer::confirmed(args.fewer_photos);
        self.finish(&mut draft, &args.photos, args.save, fewer)
    }
    pub(super) fn answer_task(
        &self,
        task: &str,
        answer: &str,
        text: &str,
        photos: &[PathBuf],
        fewer: Fewer,
        at: &AtArg,
    ) -> Result<Said> {
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
            .begin_answer(answer)?;
        if !text.is_empty() {
            draft.text(text);
        }
        if let Some(position) = position {
            draft.at(position);
        }
        self.finish(&mut draft, photos, false, fewer)
    }
    /// Adds the photos, then saves or submits. After the first photo the draft survives a kill.
    pub(super) fn finish<C: DraftContent>(
        &self,
        draft: &mut Draft<C>,
        photos: &[PathBuf],
        save: bool,
        fewer: Fewer,
    ) -> Result<Said> {
        let mut repeated = 0;
        for photo in photos {
            let before = draft.photos().len();
            if let Err(error) = draft.add_photo(PhotoSource::Path(photo)) {
                return Err(self.after_photo_failed(draft, photo, before, &error));
            }
            repeated += usize::from(draft.photos().len() == before);
        }
        if save || !self.may_file(draft, fewer)? {
            draft.save()?;
            let row = self.row(draft.id())?;
            let id = text::short(draft.id());
            let text = self.lang.pick(
                format!("草稿已保存在本机，编号 {id}；提交用 --draft {id}"),
                format!("Draft saved on this handset, id {id}; submit it with --draft {id}"),
            );
            return Ok(Said::new(text, json!({ "item": row, "again": false })));
        }
        let filed = draft.submit()?;
        let mut said = self.filed(
            filed.item,
            filed.again,
            "已保存在本机，联网后自动上传",
            "Saved on this handset; sent when there is a network",
        )?;
        if repeated > 0 {
            said.text.push_str(&self.lang.pick(
                format!("\n有 {repeated} 张照片重复，只保留一份"),
                format!("\n{repeated} photos were duplicates; one copy of each is kept"),
            ));
        }
        let left_out = draft.photos_left_out();
        if left_out > 0 {
            said.text.push_str(&self.lang.pick(
                format!("\n原有 {left_out} 张照片不在本机，新版本不含这些照片，需要时请补拍"),
                format!(
                    "\n{left_out} photos of the old version are not on this handset, so the new version does not contain them; take them again if needed"
                ),
            ));
        }
        if let Some(fields) = said.json.as_object_mut() {
            fields.insert("photos_left_out".into(), json!(left_out));
        }
        Ok(said)
    }
    /// Whether the draft is filed: it has the photos that are asked for, or the worker says so.
    ///
    /// # Errors
    /// Missing or wrong content; `photo.fewer` if nobody can be asked.
    fn may_file<C: DraftContent>(&self, draft: &mut Draft<C>, fewer: Fewer) -> Result<bool> {
        let Some(lacks) = draft.fewer_photos()?.filter(|_| fewer == Fewer::Ask) else {
            return Ok(true);
        };
        // What is refused in any case is not asked about.
        draft.check()?;
        if self.asks {
            return Ok(screen::yes(&lacks.words(self.lang)));
        }
        draft.save()?;
        let add = |lang: Lang| {
            lang.pick(
                "；就这样提交请加 --fewer-photos",
                "; add --fewer-photos to submit",
            )
        };
        Err(Error::input(
            HandsetCode::PhotoFewer,
            format!("{}{}", lacks.words(Lang::Zh), add(Lang::Zh)),
            format!("{}{}", lacks.words(Lang::En), add(Lang::En)),
        ))
    }
    /// The error for a refused photo: says how many photos are in the draft and how to continue.
    pub(super) fn after_photo_failed<C: DraftContent>(
        &self,
        draft: &Draft<C>,
        photo: &Path,
        taken: usize,
        error: &Error,
    ) -> Error {
        let reason = error.reason();
        let name = photo.file_name().unwrap_or(photo.as_os_str()).to_string_lossy();
        let id = text::short(draft.id());
        let (zh, en) = if taken == 0 {
            ("；没有提交".to_owned(), "; nothing was submitted".to_owned())
        } else if C::KIND == EntryKind::Answer {
            (
                format!("；前 {taken} 张已存入草稿，再次反馈这个任务即可继续"),
                format!("; the first {taken} are saved in a draft; answer the task again to continue"),
            )
        } else {
            (
                format!("；前 {taken} 张已存入草稿 {id}，可用 --draft {id} 继续"),
                format!("; the first {taken} are saved in draft {id}; continue with --draft {id}"),
            )
        };
        Error::input(
            reason.code,
            format!("照片 {name}：{}{zh}", reason.zh),
            format!("photo {name}: {}{en}", reason.en),
        )
    }
    /// Handles `--draft` of a submitted item: it is shown, not filed again.
    pub(super) fn submitted(&self, id: &str) -> Result<Option<Said>> {
        let id = self.terminal.find_item(id)?;
        match self.terminal.store().item(id)? {
            Some(_) => self.filed(id, true, "", "").map(Some),
            None => Ok(None),
        }
    }
    /// The result of every filing: where the item is, its content, and its id.
    pub(super) fn filed(&self, id: EntryId, again: bool, zh: &str, en: &str) -> Result<Said> {
        let now = self.terminal.now()?;
        let row = self.terminal.queue_row(id)?;
        let first = if again {
            self.lang.pick(
                format!(
                    "这一条之前已提交，没有重复提交：{}",
                    row.state_words(self.lang, now)
                ),
                format!(
                    "This was already submitted and was not submitted again: {}",
                    row.state_words(self.lang, now)
                ),
            )
        } else {
            self.lang.pick(zh, en).to_owned()
        };
        let mut parts = vec![words::entry_kind(self.lang, &row.kind)];
        if !row.summary.is_empty() {
            parts.push(clip(&row.summary.words(self.lang), 60));
        }
        if row.photos_named > 0 {
            let n = row.photos_named;
            parts.push(self.lang.pick(format!("照片 {n} 张"), format!("{n} photos")));
        }
        parts.push(self.lang.pick(
            format!("编号 {}", text::short(id)),
            format!("id {}", text::short(id)),
        ));
        let fix = self.terminal.fix_of(id)?;
        let mut text = format!("{first}\n{}", parts.join("  "));
        for doubt in fix.iter().flat_map(|fix| &fix.doubts) {
            text.push('\n');
            text.push_str(&doubt.fact(self.lang));
        }
        Ok(Said::new(
            text,
            json!({ "item": documents::item_with_fix(&row, fix.as_ref(), now), "again": again }),
        ))
    }
    pub(super) fn row(&self, id: EntryId) -> Result<Value> {
        let now = self.terminal.now()?;
        match self.terminal.queue_row(id) {
            Ok(row) => Ok(documents::item(&row, now)),
            Err(Error::NoSuchItem) => Ok(Value::Null),
            Err(error) => Err(error),
        }
    }
    /// Parses `--at` as evidence.
    pub(super) fn position(&self, at: &AtArg) -> Result<Option<Position>> {
        let typed = |text: &str| self.measured(TypedPlace::parse(text, Datum::Wgs84)?, &at.fix);
        at.at.as_deref().map(typed).transpose()
    }
    pub(super) fn typed(&self, text: &str) -> Result<Position> {
        TypedPlace::parse(text, Datum::Wgs84)?.position(self.terminal.now()?)
    }
    /// A typed place as the position that a receiver measured, if the options say so.
    pub(super) fn measured(&self, typed: TypedPlace, fix: &FixArgs) -> Result<Position> {
        let position = typed.position(self.terminal.now()?)?;
        if fix.fix_age.is_none() && fix.fix_by.is_none() {
            return Ok(position);
        }
        let age_ms = i64::from(fix.fix_age.unwrap_or(0)) * 1000;
        Ok(Position {
            provider: fix.fix_by.clone().unwrap_or(position.provider),
            fix_time: position.fix_time.plus(-age_ms),
            monotonic_ms: Some(self.terminal.clock_reading()?.monotonic_ms.saturating_sub(age_ms)),
            ..position
        })
    }
}

/// Parses a civil time in Asia/Shanghai: `2026-11-22 09:00`; seconds and `T` are allowed.
fn time(text: &str) -> Result<Millis> {
    let text = text.trim().replace(['T', '/'], " ");
    let parsed = ["%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S", "%Y %m %d %H:%M"]
        .iter()
        .find_map(|form| jiff::civil::DateTime::strptime(form, &text).ok());
    parsed.map(Millis::from_civil).ok_or_else(|| {
        Error::input(
            HandsetCode::TimeMalformed,
            format!("看不懂时间 {text}，请写成 2026-11-22 09:00"),
            format!("cannot read the time {text}; write it as 2026-11-22 09:00"),
        )
    })
}
