//! Habits of SQL: joins, limits, windows, calls, CASE.

use super::site::Site;
use crate::ast::Span;
use crate::build::unit_named;
use crate::code;
use crate::diagnostic::Diagnostic;
use crate::parser::Rule;
use crate::token::TokenKind;

pub(super) fn wrong(site: &Site<'_>) -> Option<Diagnostic> {
    limit_with_comma(site)
        .or_else(|| using(site))
        .or_else(|| comma_join(site))
        .or_else(|| call(site))
        .or_else(|| table(site))
        .or_else(|| flipped(site))
        .or_else(|| bare_case(site))
        .or_else(|| interval(site))
}

/// `LIMIT 10, 20`.
fn limit_with_comma(site: &Site<'_>) -> Option<Diagnostic> {
    if !(site.is_word(-2, &["LIMIT"]) && site.is_symbol(0, &[","])) {
        return None;
    }
    let text = format!("{} OFFSET {}", site.at(1), site.at(-1));
    let found = site.error(code::FOREIGN, site.span(0), "rows are skipped with `OFFSET`");
    if site.kind(1) != Some(TokenKind::Number) {
        return Some(found.with_hint("write `LIMIT 20 OFFSET 10`"));
    }
    Some(found.with_hint(format!("write `LIMIT {text}`")).with_fix(site.text, site.span(-1).to(site.span(1)), text))
}

/// `JOIN x USING (y)`.
fn using(site: &Site<'_>) -> Option<Diagnostic> {
    let used = site.expects(Rule::kw_on) && site.is_word(0, &["USING"]);
    used.then(|| site.error(code::FOREIGN, site.span(0), "a join says its condition with `ON`").with_hint("write `ON a.key = b.key`"))
}

/// `FROM a, b`.
fn comma_join(site: &Site<'_>) -> Option<Diagnostic> {
    let listed = site.is_symbol(0, &[","]) && (site.is_word(-2, &["FROM"]) || (site.is_word(-2, &["AS"]) && site.is_word(-4, &["FROM"])));
    (listed && site.expects_any(&[Rule::clause, Rule::join, Rule::kw_join])).then(|| {
        site.error(code::FOREIGN, site.span(0), "tables are joined with `JOIN`")
            .with_hint("write `JOIN b ON …`, or use a path such as `purchase.product.name`")
    })
}

/// `windowFunnel(86400)(…)`, `f(x -> x + 1)`, `a.id(+)`.
fn call(site: &Site<'_>) -> Option<Diagnostic> {
    if site.is_symbol(0, &["->"]) && site.expects(Rule::scope) {
        let hint = "members of a list are tested with `HAS`: `interests HAS 'music'`";
        return Some(site.error(code::FOREIGN, site.span(0), "a function cannot be given to a function").with_hint(hint));
    }
    if site.is_symbol(0, &["+"]) && site.is_symbol(-1, &["("]) && site.is_symbol(1, &[")"]) {
        let whole = site.span(-1).to(site.span(1));
        let found = site.error(code::FOREIGN, whole, "rows without a partner are kept by the kind of the join");
        return Some(found.with_hint("write `LEFT JOIN`").with_fix(site.text, whole, ""));
    }
    if !(site.is_symbol(0, &["("]) && site.is_symbol(-1, &[")"])) {
        return None;
    }
    let name = site.opening(-1)? - 1;
    let hint = crate::elsewhere::function(site.at(name)).unwrap_or("a call has one list of arguments: `percentile(amount, 0.9)`");
    let found = site.error(code::FOREIGN, site.span(name), format!("{} is called twice", site.quote(name)));
    Some(found.with_hint(hint))
}

/// `OVER w`, `DISTINCT ON (…)`, `FOREIGN KEY (…)`, `LIMIT -1`, `a,, b`.
fn table(site: &Site<'_>) -> Option<Diagnostic> {
    let say = |i: isize, message: &str, hint: &str| Some(site.error(code::FOREIGN, site.span(i), message).with_hint(hint));
    if site.is_word(-3, &["OVER"]) && site.is_word(-1, &["AS"]) {
        return say(-2, "a window has no name", "a window stands in brackets: `OVER (ORDER BY time)`");
    }
    if site.back_to("ON").is_some_and(|on| site.is_word(on - 1, &["DISTINCT"])) {
        let hint = "number the rows of each group: `row_number() OVER (PARTITION BY channel ORDER BY time)`";
        return say(site.back_to("ON")?, "DISTINCT belongs to the whole row", hint);
    }
    if site.is_word(-2, &["KEY"]) && site.is_word(-3, &["FOREIGN", "UNIQUE"]) {
        let hint = "links are relations: `DEFINE RELATION purchase.product TO ONE product ON product_id = product.product_id`";
        return say(-3, "a definition of columns holds no constraints", hint);
    }
    if site.is_word(-1, &["LIMIT"]) && site.is_symbol(0, &["-"]) {
        return say(0, "a limit is not negative", "leave the limit out for all rows");
    }
    let doubled = site.is_symbol(-1, &[","]) && site.is_symbol(0, &[","]);
    doubled.then(|| {
        site.error(code::EXPECTED, site.span(0), "nothing stands between these commas")
            .with_hint("take one away, or write what is missing")
            .with_fix(site.text, site.span(0), "")
    })
}

/// `vip_level => 3`.
fn flipped(site: &Site<'_>) -> Option<Diagnostic> {
    let wanted = site.is_symbol(-1, &["=>"]) && site.expects_any(&[Rule::value, Rule::operand, Rule::expr]);
    wanted.then(|| {
        site.error(code::FOREIGN, site.span(-1), "`=>` gives an argument its name").with_hint("greater or equal is `>=`").with_fix(
            site.text,
            site.span(-1),
            ">=",
        )
    })
}

/// `CASE a = 1 THEN`, `ELSE IF`.
fn bare_case(site: &Site<'_>) -> Option<Diagnostic> {
    if site.is_word(-1, &["IF"]) && site.is_word(-2, &["ELSE"]) {
        let whole = site.span(-2).to(site.span(-1));
        let found = site.error(code::FOREIGN, whole, "a further case begins with `WHEN`");
        return Some(found.with_hint("write `WHEN`").with_fix(site.text, whole, "WHEN"));
    }
    if !(site.is_word(0, &["THEN"]) && site.expects(Rule::kw_when)) {
        return None;
    }
    let case = site.span(site.back_to("CASE")?);
    let found = site.error(code::FOREIGN, site.span(0), "a condition of CASE begins with `WHEN`");
    Some(found.with_hint("write `CASE WHEN a = 1 THEN 2 END`").with_fix(site.text, Span::new(case.end, case.end), " WHEN"))
}

/// `INTERVAL '30 days'`.
fn interval(site: &Site<'_>) -> Option<Diagnostic> {
    if !(site.is_word(-1, &["INTERVAL"]) && matches!(site.kind(0), Some(TokenKind::Text | TokenKind::Number))) {
        return None;
    }
    let (number, unit) = (site.at(0).trim_matches('\''), site.at(1));
    let outside = number.bytes().all(|b| b.is_ascii_digit()) && unit_named(unit).is_some();
    let length = if outside { format!("{number} {}", unit.to_lowercase()) } else { number.to_owned() };
    let whole = site.span(-1).to(site.span(if outside { 1 } else { 0 }));
    let found = site.error(code::FOREIGN, whole, "a length of time is written without `INTERVAL` and quotes");
    Some(found.with_hint(format!("write `{length}`")).with_fix(site.text, whole, length))
}
