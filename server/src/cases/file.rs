//! The case (案卷): its row in the database.

use crate::{
    app::{ctx::Ctx, tally::CountedKind},
    entries::flags::Flag,
    kernel::failure::Failure,
    params,
    store::{error::StoreError, tx::Tx, value::Row},
};
use protocol::{
    area::Area,
    case::CaseState,
    codes::{CellCode, GridVersion, MatterCode},
    geo::PointE7,
    ids::{CaseId, EntryId, OrgId, PersonId, PostId, RecordId, StreamId},
    problem::ProblemCode,
    time::Millis,
};

crate::text_enum! {
    /// The origin of a case.
    pub enum CaseSource {
        /// A report from a handset (T1).
        Field = "field",
        /// A citizen's report that an acceptor typed in (T2).
        Citizen = "citizen",
    }
}

/// A case. `version` is the number of its ledger's events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseFile {
    pub id: CaseId,
    /// 受理号
    pub number: String,
    pub source: CaseSource,
    /// The current report; the case's photos belong to it.
    pub entry: Option<EntryId>,
    pub record: Option<RecordId>,
    pub stream: Option<StreamId>,
    pub state: CaseState,
    pub version: i64,
    pub matter: Option<MatterCode>,
    /// 1..=3, set at filing (T5).
    pub level: Option<u8>,
    pub text: String,
    pub cell: Option<CellCode>,
    pub grid: Option<GridVersion>,
    pub place: Option<PointE7>,
    pub address: String,
    /// The cell, or while none is known the common area of the reporter's post. It decides who may read the case.
    pub area: Area,
    pub reporter: Option<PersonId>,
    pub reporter_post: Option<PostId>,
    pub self_handled: bool,
    /// Codes of [`crate::entries::flags::Flag`].
    pub flags: Vec<String>,
    pub department: Option<OrgId>,
    pub deadline: Option<Millis>,
    /// True if a year without a loaded calendar was involved in the deadline.
    pub deadline_provisional: bool,
    /// Number of dispatches (T9, T15).
    pub rounds: u32,
    pub check_passed: Option<bool>,
    pub reported: Millis,
    pub created: Millis,
    pub updated: Millis,
}

/// The values of a case at its creation.
#[derive(Debug)]
pub(super) struct Opening {
    pub id: CaseId,
    pub number: String,
    pub source: CaseSource,
    pub state: CaseState,
    pub reported: Millis,
    pub now: Millis,
}

/// The columns of `case_file` that [`CaseFile::read`] reads, with this expression for the text.
macro_rules! columns {
    ($text:literal) => {
        concat!(
            "id, number, source, entry, record, stream, state, version, matter, level, ",
            $text,
            ", cell, grid, lat, lon, address, area, reporter, reporter_post, self_handled, flags, department, deadline, \
             deadline_provisional, rounds, check_passed, reported, created, updated"
        )
    };
}

/// Columns of `case_file` for [`CaseFile::read`].
const COLUMNS: &str = columns!("text");

/// The same with at most this many characters of the text. A text may have 250 kB, and a page of cases shows a line of each.
pub(super) fn columns_of_line(characters: usize) -> String {
    format!(columns!("substr(text, 1, {}) AS text"), characters)
}

fn point(row: &Row) -> Result<Option<PointE7>, StoreError> {
    let (lat, lon): (Option<i32>, Option<i32>) = (row.get("lat")?, row.get("lon")?);
    Ok(lat.zip(lon).map(|(lat, lon)| PointE7 { lat, lon }))
}

impl CaseFile {
    /// Returns a new case, empty except for its opening.
    pub(super) fn open(opening: Opening) -> Self {
        Self {
            id: opening.id,
            number: opening.number,
            source: opening.source,
            entry: None,
            record: None,
            stream: None,
            state: opening.state,
            version: 0,
            matter: None,
            level: None,
            text: String::new(),
            cell: None,
            grid: None,
            place: None,
            address: String::new(),
            area: Area::EVERYWHERE,
            reporter: None,
            reporter_post: None,
            self_handled: false,
            flags: Vec::new(),
            department: None,
            deadline: None,
            deadline_provisional: false,
            rounds: 0,
            check_passed: None,
            reported: opening.reported,
            created: opening.now,
            updated: opening.now,
        }
    }
    pub fn read(row: &Row) -> Result<Self, StoreError> {
        let flags: String = row.get("flags")?;
        Ok(Self {
            id: row.parse("id")?,
            number: row.get("number")?,
            source: row.parse("source")?,
            entry: row.parse_opt("entry")?,
            record: row.parse_opt("record")?,
            stream: row.parse_opt("stream")?,
            state: row.parse("state")?,
            version: row.get("version")?,
            matter: row.parse_opt("matter")?,
            level: row.parse_opt("level")?,
            text: row.get("text")?,
            cell: row.parse_opt("cell")?,
            grid: row.get::<Option<String>>("grid")?.map(GridVersion),
            place: point(row)?,
            address: row.get("address")?,
            area: row.parse("area")?,
            reporter: row.parse_opt("reporter")?,
            reporter_post: row.parse_opt("reporter_post")?,
            self_handled: row.get("self_handled")?,
            flags: serde_json::from_str(&flags).map_err(|e| StoreError::decode("flags", "a list", e))?,
            department: row.parse_opt("department")?,
            deadline: row.get::<Option<i64>>("deadline")?.map(Millis),
            deadline_provisional: row.get("deadline_provisional")?,
            rounds: row.get("rounds")?,
            check_passed: row.get("check_passed")?,
            reported: Millis(row.get("reported")?),
            created: Millis(row.get("created")?),
            updated: Millis(row.get("updated")?),
        })
    }

    fn find(tx: &mut Tx<'_>, column: &str, key: String) -> Result<Option<Self>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM case_file WHERE {column} = ?1");
        tx.opt(&sql, params![key], Self::read)
    }
    /// Returns the case. Error: `request.not_found`.
    pub fn load(tx: &mut Tx<'_>, id: CaseId) -> Result<Self, Failure> {
        Self::find(tx, "id", id.to_string())?.ok_or_else(|| Failure::of(ProblemCode::NotFound))
    }
    /// Returns the case that was created from a record.
    pub fn of_record(tx: &mut Tx<'_>, record: RecordId) -> Result<Option<Self>, StoreError> {
        Self::find(tx, "record", record.to_string())
    }
    /// Returns the case whose current report is this entry.
    pub fn of_entry(tx: &mut Tx<'_>, entry: EntryId) -> Result<Option<Self>, StoreError> {
        Self::find(tx, "entry", entry.to_string())
    }

    /// Returns the case that an answer moved.
    pub(super) fn of_answer(tx: &mut Tx<'_>, entry: EntryId) -> Result<Option<Self>, StoreError> {
        let case: Option<CaseId> = tx.opt(
            "SELECT case_id FROM task WHERE answer_entry = ?1 AND drives AND case_id IS NOT NULL",
            params![entry.to_string()],
            |row| row.parse("case_id"),
        )?;
        case.map_or(Ok(None), |case| Self::find(tx, "id", case.to_string()))
    }

    /// Adds a flag, once. The caller writes the case.
    pub(super) fn flag(&mut self, flag: Flag) {
        let flag = flag.as_str();
        if !self.flags.iter().any(|known| known == flag) {
            self.flags.push(flag.to_owned());
        }
    }

    /// Adds flags that an answer from the field brings. Not a step of the case: its version stays.
    pub(super) fn add_flags(&mut self, tx: &mut Tx<'_>, flags: &[Flag]) -> Result<(), Failure> {
        flags.iter().for_each(|flag| self.flag(*flag));
        tx.run(
            "UPDATE case_file SET flags = ?2 WHERE id = ?1",
            params![self.id.to_string(), serde_json::to_string(&self.flags)?],
        )?;
        Ok(())
    }
    /// Stores a better time of the report. Not a step of the case: its version stays.
    pub(super) fn correct_reported(&mut self, tx: &mut Tx<'_>, at: Millis) -> Result<(), StoreError> {
        self.reported = at;
        tx.run(
            "UPDATE case_file SET reported = ?2 WHERE id = ?1",
            params![self.id.to_string(), at.0],
        )?;
        Ok(())
    }

    /// Inserts a new case.
    pub fn insert(&self, tx: &mut Tx<'_>, ctx: &mut Ctx) -> Result<(), Failure> {
        ctx.tally
            .add(CountedKind::Case, self.area, self.state.as_str(), 1);
        tx.run(
            "INSERT INTO case_file (id, number, source, entry, record, stream, state, version, matter, level, text,
                 cell, grid, lat, lon, address, area, reporter, reporter_post, self_handled, flags, department,
                 deadline, deadline_provisional, rounds, check_passed, withdrawn, reported, created, updated)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20,
                 ?21, ?22, ?23, ?24, ?25, ?26, ?27, ?28, ?29, ?30)",
            params![
                self.id.to_string(),
                &self.number,
                self.source.as_str(),
                self.entry.map(|e| e.to_string()),
                self.record.map(|r| r.to_string()),
                self.stream.map(|s| s.to_string()),
                self.state.as_str(),
                self.version,
                self.matter.map(|m| m.to_string()),
                self.level.map(|l| l.to_string()),
                &self.text,
                self.cell.map(|c| c.to_string()),
                self.grid.as_ref().map(|g| g.0.clone()),
                self.place.map(|p| p.lat),
                self.place.map(|p| p.lon),
                &self.address,
                self.area.as_str(),
                self.reporter.map(|p| p.to_string()),
                self.reporter_post.map(|p| p.to_string()),
                self.self_handled,
                serde_json::to_string(&self.flags)?,
                self.department.map(|d| d.to_string()),
                self.deadline.map(|d| d.0),
                self.deadline_provisional,
                self.rounds,
                self.check_passed,
                self.is_withdrawn(),
                self.reported.0,
                self.created.0,
                self.updated.0
            ],
        )?;
        Ok(())
    }

    /// Writes all mutable columns. The version was checked when the case was read, in the same serializable
    /// transaction.
    pub fn update(&self, tx: &mut Tx<'_>, ctx: &mut Ctx) -> Result<(), Failure> {
        let before = tx.one(
            "SELECT area, state FROM case_file WHERE id = ?1",
            params![self.id.to_string()],
            |row| {
                Ok((
                    row.parse::<Area>("area")?,
                    row.parse::<CaseState>("state")?.as_str(),
                ))
            },
        )?;
        let after = (self.area, self.state.as_str());
        ctx.tally.moved(CountedKind::Case, Some(before), after);
        tx.run(
            "UPDATE case_file SET entry = ?2, stream = ?3, state = ?4, version = ?5, matter = ?6, level = ?7,
                 text = ?8, cell = ?9, grid = ?10, lat = ?11, lon = ?12, address = ?13, area = ?14,
                 self_handled = ?15, flags = ?16, department = ?17, deadline = ?18, deadline_provisional = ?19,
                 rounds = ?20, check_passed = ?21, withdrawn = ?22, updated = ?23
             WHERE id = ?1",
            params![
                self.id.to_string(),
                self.entry.map(|e| e.to_string()),
                self.stream.map(|s| s.to_string()),
                self.state.as_str(),
                self.version,
                self.matter.map(|m| m.to_string()),
                self.level.map(|l| l.to_string()),
                &self.text,
                self.cell.map(|c| c.to_string()),
                self.grid.as_ref().map(|g| g.0.clone()),
                self.place.map(|p| p.lat),
                self.place.map(|p| p.lon),
                &self.address,
                self.area.as_str(),
                self.self_handled,
                serde_json::to_string(&self.flags)?,
                self.department.map(|d| d.to_string()),
                self.deadline.map(|d| d.0),
                self.deadline_provisional,
                self.rounds,
                self.check_passed,
                self.is_withdrawn(),
                self.updated.0
            ],
        )?;
        Ok(())
    }

    /// Returns true if its author withdrew it. The column of this name repeats the state for programs from before X23.
    pub fn is_withdrawn(&self) -> bool {
        self.state == CaseState::Withdrawn
    }

    /// Sets the cell that was looked up for the case, and the area with it.
    pub fn put_in_cell(&mut self, cell: CellCode, grid: GridVersion) {
        self.cell = Some(cell);
        self.grid = Some(grid);
        self.area = cell.into();
    }
}
