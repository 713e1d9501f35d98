use super::*;
use crate::Change;
use crate::testing::{Scratch, entry, route_to};

fn chunks(count: u8) -> Vec<Chunk> {
    let chunk = |number| Chunk {
        length: (1 << 20) + u32::from(number),
        digest: ChunkDigest::from_blake3([number; 32]),
    };
    (0..count).map(chunk).collect()
}

fn known(count: u8) -> Chunks {
    Chunks { chunks: chunks(count), waypoints: vec![count] }
}

fn kept(entry: &BaseEntry, count: u8) -> [Change; 2] {
    let (key, content) = (entry.key.clone(), entry.agreed.remote.content);
    [
        Change::Agree(entry.clone()),
        Change::Chunks { key, content, chunks: chunks(count), waypoints: vec![count] },
    ]
}

#[test]
fn chunks_come_back_for_the_content_they_are_of() {
    let scratch = Scratch::new();
    let journal = scratch.open();
    let route = route_to(&journal, "cloud");
    let (film, other) = (entry("film", 1), entry("film", 2));
    let ask = |of: &BaseEntry| journal.chunks(route, &film.key, of.agreed.remote.content).unwrap();
    assert_eq!(ask(&film), None);
    journal.record(route, &kept(&film, 3)).unwrap();
    assert_eq!((ask(&film), ask(&other)), (Some(known(3)), None));
    journal.record(route, &kept(&film, 0)).unwrap();
    assert_eq!(ask(&film), Some(known(0)));
    // The same content agreed on anew, for another time say, keeps them; another one does not.
    journal.record(route, &[Change::Agree(film.clone())]).unwrap();
    assert_eq!(ask(&film), Some(known(0)));
    journal.record(route, &[Change::Agree(other.clone())]).unwrap();
    journal.record(route, &[Change::Agree(film.clone())]).unwrap();
    assert_eq!((ask(&film), ask(&other)), (None, None));
}

#[test]
fn what_is_forgotten_has_no_chunks() {
    let scratch = Scratch::new();
    let journal = scratch.open();
    let (route, attic) = (route_to(&journal, "cloud"), route_to(&journal, "attic"));
    let film = entry("film", 1);
    for route in [route, attic] {
        journal.record(route, &kept(&film, 2)).unwrap();
    }
    journal.record(route, &[Change::Forget(film.key.clone())]).unwrap();
    let ask = |route| journal.chunks(route, &film.key, film.agreed.remote.content).unwrap();
    assert_eq!((ask(route), ask(attic)), (None, Some(known(2))));
    journal.forget_route(attic).unwrap();
    assert_eq!(ask(attic), None);
}

#[test]
fn what_was_not_packed_here_is_not_unpacked() {
    assert_eq!(unpack(&pack(&chunks(5))), Some(chunks(5)));
    assert_eq!(unpack(&pack(&chunks(5))[1..]), None);
}
