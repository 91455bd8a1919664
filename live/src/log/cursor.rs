//! A cursor: where a subscriber is, as text that only this log understands.

use super::LogError;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// First byte, so that a later form can be told from this one.
const FORM: u8 = 1;

/// All changes of a commit were delivered.
pub(super) const WHOLE: u32 = u32::MAX;

/// Where a subscriber is: behind so many changes of a record of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// The log that gave it.
    pub(super) log: u64,
    pub(super) source: u32,
    /// Number of the record.
    pub(super) number: u64,
    /// Changes of that record that were delivered; all of the records before it were.
    pub(super) index: u32,
    pub(super) version: u32,
    pub(super) position: u64,
    pub(super) clock: i64,
}

impl Cursor {
    /// The position in the log of events.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// The clock in microseconds.
    pub fn clock(&self) -> i64 {
        self.clock
    }

    /// As text, with a checksum that `secret` makes this log's own.
    pub(super) fn text(&self, secret: u64) -> String {
        let mut bytes = vec![FORM];
        // A struct of numbers into memory cannot fail.
        bytes = postcard::to_extend(self, bytes).unwrap_or_default();
        let check = xxh3_64_with_seed(&bytes, secret);
        bytes.extend_from_slice(&check.to_le_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Whose log it is of the caller sees.
    pub(super) fn read(text: &str, secret: u64) -> Result<Cursor, LogError> {
        let unreadable = || LogError::Cursor("is none: it is not complete, or was changed, or comes from another data directory");
        let bytes = URL_SAFE_NO_PAD.decode(text.trim()).map_err(|_| unreadable())?;
        let (signed, check) = bytes.split_last_chunk::<8>().ok_or_else(unreadable)?;
        let (form, body) = signed.split_first().ok_or_else(unreadable)?;
        if xxh3_64_with_seed(signed, secret) != u64::from_le_bytes(*check) {
            return Err(unreadable());
        }
        if *form != FORM {
            return Err(LogError::Cursor("was given by a newer release"));
        }
        postcard::from_bytes(body).map_err(|_| unreadable())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_comes_back_and_no_other_text_is_one() {
        let cursor = Cursor { log: 5, source: 2, number: 1 << 40, index: WHOLE, version: 3, position: 77, clock: -9 };
        let text = cursor.text(42);
        assert_eq!(Cursor::read(&text, 42).unwrap(), cursor);
        for other in ["", "x", "ZZZZ", &text[1..], &text[..text.len() - 1], &format!("{text}A")] {
            assert!(Cursor::read(other, 42).is_err(), "{other}");
        }
        for at in 0..text.len() {
            let mut changed = text.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert!(Cursor::read(&changed, 42).map_or(true, |c| c == cursor), "{changed}");
        }
        assert!(Cursor::read(&text, 43).unwrap_err().to_string().contains("another data directory"));
    }
}
