//! What Heirloom seals opens with the stock `age`, and the other way round.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use tempfile::TempDir;
use vault::{Error, Identities, OpenRead, Passphrase, Recipients, SealRead, Sealer};

fn have(programs: &[&str]) -> bool {
    programs.iter().all(|program| testkit::tools::have(program))
}

fn run(directory: &Path, program: &str, arguments: &[&str]) -> Vec<u8> {
    let output = Command::new(program).args(arguments).current_dir(directory).output().unwrap();
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

fn public_key(directory: &Path, key: &str) -> String {
    String::from_utf8(run(directory, "age-keygen", &["-y", key])).unwrap().trim().to_owned()
}

fn plain() -> Vec<u8> {
    (0..200_000_u32).flat_map(|at| (at % 251).to_le_bytes()).collect()
}

fn seal(recipients: &Recipients, plain: &[u8]) -> Vec<u8> {
    let mut sealed = Vec::new();
    SealRead::new(Sealer::new(recipients), plain).read_to_end(&mut sealed).unwrap();
    sealed
}

fn open(identities: &Identities, sealed: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    OpenRead::new(identities, sealed).read_to_end(&mut plain).unwrap();
    plain
}

/// Both ways with the key pair in `key` (the secret) and the given recipient.
fn both_ways(directory: &TempDir, recipient: &str, passphrase: Option<&Passphrase>, cli_opens: bool) {
    let at = directory.path();
    let recipients = Recipients::parse(&[recipient.to_owned()]).unwrap();
    let identities = Identities::parse(&fs::read(at.join("key")).unwrap(), passphrase).unwrap();
    for plain in [plain(), Vec::new()] {
        fs::write(at.join("plain"), &plain).unwrap();
        run(at, "age", &["-r", recipient, "-o", "theirs.age", "plain"]);
        assert!(open(&identities, &fs::read(at.join("theirs.age")).unwrap()) == plain);
        fs::write(at.join("ours.age"), seal(&recipients, &plain)).unwrap();
        if cli_opens {
            assert!(run(at, "age", &["-d", "-i", "key", "ours.age"]) == plain);
        }
    }
}

#[test]
fn age_keys() {
    if !have(&["age", "age-keygen"]) {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    run(directory.path(), "age-keygen", &["-o", "key"]);
    both_ways(&directory, &public_key(directory.path(), "key"), None, true);
}

#[test]
fn ssh_keys() {
    if !have(&["age", "ssh-keygen"]) {
        return;
    }
    for kind in
        [&["-t", "ed25519"][..], &["-t", "rsa", "-b", "2048"], &["-t", "rsa", "-b", "2048", "-m", "PEM"]]
    {
        let directory = tempfile::tempdir().unwrap();
        run(directory.path(), "ssh-keygen", &[kind, &["-q", "-N", "", "-f", "key"]].concat());
        let recipient = fs::read_to_string(directory.path().join("key.pub")).unwrap();
        both_ways(&directory, recipient.trim(), None, true);
    }
}

#[test]
fn protected_ssh_keys() {
    if !have(&["age", "ssh-keygen"]) {
        return;
    }
    for kind in [&["-t", "ed25519"][..], &["-t", "rsa", "-b", "2048"]] {
        let directory = tempfile::tempdir().unwrap();
        let protect = ["-q", "-N", "open sesame", "-a", "2", "-f", "key"];
        run(directory.path(), "ssh-keygen", &[kind, &protect].concat());
        let key = fs::read(directory.path().join("key")).unwrap();
        let refused = |passphrase| Identities::parse(&key, passphrase).unwrap_err();
        assert!(matches!(refused(None), Error::Protected { line: 1, given: false }));
        let wrong = Passphrase::new("open barley".to_owned()).unwrap();
        assert!(matches!(refused(Some(&wrong)), Error::Protected { line: 1, given: true }));
        let right = Passphrase::new("open sesame".to_owned()).unwrap();
        let recipient = fs::read_to_string(directory.path().join("key.pub")).unwrap();
        // The program would ask for the passphrase on a terminal.
        both_ways(&directory, recipient.trim(), Some(&right), false);
    }
}

#[test]
fn several_recipients_each_open_alone() {
    if !have(&["age", "age-keygen", "ssh-keygen"]) {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path();
    run(at, "age-keygen", &["-o", "one"]);
    run(at, "ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-f", "other"]);
    let recipients = [public_key(at, "one"), fs::read_to_string(at.join("other.pub")).unwrap()];
    let plain = plain();
    fs::write(at.join("ours.age"), seal(&Recipients::parse(&recipients).unwrap(), &plain)).unwrap();
    for key in ["one", "other"] {
        assert!(run(at, "age", &["-d", "-i", key, "ours.age"]) == plain);
        let identities = Identities::parse(&fs::read(at.join(key)).unwrap(), None).unwrap();
        assert!(open(&identities, &fs::read(at.join("ours.age")).unwrap()) == plain);
    }
}

#[test]
fn a_passphrase() {
    if !have(&["age", "script"]) {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path();
    let passphrase = Passphrase::new("open sesame".to_owned()).unwrap();
    let plain = plain();
    fs::write(at.join("plain"), &plain).unwrap();

    typed(at, "age -p -o theirs.age plain", 2);
    let identities = Identities::with_passphrase(passphrase.clone());
    assert!(open(&identities, &fs::read(at.join("theirs.age")).unwrap()) == plain);

    let recipients = Recipients::new(&[], Some(passphrase)).unwrap();
    fs::write(at.join("ours.age"), seal(&recipients, &plain)).unwrap();
    typed(at, "age -d -o back ours.age", 1);
    assert!(fs::read(at.join("back")).unwrap() == plain);
}

/// Runs a command on a terminal, and answers as many prompts with the passphrase.
fn typed(directory: &Path, command: &str, prompts: usize) {
    let mut child = Command::new("script")
        .args(["-q", "-e", "-c", command, "/dev/null"])
        .current_dir(directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut keyboard, mut screen) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let (mut shown, mut buffer) = (String::new(), [0; 1024]);
    let mut answered = 0;
    loop {
        let length = screen.read(&mut buffer).unwrap();
        if length == 0 {
            break;
        }
        shown.push_str(&String::from_utf8_lossy(&buffer[..length]));
        if answered < prompts
            && shown.matches("passphrase").count() > answered
            && shown.trim_end().ends_with(':')
        {
            keyboard.write_all(b"open sesame\n").unwrap();
            answered += 1;
        }
    }
    drop(keyboard);
    assert!(child.wait().unwrap().success(), "{command}: {shown}");
}
