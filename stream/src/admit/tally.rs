//! What is counted on the way.

use super::columns::EventColumns;
use super::fault::Fault;
use crate::limit::REJECTS_SHOWN;
use crate::source::RawBatch;
use crate::{ImportReport, Reject};
use std::collections::{BTreeMap, BTreeSet};

/// Figures of one import, as far as they are known before the store is asked.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) rows: u64,
    pub(crate) defined: Vec<String>,
    rejected: u64,
    rejects: Vec<Reject>,
    /// (column, event of a mixed file) → values.
    undeclared: BTreeMap<(String, Option<String>), u64>,
    /// (event, participant, key column) → some file had the column.
    participants: BTreeMap<(String, String, String), bool>,
    notes: BTreeSet<String>,
}

impl Tally {
    /// Rows at fault, one reject each: of several faults the first found. Those that could not be read are counted with them.
    pub(crate) fn reject(&mut self, raw: &mut RawBatch, mut faults: Vec<Fault>) {
        faults.sort_by_key(|f| f.row);
        faults.dedup_by_key(|f| f.row);
        self.rejected += (faults.len() + raw.malformed.len()) as u64;
        let room = REJECTS_SHOWN - self.rejects.len();
        let mut shown: Vec<Reject> = faults.iter().take(room).map(|f| f.reject(raw)).collect();
        shown.extend(raw.malformed.drain(..).take(room));
        shown.sort_by_key(|r| r.row);
        self.rejects.extend(shown.into_iter().take(room));
    }

    pub(crate) fn undeclared(&mut self, column: &str, event: Option<&str>, values: u64) {
        *self.undeclared.entry((column.to_string(), event.map(str::to_string))).or_default() += values;
    }

    pub(crate) fn participants(&mut self, columns: &EventColumns) {
        for (participant, key) in columns.event.participants.iter().zip(&columns.keys) {
            for (name, (_, column)) in participant.key_names.iter().zip(key) {
                let seen = self.participants.entry((columns.event.name.clone(), participant.name.clone(), name.clone())).or_default();
                *seen |= column.is_some();
            }
        }
    }

    pub(crate) fn note(&mut self, note: &str) {
        if !self.notes.contains(note) {
            self.notes.insert(note.to_string());
        }
    }

    /// The report, as far as this side knows it.
    pub(crate) fn into_report(self) -> ImportReport {
        let extra = by_column(&self.undeclared).into_iter().map(|(column, events, values)| {
            let plural = if values == 1 { "value" } else { "values" };
            format!("column `{column}` is not declared{}: {values} {plural} went to extra", by_events(&events))
        });
        let absent = self
            .participants
            .iter()
            .filter(|(_, seen)| !**seen)
            .map(|((event, participant, key), _)| format!("no column `{key}`: no `{event}` of this import names its `{participant}`"));
        let notes = extra.chain(absent).chain(self.notes).collect();
        ImportReport {
            rows: self.rows,
            rejected: self.rejected,
            rejects: self.rejects,
            defined: self.defined,
            notes,
            ..ImportReport::default()
        }
    }
}

/// Each column once, with the events that do not declare it and all its values.
fn by_column(undeclared: &BTreeMap<(String, Option<String>), u64>) -> Vec<(&str, Vec<&str>, u64)> {
    let mut columns: Vec<(&str, Vec<&str>, u64)> = Vec::new();
    for ((column, event), values) in undeclared {
        match columns.last_mut().filter(|known| known.0 == column) {
            Some((_, events, sum)) => {
                events.extend(event.as_deref());
                *sum += values;
            }
            None => columns.push((column, event.as_deref().into_iter().collect(), *values)),
        }
    }
    columns
}

/// A file may hold hundreds of events.
fn by_events(events: &[&str]) -> String {
    let named: Vec<String> = events.iter().take(3).map(|e| format!("`{e}`")).collect();
    match (events.len().saturating_sub(3), named.split_last()) {
        (_, None) => String::new(),
        (0, Some((last, []))) => format!(" by {last}"),
        (0, Some((last, others))) => format!(" by {} and {last}", others.join(", ")),
        (more, _) => format!(" by {} and {more} more", named.join(", ")),
    }
}
