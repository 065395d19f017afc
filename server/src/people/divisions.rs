//! Imports the city's streets and communities as units of the organisation tree.
//!
//! The national list numbers streets and communities with three digits each, cell codes have two (SJ-05). A two-digit
//! number is assigned once and stored; later imports never change it, and a new unit takes the next free number. A second
//! import of the same list changes only names.

use crate::{
    app::{audit, ctx::Ctx, state::App},
    auth::actor::Staff,
    http::{body::Json, operation::Operations},
    kernel::{
        failure::{Failure, invalid},
        text,
    },
    params,
    store::{error::StoreError, tx::Tx},
};
use axum::extract::State;
use grid::cut::{Divisions, Numbering};
use protocol::{
    codes::CountyCode,
    ids::OrgId,
    problem::{Problem, ProblemCode},
    role::Role,
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::collections::{BTreeMap, BTreeSet};
use utoipa::ToSchema;
use utoipa_axum::routes;

pub fn routes() -> Operations {
    Operations::default().staff(&[Role::Admin], routes!(import_divisions))
}

/// The list of the statistics bureau, and the counties that have an outline.
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub struct ImportRequest {
    /// The unit above the counties: the city.
    pub city: OrgId,
    /// `{"counties": [{"code", "name", "streets": [{"code", "name", "communities": [[code, name]]}]}]}`
    #[schema(value_type = Object)]
    pub divisions: Box<RawValue>,
    /// Counties with an outline; the others are listed as absent from every grid.
    pub outlined: BTreeSet<CountyCode>,
}

/// Result of the import.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct ImportedDivisions {
    pub counties: usize,
    pub streets: usize,
    pub communities: usize,
    /// Number of units that were created.
    pub added: usize,
    /// Counties and zones without an outline, by name.
    pub absent: Vec<String>,
}

#[utoipa::path(post, path = "/v1/divisions", request_body = ImportRequest, tag = "people",
    responses((status = 200, body = ImportedDivisions), (status = 422, body = Problem)))]
/// Imports the streets and communities of a city (SJ-10).
pub async fn import_divisions(
    State(app): State<App>,
    staff: Staff,
    Json(request): Json<ImportRequest>,
) -> Result<Json<ImportedDivisions>, Failure> {
    let list = Divisions::read(request.divisions.get())
        .map_err(|e| Failure::because(ProblemCode::Invalid, e.to_string()))?;
    app.write(move |tx, ctx| {
        super::scope::administers(tx, &staff, request.city)?;
        // The codes of the list are those of the whole city: no unit below it imports (A2).
        if super::scope::parent(tx, request.city)?.is_some() {
            return Err(Failure::because(ProblemCode::OutOfScope, "city"));
        }
        let imported = import(tx, ctx, request.city, &list, &request.outlined)?;
        let detail = format!("{} added", imported.added);
        audit::note(
            tx,
            ctx,
            Some(staff.person),
            "divisions.import",
            &request.city.to_string(),
            &detail,
        )?;
        Ok(imported)
    })
    .await
    .map(Json)
}

/// Checks that every county lies in the city, and that every street and community lies below the unit under which it is
/// listed: its name would replace that of another county's unit.
///
/// # Errors
/// `auth.scope` for a county of another city, `request.invalid` for a code under another unit or a name that is none.
fn check(tx: &mut Tx<'_>, city: OrgId, list: &Divisions) -> Result<(), Failure> {
    let above = super::lookup::org_area(tx, city)?;
    let misplaced = |code: &str| {
        invalid(
            "/divisions",
            format!("{code} 不在其上级之下"),
            format!("{code} does not lie below the unit that lists it"),
        )
    };
    let name = |name: &str| text::name("/divisions", name, 100);
    for county in &list.counties {
        super::scope::area_below(&county.code, above)?;
        name(&county.name)?;
        for street in &county.streets {
            if street.code.len() != 9 || !street.code.starts_with(&county.code) {
                return Err(misplaced(&street.code));
            }
            name(&street.name)?;
            for community in &street.communities {
                if community.code.len() != 12 || !community.code.starts_with(&street.code) {
                    return Err(misplaced(&community.code));
                }
                name(&community.name)?;
            }
        }
    }
    Ok(())
}

/// Imports the list below `city`. Units that were imported before keep their codes.
pub fn import(
    tx: &mut Tx<'_>,
    ctx: &mut Ctx,
    city: OrgId,
    list: &Divisions,
    outlined: &BTreeSet<CountyCode>,
) -> Result<ImportedDivisions, Failure> {
    let unnumbered = |e: grid::cut::CutError| Failure::because(ProblemCode::Invalid, e.to_string());
    check(tx, city, list)?;
    let mut known = stored(tx)?;
    let mut done = ImportedDivisions::default();
    for county in &list.counties {
        let code: CountyCode = county
            .code
            .parse()
            .map_err(|_| Failure::because(ProblemCode::Invalid, county.code.clone()))?;
        let absent = !outlined.contains(&code);
        let mut numbering = numbering_of(code, &known);
        numbering.extend(county).map_err(unnumbered)?;
        let mut unit = |tx: &mut Tx<'_>, parent: OrgId, kind: &str, stat: &str, code: &str, name: &str| {
            let (org, is_new) = place(
                tx,
                ctx,
                &known,
                Unit {
                    parent,
                    kind,
                    stat,
                    code,
                    name,
                    absent,
                },
            )?;
            known.insert(stat.to_owned(), (code.to_owned(), org));
            done.added += usize::from(is_new);
            Ok::<OrgId, Failure>(org)
        };
        let district = unit(tx, city, "district", &county.code, code.as_str(), &county.name)?;
        for street in &county.streets {
            let code = numbering.street(&street.code).map_err(unnumbered)?;
            let parent = unit(tx, district, "street", &street.code, code.as_str(), &street.name)?;
            for community in &street.communities {
                let code = numbering.community(&community.code).map_err(unnumbered)?;
                unit(
                    tx,
                    parent,
                    "community",
                    &community.code,
                    code.as_str(),
                    &community.name,
                )?;
            }
        }
        done.counties += 1;
        done.streets += county.streets.len();
        done.communities += county.streets.iter().map(|s| s.communities.len()).sum::<usize>();
        if absent {
            done.absent.push(county.name.clone());
        }
    }
    Ok(done)
}

/// Statistics code to cell code prefix and unit.
type Known = BTreeMap<String, (String, OrgId)>;

fn stored(tx: &mut Tx<'_>) -> Result<Known, StoreError> {
    let rows = tx.all(
        "SELECT stat, code, org FROM division ORDER BY stat",
        params![],
        |row| Ok((row.get::<String>("stat")?, (row.get("code")?, row.parse("org")?))),
    )?;
    Ok(rows.into_iter().collect())
}

/// The numbers of a county that earlier imports assigned.
fn numbering_of(county: CountyCode, known: &Known) -> Numbering {
    let mut numbering = Numbering::new(county);
    for (stat, (code, _)) in known.iter().filter(|(stat, _)| stat.starts_with(county.as_str())) {
        let serial = code
            .get(code.len().saturating_sub(2)..)
            .and_then(|s| s.parse().ok());
        match (stat.len(), serial) {
            (9, Some(serial)) => drop(numbering.streets.insert(stat.clone(), serial)),
            (12, Some(serial)) => drop(numbering.communities.insert(stat.clone(), serial)),
            _ => {}
        }
    }
    numbering
}

#[derive(Clone, Copy)]
struct Unit<'a> {
    parent: OrgId,
    kind: &'a str,
    stat: &'a str,
    code: &'a str,
    name: &'a str,
    absent: bool,
}

/// Inserts the unit if it is new, renames it if its name changed, and returns its id.
fn place(tx: &mut Tx<'_>, ctx: &mut Ctx, known: &Known, unit: Unit<'_>) -> Result<(OrgId, bool), Failure> {
    if let Some((_, org)) = known.get(unit.stat) {
        tx.execute(
            "UPDATE org SET name = ?2 WHERE id = ?1",
            params![org.to_string(), unit.name],
        )?;
        tx.execute(
            "UPDATE division SET absent = ?2 WHERE stat = ?1",
            params![unit.stat, unit.absent],
        )?;
        return Ok((*org, false));
    }
    let org = ctx.org_id();
    tx.execute(
        "INSERT INTO org (id, parent, kind, name, area, created) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![
            org.to_string(),
            unit.parent.to_string(),
            unit.kind,
            unit.name,
            unit.code,
            ctx.now.0
        ],
    )?;
    tx.execute(
        "INSERT INTO division (stat, code, org, absent) VALUES (?1, ?2, ?3, ?4)",
        params![unit.stat, unit.code, org.to_string(), unit.absent],
    )?;
    Ok((org, true))
}
