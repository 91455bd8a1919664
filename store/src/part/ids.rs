//! `ids.bin`: 128-bit hashes of the event ids of a part, for recognising duplicates without reading the ids. Event types whose ids
//! are stored in 16 bytes or less are not here: reading those costs as little.
//!
//! ```text
//! "EQLi" | version 4 | for each event type: number 4 | count 4 | hashes 16 each
//! ```

use crate::StoreError;
use eql_catalog::EventTypeId;
use std::path::Path;

const MAGIC: [u8; 4] = *b"EQLi";
const VERSION: u32 = 1;

pub(super) fn encode(events: &[(EventTypeId, Vec<u128>)]) -> Vec<u8> {
    let mut bytes = [MAGIC, VERSION.to_le_bytes()].concat();
    for (event, hashes) in events {
        bytes.extend(u32::from(event.0).to_le_bytes());
        bytes.extend((hashes.len() as u32).to_le_bytes());
        for hash in hashes {
            bytes.extend(hash.to_le_bytes());
        }
    }
    bytes
}

/// The hashes of one event type; None when they are to be made from its ids.
pub(super) fn decode(path: &Path, bytes: &[u8], event: EventTypeId) -> Result<Option<Vec<u128>>, StoreError> {
    let damaged = |offset: usize| StoreError::damaged(path, offset as u64, "the list of id hashes is broken");
    if bytes.get(..8) != Some(&[MAGIC, VERSION.to_le_bytes()].concat()[..]) {
        return Err(damaged(0));
    }
    let mut at = 8;
    while at < bytes.len() {
        let number = word(bytes, at).ok_or_else(|| damaged(at))?;
        let count = word(bytes, at + 4).ok_or_else(|| damaged(at))? as usize;
        let hashes = bytes.get(at + 8..at + 8 + count * 16).ok_or_else(|| damaged(at))?;
        if number == u32::from(event.0) {
            return Ok(Some(hashes.as_chunks::<16>().0.iter().map(|h| u128::from_le_bytes(*h)).collect()));
        }
        at += 8 + count * 16;
    }
    Ok(None)
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4).and_then(|w| w.try_into().ok()).map(u32::from_le_bytes)
}
