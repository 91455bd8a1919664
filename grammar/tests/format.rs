//! Formatting a whole text: canonical statements, comments kept.

use eql_grammar::format;

fn formatted(text: &str, wanted: &str) {
    assert_eq!(format(text).as_deref(), Ok(wanted));
    assert_eq!(format(wanted).as_deref(), Ok(wanted), "not stable");
}

#[test]
fn statements_are_separated_as_they_were() {
    formatted("show tags;show   events ; \n\n\n\n refresh segment vip", "SHOW TAGS;\nSHOW EVENTS;\n\nREFRESH SEGMENT vip;\n");
    formatted("", "");
    formatted(" ;; \n", "");
}

#[test]
fn comments_between_statements_stay() {
    formatted(
        "-- first\nshow tags; -- same line\n\n/* block\n two */\nshow events;\n-- last",
        "-- first\nSHOW TAGS; -- same line\n\n/* block\n two */\nSHOW EVENTS;\n-- last\n",
    );
    formatted("-- only\n\n-- comments\n", "-- only\n\n-- comments\n");
    formatted("show tags; /* a */ /* b */ show events", "SHOW TAGS; /* a */ /* b */\nSHOW EVENTS;\n");
}

#[test]
fn comments_inside_a_statement_move_before_it() {
    formatted(
        "show tags;\n\nfind user -- all\nwhere /* c */ a = 1 -- end\n;",
        "SHOW TAGS;\n\n-- all\n/* c */\n-- end\nFIND user WHERE a = 1;\n",
    );
}

#[test]
fn quotes_hide_what_looks_like_a_comment() {
    formatted("find user where a = '-- no; /* no' ", "FIND user WHERE a = '-- no; /* no';\n");
}

#[test]
fn long_statements_have_a_line_for_each_clause() {
    let text = "funnel view_product -> add_to_cart -> purchase within 7 days during last 30 days every day breakdown by $os top 5 attributed first";
    formatted(
        text,
        "FUNNEL view_product -> add_to_cart -> purchase\nWITHIN 7 days\nDURING last 30 days\nEVERY day\nBREAKDOWN BY $os TOP 5 ATTRIBUTED FIRST;\n",
    );
}

#[test]
fn a_broken_text_is_not_touched() {
    assert_eq!(format("show tags; find user where").err().map(|wrong| wrong.len()), Some(1));
}

/// The operand of a CASE may begin with a sign, also where AS stands before it.
#[test]
fn a_case_with_a_negated_operand_prints_stably() {
    let text = "DEFINE TAG t OF u AS CASE (- -a BETWEEN 1 AND 2) WHEN b THEN 1 END KEEP 30 days";
    let once = eql_grammar::format(text).expect("it parses");
    assert_eq!(eql_grammar::format(&once).expect("what is printed parses"), once);
}
