//! The registry of error codes: unique, complete in both languages, unchanged by a round trip, and with the classes
//! that handsets in the field rely on.

use protocol::problem::{ErrorCode, HandsetCode, Problem, ProblemClass, ProblemCode, ReasonCode, Recovery};
use std::collections::BTreeSet;

fn all() -> Vec<ErrorCode> {
    let problems = ProblemCode::ALL.iter().map(|code| ErrorCode::from(*code));
    let reasons = ReasonCode::ALL.iter().map(|code| ErrorCode::from(*code));
    let handset = HandsetCode::ALL.iter().map(|code| ErrorCode::from(*code));
    problems.chain(reasons).chain(handset).collect()
}

#[test]
fn every_code_is_unique_over_all_three_lists() {
    let texts: BTreeSet<String> = all().iter().map(ToString::to_string).collect();
    assert_eq!(texts.len(), all().len());
}

#[test]
fn every_code_is_parsed_to_itself_and_survives_json() {
    for code in all() {
        assert_eq!(ErrorCode::parse(&code), code);
        let json = serde_json::to_string(&code).unwrap();
        assert_eq!(json, format!("{:?}", code.as_str()));
        assert_eq!(serde_json::from_str::<ErrorCode>(&json).unwrap(), code);
    }
}

#[test]
fn every_code_is_dotted_lower_case_and_has_words_in_both_languages() {
    for code in all() {
        assert!(code.contains('.'), "{code}");
        let is_plain = |c: char| c.is_ascii_lowercase() || c == '_' || c == '.';
        assert!(code.chars().all(is_plain), "{code}");
        let (zh, en) = (code.zh().unwrap(), code.en().unwrap());
        assert!(!zh.is_ascii(), "{code}: {zh}");
        assert!(en.len() > 3 && en.is_ascii(), "{code}: {en}");
    }
}

#[test]
fn a_code_of_a_newer_peer_survives_a_round_trip() {
    let mut problem = serde_json::to_value(Problem::new(ProblemCode::Invalid)).unwrap();
    problem["code"] = "future.thing".into();
    let read: Problem = serde_json::from_value(problem.clone()).unwrap();
    assert_eq!(read.code, ErrorCode::Other("future.thing".into()));
    assert_eq!((read.code.zh(), read.code.class()), (None, ProblemClass::Refused));
    assert_eq!(serde_json::to_value(&read).unwrap(), problem);
}

#[test]
fn an_unknown_code_gets_the_class_of_its_family() {
    let class = |text| ErrorCode::parse(text).class();
    assert_eq!(class("auth.second_factor"), ProblemClass::SenderRefused);
    assert_eq!(class("stream.paused"), ProblemClass::SenderRefused);
    assert_eq!(class("network.captive"), ProblemClass::Network);
    assert_eq!(class("authority.x"), ProblemClass::Refused);
    assert_eq!(class("auth"), ProblemClass::Refused);
    assert_eq!(class(""), ProblemClass::Refused);
    assert_eq!(ErrorCode::of_http(503), "http.503");
    assert_eq!(ErrorCode::of_http(503).class(), ProblemClass::Refused);
}

#[test]
fn a_problem_that_may_succeed_later_is_never_final() {
    for code in ProblemCode::ALL {
        assert!((400..600).contains(&code.status()), "{code}");
        if code.status() >= 500 || code.status() == 429 {
            assert_eq!(code.recovery(), Recovery::Retry, "{code}");
        }
    }
}

/// How handsets decided before the registry had classes: by parts of the text. Old handsets still do, so a row with a
/// differing class would be handled differently by old and new handsets.
#[test]
fn classes_match_the_text_rules_of_old_handsets() {
    let concerns_stream =
        |code: &str| code.starts_with("auth.") || code.starts_with("stream.") || code == "push.stream";
    let is_network = |code: &str| code.starts_with("network.") || code == "answer.foreign";
    for code in all() {
        let class = code.class();
        // Old handsets call it for refusals, and for `stream.unknown` after a failed readmission.
        if class.recovery() == Recovery::Refused || code == ProblemCode::StreamUnknown {
            // Two codes never answer an old handset's push or pull: `terminal.wipe` answers a request for a token,
            // and `terminal.handed_over` is never sent.
            let ended = code == ProblemCode::TerminalWipe || code == HandsetCode::HandedOver;
            assert_eq!(class.concerns_sender(), concerns_stream(&code) || ended, "{code}");
        }
        assert_eq!(class == ProblemClass::Network, is_network(&code), "{code}");
    }
}

#[test]
fn use_c_texts_say_what_happened_and_what_to_do() {
    for (code, zh) in [
        (
            "entry.number_taken",
            "这条与另一部手机或旧备份的编号重复，中心没有收；修改后重新提交即可，内容都在",
        ),
        (
            "store.moved_aside",
            "本机数据库损坏，有内容等待抢救，请找管理员（salvage）",
        ),
        ("vault.exposed", "keys.json 权限过宽，请改为 600"),
        (
            "vault.missing",
            "找不到 keys.json，内容还在本机；请找回这个文件，不要重新登记",
        ),
        ("enrol.already", "本机已登记；给另一位用户登记，请添加用户"),
        ("case.changed", "案卷刚有更新，请刷新后再办理"),
    ] {
        assert_eq!(ErrorCode::parse(code).zh(), Some(zh), "{code}");
    }
}
