//! What every answer carries, and how failures are worded.

use crate::failure::{Failure, Trouble};
use crate::guest;
use crate::page;
use crate::site::Site;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use std::sync::Arc;

/// Pages load only what this server sends; nothing frames them.
const PAGE_POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; media-src 'self'; \
     frame-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The outermost layer: refuses what another site made a browser send, words failures, and adds the headers
/// that every answer carries unless it has its own.
pub(crate) async fn dress(State(site): State<Arc<Site>>, request: Request, next: Next) -> Response {
    let reads_html = guest::reads_html(request.headers());
    let refused = *request.method() == Method::POST && is_foreign(&site, request.headers());
    let mut response = if refused {
        Failure::Forbidden("Another site sent this request. Open Heirloom itself and try again.")
            .into_response()
    } else {
        next.run(request).await
    };
    if let Some(trouble) = response.extensions_mut().remove::<Trouble>() {
        let (content_type, body) = if reads_html {
            ("text/html; charset=utf-8", page::trouble(&trouble))
        } else {
            ("text/plain; charset=utf-8", format!("{}\n{}\n", trouble.title, trouble.advice))
        };
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response.headers_mut().remove(header::CONTENT_LENGTH);
        *response.body_mut() = Body::from(body);
    }
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, PAGE_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "same-origin"),
        (header::CACHE_CONTROL, "private, no-cache"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ] {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}

/// Whether a browser says that another site caused the request. Programs say nothing, and carry no cookies that
/// another site could use.
fn is_foreign(site: &Site, headers: &HeaderMap) -> bool {
    if let Some(relation) = headers.get("sec-fetch-site") {
        return !matches!(relation.as_bytes(), b"same-origin" | b"none");
    }
    let Some(origin) = guest::text(headers, header::ORIGIN) else { return false };
    let authority = origin.split_once("://").map(|(_, authority)| authority);
    let is_ours = site.options.base_url.as_deref() == Some(origin)
        || (authority.is_some() && authority == guest::text(headers, header::HOST));
    !is_ours
}
