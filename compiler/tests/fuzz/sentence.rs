//! Random sentences of the grammar itself: its rules are read from `eql.pest` and walked by chance, with names of the sample's schema.

use crate::random::Random;
use std::collections::BTreeMap;

const GRAMMAR: &str = include_str!("../../../grammar/eql.pest");
const NAMES: [&str; 28] = [
    "household",
    "product",
    "store",
    "basket",
    "purchase",
    "coupon_redeem",
    "campaign_receive",
    "income",
    "sales_value",
    "quantity",
    "time",
    "department",
    "household_id",
    "product_id",
    "trip",
    "week",
    "first_seen",
    "baskets",
    "covers",
    "total_value",
    "age",
    "count",
    "sum",
    "users",
    "bucket",
    "lower",
    "percentile",
    "event",
];

/// Every keyword of the grammar.
pub(crate) fn keywords() -> Vec<String> {
    GRAMMAR.split("^\"").skip(1).filter_map(|w| w.split('"').next()).map(str::to_string).collect()
}

/// The right side of a rule.
enum Part {
    Text(String),
    Rule(String),
    /// One of several.
    One(Vec<Part>),
    /// One after the other.
    All(Vec<Part>),
    /// How often: at least, at most.
    Times(Box<Part>, usize, usize),
}

pub(crate) struct Grammar(BTreeMap<String, Part>);

/// Deeper than this, alternatives that end soon are taken.
const DEPTH_MAX: usize = 40;
/// Longer than this, too: a sentence that branches at every level would take longer to make than to read.
const LENGTH_MAX: usize = 800;

impl Grammar {
    pub(crate) fn new() -> Grammar {
        let plain: String = GRAMMAR.lines().filter(|l| !l.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
        let mut rules = BTreeMap::new();
        let mut rest = plain.as_str();
        while let Some((head, after)) = rest.split_once('{') {
            let name = head.split('=').next().unwrap_or_default().trim().to_string();
            let end = closing(after);
            rules.insert(name, Reader { rest: &after[..end] }.one());
            rest = &after[end + 1..];
        }
        assert!(rules.contains_key("statement") && rules.len() > 200, "the grammar was not understood");
        Grammar(rules)
    }

    /// A whole statement.
    pub(crate) fn sentence(&self, random: &mut Random) -> String {
        let mut out = String::new();
        let rule = ["statement", "query", "analysis", "find", "select", "query", "statement"][random.below(7)];
        self.rule(rule, random, 0, &mut out);
        out
    }

    /// A clause, a condition or a step.
    pub(crate) fn part(&self, random: &mut Random) -> String {
        let mut out = String::from(" ");
        self.rule(["clause", "expr", "step", "range", "pipe", "predicate"][random.below(6)], random, DEPTH_MAX / 2, &mut out);
        out
    }

    fn rule(&self, name: &str, random: &mut Random, depth: usize, out: &mut String) {
        match name {
            "ident" | "raw_ident" => out.push_str(NAMES[random.below(NAMES.len())]),
            "path" if random.below(2) == 0 => {
                out.push_str(["product.department", "purchase.sales_value", "store.first_seen"][random.below(3)])
            }
            "string" => out.push_str(["'2017-05-01'", "'50-74K'", "''", "'day'", "'Europe/Paris'", "'a%'"][random.below(6)]),
            "number" | "int" => {
                out.push_str(["0", "1", "2", "7", "30", "64", "100000", "2.5"][random.below(if name == "int" { 7 } else { 8 })])
            }
            "unit_word" => out.push_str(["day", "week", "month", "hours", "minutes", "year"][random.below(6)]),
            "param" => out.push_str([":p", "$1"][random.below(2)]),
            "quoted" => out.push_str("`a b`"),
            "type_word" => out.push_str(["STRING", "INT", "DECIMAL", "DATE", "BOOL"][random.below(5)]),
            "EOI" | "SOI" => {}
            _ if depth > DEPTH_MAX * 4 || out.len() > LENGTH_MAX * 4 => out.push('1'),
            _ => match self.0.get(name) {
                Some(part) => self.walk(part, random, depth + 1, out),
                None => out.push('1'),
            },
        }
        out.push(' ');
    }

    fn walk(&self, part: &Part, random: &mut Random, depth: usize, out: &mut String) {
        let short = depth > DEPTH_MAX || out.len() > LENGTH_MAX;
        match part {
            Part::Text(text) => {
                out.push_str(text);
                out.push(' ');
            }
            Part::Rule(name) => self.rule(name, random, depth, out),
            Part::One(parts) if short => {
                let ends =
                    parts.iter().position(|p| matches!(p, Part::Text(_))).or_else(|| parts.iter().position(|p| matches!(p, Part::Rule(_))));
                self.walk(&parts[ends.unwrap_or(0)], random, depth, out);
            }
            Part::One(parts) => self.walk(random.pick(parts), random, depth, out),
            Part::All(parts) => parts.iter().for_each(|p| self.walk(p, random, depth, out)),
            Part::Times(inner, least, most) => {
                let more = if short { 0 } else { random.below(most - least + 1) };
                // Rarely the most: sentences stay short.
                let times = least + more.min(random.below(2) + random.below(2));
                (0..times).for_each(|_| self.walk(inner, random, depth, out));
            }
        }
    }
}

/// Where the rule's bracket closes; quotes hide brackets.
fn closing(text: &str) -> usize {
    let mut quoted = false;
    let mut escaped = false;
    for (i, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '}' if !quoted => return i,
            _ => {}
        }
    }
    text.len()
}

/// Reads the right side of a rule.
struct Reader<'t> {
    rest: &'t str,
}

impl Reader<'_> {
    fn one(&mut self) -> Part {
        let mut alternatives = vec![self.all()];
        while self.eat('|') {
            alternatives.push(self.all());
        }
        if alternatives.len() == 1 { alternatives.swap_remove(0) } else { Part::One(alternatives) }
    }

    fn all(&mut self) -> Part {
        let mut parts = Vec::new();
        loop {
            parts.extend(self.repeated());
            if !self.eat('~') {
                break;
            }
        }
        if parts.len() == 1 { parts.swap_remove(0) } else { Part::All(parts) }
    }

    /// A part with its `?`, `*` or `+`; None for what only looks ahead.
    fn repeated(&mut self) -> Option<Part> {
        let ahead = self.eat('!') || self.eat('&');
        let part = self.part();
        let part = match () {
            () if self.eat('?') => Part::Times(Box::new(part), 0, 1),
            () if self.eat('*') => Part::Times(Box::new(part), 0, 3),
            () if self.eat('+') => Part::Times(Box::new(part), 1, 3),
            () => part,
        };
        (!ahead).then_some(part)
    }

    fn part(&mut self) -> Part {
        if self.eat('(') {
            let inner = self.one();
            self.eat(')');
            return inner;
        }
        self.eat('^');
        if self.eat('"') {
            let mut text = String::new();
            let mut letters = self.rest.char_indices();
            while let Some((i, c)) = letters.next() {
                match c {
                    '\\' => text.extend(letters.next().map(|(_, c)| c)),
                    '"' => {
                        self.rest = &self.rest[i + 1..];
                        break;
                    }
                    c => text.push(c),
                }
            }
            return Part::Text(text);
        }
        let end = self.rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(self.rest.len());
        let name = self.rest[..end].to_string();
        assert!(!name.is_empty(), "the grammar goes on with {:.40}", self.rest);
        self.rest = &self.rest[end..];
        Part::Rule(name)
    }

    fn eat(&mut self, sign: char) -> bool {
        self.rest = self.rest.trim_start();
        match self.rest.strip_prefix(sign) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }
}
