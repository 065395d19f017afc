//! Units, people and posts, written directly to the database, so that a test of one room does not depend on
//! another.

use super::{FieldClient, TestApp};
use protocol::{
    ids::{OrgId, PersonId, PostId, TerminalId},
    role::Role,
};
use server::{
    auth::{self, codes},
    params, people,
    terminals::enrol,
};

/// The units that most tests need: city 2201, district 220104, street 22010405, community 2201040503, and a
/// handling department of the district.
#[derive(Debug, Clone, Copy)]
pub struct TestCity {
    pub city: OrgId,
    pub district: OrgId,
    pub street: OrgId,
    pub community: OrgId,
    pub department: OrgId,
    /// The neighbouring district 220105.
    pub other_district: OrgId,
}

/// A person with a staff session.
#[derive(Debug, Clone)]
pub struct StaffMember {
    pub person: PersonId,
    pub org: OrgId,
    pub token: String,
}

impl TestApp {
    pub async fn org(&self, parent: Option<OrgId>, kind: &str, name: &str, area: &str) -> OrgId {
        let (kind, name, area) = (kind.to_owned(), name.to_owned(), area.to_owned());
        self.write(move |tx, ctx| {
            let id = ctx.org_id();
            tx.execute(
                "INSERT INTO org (id, parent, kind, name, area, created) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                params![
                    id.to_string(),
                    parent.map(|p| p.to_string()),
                    &kind,
                    &name,
                    &area,
                    ctx.now.0
                ],
            )?;
            Ok(id)
        })
        .await
    }

    pub async fn city(&self) -> TestCity {
        let city = self.org(None, "city", "长春市", "2201").await;
        let district = self.org(Some(city), "district", "朝阳区", "220104").await;
        let street = self.org(Some(district), "street", "桂林街道", "22010405").await;
        let community = self
            .org(Some(street), "community", "文化社区", "2201040503")
            .await;
        let department = self
            .org(Some(district), "department", "朝阳区环卫处", "220104")
            .await;
        let other_district = self.org(Some(city), "district", "二道区", "220105").await;
        TestCity {
            city,
            district,
            street,
            community,
            department,
            other_district,
        }
    }

    /// Creates a person with roles at `org`, without a session.
    pub async fn person(&self, name: &str, org: OrgId, roles: &[Role]) -> PersonId {
        let (name, roles) = (name.to_owned(), roles.to_vec());
        let account = format!("p{}", self.number());
        self.write(move |tx, ctx| {
            let id = ctx.person_id();
            tx.execute(
                "INSERT INTO person (id, name, org, account, password, disabled, created)
                 VALUES (?1, ?2, ?3, ?4, NULL, NULL, ?5)",
                params![id.to_string(), &name, org.to_string(), &account, ctx.now.0],
            )?;
            for role in &roles {
                tx.execute(
                    "INSERT INTO role_grant (person, role, org) VALUES (?1, ?2, ?3)",
                    params![id.to_string(), role.as_str(), org.to_string()],
                )?;
            }
            Ok(id)
        })
        .await
    }

    /// Creates a person with this role at `org` and a session.
    pub async fn staff(&self, role: Role, org: OrgId) -> StaffMember {
        let person = self.person(&format!("{}某", role.zh()), org, &[role]).await;
        let token = self.session(person).await;
        StaffMember { person, org, token }
    }

    /// Creates a session token for a person. It lasts long, so that tests may move the clock by days.
    pub async fn session(&self, person: PersonId) -> String {
        let token = hex::encode(self.app.secret());
        let kept = token.clone();
        self.write(move |tx, ctx| {
            auth::sessions::open(tx, person, &kept, ctx.now, 24 * 400)?;
            // Not idle before the year is over.
            tx.execute(
                "UPDATE session SET last_used = ?2 WHERE person = ?1",
                params![person.to_string(), ctx.now.plus(400 * 86_400_000).0],
            )?;
            Ok(())
        })
        .await;
        token
    }

    /// Creates a post that answers for `areas`.
    pub async fn post(&self, org: OrgId, areas: &[&str]) -> PostId {
        let areas: Vec<String> = areas.iter().map(|a| (*a).to_owned()).collect();
        let number = format!("139{:08}", self.number());
        self.write(move |tx, ctx| {
            let id = ctx.post_id();
            tx.execute(
                "INSERT INTO post (id, number, name, org, created) VALUES (?1, ?2, ?3, ?4, ?5)",
                params![
                    id.to_string(),
                    &number,
                    format!("岗位{number}"),
                    org.to_string(),
                    ctx.now.0
                ],
            )?;
            for area in &areas {
                tx.execute(
                    "INSERT INTO post_area (post, area) VALUES (?1, ?2)",
                    params![id.to_string(), area],
                )?;
            }
            people::posts::notify(tx, ctx, id)?;
            Ok(id)
        })
        .await
    }

    /// Assigns the post to the person from now on.
    pub async fn assign(&self, post: PostId, person: PersonId) {
        self.write(move |tx, ctx| {
            tx.execute(
                "INSERT INTO post_holder (post, person, since, until) VALUES (?1, ?2, ?3, NULL)",
                params![post.to_string(), person.to_string(), ctx.now.0],
            )?;
            Ok(())
        })
        .await;
    }

    /// Creates an enrolment code for a new terminal of the post's unit.
    pub async fn code(&self, post: PostId, person: PersonId) -> String {
        let code = codes::code(self.app.secret());
        let kept = code.clone();
        self.write(move |tx, ctx| {
            let terminal: TerminalId = ctx.terminal_id();
            tx.execute(
                "INSERT INTO terminal (id, label, org, created)
                 SELECT ?1, '测试终端', org, ?3 FROM post WHERE id = ?2",
                params![terminal.to_string(), post.to_string(), ctx.now.0],
            )?;
            let expires = ctx.now.plus(3_600_000);
            enrol::keep_code(tx, &kept, (terminal, post, person), expires)?;
            Ok(())
        })
        .await;
        code
    }

    /// Creates a patroller who holds the post, with an enrolled handset that has a token.
    pub async fn holder(&self, post: PostId) -> FieldClient {
        let org: OrgId = self
            .app
            .read(move |tx| {
                let org = tx.one(
                    "SELECT org FROM post WHERE id = ?1",
                    params![post.to_string()],
                    |row| row.parse("org"),
                )?;
                Ok(org)
            })
            .await
            .unwrap();
        let person = self.person("巡查员某", org, &[Role::Patroller]).await;
        self.assign(post, person).await;
        self.handset(post, person).await
    }

    /// Enrols a handset of this holder and gets a token.
    pub async fn handset(&self, post: PostId, person: PersonId) -> FieldClient {
        let code = self.code(post, person).await;
        let mut client = FieldClient::new(self, post, person);
        client.enrol(self, &code).await.expect(200);
        client.sign_in(self).await.expect(200);
        client
    }

    /// Deletes what a backup lacks that was taken before the client's person, post and terminal were created.
    pub async fn forget_holder(&self, client: &FieldClient) {
        self.forget_post(client).await;
        let person = client.person.to_string();
        self.write(move |tx, _| {
            tx.execute("DELETE FROM role_grant WHERE person = ?1", params![&person])?;
            Ok(tx.execute("DELETE FROM person WHERE id = ?1", params![&person])?)
        })
        .await;
    }

    /// Deletes what a backup lacks that was taken before the client's post and terminal were created.
    pub async fn forget_post(&self, client: &FieldClient) {
        self.forget_stream(client).await;
        let post = client.post.to_string();
        self.write(move |tx, _| {
            tx.execute("DELETE FROM post_area WHERE post = ?1", params![&post])?;
            tx.execute("DELETE FROM post_holder WHERE post = ?1", params![&post])?;
            Ok(tx.execute("DELETE FROM post WHERE id = ?1", params![&post])?)
        })
        .await;
    }

    /// Deletes what a backup lacks that was taken before the terminal was enrolled.
    pub async fn forget_stream(&self, client: &FieldClient) {
        let stream = client.stream.to_string();
        self.write(move |tx, _| {
            tx.execute("DELETE FROM field_token WHERE stream = ?1", params![&stream])?;
            tx.execute("DELETE FROM stream_boot WHERE stream = ?1", params![&stream])?;
            tx.execute("DELETE FROM stream WHERE id = ?1", params![&stream])?;
            tx.execute("DELETE FROM enrol_code", params![])?;
            Ok(tx.execute("DELETE FROM terminal", params![])?)
        })
        .await;
    }
}
