//! The book tells the truth: its blocks of EQL run against the sample, and the results it shows are the results.
//!
//! A block ```` ```eql ```` must succeed; a block ```` ```text ```` right after it is the result of its last statement. ```` ```eql,fails ```` must fail, with the
//! picture that stands in the text after it, or with its codes where only codes stand there. ```` ```eql,norun ```` is a sketch. `BLESS=1` writes the results of today into the text blocks: read that diff.

use arrow::util::pretty::pretty_format_batches;
use eql_engine::grammar::render;
use eql_engine::{EngineError, Session};
use eql_tests::{Told, World, root, world};
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

/// The moment at which the book is read: the end of the sample's year in New York.
const CLOCK: &str = "SET now = '2018-01-01T05:00:00Z'";

/// A fenced block of a page.
struct Block {
    kind: String,
    /// Of the fence's line, from 1.
    line: usize,
    /// Lines between the fences, from 0.
    body: Range<usize>,
}

#[test]
fn every_example_of_the_book_holds() {
    let world = world();
    let mut wrong = Vec::new();
    for page in pages(&root().join("docs/book/src")) {
        wrong.extend(read_page(&world, &page));
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n\n"));
}

/// The pages in a fixed order, so that what one leaves behind is the same every time.
fn pages(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    let inside = |path: PathBuf| if path.is_dir() { pages(&path) } else { vec![path] };
    paths.into_iter().flat_map(inside).filter(|path| path.extension().is_some_and(|e| e == "md")).collect()
}

/// Runs a page from top to bottom in one session, and says what does not hold.
fn read_page(world: &World, page: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(page).unwrap_or_else(|e| panic!("{}: {e}", page.display()));
    let lines: Vec<&str> = text.lines().collect();
    let blocks = blocks(&lines);
    let mut session = Session::default();
    let mut wrong: Vec<String> = world.ask(&mut session, CLOCK).err().map(|e| e.to_string()).into_iter().collect();
    let mut blessed = Vec::new();
    for (i, block) in blocks.iter().enumerate().filter(|(_, b)| b.kind == "eql" || b.kind == "eql,fails") {
        let fails = block.kind == "eql,fails";
        let shown = blocks.get(i + 1).filter(|b| b.kind == "text" && follows(&lines, block, b));
        let said = says(world, &mut session, &lines[block.body.clone()].join("\n"), fails);
        let outcome = match (said, shown) {
            (Ok(said), Some(shown)) if std::env::var_os("BLESS").is_some() => {
                blessed.push((shown.body.clone(), said));
                Ok(())
            }
            (Ok(said), Some(shown)) => {
                let expected = lines[shown.body.clone()].join("\n");
                if fails && !expected.contains("  1 | ") { codes(&expected, &said) } else { compare(&expected, &said) }
            }
            (Ok(_), None) if fails => Err("the text with the code is missing".to_string()),
            (said, _) => said.map(drop),
        };
        wrong.extend(outcome.err().map(|what| format!("{}:{}: {what}", page.display(), block.line)));
    }
    bless(page, &lines, &blessed);
    wrong
}

/// What a block answers: its last result or words, or the error it is to fail with.
fn says(world: &World, session: &mut Session, text: &str, fails: bool) -> Result<String, String> {
    // A panic is a failure of this block, not of the whole book.
    let told = catch_unwind(AssertUnwindSafe(|| world.ask(session, text))).map_err(|_| "the engine panicked".to_string())?;
    match (told, fails) {
        (Ok(told), false) => told.last().map_or(Ok(String::new()), drawn),
        (Err(EngineError::Diagnostics(wrong)), true) => Ok(wrong.iter().map(|d| render(d, text, false)).collect()),
        (Err(error), true) => Ok(error.to_string()),
        (Err(error), false) => Err(error.to_string()),
        (Ok(_), true) => Err("this was to fail, and did not".to_string()),
    }
}

fn drawn(told: &Told) -> Result<String, String> {
    match told {
        Told::Done(words) => Ok(words.clone()),
        Told::Rows { batches, .. } => pretty_format_batches(batches).map(|table| table.to_string()).map_err(|e| e.to_string()),
    }
}

fn compare(expected: &str, said: &str) -> Result<(), String> {
    let plain = |text: &str| text.trim().lines().map(|l| l.trim_end().to_string()).collect::<Vec<_>>();
    if plain(expected) == plain(said) { Ok(()) } else { Err(format!("the book shows\n{expected}\nand the answer is\n{said}")) }
}

/// The codes that the book shows must be among those that the error names.
fn codes(expected: &str, said: &str) -> Result<(), String> {
    let shown: Vec<&str> = expected.match_indices("EQL").filter_map(|(at, _)| expected.get(at..at + "EQL0000".len())).collect();
    if !shown.is_empty() && shown.iter().all(|code| said.contains(code)) {
        return Ok(());
    }
    Err(format!("the book shows\n{expected}\nand the error is\n{said}"))
}

fn blocks(lines: &[&str]) -> Vec<Block> {
    let mut found = Vec::new();
    let mut open: Option<(String, usize)> = None;
    for (i, line) in lines.iter().enumerate() {
        match (line.strip_prefix("```"), open.take()) {
            (Some(_), Some((kind, start))) => found.push(Block { kind, line: start + 1, body: start + 1..i }),
            (Some(kind), None) => open = Some((kind.trim().to_string(), i)),
            (None, still_open) => open = still_open,
        }
    }
    found
}

/// True when there are only empty lines between two blocks.
fn follows(lines: &[&str], block: &Block, next: &Block) -> bool {
    lines[block.body.end + 1..next.body.start - 1].iter().all(|l| l.trim().is_empty())
}

/// Writes the answers of today into the page.
fn bless(page: &Path, lines: &[&str], blessed: &[(Range<usize>, String)]) {
    if blessed.is_empty() {
        return;
    }
    let mut lines: Vec<String> = lines.iter().map(ToString::to_string).collect();
    for (body, said) in blessed.iter().rev() {
        lines.splice(body.clone(), said.trim_end().lines().map(|l| l.trim_end().to_string()));
    }
    std::fs::write(page, lines.join("\n") + "\n").unwrap_or_else(|e| panic!("{}: {e}", page.display()));
}
