//! Letters and readmes written in Markdown, as HTML that can do nothing.
//!
//! Raw HTML is shown as the text it is and dangerous addresses are dropped, so no sanitiser runs behind it. Relative links
//! lead to the same snapshot, so that a diary of last year shows last year's pictures.

use crate::{address, highlight};
use comrak::adapters::SyntaxHighlighterAdapter;
use comrak::options::{Plugins, URLRewriter};
use model::{BucketName, RelPath};
use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt::{self, Write};
use std::sync::Arc;

/// Where a text lies, which its relative links start from.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub bucket: BucketName,
    /// The snapshot as it stands in the address.
    pub at: String,
    /// The folder that holds the text; `None` for the root.
    pub folder: Option<RelPath>,
}

/// Renders a text.
pub(crate) fn render(text: &str, place: &Place) -> String {
    let mut options = comrak::Options::default();
    options.extension.table = true;
    options.extension.strikethrough = true;
    options.extension.autolink = true;
    options.extension.tasklist = true;
    options.extension.footnotes = true;
    options.extension.front_matter_delimiter = Some("---".to_owned());
    options.render.escape = true;
    options.extension.link_url_rewriter = Some(Arc::new(Links(place.clone())));
    options.extension.image_url_rewriter = Some(Arc::new(Images(place.clone())));
    let mut plugins = Plugins::default();
    plugins.render.codefence_syntax_highlighter = Some(&Colours);
    comrak::markdown_to_html_with_plugins(text, &options, &plugins)
}

struct Links(Place);
struct Images(Place);

impl URLRewriter for Links {
    fn to_html(&self, url: &str) -> String {
        let (before, fragment) = url.split_once('#').map_or((url, None), |(path, at)| (path, Some(at)));
        match self.0.resolve(before) {
            Some(path) => {
                let page = address::file(&self.0.bucket, &self.0.at, &path);
                fragment.map_or(page.clone(), |fragment| format!("{page}#{}", address::encode(fragment)))
            }
            None => url.to_owned(),
        }
    }
}

impl URLRewriter for Images {
    fn to_html(&self, url: &str) -> String {
        self.0
            .resolve(url)
            .map_or_else(|| url.to_owned(), |path| address::raw(&self.0.bucket, &self.0.at, &path))
    }
}

impl Place {
    /// The path that a relative address names; `None` if it is not relative or leaves the bucket.
    fn resolve(&self, url: &str) -> Option<RelPath> {
        let has_scheme = url.split(['/', '?']).next().is_some_and(|first| first.contains(':'));
        if url.is_empty() || url.starts_with("//") || url.starts_with('?') || has_scheme {
            return None;
        }
        let mut parts: Vec<&str> = match (&self.folder, url.starts_with('/')) {
            (Some(folder), false) => folder.components().collect(),
            (Some(_) | None, _) => Vec::new(),
        };
        let decoded = percent_encoding::percent_decode_str(url).decode_utf8().ok()?;
        for part in decoded.split('/') {
            match part {
                "" | "." => {}
                ".." => {
                    parts.pop()?;
                }
                _ => parts.push(part),
            }
        }
        RelPath::from_key(&parts.join("/")).ok()
    }
}

/// Colours code blocks with the same classes as source files.
struct Colours;

impl SyntaxHighlighterAdapter for Colours {
    fn write_highlighted(&self, output: &mut dyn Write, language: Option<&str>, code: &str) -> fmt::Result {
        let language = language.and_then(|info| info.split([' ', ',', '{']).next()).unwrap_or_default();
        for line in highlight::lines(code, highlight::syntax_for_language(language)) {
            output.write_str(&line)?;
            output.write_char('\n')?;
        }
        Ok(())
    }

    fn write_pre_tag(&self, output: &mut dyn Write, _: HashMap<&'static str, Cow<'_, str>>) -> fmt::Result {
        output.write_str("<pre tabindex=\"0\">")
    }

    fn write_code_tag(&self, output: &mut dyn Write, _: HashMap<&'static str, Cow<'_, str>>) -> fmt::Result {
        output.write_str("<code>")
    }
}

#[cfg(test)]
mod tests;
