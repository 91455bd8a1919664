//! Statements: the fork to queries, definitions and the rest.

use super::Binder;
use super::uses::{called, users};
use crate::bound::*;
use crate::code;
use eql_catalog::{Change, DataType, NounKind, Value, WeekStart};
use eql_grammar::ast::{self, Ident, Kind, Literal, SetValue, StatementKind};

impl Binder<'_> {
    pub(super) fn statement(&mut self, s: &ast::Statement) -> Option<Statement> {
        let bound = match &s.kind {
            StatementKind::Query(q) => self.query(q).map(Statement::Query),
            StatementKind::Define(d) => self.define(d, s),
            StatementKind::Drop { kind, if_exists, path } => self.drop_statement(*kind, *if_exists, path),
            StatementKind::Show { what, like } => self.show_statement(what, like.as_deref()),
            StatementKind::Describe { kind, path } => self.describe(*kind, path),
            StatementKind::Set { name, value } => self.set_statement(name, value),
            StatementKind::Explain { rung, statement } => {
                let inner = self.statement(statement)?;
                if self.later.is_none() { Some(Statement::Explain(*rung, Box::new(inner))) } else { None }
            }
            StatementKind::Insert { target, name, columns, source } => self.insert(*target, name, columns, source),
            StatementKind::Refresh { kind, name } => self.refresh(*kind, name),
            StatementKind::Subscribe { to, on, with, from } => self.subscribe(to, on, with, from.as_ref()),
        };
        match self.later {
            Some(what) => Some(Statement::Later(what)),
            None => bound,
        }
    }

    fn drop_statement(&mut self, kind: Kind, if_exists: bool, path: &ast::Path) -> Option<Statement> {
        let name = path.text();
        let c = self.catalog;
        let (kind, known) = match kind {
            Kind::Entity => (NounKind::Entity, c.entity(&name).is_some()),
            Kind::Event => (NounKind::Event, self.is_event(&name)),
            Kind::Property => (NounKind::Property, c.property(&name).is_some()),
            Kind::Relation => (NounKind::Relation, c.relation(&name).is_some()),
            Kind::Metric => (NounKind::Metric, c.metric(&name).is_some()),
            Kind::Session => (NounKind::Session, c.session(&name).is_some()),
            Kind::Tag => (NounKind::Tag, c.tags().any(|t| t.name == name || format!("{}.{}", t.entity, t.name) == name)),
            Kind::Segment => (NounKind::Segment, c.segment(&name).is_some()),
        };
        if !known && if_exists {
            return Some(Statement::Nothing(format!("no {} `{name}` to drop", kind.word())));
        }
        if !known {
            let names = self.all_names();
            let refs: Vec<&str> = names.iter().map(String::as_str).collect();
            self.unknown_name(code::NOUN, kind.word(), &Ident { name, span: path.span() }, &refs);
            return None;
        }
        let full = match kind {
            NounKind::Tag => self.one_tag(&Ident { name: name.clone(), span: path.span() }).map(|t| format!("{}.{}", t.entity, t.name))?,
            _ => name.clone(),
        };
        if let Err(e) = c.apply(&Change::Drop(kind, full.clone())) {
            self.error_hint(code::EXISTS, path.span(), e.to_string(), "drop that first");
            return None;
        }
        let users: Vec<String> = users(c, &(kind, full.clone())).iter().map(called).collect();
        if !users.is_empty() {
            let what = format!("{} `{name}` is used by {}", kind.word(), users.join(", "));
            self.error_hint(code::EXISTS, path.span(), what, if users.len() == 1 { "drop that first" } else { "drop those first" });
            return None;
        }
        Some(Statement::Change(Change::Drop(kind, full), format!("{} `{name}` dropped", kind.word())))
    }

    fn set_statement(&mut self, name: &Ident, value: &SetValue) -> Option<Statement> {
        let text = match value {
            SetValue::Word(w) => w.name.clone(),
            SetValue::Literal(Literal::Text(t) | Literal::Number(t) | Literal::Typed(_, t)) => t.clone(),
            SetValue::Literal(Literal::Bool(b)) => b.to_string(),
            SetValue::Literal(Literal::Null) => String::new(),
        };
        let known = crate::setting::SETTINGS.map(|s| s.name);
        let key = name.name.to_ascii_lowercase();
        if !known.contains(&key.as_str()) {
            let hint = eql_grammar::nearest(&key, known.iter().copied())
                .map_or_else(|| format!("settings are {}", known.join(", ")), |n| format!("did you mean `{n}`?"));
            self.error_hint(code::NOUN, name.span, format!("there is no setting `{}`", name.name), hint);
            return None;
        }
        match setting(&key, &text) {
            Ok(s) => Some(Statement::Set(s)),
            Err(hint) => {
                self.error_hint(code::VALUE, name.span, format!("`{text}` is no value for {key}"), hint);
                None
            }
        }
    }
}

/// A constant as a value of a type; None when it does not fit exactly.
pub(super) fn as_type(e: Expr, t: &DataType) -> Option<Value> {
    let ExprKind::Literal(v) = e.kind else {
        let ExprKind::Call("list", items, _) = e.kind else { return None };
        let DataType::List(inner) = t else { return None };
        return items.into_iter().map(|i| as_type(i, inner)).collect::<Option<Vec<_>>>().map(Value::List);
    };
    Some(match (v, t) {
        (Value::Null, _) => Value::Null,
        (Value::Int(i), DataType::Double) => Value::Double(i as f64),
        (Value::Int(i), DataType::Decimal(_, s)) => {
            Value::Decimal(i128::from(i).checked_mul(10i128.checked_pow(u32::from(s.unsigned_abs()))?)?, *s)
        }
        (Value::Decimal(v, s), DataType::Double) => Value::Double(v as f64 / 10f64.powi(i32::from(s))),
        (Value::Decimal(v, s), DataType::Decimal(_, to)) if s <= *to => {
            Value::Decimal(v.checked_mul(10i128.checked_pow(u32::from((to - s).unsigned_abs()))?)?, *to)
        }
        (v @ Value::String(_), DataType::String | DataType::Json) => v,
        (v, t) if v.data_type().as_ref() == Some(t) => v,
        _ => return None,
    })
}

/// The setting a word and a text make, or what to write instead.
fn setting(key: &str, text: &str) -> Result<Setting, String> {
    let number = |hint: &str| text.parse::<u64>().map_err(|_| hint.to_string());
    Ok(match key {
        "now" if text.is_empty() || text.eq_ignore_ascii_case("default") => Setting::Now(None),
        "now" => {
            if eql_catalog::parse_timestamp(text).is_none() {
                return Err("write a time such as '2018-01-01T05:00:00Z'".into());
            }
            Setting::Now(Some(ast::Instant::Text(None, text.to_string(), ast::Span::default())))
        }
        "time_zone" => match text.parse::<chrono_tz::Tz>() {
            Ok(z) => Setting::TimeZone(z.name().to_string()),
            Err(_) => return Err("use an IANA name such as 'Europe/Paris'".into()),
        },
        "week_start" => Setting::WeekStart(match text.to_ascii_lowercase().as_str() {
            "monday" => WeekStart::Monday,
            "sunday" => WeekStart::Sunday,
            "saturday" => WeekStart::Saturday,
            _ => return Err("monday, sunday or saturday".into()),
        }),
        "dialect" => match text.to_ascii_lowercase().as_str() {
            d @ ("auto" | "eql" | "sql") => Setting::Dialect(d.into()),
            _ => return Err("auto, eql or sql".into()),
        },
        "result_cache" => match text.to_ascii_lowercase().as_str() {
            "on" | "true" => Setting::ResultCache(true),
            "off" | "false" => Setting::ResultCache(false),
            _ => return Err("'on' or 'off'".into()),
        },
        "threads" => {
            Setting::Threads(number("a number of threads").and_then(|n| usize::try_from(n.clamp(1, 1024)).map_err(|e| e.to_string()))?)
        }
        "memory_limit" => Setting::MemoryLimit(bytes(text).ok_or("bytes, or a size such as '512MB'")?),
        _ => Setting::TimeoutMs(milliseconds(text).ok_or("milliseconds, or a length such as '30 seconds'")?),
    })
}

fn bytes(text: &str) -> Option<u64> {
    let t = text.trim().to_ascii_lowercase();
    let split = t.find(|c: char| !c.is_ascii_digit()).unwrap_or(t.len());
    let n: u64 = t[..split].parse().ok()?;
    let factor = match t[split..].trim().trim_end_matches("ib").trim_end_matches('b') {
        "" => 1,
        "k" => 1 << 10,
        "m" => 1 << 20,
        "g" => 1 << 30,
        _ => return None,
    };
    n.checked_mul(factor)
}

fn milliseconds(text: &str) -> Option<u64> {
    if let Ok(n) = text.trim().parse() {
        return Some(n);
    }
    match eql_grammar::parse_duration(text) {
        Ok(ast::Duration::Length { count, unit, .. }) => count.checked_mul(super::time::unit_millis(unit).unsigned_abs()),
        _ => None,
    }
}
