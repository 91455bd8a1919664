//! Rows that pass a condition, kept for the next statement that asks it.

use parking_lot::Mutex;
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Conditions kept with a timeline, a bit a row each.
pub(super) const KEPT_MAX: usize = 8;
/// Conditions that were asked once and are remembered until they are asked again.
const ASKED_MAX: usize = 64;

/// The conditions of a timeline. A condition that is asked for the second time is kept, so that questions asked once leave nothing behind.
#[derive(Default)]
pub(super) struct Conditions {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    /// The one used last stands last.
    kept: Vec<(Arc<str>, Arc<Vec<u64>>)>,
    asked: Vec<Arc<str>>,
}

/// What a timeline knows of a condition.
#[derive(Debug)]
pub enum Known {
    /// A bit for every row that passes, 64 rows a word.
    All(Arc<Vec<u64>>),
    /// It was asked before: whoever finds out about rows is asked to tell.
    Gathering(Gathering),
    /// It is new.
    Nothing,
}

/// Bits of rows that are being found.
#[derive(Debug)]
pub struct Gathering {
    key: Arc<str>,
    words: Vec<AtomicU64>,
    told: Mutex<Told>,
    rows: usize,
}

/// Which rows were told.
#[derive(Debug, Default)]
struct Told {
    /// The first row of each batch of them.
    firsts: HashSet<usize>,
    rows: usize,
}

impl Gathering {
    /// The bits of a batch of rows: `words` begin with the row `first` at bit `first % 64`, and hold none of other rows. A batch may be told
    /// again; batches do not overlap. True when now all rows are known.
    pub fn tell(&self, first: usize, rows: usize, words: &[u64]) -> bool {
        let Some(place) = self.words.get(first / 64..) else { return false };
        for (all, word) in place.iter().zip(words) {
            all.fetch_or(*word, Ordering::Relaxed);
        }
        let mut told = self.told.lock();
        if !told.firsts.insert(first) {
            return false;
        }
        told.rows += rows;
        told.rows == self.rows
    }
}

impl Conditions {
    pub(super) fn known(&self, key: &str, rows: usize) -> Known {
        let mut inner = self.inner.lock();
        if let Some(place) = inner.kept.iter().position(|(k, _)| **k == *key) {
            let used = inner.kept.remove(place);
            let words = used.1.clone();
            inner.kept.push(used);
            return Known::All(words);
        }
        if let Some(place) = inner.asked.iter().position(|k| **k == *key) {
            let key = inner.asked.remove(place);
            inner.asked.push(key.clone());
            let words = (0..rows.div_ceil(64)).map(|_| AtomicU64::new(0)).collect();
            return Known::Gathering(Gathering { key, words, told: Mutex::default(), rows });
        }
        if inner.asked.len() == ASKED_MAX {
            inner.asked.remove(0);
        }
        inner.asked.push(key.into());
        Known::Nothing
    }

    pub(super) fn keep(&self, gathered: &Gathering) {
        let words = gathered.words.iter().map(|w| w.load(Ordering::Relaxed)).collect();
        let mut inner = self.inner.lock();
        inner.kept.retain(|(k, _)| *k != gathered.key);
        if inner.kept.len() == KEPT_MAX {
            inner.kept.remove(0);
        }
        inner.kept.push((gathered.key.clone(), Arc::new(words)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(conditions: &Conditions, key: &str) -> &'static str {
        match conditions.known(key, 130) {
            Known::All(_) => "all",
            Known::Gathering(g) => {
                assert!(!g.tell(0, 70, &[5, 1]));
                assert!(!g.tell(0, 70, &[5, 1]), "the same batch again");
                if g.tell(70, 60, &[0b100_0000, 0, 0]) {
                    conditions.keep(&g);
                }
                "gathering"
            }
            Known::Nothing => "nothing",
        }
    }

    #[test]
    fn a_condition_is_kept_from_its_second_question_on() {
        let conditions = Conditions::default();
        assert_eq!([ask(&conditions, "a"), ask(&conditions, "a"), ask(&conditions, "a")], ["nothing", "gathering", "all"]);
        let Known::All(words) = conditions.known("a", 130) else { panic!("it was kept") };
        assert_eq!(*words, vec![5, 0b100_0001, 0]);
    }

    #[test]
    fn the_one_not_used_for_longest_goes_first() {
        let conditions = Conditions::default();
        for key in 0..=KEPT_MAX {
            let key = key.to_string();
            ask(&conditions, &key);
            ask(&conditions, &key);
            ask(&conditions, "0");
        }
        assert_eq!((ask(&conditions, "0"), ask(&conditions, "2")), ("all", "all"));
        assert_ne!(ask(&conditions, "1"), "all");
    }
}
