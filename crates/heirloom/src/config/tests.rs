mod again;
mod mistakes;
mod profiles;

use super::{Config, Environment, Loaded};
use std::path::Path;

fn environment(variables: &[(&str, &str)]) -> Environment {
    variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn load(yaml: &str) -> Result<Config, String> {
    let environment = environment(&[("HOME", "/home/alice"), ("NAME", "alice"), ("BAD", "5 parsecs")]);
    Loaded::from_text(Path::new("laptop.yml"), yaml, &environment)
        .map(|loaded| loaded.config)
        .map_err(|invalid| invalid.to_string())
}

fn mistakes(yaml: &str) -> String {
    load(yaml).expect_err("this configuration has mistakes")
}
