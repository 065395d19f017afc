//! Rows of the audit log: which ones a reader asks for and may see.

use crate::{
    app::{audit, ctx::Ctx},
    auth::actor::Staff,
    kernel::{
        failure::{Failure, invalid},
        page::{List, Page, Where},
    },
    params,
    people::scope,
    store::tx::Tx,
};
use protocol::{
    ids::{EventId, PersonId},
    role::Role,
    time::Millis,
};
use serde::{Deserialize, Serialize};

/// Kinds of objects that an entity names as `kind:ID`.
const OBJECTS: &[&str] = &[
    "case", "task", "record", "person", "post", "org", "terminal", "stream", "grid", "parcel",
];

/// Which rows of the audit log to list.
#[derive(Debug, Clone, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AuditQuery {
    /// Rows from this time on, in Unix milliseconds.
    pub from: Option<i64>,
    /// Rows before this time, in Unix milliseconds; by default all rows before this request.
    pub to: Option<i64>,
    /// A kind such as `case.caller_view`, or all kinds of a group such as `session`.
    pub kind: Option<String>,
    /// Who acted.
    #[param(value_type = Option<PersonId>)]
    pub person: Option<String>,
    /// The object, as `case:ID` or as its id alone.
    pub object: Option<String>,
    pub after: Option<String>,
    pub limit: Option<u32>,
}

impl AuditQuery {
    /// The filters as the log names them: ids, codes and times.
    fn words(&self) -> String {
        let number = |name: &str, n: Option<i64>| n.map(|n| format!("{name}={n}"));
        let text = |name: &str, t: &Option<String>| t.as_ref().map(|t| format!("{name}={t}"));
        let all = [
            number("from", self.from),
            number("to", self.to),
            text("kind", &self.kind),
            text("person", &self.person),
            text("object", &self.object),
            text("after", &self.after),
        ];
        all.into_iter().flatten().collect::<Vec<_>>().join(" ")
    }
    /// Checks the filters and returns the person.
    fn check(&self) -> Result<Option<PersonId>, Failure> {
        let texts = [("?kind", &self.kind), ("?object", &self.object)];
        for (at, text) in texts {
            let fits = |t: &String| {
                t.len() <= 80 && t.chars().all(|c| c.is_ascii_alphanumeric() || ":._-".contains(c))
            };
            if !text.as_ref().is_none_or(fits) {
                return Err(invalid(
                    at,
                    "查询条件无效",
                    "letters, digits and :._- only, up to 80",
                ));
            }
        }
        let parse = |text: &String| text.parse::<PersonId>();
        let person = self.person.as_ref().map(parse).transpose();
        person.map_err(|_| invalid("?person", "人员编号无效", "this is not the id of a person"))
    }
}

/// Whose acts a reader sees.
#[derive(Debug, Clone)]
pub enum AuditScope {
    /// Everything: an auditor of the topmost unit, or the machine's own command line.
    All,
    /// Acts of the people of these units.
    Units(Vec<String>),
}

impl AuditScope {
    /// The reach of an auditor: acts of the people of his units and of those below, by the tree. What no person did
    /// (starts, failed sign-ins) belongs to the topmost unit.
    pub fn of(tx: &mut Tx<'_>, staff: &Staff) -> Result<Self, Failure> {
        let own: Vec<String> = staff.orgs(Role::Auditor).map(|org| org.to_string()).collect();
        let mut top = Where::default();
        top.and("parent IS NULL");
        top.one_of("id", own);
        let sql = format!("SELECT COUNT(*) AS n FROM org {}", top.sql());
        let roots: i64 = tx.one(&sql, top.values(), |row| row.get("n"))?;
        if roots > 0 {
            return Ok(Self::All);
        }
        Ok(Self::Units(scope::units(tx, staff, &[Role::Auditor])?))
    }
}

/// A row of the audit log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct AuditLine {
    pub id: EventId,
    pub at: Millis,
    /// True for a command on the machine itself.
    #[serde(default)]
    pub by_machine: bool,
    /// Who acted; absent for the system, the machine and somebody unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<PersonId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person_name: Option<String>,
    /// What was done, such as `case.caller_view`.
    pub kind: String,
    /// To what, such as `case:ID`.
    pub object: String,
    /// Ids, codes, or the reason that was given.
    pub detail: String,
}

/// Reads a page of the log, oldest row first, and notes the reading in the name of `reader`.
pub fn read(
    tx: &mut Tx<'_>,
    ctx: &mut Ctx,
    reader: Option<PersonId>,
    reach: &AuditScope,
    query: &AuditQuery,
) -> Result<Page<AuditLine>, Failure> {
    let person = query.check()?;
    let list = List::<(i64, EventId)>::new(query.limit, query.after.as_deref())?;
    let mut filter = Where::default();
    if let AuditScope::Units(units) = reach {
        let within = filter.one_of_text("org", units.iter().cloned());
        filter.and(format!("actor IN (SELECT id FROM person WHERE {within})"));
    }
    if let Some(from) = query.from {
        let from = filter.bind(from);
        filter.and(format!("at >= {from}"));
    }
    // The rows that readings write are not part of what these readings return.
    let to = filter.bind(query.to.unwrap_or(ctx.now.0).min(ctx.now.0));
    filter.and(format!("at < {to}"));
    if let Some(kind) = &query.kind {
        let (exact, group) = (filter.bind(kind.as_str()), filter.bind(format!("{kind}.")));
        filter.and(format!(
            "(action = {exact} OR substr(action, 1, length(CAST({group} AS TEXT))) = {group})"
        ));
    }
    if let Some(person) = person {
        filter.one_of("actor", [person.to_string()]);
    }
    if let Some(object) = &query.object {
        let named = OBJECTS.iter().map(|kind| format!("{kind}:{object}"));
        filter.one_of("entity", std::iter::once(object.clone()).chain(named));
    }
    let select = "SELECT id, at, actor, action, entity, detail FROM audit_event";
    let mut lines = list.rows(tx, (select, "at, id"), &filter, |row| {
        let actor: Option<String> = row.get("actor")?;
        let by_machine = actor.as_deref() == Some(audit::MACHINE);
        Ok(AuditLine {
            id: row.parse("id")?,
            at: Millis(row.get("at")?),
            by_machine,
            person: if by_machine { None } else { row.parse_opt("actor")? },
            person_name: None,
            kind: row.get("action")?,
            object: row.get("entity")?,
            detail: row.get("detail")?,
        })
    })?;
    for line in &mut lines {
        if let Some(person) = line.person {
            line.person_name = tx.opt(
                "SELECT name FROM person WHERE id = ?1",
                params![person.to_string()],
                |row| row.get("name"),
            )?;
        }
    }
    audit::note(tx, ctx, reader, "audit.read", "audit", &query.words())?;
    list.page(lines, |line| (line.at.0, line.id))
}
