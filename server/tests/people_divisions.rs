//! Import of the streets and communities of a city (SJ-10).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support;

use protocol::role::Role;
use serde_json::{Value, json};
use support::TestApp;

both_engines! {
    /// A newer list keeps every code that was assigned before.
    async fn sj_10_street_list_is_imported_and_a_newer_list_only_adds(app: TestApp) {
        let city = app.city().await;
        let admin = app.staff(Role::Admin, city.city).await;
        let first = json!({ "code": "220104007", "name": "前进街道", "communities": [["220104007001", "兴华社区"]] });
        let newer = json!({ "code": "220104001", "name": "桂林街道", "communities": [["220104001001", "文化社区"]] });
        let list = |streets: &[&Value]| json!({ "city": city.city, "outlined": ["220104"],
            "divisions": { "counties": [{ "code": "220104", "name": "朝阳区", "streets": streets }] } });
        let mut added = Vec::new();
        for streets in [&[&first][..], &[&first], &[&newer, &first]] {
            let done = app.post_json("/v1/divisions", &admin.token, list(streets)).await.expect(200).json;
            added.push(done["added"].as_u64().unwrap());
        }
        assert_eq!(added, [3, 0, 2]);
        let codes = app.write(|tx, _| Ok(tx.all(
            "SELECT stat, code FROM division WHERE stat LIKE '220104___' ORDER BY stat",
            server::params![],
            |row| Ok((row.get::<String>("stat")?, row.get::<String>("code")?)),
        )?)).await;
        let given = [("220104001", "22010402"), ("220104007", "22010401")];
        assert_eq!(codes, given.map(|(stat, code)| (stat.to_owned(), code.to_owned())));
        let below = app.staff(Role::Admin, city.district).await;
        let refused = app.post_json("/v1/divisions", &below.token, list(&[&first])).await;
        refused.expect(403).expect_code("auth.scope");
    }
}
