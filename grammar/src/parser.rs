//! The only file that names pest: it runs the grammar `eql.pest` and hands out what matched, or where it stopped.

use pest::Parser as _;
use pest::error::{ErrorVariant, InputLocation};

/// The grammar's rules, generated.
mod generated {
    #![allow(missing_docs, unreachable_pub)]
    #[derive(pest_derive::Parser)]
    #[grammar = "../eql.pest"]
    pub(super) struct Grammar;
}

pub(crate) use generated::Rule;

/// A matched rule with its text and children.
pub(crate) type Pair<'a> = pest::iterators::Pair<'a, Rule>;

/// Where the grammar gave up, and what it would have taken there.
#[derive(Debug)]
pub(crate) struct Miss {
    /// Offset in the text that was parsed.
    pub(crate) at: usize,
    /// Rules that were tried at that place.
    pub(crate) expected: Vec<Rule>,
    /// The grammar did not stop, it was stopped: the text costs too much.
    pub(crate) exhausted: bool,
}

/// Most steps of the grammar over one text. A text of full length needs a small part of them.
const STEPS_MAX: usize = 500_000_000;

/// Runs `rule`, one of the `only_…` entries, over the whole of `text`.
pub(crate) fn read(rule: Rule, text: &str) -> Result<Pair<'_>, Miss> {
    // The limit is the process's, and always the same: setting it again changes nothing.
    pest::set_call_limit(std::num::NonZeroUsize::new(STEPS_MAX));
    match generated::Grammar::parse(rule, text) {
        Ok(mut pairs) => pairs.next().ok_or_else(|| Miss { at: 0, expected: Vec::new(), exhausted: false }),
        Err(error) => Err(miss(error)),
    }
}

fn miss(error: pest::error::Error<Rule>) -> Miss {
    let at = match error.location {
        InputLocation::Pos(at) | InputLocation::Span((at, _)) => at,
    };
    match error.variant {
        ErrorVariant::ParsingError { positives, .. } => Miss { at, expected: positives, exhausted: false },
        ErrorVariant::CustomError { .. } => Miss { at, expected: Vec::new(), exhausted: true },
    }
}

/// The children of a matched rule, read one by one; brackets and other punctuation are stepped over.
#[derive(Clone)]
pub(crate) struct Parts<'a>(pest::iterators::Pairs<'a, Rule>);

impl<'a> Parts<'a> {
    /// The children of `pair`.
    pub(crate) fn of(pair: Pair<'a>) -> Self {
        Self(pair.into_inner())
    }
    /// The rule of the next child.
    pub(crate) fn rule(&mut self) -> Option<Rule> {
        while self.0.peek().is_some_and(|p| punctuation(p.as_rule())) {
            self.0.next();
        }
        self.0.peek().map(|p| p.as_rule())
    }
    /// The next child, whatever it is.
    pub(crate) fn next(&mut self) -> Option<Pair<'a>> {
        self.rule()?;
        self.0.next()
    }
    /// The next child if it is `rule`.
    pub(crate) fn take(&mut self, rule: Rule) -> Option<Pair<'a>> {
        if self.rule() == Some(rule) { self.0.next() } else { None }
    }
    /// True, and one child further, if the next child is `rule`.
    pub(crate) fn eat(&mut self, rule: Rule) -> bool {
        self.take(rule).is_some()
    }
}

fn punctuation(rule: Rule) -> bool {
    matches!(rule, Rule::open | Rule::close | Rule::close_square | Rule::arrow | Rule::percent | Rule::becomes | Rule::EOI)
}

/// True if `c` may begin a name, as the grammar's `ident_start` has it.
pub(crate) fn begins_name(c: char) -> bool {
    c == '_' || c.is_ascii_alphabetic() || (!c.is_ascii() && pest::unicode::XID_START(c))
}

/// True if `c` may stand inside a name, as the grammar's `idc` has it.
pub(crate) fn continues_name(c: char) -> bool {
    c == '_' || c.is_ascii_alphanumeric() || (!c.is_ascii() && pest::unicode::XID_CONTINUE(c))
}
