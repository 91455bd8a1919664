//! Builds the tree from what the grammar matched. The files below follow the grammar's sections.

mod call;
mod clause;
mod define;
mod expression;
mod query;
mod statement;
mod step;
mod time;

pub(crate) use time::unit_named;

use crate::ast::{Expr, Ident, Param, ParamName, Path, Range, Span, Statement};
use crate::code;
use crate::diagnostic::Diagnostic;
use crate::limit::{EXPRESSION_HEIGHT_MAX, EXPRESSION_NODES_MAX};
use crate::parser::{Pair, Parts, Rule};

/// A part of the tree, or why there is none.
pub(crate) type Built<T> = Result<T, Box<Diagnostic>>;

/// Builds one statement. `base` is the statement's offset in `text`, `ends` the offsets where its tokens end.
pub(crate) struct Builder<'t> {
    text: &'t str,
    base: usize,
    ends: &'t [usize],
    /// The tallest expression built since the innermost `deep` began.
    height: usize,
    nodes: usize,
}

impl<'t> Builder<'t> {
    pub(crate) fn new(text: &'t str, base: usize, ends: &'t [usize]) -> Self {
        Self { text, base, ends, height: 0, nodes: 0 }
    }

    /// The statement below the entry rule.
    pub(crate) fn whole_statement(&mut self, entry: Pair<'_>) -> Built<Statement> {
        self.statement(&mut Parts::of(entry))
    }

    /// The expression below the entry rule.
    pub(crate) fn whole_expr(&mut self, entry: Pair<'_>) -> Built<Expr> {
        self.expr(&mut Parts::of(entry))
    }

    /// The length of time below the entry rule.
    pub(crate) fn whole_duration(&mut self, entry: Pair<'_>) -> Built<crate::ast::Duration> {
        self.duration(&mut Parts::of(entry))
    }

    /// The range below the entry rule.
    pub(crate) fn whole_range(&mut self, entry: Pair<'_>) -> Built<Range> {
        self.range(&mut Parts::of(entry))
    }

    /// Where a match stands in the submitted text. Blanks that the grammar took along at its end are left out.
    fn span(&self, pair: &Pair<'_>) -> Span {
        let span = pair.as_span();
        let (start, end) = (self.base + span.start(), self.base + span.end());
        let last = self.ends.partition_point(|&e| e <= end);
        let tight = last.checked_sub(1).and_then(|i| self.ends.get(i)).copied().unwrap_or(end);
        Span::new(start, tight.max(start))
    }

    /// The next child, which the grammar guarantees to be `rule`.
    fn need<'a>(&self, p: &mut Parts<'a>, rule: Rule) -> Built<Pair<'a>> {
        p.take(rule).ok_or_else(|| self.fault())
    }

    /// The next child, opened, with its place.
    fn enter<'a>(&self, p: &mut Parts<'a>, rule: Rule) -> Built<(Parts<'a>, Span)> {
        let pair = self.need(p, rule)?;
        let span = self.span(&pair);
        Ok((Parts::of(pair), span))
    }

    /// All following children that are `rule`.
    fn list<T>(&mut self, p: &mut Parts<'_>, rule: Rule, one: fn(&mut Self, &mut Parts<'_>) -> Built<T>) -> Built<Vec<T>> {
        let mut all = Vec::new();
        while p.rule() == Some(rule) {
            all.push(one(self, p)?);
        }
        Ok(all)
    }

    /// The grammar matched what this builder does not know: our fault, never the user's.
    fn fault(&self) -> Box<Diagnostic> {
        let span = Span::new(self.base, self.base);
        Box::new(Diagnostic::error(code::FAULT, self.text, span, "this statement could not be read because of a fault in the parser"))
    }

    fn refuse(&self, code: &'static str, span: Span, message: impl Into<String>, hint: &str) -> Box<Diagnostic> {
        Box::new(Diagnostic::error(code, self.text, span, message).with_hint(hint))
    }

    /// Builds a node that stands `1 + extra` levels above what `build` builds, and keeps trees low enough to walk.
    fn deep<T>(&mut self, extra: usize, span: Span, build: impl FnOnce(&mut Self) -> Built<T>) -> Built<T> {
        // Before it is built: a tree that is too high could not even be dropped.
        self.bear(1 + extra, span)?;
        let beside = std::mem::take(&mut self.height);
        let built = build(self)?;
        let height = self.height + 1 + extra;
        self.bear(height, span)?;
        self.height = beside.max(height);
        self.count(span)?;
        Ok(built)
    }

    fn bear(&self, height: usize, span: Span) -> Built<()> {
        if height <= EXPRESSION_HEIGHT_MAX {
            return Ok(());
        }
        let message = format!("this is nested more than {EXPRESSION_HEIGHT_MAX} levels deep");
        Err(self.refuse(code::TOO_DEEP, span, message, "split the expression, or name a part of it with DEFINE PROPERTY"))
    }

    /// Counts a node that is not a plain value.
    fn count(&mut self, span: Span) -> Built<()> {
        self.nodes += 1;
        if self.nodes <= EXPRESSION_NODES_MAX {
            return Ok(());
        }
        let message = format!("this statement has more than {EXPRESSION_NODES_MAX} expressions");
        Err(self.refuse(code::TOO_MANY_NODES, span, message, "split it into several statements"))
    }

    fn ident(&mut self, p: &mut Parts<'_>) -> Built<Ident> {
        let pair = self.need(p, Rule::ident)?;
        Ok(Ident { name: name_of(pair.as_str()), span: self.span(&pair) })
    }

    fn path(&mut self, p: &mut Parts<'_>) -> Built<Path> {
        let (mut p, span) = self.enter(p, Rule::path)?;
        self.count(span)?;
        Ok(Path { parts: self.list(&mut p, Rule::ident, Self::ident)? })
    }

    /// The text of a string, quotes undone.
    fn string(&mut self, p: &mut Parts<'_>) -> Built<(String, Span)> {
        let pair = self.need(p, Rule::string)?;
        Ok((inside(pair.as_str(), "'"), self.span(&pair)))
    }

    fn text_only(&mut self, p: &mut Parts<'_>) -> Built<String> {
        Ok(self.string(p)?.0)
    }

    fn int(&mut self, p: &mut Parts<'_>) -> Built<(u64, Span)> {
        let pair = self.need(p, Rule::int)?;
        let span = self.span(&pair);
        match pair.as_str().parse() {
            Ok(n) => Ok((n, span)),
            Err(_) => Err(self.refuse(
                code::NUMBER_TOO_LARGE,
                span,
                format!("the count `{}` is too large", pair.as_str()),
                "counts end at 18446744073709551615",
            )),
        }
    }

    fn count_only(&mut self, p: &mut Parts<'_>) -> Built<u64> {
        Ok(self.int(p)?.0)
    }

    fn param(&mut self, p: &mut Parts<'_>) -> Built<Param> {
        let pair = self.need(p, Rule::param)?;
        let span = self.span(&pair);
        let name = match pair.as_str().strip_prefix('$') {
            None => ParamName::Name(pair.as_str().trim_start_matches(':').to_owned()),
            Some(digits) => match digits.parse() {
                Ok(n) => ParamName::Position(n),
                Err(_) => {
                    return Err(self.refuse(
                        code::NUMBER_TOO_LARGE,
                        span,
                        format!("the parameter `{}` is too large", pair.as_str()),
                        "parameters are numbered from `$1`",
                    ));
                }
            },
        };
        Ok(Param { name, span })
    }
}

/// A name without its quotes.
pub fn name_of(written: &str) -> String {
    match written.chars().next() {
        Some('`') => inside(written, "`"),
        Some('"') => inside(written, "\""),
        _ => written.to_owned(),
    }
}

/// What stands between two quotes, doubled quotes undone.
pub(crate) fn inside(written: &str, quote: &str) -> String {
    let bare = written.strip_prefix(quote).unwrap_or(written);
    let bare = bare.strip_suffix(quote).unwrap_or(bare);
    bare.replace(&quote.repeat(2), quote)
}
