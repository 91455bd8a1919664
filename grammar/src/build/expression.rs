//! Expressions: AND and OR over predicates over values, with the precedence inside a value.

use super::{Builder, Built, inside};
use crate::ast::{Arg, BinaryOp, Call, Expr, ExprKind, Ident, InList, IsWhat, Item, Literal, MatchOp, Path, Query, Span, TypeName};
use crate::code;
use crate::parser::{Pair, Parts, Rule};

/// What stands in brackets: a query, or one or more expressions.
enum Bracketed {
    Query(Box<Query>),
    Exprs(Vec<Expr>),
}

impl Builder<'_> {
    pub(super) fn items(&mut self, p: &mut Parts<'_>) -> Built<Vec<Item>> {
        let (mut p, _) = self.enter(p, Rule::items)?;
        self.list(&mut p, Rule::item, Self::item)
    }

    pub(super) fn item(&mut self, p: &mut Parts<'_>) -> Built<Item> {
        let (mut p, _) = self.enter(p, Rule::item)?;
        let expr = self.expr(&mut p)?;
        let alias = if p.eat(Rule::kw_as) { Some(self.alias(&mut p)?) } else { None };
        Ok(Item { expr, alias })
    }

    pub(super) fn exprs(&mut self, p: &mut Parts<'_>) -> Built<Vec<Expr>> {
        self.list(p, Rule::expr, Self::expr)
    }

    pub(super) fn expr(&mut self, p: &mut Parts<'_>) -> Built<Expr> {
        let (mut p, span) = self.enter(p, Rule::expr)?;
        let levels = levels_in(&p);
        if levels == 0 {
            return self.predicate(&mut p);
        }
        self.deep(levels - 1, span, |b| b.any_of(&mut p))
    }

    fn any_of(&mut self, p: &mut Parts<'_>) -> Built<Expr> {
        let mut terms = vec![self.all_of(p)?];
        while p.eat(Rule::kw_or) {
            terms.push(self.all_of(p)?);
        }
        Ok(flat(terms, ExprKind::Or, |kind| match kind {
            ExprKind::Or(inner) => Ok(inner),
            other => Err(other),
        }))
    }

    fn all_of(&mut self, p: &mut Parts<'_>) -> Built<Expr> {
        let mut terms = vec![self.negated(p)?];
        while p.eat(Rule::kw_and) {
            terms.push(self.negated(p)?);
        }
        Ok(flat(terms, ExprKind::And, |kind| match kind {
            ExprKind::And(inner) => Ok(inner),
            other => Err(other),
        }))
    }

    fn negated(&mut self, p: &mut Parts<'_>) -> Built<Expr> {
        let mut nots = Vec::new();
        while let Some(word) = p.take(Rule::kw_not) {
            nots.push(self.span(&word));
        }
        let mut expr = self.predicate(p)?;
        for not in nots.into_iter().rev() {
            let span = not.to(expr.span);
            expr = Expr { kind: ExprKind::Not(Box::new(expr)), span };
        }
        Ok(expr)
    }

    fn predicate(&mut self, p: &mut Parts<'_>) -> Built<Expr> {
        let (mut p, span) = self.enter(p, Rule::predicate)?;
        if p.rule() == Some(Rule::behaviour) {
            let behaviour = self.deep(0, span, |b| b.behaviour(&mut p))?;
            return Ok(Expr { kind: ExprKind::Behaviour(Box::new(behaviour)), span });
        }
        let tails = children(&p, Rule::pred_tail);
        if tails == 0 {
            return self.value(&mut p);
        }
        self.deep(tails - 1, span, |b| {
            let mut expr = b.value(&mut p)?;
            while let Some(tail) = p.take(Rule::pred_tail) {
                let span = expr.span.to(b.span(&tail));
                expr = Expr { kind: b.tail(Box::new(expr), tail)?, span };
            }
            Ok(expr)
        })
    }

    fn tail(&mut self, expr: Box<Expr>, tail: Pair<'_>) -> Built<ExprKind> {
        let pair = Parts::of(tail).next().ok_or_else(|| self.fault())?;
        let rule = pair.as_rule();
        let mut p = Parts::of(pair);
        if rule == Rule::compare_tail {
            return Ok(ExprKind::Binary(self.comparison(&mut p)?, expr, Box::new(self.value(&mut p)?)));
        }
        if rule == Rule::is_tail {
            return self.is_tail(expr, &mut p);
        }
        let negated = p.eat(Rule::kw_not);
        p.eat(Rule::kw_in);
        Ok(match rule {
            Rule::segment_tail => {
                p.eat(Rule::kw_segment);
                ExprKind::InSegment { expr, negated, segment: Box::new(self.segment_expr(&mut p)?) }
            }
            Rule::in_tail => ExprKind::In { expr, negated, list: self.in_list(&mut p)? },
            Rule::between_tail => {
                p.eat(Rule::kw_between);
                let low = Box::new(self.value(&mut p)?);
                p.eat(Rule::kw_and);
                ExprKind::Between { expr, negated, low, high: Box::new(self.value(&mut p)?) }
            }
            _ => ExprKind::Match { expr, negated, op: self.match_op(&mut p)?, pattern: Box::new(self.value(&mut p)?) },
        })
    }

    fn comparison(&mut self, p: &mut Parts<'_>) -> Built<BinaryOp> {
        Ok(match self.need(p, Rule::cmp)?.as_str() {
            "=" => BinaryOp::Equal,
            "!=" | "<>" => BinaryOp::NotEqual,
            "<=" => BinaryOp::LessOrEqual,
            ">=" => BinaryOp::GreaterOrEqual,
            "<" => BinaryOp::Less,
            _ => BinaryOp::Greater,
        })
    }

    fn is_tail(&mut self, expr: Box<Expr>, p: &mut Parts<'_>) -> Built<ExprKind> {
        p.eat(Rule::kw_is);
        let negated = p.eat(Rule::kw_not);
        let what = match p.next().map(|word| word.as_rule()) {
            Some(Rule::kw_set) => IsWhat::Set,
            Some(Rule::kw_true) => IsWhat::True,
            Some(Rule::kw_false) => IsWhat::False,
            _ => IsWhat::Null,
        };
        Ok(ExprKind::Is { expr, negated, what })
    }

    fn in_list(&mut self, p: &mut Parts<'_>) -> Built<InList> {
        if p.rule() == Some(Rule::param) {
            return Ok(InList::Param(self.param(p)?));
        }
        Ok(match self.bracketed(p)?.0 {
            Bracketed::Query(query) => InList::Query(query),
            Bracketed::Exprs(values) => InList::Values(values),
        })
    }

    fn match_op(&mut self, p: &mut Parts<'_>) -> Built<MatchOp> {
        let (mut p, _) = self.enter(p, Rule::match_op)?;
        Ok(match p.next().map(|word| word.as_rule()) {
            Some(Rule::kw_like) => MatchOp::Like,
            Some(Rule::kw_ilike) => MatchOp::ILike,
            Some(Rule::kw_matches) => MatchOp::Matches,
            Some(Rule::kw_contains) => MatchOp::Contains,
            Some(Rule::kw_starts) => MatchOp::StartsWith,
            Some(Rule::kw_ends) => MatchOp::EndsWith,
            _ if p.eat(Rule::kw_any) => MatchOp::HasAny,
            _ if p.eat(Rule::kw_all) => MatchOp::HasAll,
            _ => MatchOp::Has,
        })
    }

    fn value(&mut self, p: &mut Parts<'_>) -> Built<Expr> {
        let (mut p, span) = self.enter(p, Rule::value)?;
        let operators = children(&p, Rule::arith);
        if operators == 0 {
            return self.operand(&mut p);
        }
        self.deep(operators - 1, span, |b| {
            let first = b.operand(&mut p)?;
            let mut rest = Vec::new();
            while let Some(op) = p.take(Rule::arith) {
                rest.push((arithmetic(op.as_str()), b.operand(&mut p)?));
            }
            Ok(fold(first, rest))
        })
    }

    fn operand(&mut self, p: &mut Parts<'_>) -> Built<Expr> {
        let (mut p, span) = self.enter(p, Rule::operand)?;
        let layers = children(&p, Rule::minus) + children(&p, Rule::cast_to);
        if layers == 0 {
            return self.primary(&mut p);
        }
        self.deep(layers - 1, span, |b| b.signed(&mut p, span))
    }

    fn signed(&mut self, p: &mut Parts<'_>, span: Span) -> Built<Expr> {
        let mut minuses = 0;
        while p.eat(Rule::minus) {
            minuses += 1;
        }
        let mut expr = self.primary(p)?;
        while let Some(cast) = p.take(Rule::cast_to) {
            let kind = ExprKind::Cast(Box::new(expr), self.type_name(&mut Parts::of(cast))?);
            expr = Expr { kind, span };
        }
        for _ in 0..minuses {
            expr = Expr { kind: ExprKind::Negate(Box::new(expr)), span };
        }
        Ok(expr)
    }

    fn primary(&mut self, p: &mut Parts<'_>) -> Built<Expr> {
        let Some(pair) = p.clone().next() else { return Err(self.fault()) };
        let span = self.span(&pair);
        let kind = match pair.as_rule() {
            Rule::paren => return self.parenthesised(p),
            Rule::case => self.deep(0, span, |b| b.case(p))?,
            Rule::cast => self.deep(0, span, |b| b.cast(p))?,
            Rule::extract => self.deep(0, span, |b| b.extract(p))?,
            Rule::exists => self.deep(0, span, |b| b.exists(p))?,
            Rule::reference => self.reference(p)?,
            Rule::length => ExprKind::Duration(self.length_of(p, Rule::length)?),
            Rule::param => ExprKind::Param(self.param(p)?),
            Rule::typed_lit => {
                let (kind, text) = self.typed(p)?;
                ExprKind::Literal(Literal::Typed(kind, text))
            }
            _ => ExprKind::Literal(self.literal(p)?),
        };
        Ok(Expr { kind, span })
    }

    /// A value as written: `Rule::literal`, or `Rule::constant` of a definition or SET.
    pub(super) fn literal(&mut self, p: &mut Parts<'_>) -> Built<Literal> {
        let pair = p.next().ok_or_else(|| self.fault())?;
        let mut p = Parts::of(pair);
        let sign = if p.eat(Rule::minus) { "-" } else { "" };
        if p.rule() == Some(Rule::typed_lit) {
            let (kind, text) = self.typed(&mut p)?;
            return Ok(Literal::Typed(kind, text));
        }
        let token = p.next().ok_or_else(|| self.fault())?;
        Ok(match token.as_rule() {
            Rule::number => Literal::Number(format!("{sign}{}", token.as_str())),
            Rule::string => Literal::Text(inside(token.as_str(), "'")),
            Rule::kw_true => Literal::Bool(true),
            Rule::kw_false => Literal::Bool(false),
            _ => Literal::Null,
        })
    }

    pub(super) fn parenthesised(&mut self, p: &mut Parts<'_>) -> Built<Expr> {
        let (inside, span) = self.bracketed(p)?;
        let kind = match inside {
            Bracketed::Query(query) => ExprKind::Subquery(query),
            Bracketed::Exprs(mut exprs) => match exprs.pop() {
                Some(only) if exprs.is_empty() => return Ok(only),
                Some(last) => {
                    exprs.push(last);
                    ExprKind::Tuple(exprs)
                }
                None => return Err(self.fault()),
            },
        };
        Ok(Expr { kind, span })
    }

    /// `( … )`: a query, expressions, or an expression that turns out to be the first term of a query.
    fn bracketed(&mut self, p: &mut Parts<'_>) -> Built<(Bracketed, Span)> {
        let (mut p, span) = self.enter(p, Rule::paren)?;
        if let Some(inner) = p.take(Rule::inner_query) {
            return Ok((Bracketed::Query(Box::new(self.query(&mut Parts::of(inner))?)), span));
        }
        if children(&p, Rule::expr) > 1 {
            return Ok((Bracketed::Exprs(self.deep(0, span, |b| b.exprs(&mut p))?), span));
        }
        let first = self.expr(&mut p)?;
        let inside = match p.take(Rule::query_tail) {
            Some(tail) => Bracketed::Query(Box::new(self.query_after(first, tail, span)?)),
            None => Bracketed::Exprs(vec![first]),
        };
        Ok((inside, span))
    }

    /// `(SELECT 1) UNION …` inside brackets: the first term was read as an expression.
    fn query_after(&mut self, first: Expr, tail: Pair<'_>, span: Span) -> Built<Query> {
        let ExprKind::Subquery(query) = first.kind else {
            let place = Span::new(self.span(&tail).start, self.span(&tail).start + 2);
            return Err(self.refuse(
                code::EXPECTED,
                place,
                "a value cannot be combined like a query",
                "expected `,` or `)` after the value",
            ));
        };
        self.query_from(*query, &mut Parts::of(tail), span)
    }

    fn case(&mut self, p: &mut Parts<'_>) -> Built<ExprKind> {
        let (mut p, _) = self.enter(p, Rule::case)?;
        p.eat(Rule::kw_case);
        let operand = if p.rule() == Some(Rule::expr) { Some(Box::new(self.expr(&mut p)?)) } else { None };
        let whens = self.list(&mut p, Rule::when, Self::when)?;
        let otherwise = if p.eat(Rule::kw_else) { Some(Box::new(self.expr(&mut p)?)) } else { None };
        Ok(ExprKind::Case { operand, whens, otherwise })
    }

    fn when(&mut self, p: &mut Parts<'_>) -> Built<(Expr, Expr)> {
        let (mut p, _) = self.enter(p, Rule::when)?;
        p.eat(Rule::kw_when);
        let test = self.expr(&mut p)?;
        p.eat(Rule::kw_then);
        Ok((test, self.expr(&mut p)?))
    }

    fn cast(&mut self, p: &mut Parts<'_>) -> Built<ExprKind> {
        let (mut p, _) = self.enter(p, Rule::cast)?;
        let safe = p.eat(Rule::kw_try_cast);
        p.eat(Rule::kw_cast);
        let expr = self.expr(&mut p)?;
        p.eat(Rule::kw_as);
        let to = self.type_name(&mut p)?;
        Ok(if safe { try_cast(expr, &to) } else { ExprKind::Cast(Box::new(expr), to) })
    }

    /// `EXTRACT(hour FROM t)` is `date_part('hour', t)`.
    fn extract(&mut self, p: &mut Parts<'_>) -> Built<ExprKind> {
        let (mut p, span) = self.enter(p, Rule::extract)?;
        p.eat(Rule::kw_extract);
        let part = self.ident(&mut p)?;
        p.eat(Rule::kw_from);
        let from = self.expr(&mut p)?;
        let unit = Expr { kind: ExprKind::Literal(Literal::Text(part.name.to_lowercase())), span: part.span };
        let name = Path { parts: vec![Ident { name: "date_part".to_owned(), span }] };
        let args = vec![Arg::Expr(unit), Arg::Expr(from)];
        Ok(ExprKind::Call(Box::new(Call { name, distinct: false, args, scopes: Vec::new(), over: None })))
    }

    fn exists(&mut self, p: &mut Parts<'_>) -> Built<ExprKind> {
        let (mut p, _) = self.enter(p, Rule::exists)?;
        p.eat(Rule::kw_exists);
        Ok(ExprKind::Exists(Box::new(self.query(&mut p)?)))
    }

    pub(super) fn type_name(&mut self, p: &mut Parts<'_>) -> Built<TypeName> {
        let (mut p, span) = self.enter(p, Rule::type_name)?;
        if p.eat(Rule::kw_list) {
            let element = Some(Box::new(self.type_name(&mut p)?));
            return Ok(TypeName { name: "LIST".to_owned(), args: Vec::new(), element, span });
        }
        let name = self.need(&mut p, Rule::type_word)?.as_str().to_uppercase();
        Ok(TypeName { name, args: self.list(&mut p, Rule::int, Self::count_only)?, element: None, span })
    }
}

fn children(p: &Parts<'_>, rule: Rule) -> usize {
    let mut p = p.clone();
    std::iter::from_fn(|| p.next()).filter(|pair| pair.as_rule() == rule).count()
}

/// How many levels the AND, OR and NOT directly in an expression make.
fn levels_in(p: &Parts<'_>) -> usize {
    children(p, Rule::kw_and).min(1) + children(p, Rule::kw_or).min(1) + negations_in(p)
}

/// The longest run of NOT directly in an expression.
fn negations_in(p: &Parts<'_>) -> usize {
    let mut p = p.clone();
    let (mut run, mut longest) = (0, 0);
    while let Some(pair) = p.next() {
        run = if pair.as_rule() == Rule::kw_not { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    longest
}

/// One term stays itself; more become one flat node, terms of the same kind spliced in.
fn flat(terms: Vec<Expr>, wrap: fn(Vec<Expr>) -> ExprKind, open: fn(ExprKind) -> Result<Vec<Expr>, ExprKind>) -> Expr {
    let span = terms.iter().map(|t| t.span).reduce(Span::to).unwrap_or_default();
    let single = terms.len() == 1;
    let mut flat = Vec::with_capacity(terms.len());
    for term in terms {
        if single {
            return term;
        }
        match open(term.kind) {
            Ok(inner) => flat.extend(inner),
            Err(kind) => flat.push(Expr { kind, span: term.span }),
        }
    }
    Expr { kind: wrap(flat), span }
}

fn arithmetic(op: &str) -> BinaryOp {
    match op {
        "+" => BinaryOp::Add,
        "-" => BinaryOp::Subtract,
        "||" => BinaryOp::Concat,
        "*" => BinaryOp::Multiply,
        "/" => BinaryOp::Divide,
        _ => BinaryOp::Modulo,
    }
}

fn binary(op: BinaryOp, left: Expr, right: Expr) -> Expr {
    let span = left.span.to(right.span);
    Expr { kind: ExprKind::Binary(op, Box::new(left), Box::new(right)), span }
}

/// Folds a chain of arithmetic: `*`, `/` and `%` bind tighter, all are left-associative.
fn fold(first: Expr, rest: Vec<(BinaryOp, Expr)>) -> Expr {
    let mut left: Option<(Expr, BinaryOp)> = None;
    let mut current = first;
    for (op, operand) in rest {
        if matches!(op, BinaryOp::Multiply | BinaryOp::Divide | BinaryOp::Modulo) {
            current = binary(op, current, operand);
            continue;
        }
        current = match left.take() {
            Some((sum, plus)) => binary(plus, sum, current),
            None => current,
        };
        left = Some((current, op));
        current = operand;
    }
    match left {
        Some((sum, plus)) => binary(plus, sum, current),
        None => current,
    }
}

/// `try_cast(x AS BIGINT)` is the call `try_cast(x, 'BIGINT')`.
fn try_cast(expr: Expr, to: &TypeName) -> ExprKind {
    let name = Ident { name: "try_cast".to_string(), span: to.span };
    let text = Expr { kind: ExprKind::Literal(Literal::Text(crate::print::expression::type_name(to))), span: to.span };
    let args = vec![Arg::Expr(expr), Arg::Expr(text)];
    ExprKind::Call(Box::new(Call { name: Path { parts: vec![name] }, distinct: false, args, scopes: Vec::new(), over: None }))
}
