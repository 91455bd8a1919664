//! Which clauses a head takes, and the clauses of one statement by name.

use super::Binder;
use crate::code;
use eql_grammar::ast::{Clause, ClauseKind, Show, Span};

/// The heads of the legality table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HeadKind {
    Select,
    Find,
    Trend,
    Funnel,
    Sequence,
    Retention,
    Paths,
    Sessions,
    Distribution,
    Intervals,
    Attribution,
    Ltv,
    Lifecycle,
    Stickiness,
    Rfm,
    Profile,
    Journey,
    SessionRule,
}

impl HeadKind {
    /// All heads of queries.
    const QUERIES: [HeadKind; 17] = {
        use HeadKind::*;
        [
            Select,
            Find,
            Trend,
            Funnel,
            Sequence,
            Retention,
            Paths,
            Sessions,
            Distribution,
            Intervals,
            Attribution,
            Ltv,
            Lifecycle,
            Stickiness,
            Rfm,
            Profile,
            Journey,
        ]
    };

    pub(super) fn word(self) -> &'static str {
        use HeadKind::*;
        match self {
            Select => "SELECT",
            Find => "FIND",
            Trend => "TREND",
            Funnel => "FUNNEL",
            Sequence => "SEQUENCE",
            Retention => "RETENTION",
            Paths => "PATHS",
            Sessions => "SESSIONS",
            Distribution => "DISTRIBUTION",
            Intervals => "INTERVALS",
            Attribution => "ATTRIBUTION",
            Ltv => "LTV",
            Lifecycle => "LIFECYCLE",
            Stickiness => "STICKINESS",
            Rfm => "RFM",
            Profile => "PROFILE",
            Journey => "JOURNEY",
            SessionRule => "DEFINE SESSION",
        }
    }
}

/// The clause's name and the heads that take it, besides those that all take.
fn rule(kind: &ClauseKind) -> (&'static str, &'static [HeadKind]) {
    use HeadKind::*;
    const ALL: &[HeadKind] = &HeadKind::QUERIES;
    /// Those whose answer is cut into periods.
    const PERIODIC: &[HeadKind] =
        &[Trend, Funnel, Sequence, Retention, Sessions, Distribution, Intervals, Attribution, Ltv, Lifecycle, Stickiness];
    match kind {
        ClauseKind::Of(..) => ("OF", ALL),
        ClauseKind::Where(_) => ("WHERE", ALL),
        ClauseKind::Among(_) => ("AMONG", ALL),
        ClauseKind::During(_) => ("DURING", ALL),
        ClauseKind::AsOf(_) => ("AS OF", ALL),
        ClauseKind::TimeZone(_) => ("IN TIME ZONE", ALL),
        ClauseKind::Sample(_) => ("SAMPLE", ALL),
        ClauseKind::Limit(..) => ("LIMIT", ALL),
        ClauseKind::OrderBy(_) => ("ORDER BY", ALL),
        ClauseKind::Within(_) => ("WITHIN", &[Funnel, Sequence, Paths, Intervals]),
        ClauseKind::Every(_) => ("EVERY", PERIODIC),
        ClauseKind::Compare(_) => ("COMPARE", PERIODIC),
        ClauseKind::WeekStarts(_) => ("WEEK STARTS", PERIODIC),
        ClauseKind::Ties(_) => ("TIES", &[Funnel, Sequence, Retention, Intervals]),
        ClauseKind::For(_) => ("FOR", &[Retention, Ltv]),
        ClauseKind::Buckets(..) | ClauseKind::BucketCount(_) => {
            ("BUCKETS", &[Funnel, Retention, Distribution, Intervals, Ltv, Rfm, Profile])
        }
        ClauseKind::Breakdown { .. } => (
            "BREAKDOWN BY",
            &[Trend, Funnel, Sequence, Retention, Sessions, Distribution, Intervals, Attribution, Ltv, Lifecycle, Stickiness, Rfm, Profile],
        ),
        ClauseKind::GroupBy(_) => ("GROUP BY", &[Select]),
        ClauseKind::Having(_) => ("HAVING", &[Select]),
        ClauseKind::Starting(_) => ("STARTING", &[Retention, Paths, Intervals, Ltv, SessionRule]),
        ClauseKind::Returning(_) => ("RETURNING", &[Retention]),
        ClauseKind::Ending(_) => ("ENDING", &[Paths, Intervals, SessionRule]),
        ClauseKind::Holding(_) => ("HOLDING", &[Funnel, Sequence, Retention, Intervals, Attribution]),
        ClauseKind::Measure(_) => ("MEASURE", &[Funnel, Sequence, Retention, Paths, Sessions, Intervals, Attribution, Ltv, Rfm, Profile]),
        ClauseKind::Show(_) => (
            "SHOW",
            &[
                Find,
                Funnel,
                Sequence,
                Retention,
                Paths,
                Sessions,
                Distribution,
                Intervals,
                Attribution,
                Ltv,
                Lifecycle,
                Stickiness,
                Rfm,
                Journey,
            ],
        ),
        ClauseKind::Calendar => ("CALENDAR", &[Retention, Ltv]),
        ClauseKind::Rolling => ("ROLLING", &[Retention, Ltv]),
        ClauseKind::FirstTime => ("FIRST TIME", &[Retention, Intervals, Ltv]),
        ClauseKind::Recurring => ("RECURRING", &[Retention, Ltv]),
        ClauseKind::Unbounded => ("UNBOUNDED", &[Retention, Ltv]),
        ClauseKind::NoFill => ("NO FILL", &[Trend]),
        ClauseKind::Excluding { .. } => ("EXCLUDING", &[Funnel, Sequence]),
        ClauseKind::Mode { .. } => ("IN … ORDER", &[Funnel, Sequence]),
        ClauseKind::Reentry(_) => ("REENTRY", &[Funnel, Sequence]),
        ClauseKind::Counting(_) => ("COUNTING", &[Funnel, Sequence]),
        ClauseKind::Until(_) => ("UNTIL", &[Funnel, Sequence]),
        ClauseKind::Over(_) => ("OVER", &[Paths, SessionRule]),
        ClauseKind::OverUnit(_) => ("OVER", &[Stickiness]),
        ClauseKind::NodeBy(_) => ("NODE BY", &[Paths]),
        ClauseKind::Depth(_) => ("DEPTH", &[Paths]),
        ClauseKind::BySession(_) => ("BY SESSION", &[Paths]),
        ClauseKind::KeepRepeats => ("KEEP REPEATS", &[Paths]),
        ClauseKind::Goal(_) => ("GOAL", &[Attribution]),
        ClauseKind::Touches(_) => ("TOUCHES", &[Attribution]),
        ClauseKind::Model(_) => ("MODEL", &[Attribution]),
        ClauseKind::Lookback(_) => ("LOOKBACK", &[Attribution]),
        ClauseKind::Cumulative => ("CUMULATIVE", &[Ltv]),
        ClauseKind::Timeout(_) => ("TIMEOUT", &[SessionRule]),
        ClauseKind::SplitBy(_) => ("SPLIT BY", &[SessionRule]),
        ClauseKind::Max(_) => ("MAX", &[SessionRule]),
    }
}

/// True if the head of this name takes the clause.
pub(crate) fn takes(head: &str, clause: &ClauseKind) -> bool {
    if head == HeadKind::SessionRule.word() {
        return rule_takes(rule(clause).0);
    }
    let named = if head == "FROM" { "SELECT" } else { head };
    HeadKind::QUERIES.into_iter().find(|h| h.word() == named).is_some_and(|h| rule(clause).1.contains(&h))
}

/// The clauses of a session rule.
fn rule_takes(name: &str) -> bool {
    matches!(name, "OF" | "TIMEOUT" | "MAX" | "SPLIT BY" | "OVER" | "STARTING" | "ENDING")
}

fn hint(head: HeadKind, clause: &str) -> String {
    match (head, clause) {
        (HeadKind::Retention, "EXCLUDING") => "exclude the people instead: AMONG … EXCEPT (FIND … WHERE DID …)".into(),
        (HeadKind::Ltv, "RETURNING") => "the measures of LTV name the events that are worth something".into(),
        (HeadKind::Find, "GROUP BY") => "use PROFILE … BREAKDOWN BY, or add |> AGGREGATE … GROUP BY …".into(),
        (HeadKind::Select, "BREAKDOWN BY") => "SELECT groups with GROUP BY".into(),
        (_, "GROUP BY") => "an analysis is broken down with BREAKDOWN BY".into(),
        (HeadKind::Trend, "MEASURE") => "the measures stand behind TREND itself".into(),
        (HeadKind::Trend | HeadKind::Retention, "WITHIN") => "a range of time is DURING".into(),
        (_, "HAVING") => "filter the result with |> WHERE …".into(),
        _ => format!("leave `{clause}` out"),
    }
}

/// The clauses of one statement.
#[derive(Clone, Copy)]
pub(super) struct Clauses<'c> {
    list: &'c [Clause],
}

impl<'c> Clauses<'c> {
    /// Clauses that are not checked here.
    pub(super) fn of(list: &'c [Clause]) -> Self {
        Clauses { list }
    }
    /// The first answer of `f`.
    pub(super) fn get<T>(&self, f: impl Fn(&'c ClauseKind) -> Option<T>) -> Option<T> {
        self.list.iter().find_map(|c| f(&c.kind))
    }
    /// The first answer of `f` with its place.
    pub(super) fn get_at<T>(&self, f: impl Fn(&'c ClauseKind) -> Option<T>) -> Option<(T, Span)> {
        self.list.iter().find_map(|c| f(&c.kind).map(|t| (t, c.span)))
    }
    /// True when a clause passes.
    pub(super) fn has(&self, f: impl Fn(&'c ClauseKind) -> bool) -> bool {
        self.list.iter().any(|c| f(&c.kind))
    }
    /// SHOW.
    pub(super) fn show(&self) -> Option<(&'c Show, Span)> {
        self.get_at(|k| if let ClauseKind::Show(s) = k { Some(s) } else { None })
    }
}

impl Binder<'_> {
    /// Holds clauses against their head; reports those it does not take and those given twice.
    pub(super) fn clauses<'c>(&mut self, head: HeadKind, list: &'c [Clause]) -> Clauses<'c> {
        let mut seen: Vec<(&str, Span)> = Vec::new();
        for c in list {
            let (name, heads) = rule(&c.kind);
            let rule_clause = head == HeadKind::SessionRule && rule_takes(name);
            if !heads.contains(&head) && !rule_clause {
                let h = hint(head, name);
                let span = self.place(c.span);
                let d = eql_grammar::Diagnostic::error(code::CLAUSE, self.text, span, format!("{} does not take {name}", head.word()))
                    .with_hint(h);
                self.report(match self.groups_otherwise(head, c) {
                    Some((words, instead)) => d.with_fix(self.text, words, instead),
                    None => d,
                });
            }
            match seen.iter().find(|(n, _)| *n == name) {
                Some((_, first)) => {
                    let d =
                        eql_grammar::Diagnostic::error(code::CLAUSE_TWICE, self.text, self.place(c.span), format!("{name} stands twice"))
                            .with_label(self.text, self.place(*first), "first here")
                            .with_hint("join both conditions with AND, or leave one out");
                    self.report(d);
                }
                None => seen.push((name, c.span)),
            }
        }
        Clauses { list }
    }

    /// The words GROUP BY of an analysis, BREAKDOWN BY of a SELECT, and what they should be.
    fn groups_otherwise(&self, head: HeadKind, c: &Clause) -> Option<(Span, &'static str)> {
        let instead = match (&c.kind, head) {
            (ClauseKind::GroupBy(_), h) if !matches!(h, HeadKind::Find | HeadKind::Journey | HeadKind::Sequence | HeadKind::Paths) => {
                "BREAKDOWN BY"
            }
            (ClauseKind::Breakdown { top: None, .. }, HeadKind::Select) => "GROUP BY",
            _ => return None,
        };
        let written = self.text.get(c.span.start..c.span.end)?.to_ascii_uppercase();
        let words = if instead == "GROUP BY" { "BREAKDOWN BY" } else { "GROUP BY" };
        written.starts_with(words).then(|| (Span::new(c.span.start, c.span.start + words.len()), instead))
    }

    /// Reports a clause that the head needs.
    pub(super) fn require<T>(&mut self, found: Option<T>, head: HeadKind, clause: &str, at: Span, example: &str) -> Option<T> {
        if found.is_none() {
            self.error_hint(code::CLAUSE_MISSING, at, format!("{} needs {clause}", head.word()), format!("add {example}"));
        }
        found
    }
}
