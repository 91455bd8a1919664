//! What is stored of sets and tags, at the statement's instant or as of another one; and what a query tells of entities.

use crate::clock;
use crate::row::{store_error, with_null};
use crate::world::World;
use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, UInt32Array, new_null_array};
use arrow::compute::{cast, concat, take};
use arrow::datatypes::DataType as ArrowType;
use datafusion::common::{DataFusionError, Result};
use eql_catalog::EntityTypeId;
use eql_compiler::bound::{Kept, KeptValue, Told};
use std::sync::Arc;

/// Asked for a version of before the oldest that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotKept {
    /// What is wrong, in the user's words.
    pub message: String,
    /// What to do.
    pub hint: String,
}

impl std::fmt::Display for NotKept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.message, self.hint)
    }
}

impl std::error::Error for NotKept {}

impl World {
    /// Membership or value of every entity by ordinal, and one more for "no entity".
    pub(crate) fn kept(&self, entity: EntityTypeId, k: &KeptValue, data_type: &ArrowType) -> Result<ArrayRef> {
        let (kept, called) = match &k.kept {
            Kept::Segment(name) => (eql_store::Kept::Segment(name.clone()), format!("segment `{name}`")),
            Kept::Tag(name) => (eql_store::Kept::Tag(name.clone()), format!("tag `{name}`")),
        };
        let versions = self.snapshot.versions(entity, &kept).map_err(store_error)?;
        let values = if k.clock.as_of.is_some() {
            let at = clock::now_of(&k.clock, self.now)?;
            let Some(version) = versions.iter().rev().find(|v| **v <= at) else {
                return Err(DataFusionError::External(Box::new(not_kept(&called, at, versions.first().copied()))));
            };
            self.snapshot.version(entity, &kept, *version).map_err(store_error)?
        } else {
            match (&k.kept, &k.otherwise) {
                (_, Some(otherwise)) if versions.is_empty() => return self.entity_value(otherwise),
                (Kept::Segment(name), _) => self.snapshot.members(name).map(|m| Arc::new(BooleanArray::from(m.to_vec())) as ArrayRef),
                (Kept::Tag(name), _) => self.snapshot.tag_values(entity, name).map_err(store_error)?,
            }
        };
        let rows = self.snapshot.entities(entity).map_err(store_error)?.len();
        let values = match values {
            Some(values) if values.len() >= rows => with_null(&values.slice(0, rows))?,
            Some(values) => concat(&[values.as_ref(), new_null_array(values.data_type(), rows + 1 - values.len()).as_ref()])?,
            None => new_null_array(data_type, rows + 1),
        };
        Ok(if matches!(k.kept, Kept::Segment(_)) { never_null(&values) } else { values })
    }

    /// What a query tells of every entity by ordinal, and one more for "no entity". The first row of an entity counts.
    pub(crate) fn told(&self, entity: EntityTypeId, t: &Told, data_type: &ArrowType) -> Result<ArrayRef> {
        let entities = self.snapshot.entities(entity).map_err(store_error)?;
        let keys = t.query.output.len() - usize::from(t.value);
        let (mut values, mut rows) = (vec![new_null_array(data_type, 1)], vec![0_u32; entities.len() + 1]);
        let mut next = 1;
        for batch in self.rows(&t.query)? {
            let ordinals = entities.lookup(&batch.columns()[..keys]).map_err(store_error)?;
            for (ordinal, row) in ordinals.iter().zip(next..) {
                if let Some(place) = ordinal.and_then(|o| rows.get_mut(o as usize)).filter(|place| **place == 0) {
                    *place = row;
                }
            }
            next += u32::try_from(batch.num_rows()).unwrap_or(u32::MAX);
            if t.value {
                values.push(cast(batch.column(keys), data_type)?);
            }
        }
        if !t.value {
            return Ok(Arc::new(rows.iter().map(|row| Some(*row > 0)).collect::<BooleanArray>()));
        }
        let values = concat(&values.iter().map(AsRef::as_ref).collect::<Vec<_>>())?;
        Ok(take(&values, &UInt32Array::from(rows), None)?)
    }
}

/// A predicate is never missing.
fn never_null(values: &ArrayRef) -> ArrayRef {
    let flags = values.as_boolean();
    Arc::new((0..flags.len()).map(|i| Some(flags.is_valid(i) && flags.value(i))).collect::<BooleanArray>())
}

fn not_kept(called: &str, at: i64, oldest: Option<i64>) -> NotKept {
    let message = format!("of {called} no version is kept as of {}", text(at));
    let hint = match oldest {
        Some(oldest) => format!("the oldest is of {}", text(oldest)),
        None => "none was made yet".to_string(),
    };
    NotKept { message, hint }
}

/// RFC 3339 in UTC.
fn text(micros: i64) -> String {
    let array = arrow::array::TimestampMicrosecondArray::from(vec![micros]).with_timezone("UTC");
    arrow::util::display::array_value_to_string(&array, 0).unwrap_or_else(|_| micros.to_string())
}
