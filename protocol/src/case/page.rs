//! Renders the transition table for readers: the state diagram, and the page `docs/cases.md` that contains it.

use super::{
    table::{Approvals, LATER, TRANSITIONS, To, Transition, targets, waits_for},
    terms::{CaseState, Field, Guard},
};

/// The state diagram as Mermaid text.
pub fn diagram() -> String {
    let mut text = String::from("stateDiagram-v2\n");
    for t in TRANSITIONS {
        let arrow = |from: &str, to: CaseState| {
            format!("    {from} --> {to}: {} {} ({})\n", t.id, t.action, people(t))
        };
        if let (true, To::State(to)) = (t.from.is_empty(), t.to) {
            text.push_str(&arrow("[*]", to));
        }
        for from in t.from {
            for to in targets(t, *from) {
                text.push_str(&arrow(from.as_str(), to));
            }
        }
    }
    for state in CaseState::ALL.iter().filter(|s| s.is_final()) {
        text.push_str(&format!("    {state} --> [*]\n"));
    }
    text
}

/// Returns the text of the page `docs/cases.md`.
pub fn page() -> String {
    let mut text = String::from(
        "# How a case moves\n\nWritten from `protocol/src/case/`; a test compares the two. Handsets, databases and\n\
         ledgers hold the words in `code`: none of them may change or vanish.\n\
         To change the table, follow `docs/guides/add-a-case-transition.md`.\n\n```mermaid\n",
    );
    text.push_str(&diagram());
    let later: Vec<String> = LATER.iter().map(|(id, zh)| format!("{id} {zh}")).collect();
    text.push_str(&format!(
        "```\n\nNot in the table yet: {}.\n\n## Rows\n\n\
         | id | action | by | takes | guards | effects |\n|---|---|---|---|---|---|\n",
        later.join(", ")
    ));
    for t in TRANSITIONS {
        text.push_str(&format!(
            "| {} | `{}` {} | {} | {} | {} | {} |\n",
            t.id,
            t.action,
            t.action.zh(),
            people(t),
            list(t.takes, |f| f.as_str().to_owned()),
            list(t.guards, |g| g.as_str().to_owned()),
            list(t.effects, |e| format!("{e:?}")),
        ));
    }
    text.push_str("\n## States\n\n| state | | in the queue of |\n|---|---|---|\n");
    for state in CaseState::ALL {
        let queue = waits_for(*state).map_or("nobody: final", |role| role.zh());
        text.push_str(&format!("| `{state}` | {} | {queue} |\n", state.zh()));
    }
    text.push_str(&guards());
    text.push_str(&fields());
    text
}

fn guards() -> String {
    let mut text = String::from("\n## Guards\n\n| guard | | | met by |\n|---|---|---|---|\n");
    for guard in Guard::ALL {
        let fields = list(guard.fields(), |f| f.as_str().to_owned());
        text.push_str(&format!(
            "| `{guard}` | {} | {} | {fields} |\n",
            guard.zh(),
            guard.en()
        ));
    }
    text
}

fn fields() -> String {
    let mut text =
        String::from("\n## Fields\n\n| field | | kind | least to most | choices |\n|---|---|---|---|---|\n");
    for field in Field::ALL {
        let bounds = field
            .bounds()
            .map_or(String::new(), |(least, most)| format!("{least} to {most}"));
        let choices = list(field.choices(), |(value, zh)| format!("`{value}` {zh}"));
        text.push_str(&format!(
            "| `{field}` | {} | `{}` | {bounds} | {choices} |\n",
            field.zh(),
            field.kind(),
        ));
    }
    text
}

/// Returns the acting roles as text: alternatives, or two roles in sequence.
fn people(t: &Transition) -> String {
    let roles: Vec<&str> = t.by.iter().map(|role| role.zh()).collect();
    roles.join(match t.approvals {
        Approvals::One => "、",
        Approvals::Two(..) => " + ",
    })
}

fn list<T>(all: &[T], word: impl Fn(&T) -> String) -> String {
    all.iter().map(word).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_committed_page_matches_the_table() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/cases.md");
        let page = super::page();
        if std::env::var("INSTA_UPDATE").as_deref() == Ok("always") {
            std::fs::write(path, &page).unwrap();
        }
        assert_eq!(
            std::fs::read_to_string(path).unwrap(),
            page,
            "docs/cases.md differs; write it with INSTA_UPDATE=always cargo test -p protocol"
        );
    }
}
