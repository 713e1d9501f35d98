//! Which names git gives a meaning, on any of the file systems it knows.
//!
//! NTFS ignores case and dots and spaces at a name's end, knows a short name for every long one, and takes
//! what follows a colon for a stream and what follows a backslash for another component. HFS+ ignores case
//! and some invisible characters. git refuses names that either of them would take for one of its own,
//! whatever the file system at hand, and so its rules hold here too.

/// A file of git's, and how NTFS abbreviates it: the fallback short name's first six characters.
struct Special {
    /// The name without its leading dot.
    name: &'static [u8],
    fallback: &'static [u8],
}

const FOR_ALL: [Special; 2] = [
    Special { name: b"gitmodules", fallback: b"gi7eba" },
    Special { name: b"gitattributes", fallback: b"gi7d29" },
];

const FOR_SYMLINKS: [Special; 2] =
    [Special { name: b"gitignore", fallback: b"gi250a" }, Special { name: b"mailmap", fallback: b"maba30" }];

/// Whether git treats an entry of this name specially, whatever it is.
pub(super) fn is_special(name: &[u8]) -> bool {
    if !may_be_special(name) {
        return false;
    }
    is_hfs(name, b"git")
        || FOR_ALL.iter().any(|special| is_hfs(name, special.name))
        || components(name)
            .any(|part| is_ntfs_git(part) || FOR_ALL.iter().any(|special| is_ntfs(part, special)))
}

/// Whether git treats a symbolic link of this name specially.
pub(super) fn is_special_for_symlink(name: &[u8]) -> bool {
    may_be_special(name)
        && FOR_SYMLINKS
            .iter()
            .any(|special| is_hfs(name, special.name) || components(name).any(|part| is_ntfs(part, special)))
}

/// A cheap test that nearly every name fails: nothing special lacks all of these.
fn may_be_special(name: &[u8]) -> bool {
    let first = name.first().copied().unwrap_or_default();
    matches!(first, b'.' | b'~' | b'g' | b'G' | b'm' | b'M' | 0x80..) || name.contains(&b'\\')
}

/// The name itself and what follows each backslash.
fn components(name: &[u8]) -> impl Iterator<Item = &[u8]> {
    let behind = name.iter().enumerate().filter(|(_, byte)| **byte == b'\\').map(|(at, _)| &name[at + 1..]);
    std::iter::once(name).chain(behind)
}

fn is_ntfs_git(part: &[u8]) -> bool {
    let rest = strip_ascii(part, b".git").or_else(|| strip_ascii(part, b"git~1"));
    rest.is_some_and(|rest| is_ignored_end(rest, b":\\"))
}

fn is_ntfs(part: &[u8], special: &Special) -> bool {
    let long = part.strip_prefix(b".").and_then(|part| strip_ascii(part, special.name));
    let rest = long.or_else(|| strip_short(part, special)).or_else(|| strip_fallback(part, special));
    rest.is_some_and(|rest| is_ignored_end(rest, b":"))
}

/// `gitmod~1` to `gitmod~4`.
fn strip_short<'a>(part: &'a [u8], special: &Special) -> Option<&'a [u8]> {
    let rest = strip_ascii(part, &special.name[..6])?.strip_prefix(b"~")?;
    matches!(rest.first(), Some(b'1'..=b'4')).then(|| &rest[1..])
}

/// Eight characters: up to six of the fallback, `~`, and a number.
fn strip_fallback<'a>(part: &'a [u8], special: &Special) -> Option<&'a [u8]> {
    let (short, rest) = part.split_at_checked(8)?;
    let tilde = short.iter().position(|&byte| byte == b'~')?;
    let (letters, number) = (&short[..tilde], &short[tilde + 1..]);
    let fits = tilde <= 6
        && letters.eq_ignore_ascii_case(special.fallback.get(..tilde)?)
        && matches!(number.first(), Some(b'1'..=b'9'))
        && number.iter().all(u8::is_ascii_digit);
    fits.then_some(rest)
}

/// Whether NTFS ignores what is left: dots and spaces, up to the end or to one of `ends`.
fn is_ignored_end(rest: &[u8], ends: &[u8]) -> bool {
    rest.iter().find(|byte| !matches!(byte, b'.' | b' ')).is_none_or(|byte| ends.contains(byte))
}

fn strip_ascii<'a>(name: &'a [u8], prefix: &[u8]) -> Option<&'a [u8]> {
    let (start, rest) = name.split_at_checked(prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then_some(rest)
}

/// Whether HFS+ takes `name` for a dot and `needle`.
fn is_hfs(name: &[u8], needle: &[u8]) -> bool {
    // git stops at the first byte that is not UTF-8: such a name is never one of its own.
    let Ok(text) = std::str::from_utf8(name) else { return false };
    let mut seen = text.chars().filter(|c| !is_ignored_by_hfs(*c));
    seen.next() == Some('.')
        && needle.iter().all(|&byte| seen.next().is_some_and(|c| c.eq_ignore_ascii_case(&char::from(byte))))
        && seen.next().is_none()
}

fn is_ignored_by_hfs(c: char) -> bool {
    matches!(c, '\u{200C}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{206A}'..='\u{206F}' | '\u{FEFF}')
}
