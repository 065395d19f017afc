//! Values, parameters, rows and error messages of single statements.

use proptest::prelude::{Just, any, prop_oneof};
use proptest::strategy::Strategy;
use proptest::test_runner::{Config, TestRunner};
use server::params;
use server::store::{Store, StoreError, Value};

use crate::ContractStore;
use crate::helpers::{StoreResult, insert};

pub fn every_value_is_read_back_unchanged(engine: &ContractStore) {
    let store = engine.open();
    let texts = prop_oneof![
        "[^\\x00]{0,40}",
        Just(String::new()),
        Just("朝阳区桂林街道 🏀 'quoted' \"?1\" \\".to_owned()),
        "[巡格员🏃‍♀️\u{10ffff}]{0,20}"
    ];
    let ints = prop_oneof![
        any::<i64>(),
        Just(i64::MIN),
        Just(i64::MAX),
        Just(1 << 53),
        Just((1 << 53) + 1)
    ];
    let reals = prop_oneof![
        any::<f64>().prop_filter("NaN is refused", |r| !r.is_nan()),
        Just(f64::INFINITY),
        Just(f64::MIN_POSITIVE),
        Just(3.0)
    ];
    let row = (
        proptest::option::of(texts),
        proptest::option::of(ints),
        proptest::option::of(reals),
        proptest::option::of(any::<bool>()),
        proptest::option::of(proptest::collection::vec(any::<u8>(), 0..64)),
    );
    // A fixed seed, so that a failure can be reproduced.
    let mut runner = TestRunner::new_with_rng(
        Config {
            cases: 200,
            failure_persistence: None,
            ..Config::default()
        },
        proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha),
    );
    runner
        .run(&row, |(t, i, r, b, y)| {
            let (t2, y2) = (t.clone(), y.clone());
            let back = store.write_blocking(move |tx| {
                tx.execute("DELETE FROM sample", params![])?;
                tx.execute(
                    "INSERT INTO sample (id, t, i, r, b, y) VALUES (1, ?1, ?2, ?3, ?4, ?5)",
                    params![&t2, i, r, b, &y2],
                )?;
                tx.one(
                    "SELECT t, i, r, b, y FROM sample WHERE t IS NOT DISTINCT FROM ?1 AND y IS NOT DISTINCT FROM ?2
                     AND b IS NOT DISTINCT FROM ?3 AND i IS NOT DISTINCT FROM ?4",
                    params![&t2, &y2, b, i],
                    |row| Ok((row.get("t")?, row.get("i")?, row.get("r")?, row.get("b")?, row.get("y")?)),
                )
            });
            proptest::prop_assert_eq!(back, Ok((t, i, r, b, y)));
            Ok(())
        })
        .unwrap();
}

pub fn question_marks_in_text_and_parameter_ten_are_handled(engine: &ContractStore) {
    let store = engine.open();
    let row = store.read_blocking(|tx| {
        tx.one(
            "SELECT '?1 it''s' AS a, ?10 || ?1 AS b, '$1' AS c /* ?2 */ -- ?3
             WHERE ?2 || ?3 || ?4 || ?5 || ?6 || ?7 || ?8 || ?9 <> '?1'",
            params!["1", "2", "3", "4", "5", "6", "7", "8", "9", "ten"],
            |row| {
                Ok((
                    row.get::<String>("a")?,
                    row.get::<String>("b")?,
                    row.get::<String>(2)?,
                ))
            },
        )
    });
    assert_eq!(
        row,
        Ok(("?1 it's".to_owned(), "ten1".to_owned(), "$1".to_owned()))
    );
}

pub fn nul_in_text_and_nan_are_refused(engine: &ContractStore) {
    let store = engine.open();
    for bad in [Value::from("a\0b"), Value::from(f64::NAN)] {
        let refused = store.write_blocking(move |tx| {
            tx.execute(
                "INSERT INTO counter (n, name) VALUES (?1, ?2)",
                params![1_i64, &bad],
            )
        });
        assert!(
            matches!(refused, Err(StoreError::Unportable { index: 2, .. })),
            "{refused:?}"
        );
    }
}

pub fn constraint_violations_are_distinguished(engine: &ContractStore) {
    let store = engine.open();
    let child = |id: i64, parent: i64, street: Option<&'static str>| {
        store.write_blocking(move |tx| {
            tx.execute(
                "INSERT INTO child (id, parent, street, number) VALUES (?1, ?2, ?3, 5)",
                params![id, parent, street],
            )
        })
    };
    let conflict = |constraint: &str| {
        Err(StoreError::Conflict {
            constraint: constraint.to_owned(),
        })
    };
    store
        .write_blocking(|tx| tx.execute("INSERT INTO parent (id) VALUES (1)", params![]))
        .unwrap();
    assert_eq!(child(1, 1, Some("桂林路")), Ok(1));
    assert_eq!(child(1, 1, Some("红旗街")), conflict("child.id"));
    assert_eq!(
        child(2, 1, Some("桂林路")),
        conflict("child.street, child.number")
    );
    assert_eq!(child(2, 2, Some("红旗街")), Err(StoreError::ForeignKey));
    assert!(matches!(child(2, 1, Some("")), Err(StoreError::Check { .. })));
    assert!(matches!(child(2, 1, None), Err(StoreError::Check { .. })));
    let orphaned = store.write_blocking(|tx| tx.execute("DELETE FROM parent", params![]));
    assert_eq!(orphaned, Err(StoreError::ForeignKey));
}

pub fn an_unreadable_column_is_named_in_the_error(engine: &ContractStore) {
    let store = engine.open();
    store
        .write_blocking(|tx| tx.execute("INSERT INTO sample (id, t, i) VALUES (1, 'abc', 300)", params![]))
        .unwrap();
    fn column_of<T: std::fmt::Debug + Send + 'static>(
        store: &Store,
        read: impl Fn(&server::store::Row) -> StoreResult<T> + Send + 'static,
    ) -> String {
        match store.read_blocking(move |tx| tx.one("SELECT id, t, i, r FROM sample", params![], &read)) {
            Err(StoreError::Decode { column, .. }) => column,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(column_of(&store, |row| row.get::<i64>("t")), "t");
    assert_eq!(column_of(&store, |row| row.get::<f64>("r")), "r");
    assert_eq!(column_of(&store, |row| row.get::<u8>("i")), "i");
    assert_eq!(column_of(&store, |row| row.get::<bool>(2)), "i");
    assert_eq!(column_of(&store, |row| row.get::<i64>("absent")), "absent");
    assert_eq!(column_of(&store, |row| row.parse::<std::net::IpAddr>("t")), "t");
}

pub fn one_and_opt_check_the_number_of_rows(engine: &ContractStore) {
    let store = engine.open();
    for id in [1, 2] {
        insert(&store, id).unwrap();
    }
    let below = |limit: i64| {
        store.read_blocking(move |tx| {
            let sql = "SELECT id FROM sample WHERE id < ?1";
            let opt = tx.opt(sql, params![limit], |row| row.get::<i64>("id"));
            Ok::<_, StoreError>((opt, tx.one(sql, params![limit], |row| row.get::<i64>("id"))))
        })
    };
    assert_eq!(below(1), Ok((Ok(None), Err(StoreError::NotFound))));
    assert_eq!(below(2), Ok((Ok(Some(1)), Ok(1))));
    assert_eq!(
        below(3),
        Ok((Err(StoreError::TooManyRows), Err(StoreError::TooManyRows)))
    );
}

pub fn an_sql_error_does_not_expose_the_engines_message(engine: &ContractStore) {
    let store = engine.open();
    let error = store
        .read_blocking(|tx| tx.all("SELECT secret_column FROM sample", params![], |_| Ok(())))
        .unwrap_err();
    assert_eq!(
        (error.code(), error.to_string().contains("secret")),
        ("store.statement", false)
    );
    assert!(error.detail().unwrap().contains("secret_column"));
    let count =
        store.write_blocking(|tx| tx.execute("INSERT INTO sample (id) VALUES (?1)", params![1_i64, 2_i64]));
    assert!(matches!(count, Err(StoreError::Statement { .. })), "{count:?}");
}
