//! Founding a city: the top unit and the first administrator. There is no default account and no default
//! password (ASVS 6.3.2).

use crate::{
    app::{audit, ctx::Ctx},
    kernel::{
        clock::{MachineClock, ServerClock, SystemRandomSource},
        config::Settings,
        failure::Failure,
    },
    params,
    people::{
        accounts::{self, NewPerson},
        grants::RoleAt,
        login,
        orgs::{self, OrgKind},
        passwords,
    },
    store::{database::Store, tx::Tx},
};
use anyhow::{Result, ensure};
use protocol::{
    area::Area,
    ids::{OrgId, PersonId},
    problem::ProblemCode,
    role::Role,
};

/// What was founded.
#[derive(Debug, Clone)]
pub struct Founded {
    pub city: OrgId,
    pub admin: PersonId,
    /// Told once and kept nowhere.
    pub password: String,
}

/// Founds the city whose county codes begin with `area`, or whose national code it is. A second city in one database and
/// default account names (`admin`, `root` …) are refused; the first password is good for a week. The same city
/// founded again while nobody has ever signed in gets a new first password: the answer was lost, or the week is over.
pub async fn found(store: &Store, area: &str, name: &str, account: &str) -> Result<Founded> {
    // The national code of a city ends with zeros in place of a county (长春市: 220100); county codes begin with what is
    // before them.
    let area = match area.len() {
        6 => area.trim_end_matches("00"),
        _ => area,
    };
    ensure!(
        (2..=6).contains(&area.len()) && area.bytes().all(|b| b.is_ascii_digit()),
        "the city's code is 2 to 6 digits, such as 2201"
    );
    ensure!(
        !account.trim().is_empty() && !name.trim().is_empty(),
        "name and account may not be empty"
    );
    let (start, password, hash) = first_password()?;
    let (area, name, account) = (area.parse::<Area>()?, name.to_owned(), account.trim().to_owned());
    let (city, admin) = store
        .write(move |tx| {
            let mut ctx = start.clone();
            let taken: i64 = tx.one("SELECT COUNT(*) AS n FROM org", params![], |row| row.get("n"))?;
            if taken > 0 {
                return again(tx, &mut ctx, area, &account, &hash);
            }
            let city = orgs::insert(tx, &mut ctx, None, (OrgKind::City, &name, area))?;
            let first = NewPerson {
                name: "系统管理员".into(),
                org: city,
                account: Some(account.clone()),
                roles: vec![RoleAt {
                    role: Role::Admin,
                    org: city,
                }],
            };
            let until = login::first_until(ctx.now, &Settings::default());
            let admin = accounts::insert(tx, &mut ctx, &first, Some((&hash, until)))?;
            audit::note_machine(tx, &mut ctx, "city.found", &format!("org:{city}"), area.as_str())?;
            Ok((city, admin))
        })
        .await?;
    Ok(Founded {
        city,
        admin,
        password,
    })
}

/// Time and ids of a command that writes, and a first password with its hash.
pub(super) fn first_password() -> Result<(Ctx, String, String), Failure> {
    let seed = SystemRandomSource::bytes();
    let mut start = Ctx::new(MachineClock.now(), seed);
    let password = passwords::word(start.ids.bytes());
    let hash = passwords::hash_now(&password, &start.ids.bytes())?;
    Ok((start, password, hash))
}

/// A new first password for the city's first administrator, as long as nobody has signed in.
fn again(
    tx: &mut Tx<'_>,
    ctx: &mut Ctx,
    area: Area,
    account: &str,
    hash: &str,
) -> Result<(OrgId, PersonId), Failure> {
    let first = tx.opt(
        "SELECT p.id, p.org FROM person p JOIN org o ON o.id = p.org
         WHERE p.account = ?1 AND o.parent IS NULL AND o.area = ?2
           AND NOT EXISTS (SELECT 1 FROM audit_event WHERE action = 'session.open')",
        params![account.to_lowercase(), area.as_str()],
        |row| Ok((row.parse("org")?, row.parse("id")?)),
    )?;
    let (city, admin) = first
        .ok_or_else(|| Failure::because(ProblemCode::NameTaken, "this database holds a city already"))?;
    let until = login::first_until(ctx.now, &Settings::default());
    login::set(tx, admin, hash, Some(until))?;
    audit::note_machine(tx, ctx, "city.found", &format!("org:{city}"), "again")?;
    Ok((city, admin))
}
