//! Asking a tree for what a profile needs.
//!
//! Every question names a key and how to read it, and notes what is wrong on the way; the keys that were asked for *are*
//! the allowed keys, so the list in an error can never differ from what is honoured.
//!
//! A function that reads a section asks for all of its keys first, calls [`Section::finish`], and only then uses `?`,
//! so that one mistake does not hide the next.

use super::environment::Environment;
use super::expand::expand;
use super::problem::Problem;
use super::spelling::nearest;
use super::tree::{At, Key, Node, Value, join};
use std::cell::{Cell, RefCell};
use std::fmt::Display;

/// The problem with this value has been noted.
#[derive(Debug)]
pub(crate) struct Noted;

/// A value, unless a problem with it has been noted.
pub(crate) type Checked<T> = Result<T, Noted>;

/// Whether `${VAR}` stands for a variable.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Variables<'e> {
    /// It does.
    From(&'e Environment),
    /// It is text like any other: the file was written by a program.
    Literal,
}

/// What one reading of a file shares: where variables come from, and the problems so far.
#[derive(Debug)]
pub(crate) struct Reader<'e> {
    variables: Variables<'e>,
    problems: RefCell<Vec<Problem>>,
}

impl<'e> Reader<'e> {
    /// Starts a reading.
    pub(crate) fn new(variables: Variables<'e>) -> Self {
        Self { variables, problems: RefCell::default() }
    }

    /// Ends it.
    pub(crate) fn into_problems(self) -> Vec<Problem> {
        self.problems.into_inner()
    }

    /// The file's outermost map.
    pub(crate) fn root<'r>(&'r self, node: &'r Node) -> Checked<Section<'r>> {
        match &node.value {
            Value::Map(entries) => Ok(Section::new(self, String::new(), At::START, entries)),
            Value::Empty => Err(self.note(At::START, "", "the file is empty")),
            Value::Broken => Err(Noted),
            Value::Text(_) | Value::List(_) => Err(self.note(node.at, "", "expected `key: value` lines")),
        }
    }

    /// Notes a problem.
    pub(crate) fn note(&self, at: At, path: &str, message: impl Into<String>) -> Noted {
        self.problems.borrow_mut().push(Problem::new(at, path, message));
        Noted
    }

    fn text(&self, node: &Node, path: &str) -> Checked<String> {
        let text = self.literal(node, path)?;
        match self.variables {
            Variables::Literal => Ok(text.to_owned()),
            Variables::From(environment) => {
                expand(text, environment).map_err(|message| self.note(node.at, path, message))
            }
        }
    }

    fn literal<'n>(&self, node: &'n Node, path: &str) -> Checked<&'n str> {
        let found = match &node.value {
            Value::Text(text) => return Ok(text),
            Value::Broken => return Err(Noted),
            Value::Empty => "nothing",
            Value::List(_) => "a list",
            Value::Map(_) => "a map",
        };
        Err(self.note(node.at, path, format!("expected one value, found {found}")))
    }

    fn parsed<T, E: Display>(
        &self,
        node: &Node,
        path: &str,
        parse: &impl Fn(&str) -> Result<T, E>,
    ) -> Checked<T> {
        let text = self.text(node, path)?;
        parse(&text).map_err(|error| self.note(node.at, path, error.to_string()))
    }
}

/// One map of the file.
#[derive(Debug)]
pub(crate) struct Section<'r> {
    reader: &'r Reader<'r>,
    path: String,
    at: At,
    entries: &'r [(Key, Node)],
    asked: RefCell<Vec<&'static str>>,
    accepts_all: Cell<bool>,
}

impl<'r> Section<'r> {
    fn new(reader: &'r Reader<'r>, path: String, at: At, entries: &'r [(Key, Node)]) -> Self {
        Self { reader, path, at, entries, asked: RefCell::default(), accepts_all: Cell::default() }
    }

    /// The path of a key of this section.
    pub(crate) fn path_of(&self, key: &str) -> String {
        join(&self.path, key)
    }

    /// The variables of this reading.
    pub(crate) fn variables(&self) -> Variables<'r> {
        self.reader.variables
    }

    /// Whether the key is there and not empty.
    pub(crate) fn has(&self, key: &'static str) -> bool {
        self.find(key).is_some()
    }

    /// Whether the key is there with nothing behind it.
    pub(crate) fn is_blank(&self, key: &str) -> bool {
        self.entries.iter().any(|(found, node)| found.text == key && matches!(node.value, Value::Empty))
    }

    /// A value that must be there.
    pub(crate) fn required<T, E: Display>(
        &self,
        key: &'static str,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Checked<T> {
        self.optional(key, parse)?.ok_or_else(|| self.missing(key))
    }

    /// A value, or what stands in for it.
    pub(crate) fn or<T, E: Display>(
        &self,
        key: &'static str,
        default: T,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Checked<T> {
        Ok(self.optional(key, parse)?.unwrap_or(default))
    }

    /// A value that may be missing.
    pub(crate) fn optional<T, E: Display>(
        &self,
        key: &'static str,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Checked<Option<T>> {
        self.find(key).map(|(_, node)| self.reader.parsed(node, &self.path_of(key), &parse)).transpose()
    }

    /// A value that may be missing and is taken as it stands: `${VAR}` is for whoever reads it later.
    pub(crate) fn literal<T, E: Display>(
        &self,
        key: &'static str,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Checked<Option<T>> {
        let Some((_, node)) = self.find(key) else { return Ok(None) };
        let path = self.path_of(key);
        let text = self.reader.literal(node, &path)?;
        parse(text).map(Some).map_err(|error| self.reader.note(node.at, &path, error.to_string()))
    }

    /// A list that may be missing; one value alone is not a list.
    pub(crate) fn list<T, E: Display>(
        &self,
        key: &'static str,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Checked<Option<Vec<T>>> {
        let Some((_, node)) = self.find(key) else { return Ok(None) };
        let path = self.path_of(key);
        let items = match &node.value {
            Value::List(items) => items,
            Value::Broken => return Err(Noted),
            Value::Empty | Value::Text(_) | Value::Map(_) => {
                return Err(self.reader.note(node.at, &path, "expected a list, like [one, two]"));
            }
        };
        let parsed: Vec<Checked<T>> = (items.iter().enumerate())
            .map(|(index, item)| self.reader.parsed(item, &format!("{path}[{index}]"), &parse))
            .collect();
        parsed.into_iter().collect::<Checked<Vec<T>>>().map(Some)
    }

    /// The section under `key`; one without entries if there is none, so that its defaults apply.
    pub(crate) fn section(&self, key: &'static str) -> Checked<Section<'r>> {
        match self.find(key) {
            Some((found, node)) => self.below(found, node),
            None => Ok(Self::new(self.reader, self.path_of(key), self.at, &[])),
        }
    }

    /// The sections under `key`, each under a name that the person chose.
    pub(crate) fn named(&self, key: &'static str) -> Checked<Vec<(&'r Key, Section<'r>)>> {
        let Some((found, node)) = self.find(key) else { return Ok(Vec::new()) };
        let outer = self.below(found, node)?;
        let sections: Vec<_> =
            outer.entries.iter().map(|(name, node)| Ok((name, outer.below(name, node)?))).collect();
        sections.into_iter().collect()
    }

    /// Takes the name under which a section stands as something typed.
    pub(crate) fn name<T, E: Display>(&self, key: &Key, parse: impl Fn(&str) -> Result<T, E>) -> Checked<T> {
        parse(&key.text).map_err(|error| self.reader.note(key.at, &self.path, error.to_string()))
    }

    fn below(&self, key: &Key, node: &'r Node) -> Checked<Section<'r>> {
        let path = self.path_of(&key.text);
        match &node.value {
            Value::Map(entries) => Ok(Self::new(self.reader, path, key.at, entries)),
            Value::Empty => Ok(Self::new(self.reader, path, key.at, &[])),
            Value::Broken => Err(Noted),
            Value::Text(_) | Value::List(_) => {
                Err(self.reader.note(node.at, &path, "expected `key: value` lines below this key"))
            }
        }
    }

    /// Notes a problem with a key, or with the whole section when the key is not there.
    pub(crate) fn problem(&self, key: &'static str, message: impl Into<String>) -> Noted {
        let at = self.find(key).map_or(self.at, |(found, _)| found.at);
        self.reader.note(at, &self.path_of(key), message)
    }

    /// Notes a problem with the value of a key.
    pub(crate) fn bad_value(&self, key: &'static str, message: impl Into<String>) -> Noted {
        let at = self.find(key).map_or(self.at, |(_, node)| node.at);
        self.reader.note(at, &self.path_of(key), message)
    }

    /// Notes that a key is needed.
    pub(crate) fn missing(&self, key: &'static str) -> Noted {
        match self.entries.iter().find(|(found, _)| found.text == key) {
            Some((found, _)) => self.reader.note(found.at, &self.path_of(key), "this key has no value"),
            None => self.reader.note(self.at, &self.path_of(key), "this key is missing"),
        }
    }

    /// Notes every key that nobody asked for.
    pub(crate) fn finish(self) {
        if self.accepts_all.get() {
            return;
        }
        let asked = self.asked.into_inner();
        for (key, _) in self.entries.iter().filter(|(key, _)| !asked.contains(&key.text.as_str())) {
            let guess = nearest(&key.text, &asked).map(|guess| format!(" (did you mean `{guess}`?)"));
            let message = format!("unknown key; allowed: {}{}", asked.join(", "), guess.unwrap_or_default());
            self.reader.note(key.at, &join(&self.path, &key.text), message);
        }
    }

    /// Takes every key for one that may be there: which ones may is not known after a mistake.
    pub(crate) fn accept_all(&self) {
        self.accepts_all.set(true);
    }

    fn find(&self, key: &'static str) -> Option<&'r (Key, Node)> {
        let mut asked = self.asked.borrow_mut();
        if !asked.contains(&key) {
            asked.push(key);
        }
        let found = self.entries.iter().find(|(found, _)| found.text == key)?;
        (!matches!(found.1.value, Value::Empty)).then_some(found)
    }
}
