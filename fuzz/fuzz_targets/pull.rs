//! Mailbox rows: the page, and each row's body by its kind. A parsed row can be serialised and parsed again.
#![no_main]
use protocol::{
    duty::TaskRow,
    feed::{ActivityRow, CaseRow, DispositionRow, PostRow, PresenceRow, PullAnswer, kind},
};
use serde_json::{Value, from_slice, from_value, to_value, to_vec};

fn row<T: serde::de::DeserializeOwned + serde::Serialize + PartialEq + std::fmt::Debug>(body: &Value) {
    if let Ok(row) = from_value::<T>(body.clone()) {
        let written = to_value(&row).expect("a row can be written");
        assert_eq!(from_value::<T>(written).expect("and parsed again"), row);
    }
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(answer) = from_slice::<PullAnswer>(bytes) else {
        return;
    };
    let written = to_vec(&answer).expect("an answer can be written");
    assert_eq!(from_slice::<PullAnswer>(&written).expect("and parsed again"), answer);
    for body in answer.rows.iter().filter_map(|row| Some((row.kind.as_str(), row.body.as_ref()?))) {
        match body {
            (kind::TASK, body) => row::<TaskRow>(body),
            (kind::DISPOSITION, body) => row::<DispositionRow>(body),
            (kind::CASE, body) => row::<CaseRow>(body),
            (kind::ACTIVITY, body) => row::<ActivityRow>(body),
            (kind::POST, body) => row::<PostRow>(body),
            (kind::PRESENCE, body) => row::<PresenceRow>(body),
            _ => {}
        }
    }
});
