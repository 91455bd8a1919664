//! `eql fmt`: canonical text.

use crate::failure::Failure;
use crate::{out, report, text};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Format texts
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  eql fmt -w schema.eql                    rewrite the file
  eql fmt --check *.eql                    exit status 1 when a file is not formatted
  echo \"find user\" | eql fmt               print what is formatted")]
pub(crate) struct Args {
    /// The files; none, or `-`, is stdin
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Change nothing, print the names of the files that would change
    #[arg(long, conflicts_with = "write")]
    check: bool,
    /// Rewrite the files instead of printing
    #[arg(short, long)]
    write: bool,
}

/// Formats every file; one that cannot be formatted does not stop the others.
pub(crate) fn run(arguments: &Args) -> Result<(), Failure> {
    let stdin = vec![PathBuf::from("-")];
    let files = if arguments.files.is_empty() { &stdin } else { &arguments.files };
    if arguments.write && files.iter().any(|f| is_stdin(f)) {
        return Err(Failure::Usage("-w rewrites files, and stdin is none".into()));
    }
    let mut outcome = Ok(());
    for file in files {
        match format_file(file, arguments) {
            Ok(()) => {}
            Err(Failure::ReaderGone) => return Err(Failure::ReaderGone),
            Err(failure) => {
                failure.say();
                outcome = Err(Failure::Told);
            }
        }
    }
    outcome
}

fn is_stdin(file: &Path) -> bool {
    file == Path::new("-")
}

fn format_file(file: &Path, arguments: &Args) -> Result<(), Failure> {
    let name = if is_stdin(file) { "stdin".to_string() } else { file.display().to_string() };
    let before = if is_stdin(file) { text::from_stdin()? } else { text::from_file(file)? };
    let after = eql_engine::grammar::format(&before).map_err(|wrong| {
        out::note(&format!("{name}:"));
        report::diagnostics(&wrong, &before);
        Failure::Told
    })?;
    if arguments.check {
        return if before == after { Ok(()) } else { out::line(&name).and(Err(Failure::Told)) };
    }
    if !arguments.write {
        return Ok(std::io::stdout().lock().write_all(after.as_bytes())?);
    }
    if before == after { Ok(()) } else { rewrite(file, &after) }
}

fn rewrite(file: &Path, text: &str) -> Result<(), Failure> {
    std::fs::write(file, text).map_err(|e| Failure::Failed(format!("cannot write {}: {e}", file.display())))
}
