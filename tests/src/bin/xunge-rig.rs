//! A real server behind a faulty line, obeying one JSON command a line. See [`e2e::rig`].
//!
//! The first line of the output says that it is ready. Every command is answered by one line, `{"ok": …}` or
//! `{"failed": "…"}`. The server ends when the input ends.

use anyhow::Result;
use e2e::rig::{Rig, RigCommand};
use serde_json::{Value, json};
use std::io::{BufRead as _, Write as _};

fn main() -> Result<()> {
    let mut rig = Rig::start()?;
    say(&json!({"ok": {"cells": rig.cells()}}))?;
    for line in std::io::stdin().lock().lines() {
        let answer = serde_json::from_str::<RigCommand>(&line?)
            .map_err(anyhow::Error::from)
            .and_then(|command| rig.obey(command));
        say(&match answer {
            Ok(answer) => json!({"ok": answer}),
            Err(error) => json!({"failed": format!("{error:#}")}),
        })?;
    }
    Ok(())
}

fn say(answer: &Value) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{answer}")?;
    Ok(out.flush()?)
}
