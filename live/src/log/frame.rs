//! A frame: the changes of one source in one commit, with what is needed to know that they are whole. Its bytes are a promise.
//!
//! ```text
//! magic 4 | crc32c 4 | payload length 4 | format 1 | zero 3 | source 4 | number 8 | durable 8 | position 8 | clock 8 | payload
//! ```
//! The checksum covers the payload and then the header from the length on. `durable` is the number that was synced before this frame was
//! written: it tells a tail that was never published from damage.

pub(super) const MAGIC: [u8; 4] = *b"EQLc";
pub(super) const HEADER_BYTES: usize = 52;
const FORMAT: u8 = 1;

/// Longest payload: what one commit changes in one segment. A length that is larger is damage, not data.
pub(super) const PAYLOAD_BYTES_MAX: usize = 1 << 30;

/// The head of a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) length: usize,
    pub(super) source: u32,
    pub(super) number: u64,
    pub(super) durable: u64,
    pub(super) position: u64,
    pub(super) clock: i64,
    crc: u32,
    format: u8,
}

/// Why there is no frame here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoFrame {
    Broken(&'static str),
    /// Whole, but of a later release.
    Newer(u8),
}

impl Head {
    pub(super) fn new(source: u32, number: u64, durable: u64, (position, clock): (u64, i64)) -> Head {
        Head { source, number, durable, position, clock, ..Head::default() }
    }

    /// Bytes of the frame.
    pub(super) fn bytes(&self) -> usize {
        HEADER_BYTES + self.length
    }

    /// The frame around a payload.
    pub(super) fn write(self, payload: &[u8], out: &mut Vec<u8>) {
        let mut header = [0; HEADER_BYTES];
        header[..4].copy_from_slice(&MAGIC);
        header[8..12].copy_from_slice(&(payload.len() as u32).to_le_bytes());
        header[12] = FORMAT;
        header[16..20].copy_from_slice(&self.source.to_le_bytes());
        header[20..28].copy_from_slice(&self.number.to_le_bytes());
        header[28..36].copy_from_slice(&self.durable.to_le_bytes());
        header[36..44].copy_from_slice(&self.position.to_le_bytes());
        header[44..52].copy_from_slice(&self.clock.to_le_bytes());
        let crc = crc32c::crc32c_append(crc32c::crc32c(payload), &header[8..]);
        header[4..8].copy_from_slice(&crc.to_le_bytes());
        out.extend_from_slice(&header);
        out.extend_from_slice(payload);
    }

    /// Reads a header; the payload is not looked at.
    pub(super) fn read(bytes: &[u8]) -> Result<Head, NoFrame> {
        let header = bytes.get(..HEADER_BYTES).ok_or(NoFrame::Broken("the head of a record is cut off"))?;
        if header[..4] != MAGIC {
            return Err(NoFrame::Broken("no record starts here"));
        }
        let length = u32_at(header, 8) as usize;
        if length > PAYLOAD_BYTES_MAX {
            return Err(NoFrame::Broken("the length of a record is impossible"));
        }
        Ok(Head {
            length,
            crc: u32_at(header, 4),
            format: header[12],
            source: u32_at(header, 16),
            number: u64_at(header, 20),
            durable: u64_at(header, 28),
            position: u64_at(header, 36),
            clock: u64_at(header, 44).cast_signed(),
        })
    }

    /// The payload of a whole frame that begins here.
    pub(super) fn payload(self, bytes: &[u8]) -> Result<&[u8], NoFrame> {
        let payload = bytes.get(HEADER_BYTES..self.bytes()).ok_or(NoFrame::Broken("a record is cut off"))?;
        if crc32c::crc32c_append(crc32c::crc32c(payload), &bytes[8..HEADER_BYTES]) != self.crc {
            return Err(NoFrame::Broken("the checksum of a record does not fit"));
        }
        if self.format > FORMAT { Err(NoFrame::Newer(self.format)) } else { Ok(payload) }
    }
}

/// The first whole frame that starts after the beginning of `bytes`, with its offset.
pub(super) fn find_next(bytes: &[u8]) -> Option<(usize, Head)> {
    let mut at = 1;
    while at + HEADER_BYTES <= bytes.len() {
        at += bytes[at..].windows(MAGIC.len()).position(|w| w == MAGIC)?;
        let whole = Head::read(&bytes[at..]).and_then(|head| head.payload(&bytes[at..]).map(|_| head));
        if let Ok(head) = whole {
            return Some((at, head));
        }
        at += 1;
    }
    None
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let mut four = [0; 4];
    four.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(four)
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let mut eight = [0; 8];
    eight.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(eight)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_comes_back_and_every_flipped_bit_is_seen() {
        let mut whole = Vec::new();
        Head::new(3, 7, 6, (11, -2)).write(b"payload", &mut whole);
        let head = Head::read(&whole).unwrap();
        assert_eq!((head.source, head.number, head.durable, head.position, head.clock), (3, 7, 6, 11, -2));
        assert_eq!(head.payload(&whole).unwrap(), b"payload");
        for bit in 0..whole.len() * 8 {
            let mut flipped = whole.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(Head::read(&flipped).and_then(|h| h.payload(&flipped).map(drop)).is_err(), "bit {bit}");
        }
        let file = [b"rubbish EQLc".as_slice(), &whole].concat();
        assert_eq!(find_next(&file).map(|(at, h)| (at, h.number)), Some((12, 7)));
    }
}
