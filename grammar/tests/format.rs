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

/// The trees of a text, for comparing.
fn trees(text: &str) -> Vec<eql_grammar::Statement> {
    eql_grammar::parse(text).statements.into_iter().map(|s| s.unwrap_or_else(|e| panic!("{e:?}: {text}"))).collect()
}

/// A comment between any two tokens of any example stays, once; the text means the same, and is canonical afterwards.
#[test]
fn comments_in_every_place_are_kept() {
    let examples = include_str!("fixtures/examples.eql");
    let tokens = eql_grammar::token::tokenize(examples).tokens;
    let mut places = 0;
    for statement in tokens.split_inclusive(|t| t.is_end()) {
        let (Some(first), Some(last)) = (statement.first(), statement.last()) else { continue };
        let text = &examples[first.start..last.end];
        let plain = trees(text);
        for (n, comment) in ["/* kept; 'so' */", "-- kept; \"so\"\n"].into_iter().enumerate() {
            // Every fifth place: they are some thousand, and each is read four times.
            for token in statement.iter().skip(n).step_by(5) {
                let at = token.end - first.start;
                let marked = format!("{} {comment}{}", &text[..at], &text[at..]);
                let written = format(&marked).unwrap_or_else(|e| panic!("{e:?}: {marked}"));
                assert_eq!(written.matches(comment.trim_end()).count(), 1, "{marked}\n{written}");
                assert_eq!(trees(&written), plain, "{marked}\n{written}");
                assert_eq!(format(&written).as_deref(), Ok(written.as_str()), "{marked}");
                places += 1;
            }
        }
    }
    assert!(places > 500, "{places}");
}

/// Comments everywhere at once come out in their order.
#[test]
fn many_comments_keep_their_order() {
    let examples = include_str!("fixtures/examples.eql");
    let tokens = eql_grammar::token::tokenize(examples).tokens;
    let (mut marked, mut from) = (String::new(), 0);
    for (n, token) in tokens.iter().enumerate() {
        marked.push_str(&examples[from..token.end]);
        marked.push_str(&format!(" /*{n}*/"));
        from = token.end;
    }
    let written = format(&marked).unwrap_or_else(|e| panic!("{e:?}"));
    let kept: Vec<usize> = written.split("/*").skip(1).filter_map(|rest| rest.split("*/").next()?.parse().ok()).collect();
    assert_eq!(kept, (0..tokens.len()).collect::<Vec<_>>());
    assert_eq!(format(&written).as_deref(), Ok(written.as_str()));
}
