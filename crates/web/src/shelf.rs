//! A small cache that forgets what was not asked for longest.
//!
//! What is kept is immutable and named by content (object ids, snapshot ids), so nothing ever has to be
//! thrown away for being out of date.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex};

#[derive(Debug)]
pub(crate) struct Shelf<K, V> {
    weight_max: usize,
    inner: Mutex<Inner<K, V>>,
}

#[derive(Debug)]
struct Inner<K, V> {
    items: HashMap<K, Item<V>>,
    weight: usize,
    clock: u64,
}

#[derive(Debug)]
struct Item<V> {
    value: Arc<V>,
    weight: usize,
    used: u64,
}

impl<K: Eq + Hash + Clone, V> Shelf<K, V> {
    /// Keeps at most `weight_max` bytes, as counted by whoever puts them here.
    pub(crate) fn new(weight_max: usize) -> Self {
        let inner = Inner { items: HashMap::new(), weight: 0, clock: 0 };
        Self { weight_max, inner: Mutex::new(inner) }
    }

    pub(crate) fn get(&self, key: &K) -> Option<Arc<V>> {
        let mut guard = self.inner.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let inner = &mut *guard;
        inner.clock += 1;
        let item = inner.items.get_mut(key)?;
        item.used = inner.clock;
        Some(Arc::clone(&item.value))
    }

    pub(crate) fn put(&self, key: K, value: Arc<V>, weight: usize) {
        if weight > self.weight_max / 4 {
            return;
        }
        let mut guard = self.inner.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let inner = &mut *guard;
        inner.clock += 1;
        let item = Item { value, weight, used: inner.clock };
        if let Some(old) = inner.items.insert(key, item) {
            inner.weight -= old.weight;
        }
        inner.weight += weight;
        // A linear search: the shelf holds hundreds of things, and putting one there cost far more.
        while inner.weight > self.weight_max {
            let Some(oldest) =
                inner.items.iter().min_by_key(|(_, item)| item.used).map(|(key, _)| key.clone())
            else {
                break;
            };
            if let Some(item) = inner.items.remove(&oldest) {
                inner.weight -= item.weight;
            }
        }
    }
}

#[cfg(test)]
mod tests;
