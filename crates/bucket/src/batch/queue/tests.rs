use super::*;

struct One(u64, bool);

impl Load for One {
    fn size(&self) -> u64 {
        self.0
    }

    fn is_given_up(&self) -> bool {
        self.1
    }
}

#[test]
fn what_waits_goes_together_as_far_as_it_fits() {
    let queue = Queue::default();
    let started = (0..1000).filter(|_| queue.push(One(10, false))).count();
    assert_eq!(started, SENDERS);
    assert_eq!(queue.take().map(|all| all.len()), Some(COUNT_MAX));
    assert_eq!(queue.take().map(|all| all.len()), Some(1000 - COUNT_MAX));
    assert!(queue.take().is_none());
    // One of the senders has ended, so there is room for another.
    assert!(queue.push(One(BYTES_MAX * 2, false)));
    assert!(!queue.push(One(BYTES_MAX, false)));
    assert!(!queue.push(One(1, true)));
    assert!(!queue.push(One(1, false)));
    assert_eq!(queue.take().map(|all| all.len()), Some(1), "the largest goes alone");
    assert_eq!(queue.take().map(|all| all.len()), Some(1));
    assert_eq!(queue.take().map(|all| all.len()), Some(1), "what was given up does not go");
    assert!(queue.take().is_none());
}
