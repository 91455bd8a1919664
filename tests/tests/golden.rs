//! Query semantics as data: every heading of `cases/**/*.md` is a case with events, a question and the answer that the language manual gives.
//!
//! What stands before the first `##` is put before every case of the page. The fences, read from top to bottom:
//! - ```` ```eql setup ```` statements that succeed; ```` ```ndjson ```` events; ```` ```ndjson name ```` rows of that entity or event,
//! - ```` ```events ```` events, and ```` ```entities name ```` operations on entities, as they come over HTTP; an ```` ```error ```` right after says why a row is refused,
//! - ```` ```restart ```` closes the directory and opens it again; ```` ```crash ```` opens it again without a checkpoint,
//! - ```` ```params ```` values of `:name` as one JSON object,
//! - ```` ```eql ```` the question; ```` ```text ```` right after it is the answer; ```` ```error ```` its code, and words that the message must say;
//!   ```` ```warning ```` behind the answer what is said besides it, where nothing in it means nothing.
//!
//! Numbers are compared as numbers. `BLESS=1` writes the answers of today into the pages: read that diff as you would read code.

use eql_tests::{Cell, Small, Table, root};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Pages that are read at the same time; a case mostly waits for the disk.
const READERS: usize = 4;

/// Relative difference under which two numbers are one: the hand rounds.
const TOLERANCE: f64 = 1e-6;

/// A fenced block: the words of its fence, and its lines between the fences, from 0.
#[derive(Clone)]
struct Block {
    words: String,
    body: Range<usize>,
}

/// A heading with what stands under it.
struct Case {
    name: String,
    blocks: Vec<Block>,
}

/// A page as lines.
struct Page<'t> {
    path: &'t Path,
    lines: Vec<&'t str>,
}

/// New lines for a part of a page.
type Blessing = (Range<usize>, String);

#[test]
fn every_case_holds() {
    let pages = pages(&root().join("tests/cases"));
    let (next, wrong) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..READERS {
            scope.spawn(|| {
                while let Some(path) = pages.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let found = read_page(path);
                    wrong.lock().unwrap_or_else(|e| e.into_inner()).extend(found);
                }
            });
        }
    });
    let mut wrong = wrong.into_inner().unwrap_or_else(|e| e.into_inner());
    wrong.sort();
    assert!(wrong.is_empty(), "\n{}\n\n{} wrong", wrong.join("\n\n"), wrong.len());
}

/// The pages below a folder, in a fixed order.
fn pages(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    let inside = |path: PathBuf| if path.is_dir() { pages(&path) } else { vec![path] };
    paths.into_iter().flat_map(inside).filter(|path| path.extension().is_some_and(|e| e == "md")).collect()
}

/// Runs the cases of a page, each in a world of its own, and says what does not hold.
fn read_page(path: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let page = Page { path, lines: text.lines().collect() };
    let mut cases = cases(&page.lines).into_iter();
    let before = cases.next().map_or(Vec::new(), |c| c.blocks);
    let only = std::env::var("CASE").unwrap_or_default();
    let (mut wrong, mut blessed) = (Vec::new(), Vec::new());
    for case in cases.filter(|c| c.name.contains(&only)) {
        let blocks: Vec<Block> = before.iter().chain(&case.blocks).cloned().collect();
        if let Err(why) = run(&page, &blocks, &mut blessed) {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            wrong.push(format!("== {name}: {}\n{why}", case.name));
        }
    }
    bless(&page, blessed);
    wrong
}

/// The blocks by heading; the first case is what stands before all of them.
fn cases(lines: &[&str]) -> Vec<Case> {
    let mut cases = vec![Case { name: String::new(), blocks: Vec::new() }];
    let mut open: Option<(String, usize)> = None;
    for (i, line) in lines.iter().enumerate() {
        match (line.strip_prefix("```"), open.take()) {
            (Some(_), Some((words, start))) => {
                let block = Block { words, body: start + 1..i };
                cases.last_mut().into_iter().for_each(|c| c.blocks.push(block.clone()));
            }
            (Some(words), None) => open = Some((words.trim().to_string(), i)),
            (None, Some(still)) => open = Some(still),
            (None, None) => {
                if let Some(name) = line.strip_prefix("## ") {
                    cases.push(Case { name: name.to_string(), blocks: Vec::new() });
                }
            }
        }
    }
    cases
}

fn run(page: &Page<'_>, blocks: &[Block], blessed: &mut Vec<Blessing>) -> Result<(), String> {
    let mut world = Small::new();
    let mut wrong = Vec::new();
    for (i, block) in blocks.iter().enumerate() {
        let text = page.lines[block.body.clone()].join("\n");
        let at = |what: String| format!("line {}: {what}", block.body.start);
        match block.words.split_once(' ').unwrap_or((&block.words, "")) {
            ("eql", "setup") => drop(world.ask(&text).map_err(|e| at(e.to_string()))?),
            ("ndjson", target) => world.import(Some(target).filter(|t| !t.is_empty()), &text).map_err(at)?,
            ("events" | "entities", target) => {
                let done = world.ingest(Some(target).filter(|t| !t.is_empty()), &text);
                let refused = blocks.get(i + 1).filter(|b| b.words == "error").map(|b| &page.lines[b.body.clone()]);
                match (done, refused) {
                    (Ok(()), None) => {}
                    (Err(message), Some(expected)) => says(expected, &message).unwrap_or_else(|why| wrong.push(at(why))),
                    (Err(message), None) => return Err(at(message)),
                    (Ok(()), Some(_)) => wrong.push(at("this was to be refused".to_string())),
                }
            }
            ("restart", _) => world = world.reopen(),
            ("crash", _) => world = world.reopen_without_checkpoint(),
            ("params", _) => world.params = serde_json::from_str(&text).map_err(|e| at(e.to_string()))?,
            ("eql", _) => {
                let shown = blocks.get(i + 1).filter(|b| b.words == "text" || b.words == "error");
                if let Err(why) = judge(page, shown, world.ask(&text).map_err(|e| e.to_string()), blessed) {
                    wrong.push(at(why));
                }
            }
            ("warning", _) => {
                let said: Vec<String> = world.warnings.iter().map(ToString::to_string).collect();
                let expected = &page.lines[block.body.clone()];
                if expected.is_empty() && !said.is_empty() {
                    wrong.push(at(format!("nothing was to be said, and it says\n{}", said.join("\n"))));
                } else if let Err(why) = says(expected, &said.join("\n")) {
                    wrong.push(at(why));
                }
            }
            ("text" | "error", _) => {}
            (other, _) => return Err(at(format!("`{other}` is no block of a case"))),
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
}

fn judge(page: &Page<'_>, shown: Option<&Block>, answer: Result<Table, String>, blessed: &mut Vec<Blessing>) -> Result<(), String> {
    let Some(shown) = shown else { return answer.map(drop) };
    let expected = &page.lines[shown.body.clone()];
    match (shown.words.as_str(), answer) {
        ("error", Err(message)) => says(expected, &message),
        ("error", Ok(table)) => Err(format!("this was to fail, and answers\n{}", drawn(&written(&table)))),
        (_, Err(message)) => Err(message),
        (_, Ok(table)) => match compare(&read(expected), &written(&table)) {
            Err(_) if std::env::var_os("BLESS").is_some() => {
                blessed.push((shown.body.clone(), drawn(&written(&table))));
                Ok(())
            }
            verdict => verdict,
        },
    }
}

/// Every line of the expectation is in the message.
fn says(expected: &[&str], message: &str) -> Result<(), String> {
    let missing: Vec<&str> = expected.iter().map(|l| l.trim()).filter(|l| !message.contains(l)).collect();
    if missing.is_empty() { Ok(()) } else { Err(format!("the message lacks {missing:?}:\n{message}")) }
}

/// A table drawn with bars: the names, then the rows.
fn read(lines: &[&str]) -> Vec<Vec<String>> {
    let drawn = lines.iter().map(|l| l.trim()).filter(|l| !l.is_empty() && !l.starts_with("|-") && !l.starts_with("+-"));
    let cells = |line: &str| line.trim_start_matches('|').trim_end_matches('|').split('|').map(|c| c.trim().to_string()).collect();
    drawn.map(cells).collect()
}

fn written(table: &Table) -> Vec<Vec<String>> {
    let cell = |cell: &Cell| match cell {
        Cell::Null => "NULL".to_string(),
        Cell::Bool(b) => b.to_string(),
        Cell::Text(t) if t.is_empty() => "''".to_string(),
        Cell::Text(t) => t.clone(),
    };
    let rows = table.rows.iter().map(|row| row.iter().map(cell).collect());
    std::iter::once(table.columns.clone()).chain(rows).collect()
}

fn compare(expected: &[Vec<String>], answer: &[Vec<String>]) -> Result<(), String> {
    let row = |(want, got): (&Vec<String>, &Vec<String>)| want.len() == got.len() && want.iter().zip(got).all(|(w, g)| same(w, g));
    if expected.len() == answer.len() && expected.iter().zip(answer).all(row) {
        return Ok(());
    }
    let differ = expected.iter().zip(answer).position(|pair| !row(pair)).unwrap_or(expected.len().min(answer.len()));
    let place = if differ == 0 { "the columns differ".to_string() } else { format!("row {differ} differs") };
    Err(format!("{place}; the case says\n{}\nand the answer is\n{}", drawn(expected), drawn(answer)))
}

fn same(want: &str, got: &str) -> bool {
    let near = |(w, g): (f64, f64)| (w - g).abs() <= TOLERANCE * w.abs().max(1.0);
    want == got || want.parse().ok().zip(got.parse().ok()).is_some_and(near)
}

fn drawn(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |c: usize| rows.iter().filter_map(|r| r.get(c)).map(|t| t.chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells: Vec<String> = row.iter().zip(&widths).map(|(c, w)| format!("{c:w$}")).collect();
        format!("| {} |", cells.join(" | "))
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// Writes the answers of today into the page.
fn bless(page: &Page<'_>, mut blessed: Vec<Blessing>) {
    if blessed.is_empty() {
        return;
    }
    blessed.sort_by_key(|(body, _)| body.start);
    let mut lines: Vec<String> = page.lines.iter().map(ToString::to_string).collect();
    for (body, answer) in blessed.into_iter().rev() {
        lines.splice(body, answer.lines().map(str::to_string).collect::<Vec<_>>());
    }
    std::fs::write(page.path, lines.join("\n") + "\n").unwrap_or_else(|e| panic!("{}: {e}", page.path.display()));
}
