use super::super::environment::Environment;
use super::super::error::Error;
use super::find;
use std::path::{Path, PathBuf};

fn environment(variables: &[(&str, &str)]) -> Environment {
    variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn put(path: &Path) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, "profile: pi\n").unwrap();
}

#[test]
fn the_nearest_place_wins() {
    let root = tempfile::tempdir().unwrap();
    let home = root.path().to_str().unwrap();
    let here = root.path().join("here");
    let plain = environment(&[("HOME", home)]);
    let xdg = environment(&[("HOME", home), ("XDG_CONFIG_HOME", here.to_str().unwrap())]);

    let below_home = root.path().join(".config/heirloom/config.yml");
    put(&below_home);
    assert_eq!(find(None, &plain, &here).unwrap(), below_home);

    let below_xdg = here.join("heirloom/config.yml");
    put(&below_xdg);
    assert_eq!(find(None, &xdg, &here).unwrap(), below_xdg);

    put(&here.join("heirloom.yml"));
    assert_eq!(find(None, &xdg, &here).unwrap(), PathBuf::from("./heirloom.yml"));

    let named = environment(&[("HOME", home), ("HEIRLOOM_CONFIG", "/named")]);
    assert_eq!(find(None, &named, &here).unwrap(), PathBuf::from("/named"));
    assert_eq!(find(Some(Path::new("/flag")), &named, &here).unwrap(), PathBuf::from("/flag"));
}

#[test]
fn tells_every_place_it_looked_at() {
    let root = tempfile::tempdir().unwrap();
    let environment = environment(&[("HOME", "/nowhere"), ("XDG_CONFIG_HOME", ""), ("HEIRLOOM_CONFIG", "")]);
    match find(None, &environment, root.path()) {
        Err(error @ Error::NotFound { .. }) => {
            insta::assert_snapshot!(error, @"there is no configuration; looked for $HEIRLOOM_CONFIG (not set), ./heirloom.yml, /nowhere/.config/heirloom/config.yml, /etc/heirloom/config.yml");
        }
        other => panic!("{other:?}; is there an /etc/heirloom/config.yml on this machine?"),
    }
}
