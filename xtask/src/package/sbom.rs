//! The bill of materials of one program: CycloneDX 1.5, JSON. Written by us from `cargo tree`, `cargo metadata` and the
//! lock; it has no random serial number and no time of the build, so two builds of one commit write the same bytes.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::artefacts::Artefact;
use super::closure::{Closure, CrateId, Facts};

/// The text of the SBOM. `sha256` is the program's, `time` that of the commit (RFC 3339).
pub fn text(
    artefact: &Artefact,
    closure: &Closure,
    facts: &BTreeMap<CrateId, Facts>,
    sha256: &str,
    time: &str,
) -> Result<String> {
    let mut components = Vec::new();
    let mut dependencies = Vec::new();
    let mut root = Value::Null;
    for (id, linked) in closure {
        let known = facts
            .get(id)
            .with_context(|| format!("cargo metadata does not know {} {}", id.0, id.1))?;
        let needs: Vec<String> = linked.depends_on.iter().map(reference).collect();
        dependencies.push(json!({ "ref": reference(id), "dependsOn": needs }));
        if id.0 == artefact.package {
            root = json!({
                "type": "application",
                "bom-ref": reference(id),
                "name": artefact.program,
                "version": id.1,
                "licenses": [{ "expression": known.licence }],
                "hashes": [{ "alg": "SHA-256", "content": sha256 }],
            });
        } else {
            components.push(component(id, linked.build_only, known));
        }
    }
    let bom = json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "timestamp": time,
            "tools": { "components": [{ "type": "application", "name": "xtask" }] },
            "component": root,
        },
        "components": components,
        "dependencies": dependencies,
    });
    Ok(serde_json::to_string_pretty(&bom)? + "\n")
}

fn component(id: &CrateId, build_only: bool, known: &Facts) -> Value {
    let mut component = json!({
        "type": "library",
        "bom-ref": reference(id),
        "name": id.0,
        "version": id.1,
        // What only builds the program is not part of it.
        "scope": if build_only { "excluded" } else { "required" },
        "licenses": [{ "expression": expression(&known.licence) }],
    });
    if let Some(fields) = component.as_object_mut() {
        if !known.member {
            fields.insert("purl".into(), reference(id).into());
        }
        if let Some(checksum) = &known.checksum {
            fields.insert(
                "hashes".into(),
                json!([{ "alg": "SHA-256", "content": checksum }]),
            );
        }
        if let Some(repository) = &known.repository {
            fields.insert(
                "externalReferences".into(),
                json!([{ "type": "vcs", "url": repository }]),
            );
        }
    }
    component
}

/// A package URL. A `+` of a version must be escaped in it.
fn reference(id: &CrateId) -> String {
    format!("pkg:cargo/{}@{}", id.0, id.1.replace('+', "%2B"))
}

/// Old manifests write `MIT/Apache-2.0` for `MIT OR Apache-2.0`.
fn expression(licence: &str) -> String {
    let alternatives: Vec<&str> = licence.split('/').map(str::trim).collect();
    alternatives.join(" OR ")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::closure::Linked;
    use super::*;

    fn id(name: &str) -> CrateId {
        (name.to_owned(), "1.0.0+x".to_owned())
    }

    #[test]
    fn the_program_is_the_subject_and_its_crates_are_components() {
        let linked = |needs: &[&str], build_only| Linked {
            build_only,
            depends_on: needs.iter().map(|name| id(name)).collect::<BTreeSet<_>>(),
        };
        let closure = Closure::from([
            (id("server"), linked(&["axum", "cc"], false)),
            (id("axum"), linked(&[], false)),
            (id("cc"), linked(&[], true)),
        ]);
        let known = |member| Facts {
            licence: "MIT/Apache-2.0".into(),
            folder: Default::default(),
            repository: None,
            member,
            checksum: (!member).then(|| "ab".to_owned()),
        };
        let facts = BTreeMap::from([
            (id("server"), known(true)),
            (id("axum"), known(false)),
            (id("cc"), known(false)),
        ]);
        let artefact = &super::super::artefacts::ARTEFACTS[0];
        let write = || text(artefact, &closure, &facts, "00", "2026-01-01T00:00:00Z").unwrap();
        assert_eq!(write(), write());
        let bom: Value = serde_json::from_str(&write()).unwrap();
        assert_eq!(bom["metadata"]["component"]["name"], "xunge-server");
        assert_eq!(bom["components"].as_array().unwrap().len(), 2);
        assert_eq!(bom["components"][0]["purl"], "pkg:cargo/axum@1.0.0%2Bx");
        assert_eq!(
            bom["components"][0]["licenses"][0]["expression"],
            "MIT OR Apache-2.0"
        );
        assert_eq!(
            (&bom["components"][0]["scope"], &bom["components"][1]["scope"]),
            (&json!("required"), &json!("excluded"))
        );
        assert_eq!(bom["dependencies"][2]["dependsOn"].as_array().unwrap().len(), 2);
        assert!(bom.get("serialNumber").is_none());
    }
}
