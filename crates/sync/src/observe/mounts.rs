//! Disks that are mounted below the folder.
//!
//! One that is not there leaves an empty directory in its place, or none; another one in its place, or one that is mounted over a directory, hides what
//! was there. All of these look like a deletion of everything below. So where something was mounted is remembered. Where nothing is any more and not all
//! is as it was, or where something is and nothing is as agreed, both sides are left alone until that is over, or a person says otherwise.

use super::View;
use crate::cycle::Resume;
use crate::error::Error;
use crate::report::Problem;
use crate::route::Route;
use disk::Extent;
use journal::Journal;
use model::{DiskId, ObjectKey, RelPath};
use std::collections::{BTreeMap, BTreeSet};

/// Where something was mounted before the folder was looked at, and after.
pub(crate) struct Mounts {
    pub(crate) before: disk::Mounts,
    pub(crate) after: disk::Mounts,
}

impl Mounts {
    /// Hides what lies below a disk that is not there, except if `resume` answers just that. What is mounted is remembered, if `keep` says so.
    pub(crate) fn hide_vacant(
        &self,
        route: &Route,
        journal: &Journal,
        resume: &mut Resume,
        keep: bool,
        view: &mut View,
    ) -> Result<(), Error> {
        let points = |points: &BTreeMap<RelPath, Option<DiskId>>| -> BTreeSet<ObjectKey> {
            points.keys().map(ObjectKey::directory).collect()
        };
        let (before, after) = (points(&self.before.points), points(&self.after.points));
        let known = journal.mounts(route.id).map_err(Error::Journal)?;
        // Of what came or went while the folder was looked at only a part was seen.
        let unsteady = &before ^ &after;
        for point in &unsteady {
            let message = format!(
                "{} was mounted or unmounted while it was looked at; it is left alone until the next sync",
                point.path()
            );
            hide(view, point.clone(), message);
        }
        let steady = &before & &after;
        let mut mounts: journal::Mounts = steady.iter().map(|point| (point.clone(), None)).collect();
        mounts.extend(known.clone());
        for (point, said) in mounts.iter_mut().filter(|(point, _)| !unsteady.contains(*point)) {
            *said = doubt(route, journal, point, steady.contains(point))?;
        }
        let told: Vec<&str> = mounts.values().flatten().map(String::as_str).collect();
        if !told.is_empty() && resume.is_from(&told.join("\n")) {
            // The guards would ask the same again.
            resume.widen();
            mounts = mounts.into_keys().map(|point| (point, None)).collect();
        }
        mounts.retain(|point, doubt| doubt.is_some() || before.contains(point) || after.contains(point));
        for (point, doubt) in &mounts {
            if let Some(doubt) = doubt {
                hide(view, point.clone(), doubt.clone());
            }
        }
        if keep && mounts != known {
            journal.set_mounts(route.id, &mounts).map_err(Error::Journal)?;
        }
        Ok(())
    }
}

fn hide(view: &mut View, point: ObjectKey, message: String) {
    view.hidden.add(point.path(), Extent::Subtree);
    view.problems.push(Problem::found(Some(point), message));
}

/// What a person is told of a directory of which nobody knows whether what is missing below it was deleted.
fn doubt(
    route: &Route,
    journal: &Journal,
    point: &ObjectKey,
    is_mounted: bool,
) -> Result<Option<String>, Error> {
    let lost = journal.lost_below(route.id, point, is_mounted).map_err(Error::Journal)?;
    let (path, files) = (point.path(), if lost == 1 { "1 file".to_owned() } else { format!("{lost} files") });
    if lost == 0 {
        return Ok(None);
    }
    let what = if is_mounted {
        format!("none of the {files} synced at {path}, where something is mounted, can be found there")
    } else {
        format!("the disk that was mounted at {path} is not, with {files} missing or changed there")
    };
    let state = route.state.as_ref().map(|state| format!(" {state}")).unwrap_or_default();
    Ok(Some(format!(
        "{what}, and nothing below it is touched on either side until the right disk is there, or \
         `heirloom sync --resume{state}` says that they are to be deleted"
    )))
}
