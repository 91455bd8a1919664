//! Statements as high and as wide as a program may write them: each is answered or refused in words, and none ends the process.

use eql_engine::EngineError;
use eql_tests::{Cell, Small};

/// The stack of a server's thread.
const STACK_BYTES: usize = 64 << 20;

/// Runs on a thread like those of the server; one that dies takes the test with it.
fn on_a_worker(work: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().stack_size(STACK_BYTES).spawn(work).expect("a thread");
    if let Err(why) = thread.join() {
        std::panic::resume_unwind(why);
    }
}

fn small() -> Small {
    let mut small = Small::new();
    let setup = "SET now = '2026-02-01T00:00:00Z'; DEFINE ENTITY user KEY user_id STRING (city STRING, age BIGINT); DEFINE EVENT a OF user (x BIGINT);";
    small.ask(setup).expect("the setup is right");
    small.import(Some("user"), r#"{"user_id":"u1","city":"Rome","age":30}"#).expect("it loads");
    small.import(Some("a"), r#"{"time":"2026-01-01T10:00:00Z","user_id":"u1","x":1}"#).expect("it loads");
    small
}

fn listed(n: usize, between: &str, item: impl Fn(usize) -> String) -> String {
    (0..n).map(item).collect::<Vec<_>>().join(between)
}

/// The only number of the answer.
fn number(small: &mut Small, text: &str) -> f64 {
    let table = small.ask(text).unwrap_or_else(|e| panic!("{text:.80}…: {e}"));
    match table.rows.as_slice() {
        [row] => row.first().and_then(Cell::number).expect("a number"),
        rows => panic!("{text:.80}…: {} rows", rows.len()),
    }
}

/// The codes of a refusal.
fn refused(small: &mut Small, text: &str) -> Vec<&'static str> {
    match small.ask(text) {
        Err(EngineError::Diagnostics(found)) => found.iter().map(|d| d.code).collect(),
        Err(other) => panic!("{text:.80}…: refused, but not by the compiler: {other}"),
        Ok(_) => panic!("{text:.80}…: this was to be refused"),
    }
}

#[test]
fn wide_conditions_are_answered() {
    on_a_worker(|| {
        let mut small = small();
        let count = |condition: &str| format!("SELECT count(*) AS n FROM user WHERE {condition}");
        let and = listed(3_000, " AND ", |i| format!("age != {}", i + 1_000));
        let or = listed(3_000, " OR ", |i| format!("age = {i}"));
        let texts = listed(10_000, ", ", |i| format!("'city {i}'"));
        let numbers = listed(50_000, ", ", |i| i.to_string());
        assert_eq!(number(&mut small, &count(&and)), 1.0);
        assert_eq!(number(&mut small, &count(&or)), 1.0);
        let more = listed(5_000, " AND ", |i| format!("age != {}", i + 1_000));
        assert_eq!(refused(&mut small, &count(&more)), ["EQL0122"]);
        assert_eq!(number(&mut small, &count(&format!("city IN ({texts})"))), 0.0);
        assert_eq!(number(&mut small, &count(&format!("age IN ({numbers})"))), 1.0);
        assert_eq!(number(&mut small, &count(&format!("NOT (age NOT IN ({numbers}))"))), 1.0);
    });
}

#[test]
fn a_wide_case_and_many_columns_are_answered() {
    on_a_worker(|| {
        let mut small = small();
        let arms = listed(2_000, " ", |i| format!("WHEN age = {i} THEN {}", i * 2));
        assert_eq!(number(&mut small, &format!("SELECT CASE {arms} ELSE 0 END AS c FROM user")), 60.0);
        let columns = listed(2_000, ", ", |i| format!("age + {i} AS c{i}"));
        assert_eq!(small.ask(&format!("SELECT {columns} FROM user")).expect("wide, but no wider than allowed").columns.len(), 2_000);
        let sums = listed(500, ", ", |i| format!("sum(age + {i}) AS c{i}"));
        assert_eq!(small.ask(&format!("SELECT {sums} FROM user")).expect("many sums").columns.len(), 500);
    });
}

#[test]
fn long_pipes_unions_and_nested_queries_are_answered_or_refused() {
    on_a_worker(|| {
        let mut small = small();
        for (what, text) in [
            ("stages", format!("SELECT age AS n FROM user {}", "|> WHERE n > 0 ".repeat(200))),
            ("extensions", format!("SELECT age AS n FROM user {}", listed(100, " ", |i| format!("|> EXTEND n + {i} AS n{i}")))),
            ("unions", listed(100, " UNION ALL ", |i| format!("SELECT {i} AS n"))),
            ("queries", format!("{}SELECT 1 AS n{}", "SELECT n FROM (".repeat(60), ")".repeat(60))),
            (
                "inner queries",
                format!(
                    "SELECT age AS n FROM user WHERE age IN {}(SELECT 30 AS n){}",
                    "(SELECT n FROM (SELECT 30 AS n) WHERE n IN ".repeat(5),
                    ")".repeat(5)
                ),
            ),
        ] {
            let begin = std::time::Instant::now();
            let answer = small.ask(&text);
            eprintln!("{what}: {:?}", begin.elapsed());
            match answer {
                Ok(table) => assert!(!table.rows.is_empty(), "{what}"),
                Err(EngineError::Diagnostics(found)) => assert!(found.iter().all(|d| d.hint.is_some()), "{what}: {found:?}"),
                Err(other) => panic!("{what}: {other}"),
            }
        }
        for text in [
            format!("SELECT age AS n FROM user {}", "|> WHERE n > 0 ".repeat(5_000)),
            listed(2_000, " UNION ALL ", |i| format!("SELECT {i} AS n")),
            format!("{}SELECT 1 AS n{}", "SELECT n FROM (".repeat(65), ")".repeat(65)),
            format!(
                "SELECT age AS n FROM user WHERE age IN {}(SELECT 30 AS n){}",
                "(SELECT age FROM user WHERE age IN ".repeat(64),
                ")".repeat(64)
            ),
        ] {
            assert_ne!(refused(&mut small, &text), [""; 0]);
        }
    });
}

/// As deep as brackets may stand, and no level takes longer than the one around it.
#[test]
fn queries_in_conditions_stand_as_deep_as_the_text_allows() {
    const DEEP: usize = 60;
    const TIME_MAX: std::time::Duration = std::time::Duration::from_secs(60);
    on_a_worker(|| {
        let mut small = small();
        let nested = |open: &str, inmost: &str, close: &str, deep: usize| {
            format!("SELECT age AS n FROM user WHERE {}{inmost}{}", open.repeat(deep), close.repeat(deep))
        };
        for (what, text) in [
            ("IN", nested("age IN (SELECT age FROM user WHERE ", "age = 30", ")", DEEP)),
            ("EXISTS", nested("EXISTS (SELECT age FROM user WHERE ", "age = 30", ")", DEEP)),
            ("values", nested("age = (SELECT max(age) AS m FROM user WHERE ", "age = 30", ")", DEEP)),
            ("FIND", nested("user_id IN (FIND user WHERE ", "DID a", " SHOW user_id)", DEEP)),
            ("OR", nested("(age = 0 OR age IN (SELECT age FROM user WHERE ", "age = 30", "))", DEEP / 2)),
            (
                "AMONG",
                format!("{}DID a{} |> SELECT count(*) AS n", "FIND user AMONG (".repeat(DEEP), ")".repeat(DEEP))
                    .replace("(DID a)", "(FIND user WHERE DID a)"),
            ),
        ] {
            let begin = std::time::Instant::now();
            let answer = small.ask(&text);
            let took = begin.elapsed();
            eprintln!("{what}: {took:?}");
            match answer {
                Ok(table) => assert_eq!(table.rows.len(), 1, "{what}"),
                Err(e) => panic!("{what}: {e:.400}"),
            }
            assert!(took < TIME_MAX, "{what}: {took:?}");
        }
    });
}

#[test]
fn sixty_four_steps_work_and_more_are_refused() {
    on_a_worker(|| {
        let mut small = small();
        let funnel = |n: usize| format!("FUNNEL {} WITHIN 1 day DURING all time", listed(n, " -> ", |_| "a".to_string()));
        assert_eq!(small.ask(&funnel(64)).expect("64 steps").rows.len(), 64);
        assert_eq!(refused(&mut small, &funnel(65)), ["EQL0801"]);
        assert!(small.ask(&format!("FIND user WHERE DID {}", listed(64, " -> ", |_| "a".to_string()))).is_ok());
        assert_eq!(refused(&mut small, &format!("FIND user WHERE DID {}", listed(65, " -> ", |_| "a".to_string()))), ["EQL0801"]);
    });
}

#[test]
fn definitions_that_follow_each_other_are_followed_to_a_depth() {
    on_a_worker(|| {
        let mut small = small();
        small.ask("DEFINE SEGMENT s0 OF user AS age > 1").expect("the first");
        let mut failed = None;
        for i in 1..40 {
            let text = format!("DEFINE SEGMENT s{i} OF user AS user_id IN SEGMENT s{}; FIND user AMONG s{i}", i - 1);
            match small.ask(&text) {
                Ok(table) => assert_eq!(table.rows.len(), 1, "{i}"),
                Err(EngineError::Diagnostics(found)) => {
                    assert!(found.iter().any(|d| d.code == "EQL0212" || d.code == "EQL0801"), "{found:?}");
                    failed = Some(i);
                    break;
                }
                Err(other) => panic!("{i}: {other}"),
            }
        }
        assert!(failed.is_none_or(|at| at >= 8), "{failed:?}");
    });
}

#[test]
fn a_text_of_many_statements_is_answered() {
    on_a_worker(|| {
        let mut small = small();
        assert!(small.ask(&"SELECT 1 AS n;".repeat(300)).is_ok());
        assert_eq!(refused(&mut small, &"SHOW TAGS;".repeat(10_001)), ["EQL0123"]);
        assert_eq!(refused(&mut small, &"x".repeat((1 << 20) + 1)), ["EQL0120"]);
    });
}
