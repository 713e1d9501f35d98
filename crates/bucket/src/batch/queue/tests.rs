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
    let mut senders: Vec<_> = (0..1000).filter_map(|_| queue.push(One(10, false))).collect();
    assert_eq!(senders.len(), SENDERS);
    let sender = &mut senders[0];
    assert_eq!(sender.take().map(|all| all.len()), Some(COUNT_MAX));
    assert_eq!(sender.take().map(|all| all.len()), Some(1000 - COUNT_MAX));
    assert!(sender.take().is_none());
    // One of the senders has ended, so there is room for another.
    let mut sender = queue.push(One(BYTES_MAX * 2, false)).unwrap();
    assert!(queue.push(One(BYTES_MAX, false)).is_none());
    assert!(queue.push(One(1, true)).is_none());
    assert!(queue.push(One(1, false)).is_none());
    assert_eq!(sender.take().map(|all| all.len()), Some(1), "the largest goes alone");
    assert_eq!(sender.take().map(|all| all.len()), Some(1));
    assert_eq!(sender.take().map(|all| all.len()), Some(1), "what was given up does not go");
    assert!(sender.take().is_none());
}

#[tokio::test]
async fn a_sender_that_panics_leaves_nobody_waiting() {
    let queue = Queue::default();
    let mut senders = Vec::new();
    for _ in 0..SENDERS {
        senders.extend(queue.push(One(10, false)));
    }
    for (number, sender) in senders.into_iter().enumerate() {
        assert_eq!(lock(&queue.0).waiting.len(), SENDERS, "sender {number} still stands by");
        let working = tokio::spawn(async move {
            let _sender = sender;
            panic!("as a test wanted it");
        });
        working.await.unwrap_err();
    }
    assert!(lock(&queue.0).waiting.is_empty());
    assert!(queue.push(One(10, false)).is_some(), "the next one begins anew");
}
