//! The versions of segments and tags among the columns of an entity type.

use super::column::Column;
use super::columns::EntityParts;
use super::place::Place;
use super::state::EntityState;
use crate::limit::VERSIONS_MAX;
use crate::log::AdmittedTagValues;
use crate::{Kept, StoreError};
use arrow::array::{ArrayRef, BooleanArray};
use std::sync::Arc;

impl EntityState {
    /// The members as they are now, under a time.
    pub(crate) fn keep_set(&mut self, kept: &Kept, at: i64, set: &[bool], position: u64) {
        self.touch(position);
        let column = Column::of(Arc::new(BooleanArray::from(set.to_vec())));
        self.parts.columns.insert(Place::Version(kept.clone(), at), Arc::new(column));
    }

    /// Values that are new, or all there are, and the whole tag under a time.
    pub(crate) fn keep_values(
        &mut self,
        kept: &Kept,
        at: i64,
        values: &AdmittedTagValues,
        whole: bool,
        position: u64,
    ) -> Result<(), StoreError> {
        let place = Place::Tag(values.tag.clone());
        if whole {
            self.parts.columns.remove(&place);
        }
        self.set_tag(values, position)?;
        let now = self.parts.columns.entry(place).or_insert_with(|| Arc::new(Column::new(values.values.data_type()))).clone();
        self.parts.columns.insert(Place::Version(kept.clone(), at), now);
        Ok(())
    }

    /// Versions of before a time go, and the oldest of too many; the newest stays.
    pub(crate) fn drop_versions(&mut self, kept: &Kept, before: Option<i64>, position: u64) {
        let mut times = self.parts.versions(kept);
        times.pop();
        let surplus = (times.len() + 1).saturating_sub(VERSIONS_MAX);
        let goes = |(i, at): &(usize, i64)| *i < surplus || before.is_some_and(|b| *at < b);
        for (_, at) in times.into_iter().enumerate().filter(goes) {
            self.parts.columns.remove(&Place::Version(kept.clone(), at));
            self.touch(position);
        }
    }
}

impl EntityParts {
    pub(crate) fn versions(&self, kept: &Kept) -> Vec<i64> {
        let all = Place::Version(kept.clone(), i64::MIN)..=Place::Version(kept.clone(), i64::MAX);
        self.columns.range(all).filter_map(|(place, _)| if let Place::Version(_, at) = place { Some(*at) } else { None }).collect()
    }

    pub(crate) fn version(&self, kept: &Kept, at: i64) -> Result<Option<ArrayRef>, StoreError> {
        self.padded(&Place::Version(kept.clone(), at))
    }
}
