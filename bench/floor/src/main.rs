//! The floor of the comparison: for each question one pass over columns in memory, written by hand for that question alone. No engine is asked to
//! be this fast; how far above it an engine is says what generality costs.
//!
//! ```text
//! columns.rs   rows by user and time, dictionary codes, one file a column
//! bits.rs      a bit a row of an event; the row before and the row after
//! pass.rs      ranges of users over threads
//! funnel.rs, retention.rs …   the questions
//! ```
//!
//! `eql-floor FOLDER` reads lines `QUESTION THREADS` and answers each with one line of JSON: the seconds it took, and the rows.
//! `bench/compare/columns.py` writes the folder.

mod attribution;
mod bits;
mod columns;
mod funnel;
mod overlap;
mod pass;
mod path;
mod retention;
mod rfm;
mod row;
mod segment;
mod sequence;
mod session;
#[cfg(test)]
mod tests;
mod trend;

use columns::Columns;
use row::Row;
use std::io::{BufRead, Error, Write};
use std::path::Path;
use std::time::Instant;

const MINUTE: i64 = 60_000;
const DAY: i64 = 1440 * MINUTE;

/// A question's program: columns and threads in, rows out.
type Question = fn(&Columns, usize) -> Vec<Row>;

fn question(name: &str) -> Option<Question> {
    Some(match name {
        "funnel_3" => |c, t| funnel::levels(c, t, &funnel::THREE, false),
        "funnel_5" => |c, t| funnel::levels(c, t, &funnel::FIVE, false),
        "funnel_3_city" => |c, t| funnel::levels(c, t, &funnel::THREE, true),
        "funnel_5_city" => |c, t| funnel::levels(c, t, &funnel::FIVE, true),
        "retention" => retention::by_first_day,
        "segment" => segment::users,
        "trend" => trend::by_day_and_category,
        "transitions" => path::transitions,
        "sessions" => session::by_platform,
        "attribution" => attribution::last_touch,
        "rfm" => rfm::best,
        "overlap" => overlap::two_segments,
        "sequence" => sequence::without_purchase,
        _ => return None,
    })
}

fn answer(columns: &Columns, line: &str, out: &mut impl Write) -> Result<(), Error> {
    let (name, threads) = line.split_once(' ').unwrap_or((line, "1"));
    let Some(question) = question(name) else { return writeln!(out, r#"{{"error":"no such question"}}"#) };
    let threads = threads.trim().parse().unwrap_or(1).max(1);
    let start = Instant::now();
    let rows = question(columns, threads);
    let seconds = start.elapsed().as_secs_f64();
    let rows: Vec<String> = rows.iter().map(Row::json).collect();
    writeln!(out, r#"{{"seconds":{seconds},"rows":[{}]}}"#, rows.join(","))
}

fn main() -> Result<(), Error> {
    let folder = std::env::args().nth(1).ok_or_else(|| Error::other("usage: eql-floor FOLDER"))?;
    let columns = Columns::read(Path::new(&folder))?;
    let mut out = std::io::stdout().lock();
    writeln!(out, r#"{{"rows":{}}}"#, columns.time.len())?;
    out.flush()?;
    for line in std::io::stdin().lock().lines() {
        answer(&columns, &line?, &mut out)?;
        out.flush()?;
    }
    Ok(())
}
