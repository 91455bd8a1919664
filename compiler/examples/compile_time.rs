//! How long a text takes from its letters to its plan's shape: `cargo run --release -p eql-compiler --example compile_time`.
//!
//! Reads and binds every block of EQL of the language's manual against the sample's schema, many times, and prints the middle and the slow end.
#![allow(clippy::print_stdout, clippy::cast_possible_truncation, clippy::cast_sign_loss)]

use eql_catalog::{Catalog, WeekStart};
use eql_compiler::bound::Statement;
use eql_compiler::{Context, ParamValues, bind};
use eql_grammar::parse;
use std::time::{Duration, Instant};

const SCHEMA: &str = include_str!("../../demo/completejourney/schema.eql");
const ROUNDS: usize = 50;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut catalog = Catalog::default();
    compile(&mut catalog, SCHEMA);
    let queries = queries()?;
    let (mut reading, mut both) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        for query in &queries {
            let begin = Instant::now();
            let parsed = parse(query);
            reading.push(begin.elapsed());
            drop(parsed);
            let begin = Instant::now();
            compile(&mut catalog.clone(), query);
            both.push(begin.elapsed());
        }
    }
    println!("{} texts, {ROUNDS} times", queries.len());
    print("read", reading);
    print("read and bound", both);
    Ok(())
}

fn compile(catalog: &mut Catalog, text: &str) {
    for statement in parse(text).statements.into_iter().flatten() {
        let params = ParamValues::new();
        let context = Context { catalog, params: &params, time_zone: "UTC", week_start: WeekStart::Monday, lenient: false, check: true };
        if let Some(Statement::Change(change, _)) = bind(text, &statement, &context).statement
            && let Ok(next) = catalog.apply(&change)
        {
            *catalog = next;
        }
    }
}

/// The blocks of the manual.
fn queries() -> std::io::Result<Vec<String>> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/book/src/language");
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            continue;
        }
        let text = std::fs::read_to_string(path)?;
        found.extend(text.split("```eql\n").skip(1).filter_map(|block| block.split("```").next()).map(str::to_string));
    }
    Ok(found)
}

fn print(what: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let at = |share: f64| times.get(((times.len() as f64 - 1.0) * share) as usize).copied().unwrap_or_default();
    println!("{what:>15}: p50 {:?}, p99 {:?}, most {:?}", at(0.5), at(0.99), at(1.0));
}
