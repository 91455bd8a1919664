//! A frame: one record of the log, with what is needed to know that it is whole. Its bytes are a promise.
//!
//! ```text
//! magic 4 | crc32c 4 | payload length 4 | kind 1 | format 1 | zero 2 | position 8 | durable 8 | payload
//! ```
//! The checksum covers the payload and then the header from the length on. `durable` is the position that was synced before this
//! frame was written: it tells a tail that was never acknowledged from damage.

use crate::limit::RECORD_BYTES_MAX;

pub(super) const MAGIC: [u8; 4] = *b"EQLf";
pub(super) const HEADER_BYTES: usize = 32;
const FORMAT: u8 = 1;

/// A frame on its way to the log.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) position: u64,
    kind: u8,
    payload: Vec<u8>,
    payload_crc: u32,
}

impl Frame {
    /// Computes the checksum of the payload, which the writer need not do while others wait.
    pub(super) fn new(position: u64, kind: u8, payload: Vec<u8>, payload_crc: u32) -> Frame {
        Frame { position, kind, payload, payload_crc }
    }

    pub(super) fn header(&self, durable: u64) -> [u8; HEADER_BYTES] {
        let mut header = [0; HEADER_BYTES];
        header[..4].copy_from_slice(&MAGIC);
        header[8..12].copy_from_slice(&(self.payload.len() as u32).to_le_bytes());
        header[12] = self.kind;
        header[13] = FORMAT;
        header[16..24].copy_from_slice(&self.position.to_le_bytes());
        header[24..].copy_from_slice(&durable.to_le_bytes());
        let crc = crc32c::crc32c_append(self.payload_crc, &header[8..]);
        header[4..8].copy_from_slice(&crc.to_le_bytes());
        header
    }

    pub(super) fn payload(&self) -> &[u8] {
        &self.payload
    }
}

/// A frame in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Found<'a> {
    pub(super) position: u64,
    pub(super) durable: u64,
    pub(super) kind: u8,
    pub(super) payload: &'a [u8],
}

/// Why there is no frame here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoFrame {
    /// Too short, or bytes that were not written as a frame.
    Broken(&'static str),
    /// Whole, but of a later release.
    Newer(u8),
}

impl Found<'_> {
    pub(super) fn bytes(&self) -> usize {
        HEADER_BYTES + self.payload.len()
    }
}

/// Reads the frame at the start of `bytes`.
pub(super) fn read(bytes: &[u8]) -> Result<Found<'_>, NoFrame> {
    let header = bytes.get(..HEADER_BYTES).ok_or(NoFrame::Broken("the header of a record is cut off"))?;
    if header[..4] != MAGIC {
        return Err(NoFrame::Broken("no record starts here"));
    }
    let length = u32_at(header, 8) as usize;
    if length > RECORD_BYTES_MAX {
        return Err(NoFrame::Broken("the length of a record is impossible"));
    }
    let payload = bytes.get(HEADER_BYTES..HEADER_BYTES + length).ok_or(NoFrame::Broken("a record is cut off"))?;
    if crc32c::crc32c_append(crc32c::crc32c(payload), &header[8..]) != u32_at(header, 4) {
        return Err(NoFrame::Broken("the checksum of a record does not fit"));
    }
    if header[13] > FORMAT {
        return Err(NoFrame::Newer(header[13]));
    }
    Ok(Found { position: u64_at(header, 16), durable: u64_at(header, 24), kind: header[12], payload })
}

/// The first whole frame that starts after the beginning of `bytes`, with its offset.
pub(super) fn find_next(bytes: &[u8]) -> Option<(usize, Found<'_>)> {
    let mut at = 1;
    while at + HEADER_BYTES <= bytes.len() {
        let step = bytes[at..].windows(MAGIC.len()).position(|w| w == MAGIC)?;
        at += step;
        if let Ok(found) = read(&bytes[at..]) {
            return Some((at, found));
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

    fn bytes(position: u64, payload: &[u8]) -> Vec<u8> {
        let frame = Frame::new(position, 2, payload.to_vec(), crc32c::crc32c(payload));
        [&frame.header(position - 1)[..], payload].concat()
    }

    #[test]
    fn a_frame_comes_back_and_every_flipped_bit_is_seen() {
        let whole = bytes(7, b"payload");
        let found = read(&whole).unwrap();
        assert_eq!((found.position, found.durable, found.kind, found.payload), (7, 6, 2, &b"payload"[..]));
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
    fn the_next_frame_is_found_behind_rubbish() {
        let mut file = b"rubbish EQLf rubbish".to_vec();
        let at = file.len();
        file.extend(bytes(9, b"x"));
        assert_eq!(find_next(&file).map(|(offset, f)| (offset, f.position)), Some((at, 9)));
        assert_eq!(find_next(&file[..at]), None);
    }
}
