//! `eql shell` with its input piped.

use crate::driver::Bench;

#[test]
fn statements_may_take_several_lines() {
    let bench = Bench::with_users();
    let ran = bench
        .run_with_stdin(
            &["shell"],
            "\\format csv\nFIND user\n  SHOW user_id -- a ; in a comment\n  ORDER BY user_id;\nSELECT ';' AS x;\n\\q\nnever read",
        )
        .done();
    assert_eq!(ran.out, "user_id\na\nb\nc\nx\n;\n");
}

#[test]
fn commands_describe() {
    let bench = Bench::with_users();
    let all = bench.run_with_stdin(&["shell"], "\\d\n").done();
    assert!(
        all.out.contains(" entity ") && !all.out.contains("definition") && all.out.contains("user") && all.out.contains("purchase"),
        "{}",
        all.out
    );
    let one = bench.run_with_stdin(&["shell"], "\\d user\n").done();
    assert!(one.out.contains("city") && one.out.contains("DEFINE ENTITY user"), "{}", one.out);
    assert!(bench.run_with_stdin(&["shell"], "\\?\n").done().out.contains("\\timing"));
    let empty = bench.run_with_stdin(&["shell", "--data", "empty"], "\\d").done();
    assert!(empty.out.contains("nothing is defined yet"), "{}", empty.out);
}

#[test]
fn a_failing_statement_fails_a_script() {
    let bench = Bench::with_users();
    bench.run_with_stdin(&["shell"], "FIND usr;\n").fails(1, "usr");
    bench.run_with_stdin(&["shell"], "\\nonsense\n").fails(1, "no command");
}
