//! Founding a city: the top unit and the first administrator. There is no default account and no default
//! password (ASVS 6.3.2).

use crate::{
    ctx::{Chance, Clock, Ctx, SystemChance, SystemClock},
    failure::Failure,
    params,
    people::passwords,
    store::Store,
};
use anyhow::{Result, ensure};
use protocol::{
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

/// Founds the city whose county codes begin with `area`. A second city in one database is refused.
pub async fn found(store: &Store, area: &str, name: &str, account: &str) -> Result<Founded> {
    ensure!(
        (2..=6).contains(&area.len()) && area.bytes().all(|b| b.is_ascii_digit()),
        "the city's code is 2 to 6 digits, such as 2201"
    );
    ensure!(
        !account.trim().is_empty() && !name.trim().is_empty(),
        "name and account may not be empty"
    );
    let mut seed = [0; 32];
    SystemChance::default().fill(&mut seed);
    let mut start = Ctx::new(SystemClock.now(), seed);
    let password = passwords::word(start.ids.bytes());
    let hash = passwords::hash_now(&password, &start.ids.bytes())?;
    let (area, name, account) = (area.to_owned(), name.to_owned(), account.trim().to_owned());
    let (city, admin) = store
        .write(move |tx| {
            let mut ctx = start.clone();
            let taken: i64 = tx.one("SELECT COUNT(*) AS n FROM org", params![], |row| row.get("n"))?;
            if taken > 0 {
                return Err(Failure::because(ProblemCode::NameTaken, "this database holds a city already"));
            }
            let (city, admin) = (ctx.org_id(), ctx.person_id());
            tx.execute(
                "INSERT INTO org (id, parent, kind, name, area, created) VALUES (?1, NULL, 'city', ?2, ?3, ?4)",
                params![city.to_string(), &name, &area, ctx.now.0],
            )?;
            tx.execute(
                "INSERT INTO person (id, name, org, account, password, created) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                params![admin.to_string(), "系统管理员", city.to_string(), &account, &hash, ctx.now.0],
            )?;
            tx.execute(
                "INSERT INTO role_grant (person, role, org) VALUES (?1, ?2, ?3)",
                params![admin.to_string(), Role::Admin.as_str(), city.to_string()],
            )?;
            crate::audit::note(tx, &mut ctx, None, "city.found", &format!("org:{city}"), &area)?;
            Ok((city, admin))
        })
        .await?;
    Ok(Founded {
        city,
        admin,
        password,
    })
}
