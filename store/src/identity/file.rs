//! Identities in a file of a checkpoint. Its bytes are a promise: a mark, a version, then what each entity type has (postcard).

use super::apply::AllIdentities;
use super::book::{Book, Identifier};
use super::conflict::{Conflict, Conflicts};
use super::identities::Identities;
use super::merges::{Edge, Merges};
use crate::StoreError;
use eql_catalog::EntityTypeId;
use serde::{Deserialize, Serialize};
use std::path::Path;

const MAGIC: &[u8; 4] = b"EQLi";
const VERSION: u8 = 1;

/// The identities of one entity type. `I` is how identifiers are held: as references while they are written.
#[derive(Serialize, Deserialize)]
struct Saved<I> {
    entity: EntityTypeId,
    names: Vec<Box<str>>,
    identifiers: Vec<I>,
    edges: Vec<Edge>,
    floor: i64,
    anonymous: Vec<u32>,
    conflicts: Vec<Conflict>,
    conflicts_total: u64,
}

/// The bytes of the file.
pub(crate) fn to_bytes(all: &AllIdentities) -> Vec<u8> {
    let saved: Vec<Saved<&Identifier>> = all.of.iter().map(|(entity, i)| saved(*entity, i)).collect();
    let mut bytes = [&MAGIC[..], &[VERSION]].concat();
    // Writing to a vector cannot fail.
    bytes.extend(postcard::to_stdvec(&saved).unwrap_or_default());
    bytes
}

fn saved(entity: EntityTypeId, i: &Identities) -> Saved<&Identifier> {
    let mut anonymous: Vec<u32> = i.anonymous.iter().copied().collect();
    anonymous.sort_unstable();
    Saved {
        entity,
        names: i.book.names().to_vec(),
        identifiers: i.book.all().collect(),
        edges: i.merges.edges().iter().copied().collect(),
        floor: i.merges.floor(),
        anonymous,
        conflicts: i.conflicts.all().cloned().collect(),
        conflicts_total: i.conflicts.total,
    }
}

/// Reads such bytes; `path` is what errors name.
pub(crate) fn read_identities(path: &Path, bytes: &[u8], position: u64) -> Result<AllIdentities, StoreError> {
    let damaged = |what: String| StoreError::damaged(path, 0, what);
    let body = bytes.strip_prefix(&MAGIC[..]).and_then(|b| b.strip_prefix(&[VERSION]));
    let body = body.ok_or_else(|| damaged("it holds no identities".into()))?;
    let saved: Vec<Saved<Identifier>> = postcard::from_bytes(body).map_err(|e| damaged(e.to_string()))?;
    let of = |s: Saved<Identifier>| {
        let identities = Identities {
            book: Book::of(s.names, s.identifiers),
            merges: Merges::of(s.edges, s.floor, position),
            conflicts: Conflicts::of(s.conflicts, s.conflicts_total),
            anonymous: s.anonymous.into_iter().collect(),
        };
        (s.entity, identities)
    };
    Ok(AllIdentities { of: saved.into_iter().map(of).collect(), position, joined: Vec::new() })
}
