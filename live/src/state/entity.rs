//! What is remembered of one entity: the rows of its lanes one after another, and which conditions are not as they are for an entity without rows.
//!
//! Flat on purpose: 16 bytes a lane, 8 or 16 bytes a row, 4 bytes a condition. A vector for every lane took several times as much.

use super::lane::Keep;
use super::rows::Rows;

/// The rows of one lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    /// The outstanding timer (µs); `i64::MAX`: none.
    pub armed: i64,
    pub lane: u32,
    /// Words in `words`.
    pub words: u32,
}

/// The state of one entity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entity {
    /// Time of the latest row that was seen.
    pub latest: i64,
    /// By lane.
    heads: Vec<Head>,
    words: Vec<i64>,
    /// Numbers of atoms, rising.
    flipped: Vec<u32>,
}

impl Default for Entity {
    fn default() -> Self {
        Self { latest: i64::MIN, heads: Vec::new(), words: Vec::new(), flipped: Vec::new() }
    }
}

/// No timer.
pub(crate) const UNARMED: i64 = i64::MAX;

impl Entity {
    pub(crate) fn from_parts(latest: i64, heads: Vec<Head>, words: Vec<i64>, flipped: Vec<u32>) -> Self {
        Self { latest, heads, words, flipped }
    }

    pub(crate) fn heads(&self) -> &[Head] {
        &self.heads
    }

    pub(crate) fn words(&self) -> &[i64] {
        &self.words
    }

    pub(crate) fn flipped(&self) -> &[u32] {
        &self.flipped
    }

    /// The place of a lane: its head, and its first word.
    fn find(&self, lane: u32) -> (Result<usize, usize>, usize) {
        let mut at = 0;
        for (i, head) in self.heads.iter().enumerate() {
            if head.lane >= lane {
                return (if head.lane == lane { Ok(i) } else { Err(i) }, at);
            }
            at += head.words as usize;
        }
        (Err(self.heads.len()), at)
    }

    /// The rows of a lane.
    pub(crate) fn rows(&self, lane: u32, stride: usize) -> Rows<'_> {
        match self.find(lane) {
            (Ok(head), at) => Rows { words: &self.words[at..at + self.heads[head].words as usize], stride },
            _ => Rows { stride, ..Rows::NONE },
        }
    }

    /// Takes in a row behind those of the same time; false when nothing changes.
    pub(crate) fn insert(&mut self, lane: u32, stride: usize, keep: Keep, time: i64, payload: i64) -> bool {
        let (head, first) = self.find(lane);
        let head = match head {
            Ok(head) => head,
            Err(place) => {
                self.heads.insert(place, Head { armed: UNARMED, lane, words: 0 });
                place
            }
        };
        let rows = Rows { words: &self.words[first..first + self.heads[head].words as usize], stride };
        let (count, mut gone) = (rows.len(), None);
        match keep {
            Keep::Recent(k) if count >= k as usize => {
                if time < rows.time(0) {
                    return false;
                }
                gone = Some(0);
            }
            Keep::Earliest(k) if count >= k as usize => {
                if time >= rows.time(count - 1) {
                    return false;
                }
                gone = Some(count - 1);
            }
            Keep::RecentDistinct(k) => match (0..count).find(|i| rows.payload(*i) == payload) {
                Some(known) if rows.time(known) >= time => return false,
                Some(known) => gone = Some(known),
                None if count >= k as usize => {
                    if time < rows.time(0) {
                        return false;
                    }
                    gone = Some(0);
                }
                None => {}
            },
            _ => {}
        }
        // Most rows are the latest.
        let mut place = if count == 0 || rows.time(count - 1) <= time { count } else { rows.first_at(time.saturating_add(1)) };
        if let Some(gone) = gone {
            let at = first + gone * stride;
            self.words.drain(at..at + stride);
            self.heads[head].words -= stride as u32;
            if gone < place {
                place -= 1;
            }
        }
        let at = first + place * stride;
        self.words.insert(at, time);
        if stride == 2 {
            self.words.insert(at + 1, payload);
        }
        self.heads[head].words += stride as u32;
        true
    }

    /// Forgets the rows of a lane before an instant.
    pub(crate) fn forget_before(&mut self, lane: u32, stride: usize, begin: i64) {
        if let (Ok(head), first) = self.find(lane) {
            let rows = Rows { words: &self.words[first..first + self.heads[head].words as usize], stride };
            if rows.len() == 0 || rows.time(0) >= begin {
                return;
            }
            let gone = rows.first_at(begin) * stride;
            self.words.drain(first..first + gone);
            self.heads[head].words -= gone as u32;
        }
    }

    /// Forgets the rows of a lane.
    pub(crate) fn clear(&mut self, lane: u32) {
        if let (Ok(head), first) = self.find(lane) {
            let words = self.heads[head].words as usize;
            self.words.drain(first..first + words);
            self.heads[head].words = 0;
        }
    }

    /// The outstanding timer of a lane.
    pub(crate) fn armed(&self, lane: u32) -> i64 {
        match self.find(lane) {
            (Ok(head), _) => self.heads[head].armed,
            _ => UNARMED,
        }
    }

    /// Remembers the outstanding timer of a lane; one without rows and timer is forgotten.
    pub(crate) fn arm(&mut self, lane: u32, at: i64) {
        if let (Ok(head), _) = self.find(lane) {
            self.heads[head].armed = at;
            if at == UNARMED && self.heads[head].words == 0 {
                self.heads.remove(head);
            }
        }
    }

    /// The outstanding timer of a lane was due.
    pub(crate) fn arm_fired(&mut self, lane: u32) {
        if let (Ok(head), _) = self.find(lane) {
            self.heads[head].armed = UNARMED;
        }
    }

    /// Whether an atom is not as it is for an entity without rows.
    pub(crate) fn is_flipped(&self, atom: u32) -> bool {
        self.flipped.binary_search(&atom).is_ok()
    }

    /// Sets that; true when it was otherwise.
    pub(crate) fn flip(&mut self, atom: u32, flipped: bool) -> bool {
        match (self.flipped.binary_search(&atom), flipped) {
            (Err(place), true) => {
                self.flipped.insert(place, atom);
                true
            }
            (Ok(place), false) => {
                self.flipped.remove(place);
                true
            }
            _ => false,
        }
    }

    /// Bytes it takes.
    pub(crate) fn bytes(&self) -> usize {
        std::mem::size_of::<Self>()
            + self.heads.capacity() * std::mem::size_of::<Head>()
            + self.words.capacity() * 8
            + self.flipped.capacity() * 4
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(e: &Entity, lane: u32, stride: usize) -> Vec<i64> {
        e.rows(lane, stride).times().collect()
    }

    #[test]
    fn lanes_lie_side_by_side_and_keep_what_they_keep() {
        let mut e = Entity::default();
        for t in [5, 1, 9, 7] {
            assert!(e.insert(3, 1, Keep::Recent(3), t, 0) || t == 1);
            e.insert(1, 2, Keep::Earliest(2), t, t * 10);
        }
        assert_eq!(times(&e, 3, 1), [5, 7, 9]);
        assert_eq!(times(&e, 1, 2), [1, 5]);
        assert_eq!(e.rows(1, 2).payloads().collect::<Vec<_>>(), [10, 50]);
        assert!(!e.insert(3, 1, Keep::Recent(3), 4, 0), "older than the three most recent");
        assert!(!e.insert(1, 2, Keep::Earliest(2), 5, 0), "later than the two earliest");
        e.forget_before(3, 1, 7);
        assert_eq!(times(&e, 3, 1), [7, 9]);
        assert_eq!(times(&e, 1, 2), [1, 5]);
        assert_eq!(times(&e, 2, 1), [] as [i64; 0]);
    }

    #[test]
    fn of_each_value_the_latest_row_counts() {
        let mut e = Entity::default();
        let keep = Keep::RecentDistinct(2);
        for (t, v) in [(1, 7), (2, 8), (3, 7), (4, 9), (2, 9), (0, 5)] {
            e.insert(0, 2, keep, t, v);
        }
        let rows: Vec<(i64, i64)> = e.rows(0, 2).times().zip(e.rows(0, 2).payloads()).collect();
        assert_eq!(rows, [(3, 7), (4, 9)]);
    }

    #[test]
    fn equal_times_stay_in_the_order_of_arrival() {
        let mut e = Entity::default();
        for (t, v) in [(5, 1), (5, 2), (4, 3), (5, 4)] {
            e.insert(0, 2, Keep::Window, t, v);
        }
        assert_eq!(e.rows(0, 2).payloads().collect::<Vec<_>>(), [3, 1, 2, 4]);
        e.arm(0, 77);
        assert_eq!(e.armed(0), 77);
        e.clear(0);
        e.arm(0, UNARMED);
        assert!(e.heads().is_empty());
    }
}
