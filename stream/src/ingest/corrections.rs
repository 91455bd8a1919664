//! Events that take back or replace what was said before: `"delete": true` and `"correct": true`.
//!
//! What a call says holds in its order. So its rows are done in phases, of which each does one thing, and phases of many calls are done together.

use super::answer::Refusal;
use eql_catalog::EventTypeId;

/// Phases of one call at most: each waits for the disk.
const PHASES_MAX: u32 = 300;

/// What is done with an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    Add,
    Correct,
    Delete,
}

/// The deeds take turns.
const TURNS: [Deed; 3] = [Deed::Add, Deed::Correct, Deed::Delete];

impl Deed {
    /// What a phase does.
    pub(crate) fn of(phase: u32) -> Deed {
        TURNS[phase as usize % TURNS.len()]
    }

    /// The first phase for this deed that is not before another one.
    pub(crate) fn phase(self, after: u32) -> Result<u32, Refusal> {
        let phase = (after..).find(|p| Deed::of(*p) == self).unwrap_or(after);
        let message = "the body switches too often between adding, correcting and deleting; sort its rows, or send several bodies";
        if phase < PHASES_MAX { Ok(phase) } else { Err(Refusal::new("invalid", message)) }
    }
}

/// An event that goes.
#[derive(Debug)]
pub(crate) struct Delete {
    pub(crate) phase: u32,
    pub(crate) event: EventTypeId,
    pub(crate) id: String,
    /// Of the group.
    pub(crate) row: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deeds_take_turns() {
        let phases = [Deed::Add, Deed::Add, Deed::Delete, Deed::Add, Deed::Correct, Deed::Delete].map(|deed| (deed, 0));
        let mut after = 0;
        let found = phases.map(|(deed, _)| {
            after = deed.phase(after).unwrap_or(u32::MAX);
            after
        });
        assert_eq!(found, [0, 0, 2, 3, 4, 5]);
        assert!(Deed::Add.phase(PHASES_MAX).is_err());
    }
}
