//! The rows of one lane of one entity: times, and beside each what it carries.

/// Rows in the order of the timeline. A row is one word (its time), or two (its time and what it carries).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rows<'a> {
    pub words: &'a [i64],
    pub stride: usize,
}

impl<'a> Rows<'a> {
    pub(crate) const NONE: Rows<'static> = Rows { words: &[], stride: 1 };

    pub(crate) fn len(&self) -> usize {
        self.words.len() / self.stride
    }

    pub(crate) fn time(&self, i: usize) -> i64 {
        self.words[i * self.stride]
    }

    /// 0 where nothing is carried.
    pub(crate) fn payload(&self, i: usize) -> i64 {
        if self.stride == 2 { self.words[i * 2 + 1] } else { 0 }
    }

    /// The first row at or after an instant.
    pub(crate) fn first_at(&self, t: i64) -> usize {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = usize::midpoint(low, high);
            if self.time(middle) < t { low = middle + 1 } else { high = middle }
        }
        low
    }

    /// Rows in `[start, end)`.
    pub(crate) fn between(&self, start: i64, end: i64) -> Rows<'a> {
        let (a, b) = (self.first_at(start), self.first_at(end));
        Rows { words: &self.words[a * self.stride..b.max(a) * self.stride], stride: self.stride }
    }

    /// Rows at or after an instant.
    pub(crate) fn from(&self, start: i64) -> Rows<'a> {
        // Mostly all of them.
        let first = if self.len() == 0 || self.time(0) >= start { 0 } else { self.first_at(start) };
        Rows { words: &self.words[first * self.stride..], stride: self.stride }
    }

    pub(crate) fn times(self) -> impl Iterator<Item = i64> + 'a {
        self.words.iter().step_by(self.stride).copied()
    }

    pub(crate) fn payloads(self) -> impl Iterator<Item = i64> + 'a {
        (0..self.len()).map(move |i| self.payload(i))
    }
}
