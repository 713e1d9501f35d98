//! `/`: the buckets a user may read.

use super::{Frame, Section, count};
use crate::address;
use crate::dates::When;
use crate::failure::Failure;
use crate::guest::{Door, Guest, Visit};
use crate::site::{Site, blocking};
use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use std::sync::Arc;

struct Card {
    name: String,
    href: String,
    snapshots: String,
    last: Option<When>,
    shared: bool,
}

#[derive(Template)]
#[template(path = "home.html")]
struct Page {
    frame: Frame,
    cards: Vec<Card>,
}

/// `GET /`: straight to the only bucket, or a choice.
pub(crate) async fn get(State(site): State<Arc<Site>>, guest: Guest) -> Result<Response, Failure> {
    blocking(move || {
        let user = site.recognise(&guest, Door::Pages)?;
        let buckets = site.options.accounts.buckets(&user);
        let buckets = buckets.map_err(|error| Failure::broken("list your buckets", error))?;
        if let [only] = buckets.as_slice() {
            return Ok(Redirect::to(&address::bucket(only)).into_response());
        }
        let cards = buckets
            .into_iter()
            .map(|bucket| card(&site, &Visit { user: user.clone(), bucket }))
            .collect::<Result<_, _>>()?;
        super::html(&Page { frame: Frame::new("Your files", Some(&user)), cards })
    })
    .await
}

fn card(site: &Arc<Site>, visit: &Visit) -> Result<Card, Failure> {
    let past = site.past(visit)?;
    let (last, total) = match &past {
        Some(past) => {
            (past.snapshots(0, 1)?.first().map(|latest| past.when(latest.time)), past.count_snapshots()?)
        }
        None => (None, 0),
    };
    Ok(Card {
        name: visit.bucket.to_string(),
        href: address::bucket(&visit.bucket),
        snapshots: count(total, "snapshot", "snapshots"),
        last,
        shared: visit.bucket.as_str() != visit.user.as_str(),
    })
}
