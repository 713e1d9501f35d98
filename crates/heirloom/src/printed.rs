//! Commands of ours, and names of files, as they are printed for a person.
//!
//! Commands run as they stand: with the configuration that this process was told to use, which is one per process and known once it is loaded.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

static CONFIGURATION: OnceLock<PathBuf> = OnceLock::new();

/// From now on commands name this configuration, because nothing else would lead to it.
pub(crate) fn name_configuration(file: &Path) {
    // A process loads the same one if it loads it again.
    drop(CONFIGURATION.set(file.to_owned()));
}

/// The command that does `what` with the configuration of this process: `heirloom sync --config laptop.yml`.
pub(crate) fn command(what: &str) -> String {
    with(what, CONFIGURATION.get().map(PathBuf::as_path))
}

fn with(what: &str, configuration: Option<&Path>) -> String {
    match configuration {
        None => format!("heirloom {what}"),
        Some(file) => format!("heirloom {what} --config {}", word(&file.to_string_lossy())),
    }
}

/// A file's name on one line: what would steer a terminal is written as an object key has it.
pub(crate) fn name(path: &Path) -> String {
    let mut shown = String::new();
    for c in path.to_string_lossy().chars() {
        if !c.is_control() {
            shown.push(c);
            continue;
        }
        for byte in c.encode_utf8(&mut [0; 4]).bytes() {
            write!(shown, "%{byte:02X}").expect("writing to a String cannot fail");
        }
    }
    shown
}

/// One word to a shell.
pub(crate) fn word(text: &str) -> Cow<'_, str> {
    let is_plain = |c: char| c.is_alphanumeric() || "_-./:@%+=,".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(format!("'{}'", text.replace('\'', r"'\''")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_names_what_it_needs() {
        assert_eq!(with("sync --resume", None), "heirloom sync --resume");
        assert_eq!(with("status", Some(Path::new("a/b.yml"))), "heirloom status --config a/b.yml");
        assert_eq!(with("status", Some(Path::new("my own.yml"))), "heirloom status --config 'my own.yml'");
    }

    #[test]
    fn a_name_is_one_line_and_steers_nothing() {
        let odd = Path::new("/a\nb/\u{1b}[31mred\u{9b}1m/ö %41");
        assert_eq!(name(odd), "/a%0Ab/%1B[31mred%C2%9B1m/ö %41");
    }

    #[test]
    fn a_word_is_one_word_to_a_shell() {
        for text in ["plain", "two words", "it's", "", "$HOME", "~/x", "-a;b"] {
            let script = format!("printf %s {}", word(text));
            let printed = std::process::Command::new("sh").args(["-c", &script]).output().unwrap();
            assert_eq!(String::from_utf8(printed.stdout).unwrap(), text);
        }
    }
}
