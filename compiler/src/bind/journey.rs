//! JOURNEY: what happened to one entity.

use super::Binder;
use super::aggregate::any_event;
use super::clause::HeadKind;
use super::scope::{Env, RowKind, RowScope};
use crate::bound::*;
use crate::code;
use eql_catalog::{DataType, EntityType, Value};
use eql_grammar::ast::{self, ClauseKind, Ident, Show};

impl Binder<'_> {
    pub(super) fn journey(&mut self, a: &ast::Analysis) -> Option<Query> {
        let head = HeadKind::Journey;
        let clauses = self.clauses(head, &a.clauses);
        self.clock = self.head_clock(clauses);
        let during = clauses.get(|k| if let ClauseKind::During(r) = k { Some(r) } else { None }).and_then(|r| self.range(r));
        let of = clauses.get_at(|k| if let ClauseKind::Of(i, key) = k { Some((i, key.as_ref())) } else { None });
        let ((name, key), at) = self.require(of, head, "OF", a.head_span, "for example JOURNEY OF user 'u1'")?;
        let Some(key) = key else {
            let keys = self.entity_type(name)?.key.iter().map(|k| format!("`{}`", k.name)).collect::<Vec<_>>().join(", ");
            let hint = format!("write the value of {keys} after the name, several in parentheses");
            self.error_hint(code::CLAUSE_MISSING, at, "JOURNEY is of one entity and needs its key", hint);
            return None;
        };
        let subject = self.subject_or_one(clauses, None)?;
        let key = self.key_values(&subject, key);
        let among = clauses.get(|k| if let ClauseKind::Among(s) = k { Some(s) } else { None }).map(|s| self.among(s, &subject));
        self.events_where = clauses.get(|k| if let ClauseKind::Where(p) = k { Some(p.clone()) } else { None });
        let selected = self.select_events(&any_event(name.span), &subject, &[]);
        let mut env = Env::row(RowScope { columns: vec![], ..selected.row });
        let properties = self.leaf(&mut env.rows[0], Leaf::Properties, DataType::Json);
        env.aliases.push(("properties".into(), properties));
        let listed = self.journey_columns(clauses.show(), at, &mut env)?;
        env.aliases.extend(listed.iter().cloned());
        let order = clauses.get(|k| if let ClauseKind::OrderBy(o) = k { Some(o.as_slice()) } else { None }).unwrap_or_default();
        let mut keys = self.sort_keys(order, &mut env);
        let limit = self.limit(clauses)?;
        // Events of one time keep the order of the timeline, or its reverse.
        let place = self.column_id();
        let descending = keys.first().is_some_and(|k| k.descending);
        keys.push(SortKey { expr: Expr::column(place, DataType::Int), descending, nulls_first: false });
        let journey = Journey {
            subject: subject.id,
            role: self.role.clone(),
            key: key?,
            among,
            events: selected.select,
            during,
            columns: env.into_columns(),
            place,
            clock: self.clock.clone(),
        };
        let mut rel = Rel::Sort(Box::new(Rel::Journey(Box::new(journey))), keys);
        if let Some((n, offset)) = limit {
            rel = Rel::Limit(Box::new(rel), Some(n), offset);
        }
        Some(self.project(rel, listed))
    }

    /// SHOW items, else time, event, properties and the keys of all participants.
    fn journey_columns(&mut self, show: Option<(&Show, ast::Span)>, at: ast::Span, env: &mut Env) -> Option<Vec<(String, Expr)>> {
        let items = match show {
            Some((Show::Items(items), _)) => return Some(items.iter().map(|i| (self.item_name(i), self.expr(&i.expr, env))).collect()),
            Some((_, span)) => {
                self.error_hint(code::CLAUSE, span, "SHOW of JOURNEY lists values", "for example SHOW time, event");
                return None;
            }
            None => env.aliases.clone(),
        };
        let row = &mut env.rows[0];
        let mut names = vec!["time".to_string(), "event".to_string()];
        if let RowKind::Events(events) = &row.kind {
            for key in events.iter().flat_map(|e| &e.participants).flat_map(|p| &p.key_names) {
                if !names.contains(key) {
                    names.push(key.clone());
                }
            }
        }
        let found = names.into_iter().filter_map(|n| self.resolve(row, &[Ident { name: n.clone(), span: at }]).map(|e| (n, e)));
        let mut out: Vec<(String, Expr)> = found.collect();
        let third = out.len().min(2);
        out.splice(third..third, items);
        Some(out)
    }

    /// The key of one entity as values of its declared types.
    fn key_values(&mut self, entity: &EntityType, key: &ast::Expr) -> Option<Vec<Value>> {
        let parts = match &key.kind {
            ast::ExprKind::Tuple(parts) => parts.as_slice(),
            _ => std::slice::from_ref(key),
        };
        if parts.len() != entity.key.len() {
            let columns: Vec<String> = entity.key.iter().map(|k| format!("`{}`", k.name)).collect();
            let what = format!("the key of entity `{}` is {}; {} given", entity.name, columns.join(", "), parts.len());
            self.error_hint(code::ARGUMENTS, key.span, what, format!("for example OF {} ('a', 'b')", entity.name));
            return None;
        }
        let mut out = Vec::new();
        for (part, declared) in parts.iter().zip(&entity.key) {
            let bound = self.expr(part, &mut Env::empty());
            let t = bound.data_type.clone();
            let value = match self.constant_as(bound, &declared.data_type).kind {
                ExprKind::Invalid => return None,
                ExprKind::Literal(v) => as_key(v, &declared.data_type),
                _ => None,
            };
            if value.is_none() {
                let what = format!(
                    "key `{}` of entity `{}` is a constant of type {}, this is {t}",
                    declared.name, entity.name, declared.data_type
                );
                self.error(code::TYPE, part.span, what);
            }
            out.push(value?);
        }
        Some(out)
    }
}

/// A constant as a value of a key's type; None where it is none.
fn as_key(value: Value, t: &DataType) -> Option<Value> {
    Some(match (value, t) {
        (Value::Null, _) => Value::Null,
        (Value::Int(n), DataType::Double) => Value::Double(n as f64),
        (Value::Int(n), DataType::Decimal(_, scale)) => rescaled(i128::from(n), 0, *scale)?,
        (Value::Decimal(v, from), DataType::Decimal(_, scale)) => rescaled(v, from, *scale)?,
        (Value::Decimal(v, from), DataType::Double) => Value::Double(v as f64 / 10f64.powi(i32::from(from))),
        (Value::String(s), DataType::String | DataType::Json) => Value::String(s),
        (v, t) if v.data_type().as_ref() == Some(t) => v,
        _ => return None,
    })
}

fn rescaled(value: i128, from: i8, to: i8) -> Option<Value> {
    let more = u32::try_from(i16::from(to) - i16::from(from)).ok()?;
    Some(Value::Decimal(value.checked_mul(10i128.checked_pow(more)?)?, to))
}
