//! The bounds hold, and holding them is cheap: no text is slow and none overflows the stack.

use std::time::{Duration, Instant};

use eql_grammar::limit::{EXPRESSION_HEIGHT_MAX, NESTING_MAX, STATEMENTS_MAX};
use eql_grammar::{parse, print, render};

/// The codes of a text, after making sure that it was answered in time and can be drawn.
fn codes(text: &str) -> Vec<&'static str> {
    let begin = Instant::now();
    let diagnostics = parse(text).diagnostics();
    assert!(begin.elapsed() < Duration::from_secs(5), "took {:?}", begin.elapsed());
    for diagnostic in &diagnostics {
        assert!(render(diagnostic, text, true).len() < 10_000);
    }
    diagnostics.iter().map(|d| d.code).collect()
}

/// `open` and `close` around a core, `levels` times.
fn nested(levels: usize, open: &str, core: &str, close: &str) -> String {
    format!("{}{core}{}", open.repeat(levels), close.repeat(levels))
}

/// Runs on a stack as small as that of a server's worker.
fn on_a_small_stack(work: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().stack_size(2 << 20).spawn(work).expect("a thread");
    thread.join().expect("no overflow and no panic");
}

#[test]
fn a_text_of_ten_megabytes_is_refused_at_once() {
    for text in ["(".repeat(10 << 20), "x".repeat(10 << 20), "'".repeat(10 << 20), "\n;".repeat(5 << 20)] {
        let begin = Instant::now();
        assert_eq!(codes(&text), ["EQL0120"]);
        assert!(begin.elapsed() < Duration::from_millis(50));
    }
}

#[test]
fn a_hundred_thousand_brackets_are_refused() {
    for bracket in ["(", "[", "f(", "CASE WHEN ", "x IN (", "LIST<", "CAST(a AS LIST<LIST<", "SELECT ("] {
        let text = format!("SELECT {}", bracket.repeat(100_000));
        let found = codes(&text);
        assert_eq!(found.len(), 1, "{bracket}");
    }
    assert_eq!(codes(&format!("SELECT {}", nested(100_000, "(", "1", ")"))), ["EQL0121"]);
}

#[test]
fn nesting_up_to_the_bound_works_on_a_small_stack() {
    on_a_small_stack(|| {
        let n = NESTING_MAX;
        let texts = [
            format!("SELECT {}", nested(n, "(", "1", ")")),
            format!("SELECT {}", nested(n, "f(", "1", ")")),
            format!("SELECT {}", nested(n, "(1 + ", "1", ")")),
            format!("SELECT {}", nested(n, "CASE WHEN a THEN ", "1", " END")),
            format!("SELECT {}", nested(n, "NOT (a AND ", "b", ")")),
            format!("SELECT {}", nested(n / 2, "(SELECT f(", "1", "))")),
            nested(n, "(", "SELECT 1", ")"),
            nested(n, "SELECT * FROM (", "SELECT 1", ")"),
            format!("FIND u {}", nested(n, "AMONG (FIND u ", "", ")")),
            format!("FIND u WHERE {}", nested(n, "DID [e WHERE ", "a", "]")),
            format!("DEFINE ENTITY e KEY k {} ()", nested(n, "LIST<", "INT", ">")),
        ];
        for text in texts {
            let parsed = parse(&text);
            assert_eq!(parsed.diagnostics(), [], "{text}");
            let printed: Vec<String> = parsed.statements.iter().flatten().map(print).collect();
            assert_eq!(parse(&printed.join(";")), parsed);
        }
    });
}

#[test]
fn one_level_more_is_refused() {
    let n = NESTING_MAX + 1;
    for text in [
        nested(n, "(", "SELECT 1", ")"),
        format!("SELECT {}", nested(n, "CASE WHEN a THEN ", "1", " END")),
        format!("DEFINE ENTITY e KEY k {} ()", nested(n, "LIST<", "INT", ">")),
    ] {
        assert_eq!(codes(&text), ["EQL0121"], "{text}");
    }
}

#[test]
fn chains_are_bounded_where_they_make_the_tree_higher() {
    on_a_small_stack(|| {
        for link in [" + 1", " || a", " = 1", " IS NULL", "::INT", " IN SEGMENT s", " * -1"] {
            let long = format!("SELECT 1{}", link.repeat(200_000 / link.len()));
            assert_eq!(codes(&long), ["EQL0121"], "{link}");
        }
        for prefix in ["NOT ", "- ", "-(", "NOT (", "EXPLAIN "] {
            let long = format!("SELECT {}a", prefix.repeat(200_000 / prefix.len()));
            assert_eq!(codes(&long).len(), 1, "{prefix}");
        }
        for link in [" UNION SELECT 1", " INTERSECT (SELECT 1)"] {
            assert_eq!(codes(&format!("SELECT 1{}", link.repeat(1_000))), ["EQL0121"], "{link}");
        }
        assert_eq!(codes(&format!("FIND u AMONG a{}", " UNION b".repeat(1_000))), ["EQL0121"]);
        let short = format!("SELECT 1{}", " + 1".repeat(EXPRESSION_HEIGHT_MAX - 8));
        assert_eq!(codes(&short), [""; 0]);
    });
}

#[test]
fn leaning_trees_are_as_high_as_all_their_chains_together() {
    on_a_small_stack(|| {
        let text = format!("SELECT {}", nested(NESTING_MAX, "(", "1", &format!("{})", " + 1".repeat(100))));
        assert_eq!(codes(&text), ["EQL0121"]);
    });
}

#[test]
fn and_and_or_may_be_long() {
    let text = format!("FIND u WHERE a = 1{}", " OR a = 1 AND b".repeat(1_500));
    assert_eq!(codes(&text), [""; 0]);
}

#[test]
fn listed_values_are_not_counted_but_expressions_are() {
    let values = vec!["'some key'"; 12_000].join(", ");
    assert_eq!(codes(&format!("FIND u WHERE k IN ({values})")), [""; 0]);
    let rows = vec!["('a', 1, 2.5)"; 4_000].join(", ");
    assert_eq!(codes(&format!("INSERT INTO EVENT e (a, b, c) VALUES {rows}")), [""; 0]);
    assert_eq!(codes(&format!("SELECT {}", vec!["a"; 10_001].join(", "))), ["EQL0122"]);
    assert_eq!(codes(&format!("FUNNEL {}", vec!["a"; 10_001].join(" -> "))), ["EQL0122"]);
}

#[test]
fn statements_and_errors_of_a_text_are_bounded() {
    let many = "SHOW TAGS;".repeat(STATEMENTS_MAX + 5);
    assert_eq!(codes(&many), ["EQL0123"]);
    let wrong = codes(&"x;".repeat(100_000));
    assert_eq!((wrong.len(), wrong.last()), (101, Some(&"EQL0124")));
    assert_eq!(codes(&format!("TREND a {}", "EVRY day ".repeat(2_000))).len(), 10);
    assert_eq!(codes(&format!("TREND a oops {}", "DURING x ".repeat(2_000))).len(), 10);
    assert_eq!(codes(&"#".repeat(50_000)).len(), 10);
}

/// The least time that a text made of `unit` takes, of several tries: others use the machine too.
fn least_time(unit: &str, bytes: usize) -> Duration {
    let text = format!("SELECT {}", unit.repeat(bytes / unit.len()));
    let tries = (0..3).map(|_| {
        let begin = Instant::now();
        assert!(!parse(&text).diagnostics().is_empty(), "{unit}");
        begin.elapsed()
    });
    tries.min().unwrap_or_default()
}

#[test]
fn time_grows_with_the_length_and_not_with_its_square() {
    for unit in ["a,", "(a),", "[", "a ", "1 ", "a->", "a AND ", "a.b,", "'x',", ". ", "EVERY ", "-", "NOT ", "#", "x IN (1) ", "DURING x "]
    {
        let (short, long) = (least_time(unit, 1 << 10), least_time(unit, 1 << 13));
        assert!(long < 24 * short + Duration::from_millis(50), "{unit}: {short:?}, eight times as long {long:?}");
    }
}

/// Shapes that a careless grammar reads twice a level, so that 30 levels take for ever.
#[test]
fn no_nesting_is_read_twice() {
    let shapes = [
        ("((SELECT ", "1", ") + 1)"),
        ("(TREND(", "a", " DURING today))"),
        ("CAST(", "a", ", 1)"),
        ("CAST(", "a", " AS INT)"),
        ("EXISTS(TREND(", "a", " DURING today))"),
        ("x HAS ANY (", "a", " DURING today)"),
        ("(FIND u SHOW edges = ", "1", ")"),
        ("(FIND u SHOW entities + ", "1", ")"),
        ("(SELECT DID a HOLDING b, f(", "1", ") AS n)"),
        ("f(k => ", "1", ")"),
        ("f(DID [a WHERE ", "1", "] HOLDING b, c)"),
        ("x IN (", "1", ")"),
        ("x IN ((SELECT ", "1", ") UNION SELECT 2)"),
        ("x IN SEGMENT (FIND u WHERE ", "a", ")"),
        ("x NOT IN SEGMENT ((FIND u WHERE ", "a", ") UNION s)"),
        ("x BETWEEN (", "1", ") AND 2"),
        ("CASE WHEN a THEN ", "1", " END"),
        ("count(* WHERE (", "a", "))"),
        ("f(a ORDER BY (", "1", "))"),
        ("f() OVER (PARTITION BY ", "a", ")"),
        ("f() FILTER (WHERE ", "a", ")"),
        ("(SELECT * FROM u AS OF '2026-01-01' WHERE ", "a", ")"),
        ("(WITH q AS (SELECT ", "1", ") FROM q)"),
        ("(DISTRIBUTION (", "1", ") BUCKETS 5)"),
        ("(ATTRIBUTION MODEL f(", "1", "))"),
        ("EXTRACT(day FROM ", "t", ")"),
    ];
    for (open, core, close) in shapes {
        let brackets = open.matches(['(', '[']).count() + open.matches("CASE").count();
        let levels = (NESTING_MAX - 2) / brackets;
        for broken in ["", " oops oops", " )"] {
            codes(&format!("SELECT {}{broken}", nested(levels, open, core, close)));
            codes(&format!("SELECT {}", nested(levels, open, &format!("{core}{broken}"), close)));
        }
        codes(&format!("SELECT {}{core}", open.repeat(levels)));
    }
}
