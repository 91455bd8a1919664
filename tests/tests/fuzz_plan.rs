//! Whatever binds is planned and answered: random statements, made from those of the language's examples and of the book, run on two small
//! worlds. None may panic, take long, or end with a fault of ours or with words of what lies below us.
//!
//! Everyday some hundred answers. `EQL_FUZZ=1000000 EQL_FUZZ_RUN=100 cargo test --release -p eql-tests --test fuzz_plan -- --nocapture` plans what binds of a million
//! texts and runs one plan of a hundred. The texts are those of `EQL_SEED` (0 if not given): the same seed asks the same. `EQL_FUZZ_TEXT='…'` asks one text of
//! both worlds.

#[path = "../../compiler/tests/fuzz/random.rs"]
mod random;
#[allow(dead_code, reason = "the fuzzer of the compiler takes its words and clauses, too")]
#[path = "../../compiler/tests/fuzz/sentence.rs"]
mod sentence;
#[path = "fuzz_plan/shuffled.rs"]
mod shuffled;

use eql_compiler::code;
use eql_engine::grammar::ast::StatementKind;
use eql_engine::grammar::{Diagnostic, parse};
use eql_engine::{EngineError, Session};
use eql_tests::{example_world, examples, root, statements, thinned_world};
use random::Random;
use shuffled::Shuffler;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

/// One of so many texts is a sentence of the grammar alone, which seldom binds.
const SENTENCES: usize = 8;
/// Texts between two words about how far it is.
const TOLD_EVERY: u64 = 50_000;
/// Texts that are made everyday; about a sixth of them binds and is answered.
const TEXTS: u64 = 2_500;
/// Longer than any of these may take, where two cores do the work of eight.
const TIME_MAX: Duration = Duration::from_secs(20);
/// One of so many events of the sample: enough for every household to have some.
const ONE_OF: usize = 50;
/// The sample ends with 2017.
const SAMPLE_CLOCK: &str = "SET now = '2018-01-01T05:00:00Z'";
/// Findings that are told in full.
const TOLD: usize = 12;

/// What refuses rows that were asked for wrongly, in our words: an answer, and no fault.
const OUR_WORDS: &[&str] = &["a query used as a value gave", "the statement needs more memory"];

/// Words of the layers below: whoever reads them did not write them.
const THEIR_WORDS: &[&str] = &[
    "Schema error",
    "type_coercion",
    "Arrow error",
    "Compute error",
    "Cast error",
    "Invalid argument error",
    "External error",
    "Internal error",
    "internal error",
    "Physical plan",
    "Join Error",
    "This feature is not implemented",
    "not supported yet:",
    "Error during planning",
    "Optimizer rule",
    "DataFusion",
    "Utf8",
    "Int64",
    "Float64",
];

type Ask<'w> = dyn FnMut(&str) -> Result<(), EngineError> + 'w;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|n| n.parse().ok())
}

#[test]
fn whatever_binds_is_answered() {
    let mut small = example_world();
    let sample = thinned_world(ONE_OF);
    let mut session = Session::default();
    sample.ask(&mut session, SAMPLE_CLOCK).unwrap_or_else(|e| panic!("{e}"));
    let mut worlds: [(&mut Ask<'_>, Shuffler); 2] = [
        (&mut |text| small.ask(text).map(drop), Shuffler::new(&examples())),
        (&mut |text| sample.ask(&mut session, text).map(drop), Shuffler::new(&book())),
    ];
    let mut tally = Tally::default();
    if let Ok(text) = std::env::var("EQL_FUZZ_TEXT") {
        worlds.iter_mut().for_each(|(ask, _)| tally.ask(&text, true, *ask));
    } else {
        let (count, seed) = (number("EQL_FUZZ").unwrap_or(TEXTS), number("EQL_SEED").unwrap_or(0));
        let run = usize::try_from(number("EQL_FUZZ_RUN").unwrap_or(1)).unwrap_or(1);
        let (mut random, grammar) = (Random::new(seed), sentence::Grammar::new());
        for i in 0..count {
            let (ask, shuffler) = &mut worlds[usize::from(i % 2 == 1)];
            let text = if random.below(SENTENCES) == 0 { grammar.sentence(&mut random) } else { shuffler.text(&mut random) };
            tally.ask(&text, random.below(run) == 0, *ask);
            if (i + 1) % TOLD_EVERY == 0 {
                eprintln!(
                    "{} texts, {} queries, {} planned or answered, {} kinds of faults",
                    i + 1,
                    tally.asked,
                    tally.answered,
                    tally.findings.len()
                );
            }
        }
    }
    tally.end();
}

/// The questions of the book.
fn book() -> Vec<String> {
    let mut found = Vec::new();
    let mut paths: Vec<_> = std::fs::read_dir(root().join("docs/book/src/language"))
        .map(|entries| entries.flatten().map(|e| e.path()).filter(|p| p.extension().is_some_and(|e| e == "md")).collect())
        .unwrap_or_default();
    paths.sort();
    for page in paths.iter().filter_map(|p| std::fs::read_to_string(p).ok()) {
        let blocks = page.split("```eql\n").skip(1).filter_map(|block| block.split("```").next());
        found.extend(blocks.flat_map(statements));
    }
    found
}

#[derive(Default)]
struct Tally {
    asked: u64,
    answered: u64,
    slowest: (Duration, String),
    /// By the beginning of what was said: one text that brings it, and how many do.
    findings: BTreeMap<String, (String, String, u64)>,
}

impl Tally {
    /// Asks a text that is one query, or only for its plan.
    fn ask(&mut self, text: &str, run: bool, ask: &mut Ask<'_>) {
        match catch_unwind(|| is_query(text)) {
            Ok(true) => self.asked += 1,
            Ok(false) => return,
            Err(_) => return self.found(text, "a panic in the parser"),
        }
        let asked = if run { text.to_string() } else { format!("EXPLAIN PHYSICAL {text}") };
        let begin = Instant::now();
        let outcome = catch_unwind(AssertUnwindSafe(|| ask(&asked)));
        let took = begin.elapsed();
        match outcome {
            Err(_) => self.found(text, "a panic"),
            Ok(Ok(())) => self.answered += 1,
            Ok(Err(e)) => {
                if let Some(what) = fault(&e) {
                    self.found(text, &what);
                }
            }
        }
        if took > TIME_MAX {
            self.found(text, &format!("slow: {took:?}"));
        }
        if took > self.slowest.0 {
            self.slowest = (took, text.to_string());
        }
    }

    fn found(&mut self, text: &str, what: &str) {
        let class: String = what.chars().filter(|c| !c.is_ascii_digit()).take(60).collect();
        let entry = self.findings.entry(class).or_insert_with(|| (text.to_string(), what.to_string(), 0));
        entry.2 += 1;
        if text.len() < entry.0.len() {
            (entry.0, entry.1) = (text.to_string(), what.to_string());
        }
    }

    fn end(self) {
        eprintln!("{} queries, {} answered, the slowest in {:?}: {:.200}", self.asked, self.answered, self.slowest.0, self.slowest.1);
        let told =
            self.findings.values().take(TOLD).map(|(text, what, times)| format!("{what:.400}\n  {times} times, for example:\n{text}"));
        let told: Vec<String> = told.collect();
        assert!(told.is_empty(), "{} kinds of faults\n\n{}\n", self.findings.len(), told.join("\n\n"));
        assert!(self.answered * 10 > self.asked, "hardly anything was answered");
    }
}

/// One query, and nothing that changes the world.
fn is_query(text: &str) -> bool {
    let parsed = parse(text);
    matches!(parsed.statements.as_slice(), [Ok(one)] if matches!(one.kind, StatementKind::Query(_)))
}

/// What is wrong with an error, if it is no answer.
fn fault(e: &EngineError) -> Option<String> {
    let said = e.to_string();
    match e {
        EngineError::Internal { message, .. } => Some(format!("internal: {message}")),
        EngineError::Timeout(_) => Some(said),
        EngineError::Diagnostics(found) => {
            let ours = found.iter().any(|d| d.code == code::FAULT) || THEIR_WORDS.iter().any(|w| said.contains(w));
            // Words that nobody here wrote have no advice of their own.
            let strange = |d: &Diagnostic| d.code == code::COMPUTED && d.hint.as_deref() == Some(code::advice(code::COMPUTED));
            let strange = found.iter().any(strange) && !OUR_WORDS.iter().any(|w| said.contains(w));
            (ours || strange).then_some(said)
        }
        _ if OUR_WORDS.iter().any(|w| said.contains(w)) => None,
        _ => Some(said),
    }
}
