//! Every address, in one table.

use crate::site::{Options, Site};
use crate::{api, assets, bundle, failure::Failure, git, headers, health, page, raw, sign_in};
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{any, get, post};
use std::sync::Arc;
use tower_http::compression::CompressionLayer;

/// Names that no user may have, because the pages use them as the first part of their own addresses.
pub const RESERVED_NAMES: [&str; 6] = ["api", "healthz", "metrics", "readyz", "sign-in", "sign-out"];

const FORM_MAX: usize = 16 * 1024;

/// All routes. Bucket names hold no dots and begin with a letter or digit, so `/-/…`, `/robots.txt` and
/// `/<bucket>.git/…` cannot be mistaken for a bucket's page.
pub fn router(options: Options) -> Router {
    let site = Arc::new(Site::new(options));
    let pages = Router::new()
        .route("/", get(page::home::get))
        .route("/sign-in", get(sign_in::form).post(sign_in::enter))
        .route("/sign-out", post(sign_in::leave))
        .route("/{bucket}", get(page::tree::latest))
        .route("/{bucket}/tree/{snapshot}", get(page::tree::root))
        .route("/{bucket}/tree/{snapshot}/{*path}", get(page::tree::folder))
        .route("/{bucket}/file/{snapshot}/{*path}", get(page::file::get))
        .route("/{bucket}/snapshots", get(page::snapshots::get))
        .route("/{bucket}/versions/{*path}", get(page::versions::get))
        .route("/{bucket}/changes/{snapshot}", get(page::changes::all))
        .route("/{bucket}/changes/{snapshot}/{*path}", get(page::changes::one))
        .route("/-/{name}", get(assets::get))
        .layer(DefaultBodyLimit::max(FORM_MAX))
        .layer(CompressionLayer::new().gzip(true).quality(tower_http::CompressionLevel::Fastest));
    let streams = Router::new()
        .route("/{bucket}/raw/{snapshot}/{*path}", get(raw::get))
        .route("/{bucket}/download/{snapshot}", get(bundle::root))
        .route("/{bucket}/download/{snapshot}/{*path}", get(bundle::folder))
        .route("/{bucket}/info/refs", get(git::info_refs))
        .route("/{bucket}/git-upload-pack", post(git::upload_pack).layer(DefaultBodyLimit::disable()))
        .route("/{bucket}/git-receive-pack", post(git::receive_pack).get(git::receive_pack));
    let api = Router::new()
        .route("/api/v1/buckets/{bucket}/snapshots", get(api::list).post(api::take))
        .route("/api/{*rest}", any(api::nothing))
        .layer(DefaultBodyLimit::max(api::BODY_MAX));
    let small = Router::new()
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/robots.txt", get(assets::robots))
        .route("/favicon.svg", get(assets::favicon))
        .route("/favicon.ico", get(assets::favicon));
    pages
        .merge(streams)
        .merge(api)
        .merge(small)
        .fallback(async || Failure::not_found())
        .layer(axum::middleware::from_fn_with_state(Arc::clone(&site), headers::dress))
        .with_state(site)
}
