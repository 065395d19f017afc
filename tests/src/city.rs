//! Sets up the demo's city: real streets and communities, one district cut into cells, departments, accounts,
//! posts with numbers, and invitations for terminals. Uses only the API and the command line, as an operator
//! would.

use crate::{
    process::ServerProcess,
    staff_api::{StaffApi, StaffSession},
};
use anyhow::{Context, Result};
use grid::{
    command::GridCommand,
    pack::{PackBuf, UnitLevel},
};
use protocol::{
    codes::{CommunityCode, CountyCode, GridVersion},
    geo::Datum,
    role::Role,
};
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

/// The demo's district: 朝阳区.
pub const DISTRICT: &str = "220104";

/// An initialised city with a running server.
pub struct City {
    pub server: ServerProcess,
    pub office: StaffApi,
    pub admin: StaffSession,
    pub city: String,
    pub district: String,
    pub pack: PackBuf<Vec<u8>>,
    /// Report of the import of the real division list.
    pub divisions: Value,
}

/// An account with its own password.
#[derive(Debug, Clone)]
pub struct StaffAccount {
    pub account: String,
    pub password: String,
    pub person: String,
    pub name: String,
}

/// A post with its holder and an invitation for one terminal.
#[derive(Debug, Clone)]
pub struct InvitedPost {
    pub number: String,
    pub post: String,
    pub person: String,
    pub invitation: String,
}

fn data(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../grid/data")
        .join(file)
}

pub(crate) fn id(value: &Value) -> Result<String> {
    Ok(value
        .get("id")
        .and_then(Value::as_str)
        .with_context(|| format!("no id in {value}"))?
        .to_owned())
}

impl City {
    /// Initialises the city in `folder` and starts its server; calls `say` with a progress text for each
    /// step.
    pub fn create(folder: &Path, database: Option<&str>, mut say: impl FnMut(&str)) -> Result<Self> {
        say("建立城市，启动服务器 / initialising the city, starting the server");
        let mut server = ServerProcess::init_and_start(folder, database)?;
        let admin = server.admin()?;
        let city = admin
            .all("/v1/orgs")?
            .first()
            .map(id)
            .context("no city in /v1/orgs")??;

        say("导入长春市的街道和社区 / importing the streets and communities of Changchun");
        let outlines = std::fs::read_to_string(data("changchun_districts.geojson"))?;
        let list: Value = serde_json::from_str(&std::fs::read_to_string(data("changchun_divisions.json"))?)?;
        let divisions = admin.post(
            "/v1/divisions",
            &json!({"city": city, "divisions": list, "outlined": outlined(&outlines)?}),
        )?;
        let district = admin
            .all("/v1/orgs")?
            .iter()
            .find(|org| {
                org.get("area") == Some(&json!(DISTRICT)) && org.get("kind") == Some(&json!("district"))
            })
            .map(id)
            .context("the district is missing in /v1/orgs")??;

        say("划分朝阳区为单元网格并导入 / cutting 朝阳区 into cells and importing them");
        let (geojson, pack) = (folder.join("220104.geojson"), folder.join("220104.pack"));
        cut(folder, &geojson, &pack)?;
        server.import_grid(&geojson)?;
        let pack = PackBuf::open(std::fs::read(&pack)?)?;
        // The running server loads new grids periodically; a restart loads them at once.
        anyhow::ensure!(server.stop()?, "the server did not stop cleanly");
        server.start()?;
        let (office, admin) = (server.api()?, server.admin()?);
        Ok(Self {
            server,
            office,
            admin,
            city,
            district,
            pack,
            divisions,
        })
    }

    /// Creates a handling department of the district; returns its id.
    pub fn department(&self, name: &str) -> Result<String> {
        let body = json!({"parent": self.district, "kind": "department", "name": name, "area": DISTRICT});
        id(&self.admin.post("/v1/orgs", &body)?)
    }
    /// Creates a person with a role at a unit, with an account whose first password is changed.
    pub fn staff(&self, account: &str, name: &str, role: Role, org: &str) -> Result<StaffAccount> {
        let body =
            json!({"name": name, "org": org, "account": account, "roles": [{"role": role, "org": org}]});
        let made = self.admin.post("/v1/people", &body)?;
        let password = made
            .get("password")
            .and_then(Value::as_str)
            .context("no first password")?;
        let (_, own) = self.office.first_sign_in(account, password)?;
        Ok(StaffAccount {
            account: account.into(),
            password: own,
            person: id(&made)?,
            name: name.into(),
        })
    }
    /// Signs in with an account.
    pub fn sign_in(&self, account: &StaffAccount) -> Result<StaffSession> {
        self.office.sign_in(&account.account, &account.password)
    }
    /// Creates a post over `areas` with a holder, and an invitation for one terminal.
    pub fn post(
        &self,
        number: &str,
        name: &str,
        holder: &str,
        role: Role,
        areas: &[&str],
    ) -> Result<InvitedPost> {
        let org = &self.district;
        let body = json!({"name": holder, "org": org, "roles": [{"role": role, "org": org}]});
        let person = id(&self.admin.post("/v1/people", &body)?)?;
        let post = id(&self.admin.post(
            "/v1/posts",
            &json!({"org": org, "number": number, "name": name, "areas": areas}),
        )?)?;
        self.admin
            .post(&format!("/v1/posts/{post}/holders"), &json!({"person": person}))?;
        self.invite(number, &post, &person)
    }
    /// Creates an invitation for one more terminal of a post and its holder.
    pub fn invite(&self, number: &str, post: &str, person: &str) -> Result<InvitedPost> {
        let label = format!("终端 {number}");
        let terminal = id(&self
            .admin
            .post("/v1/terminals", &json!({"label": label, "org": self.district}))?)?;
        let path = format!("/v1/terminals/{terminal}/invitations");
        let invited = self.admin.post(&path, &json!({"post": post, "person": person}))?;
        let invitation = invited
            .get("invitation")
            .and_then(Value::as_str)
            .context("no invitation in the response")?;
        Ok(InvitedPost {
            number: number.into(),
            post: post.into(),
            person: person.into(),
            invitation: invitation.into(),
        })
    }
    /// Communities of the district that are cut into cells, in code order.
    pub fn communities(&self) -> Vec<(CommunityCode, String)> {
        let pack = self.pack.view();
        pack.units()
            .filter(|unit| unit.level == UnitLevel::Community)
            .filter_map(|unit| Some((unit.code.parse().ok()?, unit.name.to_owned())))
            .collect()
    }
    /// Invites a patroller to a post over the first community, for a bench that needs one handset.
    pub fn patroller_of_first_community(&self) -> Result<InvitedPost> {
        let communities = self.communities();
        let (community, _) = communities.first().context("no communities")?;
        self.post(
            "101",
            "巡查",
            "巡查员",
            Role::Patroller,
            &[&community.to_string()],
        )
    }
}

/// Codes of the districts that have an outline in the file.
fn outlined(geojson: &str) -> Result<BTreeSet<String>> {
    let file: Value = serde_json::from_str(geojson)?;
    let features = file
        .get("features")
        .and_then(Value::as_array)
        .context("no features in the GeoJSON file")?;
    Ok(features
        .iter()
        .filter_map(|f| Some(f.pointer("/properties/code")?.as_str()?.to_owned()))
        .collect())
}

/// Cuts the district and packs it, as `xunge-server grid cut` and `grid pack` do.
fn cut(folder: &Path, geojson: &Path, pack: &Path) -> Result<()> {
    let county: CountyCode = DISTRICT.parse()?;
    let commands = [
        GridCommand::Cut {
            districts: data("changchun_districts.geojson"),
            divisions: data("changchun_divisions.json"),
            county,
            grid_version: GridVersion(format!("{DISTRICT}.1")),
            source_datum: Datum::Gcj02,
            seed: 1,
            numbering: folder.join("numbering.json"),
            out: geojson.to_owned(),
        },
        GridCommand::Pack {
            file: geojson.to_owned(),
            grid_version: None,
            source_datum: None,
            snap_m: 0.0,
            out: pack.to_owned(),
        },
    ];
    for command in commands {
        let mut said = Vec::new();
        grid::command::run(command, &mut std::io::empty(), &mut said)
            .with_context(|| String::from_utf8_lossy(&said).into_owned())?;
    }
    Ok(())
}
