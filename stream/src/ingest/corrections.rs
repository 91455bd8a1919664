//! Events that take back or replace what was said before: `"delete": true` and `"correct": true`.

use super::answer::Refusal;
use super::group::Piece;
use eql_catalog::EventTypeId;

/// What a group corrects, beside what it adds.
#[derive(Debug, Default)]
pub(crate) struct Corrections {
    /// Event type, id, row of the group.
    pub(crate) deletes: Vec<(EventTypeId, String, u32)>,
    /// Events that replace those of their ids.
    pub(crate) replaced: Vec<Piece>,
}

impl Corrections {
    /// Hands them to the store; what it does not take comes back with the reason. This is the one place that knows how.
    pub(crate) fn hand_over(self) -> Vec<(u32, Refusal)> {
        let refusal = || Refusal::new("not_supported", "corrections are not accepted yet; send a new event instead");
        let deleted = self.deletes.into_iter().map(|(_, _, row)| row);
        let replaced = self.replaced.into_iter().flat_map(|piece| piece.rows);
        deleted.chain(replaced).map(|row| (row, refusal())).collect()
    }
}
