//! Numbers that look random and are the same for the same seed (SplitMix64).

pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Random {
        Random(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`, 0 where there is none.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        if end == 0 { 0 } else { usize::try_from(self.next() % end as u64).unwrap_or(0) }
    }

    pub(crate) fn pick<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        let i = self.below(list.len());
        &list[i]
    }

    /// A text of random bytes and letters.
    pub(crate) fn bytes(&mut self, most: usize) -> String {
        let length = self.below(most);
        if self.below(2) == 0 {
            let bytes: Vec<u8> = (0..length).map(|_| u8::try_from(self.below(256)).unwrap_or(0)).collect();
            return String::from_utf8_lossy(&bytes).into_owned();
        }
        (0..length).filter_map(|_| char::from_u32(u32::try_from(self.below(0x1_0000)).unwrap_or(0))).collect()
    }
}
