//! How long a text takes from its letters to a plan that could run: `cargo run --release -p eql-tests --example plan_time`.
//!
//! Asks `EXPLAIN PHYSICAL` of every query of the language's manual, on the sample, and prints the middle and the slow end.
#![allow(clippy::print_stdout, clippy::cast_possible_truncation, clippy::cast_sign_loss)]

use eql_engine::Session;
use eql_tests::{root, world};
use std::time::{Duration, Instant};

const ROUNDS: usize = 5;

fn main() -> std::io::Result<()> {
    let world = world();
    let mut times = Vec::new();
    for query in queries()? {
        let text = format!("EXPLAIN PHYSICAL {query}");
        for _ in 0..ROUNDS {
            let begin = Instant::now();
            if world.ask(&mut Session::default(), &text).is_ok() {
                times.push(begin.elapsed());
            }
        }
    }
    times.sort_unstable();
    let at = |share: f64| times.get(((times.len() as f64 - 1.0) * share) as usize).copied().unwrap_or(Duration::ZERO);
    println!("{} plans: p50 {:?}, p99 {:?}, most {:?}", times.len(), at(0.5), at(0.99), at(1.0));
    Ok(())
}

/// The single queries of the manual.
fn queries() -> std::io::Result<Vec<String>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(root().join("docs/book/src/language"))? {
        let text = std::fs::read_to_string(entry?.path())?;
        let blocks = text.split("```eql\n").skip(1).filter_map(|block| block.split("```").next());
        found.extend(blocks.map(|b| b.trim().trim_end_matches(';').to_string()).filter(|b| !b.contains(';')));
    }
    Ok(found)
}
