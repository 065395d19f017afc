//! Figures and lists that do not grow with the city (issue 15, point 5): each figure is what the rows give, and a list shows
//! the same rows in the same order as sorting all of them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

#[path = "support/centre.rs"]
mod centre;
mod support;

use centre::{CELL, DistrictFixture, check_in};
use protocol::area::Area;
use serde_json::json;
use server::{
    app::{
        ordered::{KeyPart, ListSpan, OrderKey, OrderedTable, Scope, Strand},
        tally::{self, CountedKind},
        tally_job,
    },
    params,
    store::{StoreError, Tx},
};
use support::TestApp;

const TABLE: OrderedTable = OrderedTable {
    name: "case_file",
    id: "id",
    place: "area",
    counted: CountedKind::Case,
};

/// As the list of cases has them.
fn strands() -> Vec<Strand> {
    let reported = KeyPart::Column("reported");
    let strand = |state, part, first| Strand {
        state,
        part,
        key: [first, reported],
    };
    vec![
        strand("reported", "state <> 'handling'", KeyPart::Is(i64::MAX)),
        strand("handling", "deadline IS NULL", KeyPart::Is(i64::MAX)),
        strand("handling", "deadline IS NOT NULL", KeyPart::Column("deadline")),
        strand("closed", "state <> 'handling'", KeyPart::Is(i64::MAX)),
    ]
}

/// A row of the model: key, area, department.
type ModelRow = (OrderKey, Area, Option<String>);

/// Random rows; many share a time, and most lie in two communities.
fn rows(seed: u64, count: usize) -> Vec<(ModelRow, &'static str, Option<i64>)> {
    let mut state = seed;
    let mut next = move |below: u64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    (0..count)
        .map(|n| {
            let kind =
                ["reported", "handling", "closed", "closed", "closed"][usize::try_from(next(5)).unwrap()];
            let deadline = (kind == "handling" && next(4) > 0).then(|| i64::try_from(next(5)).unwrap());
            let reported = i64::try_from(next(6)).unwrap();
            let area = [
                "",
                "2201",
                "220104010101",
                "220104010102",
                "220104020101",
                "2201050101",
                "220105010101",
            ][usize::try_from(next(7)).unwrap()];
            let department = (next(6) == 0).then(|| "d".to_owned());
            let id = format!("{:08x}-{n}", next(1 << 30));
            let key = (deadline.unwrap_or(i64::MAX), reported, id);
            ((key, area.parse().unwrap(), department), kind, deadline)
        })
        .collect()
}

fn insert(tx: &mut Tx<'_>, row: &(ModelRow, &'static str, Option<i64>)) -> Result<(), StoreError> {
    let (((_, reported, id), area, department), state, deadline) = row;
    tx.execute(
        "INSERT INTO case_file (id, number, source, state, version, text, address, area, self_handled, flags, department,
             deadline, deadline_provisional, rounds, withdrawn, reported, created, updated)
         VALUES (?1, ?1, 'field', ?2, 1, '', '', ?3, FALSE, '[]', ?4, ?5, FALSE, 0, FALSE, ?6, 0, 0)",
        params![id, *state, area.as_str(), department, *deadline, *reported],
    )?;
    Ok(())
}

both_engines! {
    async fn i15_lists_are_all_rows_sorted_for_every_scope_and_page(app: TestApp) {
        let city = app.city().await;
        for seed in [1, 2, 3] {
            let model = rows(seed, 400);
            let (all, department) = (model.clone(), city.district.to_string());
            // The department is a real unit: the column refers to one.
            let named = move |row: &(ModelRow, &'static str, Option<i64>)| {
                let mut row = row.clone();
                row.0.2 = row.0.2.map(|_| department.clone());
                row
            };
            app.write(move |tx, _| {
                tx.execute("DELETE FROM case_file", params![])?;
                for row in &all {
                    insert(tx, &named(row))?;
                }
                tally::recount(tx)?;
                Ok(())
            })
            .await;
            let department = city.district.to_string();
            for (areas, asked, owns) in [
                (vec![""], None, false),
                (vec!["2201"], None, false),
                (vec!["220104010101"], None, false),
                (vec!["2201040101", "220105"], None, false),
                (vec!["220104", "22010401"], Some("22010401"), false),
                (vec!["220104"], Some("2201"), true),
                (vec![], None, true),
                (vec!["2203"], None, true),
                (vec![""], Some("no area"), true),
            ] {
                let areas: Vec<Area> = areas.iter().map(|text| text.parse().unwrap()).collect();
                let sees = |row: &ModelRow| {
                    let asked: Option<Result<Area, _>> = asked.map(str::parse);
                    let wanted = match asked {
                        None => true,
                        Some(Ok(asked)) => asked.covers(row.1),
                        Some(Err(_)) => false,
                    };
                    wanted && (areas.iter().any(|area| area.covers(row.1)) || (owns && row.2.is_some()))
                };
                let mut expected: Vec<OrderKey> =
                    model.iter().map(|(row, ..)| row).filter(|row| sees(row)).map(|row| row.0.clone()).collect();
                expected.sort();
                for most in [1, 7, 1000] {
                    let mut listed: Vec<OrderKey> = Vec::new();
                    loop {
                        let mut scope = Scope::of(areas.clone(), asked);
                        if owns {
                            scope = scope.owned_by("department", [department.clone()].into_iter());
                        }
                        let reading = ListSpan { after: listed.last().cloned(), most };
                        let page = app
                            .app
                            .read(move |tx| {
                                let columns = "deadline, state, reported, id";
                                Ok(TABLE.rows(tx, &strands(), &scope, &reading, columns, |row| {
                                    let due: Option<i64> = row.get("deadline")?;
                                    Ok((due.unwrap_or(i64::MAX), row.get("reported")?, row.get::<String>("id")?))
                                })?)
                            })
                            .await
                            .unwrap();
                        if page.is_empty() {
                            break;
                        }
                        listed.extend(page);
                        if most == 1 && listed.len() > 40 {
                            break;
                        }
                    }
                    let shown = if most == 1 { &expected[..listed.len()] } else { &expected[..] };
                    assert_eq!(listed, shown, "seed {seed}, {areas:?}, asked {asked:?}, owns {owns}, {most} a page");
                }
            }
        }
        app.write(|tx, _| {
            tx.execute("DELETE FROM case_file", params![])?;
            tally::recount(tx)?;
            Ok(())
        })
        .await;
    }

    async fn i15_figures_are_exact_before_and_after_they_are_added_up(app: TestApp) {
        let fixture = DistrictFixture::new(&app).await;
        let mut client = fixture.another(&app, &["2201040503"]).await;
        check_in(&mut client, &app).await;
        let task = json!({"purpose": "inspect", "wording": "看看路灯", "cell": CELL, "minutes": 60});
        for _ in 0..3 {
            app.post_json("/v1/tasks", &fixture.supervisor.token, task.clone()).await.expect(200);
        }
        let figures = |areas: &'static [&'static str]| {
            let app = &app;
            async move {
                let areas: Vec<Area> = areas.iter().map(|text| text.parse().unwrap()).collect();
                app.app.read(move |tx| Ok(tally::of_areas(tx, CountedKind::Task, &areas)?)).await.unwrap()
            }
        };
        let three = [("assigned".to_owned(), 3)];
        for folded in [false, true] {
            if folded {
                assert!(tally_job::fold(&app.app).await.unwrap() > 0);
                assert_eq!(tally_job::fold(&app.app).await.unwrap(), 0, "nothing is added twice");
            }
            // An area counts once, also beside one that contains it.
            for areas in [&["2201", "22010405", CELL][..], &[""], &[CELL], &["220"], &["2201040503"]] {
                assert_eq!(figures(areas).await.into_iter().collect::<Vec<_>>(), three, "{areas:?} {folded}");
            }
            assert!(figures(&["2202"]).await.is_empty());
        }
        let wrong = app
            .write(|tx, _| {
                tx.execute("UPDATE tally SET n = n + 1 WHERE what = 'task' AND place = '2201'", params![])?;
                Ok(tally::recount(tx)?)
            })
            .await;
        assert_eq!(wrong.iter().map(ToString::to_string).collect::<Vec<_>>(), ["task 2201 assigned: 4 -> 3"]);
        assert_eq!(figures(&["2201"]).await.into_iter().collect::<Vec<_>>(), three);
    }
}
