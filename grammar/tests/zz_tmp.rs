//! tmp
use std::time::Instant;
#[test]
fn speed() {
    let mut times = vec![];
    for text in [include_str!("fixtures/examples.eql"), include_str!("fixtures/retail_cases.eql")] {
        for s in text.split(";\n") {
            let _ = eql_grammar::parse(s);
            let t = Instant::now();
            for _ in 0..10 {
                std::hint::black_box(eql_grammar::parse(s));
            }
            times.push(t.elapsed() / 10);
        }
    }
    times.sort();
    println!("median {:?} p99 {:?} max {:?}", times[times.len() / 2], times[times.len() * 99 / 100], times.last());
    for unit in ["a,", "(a),", "f(a),", "a + b,", "'x',", "1,", "a AND ", "a -> "] {
        let text = format!("SELECT {}", unit.repeat((1 << 20) / unit.len() - 10));
        let t = Instant::now();
        let d = eql_grammar::parse(&text).diagnostics();
        println!("{unit:?} 1MiB {:?} {:?}", t.elapsed(), d.first().map(|d| d.code));
    }
    let values = vec!["('some key', 1, 2.5)"; 50_000].join(", ");
    let text = format!("INSERT INTO EVENT e (a, b, c) VALUES {values}");
    let t = Instant::now();
    let d = eql_grammar::parse(&text).diagnostics();
    println!("values {} bytes {:?} {:?}", text.len(), t.elapsed(), d.first().map(|d| d.code));
}
