use super::*;

#[test]
fn the_least_asked_for_goes_first() {
    let shelf = Shelf::new(100);
    for key in 0..4 {
        shelf.put(key, Arc::new(key), 25);
    }
    assert_eq!(shelf.get(&0).as_deref(), Some(&0));
    shelf.put(4, Arc::new(4), 25);
    assert_eq!(shelf.get(&1), None);
    assert_eq!(shelf.get(&0).as_deref(), Some(&0));
    shelf.put(5, Arc::new(5), 26);
    assert_eq!(shelf.get(&5), None, "what would fill the shelf is not kept");
    shelf.put(0, Arc::new(7), 10);
    assert_eq!(shelf.inner.lock().unwrap().weight, 85, "replacing counts once");
}
