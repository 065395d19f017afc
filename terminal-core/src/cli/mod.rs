//! The command line `xunge`: the handset's core for a terminal's screen and for machines.
//!
//! Every command says one thing: a text for people, a document for machines, an exit code. Nothing here knows
//! a rule; it reads arguments, calls [`crate::terminal::Terminal`], and puts the answer into words.

mod args;
mod commands;
mod human;
mod machine;
mod sync;
mod table;

use crate::{Error, words};
use args::Cli;
use clap::Parser as _;
use serde_json::{Value, json};
use std::{
    io::{self, Write as _},
    process::ExitCode,
};

/// What a command has to say.
struct Said {
    text: String,
    json: Value,
    exit: u8,
}

impl Said {
    fn new(text: impl Into<String>, json: Value) -> Self {
        Self {
            text: text.into(),
            json,
            exit: 0,
        }
    }
}

/// Exit code of a command that failed.
const FAILED: u8 = 1;
/// Exit code of a sync that left something waiting.
const WAITS: u8 = 3;

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let name = cli.command.name();
    let (lang, as_json) = (cli.lang, cli.json);
    match commands::run(&cli) {
        Ok(mut said) => {
            if as_json {
                if let Some(document) = said.json.as_object_mut() {
                    document.insert("ok".into(), true.into());
                    document.insert("command".into(), name.into());
                }
                print(&pretty(&said.json));
            } else {
                print(&said.text);
            }
            ExitCode::from(said.exit)
        }
        Err(error) => {
            if as_json {
                print(&pretty(&refusal(name, &error)));
            } else {
                // Nobody is left to tell when stderr is gone.
                let _ = writeln!(io::stderr(), "{}", words::of_error(lang, &error));
            }
            ExitCode::from(FAILED)
        }
    }
}

fn refusal(command: &str, error: &Error) -> Value {
    let reason = error.reason();
    json!({
        "ok": false,
        "command": command,
        "error": { "code": reason.code, "zh": reason.zh, "en": reason.en },
    })
}

fn pretty(document: &Value) -> String {
    serde_json::to_string_pretty(document).unwrap_or_default()
}

/// Prints with one newline at the end. A reader that went away (`xunge queue | head`) is no error.
fn print(text: &str) {
    let mut out = io::stdout().lock();
    let _ = writeln!(out, "{}", text.trim_end_matches('\n')).and_then(|()| out.flush());
}
