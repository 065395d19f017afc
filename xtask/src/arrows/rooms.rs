//! The order of rooms inside a crate, and cycles between its files.
//!
//! A room is a top-level module; a file directly in `src/` is a room too. A room may use rooms that stand before it in
//! the list of [`super::order`] and no others. Items for tests (`#[cfg(test)]`) are exempt: a test of a low room may
//! set its scene with what lies above, and the product does not depend on it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::Result;

use super::graph::{self, Graph};
use super::resolve::Index;
use super::source::{self, SourceFile};

/// What was found in one crate.
pub struct RoomFindings {
    /// For each room the rooms it uses.
    pub arrows: BTreeMap<String, BTreeSet<String>>,
    pub upward: Vec<String>,
    pub cycles: Vec<String>,
    /// Rooms that the list lacks, or that it names and the crate has not.
    pub list: Vec<String>,
    /// `mod.rs` files that define something.
    pub index: Vec<String>,
    /// Files in the largest group that depend on each other.
    pub knot: usize,
}

impl RoomFindings {
    pub fn faults(&self) -> impl Iterator<Item = &String> {
        self.list
            .iter()
            .chain(&self.upward)
            .chain(&self.cycles)
            .chain(&self.index)
    }
}

/// Judges the crate in `src`. `order` lists its rooms bottom up; without it only cycles between files count.
pub fn judge(src: &Path, name: &str, order: Option<&[&str]>) -> Result<RoomFindings> {
    let sources = source::read(src, &name.replace('-', "_"))?;
    let edges = edges(&sources);
    let mut arrows: BTreeMap<String, BTreeSet<String>> = sources
        .iter()
        .filter(|source| !source.test)
        .map(|source| (source.room.clone(), BTreeSet::new()))
        .collect();
    let mut graph = Graph::new();
    let mut upward = Vec::new();
    for edge in &edges {
        let (Some(from), Some(to)) = (sources.get(edge.from), sources.get(edge.to)) else {
            continue;
        };
        graph.entry(edge.from).or_default().insert(edge.to);
        if from.room == to.room {
            continue;
        }
        arrows
            .entry(from.room.clone())
            .or_default()
            .insert(to.room.clone());
        if order.is_some_and(|order| is_upward(order, &from.room, &to.room)) {
            upward.push(format!(
                "{name}/src/{}:{} uses {} of the room `{}`, which stands above `{}`",
                from.name, edge.line, to.name, to.room, from.room
            ));
        }
    }
    let file = |at: &usize| sources.get(*at).map_or("?", |source| source.name.as_str());
    let knots = graph::cycles(&graph);
    let cycles = knots.iter().map(|cycle| {
        let path: Vec<&str> = cycle.iter().chain(cycle.first()).map(file).collect();
        format!("{name}/src: a cycle of files: {}", path.join(" -> "))
    });
    Ok(RoomFindings {
        upward,
        cycles: cycles.collect(),
        list: order.map_or_else(Vec::new, |order| differences(name, order, &arrows)),
        index: order.map_or_else(Vec::new, |_| full_index_files(name, &sources)),
        knot: graph::largest_knot(&graph),
        arrows,
    })
}

struct Edge {
    from: usize,
    to: usize,
    line: usize,
}

/// Every file that a file of the product refers to, but not itself and not what it only gives another name.
fn edges(sources: &[SourceFile]) -> Vec<Edge> {
    let index = Index::new(sources);
    let mut edges = Vec::new();
    for (from, source) in sources.iter().enumerate().filter(|(_, source)| !source.test) {
        for reference in source
            .parsed
            .references
            .iter()
            .filter(|reference| !reference.test)
        {
            let Some(to) = index.file_of(&reference.path).filter(|to| *to != from) else {
                continue;
            };
            let below = reference.path.starts_with(&source.module);
            if !(reference.reexport && below) {
                edges.push(Edge {
                    from,
                    to,
                    line: reference.line,
                });
            }
        }
    }
    edges
}

/// `mod.rs` holds the documentation of the module, `mod` and `pub use`: whoever looks for a thing finds it in a file
/// with its name.
fn full_index_files(name: &str, sources: &[SourceFile]) -> Vec<String> {
    let of_mod_file = sources
        .iter()
        .filter(|source| source.name.ends_with("/mod.rs") && !source.test);
    let full = of_mod_file.filter_map(|source| {
        let first = source.parsed.defined.first()?;
        let file = &source.name;
        Some(format!(
            "{name}/src/{file} defines `{first}`: move it to a file with its name"
        ))
    });
    full.collect()
}

fn is_upward(order: &[&str], from: &str, to: &str) -> bool {
    let place = |room: &str| order.iter().position(|known| *known == room);
    match (place(from), place(to)) {
        (Some(from), Some(to)) => to > from,
        // A room that the list lacks is a fault by itself.
        _ => false,
    }
}

fn differences(name: &str, order: &[&str], arrows: &BTreeMap<String, BTreeSet<String>>) -> Vec<String> {
    let unlisted = arrows.keys().filter(|room| !order.contains(&room.as_str())).map(|room| {
        format!("{name}/src: the room `{room}` is not in the list; say in xtask/src/arrows/order.rs where it stands")
    });
    let gone = order.iter().filter(|room| !arrows.contains_key(**room)).map(|room| {
        format!("{name}/src: the list in xtask/src/arrows/order.rs names the room `{room}`, which does not exist")
    });
    unlisted.chain(gone).collect()
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    /// A small crate in a folder that is removed with this value.
    struct Tree(PathBuf);

    impl Tree {
        fn new(test: &str, files: &[(&str, &str)]) -> Self {
            let root = std::env::temp_dir().join(format!("xtask-rooms-{test}-{}", std::process::id()));
            for (name, text) in files {
                let file = root.join(name);
                std::fs::create_dir_all(file.parent().unwrap()).unwrap();
                std::fs::write(file, text).unwrap();
            }
            Self(root)
        }

        fn judge(&self, order: &[&str]) -> RoomFindings {
            judge(&self.0, "house", Some(order)).unwrap()
        }
    }

    impl Drop for Tree {
        fn drop(&mut self) {
            std::fs::remove_dir_all(&self.0).ok();
        }
    }

    const ORDER: &[&str] = &["store", "cases", "lib", "bin"];
    const HOUSE: &[(&str, &str)] = &[
        ("lib.rs", "pub mod store; pub mod cases; pub use cases::Case;"),
        (
            "store/mod.rs",
            "//! The store.\nmod table; mod row; pub use row::Row; pub use table::Table;",
        ),
        (
            "store/table.rs",
            "use super::row::Row; pub struct Table(Row); #[macro_export] macro_rules! sql { () => {} }",
        ),
        (
            "store/row.rs",
            "pub struct Row; #[cfg(test)] mod tests { use crate::cases::Case; }",
        ),
        ("cases/mod.rs", "mod case; pub use case::*;"),
        (
            "cases/case.rs",
            "use crate::{sql, store::Table}; pub struct Case(Table);",
        ),
        (
            "bin/house.rs",
            "use house::Case; fn main() { house::store::Table::new(); }",
        ),
    ];

    #[test]
    fn a_house_in_order_has_no_fault() {
        let found = Tree::new("order", HOUSE).judge(ORDER);
        assert_eq!(found.faults().collect::<Vec<_>>(), Vec::<&String>::new());
        let used = |room: &str| found.arrows[room].iter().map(String::as_str).collect::<Vec<_>>();
        assert_eq!(used("cases"), ["store"]);
        // The binary reaches the case through two names given to it.
        assert_eq!(used("bin"), ["cases", "store"]);
        assert_eq!((used("store"), found.knot), (vec![], 0));
    }

    #[test]
    fn a_planted_upward_import_is_found_however_it_is_written() {
        for planted in [
            "use crate::cases::Case;",
            "pub fn f() { crate::cases::case::run() }",
            "use super::super::cases;",
            "#[serde(with = \"crate::cases::case\")] struct S;",
            "mod inner { use crate::Case; }",
        ] {
            let mut files = HOUSE.to_vec();
            files.push(("store/planted.rs", planted));
            let found = Tree::new("upward", &files).judge(ORDER);
            assert_eq!(found.upward.len(), 1, "{planted}: {:?}", found.upward);
            assert!(
                found.upward[0].contains("house/src/store/planted.rs:1 uses cases/"),
                "{:?}",
                found.upward
            );
        }
    }

    #[test]
    fn files_that_need_each_other_are_a_cycle() {
        let mut files = HOUSE.to_vec();
        files.push(("store/a.rs", "use super::b::B; pub struct A;"));
        files.push((
            "store/b.rs",
            "pub struct B; impl B { fn f() -> super::a::A { super::a::A } }",
        ));
        let found = Tree::new("cycle", &files).judge(ORDER);
        assert_eq!(
            found.cycles,
            ["house/src: a cycle of files: store/a.rs -> store/b.rs -> store/a.rs"]
        );
        assert_eq!(found.knot, 2);
    }

    #[test]
    fn a_child_that_takes_what_its_mod_file_defines_is_a_cycle_when_that_uses_the_child() {
        let found = Tree::new(
            "child",
            &[
                ("lib.rs", "mod room;"),
                (
                    "room/mod.rs",
                    "mod child; pub struct Here; pub fn f() { child::g() }",
                ),
                ("room/child.rs", "use super::Here; pub fn g() {}"),
            ],
        )
        .judge(&["room", "lib"]);
        assert_eq!(found.cycles.len(), 1);
    }

    #[test]
    fn a_mod_file_that_defines_something_is_a_fault() {
        let mut files = HOUSE.to_vec();
        files.push((
            "cases/mod.rs",
            "//! Cases.\nmod case; pub use case::*; pub fn f() {}",
        ));
        let found = Tree::new("index", &files).judge(ORDER);
        assert_eq!(
            found.index,
            ["house/src/cases/mod.rs defines `f`: move it to a file with its name"]
        );
    }

    #[test]
    fn the_list_and_the_rooms_must_be_the_same() {
        let found = Tree::new("list", HOUSE).judge(&["store", "people", "lib", "bin"]);
        assert_eq!(found.list.len(), 2, "{:?}", found.list);
        assert!(
            found.list[0].contains("`cases` is not in the list"),
            "{:?}",
            found.list
        );
        assert!(
            found.list[1].contains("`people`, which does not exist"),
            "{:?}",
            found.list
        );
    }

    /// Real sources and not only small ones: the store of the server is its lowest room, whatever else moves.
    #[test]
    fn an_upward_import_planted_into_the_servers_own_store_is_found() {
        let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("../server/src");
        let mut files = vec![
            ("lib.rs".to_owned(), "pub mod store; pub mod upper;".to_owned()),
            ("upper.rs".to_owned(), "pub fn f() {}".to_owned()),
        ];
        for entry in std::fs::read_dir(src.join("store")).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                let name = format!("store/{}", path.file_name().unwrap().to_str().unwrap());
                files.push((name, std::fs::read_to_string(path).unwrap()));
            }
        }
        let upward = |files: &[(String, String)]| {
            let files: Vec<(&str, &str)> = files
                .iter()
                .map(|(name, text)| (name.as_str(), text.as_str()))
                .collect();
            Tree::new("real", &files).judge(&["store", "upper", "lib"]).upward
        };
        assert_eq!(upward(&files), Vec::<String>::new());
        let (name, text) = files.last_mut().unwrap();
        text.insert_str(0, "use crate::upper::f;\n");
        let planted = format!("house/src/{name}:1 uses upper.rs");
        let found = upward(&files);
        assert!(found.iter().any(|fault| fault.contains(&planted)), "{found:?}");
    }
}
