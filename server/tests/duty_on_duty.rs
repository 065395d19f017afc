//! `/v1/duty`, `/v1/counts` and the assignment of tasks agree on who is on duty.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

#[path = "support/centre.rs"]
mod centre;
mod support;

use centre::{CELL, DistrictFixture, FOREIGN_CELL, check_in, check_out};
use protocol::role::Role;
use serde_json::json;
use server::params;
use support::{StaffMember, TestApp};

/// Persons of the list, which must be as many as the same reader's count says.
async fn listed(app: &TestApp, reader: &StaffMember) -> Vec<String> {
    let page = app.get("/v1/duty", &reader.token).await.expect(200).json;
    let persons: Vec<String> = page["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["person"].as_str().unwrap().to_owned())
        .collect();
    let counts = app.get("/v1/counts", &reader.token).await.expect(200).json;
    assert_eq!(
        counts["on_duty"],
        json!(persons.len()),
        "the count disagrees with the list {persons:?}"
    );
    persons
}

/// Who gets a new task in the cell; nobody is an empty list.
async fn assigned(c: &DistrictFixture, app: &TestApp, cell: &str) -> Vec<String> {
    let body = json!({"purpose": "inspect", "wording": "x", "cell": cell});
    let task = app
        .post_json("/v1/tasks", &c.supervisor.token, body)
        .await
        .expect(200)
        .json;
    let holder = task["holder"].as_str().map(str::to_owned);
    holder.into_iter().collect()
}

/// List, count and assignment all name the patroller, or all name nobody.
async fn agree(c: &DistrictFixture, app: &TestApp, on_duty: bool) {
    let expected = Vec::from_iter(on_duty.then(|| c.patroller.person.to_string()));
    assert_eq!(listed(app, &c.supervisor).await, expected);
    assert_eq!(assigned(c, app, CELL).await, expected);
}

/// Changes rows as a path without a reaction would, so that only the definition decides.
async fn alter(app: &TestApp, sql: &'static str, id: String) {
    let changed = app
        .write(move |tx, ctx| Ok(tx.execute(sql, params![&id, ctx.now.0])?))
        .await;
    assert_eq!(changed, 1, "{sql}");
}

both_engines! {
    async fn a_check_in_and_its_check_out_change_list_count_and_assignment(app: TestApp) {
        let mut c = DistrictFixture::new(&app).await;
        agree(&c, &app, false).await;
        check_in(&mut c.patroller, &app).await;
        agree(&c, &app, true).await;
        check_out(&mut c.patroller, &app).await;
        agree(&c, &app, false).await;
    }

    async fn an_ended_shift_counts_for_nothing_before_the_sweep(app: TestApp) {
        let mut c = DistrictFixture::new(&app).await;
        check_in(&mut c.patroller, &app).await;
        app.advance_minutes(14 * 60);
        agree(&c, &app, false).await;
        assert_eq!(app.write(server::duty::end_expired).await, 1);
        agree(&c, &app, false).await;
    }

    async fn a_relieved_holder_counts_for_nothing_before_the_sweep(app: TestApp) {
        let mut c = DistrictFixture::new(&app).await;
        check_in(&mut c.patroller, &app).await;
        app.advance_minutes(1);
        alter(&app, "UPDATE post_holder SET until = ?2 WHERE person = ?1", c.patroller.person.to_string()).await;
        agree(&c, &app, false).await;
        assert_eq!(app.write(server::duty::end_expired).await, 1);
        agree(&c, &app, false).await;
    }

    async fn a_disabled_account_counts_for_nothing_before_the_sweep(app: TestApp) {
        let mut c = DistrictFixture::new(&app).await;
        check_in(&mut c.patroller, &app).await;
        alter(&app, "UPDATE person SET disabled = ?2 WHERE id = ?1", c.patroller.person.to_string()).await;
        agree(&c, &app, false).await;
        assert_eq!(app.write(server::duty::end_expired).await, 1);
        agree(&c, &app, false).await;
    }

    async fn sp_06_a_person_without_an_active_stream_counts_for_nothing(app: TestApp) {
        let mut c = DistrictFixture::new(&app).await;
        check_in(&mut c.patroller, &app).await;
        alter(&app, "UPDATE stream SET revoked = ?2 WHERE id = ?1", c.patroller.stream.to_string()).await;
        agree(&c, &app, false).await;
        assert_eq!(app.write(server::duty::end_expired).await, 1);
        agree(&c, &app, false).await;
    }

    async fn sp_06_a_second_active_stream_keeps_its_person_on_duty(app: TestApp) {
        let mut c = DistrictFixture::new(&app).await;
        check_in(&mut c.patroller, &app).await;
        app.handset(c.patroller.post, c.patroller.person).await;
        alter(&app, "UPDATE stream SET revoked = ?2 WHERE id = ?1", c.patroller.stream.to_string()).await;
        agree(&c, &app, true).await;
        assert_eq!(app.write(server::duty::end_expired).await, 0);
    }

    /// The post's area decides, not the area of the unit that the post belongs to.
    async fn list_and_count_use_the_areas_of_the_post(app: TestApp) {
        let mut c = DistrictFixture::new(&app).await;
        let neighbour = app.staff(Role::Supervisor, c.city.other_district).await;
        check_in(&mut c.patroller, &app).await;
        agree(&c, &app, true).await;
        assert_eq!(listed(&app, &neighbour).await, Vec::<String>::new());
        // A post of the city's unit that answers for a community of the district.
        let post = app.post(c.city.city, &["2201040504"]).await;
        let mut of_the_city = app.holder(post).await;
        check_in(&mut of_the_city, &app).await;
        assert_eq!(assigned(&c, &app, FOREIGN_CELL).await, [of_the_city.person.to_string()]);
        assert_eq!(listed(&app, &c.supervisor).await.len(), 2);
        assert_eq!(listed(&app, &neighbour).await, Vec::<String>::new());
        // A post of the district's unit that answers for the neighbouring district only.
        let post = app.post(c.city.community, &["220105"]).await;
        let mut next_door = app.holder(post).await;
        check_in(&mut next_door, &app).await;
        assert_eq!(listed(&app, &c.supervisor).await.len(), 2);
        assert_eq!(listed(&app, &neighbour).await, [next_door.person.to_string()]);
        assert_eq!(assigned(&c, &app, CELL).await, [c.patroller.person.to_string()]);
    }
}
