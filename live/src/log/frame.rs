//! A frame: the changes of one source in one commit, with what is needed to know that they are whole. Its bytes are a promise.
//!
//! ```text
//! magic 4 | crc32c 4 | payload length 4 | format 1 | zero 3 | source 4 | number 8 | durable 8 | position 8 | clock 8 | payload
//! ```
//! The checksum covers the payload and then the header from the length on. `durable` is the number that was synced before this frame was
//! written: it tells a tail that was never published from damage.

pub(super) use eql_store::framed::NoFrame;
use eql_store::framed::{Frames, u32_at, u64_at};

pub(super) const HEADER_BYTES: usize = 52;
const FORMAT: u8 = 1;
/// The longest payload is what one commit changes in one segment.
const FRAMES: Frames = Frames { magic: *b"EQLc", header_bytes: HEADER_BYTES, payload_bytes_max: 1 << 30 };

/// The head of a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) length: usize,
    pub(super) source: u32,
    pub(super) number: u64,
    pub(super) durable: u64,
    pub(super) position: u64,
    pub(super) clock: i64,
    format: u8,
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
        header[12] = FORMAT;
        header[16..20].copy_from_slice(&self.source.to_le_bytes());
        header[20..28].copy_from_slice(&self.number.to_le_bytes());
        header[28..36].copy_from_slice(&self.durable.to_le_bytes());
        header[36..44].copy_from_slice(&self.position.to_le_bytes());
        header[44..52].copy_from_slice(&self.clock.to_le_bytes());
        FRAMES.seal(&mut header, payload.len(), crc32c::crc32c(payload));
        out.extend_from_slice(&header);
        out.extend_from_slice(payload);
    }

    /// Reads a header; the payload is not looked at.
    pub(super) fn read(bytes: &[u8]) -> Result<Head, NoFrame> {
        let (header, length) = FRAMES.header(bytes)?;
        Ok(Head {
            length,
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
        let (_, payload) = FRAMES.read(bytes)?;
        if self.format > FORMAT { Err(NoFrame::Newer(self.format)) } else { Ok(payload) }
    }
}

/// The first whole frame that starts after the beginning of `bytes`, with its offset.
pub(super) fn find_next(bytes: &[u8]) -> Option<(usize, Head)> {
    FRAMES.find_next(bytes, |at| Head::read(at).and_then(|head| head.payload(at).map(|_| head)).ok())
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
