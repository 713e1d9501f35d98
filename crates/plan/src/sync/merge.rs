//! The merge join of three sorted sequences: one [`Place`] per key that occurs anywhere.

use super::Place;
use model::{Agreed, Node, ObjectKey};
use std::iter::Peekable;

pub(super) fn join(
    base: impl IntoIterator<Item = (ObjectKey, Agreed)>,
    local: impl IntoIterator<Item = (ObjectKey, Node)>,
    remote: impl IntoIterator<Item = (ObjectKey, Node)>,
) -> impl Iterator<Item = Place> {
    let mut base = base.into_iter().peekable();
    let mut local = local.into_iter().peekable();
    let mut remote = remote.into_iter().peekable();
    std::iter::from_fn(move || {
        let heads = [
            base.peek().map(|(key, _)| key),
            local.peek().map(|(key, _)| key),
            remote.peek().map(|(key, _)| key),
        ];
        let key = heads.into_iter().flatten().min()?.clone();
        let place = Place {
            base: take(&mut base, &key),
            local: take(&mut local, &key),
            remote: take(&mut remote, &key),
            key,
            rests: false,
            with: (),
        };
        Some(place)
    })
}

fn take<T>(sequence: &mut Peekable<impl Iterator<Item = (ObjectKey, T)>>, key: &ObjectKey) -> Option<T> {
    let taken = sequence.next_if(|(head, _)| head == key).map(|(_, value)| value);
    if let Some((next, _)) = sequence.peek() {
        assert!(taken.is_none() || next > key, "a sequence is not sorted: {next} follows {key}");
    }
    taken
}
