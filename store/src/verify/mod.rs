//! Reading everything to find everything that is wrong. Nothing stops at the first find.
//!
//! ```text
//! format, manifest → every file it names: length, checksum, content → log, record by record → packed rows → what nobody names
//! ```

mod files;
mod leftover;
mod report;

pub use report::{Problem, Unfinished, VerifyReport};

use crate::backup::{Label, refuse_copies};
use crate::hold::Hold;
use crate::kv;
use crate::lock::DirectoryLock;
use crate::log::{Record, Survey, survey};
use crate::manifest::{self, Manifest};
use crate::open::{FORMAT_FILE, KV, LOG, read_format, refuse_strangers};
use crate::part::recorded_place;
use crate::{PartsAt, Store, StoreError, StoreOptions};
use report::Findings;
use std::path::Path;

/// Reads a data directory that nobody has open, or a backup. `parts`: what a client of the place of its parts needs, if they lie elsewhere.
///
/// # Errors
/// In use, of a newer format, or neither of both. Damage is in the report.
pub fn verify(dir: &Path, parts: &PartsAt) -> Result<VerifyReport, StoreError> {
    refuse_strangers(dir)?;
    let roots = [dir];
    let mut findings = Findings::new(&roots);
    let label = match Label::read(dir) {
        Ok(label) => label,
        Err(e) => {
            findings.problem(&e);
            None
        }
    };
    // A backup is never opened, and may lie on a disk that cannot be written.
    let copied = label.is_some() || findings.report.damaged > 0;
    let _lock = if copied {
        None
    } else {
        refuse_copies(dir)?;
        Some(DirectoryLock::take(dir)?)
    };
    check_format(dir, &mut findings)?;
    let manifest = read_manifest(dir, &mut findings)?;
    let place = recorded_place(dir, parts)?;
    files::check(dir, &place, manifest.as_ref(), &mut findings);
    let end = check_log(dir, manifest.as_ref().map(|m| m.position), None, &mut findings)?;
    if let Some(label) = label.filter(|label| label.position > end) {
        let what = format!("it ends at record {end}, {} were backed up", label.position);
        findings.problem(&StoreError::damaged(&dir.join(LOG), 0, what));
    }
    if let Some(manifest) = &manifest {
        check_rows(dir, manifest, &mut findings);
        leftover::list(dir, manifest, &mut findings)?;
    }
    Ok(findings.report)
}

impl Store {
    /// Reads everything that the present position needs, while reads and writes go on.
    ///
    /// # Errors
    /// The store is closed, or files cannot be linked. Damage is in the report.
    pub fn verify(&self) -> Result<VerifyReport, StoreError> {
        let hold = Hold::take(&self.core)?;
        let roots = [hold.dir.as_path(), &self.core.dir];
        let mut findings = Findings::new(&roots);
        files::check(&hold.dir, &hold.place, Some(&hold.manifest), &mut findings);
        check_log(&hold.dir, Some(hold.manifest.position), Some(hold.position), &mut findings)?;
        let kv = self.core.checkpointing.lock().entities.rows.kv();
        if let Some(kv) = kv {
            report_rows(&self.core.dir.join(KV), kv::check(&*kv), None, &mut findings);
        }
        Ok(findings.report)
    }
}

/// A newer version ends the verification: nobody here knows what its files mean.
fn check_format(dir: &Path, findings: &mut Findings<'_>) -> Result<(), StoreError> {
    let path = dir.join(FORMAT_FILE);
    match read_format(&path) {
        Ok(Some(_)) => findings.read(std::fs::metadata(&path).map_or(0, |m| m.len())),
        Ok(None) => findings.problem(&StoreError::damaged(&path, 0, "it is missing")),
        Err(e @ StoreError::NewerFormat { .. }) => return Err(e),
        Err(e) => findings.problem(&e),
    }
    Ok(())
}

/// None when it is damaged: then nobody knows which files there should be.
fn read_manifest(dir: &Path, findings: &mut Findings<'_>) -> Result<Option<Manifest>, StoreError> {
    match Manifest::read(dir) {
        Ok(Some(manifest)) => {
            findings.read(std::fs::metadata(dir.join(manifest::NAME)).map_or(0, |m| m.len()));
            Ok(Some(manifest))
        }
        Ok(None) => Ok(Some(Manifest::default())),
        Err(e @ StoreError::NewerFormat { .. }) => Err(e),
        Err(e) => {
            findings.problem(&e);
            Ok(None)
        }
    }
}

/// The position the log reaches.
fn check_log(dir: &Path, checkpoint: Option<u64>, upto: Option<u64>, findings: &mut Findings<'_>) -> Result<u64, StoreError> {
    let check = |kind: u8, payload: &[u8]| Record::decode(kind, payload).map(drop);
    let Survey { files, bytes, records, position, problems, torn, unneeded } = survey(&dir.join(LOG), checkpoint, upto, check)?;
    problems.iter().for_each(|e| findings.problem(e));
    unneeded.iter().for_each(|path| findings.not_needed(path));
    findings.report.unfinished = torn.map(|t| Unfinished { file: findings.name(&t.file), offset: t.offset, bytes: t.bytes });
    let report = &mut findings.report;
    report.files += files;
    report.bytes += bytes;
    (report.records, report.position, report.checkpoint) = (records, position, checkpoint.unwrap_or(0));
    Ok(position)
}

/// Opens the packed rows as the next start would.
fn check_rows(dir: &Path, manifest: &Manifest, findings: &mut Findings<'_>) {
    let path = dir.join(KV);
    if path.exists() {
        let opened = kv::open(&path, StoreOptions::default().kv_cache_bytes).map_err(|e| e.to_string());
        report_rows(&path, opened.and_then(|kv| kv::check(&*kv)), Some(manifest.position), findings);
    }
}

/// `position`: what the rows should be of; None while a checkpoint may come between.
fn report_rows(path: &Path, checked: Result<kv::Checked, String>, position: Option<u64>, findings: &mut Findings<'_>) {
    match checked {
        Ok(checked) => {
            findings.report.packed_rows = checked.rows;
            let stale = |commit: Option<kv::Commit>| !commit.is_some_and(|c| position.is_some_and(|p| c.serves(p)));
            if position.is_some() && stale(checked.commit) && checked.damaged.is_empty() {
                findings.note(format!(
                    "{}: the packed rows are not those of the checkpoint; the next start makes them anew",
                    findings.name(path)
                ));
            }
            checked.damaged.into_iter().for_each(|what| findings.rebuilt(path, what));
        }
        Err(what) => findings.rebuilt(path, what),
    }
}
