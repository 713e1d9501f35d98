//! The pages, downloads and git server over real connections on loopback.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod api;
mod bundles;
mod doors;
mod files;
mod git;
mod pages;
mod site;
