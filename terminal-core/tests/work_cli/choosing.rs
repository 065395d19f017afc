//! Choosing on the command line: cells without a fix, types by pinyin initials.

use super::*;

#[test]
fn cells_are_listed_by_street_by_community_and_around_a_place() {
    let home = Home::new();
    assert!(home.says(&["cells"]).contains("还没有网格"));
    assert_eq!(
        home.json(&["cells"]),
        json!({ "ok": true, "command": "cells", "grid": null })
    );
    testing::file(&home.store(), FileName::Grid, "220104.1", &two_cells()).unwrap();
    assert_eq!(home.says(&["cells"]), "22010401  桂林路街道  2 个单元网格\n");
    for street in ["22010401", "桂林路街道", "桂林"] {
        assert_eq!(
            home.says(&["cells", "--street", street]),
            "2201040101  桂林社区  2 个单元网格\n",
            "{street}"
        );
    }
    let cells = "220104-01-01-01 桂林路街道 桂林社区\n220104-01-01-02 桂林路街道 桂林社区\n";
    for community in ["2201040101", "桂林社区"] {
        assert_eq!(home.says(&["cells", "--community", community]), cells);
    }
    let near = home.says(&["cells", "--near", "43.8575,125.3006"]);
    assert_eq!(
        near,
        "在此   220104-01-01-01 桂林路街道 桂林社区\n48 米  220104-01-01-02 桂林路街道 桂林社区\n"
    );
    let near = home.json(&["cells", "--near", "43.8575,125.3006", "--limit", "1"]);
    assert_eq!(near["grid"], "220104.1");
    assert_eq!(
        near["cells"],
        json!([{
            "code": "220104010101", "grouped": "220104-01-01-01",
            "street": "桂林路街道", "community": "桂林社区", "metres": 0.0,
        }])
    );
    assert_eq!(
        home.json(&["--lang", "en", "cells", "--street", "桂林"])["communities"],
        json!([{ "code": "2201040101", "name": "桂林社区", "cells": 2 }])
    );
    assert!(home.says(&["--lang", "en", "cells"]).contains("2 cells"));
    assert!(
        home.refuses(&["cells", "--street", "不存在街道"])
            .contains("place.unknown")
    );
    let both = home.run(&["cells", "--street", "a", "--community", "b"]);
    assert_eq!(both.status.code(), Some(2));
}

#[test]
fn a_report_without_a_fix_names_the_chosen_cell() {
    let home = Home::new();
    testing::file(&home.store(), FileName::Grid, "220104.1", &two_cells()).unwrap();
    let said = home.json(&["report", "--type", "bllj", "--cell", "220104-01-01-02"]);
    let id: EntryId = said["item"]["id"].as_str().unwrap().parse().unwrap();
    let (_, bytes) = home.store().entry(id).unwrap();
    let entry: Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(
        (
            &entry["payload"]["matter"],
            &entry["payload"]["cell"],
            &entry["payload"]["cell_chosen"],
            &entry["grid"],
            &entry["evidence"]["position"],
        ),
        (
            &json!("E0102"),
            &json!("220104010102"),
            &json!(true),
            &json!("220104.1"),
            &Value::Null
        )
    );
    for wrong in ["220104010109", "xyz"] {
        assert!(
            home.refuses(&["report", "--text", "a", "--cell", wrong])
                .contains("place.unknown"),
            "{wrong}"
        );
    }
}

#[test]
fn types_are_found_by_pinyin_initials() {
    let home = Home::new();
    assert_eq!(home.json(&["types", "bllj"])["types"][0]["code"], "E0102");
    assert!(home.says(&["types", "dlps"]).contains("道路破损"));
    assert!(home.says(&["types", "qqqq"]).contains("拼音首字母"));
}
