//! How long a text takes from its letters to what it means, and to a plan that could run: `cargo run --release -p eql-tests --example plan_time`.
//!
//! Takes every query of the language's manual on the sample's catalog. The first line is parsing and binding, the second `EXPLAIN PHYSICAL`, which is
//! parsing, binding and planning without the caches of statements; then the texts that took longest. Of each text the fastest of some rounds is told as well:
//! on a machine that has other things to do it says more about this program.
#![allow(clippy::print_stdout, clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]

use eql_catalog::WeekStart;
use eql_compiler::{Context, ParamValues, bind};
use eql_engine::Session;
use eql_engine::grammar::ast::StatementKind;
use eql_engine::grammar::parse;
use eql_tests::{root, statements, world};
use std::time::{Duration, Instant};

const ROUNDS: usize = 15;
const SLOWEST: usize = 5;

fn main() -> std::io::Result<()> {
    let world = world();
    let catalog = world.catalog();
    let params = ParamValues::new();
    let context =
        Context { catalog: &catalog, params: &params, time_zone: "UTC", week_start: WeekStart::Monday, lenient: false, check: false };
    let queries = queries()?;
    told("parse and bind", &queries, &mut |text| {
        parse(text).statements.iter().flatten().all(|statement| bind(text, statement, &context).statement.is_some())
    });
    let mut session = Session::default();
    told("parse, bind and plan", &queries, &mut |text| world.ask(&mut session, &format!("EXPLAIN PHYSICAL {text}")).is_ok());
    Ok(())
}

/// Times what is done with each text, and prints the middle, the slow end and the slowest.
fn told(what: &str, queries: &[String], work: &mut dyn FnMut(&str) -> bool) {
    let mut times: Vec<(Duration, &str)> = Vec::new();
    let mut fastest: Vec<(Duration, &str)> = Vec::new();
    for text in queries {
        let before = times.len();
        for _ in 0..ROUNDS {
            let begin = Instant::now();
            if work(text) {
                times.push((begin.elapsed(), text));
            }
        }
        fastest.extend(times[before..].iter().min());
    }
    for (which, times) in [("all", &mut times), ("the fastest of each text", &mut fastest)] {
        times.sort_unstable();
        let at = |share: f64| times.get(((times.len() as f64 - 1.0) * share) as usize).map_or(Duration::ZERO, |t| t.0);
        println!("{what}, {which}: {} times, p50 {:?}, p99 {:?}, most {:?}", times.len(), at(0.5), at(0.99), at(1.0));
    }
    let mut shown: Vec<&str> = Vec::new();
    for (took, text) in fastest.iter().rev() {
        if shown.len() < SLOWEST && !shown.contains(text) {
            shown.push(text);
            println!("  {took:?}  {}", text.split_whitespace().collect::<Vec<_>>().join(" "));
        }
    }
}

/// The queries of the manual.
fn queries() -> std::io::Result<Vec<String>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(root().join("docs/book/src/language"))? {
        let path = entry?.path();
        if !path.is_file() {
            continue;
        }
        let text = std::fs::read_to_string(path)?;
        let blocks = text.split("```eql\n").skip(1).filter_map(|block| block.split("```").next());
        found.extend(blocks.flat_map(statements));
    }
    found.retain(|text| parse(text).statements.iter().flatten().all(|s| matches!(s.kind, StatementKind::Query(_))));
    found.sort();
    Ok(found)
}
