//! Frames: payloads one behind the other in a file, each with a header in front of it and a checksum over both.
//!
//! ```text
//! magic 4 | crc32c 4 | payload length 4 | what the owner says of it | payload
//! ```
//! The checksum covers the payload and then the header from the length on. Which files there are, and what their headers say besides, their
//! owners know: the log of events (`log/frame.rs`) and the log of changes of `eql-live`.

/// The frames of one kind of file. All of it is a promise.
#[derive(Clone, Copy, Debug)]
pub struct Frames {
    /// The first four bytes of each.
    pub magic: [u8; 4],
    /// Bytes before the payload; at least 12.
    pub header_bytes: usize,
    /// Longest payload: a length that is larger is damage, not data.
    pub payload_bytes_max: usize,
}

/// Why there is no frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoFrame {
    /// Too short, or bytes that were not written as a frame.
    Broken(&'static str),
    /// Whole, but of a later release.
    Newer(u8),
}

const CRC: std::ops::Range<usize> = 4..8;
const LENGTH: usize = 8;

impl Frames {
    /// Writes into a header what all have; `payload_crc`: the checksum of the payload, which may have been computed before.
    pub fn seal(&self, header: &mut [u8], payload_bytes: usize, payload_crc: u32) {
        header[..4].copy_from_slice(&self.magic);
        header[LENGTH..LENGTH + 4].copy_from_slice(&(payload_bytes as u32).to_le_bytes());
        let crc = crc32c::crc32c_append(payload_crc, &header[LENGTH..]);
        header[CRC].copy_from_slice(&crc.to_le_bytes());
    }

    /// The header at the start of some bytes, and how long its payload is, which is not looked at.
    ///
    /// # Errors
    /// There is none.
    pub fn header<'b>(&self, bytes: &'b [u8]) -> Result<(&'b [u8], usize), NoFrame> {
        let header = bytes.get(..self.header_bytes).ok_or(NoFrame::Broken("the head of a record is cut off"))?;
        if header[..4] != self.magic {
            return Err(NoFrame::Broken("no record starts here"));
        }
        let length = u32_at(header, LENGTH) as usize;
        if length > self.payload_bytes_max {
            return Err(NoFrame::Broken("the length of a record is impossible"));
        }
        Ok((header, length))
    }

    /// Header and payload of the whole frame at the start of some bytes.
    ///
    /// # Errors
    /// There is none, or it is not what was written.
    pub fn read<'b>(&self, bytes: &'b [u8]) -> Result<(&'b [u8], &'b [u8]), NoFrame> {
        let (header, length) = self.header(bytes)?;
        let payload = bytes.get(self.header_bytes..self.header_bytes + length).ok_or(NoFrame::Broken("a record is cut off"))?;
        if crc32c::crc32c_append(crc32c::crc32c(payload), &header[LENGTH..]) != u32_at(header, CRC.start) {
            return Err(NoFrame::Broken("the checksum of a record does not fit"));
        }
        Ok((header, payload))
    }

    /// The first place after the beginning where `whole` finds a frame, and what it makes of it.
    pub fn find_next<'b, T>(&self, bytes: &'b [u8], whole: impl Fn(&'b [u8]) -> Option<T>) -> Option<(usize, T)> {
        let mut at = 1;
        while at + self.header_bytes <= bytes.len() {
            at += bytes[at..].windows(self.magic.len()).position(|w| w == self.magic)?;
            if let Some(found) = whole(&bytes[at..]) {
                return Some((at, found));
            }
            at += 1;
        }
        None
    }
}

/// Four bytes as a number; they must be there.
pub fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let mut four = [0; 4];
    four.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(four)
}

/// Eight bytes as a number; they must be there.
pub fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let mut eight = [0; 8];
    eight.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(eight)
}
