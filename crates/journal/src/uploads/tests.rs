use super::*;
use crate::testing::{Scratch, entry, route_to};

fn upload(key: &str, number: u64) -> Upload {
    let entry = entry(key, number);
    Upload { key: entry.key, id: UploadId::new(&format!("id/{number}+=")), node: entry.agreed.local }
}

#[test]
fn an_upload_is_known_until_it_is_forgotten() {
    let scratch = Scratch::new();
    let journal = scratch.open();
    let route = route_to(&journal, "cloud");
    let (film, mut song) = (upload("film", 1), upload("a/song", 2));
    song.node.meta = Meta::default();
    song.node.size = u64::MAX;
    journal.put_upload(route, &film).unwrap();
    journal.put_upload(route, &song).unwrap();
    assert_eq!(journal.uploads(route).unwrap(), [song.clone(), film.clone()]);
    drop(journal);
    let journal = scratch.open();
    assert_eq!(journal.upload(route, &song.key).unwrap(), Some(song.clone()));
    let again = Upload { id: UploadId::new("another"), ..film.clone() };
    journal.put_upload(route, &again).unwrap();
    assert_eq!(journal.upload(route, &film.key).unwrap(), Some(again));
    journal.remove_upload(route, &film.key).unwrap();
    journal.remove_upload(route, &film.key).unwrap();
    assert_eq!(journal.uploads(route).unwrap(), [song.clone()]);
    assert_eq!(journal.uploads(route_to(&journal, "attic")).unwrap(), []);
    journal.forget_route(route).unwrap();
    assert_eq!(journal.uploads(route).unwrap(), []);
}
