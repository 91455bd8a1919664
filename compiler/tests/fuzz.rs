//! Any text is answered: random texts are read and bound, and nothing panics, aborts or takes long.
//!
//! Everyday 4,000 texts; `EQL_FUZZ=1000000 cargo test -p eql-compiler --test fuzz` for a million. The texts are those of `EQL_SEED` (0 if
//! not given): the same seed asks the same. A text that fails is printed.

#[path = "fuzz/random.rs"]
mod random;
#[path = "fuzz/sentence.rs"]
mod sentence;

use eql_catalog::{Catalog, WeekStart};
use eql_compiler::bound::Statement;
use eql_compiler::{Context, ParamValues, bind, code};
use eql_grammar::{Diagnostic, format, parse, print, render};
use random::Random;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

/// The stack of a server's worker.
const STACK_BYTES: usize = 16 << 20;
/// Formatting reads a text three times more: not every one is formatted.
const FORMATTED_EVERY: u64 = 8;
/// Longer than any text may take where two cores do the work of eight.
const TIME_MAX: Duration = Duration::from_secs(20);

const SCHEMA: &str = include_str!("../../demo/completejourney/schema.eql");
const CORPUS: [&str; 5] = [
    include_str!("../../grammar/tests/fixtures/examples.eql"),
    include_str!("../../grammar/tests/fixtures/retail_cases.eql"),
    include_str!("../../grammar/tests/fixtures/wrong.eql"),
    include_str!("fixtures/habits.md"),
    SCHEMA,
];

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|n| n.parse().ok())
}

#[test]
fn any_text_is_answered() {
    let work = || {
        let (count, seed) = (number("EQL_FUZZ").unwrap_or(4_000), number("EQL_SEED").unwrap_or(0));
        let world = World::new();
        let mut random = Random::new(seed);
        let (mut slowest, mut bound) = ((Duration::ZERO, String::new()), 0_u64);
        for i in 0..count {
            let text = world.text(&mut random);
            let begin = Instant::now();
            let outcome = catch_unwind(AssertUnwindSafe(|| world.ask(&text, i % FORMATTED_EVERY == 0)));
            let took = begin.elapsed();
            let Ok(binds) = outcome else { panic!("this text panics:\n{text}") };
            assert!(took < TIME_MAX, "this text takes {took:?}:\n{text}");
            bound += u64::from(binds);
            if took > slowest.0 {
                slowest = (took, text);
            }
        }
        eprintln!("{count} texts, {bound} of them bound, the slowest in {:?}: {:.100}", slowest.0, slowest.1);
    };
    let thread = std::thread::Builder::new().stack_size(STACK_BYTES).spawn(work).expect("a thread");
    if let Err(why) = thread.join() {
        std::panic::resume_unwind(why);
    }
}

/// A text of random bytes and letters.
fn bytes(random: &mut Random, most: usize) -> String {
    let length = random.below(most);
    if random.below(2) == 0 {
        let bytes: Vec<u8> = (0..length).map(|_| u8::try_from(random.below(256)).unwrap_or(0)).collect();
        return String::from_utf8_lossy(&bytes).into_owned();
    }
    (0..length).filter_map(|_| char::from_u32(u32::try_from(random.below(0x1_0000)).unwrap_or(0))).collect()
}

struct World {
    catalog: Catalog,
    /// Statements that people wrote, cut into pieces.
    statements: Vec<Vec<String>>,
    words: Vec<String>,
    grammar: sentence::Grammar,
}

impl World {
    fn new() -> World {
        let mut texts: Vec<String> = CORPUS.iter().flat_map(|t| t.split(";\n")).map(str::to_string).collect();
        texts.extend(written_cases());
        let mut words: Vec<String> = texts.iter().flat_map(|t| t.split_whitespace()).filter(|w| w.len() < 40).map(str::to_string).collect();
        words.extend(sentence::keywords());
        words.extend(
            "( ) [ ] , . = != <> < > <= >= + - * / % || |> -> => :: ; ' ` \" $1 :p 1 2.5 1e6 -- /* */ # é 名 ! == && ? .."
                .split(' ')
                .map(str::to_string),
        );
        words.sort();
        words.dedup();
        World { catalog: catalog(), statements: texts.iter().map(|t| pieces(t)).collect(), words, grammar: sentence::Grammar::new() }
    }

    fn text(&self, random: &mut Random) -> String {
        match random.below(10) {
            0 => bytes(random, 200),
            1 | 2 => (0..random.below(40)).map(|_| random.pick(&self.words).as_str()).collect::<Vec<_>>().join(" "),
            3..=5 => self.grammar.sentence(random),
            _ => self.mutated(random),
        }
    }

    /// A statement that somebody wrote, with a few mistakes, or half of another one.
    fn mutated(&self, random: &mut Random) -> String {
        let mut pieces = random.pick(&self.statements).clone();
        for _ in 0..random.below(5) {
            if pieces.is_empty() {
                break;
            }
            let i = random.below(pieces.len());
            let word = format!(" {} ", random.pick(&self.words));
            match random.below(8) {
                0 => drop(pieces.remove(i)),
                1 => pieces.insert(i, pieces[i].clone()),
                2 => {
                    let j = random.below(pieces.len());
                    pieces.swap(i, j);
                }
                3 => pieces[i] = word,
                4 => pieces.insert(i, word),
                5 => pieces.truncate(i),
                6 => {
                    let other = random.pick(&self.statements);
                    pieces.splice(i.., other.iter().skip(random.below(other.len().max(1))).cloned());
                }
                _ => pieces[i] = self.grammar.part(random),
            }
        }
        pieces.concat()
    }

    /// Reads, draws, prints and binds a text; true if something in it could be bound.
    fn ask(&self, text: &str, formatted: bool) -> bool {
        let parsed = parse(text);
        for found in parsed.diagnostics() {
            check(text, &found);
        }
        let params = ParamValues::new();
        let context = |check| Context {
            catalog: &self.catalog,
            params: &params,
            time_zone: "UTC",
            week_start: WeekStart::Monday,
            lenient: false,
            check,
        };
        let mut any = false;
        for statement in parsed.statements.iter().flatten() {
            let bound = bind(text, statement, &context(false));
            bound.diagnostics.iter().for_each(|found| check(text, found));
            let lenient = Context { lenient: true, ..context(true) };
            let checked = bind(text, statement, &lenient);
            assert!(checked.diagnostics.iter().all(|d| d.code != code::FAULT), "nothing is said to who checks");
            let right = bound.statement.is_some();
            assert!(right || bound.diagnostics.iter().any(|d| d.is_error() && d.code != code::FAULT), "nothing is said");
            if let Some(Statement::Change(change, _)) = &bound.statement {
                // A refusal is an answer too.
                drop(self.catalog.apply(change));
            }
            // What was printed means the same.
            let printed = print(statement);
            let again = parse(&printed);
            assert_eq!(again.statements.len(), 1, "{printed}");
            any |= right;
        }
        if let Some(Ok(once)) = formatted.then(|| format(text)) {
            assert_eq!(format(&once).as_ref(), Ok(&once));
        }
        any
    }
}

fn check(text: &str, found: &Diagnostic) {
    let places = [Some(found.span), found.fix.as_ref().map(|f| f.span)];
    for place in places.into_iter().flatten().chain(found.labels.iter().map(|l| l.span)) {
        assert!(text.get(place.start..place.end).is_some(), "{found:?}");
    }
    assert!(!render(found, text, false).is_empty());
}

fn catalog() -> Catalog {
    let mut catalog = Catalog::default();
    for statement in parse(SCHEMA).statements {
        let params = ParamValues::new();
        let context =
            Context { catalog: &catalog, params: &params, time_zone: "UTC", week_start: WeekStart::Monday, lenient: false, check: false };
        let bound = bind(SCHEMA, &statement.expect("the schema parses"), &context);
        let Some(Statement::Change(change, _)) = bound.statement else { panic!("{:?}", bound.diagnostics) };
        catalog = catalog.apply(&change).expect("it applies");
    }
    catalog
}

/// The questions of the golden cases and of the book.
fn written_cases() -> Vec<String> {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let folders = ["tests/cases", "docs/book/src/language", "docs/book/src/errors"];
    let mut found = Vec::new();
    for folder in folders {
        let entries = std::fs::read_dir(format!("{root}/{folder}")).map(|e| e.flatten().map(|e| e.path()).collect::<Vec<_>>());
        let mut paths = entries.unwrap_or_default();
        paths.sort();
        for text in paths.iter().filter_map(|p| std::fs::read_to_string(p).ok()) {
            found.extend(
                text.split("```eql").skip(1).filter_map(|b| b.split("```").next()?.split_once('\n').map(|(_, eql)| eql.to_string())),
            );
        }
    }
    found
}

/// A statement cut at blanks and before signs, so that mutations hit tokens.
fn pieces(statement: &str) -> Vec<String> {
    let mut found = vec![String::new()];
    for c in statement.chars() {
        if c.is_whitespace() || "()[],.=".contains(c) {
            found.push(c.to_string());
            found.push(String::new());
        } else if let Some(last) = found.last_mut() {
            last.push(c);
        }
    }
    found.retain(|piece| !piece.is_empty());
    found
}
