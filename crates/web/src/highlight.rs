//! Source code in colours, line by line.
//!
//! Each line is complete HTML of its own, so that lines can be numbered, linked and marked; the classes are a
//! dozen, mapped from the hundreds of scopes that grammars know, and coloured by the style sheet for light and
//! dark. Rejected: syntect's `ClassedHTMLGenerator`, whose spans cross lines and repeat every scope (five times
//! the bytes).

use std::fmt::Write as _;
use std::sync::LazyLock;
use syntect::parsing::{ParseState, Scope, ScopeStack, SyntaxReference, SyntaxSet};

/// Highlighting costs about two milliseconds per KiB, so more than this is shown plain.
pub(crate) const SIZE_MAX: usize = 256 * 1024;
/// A line longer than this (minified code) would take a grammar minutes.
const LINE_MAX: usize = 4096;

static SYNTAXES: LazyLock<SyntaxSet> = LazyLock::new(two_face::syntax::extra_newlines);

/// The classes in the style sheet, by the scope that begins a token's innermost matching scope.
static CLASSES: LazyLock<Vec<(Scope, &'static str)>> = LazyLock::new(|| {
    [
        ("comment", "hc"),
        ("string", "hs"),
        ("constant.character.escape", "hn"),
        ("constant", "hn"),
        ("keyword.operator", ""),
        ("keyword", "hk"),
        ("storage.type", "ht"),
        ("storage", "hk"),
        ("entity.name.function", "hf"),
        ("entity.name.tag", "hg"),
        ("entity.name.section", "hh"),
        ("entity.name", "ht"),
        ("entity.other.attribute-name", "hf"),
        ("support.function", "hf"),
        ("support.macro", "hf"),
        ("support", "ht"),
        ("variable.function", "hf"),
        ("variable.language", "hk"),
        ("markup.heading", "hh"),
        ("markup.bold", "hb"),
        ("markup.italic", "he"),
        ("markup.raw", "hs"),
        ("markup.inserted", "hi"),
        ("markup.deleted", "hd"),
        ("punctuation.definition.comment", "hc"),
        ("punctuation.definition.string", "hs"),
    ]
    .iter()
    .map(|(name, class)| (Scope::new(name).expect("because the names above are scopes"), *class))
    .collect()
});

/// The grammar for a file of this name whose text begins so, if it is more than plain text.
pub(crate) fn syntax_for(file_name: &str, text: &str) -> Option<&'static SyntaxReference> {
    let extension = file_name.rsplit_once('.').map(|(_, extension)| extension);
    SYNTAXES
        .find_syntax_by_extension(file_name)
        .or_else(|| SYNTAXES.find_syntax_by_extension(extension?))
        .or_else(|| SYNTAXES.find_syntax_by_extension(&extension?.to_ascii_lowercase()))
        .or_else(|| SYNTAXES.find_syntax_by_first_line(text.lines().next().unwrap_or_default()))
        .filter(|syntax| syntax.name != "Plain Text")
}

/// The grammar for the language that a code block names.
pub(crate) fn syntax_for_language(language: &str) -> Option<&'static SyntaxReference> {
    SYNTAXES.find_syntax_by_token(language).filter(|syntax| syntax.name != "Plain Text")
}

/// The text as HTML, one string per line without its end. Without a grammar it is only escaped.
pub(crate) fn lines(text: &str, syntax: Option<&'static SyntaxReference>) -> Vec<String> {
    let Some(syntax) = syntax.filter(|_| text.len() <= SIZE_MAX) else {
        return text.lines().map(|line| escaped(line, "")).collect();
    };
    let mut state = ParseState::new(syntax);
    let mut stack = ScopeStack::new();
    let mut broken = false;
    syntect::util::LinesWithEndings::from(text)
        .map(|line| {
            broken = broken || line.len() > LINE_MAX;
            let line_html = if broken { None } else { highlighted(line, &mut state, &mut stack) };
            // A grammar that fails once would colour the rest wrongly.
            broken = broken || line_html.is_none();
            line_html.unwrap_or_else(|| escaped(line.trim_end_matches(['\n', '\r']), ""))
        })
        .collect()
}

fn highlighted(line: &str, state: &mut ParseState, stack: &mut ScopeStack) -> Option<String> {
    let operations = state.parse_line(line, &SYNTAXES).ok()?;
    let shown = line.trim_end_matches(['\n', '\r']);
    let mut html = String::with_capacity(line.len() * 2);
    let mut run = (String::new(), "");
    let mut from = 0;
    for (at, operation) in &operations {
        push_token(&mut html, &mut run, shown.get(from..(*at).min(shown.len())).unwrap_or_default(), stack);
        from = *at;
        stack.apply(operation).ok()?;
    }
    push_token(&mut html, &mut run, shown.get(from..).unwrap_or_default(), stack);
    html.push_str(&escaped(&run.0, run.1));
    Some(html)
}

/// Tokens of one class that follow each other become one span.
fn push_token(html: &mut String, run: &mut (String, &'static str), token: &str, stack: &ScopeStack) {
    if token.is_empty() {
        return;
    }
    let class = class_of(stack);
    if class != run.1 {
        html.push_str(&escaped(&run.0, run.1));
        run.0.clear();
        run.1 = class;
    }
    run.0.push_str(token);
}

fn class_of(stack: &ScopeStack) -> &'static str {
    let known = |scope: &Scope| CLASSES.iter().find(|(prefix, _)| prefix.is_prefix_of(*scope));
    stack.as_slice().iter().rev().find_map(known).map_or("", |(_, class)| class)
}

fn escaped(text: &str, class: &str) -> String {
    if text.is_empty() {
        return String::new();
    }
    let mut html = String::with_capacity(text.len() + 24);
    if !class.is_empty() {
        let _infallible = write!(html, "<span class={class}>");
    }
    escape_into(&mut html, text);
    if !class.is_empty() {
        html.push_str("</span>");
    }
    html
}

/// Makes text harmless inside an element.
pub(crate) fn escape_into(html: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            _ => html.push(c),
        }
    }
}

#[cfg(test)]
mod tests;
