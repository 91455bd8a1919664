//! Statements that somebody wrote, with other clauses, stages, names and numbers.

use crate::random::Random;
use eql_engine::grammar::ast::{Clause, Pipe, QueryBody, Span, StatementKind};
use eql_engine::grammar::parse;

/// A query cut into its head, its clauses and its stages.
struct Cut {
    head: String,
    clauses: Vec<String>,
    stages: Vec<String>,
}

pub(crate) struct Shuffler {
    whole: Vec<String>,
    cuts: Vec<Cut>,
    clauses: Vec<String>,
    stages: Vec<String>,
    /// Words by what they can stand for: names, numbers, texts, units, signs.
    kinds: Vec<Vec<String>>,
}

const UNITS: [&str; 14] =
    ["second", "seconds", "minute", "minutes", "hour", "hours", "day", "days", "week", "weeks", "month", "months", "quarter", "year"];
const SIGNS: [&str; 13] = ["=", "!=", "<", "<=", ">", ">=", "+", "-", "*", "/", "%", "AND", "OR"];
const FUNCTIONS: [&str; 24] = [
    "count",
    "sum",
    "avg",
    "min",
    "max",
    "median",
    "first",
    "last",
    "users",
    "percentile",
    "stddev",
    "collect",
    "mode",
    "any",
    "lower",
    "length",
    "day",
    "month",
    "date_part",
    "coalesce",
    "round",
    "abs",
    "variance",
    "count_if",
];
const MORE: [&str; 16] = [
    "|> LIMIT 0",
    "|> LIMIT 3",
    "|> SELECT *",
    "|> AGGREGATE count(*) AS rows_of_all",
    "LIMIT 0",
    "LIMIT 2 OFFSET 1",
    "SAMPLE 50%",
    "IN TIME ZONE 'Asia/Kathmandu'",
    "WEEK STARTS SATURDAY",
    "DURING all time",
    "DURING last 3 weeks",
    "EVERY month",
    "EVERY 2 days",
    "COMPARE TO previous period",
    "AS OF '2017-06-01'",
    "TIES FORBIDDEN",
];

impl Shuffler {
    pub(crate) fn new(texts: &[String]) -> Shuffler {
        let cuts: Vec<Cut> = texts.iter().filter_map(|t| cut(t)).collect();
        let collected = |of: &dyn Fn(&Cut) -> Vec<String>| {
            let mut all: Vec<String> = cuts.iter().flat_map(of).collect();
            all.sort();
            all.dedup();
            all
        };
        let (mut clauses, mut stages) = (collected(&|c| c.clauses.clone()), collected(&|c| c.stages.clone()));
        for more in MORE {
            if more.starts_with("|>") { stages.push(more.into()) } else { clauses.push(more.into()) }
        }
        let mut kinds: Vec<Vec<String>> = vec![
            vec![],
            vec![],
            vec![],
            UNITS.map(String::from).into(),
            SIGNS.map(String::from).into(),
            FUNCTIONS.map(String::from).into(),
        ];
        for word in texts.iter().flat_map(|t| words(t)) {
            if let Some(kind) = kind(&word).filter(|k| *k < 3) {
                kinds[kind].push(word);
            }
        }
        kinds[1].extend(["0", "1", "2", "64", "1000000", "2.5", "9223372036854775807"].map(String::from));
        kinds[2].extend(["''", "'2017-05-01'", "'day'", "'a%'", "'['"].map(String::from));
        for kind in &mut kinds {
            kind.sort();
            kind.dedup();
        }
        Shuffler { whole: texts.to_vec(), cuts, clauses, stages, kinds }
    }

    pub(crate) fn text(&self, random: &mut Random) -> String {
        let mut text = if random.below(5) == 0 { random.pick(&self.whole).clone() } else { self.composed(random) };
        for _ in 0..random.below(4) {
            text = self.reworded(&text, random);
        }
        if random.below(12) == 0 {
            text = match random.below(4) {
                0 => format!("SELECT * FROM ({text})"),
                1 => format!("WITH rows_before AS ({text}) SELECT count(*) FROM rows_before"),
                2 => format!("({text}) UNION ALL ({text})"),
                _ => format!("SELECT 1 WHERE EXISTS ({text})"),
            };
        }
        text
    }

    /// A head with some of its own clauses, one or two of others, and stages.
    fn composed(&self, random: &mut Random) -> String {
        let cut = random.pick(&self.cuts);
        let mut clauses: Vec<String> = cut.clauses.iter().filter(|_| random.below(8) != 0).cloned().collect();
        for _ in 0..random.below(3) {
            let clause = random.pick(&self.clauses).clone();
            let first = |text: &str| text.split_whitespace().next().unwrap_or_default().to_string();
            // A clause stands once.
            clauses.retain(|c| first(c) != first(&clause));
            clauses.push(clause);
        }
        let mut stages: Vec<String> = cut.stages.iter().filter(|_| random.below(4) != 0).cloned().collect();
        if random.below(4) == 0 {
            stages.push(random.pick(&self.stages).clone());
        }
        let mut text = cut.head.clone();
        for part in clauses.iter().chain(&stages) {
            text.push(' ');
            text.push_str(part);
        }
        text
    }

    /// A word becomes another one of its kind.
    fn reworded(&self, text: &str, random: &mut Random) -> String {
        let mut words = words(text);
        let known: Vec<usize> = (0..words.len()).filter(|i| kind(&words[*i]).is_some()).collect();
        if known.is_empty() {
            return text.to_string();
        }
        let at = *random.pick(&known);
        if let Some(kind) = kind(&words[at]) {
            words[at] = random.pick(&self.kinds[kind]).clone();
        }
        words.concat()
    }
}

/// A text of one query in its parts, comments left out.
fn cut(text: &str) -> Option<Cut> {
    let parsed = parse(text);
    let [Ok(statement)] = parsed.statements.as_slice() else { return None };
    let StatementKind::Query(query) = &statement.kind else { return None };
    let (span, clauses): (Span, &[Clause]) = match &query.body {
        QueryBody::Select(s) => (s.span, &s.clauses),
        QueryBody::Find(f) => (f.span, &f.clauses),
        QueryBody::Analysis(a) => (a.span, &a.clauses),
        QueryBody::Nested(_) | QueryBody::Set(..) => return None,
    };
    let slice = |span: Span| text.get(span.start..span.end).map(|t| t.trim().to_string());
    let end = clauses.iter().map(|c| c.span.start).min().unwrap_or(span.end);
    // What stands before the body, WITH, belongs to the head.
    let head = slice(Span::new(query.span.start, end))?;
    let stage = |p: &Pipe| slice(p.span).map(|t| if t.starts_with("|>") { t } else { format!("|> {t}") });
    Some(Cut {
        head,
        clauses: clauses.iter().filter_map(|c| slice(c.span)).collect(),
        stages: query.pipes.iter().filter_map(stage).collect(),
    })
}

/// Words, texts, signs and blanks, in order.
fn words(text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut letters = text.chars().peekable();
    while let Some(c) = letters.next() {
        let mut word = String::from(c);
        if c == '\'' {
            for c in letters.by_ref() {
                word.push(c);
                if c == '\'' {
                    break;
                }
            }
        } else if c.is_alphanumeric() || c == '_' {
            while let Some(c) =
                letters.next_if(|c| c.is_alphanumeric() || *c == '_' || (*c == '.' && word.chars().all(|w| w.is_ascii_digit())))
            {
                word.push(c);
            }
        } else if "<>!=|-".contains(c) {
            while let Some(c) = letters.next_if(|c| "<>=|".contains(*c)) {
                word.push(c);
            }
        }
        found.push(word);
    }
    found
}

/// Which kind of word it is, where it has one: the number of its list.
fn kind(word: &str) -> Option<usize> {
    let first = word.chars().next()?;
    if first == '\'' {
        return Some(2);
    }
    if first.is_ascii_digit() {
        return Some(1);
    }
    for (i, list) in [(3, &UNITS[..]), (4, &SIGNS[..]), (5, &FUNCTIONS[..])] {
        if list.contains(&word) {
            return Some(i);
        }
    }
    // Keywords are written in capitals.
    (first.is_lowercase() || (first.is_alphabetic() && !first.is_ascii())).then_some(0)
}
