//! The picture of a diagnostic: carets under the right letters, whatever the line holds.

use eql_grammar::ast::Span;
use eql_grammar::{Diagnostic, parse, render};

fn drawn(text: &str, span: Span) -> Vec<String> {
    let picture = render(&Diagnostic::error("EQL0110", text, span, "wrong"), text, false);
    picture.lines().map(str::to_owned).collect()
}

/// A span over the first occurrence of `word`.
fn at(text: &str, word: &str) -> Span {
    let start = text.find(word).expect("the word is there");
    Span::new(start, start + word.len())
}

#[test]
fn the_picture_of_the_manual() {
    let text = "TREND count(purchase) EVRY day DURING last 30 days";
    let pictures: Vec<String> = parse(text).diagnostics().iter().map(|d| render(d, text, false)).collect();
    let wanted = "error[EQL0103]: unknown clause `EVRY`\n  1 | TREND count(purchase) EVRY day DURING last 30 days\n    |                       ^^^^ did you mean `EVERY`?\n";
    assert_eq!(pictures, [wanted]);
}

#[test]
fn wide_letters_take_two_columns_and_marks_none() {
    let text = "金额 e\u{301} oops";
    assert_eq!(drawn(text, at(text, "oops"))[2], "    |        ^^^^");
    let text = "a 金额";
    assert_eq!(drawn(text, at(text, "金额"))[2], "    |   ^^^^");
}

#[test]
fn the_right_line_of_several() {
    let text = "a\r\nb oops\r\nc";
    assert_eq!(drawn(text, at(text, "oops"))[1..], ["  2 | b oops", "    |   ^^^^"]);
    let text = format!("{}oops", "\n".repeat(99));
    assert_eq!(drawn(&text, at(&text, "oops"))[1..], ["  100 | oops", "      | ^^^^"]);
}

#[test]
fn a_place_at_the_end_or_past_it_has_a_caret() {
    assert_eq!(drawn("abc", Span::new(3, 3))[2], "    |    ^");
    assert_eq!(drawn("abc", Span::new(30, 40))[2], "    |    ^");
    assert_eq!(drawn("", Span::new(0, 0))[2], "    | ^");
}

#[test]
fn a_place_over_several_lines_is_marked_on_the_first() {
    assert_eq!(drawn("ab cd\nef", Span::new(3, 8))[1..], ["  1 | ab cd", "    |    ^^"]);
}

#[test]
fn a_place_inside_a_letter_is_no_panic() {
    assert_eq!(drawn("é", Span::new(1, 1)).len(), 3);
}

#[test]
fn long_lines_are_cut_around_the_caret() {
    for length in [50, 200, 5 << 20] {
        let text = format!("{} oops {}", "x".repeat(length), "y".repeat(length));
        let picture = drawn(&text, at(&text, "oops"));
        assert!(picture[1].chars().count() < 130, "{}", picture[1]);
        let caret = picture[2].find('^').expect("a caret");
        let letters: String = picture[1].chars().skip(caret).take(4).collect();
        assert_eq!(letters, "oops");
    }
}

#[test]
fn a_long_place_is_marked_as_far_as_it_is_shown() {
    let text = "z".repeat(1 << 20);
    let picture = drawn(&text, Span::new(0, text.len()));
    assert!(picture[2].len() < 130);
}

#[test]
fn control_characters_do_not_reach_the_terminal() {
    let text = "a \u{1b}[31m\u{7} oops";
    let diagnostic = Diagnostic::error("EQL0110", text, at(text, "oops"), "wrong \u{1b}[0m").with_hint("say \u{7}");
    let picture = render(&diagnostic, text, false);
    assert!(!picture.contains(['\u{1b}', '\u{7}']), "{picture:?}");
}

#[test]
fn colours_are_codes_around_the_same_letters() {
    let text = "a oops";
    let diagnostic =
        Diagnostic::warning("EQL0110", text, at(text, "oops"), "wrong").with_label(text, at(text, "a"), "see here").with_hint("mend it");
    let (plain, coloured) = (render(&diagnostic, text, false), render(&diagnostic, text, true));
    let mut stripped = String::new();
    let mut rest = coloured.as_str();
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        stripped.push_str(before);
        rest = after.split_once('m').map_or("", |(_, letters)| letters);
    }
    assert_eq!(stripped + rest, plain);
    assert_eq!(plain, "warning[EQL0110]: wrong\n  1 | a oops\n    |   ^^^^\n    | ^ see here\n  help: mend it\n");
}
