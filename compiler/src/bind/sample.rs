//! SAMPLE: a part of the subjects, chosen by a hash of their keys: whole timelines, and the same subjects in every statement.

use super::Binder;
use super::scope::RowScope;
use crate::bound::{Expr, ExprKind, Leaf};
use crate::code;
use eql_catalog::{EntityType, Value};
use eql_grammar::ast::{Clause, ClauseKind, Find, Ident, SegmentExpr, SetOp, Span};

impl Binder<'_> {
    /// The clauses with SAMPLE as a part of AMONG, which every head knows; None without SAMPLE. The clause itself stays, to be checked as one.
    pub(super) fn sampled(&mut self, clauses: &[Clause]) -> Option<Vec<Clause>> {
        let sample = clauses.iter().find(|c| matches!(c.kind, ClauseKind::Sample(_)))?;
        self.approximate = true;
        let mut out = clauses.to_vec();
        let among = out.iter_mut().find_map(|c| if let ClauseKind::Among(s) = &mut c.kind { Some(s) } else { None });
        match among {
            Some(set) => *set = SegmentExpr::Set(SetOp::Intersect, Box::new(set.clone()), Box::new(subjects(sample))),
            None => out.push(Clause { kind: ClauseKind::Among(subjects(sample)), span: sample.span }),
        }
        Some(out)
    }

    /// Whether an entity is in the sample of its type.
    pub(super) fn in_sample(&mut self, percent: &str, at: Span, entity: &EntityType, scope: &mut RowScope) -> Expr {
        let Some(share) = percent.parse::<f64>().ok().filter(|p| *p > 0.0 && *p <= 100.0).map(|p| p / 100.0) else {
            let hint = "a share of the entities, for example SAMPLE 10%";
            return self.error_hint(code::VALUE, at, format!("SAMPLE takes more than 0% and at most 100%, not {percent}%"), hint);
        };
        let mut args = Vec::new();
        for (i, k) in entity.key.iter().enumerate() {
            args.push(self.leaf(scope, Leaf::Key(i), k.data_type.clone()));
        }
        args.push(Expr::literal(Value::Double(share)));
        Expr::predicate(ExprKind::Call("sampled", args, None))
    }
}

/// `FIND … SAMPLE n%` over whatever the subject is: an entity without a name.
fn subjects(sample: &Clause) -> SegmentExpr {
    let entity = Ident { name: String::new(), span: sample.span };
    SegmentExpr::Find(Box::new(Find { entity, clauses: vec![sample.clone()], span: sample.span }), None)
}
