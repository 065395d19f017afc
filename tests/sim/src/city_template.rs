//! The template that every world is copied from; set up once per process. A district with nine cells in two
//! communities, one post with a holder for each handset, the centre's staff, and an invitation for each
//! handset.

use super::{
    clock::{SeededBytes, SimTime},
    server::{DiskImage, SimServer},
};
use anyhow::{Context as _, Result};
use grid::{
    geom::Pt,
    pack::{PackInput, PackMeta, write},
};
use protocol::{
    codes::{CellCode, GridVersion},
    evidence::Position,
    geo::{Datum, PointE7},
    ids::{OrgId, PersonId, PostId, TerminalId},
    role::Role,
    time::Millis,
};
use server::{
    app::ctx::Ctx,
    auth,
    kernel::{clock::RandomSource as _, failure::Failure},
    params, people,
    store::Tx,
};
use std::sync::OnceLock;

/// Maximum number of handsets of a world.
pub const MOST: usize = 8;

const WEST: i32 = 1_253_000_000;
const SOUTH: i32 = 438_000_000;
const WIDE: i32 = 12_450;
const HIGH: i32 = 9_000;

/// Files of the server's disk, sessions and posts of the template.
pub struct CityTemplate {
    pub image: DiskImage,
    pub department: OrgId,
    /// Session tokens of the centre's staff.
    pub tokens: Vec<(Role, String)>,
    pub beats: Vec<SimPost>,
}

/// The post of one handset.
#[derive(Debug, Clone)]
pub struct SimPost {
    pub post: PostId,
    pub person: PersonId,
    pub invitation: String,
}

/// The cells, three per row: six of community 2201040503, then three of 2201040504.
pub fn cells() -> Result<Vec<CellCode>> {
    let ours = (1..=6).map(|n| format!("2201040503{n:02}"));
    let theirs = (1..=3).map(|n| format!("2201040504{n:02}"));
    ours.chain(theirs).map(|c| Ok(c.parse()?)).collect()
}

/// A position fix inside the nine cells.
pub fn somewhere(r: u64, at: Millis) -> Position {
    let part = |bits: u64, most: i32| i32::try_from(bits % most.unsigned_abs() as u64).unwrap_or(0);
    Position {
        point: PointE7 {
            lat: SOUTH + part(r, 3 * HIGH),
            lon: WEST + part(r >> 32, 3 * WIDE),
        },
        // Lookup with an accuracy circle costs more than filing a report, so one fix in eight has one.
        accuracy_cm: if (r >> 24).is_multiple_of(8) { 800 } else { 0 },
        provider: "gps".into(),
        mock: false,
        fix_time: at,
        monotonic_ms: None,
    }
}

impl CityTemplate {
    /// The template of this process; made at the first call.
    pub fn get() -> Result<&'static Self> {
        static TOWN: OnceLock<CityTemplate> = OnceLock::new();
        if TOWN.get().is_none() {
            let template = make_template()?;
            // If another thread was faster, its template is used.
            let _ = TOWN.set(template);
        }
        TOWN.get().context("the template was just made")
    }
    pub fn token(&self, role: Role) -> &str {
        self.tokens
            .iter()
            .find(|(of, _)| *of == role)
            .map_or("", |(_, token)| token)
    }
}

fn pack() -> Result<Vec<u8>> {
    let squares = (0..3)
        .flat_map(|row| (0..3).map(move |column| (row, column)))
        .map(|(row, column)| {
            let corner = |x: i32, y: i32| Pt::new(WEST + x * WIDE, SOUTH + y * HIGH);
            vec![
                corner(column, row),
                corner(column + 1, row),
                corner(column + 1, row + 1),
                corner(column, row + 1),
            ]
        });
    Ok(write(PackInput {
        meta: PackMeta {
            grid_version: GridVersion("220104.1".into()),
            datum: Datum::Wgs84,
            source_datum: Datum::Wgs84,
            source_datum_verified: false,
            county: Some("220104".parse()?),
            source_sha256: String::new(),
            borders: "synthetic squares".into(),
        },
        cells: cells()?.into_iter().zip(squares).collect(),
        units: Vec::new(),
    })?)
}

fn make_template() -> Result<CityTemplate> {
    simdisk::seed_process(1);
    let time = SimTime::new();
    let mut server = SimServer::new(&time, 1, &DiskImage::new())?;
    server.boot()?;
    let random = SeededBytes::new(0x70_37);
    let secret = || {
        let mut bytes = [0; 32];
        random.fill(&mut bytes);
        bytes
    };
    let bytes = pack()?;
    let now = time.now();
    server.with(async |app| {
        server::grids::import(&app.store, &app.blobs, bytes.into(), now).await?;
        app.grids.renew(&app.store, &app.blobs).await?;
        server::grids::publish(app).await?;
        Ok(())
    })?;
    let (district, department) = server.write_tx(|tx, ctx| {
        let city = org(tx, ctx, None, ("city", "长春市", "2201"))?;
        let district = org(tx, ctx, Some(city), ("district", "朝阳区", "220104"))?;
        let department = org(tx, ctx, Some(district), ("department", "朝阳区环卫处", "220104"))?;
        Ok((district, department))
    })?;
    let roles = [
        (Role::Admin, district),
        (Role::Acceptor, district),
        (Role::ShiftLeader, district),
        (Role::CommandCentre, district),
        (Role::Department, department),
        (Role::Supervisor, district),
    ];
    let mut tokens = Vec::new();
    for (role, at) in roles {
        let token = hex::encode(secret());
        let kept = token.clone();
        server.write_tx(move |tx, ctx| {
            let person = person(tx, ctx, role.zh(), at, role)?;
            auth::sessions::open(tx, person, &kept, ctx.now, 24 * 400)?;
            // Keeps the sessions valid: nobody signs in during a day, because password hashing would take
            // most of its time.
            tx.execute(
                "UPDATE session SET last_used = ?2 WHERE person = ?1",
                params![person.to_string(), ctx.now.plus(400 * 86_400_000).0],
            )?;
            Ok(())
        })?;
        tokens.push((role, token));
    }
    let mut beats = Vec::new();
    // One more post, for the handset of a newer version.
    for k in 0..=MOST {
        let area = if k % 3 == 2 { "2201040504" } else { "2201040503" };
        let (post, person, terminal) = server.write_tx(move |tx, ctx| beat(tx, ctx, k, district, area))?;
        let body = serde_json::json!({"post": post, "person": person});
        let path = format!("/v1/terminals/{terminal}/invitations");
        let admin = tokens
            .iter()
            .find(|(role, _)| *role == Role::Admin)
            .map_or("", |(_, token)| token);
        let answer = server
            .staff(admin, "POST", &path, &body)
            .map_err(|_| anyhow::anyhow!("the server's machine died during set-up"))?;
        let invitation = answer.json()["invitation"]
            .as_str()
            .with_context(|| format!("no invitation in {}", answer.json()))?
            .to_owned();
        beats.push(SimPost {
            post,
            person,
            invitation,
        });
    }
    Ok(CityTemplate {
        image: server.stop()?,
        department,
        tokens,
        beats,
    })
}

fn org(
    tx: &mut Tx<'_>,
    ctx: &mut Ctx,
    parent: Option<OrgId>,
    (kind, name, area): (&str, &str, &str),
) -> Result<OrgId, Failure> {
    let id = ctx.org_id();
    tx.execute(
        "INSERT INTO org (id, parent, kind, name, area, created) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![
            id.to_string(),
            parent.map(|p| p.to_string()),
            kind,
            name,
            area,
            ctx.now.0
        ],
    )?;
    Ok(id)
}

fn person(tx: &mut Tx<'_>, ctx: &mut Ctx, name: &str, at: OrgId, role: Role) -> Result<PersonId, Failure> {
    let id = ctx.person_id();
    tx.execute(
        "INSERT INTO person (id, name, org, account, password, disabled, created)
         VALUES (?1, ?2, ?3, ?1, NULL, NULL, ?4)",
        params![id.to_string(), name, at.to_string(), ctx.now.0],
    )?;
    tx.execute(
        "INSERT INTO role_grant (person, role, org) VALUES (?1, ?2, ?3)",
        params![id.to_string(), role.as_str(), at.to_string()],
    )?;
    Ok(id)
}

fn beat(
    tx: &mut Tx<'_>,
    ctx: &mut Ctx,
    k: usize,
    at: OrgId,
    area: &str,
) -> Result<(PostId, PersonId, TerminalId), Failure> {
    let person = person(tx, ctx, &format!("巡查员{k}"), at, Role::Patroller)?;
    let post = ctx.post_id();
    tx.execute(
        "INSERT INTO post (id, number, name, org, created) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![
            post.to_string(),
            format!("139{k:08}"),
            format!("岗位{k}"),
            at.to_string(),
            ctx.now.0
        ],
    )?;
    tx.execute(
        "INSERT INTO post_area (post, area) VALUES (?1, ?2)",
        params![post.to_string(), area],
    )?;
    tx.execute(
        "INSERT INTO post_holder (post, person, since, until) VALUES (?1, ?2, ?3, NULL)",
        params![post.to_string(), person.to_string(), ctx.now.0],
    )?;
    people::posts::notify(tx, ctx, post)?;
    let terminal = ctx.terminal_id();
    tx.execute(
        "INSERT INTO terminal (id, label, org, created) VALUES (?1, ?2, ?3, ?4)",
        params![
            terminal.to_string(),
            format!("终端{k}"),
            at.to_string(),
            ctx.now.0
        ],
    )?;
    Ok((post, person, terminal))
}
