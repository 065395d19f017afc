//! Activity records in the database and in their author's mailbox.

use super::rules::{self, Further, FurtherEntry, MonthFacts, NotCounted, Standing};
use crate::{
    app::{ctx::Ctx, mailbox::MailboxId, state::App, tally::CountedKind},
    entries::{
        flags::{Flag, FlagName},
        reviewer::Reviewer,
        row::EntryRow,
        taken::Taken,
    },
    kernel::{failure::Failure, mask::Masker},
    params,
    people::{lookup, orgs::OrgKind, posts},
    photos::view::{CasePhoto, Origin, named_by},
    store::{error::StoreError, tx::Tx, value::Row},
};
use protocol::{
    area::{Area, AreaLevel},
    codes::CellCode,
    entry::{Disposition, Reason},
    feed::{ActivityRow, kind, row_words},
    ids::{EntryId, PersonId, PostId, RecordId, StreamId},
    payload::Activity,
    problem::{ProblemCode, ReasonCode},
    time::Millis,
};
use serde::{Deserialize, Serialize};

/// The kind of a district's unit; its departments have the same area and another kind.
const DISTRICT: &str = OrgKind::District.as_str();

/// A row of `activity`.
#[derive(Debug, Clone)]
pub(super) struct Record {
    pub record: RecordId,
    pub entry: EntryId,
    pub stream: StreamId,
    pub version: u32,
    pub state: Standing,
    pub category: String,
    pub title: String,
    pub starts: Millis,
    pub ends: Millis,
    pub place: String,
    pub cell: Option<CellCode>,
    pub area: Area,
    /// The cell lies outside the areas of the post.
    pub outside_area: bool,
    pub organiser: String,
    pub participants: u32,
    pub summary: String,
    pub author: PersonId,
    pub post: PostId,
    pub reason: Option<String>,
    pub reviewed_by: Option<PersonId>,
    pub reviewed: Option<Millis>,
    /// Area of the unit from above that approved it.
    pub approved_from: Option<Area>,
    pub created: Millis,
    pub updated: Millis,
}

pub(super) const COLUMNS: &str = "record, entry, stream, version, state, category, title, starts, ends, place, cell, area, organiser, \
     participants, summary, author, post, reason, reviewed_by, reviewed, created, updated, outside_area, \
     approved_from";

impl Record {
    pub(super) fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            record: row.parse("record")?,
            entry: row.parse("entry")?,
            stream: row.parse("stream")?,
            version: row.get("version")?,
            state: row.parse("state")?,
            category: row.get("category")?,
            title: row.get("title")?,
            starts: Millis(row.get("starts")?),
            ends: Millis(row.get("ends")?),
            place: row.get("place")?,
            cell: row.parse_opt("cell")?,
            area: row.parse("area")?,
            outside_area: row.get("outside_area")?,
            organiser: row.get("organiser")?,
            participants: row.get("participants")?,
            summary: row.get("summary")?,
            author: row.parse("author")?,
            post: row.parse("post")?,
            reason: row.get("reason")?,
            reviewed_by: row.parse_opt("reviewed_by")?,
            reviewed: row.get::<Option<i64>>("reviewed")?.map(Millis),
            approved_from: row.parse_opt("approved_from")?,
            created: Millis(row.get("created")?),
            updated: Millis(row.get("updated")?),
        })
    }
    pub(super) fn find(tx: &mut Tx<'_>, record: RecordId) -> Result<Option<Self>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM activity WHERE record = ?1");
        tx.opt(&sql, params![record.to_string()], Self::read)
    }
    /// Loads a record; `request.not_found` if there is none.
    pub(super) fn load(tx: &mut Tx<'_>, record: RecordId) -> Result<Self, Failure> {
        Self::find(tx, record)?.ok_or_else(|| Failure::of(ProblemCode::NotFound))
    }
    /// Inserts or replaces the whole row.
    pub(super) fn save(&self, tx: &mut Tx<'_>, ctx: &mut Ctx) -> Result<(), StoreError> {
        let before = tx.opt(
            "SELECT area, state FROM activity WHERE record = ?1",
            params![self.record.to_string()],
            |row| {
                Ok((
                    row.parse::<Area>("area")?,
                    row.parse::<Standing>("state")?.as_str(),
                ))
            },
        )?;
        let after = (self.area, self.state.as_str());
        ctx.tally.moved(CountedKind::Activity, before, after);
        tx.run(
            "INSERT INTO activity (record, entry, stream, version, state, category, title, starts, ends, place, cell,
                 area, organiser, participants, summary, author, post, reason, reviewed_by, reviewed, created, updated,
                 outside_area, approved_from)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22,
                 ?23, ?24)
             ON CONFLICT (record) DO UPDATE SET entry = excluded.entry, stream = excluded.stream,
                 version = excluded.version, state = excluded.state, category = excluded.category,
                 title = excluded.title, starts = excluded.starts, ends = excluded.ends, place = excluded.place,
                 cell = excluded.cell, area = excluded.area, organiser = excluded.organiser,
                 participants = excluded.participants, summary = excluded.summary, post = excluded.post,
                 reason = excluded.reason, reviewed_by = excluded.reviewed_by, reviewed = excluded.reviewed,
                 updated = excluded.updated, outside_area = excluded.outside_area,
                 approved_from = excluded.approved_from",
            params![
                self.record.to_string(),
                self.entry.to_string(),
                self.stream.to_string(),
                self.version,
                self.state.as_str(),
                &self.category,
                &self.title,
                self.starts.0,
                self.ends.0,
                &self.place,
                self.cell.map(|c| c.to_string()),
                self.area.as_str(),
                &self.organiser,
                self.participants,
                &self.summary,
                self.author.to_string(),
                self.post.to_string(),
                &self.reason,
                self.reviewed_by.map(|p| p.to_string()),
                self.reviewed.map(|t| t.0),
                self.created.0,
                self.updated.0,
                self.outside_area,
                self.approved_from.map(|area| area.to_string())
            ],
        )?;
        Ok(())
    }
    /// Updates the record's row in its author's mailbox.
    pub(super) fn tell_author(&self, ctx: &mut Ctx) -> Result<(), Failure> {
        let mailbox = MailboxId::Author(self.author);
        let Some(state) = self.state.wire() else {
            ctx.mail.remove(mailbox, kind::ACTIVITY, self.record);
            return Ok(());
        };
        let row = ActivityRow {
            record: self.record,
            entry: self.entry,
            version: self.version,
            title: self.title.clone(),
            state: state.into(),
            reason: self.reason.as_deref().map(|text| Masker::default().text(text)),
            at: self.updated,
            made: Some(self.created),
            starts: Some(self.starts),
            ends: Some(self.ends),
            category: Some(self.category.clone()),
            participants: Some(self.participants),
            place: row_words(&self.place),
        };
        ctx.mail.put(mailbox, kind::ACTIVITY, self.record, &row)
    }
}

/// Stores a record or a revised version of one. A record with faults is rejected with all of them at once.
pub fn submit(
    tx: &mut Tx<'_>,
    ctx: &mut Ctx,
    app: &App,
    taken: &Taken,
    a: &Activity,
) -> Result<Disposition, Failure> {
    let entry = &taken.entry;
    let stands = Record::find(tx, entry.record)?;
    if let Some(record) = &stands {
        let second = FurtherEntry {
            state: record.state,
            same_author: record.author == entry.author,
            in_force: record.entry,
            entry: entry.id,
            supersedes: entry.supersedes,
        };
        match rules::further(&second) {
            Further::Known => return Ok(Disposition::applied()),
            Further::Refused(reason) => return Ok(Disposition::rejected(reason)),
            Further::Revises => {}
        }
    }
    if let Some(reason) = rules::one_reason(&rules::faults(a, taken.received)) {
        return Ok(Disposition::rejected(reason));
    }
    let cell = a.cell.filter(|cell| app.grids.knows(*cell).is_some());
    let (area, outside_area) = place(&posts::areas(tx, entry.post)?, cell);
    let record = Record {
        record: entry.record,
        entry: entry.id,
        stream: taken.stream,
        version: stands.as_ref().map_or(1, |s| s.version + 1),
        state: Standing::Submitted,
        category: a.category.trim().to_owned(),
        title: a.title.trim().to_owned(),
        starts: a.starts,
        ends: a.ends,
        place: a.place.trim().to_owned(),
        cell,
        area,
        outside_area,
        organiser: a.organiser.trim().to_owned(),
        participants: a.participants,
        summary: a.summary.clone(),
        author: entry.author,
        post: entry.post,
        reason: None,
        reviewed_by: None,
        reviewed: None,
        approved_from: None,
        created: stands.as_ref().map_or(ctx.now, |s| s.created),
        updated: ctx.now,
    };
    record.save(tx, ctx)?;
    record.tell_author(ctx)?;
    Ok(Disposition::applied())
}

/// The area of a record, which decides who reviews it and which district it counts for, and whether its cell lies outside
/// the areas of the post. The area is that of the post (A15): the author chooses the cell. Only where a post answers for
/// areas of several districts, the cell decides between them.
fn place(areas: &[Area], cell: Option<CellCode>) -> (Area, bool) {
    let own = cell.and_then(|cell| areas.iter().find(|area| area.contains(cell)));
    let whole = Area::common(areas.iter().copied());
    let is_one_district = whole.level().is_some_and(|level| level >= AreaLevel::County);
    let area = match own {
        Some(own) if !is_one_district => *own,
        _ => whole,
    };
    (area, cell.is_some() && own.is_none())
}

/// Withdraws a record; `None` if the entry is not an activity record. One that was reviewed is left to a person; a
/// `reviewer` who accepts the withdrawal takes it out of every figure.
pub fn withdraw(
    tx: &mut Tx<'_>,
    ctx: &mut Ctx,
    _: &App,
    taken: &Taken,
    target: &EntryRow,
    reviewer: Option<&Reviewer>,
) -> Result<Option<Disposition>, Failure> {
    let Some(mut record) = Record::find(tx, target.record)? else {
        return Ok(None);
    };
    let is_author = record.author == taken.entry.author;
    if let Some(reviewer) = reviewer {
        reviewer.reach(record.area)?;
        if !is_author {
            return Err(Failure::because(
                ProblemCode::ActivityState,
                "活动记录由他人填报，撤回不能采用；请退回并说明",
            ));
        }
    }
    match record.state {
        Standing::Withdrawn => Ok(Some(Disposition::applied())),
        state if is_author && (state == Standing::Submitted || reviewer.is_some()) => {
            record.state = Standing::Withdrawn;
            record.updated = ctx.now;
            record.save(tx, ctx)?;
            record.tell_author(ctx)?;
            Ok(Some(Disposition::applied()))
        }
        Standing::Submitted | Standing::Returned | Standing::Approved => {
            Ok(Some(Disposition::review(Reason::new(
                ReasonCode::ActivityReviewed,
                format!("活动记录已{}，能否撤回由中心决定", record.state.zh()),
                "The record has already been reviewed; the centre decides whether it can be withdrawn",
            ))))
        }
    }
}

/// An activity record, as shown to staff.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ActivityView {
    pub record: RecordId,
    /// Version of the record; a review names it.
    pub version: u32,
    pub state: Standing,
    pub state_zh: String,
    pub category: String,
    pub title: String,
    pub starts: Millis,
    pub ends: Millis,
    pub place: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cell: Option<CellCode>,
    #[schema(value_type = String)]
    pub area: Area,
    pub organiser: String,
    pub participants: u32,
    pub summary: String,
    pub author: PersonId,
    pub author_name: String,
    pub post: PostId,
    pub post_name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reviewed_by: Option<PersonId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reviewed: Option<Millis>,
    pub created: Millis,
    pub updated: Millis,
    pub photos: Vec<CasePhoto>,
    /// Flags of the position fix of the current version, and `outside_area` for a cell outside the areas of the post.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub flags: Vec<FlagName>,
    /// Why it does not fill its district's month, or would not if it were approved (SP-05).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_counted: Vec<NotCounted>,
    /// Reviews, oldest first; only in the view of one record.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reviews: Vec<Review>,
}

/// One review of one version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Review {
    pub version: u32,
    pub state: Standing,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    pub person: PersonId,
    pub at: Millis,
}

pub(super) fn reviews(tx: &mut Tx<'_>, record: RecordId) -> Result<Vec<Review>, StoreError> {
    tx.all(
        "SELECT version, state, reason, person, at FROM activity_review WHERE record = ?1 ORDER BY version",
        params![record.to_string()],
        |row| {
            Ok(Review {
                version: row.get("version")?,
                state: row.parse("state")?,
                reason: row.get("reason")?,
                person: row.parse("person")?,
                at: Millis(row.get("at")?),
            })
        },
    )
}

/// Who hosts what a post files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Host {
    /// The district's unit itself.
    pub is_district: bool,
    /// Decides who reviews: only a unit above.
    pub area: Area,
}

/// The host of what the post files: its unit, or a part of it if the post answers for parts only. A community's post is
/// often kept under the district's unit.
pub(super) fn host(tx: &mut Tx<'_>, post: PostId) -> Result<Host, StoreError> {
    let (kind, unit): (String, Area) = tx.one(
        "SELECT o.kind, o.area FROM post p JOIN org o ON o.id = p.org WHERE p.id = ?1",
        params![post.to_string()],
        |row| Ok((row.get("kind")?, row.parse("area")?)),
    )?;
    let areas = posts::areas(tx, post)?;
    let part = areas.iter().find(|area| !area.covers(unit));
    Ok(match part {
        Some(part) if !areas.iter().any(|area| area.covers(unit)) => Host {
            is_district: false,
            area: *part,
        },
        Some(_) | None => Host {
            is_district: kind == DISTRICT,
            area: unit,
        },
    })
}

pub(super) fn view(tx: &mut Tx<'_>, app: &App, r: Record) -> Result<ActivityView, StoreError> {
    let post_name = tx.one(
        "SELECT name FROM post WHERE id = ?1",
        params![r.post.to_string()],
        |row| row.get("name"),
    )?;
    let photos = named_by(tx, r.entry, Origin::Report)?;
    let held = photos.iter().filter(|photo| photo.held).count();
    let host = host(tx, r.post)?;
    let facts = MonthFacts {
        is_host_district: host.is_district,
        is_approved_below: rules::is_approved_below(r.state, r.approved_from, host.area),
        participants: r.participants,
        photos: u32::try_from(held).unwrap_or(u32::MAX),
        has_summary: !r.summary.trim().is_empty(),
    };
    let (persons, pictures) = (
        app.settings.activity_min_participants,
        app.settings.activity_min_photos,
    );
    let outside = r.outside_area.then(|| FlagName::of(Flag::OutsideArea.as_str()));
    let mut flags = FlagName::of_entry(tx, r.entry)?;
    flags.extend(outside);
    Ok(ActivityView {
        photos,
        flags,
        not_counted: rules::not_counted(&facts, persons, pictures),
        author_name: lookup::name(tx, r.author)?,
        post_name,
        record: r.record,
        version: r.version,
        state: r.state,
        state_zh: r.state.zh().to_owned(),
        category: r.category,
        title: r.title,
        starts: r.starts,
        ends: r.ends,
        place: r.place,
        cell: r.cell,
        area: r.area,
        organiser: r.organiser,
        participants: r.participants,
        summary: r.summary,
        author: r.author,
        post: r.post,
        reason: r.reason,
        reviewed_by: r.reviewed_by,
        reviewed: r.reviewed,
        created: r.created,
        updated: r.updated,
        reviews: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_area_of_a_record_is_that_of_its_post() {
        let areas = |codes: &[&str]| codes.iter().map(|c| c.parse().unwrap()).collect::<Vec<Area>>();
        let at = |posts: &[&str], cell: Option<&str>| {
            let (area, outside) = place(&areas(posts), cell.map(|c| c.parse().unwrap()));
            (area.to_string(), outside)
        };
        let two = ["2201040503", "2201040504"];
        assert_eq!(at(&two, None), ("22010405".into(), false));
        assert_eq!(at(&two, Some("220104050301")), ("22010405".into(), false));
        assert_eq!(at(&two, Some("220104050501")), ("22010405".into(), true));
        assert_eq!(at(&two, Some("220105010101")), ("22010405".into(), true));
        let districts = ["2201040503", "22010501"];
        assert_eq!(at(&districts, None), ("2201".into(), false));
        assert_eq!(at(&districts, Some("220105010101")), ("22010501".into(), false));
        assert_eq!(at(&districts, Some("220106010101")), ("2201".into(), true));
    }
}
