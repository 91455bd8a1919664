//! What is remembered of one entity: the rows of its lanes in one piece of memory, and which conditions are not as they are for an entity without
//! rows.
//!
//! Flat on purpose: 24 bytes a lane, 8 or 16 bytes a row, 4 bytes a condition. A vector for every lane took several times as much. A lane that
//! grows moves to the end, so that a row costs what its own lane holds and not what the busiest entity holds in all.

use super::lane::Keep;
use super::rows::Rows;

/// Where the rows of one lane are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    /// The instant at which it has to be looked at (µs); `i64::MAX`: none.
    pub armed: i64,
    pub lane: u32,
    /// The first of its words.
    start: u32,
    /// How many there are.
    words: u32,
    /// How many there is room for.
    room: u32,
}

/// The state of one entity.
#[derive(Clone, Debug)]
pub(crate) struct Entity {
    /// Time of the latest row that was seen.
    pub latest: i64,
    /// The earliest instant at which somebody comes to look at it.
    pub woken: i64,
    /// By lane.
    heads: Vec<Head>,
    words: Vec<i64>,
    /// Words of `words` that belong to no lane.
    waste: u32,
    /// Numbers of atoms, rising.
    flipped: Vec<u32>,
}

impl Default for Entity {
    fn default() -> Self {
        Self { latest: i64::MIN, woken: UNARMED, heads: Vec::new(), words: Vec::new(), waste: 0, flipped: Vec::new() }
    }
}

/// No timer.
pub(crate) const UNARMED: i64 = i64::MAX;

impl Entity {
    /// From lanes (timer, number, how many words) one after another. None when they do not fit the words.
    pub(crate) fn from_parts(latest: i64, lanes: &[(i64, u32, u32)], words: Vec<i64>, flipped: Vec<u32>) -> Option<Self> {
        let mut start = 0_u32;
        let mut heads = Vec::with_capacity(lanes.len());
        for (armed, lane, count) in lanes {
            heads.push(Head { armed: *armed, lane: *lane, start, words: *count, room: *count });
            start = start.checked_add(*count)?;
        }
        let fits = start as usize == words.len() && heads.is_sorted_by_key(|h| h.lane) && flipped.is_sorted();
        fits.then_some(Self { latest, woken: UNARMED, heads, words, waste: 0, flipped })
    }

    pub(crate) fn heads(&self) -> &[Head] {
        &self.heads
    }

    /// The words of a lane.
    pub(crate) fn words_of(&self, head: &Head) -> &[i64] {
        &self.words[head.start as usize..(head.start + head.words) as usize]
    }

    pub(crate) fn flipped(&self) -> &[u32] {
        &self.flipped
    }

    /// The place of the head of a lane.
    pub(crate) fn find(&self, lane: u32) -> Option<usize> {
        self.heads.binary_search_by_key(&lane, |h| h.lane).ok()
    }

    /// The rows of the lane of a head.
    pub(crate) fn rows_at(&self, head: usize, stride: usize) -> Rows<'_> {
        Rows { words: self.words_of(&self.heads[head]), stride }
    }

    /// The rows of a lane.
    pub(crate) fn rows(&self, lane: u32, stride: usize) -> Rows<'_> {
        self.find(lane).map_or(Rows { stride, ..Rows::NONE }, |head| self.rows_at(head, stride))
    }

    /// Takes in a row behind those of the same time; false when nothing changes.
    pub(crate) fn insert(&mut self, lane: u32, stride: usize, keep: Keep, time: i64, payload: i64) -> bool {
        let head = match self.heads.binary_search_by_key(&lane, |h| h.lane) {
            Ok(head) => head,
            Err(place) => {
                reserve(&mut self.heads, 1);
                self.heads.insert(place, Head { armed: UNARMED, lane, start: 0, words: 0, room: 0 });
                place
            }
        };
        let rows = self.rows_at(head, stride);
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
            self.remove(head, gone * stride, stride);
            if gone < place {
                place -= 1;
            }
        }
        self.make_room(head, stride);
        let h = &mut self.heads[head];
        let (at, end) = (h.start as usize + place * stride, (h.start + h.words) as usize);
        self.words.copy_within(at..end, at + stride);
        self.words[at] = time;
        if stride == 2 {
            self.words[at + 1] = payload;
        }
        h.words += stride as u32;
        true
    }

    /// Takes words out of a lane.
    fn remove(&mut self, head: usize, from: usize, count: usize) {
        let h = &mut self.heads[head];
        let (at, end) = (h.start as usize + from, (h.start + h.words) as usize);
        self.words.copy_within(at + count..end, at);
        h.words -= count as u32;
    }

    /// Room for one more row in a lane: behind all others when there is none where it lies.
    fn make_room(&mut self, head: usize, stride: usize) {
        let Head { start, words, room, .. } = self.heads[head];
        if words + stride as u32 <= room {
            return;
        }
        // Most lanes have one row: room for more is made when there are more.
        let wanted = if room == 0 { stride } else { (room as usize / stride * 3 / 2 + 1) * stride };
        let end = self.words.len();
        if (start + room) as usize == end && room > 0 {
            reserve(&mut self.words, wanted - room as usize);
            self.words.resize(start as usize + wanted, 0);
        } else {
            if self.waste as usize > end / 3 + 8 {
                self.gather();
            }
            let (from, end) = (self.heads[head].start as usize, self.words.len());
            reserve(&mut self.words, wanted);
            self.words.resize(end + wanted, 0);
            self.words.copy_within(from..from + words as usize, end);
            // What it leaves is nobody's, even where gathering has made it smaller.
            self.waste += self.heads[head].room;
            self.heads[head].start = end as u32;
        }
        self.heads[head].room = wanted as u32;
    }

    /// Puts the lanes one behind another, without what is between them.
    fn gather(&mut self) {
        let live: usize = self.heads.iter().map(|h| h.words as usize).sum();
        let mut words = Vec::with_capacity(live + live / 4 + 4);
        for h in &mut self.heads {
            let start = words.len() as u32;
            words.extend_from_slice(&self.words[h.start as usize..(h.start + h.words) as usize]);
            (h.start, h.room) = (start, h.words);
        }
        (self.words, self.waste) = (words, 0);
    }

    /// Forgets the rows of the lane of a head before an instant.
    pub(crate) fn forget_before(&mut self, head: usize, stride: usize, begin: i64) {
        let rows = self.rows_at(head, stride);
        if rows.len() > 0 && rows.time(0) < begin {
            let gone = rows.first_at(begin) * stride;
            self.remove(head, 0, gone);
        }
    }

    /// Forgets the rows of a lane.
    pub(crate) fn clear(&mut self, lane: u32) {
        if let Some(head) = self.find(lane) {
            self.heads[head].words = 0;
        }
    }

    /// When the lane of a head has to be looked at; one without rows and timer is forgotten.
    pub(crate) fn arm(&mut self, head: usize, at: i64) {
        self.heads[head].armed = at;
        if at == UNARMED && self.heads[head].words == 0 {
            self.waste += self.heads[head].room;
            self.heads.remove(head);
        }
    }

    /// The first instant at which one of its lanes has to be looked at.
    pub(crate) fn armed(&self) -> i64 {
        self.heads.iter().map(|h| h.armed).min().unwrap_or(UNARMED)
    }

    /// The lanes that are due at an instant; whoever looks at them sets the next one.
    pub(crate) fn fire(&mut self, at: i64, out: &mut Vec<u32>) {
        for head in self.heads.iter_mut().filter(|h| h.armed == at) {
            head.armed = UNARMED;
            out.push(head.lane);
        }
    }

    /// Lanes and atoms that nobody asks for any more go.
    pub(crate) fn forget(&mut self, lane: impl Fn(u32) -> bool, atom: impl Fn(u32) -> bool) {
        let before = self.heads.len();
        self.heads.retain(|h| !lane(h.lane));
        if self.heads.len() < before {
            self.gather();
        }
        self.flipped.retain(|a| !atom(*a));
    }

    /// Whether an atom is not as it is for an entity without rows.
    pub(crate) fn is_flipped(&self, atom: u32) -> bool {
        self.flipped.binary_search(&atom).is_ok()
    }

    /// Sets that; true when it was otherwise.
    pub(crate) fn flip(&mut self, atom: u32, flipped: bool) -> bool {
        match (self.flipped.binary_search(&atom), flipped) {
            (Err(place), true) => {
                reserve(&mut self.flipped, 1);
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

/// Room for so many more, and a quarter: twice as much, as vectors take by themselves, is half of the memory of a million entities.
fn reserve<T>(of: &mut Vec<T>, more: usize) {
    if of.capacity() - of.len() < more {
        of.reserve_exact(more.max(of.len() / 4 + 1));
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
        e.forget_before(e.find(3).unwrap(), 1, 7);
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
        assert_eq!(e.armed(), 77);
        e.clear(0);
        e.arm(0, UNARMED);
        assert!(e.heads().is_empty());
    }

    #[test]
    fn many_lanes_that_grow_and_shrink_hold_what_plain_vectors_hold() {
        let mut seed = 5_u64;
        let mut below = move |n: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) % n
        };
        let (mut e, mut plain) = (Entity::default(), vec![Vec::<(i64, i64)>::new(); 12]);
        for step in 0..20_000 {
            let lane = below(12) as u32;
            let (stride, own) = (1 + lane as usize % 2, &mut plain[lane as usize]);
            match below(50) {
                0 => {
                    e.clear(lane);
                    own.clear();
                }
                1..=4 => {
                    let begin = step - 40;
                    if let Some(head) = e.find(lane) {
                        e.forget_before(head, stride, begin);
                    }
                    own.retain(|r| r.0 >= begin);
                }
                _ => {
                    let (t, v) = (step - below(60) as i64, if stride == 2 { step } else { 0 });
                    e.insert(lane, stride, Keep::Window, t, v);
                    own.insert(own.partition_point(|r| r.0 <= t), (t, v));
                }
            }
            let rows = e.rows(lane, stride);
            assert!(rows.times().zip(rows.payloads()).eq(own.iter().copied()), "step {step}");
        }
        for (lane, own) in (0..12).zip(&plain) {
            assert_eq!(e.rows(lane, 1 + lane as usize % 2).len(), own.len());
        }
    }
}
