#[test]
fn show() {
    let text = include_str!("fixtures/wrong.eql");
    for d in eql_grammar::parse(text).diagnostics() { println!("{}", eql_grammar::render(&d, text, false)); }
}
