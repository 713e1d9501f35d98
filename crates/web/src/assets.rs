//! The style sheet, the script and the icon, inside the binary.
//!
//! Their addresses carry a digest of their content, so browsers may keep them for ever and still get a new one with
//! the next version of Heirloom.

use axum::body::Body;
use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::LazyLock;

struct Asset {
    name: String,
    content_type: &'static str,
    content: &'static str,
}

impl Asset {
    fn new(stem: &str, suffix: &str, content_type: &'static str, content: &'static str) -> Self {
        // Not for security: it only has to differ between versions.
        let mut hasher = DefaultHasher::new();
        content.hash(&mut hasher);
        Self { name: format!("{stem}-{:016x}.{suffix}", hasher.finish()), content_type, content }
    }
}

const FAVICON: &str = include_str!("../assets/favicon.svg");
const SVG: &str = "image/svg+xml";

static STYLE: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new("heirloom", "css", "text/css; charset=utf-8", include_str!("../assets/heirloom.css"))
});
static SCRIPT: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new("heirloom", "js", "text/javascript; charset=utf-8", include_str!("../assets/heirloom.js"))
});

/// The style sheet's address.
pub(crate) fn style_address() -> String {
    format!("/-/{}", STYLE.name)
}

/// The script's address.
pub(crate) fn script_address() -> String {
    format!("/-/{}", SCRIPT.name)
}

/// `GET /-/{name}`.
pub(crate) async fn get(Path(name): Path<String>) -> Response {
    let Some(asset) = [&STYLE, &SCRIPT].into_iter().find(|asset| asset.name == name) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    answer(asset.content_type, "public, max-age=31536000, immutable", asset.content)
}

/// `GET /favicon.svg`, and `/favicon.ico` for those who ask without reading.
pub(crate) async fn favicon() -> Response {
    answer(SVG, "public, max-age=86400", FAVICON)
}

/// `GET /robots.txt`: a family's files are nobody's index.
pub(crate) async fn robots() -> Response {
    answer("text/plain; charset=utf-8", "public, max-age=86400", "User-agent: *\nDisallow: /\n")
}

fn answer(content_type: &'static str, cache: &'static str, content: &'static str) -> Response {
    let mut response = Body::from(content).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    response
}
