//! The fakes do what the real ones do: one story, told to both, and every answer compared.
//!
//! A story is made by a seed. What a person does in it is done to both sides by other means; what the engine asks is asked through its
//! own two ports. Rejected: a list of questions with expected answers, which holds the fakes to what somebody thought of.

mod disk;
mod line;

use model::{Kind, Meta, Mode, UnixNanos};

fn meta(mode: u32, seconds: i64) -> Meta {
    Meta {
        mtime: Some(UnixNanos(1_600_000_000_000_000_000 + seconds * 1_000_000_000)),
        mode: Some(Mode::from_st_mode(mode)),
        ..Meta::default()
    }
}

/// The error's name, which is what its receiver branches on.
fn name_of(error: &dyn std::fmt::Debug) -> String {
    let text = format!("{error:?}");
    text.split([' ', '{', '(']).next().unwrap().to_owned()
}

fn kind_named(kind: Kind) -> &'static str {
    match kind {
        Kind::File => "file",
        Kind::Symlink => "symlink",
        Kind::Directory => "directory",
    }
}
