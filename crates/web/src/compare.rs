//! Two versions of a text, side by side in one column.

use gix_imara_diff::{Algorithm, Diff, InternedInput};

/// Texts longer than this are not compared line by line.
pub(crate) const SIZE_MAX: u64 = 512 * 1024;
/// Unchanged lines around a change.
const CONTEXT: u32 = 3;
/// Lines shown of one comparison.
const LINES_MAX: usize = 2_000;

/// What a line is to a comparison; the text is also its class in the style sheet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Same,
    Added,
    Removed,
    /// Not a line of the text: where the next lines stand.
    Hunk,
}

impl Role {
    pub(crate) fn class(self) -> &'static str {
        match self {
            Self::Same => "",
            Self::Added => "add",
            Self::Removed => "del",
            Self::Hunk => "hunk",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    pub role: Role,
    pub text: String,
}

/// The lines that differ, with a little around them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Comparison {
    pub lines: Vec<Line>,
    pub added: u32,
    pub removed: u32,
    /// Whether lines were left out because there were too many.
    pub capped: bool,
}

/// Compares two texts by lines.
pub(crate) fn compare(before: &str, after: &str) -> Comparison {
    let input = InternedInput::new(before, after);
    let mut diff = Diff::compute(Algorithm::Histogram, &input);
    diff.postprocess_lines(&input);
    let text = |token| input.interner[token].trim_end_matches(['\n', '\r']).to_owned();
    let mut out =
        Comparison { added: diff.count_additions(), removed: diff.count_removals(), ..Comparison::default() };
    let hunks: Vec<_> = diff.hunks().collect();
    let total = u32::try_from(input.before.len()).unwrap_or(u32::MAX);
    // What was shown of the old text so far.
    let mut shown = 0;
    for (index, hunk) in hunks.iter().enumerate() {
        let from = hunk.before.start.saturating_sub(CONTEXT).max(shown);
        if from > shown || index == 0 {
            let after_from = hunk.after.start - (hunk.before.start - from);
            out.lines.push(Line { role: Role::Hunk, text: place(from, after_from, total) });
        }
        let next = hunks.get(index + 1).map_or(total, |next| next.before.start);
        let to = hunk.before.end.saturating_add(CONTEXT).min(next);
        let mut push = |role, tokens: &[_]| {
            out.lines.extend(tokens.iter().map(|&token| Line { role, text: text(token) }));
        };
        push(Role::Same, part(&input.before, from, hunk.before.start));
        push(Role::Removed, part(&input.before, hunk.before.start, hunk.before.end));
        push(Role::Added, part(&input.after, hunk.after.start, hunk.after.end));
        push(Role::Same, part(&input.before, hunk.before.end, to));
        shown = to;
        if out.lines.len() > LINES_MAX {
            out.lines.truncate(LINES_MAX);
            out.capped = true;
            break;
        }
    }
    out
}

fn place(before: u32, after: u32, total: u32) -> String {
    if total == 0 {
        return "a new text".to_owned();
    }
    if before == after {
        format!("line {}", after + 1)
    } else {
        format!("line {} (was {})", after + 1, before + 1)
    }
}

fn part<T>(tokens: &[T], from: u32, to: u32) -> &[T] {
    tokens.get(from as usize..to as usize).unwrap_or_default()
}

#[cfg(test)]
mod tests;
