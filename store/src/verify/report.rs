//! What a verification found.

use crate::StoreError;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Problems and files that are listed one by one; the rest is counted.
const LISTED_MAX: usize = 1000;

/// What is in a data directory, and what is wrong with it. Paths begin at the directory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifyReport {
    /// The last whole record of the log.
    pub position: u64,
    /// The checkpoint that the log continues.
    pub checkpoint: u64,
    /// Files read.
    pub files: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// Records of the log.
    pub records: u64,
    /// Packed rows of entities.
    pub packed_rows: u64,
    /// How many problems there are.
    pub damaged: u64,
    /// The problems, at most a thousand of them.
    pub problems: Vec<Problem>,
    /// A write at the end of the log that was never finished, nor acknowledged: the next start cuts it off.
    pub unfinished: Option<Unfinished>,
    /// Files that nobody needs, at most a thousand: left by something that was cut off; the next start or checkpoint removes them, or you may.
    pub not_needed: Vec<String>,
    /// What else is worth knowing.
    pub notes: Vec<String>,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// Which file.
    pub file: String,
    /// Where in it.
    pub offset: u64,
    /// What is wrong there.
    pub what: String,
    /// True when the next start makes the file anew from others, so that nothing is lost.
    pub rebuilt: bool,
}

/// The end of the log, when it is not whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unfinished {
    /// Which file.
    pub file: String,
    /// Where the last whole record ends.
    pub offset: u64,
    /// How much follows.
    pub bytes: u64,
}

/// A report that grows.
pub(super) struct Findings<'a> {
    pub(super) report: VerifyReport,
    /// Paths begin at the first of them that they lie in.
    roots: &'a [&'a Path],
}

impl<'a> Findings<'a> {
    pub(super) fn new(roots: &'a [&'a Path]) -> Findings<'a> {
        Findings { report: VerifyReport::default(), roots }
    }

    pub(super) fn read(&mut self, bytes: u64) {
        self.report.files += 1;
        self.report.bytes += bytes;
    }

    pub(super) fn problem(&mut self, error: &StoreError) {
        let (path, offset, what) = place(error);
        self.add(Problem { file: path.map(|p| self.name(&p)).unwrap_or_default(), offset, what, rebuilt: false });
    }

    pub(super) fn rebuilt(&mut self, file: &Path, what: String) {
        self.add(Problem { file: self.name(file), offset: 0, what, rebuilt: true });
    }

    fn add(&mut self, problem: Problem) {
        self.report.damaged += 1;
        if self.report.problems.len() < LISTED_MAX {
            self.report.problems.push(problem);
        }
    }

    pub(super) fn not_needed(&mut self, path: &Path) {
        if self.report.not_needed.len() < LISTED_MAX {
            self.report.not_needed.push(self.name(path));
        }
    }

    pub(super) fn note(&mut self, note: String) {
        self.report.notes.push(note);
    }

    pub(super) fn name(&self, path: &Path) -> String {
        self.roots.iter().find_map(|root| path.strip_prefix(root).ok()).unwrap_or(path).display().to_string()
    }
}

/// The file an error is about, where, and what without the name of the file.
fn place(error: &StoreError) -> (Option<PathBuf>, u64, String) {
    match error {
        StoreError::Damaged { file, offset, what } => (Some(file.clone()), *offset, what.clone()),
        StoreError::Io { path, action, source } => (Some(path.clone()), 0, format!("it cannot be {}: {source}", participle(action))),
        StoreError::Parquet { file, source } => (Some(file.clone()), 0, source.to_string()),
        StoreError::NewerFormat { path, found, known } => {
            (Some(path.clone()), 0, format!("it has format {found}, this release reads up to {known}"))
        }
        StoreError::Shared(inner) => place(inner),
        other => (None, 0, other.to_string()),
    }
}

fn participle(action: &str) -> String {
    match action {
        "read" => "read".to_string(),
        "open" => "opened".to_string(),
        other => format!("used ({other})"),
    }
}
