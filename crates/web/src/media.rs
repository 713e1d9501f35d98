//! What a file is to a browser, by its name: how it is shown, how it is sent, and what must never run.
//!
//! A family's files hold web pages and drawings with scripts. They are sent as what they are, but in a
//! sandbox without our origin; what a page could pull in as its own script or style is sent as plain text.

use model::RelPath;

/// How a file's page shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Show {
    /// `<img>`; a browser runs nothing inside one, not even in an SVG.
    Image,
    /// `<audio>`.
    Audio,
    /// `<video>`.
    Video,
    /// A frame with the browser's own reader.
    Pdf,
    /// Rendered, with its source one click away.
    Markdown,
    /// Text if the bytes are; else only a download.
    Unknown,
}

/// Whether a browser may treat the bytes as a document of our origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trust {
    /// Pictures, sound, film, plain text, PDF: nothing in it runs.
    Passive,
    /// Everything else is sandboxed.
    Sandboxed,
}

/// A content type and how far to trust it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ContentType {
    /// The header's value.
    pub value: String,
    /// Whether it is sandboxed.
    pub trust: Trust,
}

pub(crate) const PLAIN_TEXT: &str = "text/plain; charset=utf-8";
const UNKNOWN: &str = "application/octet-stream";

/// The extension in lower case; empty without one.
pub(crate) fn extension(path: &RelPath) -> String {
    match path.file_name().rsplit_once('.') {
        Some((stem, extension)) if !stem.is_empty() => extension.to_ascii_lowercase(),
        Some(_) | None => String::new(),
    }
}

/// How to show the file at `path`.
pub(crate) fn show(path: &RelPath) -> Show {
    match extension(path).as_str() {
        "png" | "jpg" | "jpeg" | "gif" | "webp" | "avif" | "svg" | "bmp" | "ico" | "apng" | "jfif" => {
            Show::Image
        }
        "mp3" | "m4a" | "ogg" | "oga" | "opus" | "flac" | "wav" | "aac" => Show::Audio,
        "mp4" | "m4v" | "webm" | "ogv" | "mov" => Show::Video,
        "pdf" => Show::Pdf,
        "md" | "markdown" | "mdown" | "mkd" => Show::Markdown,
        _ => Show::Unknown,
    }
}

/// What `Content-Type` the name asks for; `None` if it says nothing, so that the bytes must be looked at.
pub(crate) fn content_type(path: &RelPath) -> Option<ContentType> {
    let extension = extension(path);
    let guess = match extension.as_str() {
        "" => return None,
        "md" | "markdown" | "rs" | "toml" | "yml" | "yaml" | "lock" | "ts" | "log" | "ini" | "conf" => {
            "text/plain"
        }
        other => mime_guess::from_ext(other).first_raw()?,
    };
    Some(classify(guess))
}

/// The type for bytes whose name says nothing.
pub(crate) fn by_bytes(start: &[u8]) -> ContentType {
    let text = std::str::from_utf8(start).map_or_else(|error| error.error_len().is_none(), |_| true);
    classify(if text && !start.contains(&0) { "text/plain" } else { UNKNOWN })
}

fn classify(guess: &str) -> ContentType {
    let passive = |value: &str| ContentType { value: value.to_owned(), trust: Trust::Passive };
    match guess {
        "image/svg+xml" => ContentType { value: guess.to_owned(), trust: Trust::Sandboxed },
        "application/pdf" | "application/ogg" | "application/zip" => passive(guess),
        "text/html" | "text/xml" | "text/xsl" | "text/vtt" | "text/cache-manifest" => {
            ContentType { value: format!("{guess}; charset=utf-8"), trust: Trust::Sandboxed }
        }
        // A script or a style sheet is text to read here; sent as what it is, a page might be made to load it.
        "text/javascript" | "application/javascript" | "application/x-javascript" | "text/css" => {
            passive(PLAIN_TEXT)
        }
        "text/csv" | "text/calendar" | "text/vcard" => passive(&format!("{guess}; charset=utf-8")),
        _ if guess.starts_with("text/") => passive(PLAIN_TEXT),
        _ if ["image/", "audio/", "video/", "font/"].iter().any(|kind| guess.starts_with(kind)) => {
            passive(guess)
        }
        _ => ContentType { value: guess.to_owned(), trust: Trust::Sandboxed },
    }
}

/// Whether deflating the file is a waste of time.
pub(crate) fn is_compressed_already(path: &RelPath) -> bool {
    match extension(path).as_str() {
        "zip" | "gz" | "tgz" | "xz" | "bz2" | "zst" | "7z" | "rar" | "jar" | "docx" | "xlsx" | "pptx"
        | "odt" | "ods" | "epub" | "heic" | "heif" | "pdf" => true,
        "svg" | "bmp" | "ico" | "wav" => false,
        _ => matches!(show(path), Show::Image | Show::Audio | Show::Video),
    }
}

/// The picture beside a file's name: the id of a symbol in the page.
pub(crate) fn icon(path: &RelPath) -> &'static str {
    match show(path) {
        Show::Image => "picture",
        Show::Audio => "sound",
        Show::Video => "film",
        Show::Pdf | Show::Markdown => "letter",
        Show::Unknown => match extension(path).as_str() {
            "txt" | "doc" | "docx" | "odt" | "rtf" | "tex" | "epub" => "letter",
            "csv" | "tsv" | "xls" | "xlsx" | "ods" => "sheet",
            "zip" | "tar" | "gz" | "tgz" | "xz" | "bz2" | "zst" | "7z" | "rar" => "box",
            "heic" | "heif" | "tif" | "tiff" | "raw" | "cr2" | "nef" => "picture",
            "mkv" | "avi" | "mpg" | "mpeg" | "wmv" => "film",
            "html" | "htm" | "css" | "js" | "ts" | "rs" | "py" | "c" | "h" | "cpp" | "go" | "java" | "sh"
            | "json" | "toml" | "yml" | "yaml" | "xml" | "sql" | "nix" | "rb" | "php" => "source",
            _ => "file",
        },
    }
}

#[cfg(test)]
mod tests;
