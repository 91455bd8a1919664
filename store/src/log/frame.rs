//! A frame: one record of the log, with what is needed to know that it is whole. Its bytes are a promise.
//!
//! ```text
//! magic 4 | crc32c 4 | length 4 | kind 1 | format 1 | zero 2 | position 8 | durable 8 | payload | clock 8 | sequence 8
//! ```
//! The checksum covers everything behind the header and then the header from the length on. `durable` is the position that was synced
//! before this frame was written: it tells a tail that was never acknowledged from damage. The stamp at the end (the clock in
//! microseconds, and the ingest sequence of the first event of the record or of the next one) came with format 2; a release that knows
//! only format 1 finds the checksum right and says that the file is newer.

pub(super) use crate::framed::NoFrame;
use crate::framed::{Frames, u64_at};
use crate::limit::RECORD_BYTES_MAX;

pub(super) const HEADER_BYTES: usize = 32;
const FORMAT: u8 = 2;
const STAMP_BYTES: usize = 16;
const FRAMES: Frames = Frames { magic: *b"EQLf", header_bytes: HEADER_BYTES, payload_bytes_max: RECORD_BYTES_MAX + STAMP_BYTES };

/// What a record got when it was admitted, besides its position.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// Never less than that of the record before, in microseconds.
    pub(crate) clock: i64,
    /// The sequence of its first event, or of the next one that comes.
    pub(crate) sequence: u64,
}

impl Stamp {
    fn bytes(self) -> [u8; STAMP_BYTES] {
        let mut bytes = [0; STAMP_BYTES];
        bytes[..8].copy_from_slice(&self.clock.to_le_bytes());
        bytes[8..].copy_from_slice(&self.sequence.to_le_bytes());
        bytes
    }
}

/// A frame on its way to the log.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) position: u64,
    pub(super) stamp: Stamp,
    kind: u8,
    payload: Vec<u8>,
    payload_crc: u32,
}

impl Frame {
    /// The checksum of the payload was computed before, so that nobody waits for it here.
    pub(super) fn new(position: u64, stamp: Stamp, kind: u8, payload: Vec<u8>, payload_crc: u32) -> Frame {
        Frame { position, stamp, kind, payload, payload_crc }
    }

    pub(super) fn header(&self, durable: u64) -> [u8; HEADER_BYTES] {
        let mut header = [0; HEADER_BYTES];
        header[12] = self.kind;
        header[13] = FORMAT;
        header[16..24].copy_from_slice(&self.position.to_le_bytes());
        header[24..].copy_from_slice(&durable.to_le_bytes());
        FRAMES.seal(&mut header, self.payload.len() + STAMP_BYTES, crc32c::crc32c_append(self.payload_crc, &self.trailer()));
        header
    }

    pub(super) fn payload(&self) -> &[u8] {
        &self.payload
    }

    pub(super) fn trailer(&self) -> [u8; STAMP_BYTES] {
        self.stamp.bytes()
    }

    pub(super) fn bytes(&self) -> usize {
        HEADER_BYTES + self.payload.len() + STAMP_BYTES
    }
}

/// A frame in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Found<'a> {
    pub(crate) position: u64,
    pub(super) durable: u64,
    pub(crate) kind: u8,
    pub(crate) payload: &'a [u8],
    /// Records of format 1 have none.
    pub(crate) stamp: Option<Stamp>,
}

impl Found<'_> {
    pub(super) fn bytes(&self) -> usize {
        HEADER_BYTES + self.payload.len() + self.stamp.map_or(0, |_| STAMP_BYTES)
    }
}

/// How many bytes the frame takes whose header this is; None when it is no header.
pub(super) fn length(header: &[u8]) -> Option<usize> {
    FRAMES.header(header).ok().map(|(_, length)| HEADER_BYTES + length)
}

/// Reads the frame at the start of `bytes`.
pub(super) fn read(bytes: &[u8]) -> Result<Found<'_>, NoFrame> {
    let (header, payload) = FRAMES.read(bytes)?;
    if header[13] > FORMAT {
        return Err(NoFrame::Newer(header[13]));
    }
    let found = Found { position: u64_at(header, 16), durable: u64_at(header, 24), kind: header[12], payload, stamp: None };
    if header[13] < FORMAT {
        return Ok(found);
    }
    let split = payload.len().checked_sub(STAMP_BYTES).ok_or(NoFrame::Broken("a record has no stamp"))?;
    let stamp = Stamp { clock: u64_at(payload, split).cast_signed(), sequence: u64_at(payload, split + 8) };
    Ok(Found { payload: &payload[..split], stamp: Some(stamp), ..found })
}

/// The first whole frame that starts after the beginning of `bytes`, with its offset.
pub(super) fn find_next(bytes: &[u8]) -> Option<(usize, Found<'_>)> {
    FRAMES.find_next(bytes, |at| read(at).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(position: u64, payload: &[u8]) -> Vec<u8> {
        let stamp = Stamp { clock: -5, sequence: position * 10 };
        let frame = Frame::new(position, stamp, 2, payload.to_vec(), crc32c::crc32c(payload));
        [&frame.header(position - 1)[..], payload, &frame.trailer()].concat()
    }

    #[test]
    fn a_frame_comes_back_and_every_flipped_bit_is_seen() {
        let whole = bytes(7, b"payload");
        let found = read(&whole).unwrap();
        assert_eq!((found.position, found.durable, found.kind, found.payload), (7, 6, 2, &b"payload"[..]));
        assert_eq!(found.stamp, Some(Stamp { clock: -5, sequence: 70 }));
        assert_eq!((found.bytes(), length(&whole)), (whole.len(), Some(whole.len())));
        for bit in 0..whole.len() * 8 {
            let mut flipped = whole.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(read(&flipped).is_err(), "bit {bit}");
        }
        for cut in 0..whole.len() {
            assert!(read(&whole[..cut]).is_err());
        }
    }

    #[test]
    fn a_frame_of_format_1_has_no_stamp() {
        let mut header = [0; HEADER_BYTES];
        header[..4].copy_from_slice(&FRAMES.magic);
        header[8] = 3;
        (header[12], header[13], header[16]) = (2, 1, 9);
        let crc = crc32c::crc32c_append(crc32c::crc32c(b"old"), &header[8..]);
        header[4..8].copy_from_slice(&crc.to_le_bytes());
        let whole = [&header[..], b"old"].concat();
        let found = read(&whole).unwrap();
        assert_eq!((found.position, found.payload, found.stamp, found.bytes()), (9, &b"old"[..], None, whole.len()));
    }

    #[test]
    fn the_next_frame_is_found_behind_rubbish() {
        let mut file = b"rubbish EQLf rubbish".to_vec();
        let at = file.len();
        file.extend(bytes(9, b"x"));
        assert_eq!(find_next(&file).map(|(offset, f)| (offset, f.position)), Some((at, 9)));
        assert_eq!(find_next(&file[..at]), None);
    }
}
