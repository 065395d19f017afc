//! Activity records (活动记录, SP-05, SP-15, TJ-09) of a community sports manager: written, reviewed by a
//! supervisor, and revised as a new version of the same record if they are returned.

use crate::{
    Error, Result,
    terminal::Terminal,
    words::{Summary, SummaryPart},
    work::draft::{Draft, DraftContent},
};
use protocol::{
    codes::CellCode,
    feed::{ActivityRow, ActivityState, kind},
    ids::RecordId,
    manifest::AskedEvidence,
    open::Open,
    payload::{Activity, EntryKind, Payload},
    photo::{PhotoRef, PhotoRole},
    problem::{HandsetCode, ReasonCode},
    time::Millis,
};
use serde::{Deserialize, Serialize};

/// A draft of an activity record.
pub type ActivityDraft = Draft<ActivityContent>;

/// The content of an activity record besides photos; `None` or empty until the worker fills it in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ActivityContent {
    pub category: String,
    pub title: String,
    pub starts: Option<Millis>,
    pub ends: Option<Millis>,
    pub place: String,
    /// The cell of the version that this one revises: it stays unless a position gives another.
    pub cell: Option<CellCode>,
    pub organiser: String,
    pub participants: Option<u32>,
    pub summary: String,
}

impl DraftContent for ActivityContent {
    const KIND: EntryKind = EntryKind::Activity;
    const PHOTO_ROLE: PhotoRole = PhotoRole::Activity;

    fn check(&self, _: &Terminal, _: &[PhotoRef]) -> Result<()> {
        let texts = [
            (&self.category, "类别", "category"),
            (&self.title, "名称", "title"),
            (&self.place, "地点", "place"),
            (&self.organiser, "组织者", "organiser"),
        ];
        for (text, zh, en) in texts {
            if text.trim().is_empty() {
                return Err(missing(zh, en));
            }
        }
        let starts = self.starts.ok_or_else(|| missing("开始时间", "start"))?;
        let ends = self.ends.ok_or_else(|| missing("结束时间", "end"))?;
        if ends <= starts {
            return Err(Error::input(
                ReasonCode::ActivityTimes,
                "结束时间要晚于开始时间，请改正",
                "the end must be later than the start",
            ));
        }
        match self.participants {
            None => Err(missing("人数", "number of participants")),
            Some(0) => Err(Error::input(
                ReasonCode::ActivityParticipants,
                "参加人数至少为 1",
                "there must be at least one participant",
            )),
            Some(_) => Ok(()),
        }
    }
    fn payload(&self, cell: Option<CellCode>, photos: Vec<PhotoRef>) -> Result<Payload> {
        let text = |text: &String| text.trim().to_owned();
        Ok(Payload::Activity(Activity {
            category: text(&self.category),
            title: text(&self.title),
            starts: self.starts.ok_or_else(|| missing("开始时间", "start"))?,
            ends: self.ends.ok_or_else(|| missing("结束时间", "end"))?,
            place: text(&self.place),
            cell: cell.or(self.cell),
            organiser: text(&self.organiser),
            participants: self.participants.ok_or_else(|| missing("人数", "participants"))?,
            summary: text(&self.summary),
            photos,
        }))
    }
    fn kept_cell(&self) -> Option<CellCode> {
        self.cell
    }
    fn photos_asked(&self, asked: AskedEvidence) -> u32 {
        asked.activity_photos
    }
    fn summary(&self) -> Summary {
        Summary::new([&self.title, &self.place].map(|part| SummaryPart::Text(part.clone())))
    }
}

fn missing(zh: &str, en: &str) -> Error {
    Error::input(
        HandsetCode::ActivityIncomplete,
        format!("活动记录缺少{zh}，请补充"),
        format!("the activity record lacks its {en}"),
    )
}

impl From<Activity> for ActivityContent {
    fn from(sent: Activity) -> Self {
        Self {
            category: sent.category,
            title: sent.title,
            starts: Some(sent.starts),
            ends: Some(sent.ends),
            place: sent.place,
            cell: sent.cell,
            organiser: sent.organiser,
            participants: Some(sent.participants),
            summary: sent.summary,
        }
    }
}

impl Draft<ActivityContent> {
    /// 活动类别 as in the settings: `fitness`, `contest`, `lecture`, `training` …
    pub fn category(&mut self, category: impl Into<String>) -> &mut Self {
        self.content_mut().category = category.into();
        self
    }
    /// The title.
    pub fn title(&mut self, title: impl Into<String>) -> &mut Self {
        self.content_mut().title = title.into();
        self
    }
    /// When it begins.
    pub fn starts(&mut self, at: Millis) -> &mut Self {
        self.content_mut().starts = Some(at);
        self
    }
    /// When it ends; must be later than the beginning.
    pub fn ends(&mut self, at: Millis) -> &mut Self {
        self.content_mut().ends = Some(at);
        self
    }
    /// The place in words.
    pub fn place(&mut self, place: impl Into<String>) -> &mut Self {
        self.content_mut().place = place.into();
        self
    }
    /// The organiser, in words.
    pub fn organiser(&mut self, organiser: impl Into<String>) -> &mut Self {
        self.content_mut().organiser = organiser.into();
        self
    }
    /// Number of participants, at least 1.
    pub fn participants(&mut self, number: u32) -> &mut Self {
        self.content_mut().participants = Some(number);
        self
    }
    /// A short summary.
    pub fn summary(&mut self, summary: impl Into<String>) -> &mut Self {
        self.content_mut().summary = summary.into();
        self
    }
}

impl Terminal {
    /// Begins an activity record.
    ///
    /// # Errors
    /// Errors of the platform's randomness.
    pub fn new_activity(&self) -> Result<ActivityDraft> {
        Draft::begin(self, ActivityContent::default())
    }
    /// A draft of the next version of an activity record, filled with the last version's content.
    ///
    /// # Errors
    /// `activity.unknown`; `activity.approved` if it was approved.
    pub fn revise_activity(&self, record: RecordId) -> Result<ActivityDraft> {
        let row = self.activity_row(record)?;
        if let Some(ActivityRow {
            state: Open::Known(ActivityState::Approved),
            ..
        }) = row
        {
            return Err(Error::input(
                HandsetCode::ActivityApproved,
                "这条活动记录已通过审核，不能再修改",
                "this activity record is approved and can no longer be changed",
            ));
        }
        let mut items = self.store().items_of_record(record)?;
        items.retain(|item| item.kind == Open::Known(EntryKind::Activity));
        let last = items.last();
        // Returned, filed on another handset, and newer than the version here.
        if let Some(open) = self.rejected_version(record)?
            && last.is_none_or(|last| last.created < open.row.made)
            && let Some((entry, Payload::Activity(sent))) = open.said
        {
            let photos = sent.photos.clone();
            return Draft::revise(self, record, entry.id, &photos, sent.into());
        }
        match (last, row) {
            (Some(last), _) => {
                let Payload::Activity(sent) = self.payload_of(last.id)? else {
                    return Err(unknown());
                };
                let photos = sent.photos.clone();
                Draft::revise(self, record, last.id, &photos, sent.into())
            }
            // Written on an earlier handset: what the mailbox has.
            (None, Some(row)) => {
                let content = ActivityContent {
                    category: row.category.unwrap_or_default(),
                    title: row.title,
                    starts: row.starts,
                    ends: row.ends,
                    place: row.place.unwrap_or_default(),
                    participants: row.participants,
                    ..ActivityContent::default()
                };
                Draft::revise(self, record, row.entry, &[], content)
            }
            (None, None) => Err(unknown()),
        }
    }
    /// A saved draft of an activity record.
    ///
    /// # Errors
    /// `item.unknown`, `draft.other_kind`, `draft.newer`.
    pub fn activity_draft(&self, id: protocol::ids::EntryId) -> Result<ActivityDraft> {
        Draft::load(self, id)
    }
    pub(crate) fn activity_row(&self, record: RecordId) -> Result<Option<ActivityRow>> {
        let rows: Vec<ActivityRow> = self.store().mailbox_of(kind::ACTIVITY)?;
        Ok(rows.into_iter().find(|row| row.record == record))
    }
}

fn unknown() -> Error {
    Error::input(
        HandsetCode::ActivityUnknown,
        "本机没有这条活动记录",
        "this activity record is not on this handset",
    )
}
