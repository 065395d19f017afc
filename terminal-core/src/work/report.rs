//! Reports (上报, T1): content, draft, and revision of a returned report.

use crate::{
    Error, Result,
    grid::listing::unknown_unit,
    store::items::Custody,
    terminal::Terminal,
    words::{Summary, SummaryPart},
    work::{
        draft::{Draft, DraftContent},
        filing::is_rejected,
    },
};
use protocol::{
    codes::{CellCode, MatterCode},
    entry::Entry,
    evidence::Position,
    ids::{EntryId, RecordId},
    manifest::Catalogue,
    payload::{EntryKind, Payload, Report},
    photo::{PhotoRef, PhotoRole},
    problem::{HandsetCode, ReasonCode},
};
use serde::{Deserialize, Serialize};

/// A draft of a report.
pub type ReportDraft = Draft<ReportContent>;

/// The content of a report besides photos.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ReportContent {
    pub matter: Option<MatterCode>,
    /// Chinese name of the type, for the queue.
    pub matter_name: String,
    /// English name of the type; empty in drafts of older versions.
    pub matter_name_en: String,
    pub text: String,
    pub place: Option<Position>,
    /// The cell that the worker chose.
    pub cell: Option<CellCode>,
    pub address: String,
    pub self_handled: bool,
}

impl ReportContent {
    /// Makes the content of a draft from a filed report.
    pub(crate) fn of(sent: Report, catalogue: Option<&Catalogue>) -> Self {
        let item = sent.matter.and_then(|code| catalogue?.find(code));
        Self {
            matter: sent.matter,
            matter_name: item.map_or_else(String::new, |item| item.zh.clone()),
            matter_name_en: item.map_or_else(String::new, |item| item.en.clone()),
            text: sent.text,
            place: sent.place,
            cell: sent.cell.filter(|_| sent.cell_chosen),
            address: sent.address,
            self_handled: sent.self_handled,
        }
    }
}

impl DraftContent for ReportContent {
    const KIND: EntryKind = EntryKind::Report;
    const PHOTO_ROLE: PhotoRole = PhotoRole::Scene;

    fn check(&self, _: &Terminal, photos: &[PhotoRef]) -> Result<()> {
        if self.matter.is_none() && self.text.trim().is_empty() && photos.is_empty() {
            return Err(Error::input(
                HandsetCode::ReportEmpty,
                "上报还是空的，请至少选择类型、写说明或拍照",
                "the report is empty; give at least a type, a description or a photo",
            ));
        }
        Ok(())
    }
    fn payload(&self, cell: Option<CellCode>, photos: Vec<PhotoRef>) -> Result<Payload> {
        Ok(Payload::Report(Report {
            matter: self.matter,
            text: self.text.trim().to_owned(),
            place: self.place.clone(),
            cell: self.cell.or(cell),
            cell_chosen: self.cell.is_some(),
            address: self.address.trim().to_owned(),
            self_handled: self.self_handled,
            photos,
        }))
    }
    fn place(&self) -> Option<&Position> {
        self.place.as_ref()
    }
    fn chosen_cell(&self) -> Option<CellCode> {
        self.cell
    }
    fn summary(&self) -> Summary {
        Summary::new([
            SummaryPart::Matter {
                zh: self.matter_name.clone(),
                en: self.matter_name_en.clone(),
            },
            SummaryPart::Text(self.text.clone()),
            SummaryPart::Text(self.address.clone()),
        ])
    }
}

impl Draft<ReportContent> {
    /// Sets the type (事/部件) by its code; the acceptor can fill in or correct it (T4).
    ///
    /// # Errors
    /// `matter.unknown` if the catalogue does not have it.
    pub fn matter(&mut self, code: MatterCode) -> Result<&mut Self> {
        let item = self.terminal().catalogue()?.find(code).cloned().ok_or_else(|| {
            Error::input(
                HandsetCode::MatterUnknown,
                format!("没有类型 {code}"),
                format!("there is no type {code}"),
            )
        })?;
        self.content_mut().matter = Some(code);
        self.content_mut().matter_name = item.zh;
        self.content_mut().matter_name_en = item.en;
        Ok(self)
    }
    /// The worker's description.
    pub fn text(&mut self, text: impl Into<String>) -> &mut Self {
        self.content_mut().text = text.into();
        self
    }
    /// The place of the matter, if it is not where the worker stands. Its age is judged by its time: a monotonic time is
    /// not kept.
    pub fn place(&mut self, position: Position) -> &mut Self {
        self.content_mut().place = Some(Position {
            monotonic_ms: None,
            ..position
        });
        self
    }
    /// Chooses the cell, for a worker without a fix; `None` takes the choice back. The entry says that the cell was
    /// chosen. Where a position gives a cell, the server uses that one and flags the report if they differ.
    ///
    /// # Errors
    /// `place.unknown` if the handset's grid does not have it; without a grid every cell is accepted, because the
    /// server checks it.
    pub fn cell(&mut self, cell: impl Into<Option<CellCode>>) -> Result<&mut Self> {
        let cell = cell.into();
        if let Some((code, grid)) = cell.zip(self.terminal().grid()?)
            && !grid.has(code)
        {
            return Err(unknown_unit(&code.grouped()));
        }
        self.content_mut().cell = cell;
        Ok(self)
    }
    /// The address, in words.
    pub fn address(&mut self, address: impl Into<String>) -> &mut Self {
        self.content_mut().address = address.into();
        self
    }
    /// 自行处理: the worker has handled it on the spot (SJ-03).
    pub fn self_handled(&mut self, yes: bool) -> &mut Self {
        self.content_mut().self_handled = yes;
        self
    }
}

impl Terminal {
    /// Begins a report. Nothing is saved until a photo is added or [`Draft::save`] is called.
    ///
    /// # Errors
    /// Errors of the platform's randomness.
    pub fn new_report(&self) -> Result<ReportDraft> {
        Draft::begin(self, ReportContent::default())
    }
    /// A saved draft of a report.
    ///
    /// # Errors
    /// `item.unknown`, `draft.other_kind`, `draft.newer`.
    pub fn report_draft(&self, id: EntryId) -> Result<ReportDraft> {
        Draft::load(self, id)
    }
    /// A draft that revises a returned report, filled with its content.
    ///
    /// # Errors
    /// `item.unknown`; `report.not_returned`; `item.mended_already`.
    pub fn revise_report(&self, id: EntryId) -> Result<ReportDraft> {
        let Some(item) = self.store().item(id)? else {
            return self.revise_elsewhere(id);
        };
        let Payload::Report(sent) = self.payload_of(id)? else {
            return Err(not_returned());
        };
        let why = item
            .disposition
            .as_ref()
            .and_then(|(said, _)| said.reason.as_ref());
        let is = |code: ReasonCode| why.is_some_and(|why| why.code == code);
        if is(ReasonCode::Withdrawn) || !is_rejected(&item) && !matches!(item.custody, Custody::Refused(_)) {
            return Err(not_returned());
        }
        if is(ReasonCode::Superseded) || !self.store().revisions_of(id)?.is_empty() {
            return Err(Error::input(
                HandsetCode::ItemMendedAlready,
                "这一条已修改并重新提交，请在队列中查看",
                "this item was already revised and submitted again; see the queue",
            ));
        }
        let (entry, _) = self.store().entry(id)?;
        self.revised(item.record, &entry, sent)
    }
    /// Revises a returned report that is not on this handset.
    fn revise_elsewhere(&self, id: EntryId) -> Result<ReportDraft> {
        let open = self.needs_action_entry(id)?.ok_or(Error::NoSuchItem)?;
        match open.said {
            _ if !open.is_rejected() => Err(not_returned()),
            Some((entry, Payload::Report(sent))) => self.revised(open.row.record, &entry, sent),
            Some(_) | None => Err(not_returned()),
        }
    }
    fn revised(&self, record: RecordId, entry: &Entry, sent: Report) -> Result<ReportDraft> {
        let photos = sent.photos.clone();
        let content = ReportContent::of(sent, Some(&self.catalogue()?));
        let mut draft = Draft::revise(self, record, entry.id, &photos, content)?;
        if let Some(position) = entry.evidence.position.clone() {
            draft.at(position);
        }
        Ok(draft)
    }
}

fn not_returned() -> Error {
    Error::input(
        HandsetCode::ReportNotReturned,
        "这一条没有被退回，不用修改；要更正请先撤回",
        "this item was not returned, so it cannot be revised; to correct it, withdraw it first",
    )
}
