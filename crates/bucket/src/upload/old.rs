//! Uploads that nobody remembers.
//!
//! Other machines upload to the same place, and nothing tells their uploads from one that a crash cut off before it was remembered. Only age
//! does: what was begun a week ago, by the clock of the store that dated it, is nobody's any more. Our own gateway does this itself.

use super::ask::get;
use crate::request::{element, raw_elements};
use crate::transport::time_of;
use crate::{Bucket, Error, Prefix, metadata};
use model::UploadId;

/// How long an upload may take: seven days.
const AGE_MAX_SECONDS: i64 = 7 * 24 * 60 * 60;

impl Bucket {
    /// Aborts the uploads below `prefix` that were begun more than a week ago; returns how many there were. A thing to do now and then, not
    /// in every cycle.
    pub async fn abort_old_uploads(&self, prefix: &Prefix) -> Result<u64, Error> {
        let failed = |error| self.attempt("look for abandoned uploads in", None).failed(&error);
        let (mut key_marker, mut id_marker) = (String::new(), String::new());
        let mut aborted = 0;
        loop {
            let mut query = vec![("uploads", ""), ("prefix", prefix.as_str())];
            if !key_marker.is_empty() {
                query.extend([("key-marker", key_marker.as_str()), ("upload-id-marker", id_marker.as_str())]);
            }
            let answer = self.ask(&get("", &query)).await.map_err(failed)?;
            let Some(now) = time_of(&answer.headers) else { return Ok(aborted) };
            for upload in raw_elements(&answer.text, "Upload") {
                let Some((key, id)) = old_upload(upload, now) else { continue };
                // It may have been completed meanwhile, or may not be ours to touch.
                match self.ask_to_abort(&key, &id).await {
                    Ok(()) => aborted += 1,
                    Err(error) => tracing::debug!(key, %error, "an abandoned upload stays behind"),
                }
            }
            let more = element(&answer.text, "IsTruncated").as_deref() == Some("true");
            let next =
                element(&answer.text, "NextKeyMarker").zip(element(&answer.text, "NextUploadIdMarker"));
            match next {
                Some(next) if more && next != (key_marker.clone(), id_marker.clone()) => {
                    (key_marker, id_marker) = next;
                }
                _ => return Ok(aborted),
            }
        }
    }
}

/// The full key and the id of an upload that is too old at `now` (in seconds).
fn old_upload(upload: &str, now: i64) -> Option<(String, UploadId)> {
    let begun = metadata::parse_time(&element(upload, "Initiated")?)?.seconds_and_nanos().0;
    let is_old = now.saturating_sub(begun) > AGE_MAX_SECONDS;
    Some((element(upload, "Key")?, UploadId::new(&element(upload, "UploadId")?))).filter(|_| is_old)
}

#[cfg(test)]
mod tests;
