//! Runs other programs: found by name, with the pinned tools first on PATH and without a keyboard.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

/// The cargo that started xtask, so that a `+toolchain` on the command line holds for every command xtask starts.
pub fn cargo() -> Command {
    quiet_stdin(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// A command with an empty standard input: a program that asks a question on a build machine would wait for ever.
pub fn quiet_stdin(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.stdin(Stdio::null());
    command
}

/// Runs with inherited output; an exit code other than 0 is an error that names the command.
pub fn run(command: &mut Command) -> Result<()> {
    let status = command
        .status()
        .with_context(|| format!("cannot start `{}`", shown(command)))?;
    if !status.success() {
        bail!("`{}` failed ({status})", shown(command));
    }
    Ok(())
}

/// Runs and returns standard output. On failure the error carries the last 20 lines of both outputs.
pub fn output(command: &mut Command) -> Result<Vec<u8>> {
    let out = command
        .output()
        .with_context(|| format!("cannot start `{}`", shown(command)))?;
    if !out.status.success() {
        let said = [out.stdout.as_slice(), out.stderr.as_slice()].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        bail!(
            "`{}` failed ({}):\n{}",
            shown(command),
            out.status,
            last_lines(&said, 20)
        );
    }
    Ok(out.stdout)
}

/// The first program of that name on PATH.
pub fn which(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|dir| dir.join(program))
        .find(|file| is_executable(file))
}

/// Whether the environment says that the run is unattended (`CI`).
pub fn asked_for_ci() -> bool {
    std::env::var("CI").is_ok_and(|value| !value.is_empty() && value != "false" && value != "0")
}

/// Whether this process is root. Asked of `id`, because `unsafe` is not used here even for one libc call.
pub fn is_root() -> bool {
    output(quiet_stdin("id").arg("-u")).is_ok_and(|out| out.trim_ascii() == b"0")
}

fn is_executable(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(file).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ")
}

fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let skip = lines.len().saturating_sub(count);
    lines.into_iter().skip(skip).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_command_is_an_error_that_names_it_and_what_it_said() {
        let error = output(quiet_stdin("sh").args(["-c", "echo why it broke >&2; exit 3"])).unwrap_err();
        let text = format!("{error:#}");
        assert!(text.contains("why it broke") && text.contains("exit 3"), "{text}");
    }

    #[test]
    fn a_command_that_does_not_exist_is_an_error() {
        assert!(run(&mut quiet_stdin("no-such-program-anywhere")).is_err());
        assert_eq!(which("no-such-program-anywhere"), None);
        assert!(which("sh").is_some());
    }

    #[test]
    fn only_the_end_of_a_long_log_is_kept() {
        assert_eq!(last_lines("a\nb\nc", 2), "b\nc");
        assert_eq!(last_lines("a", 2), "a");
    }
}
