//! Keys in conditions. Whoever asks for the key of an entity that was merged into another means the one that stands for both.

use crate::world::World;
use eql_catalog::{EntityTypeId, Value};
use eql_compiler::bound::{ColumnId, Expr, ExprKind, Leaf, ScanColumn};
use eql_grammar::ast::BinaryOp;
use eql_store::value_at;

impl World {
    /// The condition with keys that are shown; None when that is the same. `entity`: whose columns these are, when they are not of events.
    pub(crate) fn standing(&self, columns: &[ScanColumn], entity: Option<EntityTypeId>, condition: &Expr) -> Option<Expr> {
        if !self.snapshot.has_merges() {
            return None;
        }
        let of = |id: ColumnId| match &columns.iter().find(|c| c.id == id)?.leaf {
            Leaf::Key(0) => entity,
            Leaf::ParticipantKey(_, entity, 0) => Some(*entity),
            _ => None,
        };
        self.replaced(&of, condition)
    }

    fn replaced(&self, of: &impl Fn(ColumnId) -> Option<EntityTypeId>, e: &Expr) -> Option<Expr> {
        let each = |all: &[Expr]| {
            let new: Vec<Option<Expr>> = all.iter().map(|one| self.replaced(of, one)).collect();
            let changed = new.iter().any(Option::is_some);
            changed.then(|| new.into_iter().zip(all).map(|(new, old)| new.unwrap_or_else(|| old.clone())).collect())
        };
        let column = |e: &Expr| if let ExprKind::Column(id) = e.kind { of(id) } else { None };
        let kind = match &e.kind {
            ExprKind::And(all) => ExprKind::And(each(all)?),
            ExprKind::Or(all) => ExprKind::Or(each(all)?),
            ExprKind::Not(inner) => ExprKind::Not(Box::new(self.replaced(of, inner)?)),
            ExprKind::Compare(op @ (BinaryOp::Equal | BinaryOp::NotEqual), a, b) => match (column(a), column(b)) {
                (Some(entity), _) => ExprKind::Compare(*op, a.clone(), Box::new(self.key(entity, b)?)),
                (None, Some(entity)) => ExprKind::Compare(*op, Box::new(self.key(entity, a)?), b.clone()),
                (None, None) => return None,
            },
            ExprKind::In(what, among) => {
                let entity = column(what)?;
                let new: Vec<Option<Expr>> = among.iter().map(|k| self.key(entity, k)).collect();
                new.iter().any(Option::is_some).then_some(())?;
                let among = new.into_iter().zip(among).map(|(new, old)| new.unwrap_or_else(|| old.clone()));
                ExprKind::In(what.clone(), among.collect())
            }
            _ => return None,
        };
        Some(Expr { kind, data_type: e.data_type.clone() })
    }

    /// The key of the one that stands for the entity of a constant.
    fn key(&self, entity: EntityTypeId, constant: &Expr) -> Option<Expr> {
        let ExprKind::Literal(key) = &constant.kind else { return None };
        let definition = self.snapshot.catalog().entity_by_id(entity)?;
        if definition.key.len() != 1 {
            return None;
        }
        let ordinal = self.snapshot.profile(entity, std::slice::from_ref(key)).ok()??;
        let shown = value_at(self.snapshot.keys_of(entity, &[ordinal]).ok()?.first()?, 0);
        let same = shown == Value::Null || shown == *key;
        (!same).then(|| Expr { kind: ExprKind::Literal(shown), data_type: constant.data_type.clone() })
    }
}
