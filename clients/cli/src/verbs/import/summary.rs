//! What became of an import, and how it is told.

use crate::failure::Failure;
use crate::out;
use eql_engine::stream;
use serde::Deserialize;

/// What became of an import, here or on a server.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Summary {
    pub(crate) rows: u64,
    pub(crate) accepted: u64,
    pub(crate) duplicates: u64,
    pub(crate) rejected: u64,
    rejects: Vec<Reject>,
    defined: Vec<String>,
    notes: Vec<String>,
    pub(crate) seconds: f64,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Reject {
    file: String,
    row: u64,
    column: Option<String>,
    message: String,
}

/// So many rejects are described; the others are counted.
const REJECTS_SHOWN: usize = 10;

impl Summary {
    /// Counts another file in.
    pub(crate) fn add(&mut self, other: Summary) {
        self.rows += other.rows;
        self.accepted += other.accepted;
        self.duplicates += other.duplicates;
        self.rejected += other.rejected;
        self.seconds += other.seconds;
        self.rejects.extend(other.rejects);
        self.defined.extend(other.defined);
        self.notes.extend(other.notes);
    }
}

impl From<stream::ImportReport> for Summary {
    fn from(report: stream::ImportReport) -> Self {
        let reject = |r: stream::Reject| Reject { file: r.file, row: r.row, column: r.column, message: r.message };
        Self {
            rows: report.rows,
            accepted: report.accepted,
            duplicates: report.duplicates,
            rejected: report.rejected,
            rejects: report.rejects.into_iter().map(reject).collect(),
            defined: report.defined,
            notes: report.notes,
            seconds: report.seconds,
        }
    }
}

/// Rejects and notes on stderr, what was defined and the summary on stdout. Nothing but rejects is a failure.
pub(crate) fn tell(target: &str, summary: &Summary) -> Result<(), Failure> {
    for definition in &summary.defined {
        out::line(definition)?;
    }
    for note in &summary.notes {
        out::note(&format!("note: {note}"));
    }
    for reject in summary.rejects.iter().take(REJECTS_SHOWN) {
        let column = reject.column.as_ref().map_or_else(String::new, |c| format!(", column `{c}`"));
        out::note(&format!("rejected: {} row {}{column}: {}", reject.file, reject.row, reject.message));
    }
    let shown = summary.rejects.len().min(REJECTS_SHOWN) as u64;
    if summary.rejected > shown {
        out::note(&format!("rejected: {} more", summary.rejected - shown));
    }
    out::line(&format!("{target}: {}", summary.words()))?;
    let nothing = summary.rejected > 0 && summary.accepted == 0 && summary.duplicates == 0;
    if nothing { Err(Failure::Failed("every row was rejected".into())) } else { Ok(()) }
}

impl Summary {
    /// One line that says it all.
    pub(crate) fn words(&self) -> String {
        let rate = if self.seconds > 0.0 { self.rows as f64 / self.seconds } else { self.rows as f64 };
        format!(
            "{} rows: {} accepted, {} duplicates, {} rejected in {:.2} s ({rate:.0} rows/s)",
            self.rows, self.accepted, self.duplicates, self.rejected, self.seconds
        )
    }
}
