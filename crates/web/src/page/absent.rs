//! A path that is not there at the time asked for, but was or will be.

use super::{Crumb, Frame, Section, crumbs};
use crate::address;
use crate::failure::Failure;
use crate::past::{Moment, Past};
use crate::timeline::{self, Line, Sight, Step};
use askama::Template;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use model::RelPath;

#[derive(Template)]
#[template(path = "absent.html")]
struct Page {
    frame: Frame,
    crumbs: Vec<Crumb>,
    name: String,
    versions: String,
    time: Line,
    explanation: String,
    nearest: Option<Step>,
}

/// 404 in every case; with the way to its versions if there are any.
pub(crate) fn answer(
    past: &Past,
    moment: &Moment,
    path: &RelPath,
    sight: Sight,
) -> Result<Response, Failure> {
    let time = timeline::line(past, moment, Some(path), sight)?;
    if time.total == 0 {
        return Err(Failure::NotFound(format!("No snapshot of {} holds {path}.", past.visit.bucket)));
    }
    let was_there = time.ticks.iter().any(|tick| tick.current);
    let explanation = if was_there {
        format!("{} was deleted by then. What it held before is still here.", path.file_name())
    } else {
        format!("{} came later.", path.file_name())
    };
    let nearest = if was_there { time.earlier.clone() } else { time.later.clone() };
    let page = Page {
        frame: Frame::within(path.as_str(), &past.visit, Section::Files),
        crumbs: crumbs(&past.visit, &moment.label, Some(path)),
        name: path.file_name().to_owned(),
        versions: address::versions(&past.visit.bucket, Some(path)),
        time,
        explanation,
        nearest,
    };
    Ok((StatusCode::NOT_FOUND, super::html(&page)?).into_response())
}
