//! `kmeans(a, b, …, k => n)`: a tag that says to which of n groups of similar entities one belongs.

use super::Binder;
use super::scope::Env;
use crate::bound::*;
use crate::code;
use eql_catalog::Value;
use eql_grammar::ast::{self, Arg, SetDefinition, Span};

/// More groups than anybody names, few enough that a refresh stays short.
const CLUSTERS_MAX: i64 = 100;

/// More values than say anything together.
const VALUES_MAX: usize = 32;

/// True when a definition is made of clusters.
pub(super) fn is_kmeans(d: &SetDefinition) -> bool {
    matches!(d, SetDefinition::Expr(e) if call_of(e).is_some())
}

fn call_of(e: &ast::Expr) -> Option<&ast::Call> {
    match &e.kind {
        ast::ExprKind::Call(c) if c.name.text().eq_ignore_ascii_case("kmeans") => Some(c),
        _ => None,
    }
}

impl Binder<'_> {
    /// The values and the number of clusters; None when it is something else, Some(None) when it is wrong (reported).
    #[allow(clippy::option_option)]
    pub(super) fn kmeans(&mut self, e: &ast::Expr, env: &mut Env) -> Option<Option<(Vec<Expr>, u64)>> {
        let call = call_of(e)?;
        let (mut values, mut clusters) = (Vec::new(), None);
        let mut fine = true;
        for a in &call.args {
            match a {
                Arg::Named(name, value) if name.name.eq_ignore_ascii_case("k") => match self.clusters(value, name.span) {
                    Some(k) => clusters = Some(k),
                    None => fine = false,
                },
                Arg::Expr(v) => {
                    let bound = self.expr(v, env);
                    let fits = bound.data_type.is_numeric() || matches!(bound.kind, ExprKind::Invalid);
                    if !fits {
                        self.error(code::TYPE, v.span, format!("kmeans needs numbers, this is {}", bound.data_type));
                    }
                    fine &= fits && !matches!(bound.kind, ExprKind::Invalid);
                    values.push(bound);
                }
                _ => {
                    self.error_hint(code::ARGUMENTS, e.span, "kmeans takes values, then k", "for example kmeans(age, total, k => 5)");
                    fine = false;
                }
            }
        }
        let wrong = match (clusters, values.len()) {
            _ if !fine => return Some(None),
            (None, _) => "kmeans needs the number of clusters".to_string(),
            (_, 0) => "kmeans needs a value of each entity".to_string(),
            (_, n) if n > VALUES_MAX => format!("kmeans takes {VALUES_MAX} values at most, these are {n}"),
            (Some(k), _) => return Some(Some((values, k))),
        };
        self.error_hint(code::ARGUMENTS, e.span, wrong, "for example kmeans(age, total, k => 5)");
        Some(None)
    }

    fn clusters(&mut self, value: &Arg, span: Span) -> Option<u64> {
        let k = match value {
            Arg::Expr(e) => match self.expr(e, &mut Env::empty()).kind {
                ExprKind::Literal(Value::Int(k)) => Some(k),
                _ => None,
            },
            _ => None,
        };
        let k = k.filter(|k| (2..=CLUSTERS_MAX).contains(k));
        if k.is_none() {
            self.error(code::VALUE, span, format!("k is a whole number from 2 to {CLUSTERS_MAX}"));
        }
        k.and_then(|k| u64::try_from(k).ok())
    }

    /// Anywhere but as the whole definition of a refreshed tag.
    pub(super) fn stray_kmeans(&mut self, span: Span) -> Expr {
        let hint = "it is made of all entities together: DEFINE TAG persona OF user AS kmeans(…, k => 5) REFRESH EVERY week";
        self.error_hint(code::AGGREGATE, span, "kmeans is the definition of a tag with REFRESH EVERY, and nothing else", hint)
    }
}
