//! Reads the arguments, runs the command and prints what it says. Texts of the server may hold anything, so no character
//! reaches the terminal that commands it.

use crate::{
    Error,
    cli::{
        args::HandsetCli,
        commands,
        said::{FAILED, WRONG},
    },
    words,
};
use clap::Parser as _;
use protocol::{
    problem::HandsetCode,
    text::{for_terminal, json_for_terminal},
};
use serde_json::{Value, json};
use std::{
    io::{self, Write as _},
    process::ExitCode,
};

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let cli = match HandsetCli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
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
                print(&for_terminal(&said.text));
            }
            ExitCode::from(said.exit)
        }
        Err(error) => {
            if as_json {
                print(&pretty(&refusal(name, &error)));
            } else {
                // Nothing can be reported if stderr is closed.
                let _ = writeln!(io::stderr(), "{}", for_terminal(&words::of_error(lang, &error)));
                if let Some(command) = way_out(&error) {
                    let _ = writeln!(
                        io::stderr(),
                        "{}",
                        lang.pick("可用：", "try: ").to_owned() + command
                    );
                }
            }
            ExitCode::from(FAILED)
        }
    }
}

/// Prints help and version as clap formats them. A wrong command line is reported in Chinese, in clap's own words if
/// `--lang en` is among the arguments, and as a document with both if `--json` is.
fn usage(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        let _ = error.print();
        return ExitCode::SUCCESS;
    }
    let said = error.to_string();
    let first = said.lines().next().unwrap_or_default();
    let first = first.strip_prefix("error: ").unwrap_or(first);
    let what = wrong(error);
    if std::env::args_os().any(|argument| argument == "--json") {
        let wrong = Error::input(
            HandsetCode::CommandUsage,
            format!("{what}；写法见 --help"),
            format!("{}; see --help", first.trim_end_matches(':')),
        );
        print(&pretty(&refusal("", &wrong)));
    } else {
        let _ = writeln!(io::stderr(), "{}", usage_words(&what, said.trim_end()));
    }
    ExitCode::from(WRONG)
}

/// What is wrong and how the command is written, in one language.
fn usage_words(what: &str, said: &str) -> String {
    let arguments: Vec<String> = std::env::args().collect();
    let is_english = arguments.windows(2).any(|pair| pair == ["--lang", "en"])
        || arguments.iter().any(|argument| argument == "--lang=en");
    if is_english {
        return said.to_owned();
    }
    let usage = said.lines().find_map(|line| line.strip_prefix("Usage: "));
    let usage = usage.map_or_else(String::new, |usage| format!("\n用法：{usage}"));
    format!("{what}；写法见 --help（cli.usage）{usage}")
}

/// The error of a command line, in Chinese.
fn wrong(error: &clap::Error) -> String {
    use clap::error::{ContextKind, ErrorKind};
    let named = |kind| error.get(kind).map(ToString::to_string).unwrap_or_default();
    let argument = named(ContextKind::InvalidArg);
    match error.kind() {
        ErrorKind::MissingRequiredArgument => format!("缺少 {argument}"),
        ErrorKind::UnknownArgument => format!("不认识 {argument}"),
        ErrorKind::InvalidSubcommand => format!("没有命令 {}", named(ContextKind::InvalidSubcommand)),
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => match named(ContextKind::InvalidValue) {
            value if value.is_empty() => format!("{argument} 后面缺少内容"),
            value => format!("{argument} 不能是 {value}"),
        },
        ErrorKind::ArgumentConflict => format!("{argument} 与 {} 不能同时用", named(ContextKind::PriorArg)),
        ErrorKind::MissingSubcommand => "缺少命令".into(),
        _ => "命令写法有误".into(),
    }
}

/// The command that helps against this error. The core's words are for every client and name none.
fn way_out(error: &Error) -> Option<&'static str> {
    match error.code().as_str() {
        "item.unknown" | "activity.unknown" => Some("queue --all"),
        "user.unknown" => Some("users"),
        "matter.unknown" => Some("types"),
        "place.unknown" => Some("cells"),
        "store.moved_aside" => Some("salvage"),
        "enrol.already" => Some("enroll --another"),
        _ => None,
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
    json_for_terminal(&serde_json::to_string_pretty(document).unwrap_or_default())
}

/// Prints with one newline at the end. A closed output (`xunge queue | head`) is no error.
fn print(text: &str) {
    let mut out = io::stdout().lock();
    let _ = writeln!(out, "{}", text.trim_end_matches('\n')).and_then(|()| out.flush());
}
