//! YAML as a tree that knows where everything stands.
//!
//! A person who mistyped a key wants to see the line, the key and what would have been right, for every
//! mistake at once. Rejected: deriving the raw shape with `deny_unknown_fields`. It stops at the first mistake, its messages
//! name neither the path of a key nor the values that were possible, and it takes `1e3` for a number
//! where a name is meant. So the parser's events become a tree of texts, and [`super::section`] asks
//! that tree for what the profile needs.

use super::problem::Problem;
use serde_yaml::granit_parser::{Event, Parser, ScalarStyle, Span, Tag, options};
use std::borrow::Cow;

/// Where something stands in its file, counted from 1, and how many characters of that line it takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct At {
    /// Line.
    pub(crate) line: usize,
    /// Column, in characters.
    pub(crate) column: usize,
    /// Characters.
    pub(crate) width: usize,
}

impl At {
    /// The place to point at when something is missing from the file as a whole.
    pub(crate) const START: Self = Self { line: 1, column: 1, width: 0 };

    fn of(span: &Span) -> Self {
        let (start, end) = (span.start, span.end);
        let width = if start.line() == end.line() { end.col().saturating_sub(start.col()) } else { 1 };
        Self { line: start.line(), column: start.col() + 1, width }
    }
}

/// A key of a map.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    /// Its text.
    pub(crate) text: String,
    /// Where it stands.
    pub(crate) at: At,
}

/// One value and its place.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    /// Where it starts.
    pub(crate) at: At,
    /// What it is.
    pub(crate) value: Value,
}

/// What a node is. Numbers and truth values stay texts until someone asks for one.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    /// Nothing behind the colon, `null` or `~`.
    Empty,
    /// Something that is wrong in itself; the problem has been noted.
    Broken,
    /// Any other scalar, unquoted.
    Text(String),
    /// A sequence.
    List(Vec<Node>),
    /// A mapping in the order of the file; no key appears twice.
    Map(Vec<(Key, Node)>),
}

/// Reads a file's text. What cannot be read is added to `problems`; `None` if there is no tree to go on with.
pub(crate) fn parse(text: &str, problems: &mut Vec<Problem>) -> Option<Node> {
    // Unresolved aliases are wanted as events, because `ignore: [*.tmp]` is one and deserves a better
    // answer than "unknown anchor".
    let options = options! { emit_comments: false, emit_unresolved_aliases: true };
    let events = Parser::new_from_str_with_options(text, options);
    let mut builder = Builder { text, events, problems };
    builder.document().ok()
}

/// The problem has been noted and there is no going on.
struct Stop;

struct Builder<'t, 'p> {
    text: &'t str,
    events: Parser<'t, serde_yaml::granit_parser::StrInput<'t>>,
    problems: &'p mut Vec<Problem>,
}

impl<'t> Builder<'t, '_> {
    fn next(&mut self) -> Result<(Event<'t>, At), Stop> {
        match self.events.next() {
            Some(Ok((event, span))) => Ok((event, At::of(&span))),
            Some(Err(error)) => {
                let mark = error.marker();
                let at = At { line: mark.line(), column: mark.col() + 1, width: 1 };
                let line = self.text.lines().nth(at.line.saturating_sub(1));
                // `${NAME}` is fine after `key: `, but its braces are YAML's own within a flow map.
                let advice = if line.is_some_and(|line| line.contains("${")) {
                    "; within {…} and […], a value with ${NAME} needs quotes"
                } else {
                    ""
                };
                self.note(at, "", format!("this is not YAML: {}{advice}", error.info()));
                Err(Stop)
            }
            None => Err(Stop),
        }
    }

    fn note(&mut self, at: At, path: &str, message: impl Into<String>) {
        self.problems.push(Problem::new(at, path, message));
    }

    fn document(&mut self) -> Result<Node, Stop> {
        loop {
            let (event, at) = self.next()?;
            match event {
                Event::StreamStart | Event::DocumentStart(..) => {}
                Event::StreamEnd => return Ok(Node { at: At::START, value: Value::Empty }),
                event => {
                    let root = self.node(event, at, "")?;
                    self.end()?;
                    return Ok(root);
                }
            }
        }
    }

    /// A second document would be ignored without a word.
    fn end(&mut self) -> Result<(), Stop> {
        loop {
            match self.next()? {
                (Event::StreamEnd, _) => return Ok(()),
                (Event::DocumentStart(..), at) => {
                    self.note(at, "", "a second document starts here; a configuration is one document");
                    return Err(Stop);
                }
                _ => {}
            }
        }
    }

    fn node(&mut self, event: Event<'t>, at: At, path: &str) -> Result<Node, Stop> {
        let is_scalar = matches!(event, Event::Scalar(..));
        match event {
            Event::Scalar(_, _, _, tag)
            | Event::SequenceStart(_, _, tag)
            | Event::MappingStart(_, _, tag)
                if is_foreign(tag.as_deref()) =>
            {
                // A collection behind a tag is not looked into, and without it there is no tree.
                let at = At { width: at.width.max(1), ..at };
                self.note(at, path, "a value that starts with `!` needs quotes (tags have no use here)");
                if is_scalar { Ok(Node { at, value: Value::Broken }) } else { Err(Stop) }
            }
            Event::Scalar(text, style, ..) => Ok(Node { at, value: scalar(text, style) }),
            Event::SequenceStart(..) => self.list(at, path),
            Event::MappingStart(..) => self.map(at, path),
            Event::Alias(_) | Event::UnresolvedAlias(_) => {
                self.note(at, path, "a value that starts with `*` needs quotes (aliases have no use here)");
                Ok(Node { at, value: Value::Broken })
            }
            _ => Err(Stop),
        }
    }

    fn list(&mut self, at: At, path: &str) -> Result<Node, Stop> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(Node { at, value: Value::List(items) }),
                (event, at) => {
                    let path = format!("{path}[{}]", items.len());
                    items.push(self.node(event, at, &path)?);
                }
            }
        }
    }

    fn map(&mut self, at: At, path: &str) -> Result<Node, Stop> {
        let mut entries: Vec<(Key, Node)> = Vec::new();
        loop {
            let key = match self.next()? {
                (Event::MappingEnd, _) => return Ok(Node { at, value: Value::Map(entries) }),
                (Event::Scalar(text, ..), at) => Key { text: text.into_owned(), at },
                (_, at) => {
                    self.note(at, path, "a key must be a plain word");
                    return Err(Stop);
                }
            };
            let path = join(path, &key.text);
            let (event, at) = self.next()?;
            let node = self.node(event, at, &path)?;
            match entries.iter().find(|(other, _)| other.text == key.text) {
                Some((first, _)) => {
                    let message = format!("appears twice; the first is on line {}", first.at.line);
                    self.note(key.at, &path, message);
                }
                None => entries.push((key, node)),
            }
        }
    }
}

fn is_foreign(tag: Option<&Tag>) -> bool {
    tag.is_some_and(|tag| !tag.is_yaml_core_schema())
}

fn scalar(text: Cow<'_, str>, style: ScalarStyle) -> Value {
    match (style, &*text) {
        (ScalarStyle::Plain, "" | "~" | "null" | "Null" | "NULL") => Value::Empty,
        _ => Value::Text(text.into_owned()),
    }
}

/// The path of `key` below `path`.
pub(crate) fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}
