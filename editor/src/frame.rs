//! The brackets around a place, and the query that each of them holds.

use crate::site::Site;
use eql_grammar::word::QUERY_HEADS;

/// What opened a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Opener {
    /// Nothing: the whole statement.
    Statement,
    /// `[`.
    Square,
    /// `name(`, lower case.
    Call(String),
    /// `(`.
    Paren,
}

/// Tokens between brackets: from `start` up to the closing one, or to the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) opener: Opener,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// A query's head in a frame: from its keyword up to the next set operator, or to the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) word: &'static str,
    pub(crate) at: usize,
    pub(crate) end: usize,
}

/// The frames around the place, the whole statement first.
pub(crate) fn around(site: &Site<'_>) -> Vec<Frame> {
    let mut open = vec![Frame { opener: Opener::Statement, start: 0, end: site.tokens.len() }];
    for i in 0..site.here {
        match site.word(i) {
            "[" => open.push(Frame { opener: Opener::Square, start: i + 1, end: close(site, i) }),
            "(" => open.push(Frame { opener: opener(site, i), start: i + 1, end: close(site, i) }),
            ")" | "]" if open.len() > 1 => drop(open.pop()),
            _ => {}
        }
    }
    open
}

/// Words that a bracket may follow without being called.
const NOT_CALLED: [&str; 22] = [
    "IN",
    "AS",
    "AND",
    "OR",
    "NOT",
    "WHERE",
    "SEGMENT",
    "AMONG",
    "FROM",
    "JOIN",
    "BUCKETS",
    "UNION",
    "EXCEPT",
    "INTERSECT",
    "KEY",
    "IDENTITIES",
    "VALUES",
    "WITH",
    "EXISTS",
    "OVER",
    "BY",
    "SHOW",
];

fn opener(site: &Site<'_>, i: usize) -> Opener {
    match i.checked_sub(1).and_then(|before| site.name(before)) {
        Some(name) if !site.is(i - 1, &NOT_CALLED) => Opener::Call(name.to_lowercase()),
        _ => Opener::Paren,
    }
}

/// The token that closes the bracket at `i`.
fn close(site: &Site<'_>, i: usize) -> usize {
    let mut depth = 0_usize;
    for k in i..site.tokens.len() {
        match site.word(k) {
            "(" | "[" => depth += 1,
            ")" | "]" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return k;
        }
    }
    site.tokens.len()
}

impl Frame {
    /// The tokens of the frame itself, without those in brackets inside it; the brackets are its own.
    pub(crate) fn own(&self, site: &Site<'_>) -> Vec<usize> {
        let mut depth = 0_usize;
        let mut own = Vec::new();
        for i in self.start..self.end {
            let word = site.word(i);
            if matches!(word, ")" | "]") {
                depth = depth.saturating_sub(1);
            }
            if depth == 0 {
                own.push(i);
            }
            if matches!(word, "(" | "[") {
                depth += 1;
            }
        }
        own
    }

    /// The head that the place belongs to.
    pub(crate) fn head(&self, site: &Site<'_>) -> Option<Head> {
        let own = self.own(site);
        let heads: Vec<Head> = own.iter().filter_map(|&i| self.head_at(site, i)).collect();
        let found = *heads.iter().rev().find(|h| h.at < site.here)?;
        let end =
            own.iter().copied().find(|&i| i > found.at && site.is(i, &["UNION", "INTERSECT", "EXCEPT"]) && self.head_follows(site, i));
        Some(Head { end: end.unwrap_or(self.end), ..found })
    }

    fn head_follows(&self, site: &Site<'_>, i: usize) -> bool {
        let next = if site.is(i + 1, &["ALL"]) { i + 2 } else { i + 1 };
        self.head_at(site, next).is_some() || site.sign(next, "(")
    }

    fn head_at(&self, site: &Site<'_>, i: usize) -> Option<Head> {
        let word = QUERY_HEADS.into_iter().find(|h| *h != "WITH" && site.is(i, &[h]))?;
        let begins = i == self.start
            || site.is(i - 1, &["EXPLAIN", "SYNTAX", "BOUND", "LOGICAL", "PHYSICAL", "ANALYZE", "UNION", "INTERSECT", "EXCEPT", "ALL"])
            || (site.is(i - 1, &["AS"]) && site.is(self.start, &["DEFINE"]))
            || (word != "FROM" && site.is(self.start, &["WITH"]) && site.sign(i - 1, ")"))
            || (word != "FROM" && site.is(self.start, &["INSERT"]));
        let is_name = site.sign(i + 1, ".") || (site.sign(i + 1, "(") && !matches!(word, "SELECT" | "FROM"));
        (begins && !is_name).then_some(Head { word, at: i, end: self.end })
    }
}
