//! What a funnel answers with: steps, buckets of time, entities.

use super::super::Binder;
use super::super::clause::Clauses;
use super::period_output;
use crate::bound::*;
use crate::code;
use eql_catalog::{DataType, EntityType};
use eql_grammar::ast::{self, ClauseKind, Show};

impl Binder<'_> {
    pub(super) fn funnel_show(&mut self, clauses: Clauses<'_>, subject: &EntityType, steps: usize) -> Option<FunnelShow> {
        let buckets = clauses.get_at(|k| matches!(k, ClauseKind::Buckets(..) | ClauseKind::BucketCount(_)).then_some(()));
        if let Some((_, span)) = buckets
            && !matches!(clauses.show(), Some((Show::TimeToConvert, _)))
        {
            self.error_hint(
                code::CLAUSE_CONFLICT,
                span,
                "BUCKETS belongs to SHOW TIME TO CONVERT",
                "add SHOW TIME TO CONVERT, or leave it out",
            );
        }
        match clauses.show() {
            None => Some(FunnelShow::Steps(std::array::from_fn(|_| self.column_id()))),
            Some((Show::Entities { converted, step }, span)) => {
                if let Some((_, n)) = step
                    && (*n == 0 || *n > steps as u64)
                {
                    self.error(code::VALUE, span, format!("there is no step {n}: the funnel has {steps}"));
                    return None;
                }
                if clauses.has(|k| matches!(k, ClauseKind::Measure(_))) {
                    self.error_hint(code::CLAUSE_CONFLICT, span, "MEASURE and SHOW ENTITIES exclude each other", "keep one of them");
                    return None;
                }
                let keys = subject.key.iter().map(|_| self.column_id()).collect();
                let times = (0..steps).map(|_| self.column_id()).collect();
                Some(FunnelShow::Entities { keys, reached: self.column_id(), times, converted: *converted, step: *step })
            }
            Some((Show::TimeToConvert, _)) => {
                let cut = self.seconds_cut(clauses)?;
                Some(FunnelShow::TimeToConvert(cut, std::array::from_fn(|_| self.column_id())))
            }
            Some((_, span)) => {
                self.error_hint(
                    code::CLAUSE,
                    span,
                    "FUNNEL shows ENTITIES or TIME TO CONVERT",
                    "for example SHOW ENTITIES DROPPED AFTER STEP 2",
                );
                None
            }
        }
    }

    /// BUCKETS of seconds: bounds in the unit given, else in seconds; without it 20 bins.
    fn seconds_cut(&mut self, clauses: Clauses<'_>) -> Option<Cut> {
        let found = clauses.get_at(|k| if let ClauseKind::Buckets(b, u) = k { Some((b, *u)) } else { None });
        let Some(((bounds, unit), span)) = found else {
            return Some(match self.cut(clauses)? {
                Cut::Automatic => Cut::Bins(20),
                other => other,
            });
        };
        let whole = self.cut(clauses)?;
        let Some(unit) = unit else { return Some(whole) };
        if unit >= ast::Unit::Month {
            self.error_hint(code::VALUE, span, "months have no fixed length", "give the bounds in days");
            return None;
        }
        let seconds = super::super::time::unit_millis(unit) as f64 / 1000.0;
        let Cut::Bounds(values) = whole else { return Some(Cut::Bins(bounds.len() as u64)) };
        let scaled = values.iter().filter_map(super::super::distribution::number).map(|v| eql_catalog::Value::Double(v * seconds));
        Some(Cut::Bounds(scaled.collect()))
    }
}

/// The result columns in the contract's order.
pub(super) fn funnel_output(f: &Funnel, names: &[String], measured: &[String], subject: &EntityType) -> Vec<Output> {
    let mut out = Vec::new();
    if let FunnelShow::Entities { keys, reached, times, .. } = &f.show {
        for (id, k) in keys.iter().zip(&subject.key) {
            out.push(Output { id: *id, name: k.name.clone(), data_type: k.data_type.clone() });
        }
        out.push(Output { id: *reached, name: "reached".into(), data_type: DataType::Int });
        for (i, id) in times.iter().enumerate() {
            out.push(Output { id: *id, name: format!("t{}", i + 1), data_type: DataType::Timestamp });
        }
        return out;
    }
    if let Some((id, e)) = &f.every {
        out.push(period_output(*id, e, "period"));
    }
    for (b, name) in f.breakdown.iter().zip(names) {
        out.push(Output { id: b.id, name: name.clone(), data_type: b.value.expr.data_type.clone() });
    }
    if let FunnelShow::Steps(ids) = &f.show {
        let counted = f.counting.word();
        let int = |n: &str| (n.to_string(), DataType::Int);
        let double = |n: &str| (n.to_string(), DataType::Double);
        let columns = [
            int("step"),
            ("name".into(), DataType::String),
            int(counted),
            int("open"),
            double("rate"),
            double("step_rate"),
            double("rate_closed"),
            double("median_seconds"),
            double("avg_seconds"),
        ];
        out.extend(ids.iter().zip(columns).map(|(id, (name, data_type))| Output { id: *id, name, data_type }));
    }
    if let FunnelShow::TimeToConvert(_, ids) = &f.show {
        let columns = [("seconds_from", DataType::Double), ("seconds_to", DataType::Double), (f.counting.word(), DataType::Int)];
        out.extend(ids.iter().zip(columns).map(|(id, (name, data_type))| Output { id: *id, name: name.into(), data_type }));
    }
    for ((id, data_type, _), name) in f.measures.output.iter().zip(measured) {
        out.push(Output { id: *id, name: name.clone(), data_type: data_type.clone() });
    }
    out
}
