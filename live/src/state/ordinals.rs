//! A set of ordinals.

/// A set of ordinals: a bit each.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Ordinals {
    bits: Vec<u64>,
}

impl Ordinals {
    pub(crate) fn has(&self, ordinal: u32) -> bool {
        self.bits.get(ordinal as usize / 64).is_some_and(|word| word >> (ordinal % 64) & 1 == 1)
    }

    pub(crate) fn set(&mut self, ordinal: u32, member: bool) {
        let place = ordinal as usize / 64;
        if place >= self.bits.len() {
            if !member {
                return;
            }
            self.bits.resize(place + 1, 0);
        }
        let bit = 1 << (ordinal % 64);
        if member { self.bits[place] |= bit } else { self.bits[place] &= !bit }
    }

    /// Ordinals, rising.
    pub(crate) fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        let of = |(place, word): (usize, &u64)| {
            let mut word = *word;
            std::iter::from_fn(move || {
                let bit = (word != 0).then(|| word.trailing_zeros())?;
                word &= word - 1;
                Some(place as u32 * 64 + bit)
            })
        };
        self.bits.iter().enumerate().flat_map(of)
    }

    pub(crate) fn len(&self) -> usize {
        self.bits.iter().map(|word| word.count_ones() as usize).sum()
    }
}

/// Which of some shards: of 64 ordinals in a row the next one has the next 64, so that a set is divided by its words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub number: u32,
    pub of: u32,
}

impl Place {
    /// The shard of an ordinal.
    pub(crate) fn shard(ordinal: u32, of: u32) -> usize {
        (ordinal / 64 % of) as usize
    }

    /// The number of an ordinal among those of its shard.
    pub(crate) fn local(self, ordinal: u32) -> u32 {
        ordinal / 64 / self.of * 64 + ordinal % 64
    }

    /// The ordinal of a number.
    pub(crate) fn ordinal(self, local: u32) -> u32 {
        (local / 64 * self.of + self.number) * 64 + local % 64
    }

    /// How many of the first so many ordinals are its own.
    pub(crate) fn count(self, ordinals: u32) -> u32 {
        let (words, rest) = (ordinals / 64, ordinals % 64);
        let whole = words / self.of * 64 + if words % self.of > self.number { 64 } else { 0 };
        whole + if words % self.of == self.number { rest } else { 0 }
    }
}

/// The set of which shards have their parts.
pub(crate) fn together(parts: &[&Ordinals]) -> Ordinals {
    let longest = parts.iter().map(|p| p.bits.len()).max().unwrap_or(0);
    let word = |place: usize, part: &&Ordinals| part.bits.get(place).copied().unwrap_or(0);
    let mut bits: Vec<u64> = (0..longest).flat_map(|place| parts.iter().map(move |part| word(place, part))).collect();
    while bits.last() == Some(&0) {
        bits.pop();
    }
    Ordinals { bits }
}

/// The part of a set that a shard has.
pub(crate) fn part(all: &Ordinals, place: Place) -> Ordinals {
    Ordinals { bits: all.bits.iter().skip(place.number as usize).step_by(place.of as usize).copied().collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_ordinal_has_one_place_and_comes_back_from_it() {
        for of in [1, 2, 3, 7] {
            let place = |number| Place { number, of };
            for ordinal in 0..2_000 {
                let place = place(Place::shard(ordinal, of) as u32);
                assert_eq!(place.ordinal(place.local(ordinal)), ordinal);
                assert_eq!(place.count(ordinal + 1), place.local(ordinal) + 1);
            }
            let mut all = Ordinals::default();
            (0..5_000).filter(|o| o % 7 == 3 || o % 64 == 0).for_each(|o| all.set(o, true));
            let parts: Vec<Ordinals> = (0..of).map(|number| part(&all, place(number))).collect();
            assert_eq!(together(&parts.iter().collect::<Vec<_>>()), all);
            assert!(all.iter().all(|o| parts[Place::shard(o, of)].has(place(Place::shard(o, of) as u32).local(o))));
        }
    }
}
