//! Names of users and groups, for files that belong to somebody else.
//!
//! Numbers mean nothing on another machine, so names are recorded; and only where the owner is not the user
//! that Heirloom runs as, because in the usual bucket that would say the same on every line.

use std::collections::HashMap;

/// Who is who on this machine; read when first needed.
pub(super) struct Owners {
    own: u32,
    names: Option<Names>,
}

struct Names {
    users: HashMap<u32, String>,
    groups: HashMap<u32, String>,
}

impl Owners {
    pub(super) fn new() -> Self {
        Self { own: rustix::process::geteuid().as_raw(), names: None }
    }

    /// `user:group` unless the file is the running user's own. A number that has no name stands for itself.
    pub(super) fn name(&mut self, uid: u32, gid: u32) -> Option<String> {
        if uid == self.own {
            return None;
        }
        let names = self
            .names
            .get_or_insert_with(|| Names { users: read("/etc/passwd"), groups: read("/etc/group") });
        let name =
            |names: &HashMap<u32, String>, id: u32| names.get(&id).cloned().unwrap_or_else(|| id.to_string());
        Some(format!("{}:{}", name(&names.users, uid), name(&names.groups, gid)))
    }
}

fn read(path: &str) -> HashMap<u32, String> {
    // No such file, no names: the numbers are recorded then.
    parse(&std::fs::read_to_string(path).unwrap_or_default())
}

fn parse(text: &str) -> HashMap<u32, String> {
    let mut names = HashMap::new();
    for line in text.lines() {
        let mut fields = line.split(':');
        if let (Some(name), Some(_), Some(Ok(id))) =
            (fields.next(), fields.next(), fields.next().map(str::parse))
        {
            // As `getpwuid` does, the first of several names counts.
            names.entry(id).or_insert_with(|| name.to_owned());
        }
    }
    names
}

#[cfg(test)]
mod tests {
    #[test]
    fn names_are_read_by_number() {
        let names = super::parse("root:x:0:0::/:/bin/sh\ntoor:x:0:0::/:\nbroken\nalice:x:1000:\n#a:b:c\n");
        assert_eq!(names.len(), 2);
        assert_eq!((names[&0].as_str(), names[&1000].as_str()), ("root", "alice"));
    }
}
