//! ATTRIBUTION: what led to the goal.

use super::Binder;
use super::clause::{Clauses, HeadKind};
use super::distribution::number;
use super::funnel::every_row;
use super::matches::{Groups, Matched, Shape, step_names};
use super::scope::{Env, RowScope};
use super::step_where::StepName;
use crate::bound::*;
use crate::code;
use eql_catalog::{DataType, Value};
use eql_grammar::ast::{self, Arg, BinaryOp, ClauseKind, ExprKind as A, Item, Span, Step as AstStep};
use eql_grammar::nearest;

const HEAD: HeadKind = HeadKind::Attribution;

/// Goal and touches: each needs a bit of 64.
const TOUCHES_MAX: usize = 63;

/// Slots of a match: the goal, the touch, and behind them the touch as one of an item of TOUCHES.
const GOAL: usize = 0;
const TOUCH: usize = 1;
const ITEMS: usize = 2;

impl Binder<'_> {
    pub(super) fn attribution(&mut self, a: &ast::Analysis) -> Option<Query> {
        let clauses = self.clauses(HEAD, &a.clauses);
        self.clock = self.head_clock(clauses);
        let during = self.required_during(clauses, HEAD, a.head_span);
        let goal = clauses.get(|k| if let ClauseKind::Goal(s) = k { Some(s) } else { None });
        let touches = clauses.get(|k| if let ClauseKind::Touches(s) = k { Some(s) } else { None });
        let goal = self.require(goal, HEAD, "GOAL", a.head_span, "for example GOAL purchase");
        let touches = self.require(touches, HEAD, "TOUCHES", a.head_span, "for example TOUCHES ad_click, push_open");
        let rule = self.attribution_rule(clauses);
        let mut steps: Vec<AstStep> = std::iter::once(goal?).chain(touches?).cloned().collect();
        self.attribution_steps(&steps);
        let subject = self.subject(clauses, steps.first().map(|s| &s.scope));
        let (mut names, shared) = step_names(&steps);
        names.push(("goal".into(), vec![GOAL]));
        names.push(("touch".into(), (1..steps.len()).collect()));
        self.match_where(clauses, &names, &mut steps);
        let Some(subject) = subject else {
            for s in &steps {
                self.event_types(&s.scope, None);
            }
            return None;
        };
        let among = clauses.get(|k| if let ClauseKind::Among(s) = k { Some(s) } else { None }).map(|s| self.among(s, &subject));
        let (bound, rows) = self.attribution_rows(&steps, &subject);
        let holding = clauses.get(|k| if let ClauseKind::Holding(e) = k { Some(e.as_slice()) } else { None }).unwrap_or_default();
        let holding = self.holding(holding, &rows);
        let mut m = Matched::new(&subject, rows.first()?, slots(&names, &rows), shared);
        let rule = rule?;
        let (shape, leading) = self.attribution_shape(clauses, rule.model, &steps[1..], &mut m)?;
        let matches = Matches {
            subject: subject.id,
            role: self.role.clone(),
            among,
            steps: bound,
            rule: MatchRule::Attribution(rule),
            holding,
            during: during?,
            columns: m.into_columns(),
            clock: self.clock.clone(),
        };
        let query = self.shaped(shape, Rel::Matches(Box::new(matches)));
        self.finish(query, clauses, leading)
    }

    fn attribution_steps(&mut self, steps: &[AstStep]) {
        self.different_aliases(steps);
        for (i, s) in steps.iter().enumerate() {
            self.plain_step(s, if i == 0 { "GOAL" } else { "TOUCHES" });
        }
        if let Some(s) = steps.get(TOUCHES_MAX + 1) {
            self.error(code::LIMIT, s.span, format!("ATTRIBUTION has at most {TOUCHES_MAX} touches, this one has {}", steps.len() - 1));
        }
    }

    /// The goal and the touches, bound on their own: a touch comes before its goal and knows nothing of it.
    fn attribution_rows(&mut self, steps: &[AstStep], subject: &eql_catalog::EntityType) -> (Vec<Step>, Vec<RowScope>) {
        let bound = steps.iter().take(TOUCHES_MAX + 1).map(|s| {
            let found = self.select_events(&s.scope, subject, &[]);
            let name = super::behaviour::step_name(s);
            (Step { name, events: found.select, optional: false, negated: false, within: None, pairs: vec![] }, found.row)
        });
        bound.unzip()
    }

    fn attribution_rule(&mut self, clauses: Clauses<'_>) -> Option<AttributionRule> {
        let lookback = match clauses.get(|k| if let ClauseKind::Lookback(d) = k { Some(d) } else { None }) {
            Some(d) => Some(self.window(d)?),
            None => None,
        };
        let model = match clauses.get(|k| if let ClauseKind::Model(e) = k { Some(e) } else { None }) {
            Some(e) => self.credit_model(e)?,
            None => CreditModel::Last,
        };
        Some(AttributionRule { model, lookback })
    }

    fn credit_model(&mut self, e: &ast::Expr) -> Option<CreditModel> {
        let (name, args): (String, &[Arg]) = match &e.kind {
            A::Path(p) => (p.text(), &[]),
            A::Call(c) => (c.name.text(), &c.args),
            _ => (String::new(), &[]),
        };
        let plain = |model| if args.is_empty() { Ok(model) } else { Err("write its name alone, without parentheses") };
        let found = match name.to_ascii_lowercase().as_str() {
            "first" => plain(CreditModel::First),
            "last" => plain(CreditModel::Last),
            "linear" => plain(CreditModel::Linear),
            "participation" => plain(CreditModel::Participation),
            "position" => self.position(args).ok_or("give three weights that are not negative, for example position(0.4, 0.2, 0.4)"),
            "time_decay" => self.half_life(args).ok_or("give a fixed length, for example time_decay(half_life => 7 days)"),
            _ => return self.unknown_model(&name, e.span),
        };
        match found {
            Ok(model) => Some(model),
            Err(hint) => {
                self.error_hint(code::ARGUMENTS, e.span, format!("the model `{name}` cannot be read"), hint);
                None
            }
        }
    }

    fn unknown_model(&mut self, name: &str, span: Span) -> Option<CreditModel> {
        const MODELS: [&str; 6] = ["first", "last", "linear", "position", "time_decay", "participation"];
        let hint = match nearest(name, MODELS) {
            Some(n) => format!("did you mean `{n}`?"),
            None => "the models are first, last, linear, position(a, b, c), time_decay(half_life => …) and participation".into(),
        };
        self.error_hint(code::VALUE, span, format!("`{name}` is no model of attribution"), hint);
        None
    }

    fn position(&mut self, args: &[Arg]) -> Option<CreditModel> {
        let mut weights = Vec::new();
        for a in args {
            let Arg::Expr(e) = a else { return None };
            let ExprKind::Literal(v) = self.expr(e, &mut Env::empty()).kind else { return None };
            weights.push(number(&v).filter(|w| w.is_finite() && *w >= 0.0)?);
        }
        match weights.as_slice() {
            [a, b, c] if a + b + c > 0.0 => Some(CreditModel::Position(*a, *b, *c)),
            _ => None,
        }
    }

    fn half_life(&mut self, args: &[Arg]) -> Option<CreditModel> {
        let [arg] = args else { return None };
        let value = match arg {
            Arg::Named(name, inner) if name.name.eq_ignore_ascii_case("half_life") => inner.as_ref(),
            other => other,
        };
        let length = match value {
            Arg::Expr(ast::Expr { kind: A::Duration(d), .. }) => d.clone(),
            Arg::Expr(ast::Expr { kind: A::Param(p), .. }) => ast::Duration::Param(p.clone()),
            _ => return None,
        };
        self.fixed(&length, "a half-life").filter(|micros| *micros > 0).map(CreditModel::TimeDecay)
    }

    /// What becomes of the credit, and by how many columns it is ordered.
    fn attribution_shape(
        &mut self,
        clauses: Clauses<'_>,
        model: CreditModel,
        touches: &[AstStep],
        m: &mut Matched,
    ) -> Option<(Shape, usize)> {
        let touch = self.touch_name(touches, m);
        let credit = self.match_column(m, MatchColumn::Credit, DataType::Double);
        m.env.matched = vec![("touch".into(), touch.clone()), ("credit".into(), credit.clone())];
        if let Some(shape) = self.match_show(HEAD, clauses, m)? {
            let leading = shape.width();
            return Some((shape, leading));
        }
        // What is measured is the goal: `credit` is the column of the result, not a value of its row.
        m.env.matched.clear();
        let mut groups = self.match_periods(clauses, MatchColumn::Time(GOAL), m)?;
        groups.push(("touch".to_string(), touch));
        groups.extend(self.match_breakdown(HEAD, clauses, m));
        let row = self.match_column(m, MatchColumn::RowNumber(TOUCH), DataType::Int);
        let (touched, n) = self.over_matches(Aggregation::CountDistinct, Some(row), DataType::Int);
        let (shares, sum) = self.over_matches(Aggregation::Sum, Some(credit.clone()), DataType::Double);
        let mut aggregates = vec![touched, shares];
        let mut columns = vec![("touches".to_string(), n), ("credit".to_string(), sum)];
        if let Some(items) = clauses.get(|k| if let ClauseKind::Measure(i) = k { Some(i.as_slice()) } else { None }) {
            let (mut more, mut shown) = self.match_measures(items, m);
            if !model.whole() {
                self.weigh(items, &credit, &mut more, &mut shown);
            }
            aggregates.extend(more);
            columns.extend(shown);
        }
        let leading = groups.len();
        Some((Shape::Groups(Groups { groups, aggregates, columns }), leading))
    }

    /// `touch`: the alias of the touch's item, else its event; `(direct)` without one.
    fn touch_name(&mut self, touches: &[AstStep], m: &mut Matched) -> Expr {
        let has = |b: &mut Self, m: &mut Matched, slot: usize| {
            let row = b.match_column(m, MatchColumn::RowNumber(slot), DataType::Int);
            Expr::predicate(ExprKind::Not(Box::new(Expr::predicate(ExprKind::IsNull(Box::new(row))))))
        };
        let text = |t: &str| Expr::literal(Value::String(t.into()));
        let mut arms = Vec::new();
        for (i, s) in touches.iter().enumerate() {
            if let Some(alias) = &s.alias {
                arms.push((has(self, m, ITEMS + i), text(&alias.name)));
            }
        }
        let id = self.column_id();
        let name = ScanColumn { id, leaf: Leaf::EventName, data_type: DataType::String };
        let value = RowExpr::canonical(vec![name], Expr::column(id, DataType::String));
        let event = self.match_column(m, MatchColumn::Row(TOUCH, value), DataType::String);
        arms.push((has(self, m, TOUCH), event));
        Expr { kind: ExprKind::Case(arms, Some(Box::new(text("(direct)")))), data_type: DataType::String }
    }

    /// Shared credit: sums and counts are weighted by it, nothing else can be.
    fn weigh(&mut self, items: &[Item], credit: &Expr, aggregates: &mut [(ColumnId, Aggregate)], columns: &mut [(String, Expr)]) {
        let mut changed = Vec::new();
        let mut fits = true;
        for (id, a) in aggregates {
            let argument = match (&a.function, a.argument.take()) {
                (Aggregation::Count, None) => credit.clone(),
                (Aggregation::Count, Some(e)) => {
                    let present = Expr::predicate(ExprKind::Not(Box::new(Expr::predicate(ExprKind::IsNull(Box::new(e))))));
                    Expr { kind: ExprKind::Case(vec![(present, credit.clone())], None), data_type: DataType::Double }
                }
                (Aggregation::Sum, Some(e)) => {
                    let value = Expr { kind: ExprKind::Cast(Box::new(e)), data_type: DataType::Double };
                    Expr {
                        kind: ExprKind::Arithmetic(BinaryOp::Multiply, Box::new(value), Box::new(credit.clone())),
                        data_type: DataType::Double,
                    }
                }
                _ => {
                    fits = false;
                    continue;
                }
            };
            *a = Aggregate { function: Aggregation::Sum, argument: Some(argument), data_type: DataType::Double, ..a.clone() };
            changed.push(*id);
        }
        for (_, e) in columns {
            *e = as_double(std::mem::replace(e, Expr::invalid()), &changed);
        }
        if !fits {
            let span = items.iter().map(|i| i.expr.span).reduce(Span::to).unwrap_or_default();
            let hint = "with MODEL first and MODEL last every measure is possible";
            self.error_hint(code::AGGREGATE, span, "where goals share their credit, only count and sum can be measured", hint);
        }
    }
}

/// The rows with a name, by slot. A name of a touch means the touch of that item alone; `touch` any of them.
fn slots(names: &[StepName], rows: &[RowScope]) -> Vec<(String, usize, RowScope)> {
    let fresh = |row: &RowScope| RowScope { columns: vec![], ..row.clone() };
    let touch = fresh(&every_row(rows.get(1..).unwrap_or_default()));
    let slot = |(name, places): &StepName| match places.as_slice() {
        [GOAL] => Some((name.clone(), GOAL, fresh(rows.first()?))),
        _ if name == "touch" => Some((name.clone(), TOUCH, touch.clone())),
        [place] => Some((name.clone(), ITEMS + place - 1, fresh(rows.get(*place)?))),
        _ => None,
    };
    names.iter().filter_map(slot).collect()
}

/// Columns that became DOUBLE, and what is computed of them.
fn as_double(mut e: Expr, changed: &[ColumnId]) -> Expr {
    if let ExprKind::Column(id) = e.kind {
        return if changed.contains(&id) { Expr { data_type: DataType::Double, ..e } } else { e };
    }
    let mut any = false;
    for c in e.children_mut() {
        let before = c.data_type.clone();
        *c = as_double(std::mem::replace(c, Expr::invalid()), changed);
        any |= c.data_type != before;
    }
    if any && e.data_type.is_numeric() {
        e.data_type = DataType::Double;
    }
    e
}
