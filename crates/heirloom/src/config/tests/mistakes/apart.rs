use super::{HEAD, TAIL, mistakes};

fn states(lines: &str) -> String {
    mistakes(&format!("{HEAD}{TAIL}states:\n{lines}"))
}

fn destinations(lines: &str) -> String {
    mistakes(&format!("{HEAD}destinations:\n{lines}states: {{documents: {{folders: [/d]}}}}\n"))
}

#[test]
fn folders_that_lie_in_each_other() {
    insta::assert_snapshot!(states("  home: {folders: [/home/anna]}\n  music: {folders: [/home/anna/Music]}\n"), @r"
    laptop.yml:7:20: states.music.folders: /home/anna/Music lies in /home/anna, which the state `home` keeps with everything in it; leave it out there with `ignore: [/Music/]`, or here
        7 |   music: {folders: [/home/anna/Music]}
          |                    ^
    ");
    insta::assert_snapshot!(states("  all: {folders: [/d, /d/e]}\n"), @r"
    laptop.yml:6:18: states.all.folders: /d/e lies in /d, and is kept with it
        6 |   all: {folders: [/d, /d/e]}
          |                  ^
    ");
    insta::assert_snapshot!(states("  one: {folders: [/d]}\n  two: {folders: [/d/]}\n"), @r"
    laptop.yml:7:18: states.two.folders: /d is a folder of the state `one` already, and both go to the same destination
        7 |   two: {folders: [/d/]}
          |                  ^
    ");
    // A name that begins alike is another one, and what one state leaves out is the other's alone.
    let apart = "  home: {folders: [/home/anna], ignore: [/Music/]}\n  music: {folders: [/home/anna/Music]}\n  more: {folders: [/home/annabel]}\n";
    super::super::load(&format!("{HEAD}{TAIL}states:\n{apart}")).unwrap();
}

#[test]
fn destinations_that_are_one_place() {
    insta::assert_snapshot!(destinations("  disk: {service: fs, path: /mnt/usb}\n  usb: {service: fs, path: /mnt/usb/}\n"), @r"
    laptop.yml:6:28: destinations.usb.path: this is the same place as the destination `disk`; two destinations are two places
        6 |   usb: {service: fs, path: /mnt/usb/}
          |                            ^^^^^^^^^
    ");
    insta::assert_snapshot!(destinations("  disk: {service: fs, path: /mnt/usb}\n  usb: {service: fs, path: /mnt/usb/more}\n"), @r"
    laptop.yml:6:28: destinations.usb.path: this place and that of the destination `disk` lie in each other; put them side by side
        6 |   usb: {service: fs, path: /mnt/usb/more}
          |                            ^^^^^^^^^^^^^
    ");
    insta::assert_snapshot!(destinations("  a: {service: webdav, url: \"https://h/x\"}\n  b: {service: webdav, url: \"https://h/x/\"}\n"), @r#"
    laptop.yml:6:29: destinations.b.url: this is the same place as the destination `a`; two destinations are two places
        6 |   b: {service: webdav, url: "https://h/x/"}
          |                             ^^^^^^^^^^^^^^
    "#);
    insta::assert_snapshot!(destinations("  a: {service: sftp, host: h, path: x}\n  b: {service: sftp, host: h, path: x/}\n"), @r"
    laptop.yml:6:37: destinations.b.path: this is the same place as the destination `a`; two destinations are two places
        6 |   b: {service: sftp, host: h, path: x/}
          |                                     ^^
    ");
    insta::assert_snapshot!(destinations("  a: {join: /j}\n  b: {join: /j}\n"), @r"
    laptop.yml:6:13: destinations.b.join: this is the same place as the destination `a`; two destinations are two places
        6 |   b: {join: /j}
          |             ^^
    ");
    let apart = "  a: {service: sftp, host: h, path: x}\n  b: {service: sftp, host: h, user: u, path: x}\n";
    super::super::load(&format!("{HEAD}destinations:\n{apart}states: {{documents: {{folders: [/d]}}}}\n"))
        .unwrap();
}
