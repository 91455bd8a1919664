//! What records do to identities: `bind`, `unbind`, `merge`, `unmerge`; gathered into one batch, in their order.

use super::answer::Refusal;
use super::entity_record::key;
use super::faulty::refusal;
use super::identities;
use crate::ImportError;
use crate::admit::{Slice, Times};
use crate::source::{Json, JsonColumn, RawBatch, members};
use arrow::array::{ArrayRef, StringArray, TimestampMicrosecondArray, UInt32Array};
use arrow::compute::take;
use eql_catalog::EntityType;
use eql_store::{IdentityBatch, IdentityDeed};

/// What is to be done, and what is refused: row and reason.
type Finished = (Option<IdentityBatch>, Vec<(u32, Refusal)>);

/// One thing that a record does.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Deed<'a> {
    /// An identity by its place, and a value.
    Identifier(IdentityDeed, usize, String),
    /// The key of another entity.
    Other(IdentityDeed, Vec<Json<'a>>),
}

/// Reads one part of a record.
pub(crate) fn read<'a>(entity: &EntityType, word: &str, value: Json<'a>) -> Result<Vec<Deed<'a>>, Refusal> {
    let deed = match word {
        "bind" => IdentityDeed::Bind,
        "unbind" => IdentityDeed::Unbind,
        "merge" => IdentityDeed::Merge,
        _ => IdentityDeed::Unmerge,
    };
    let by_identifier = matches!(deed, IdentityDeed::Bind | IdentityDeed::Unbind) || names_identities(entity, &value)?;
    match value {
        Json::Null => Ok(Vec::new()),
        value if by_identifier => {
            let found = identities::of_entity(entity, &format!("`{word}`"), &value)?;
            let one = |(identity, values): (usize, Vec<String>)| values.into_iter().map(move |v| Deed::Identifier(deed, identity, v));
            Ok(found.into_iter().flat_map(one).collect())
        }
        value => {
            let other = key(entity, word, value)?;
            match other.contains(&Json::Null) {
                true => {
                    Err(Refusal::new("missing", format!("`{word}` names the key of another {}, and a part of it is missing", entity.name)))
                }
                false => Ok(vec![Deed::Other(deed, other)]),
            }
        }
    }
}

/// `{"merge": {"$phone": "1"}}`: by an identifier, not by the columns of a key.
fn names_identities(entity: &EntityType, value: &Json<'_>) -> Result<bool, Refusal> {
    let Json::Raw(text) = value else { return Ok(false) };
    if !text.starts_with('{') {
        return Ok(false);
    }
    let names = members(text).map_err(Refusal::malformed)?;
    Ok(names.iter().any(|(name, _)| entity.identities.iter().any(|i| i.name == *name)))
}

/// The deeds of a group of records, row by row.
pub(crate) struct Deeds<'c> {
    entity: &'c EntityType,
    /// The record's place in the table of all records, and its row in the group.
    records: Vec<(u32, u32)>,
    deeds: Vec<IdentityDeed>,
    identity: Vec<Option<usize>>,
    value: Vec<Option<String>>,
    others: Vec<JsonColumn>,
    time: Vec<i64>,
}

impl<'c> Deeds<'c> {
    pub(crate) fn new(entity: &'c EntityType) -> Deeds<'c> {
        Deeds {
            entity,
            records: Vec::new(),
            deeds: Vec::new(),
            identity: Vec::new(),
            value: Vec::new(),
            others: entity.key.iter().map(|_| JsonColumn::default()).collect(),
            time: Vec::new(),
        }
    }

    pub(crate) fn push(&mut self, deeds: &[Deed<'_>], record: (u32, u32), time: i64) {
        for deed in deeds {
            let (deed, identity, value) = match deed {
                Deed::Identifier(deed, identity, value) => (*deed, Some(*identity), Some(value.clone())),
                Deed::Other(deed, other) => {
                    let at = self.records.len();
                    self.others.iter_mut().zip(other).for_each(|(column, value)| {
                        column.pad(at);
                        column.push(value);
                    });
                    (*deed, None, None)
                }
            };
            self.records.push(record);
            self.deeds.push(deed);
            self.identity.push(identity);
            self.value.push(value);
            self.time.push(time);
        }
    }

    /// The batch, without the deeds of records that are `bad`; and records that became bad because a key does not fit.
    pub(crate) fn finish(self, keys: &[ArrayRef], bad: &mut [bool]) -> Result<Finished, ImportError> {
        let rows = self.records.len();
        if rows == 0 {
            return Ok((None, Vec::new()));
        }
        let columns = self.entity.key.iter().zip(self.others).map(|(k, c)| c.finish(&k.name, rows)).collect();
        let raw = RawBatch { rows, columns, ..RawBatch::default() };
        let mut slice = Slice::new(&raw, None, Times::utc());
        let others = self.entity.key.iter().enumerate().map(|(i, k)| slice.coerced(i, &k.data_type)).collect::<Result<Vec<_>, _>>()?;
        let faults = std::mem::take(&mut slice.faults);
        let owner = format!("entity `{}`", self.entity.name);
        let refused = faults.iter().map(|f| (self.records[f.row as usize].1, refusal(f, &raw, &owner, |_| true))).collect();
        faults.iter().for_each(|f| bad[self.records[f.row as usize].0 as usize] = true);
        let good: UInt32Array = (0..rows as u32).filter(|i| !bad[self.records[*i as usize].0 as usize]).collect::<Vec<_>>().into();
        let records: UInt32Array = good.values().iter().map(|i| Some(self.records[*i as usize].0)).collect();
        let picked = |i: &u32| *i as usize;
        let batch = IdentityBatch {
            entity: self.entity.id,
            keys: keys.iter().map(|k| take(k, &records, None)).collect::<Result<_, _>>()?,
            deeds: good.values().iter().map(|i| self.deeds[picked(i)]).collect(),
            identity: good
                .values()
                .iter()
                .map(|i| self.identity[picked(i)].map(|n| self.entity.identities[n].name.as_str()))
                .collect::<StringArray>(),
            value: good.values().iter().map(|i| self.value[picked(i)].as_deref()).collect(),
            others: others.iter().map(|k| take(k, &good, None)).collect::<Result<_, _>>()?,
            time: good.values().iter().map(|i| Some(self.time[picked(i)])).collect::<TimestampMicrosecondArray>().with_timezone("UTC"),
        };
        Ok(((!good.is_empty()).then_some(batch), refused))
    }
}
