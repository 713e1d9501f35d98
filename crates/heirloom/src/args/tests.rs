use super::{Command, KeyAction, Typed, UserAction};
use clap::{CommandFactory as _, Parser as _};

fn parse(line: &str) -> Result<Typed, clap::Error> {
    Typed::try_parse_from(std::iter::once("heirloom").chain(line.split_whitespace()))
}

#[test]
fn the_definition_is_sound() {
    Typed::command().debug_assert();
}

#[test]
fn what_can_be_typed() {
    for line in [
        "try",
        "try /tmp/x --data /tmp/y",
        "laptop --config laptop.yml",
        "--config laptop.yml laptop",
        "cloud -v",
        "pi -q",
        "sync",
        "sync documents photos --dry-run",
        "sync -n --resume --json",
        "sync --resume --destination usb",
        "sync --resync documents -n",
        "sync --limit-upload 2MiB --limit-download none",
        "laptop --limit-upload 500KiB",
        "pi --limit-download 1GiB/s",
        "status",
        "status --check --json",
        "state list --json",
        "state forget photos/Holidays --destination usb",
        "backups create",
        "backups create --state documents photos --state music",
        "backups list --json",
        "conflicts --json",
        "conflicts resolve letter.txt a/b --keep mine",
        "conflicts resolve --all --keep both -n",
        "snapshot alice bob",
        "fetch -vv",
        "drive init /mnt/drive",
        "user add alice",
        "user add alice --join-file /run/alice.join --label laptop --json",
        "user list",
        "user remove alice",
        "key add alice --label attic-pi",
        "key list",
        "key list alice",
        "key revoke HL234567ABCDEFGHIJKL",
        "health",
        "completions fish",
    ] {
        if let Err(error) = parse(line) {
            panic!("{line}: {error}");
        }
    }
}

#[test]
fn what_cannot() {
    for line in [
        "sync --resume --resync",
        "",
        "flatten",
        "user",
        "user add Alice!",
        "user add",
        "sync my/state",
        "snapshot a",
        "state",
        "backups",
        "backups create documents",
        "backups create --state",
        "conflicts resolve --all",
        "conflicts resolve --keep mine",
        "conflicts resolve letter.txt --all --keep mine",
        "conflicts resolve --all --keep ours",
        "key revoke a:b",
        "completions cmd",
        "sync -v -q",
        "sync --limit-upload fast",
        "laptop --limit-upload 1KiB",
        "cloud --limit-upload 1MiB",
        "status documents",
        "health extra",
    ] {
        assert!(parse(line).is_err(), "{line}");
    }
}

#[test]
fn words_are_typed_when_they_arrive() {
    let Command::User(user) = parse("user add alice --label laptop").unwrap().command else { panic!() };
    let UserAction::Add { name, key } = user.action else { panic!() };
    assert_eq!((name.as_str(), key.label.as_deref(), key.join_file), ("alice", Some("laptop"), None));
    let Command::Key(key) = parse("key revoke HL1").unwrap().command else { panic!() };
    let KeyAction::Revoke { id } = key.action else { panic!() };
    assert_eq!(id.as_str(), "HL1");
}

/// What `--help` prints on a terminal of 100 columns.
fn help(path: &[&str]) -> String {
    let words = std::iter::once("heirloom").chain(path.iter().copied()).chain(["--help"]);
    Typed::command().term_width(100).try_get_matches_from(words).unwrap_err().to_string()
}

/// The part of a page that is put together of definitions, up to where `end` begins; what follows is text, and stands in `args`.
fn defined(path: &[&str], end: &str) -> String {
    let page = help(path);
    page.split(end).next().unwrap_or_default().trim_end().to_owned()
}

#[test]
fn the_first_page_of_the_manual() {
    insta::assert_snapshot!(defined(&[], "Try it,"), @r"
    Keeps a person's files alive: past a lost laptop, a forgotten password, and the person's own death

    Usage: heirloom [OPTIONS] <COMMAND>

    Commands:
      try          Run cloud, laptop and pi on this machine, in a scratch folder
      laptop       Keep folders in sync with the cloud, until stopped
      cloud        Keep the files and their history, and serve both, until stopped
      pi           Keep a copy of files and history on a drive, until stopped
      sync         Sync once (laptop, pi)
      state        Show what is kept, where it goes, and its hooks; forget what was (laptop)
      backups      Back up now, and list the backups (laptop)
      conflicts    List and resolve conflict copies (laptop, pi)
      status       Show how the machine of this profile is doing, route by route
      why          Say what happens to a path, and by which rule (laptop, pi)
      snapshot     Take a snapshot now (cloud)
      fetch        Fetch the history onto the drive now (pi)
      drive        Prepare the drive of a pi
      user         Add, list and remove users (cloud)
      key          Add, list and revoke keys (cloud)
      health       Ask whether the machine of this profile is well
      completions  Print the completion script of a shell
      help         Print this message or the help of the given subcommand(s)

    Options:
      -h, --help     Print help
      -V, --version  Print version

    Options for every command:
          --config <FILE>  The configuration to use [default: $HEIRLOOM_CONFIG, ./heirloom.yml,
                           ~/.config/heirloom/config.yml, /etc/heirloom/config.yml]
          --json           Print JSON lines, each with a `message_type`
      -v, --verbose...     Say more; twice for what a developer needs
      -q, --quiet          Say nothing but results and errors
    ");
}

#[test]
fn the_page_of_a_command() {
    insta::assert_snapshot!(defined(&["sync"], "Options for every command:"), @r"
    Sync once (laptop, pi)

    Usage: heirloom sync [OPTIONS] [STATE]...

    Arguments:
      [STATE]...  The states to sync [default: all]

    Options:
          --destination <NAME>     Sync with this destination only [default: all of a state's]
      -n, --dry-run                Show what would be done, and change nothing
          --resume                 Go on after a halt: you have looked, and the deletions are meant
          --resync                 Keep everything that either side has: what is missing on one comes
                                   back from the other
          --limit-upload <RATE>    Send at most so many bytes a second, like 500KiB or 2MiB [default:
                                   `limits` in the profile]
          --limit-download <RATE>  Receive at most so many bytes a second
      -h, --help                   Print help
    ");
}

/// Every command with what it is called by, those below others too.
fn commands(above: &[String], command: &clap::Command) -> Vec<(Vec<String>, clap::Command)> {
    let mut all = Vec::new();
    for below in command.get_subcommands().filter(|below| below.get_name() != "help") {
        let words = [above, &[below.get_name().to_owned()]].concat();
        all.extend(commands(&words, below));
        all.push((words, below.clone()));
    }
    all
}

/// What a page shows as examples, up to the shell's own signs.
fn examples(page: &str) -> Vec<String> {
    let lines = page.lines().filter_map(|line| line.strip_prefix("  heirloom "));
    let typed = |line: &str| {
        let words = line.split("  ").next().unwrap_or_default().split(' ');
        words.take_while(|word| !["|", "||", "&&", ">"].contains(word)).collect::<Vec<_>>().join(" ")
    };
    lines.map(typed).collect()
}

#[test]
fn every_page_fits_and_shows_what_can_be_typed() {
    let mut seen = 0;
    for (words, command) in commands(&[], &Typed::command()) {
        let page = help(&words.iter().map(String::as_str).collect::<Vec<_>>());
        for line in page.lines() {
            assert!(line.chars().count() <= 100, "{words:?}: {line}");
        }
        let after = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        for example in examples(&after) {
            seen += 1;
            if let Err(error) = parse(&example) {
                panic!("{words:?}: {example}: {error}");
            }
        }
    }
    assert!(seen > 20, "only {seen} examples were found");
}

#[test]
fn mistakes_are_answered_with_what_is_right() {
    insta::assert_snapshot!(parse("snyc").unwrap_err().to_string(), @r"
    error: unrecognized subcommand 'snyc'

      tip: a similar subcommand exists: 'sync'

    Usage: heirloom [OPTIONS] <COMMAND>

    For more information, try '--help'.
    ");
    insta::assert_snapshot!(parse("user add Al").unwrap_err().to_string(), @r"
    error: invalid value 'Al' for '<NAME>': `Al` is not a user name: 3 to 63 lower-case letters, digits or `-`, starting and ending with a letter or digit

    For more information, try '--help'.
    ");
}
