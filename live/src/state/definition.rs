//! From the bound condition of a segment to atoms and features; what several segments ask is asked once.

use super::feature::{Feature, How};
use super::lane::{Keep, Lane};
use super::sequence::SequenceFeature;
use eql_catalog::{DataType, EntityTypeId, Value};
use eql_compiler::bound::{
    Aggregation, Behaviour, BehaviourKind, EntityValue, EventSelect, Expr, ExprKind, Leaf, RowExpr, ScanColumn, TimeRange,
};
use eql_grammar::ast::BinaryOp;
use eql_planner::Planner;
use eql_planner::live::{Carried, ColumnsExpr, EntityExpr, Kind, LiveError, LiveRange, MarkSpec, Marks, bucketer, is_fixed};
use hashbrown::HashMap;
use parking_lot::Mutex;
use std::cmp::Ordering;
use std::fmt::Debug;

/// The condition of a segment over numbered atoms.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Node {
    Const(bool),
    Atom(u32),
    Not(Box<Node>),
    And(Vec<Node>),
    Or(Vec<Node>),
}

/// A condition without AND, OR and NOT.
#[derive(Debug)]
pub(crate) struct Atom {
    pub test: Test,
    /// Numbers of features.
    pub features: Vec<usize>,
}

#[derive(Debug)]
pub(crate) enum Test {
    /// A feature that is true or false.
    Truth,
    Int(BinaryOp, i64),
    Double(BinaryOp, f64),
    /// A condition on the entity's row.
    Row(EntityExpr),
    /// Anything over features and the entity's row.
    Mixed {
        inputs: Vec<Input>,
        expr: ColumnsExpr,
    },
}

#[derive(Debug)]
pub(crate) enum Input {
    Feature(usize),
    Row(EntityExpr),
}

/// Everything that is followed for the segments of one entity type.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    pub lanes: Vec<Lane>,
    pub features: Vec<Feature>,
    pub atoms: Vec<Atom>,
    /// By feature: its lane.
    pub lane_of: Vec<usize>,
    /// By feature: its atoms.
    pub atoms_of: Vec<Vec<u32>>,
    /// The same for plans that number the same things in the same order: state of one is state of the other.
    pub signature: u64,
}

/// Makes plans.
pub(crate) struct Planning<'a> {
    planner: &'a Planner,
    entity: EntityTypeId,
    plan: Plan,
    feature_numbers: HashMap<String, usize>,
    atom_numbers: HashMap<String, u32>,
    /// Values of features that are asked for otherwise than by comparing counts.
    open: Vec<bool>,
    thresholds: Vec<Vec<i64>>,
}

impl Node {
    pub(crate) fn is(&self, atom: &mut dyn FnMut(u32) -> bool) -> bool {
        match self {
            Node::Const(v) => *v,
            Node::Atom(a) => atom(*a),
            Node::Not(n) => !n.is(atom),
            Node::And(all) => all.iter().all(|n| n.is(atom)),
            Node::Or(any) => any.iter().any(|n| n.is(atom)),
        }
    }

    pub(crate) fn atoms(&self, out: &mut Vec<u32>) {
        match self {
            Node::Const(_) => {}
            Node::Atom(a) => out.push(*a),
            Node::Not(n) => n.atoms(out),
            Node::And(all) | Node::Or(all) => all.iter().for_each(|n| n.atoms(out)),
        }
    }
}

impl<'a> Planning<'a> {
    pub(crate) fn new(planner: &'a Planner, entity: EntityTypeId) -> Self {
        Self {
            planner,
            entity,
            plan: Plan::default(),
            feature_numbers: HashMap::new(),
            atom_numbers: HashMap::new(),
            open: vec![],
            thresholds: vec![],
        }
    }

    /// The condition of a segment; None when some part of it can only be asked as a query.
    pub(crate) fn segment(&mut self, definition: &EntityValue) -> Result<Option<Node>, LiveError> {
        self.node(&definition.value.expr, &definition.value.columns)
    }

    fn node(&mut self, e: &Expr, columns: &[ScanColumn]) -> Result<Option<Node>, LiveError> {
        let mut all = |parts: &[Expr]| -> Result<Option<Vec<Node>>, LiveError> {
            let mut out = Vec::with_capacity(parts.len());
            for p in parts {
                match self.node(p, columns)? {
                    Some(n) => out.push(n),
                    None => return Ok(None),
                }
            }
            Ok(Some(out))
        };
        Ok(match &e.kind {
            ExprKind::And(parts) => all(parts)?.map(Node::And),
            ExprKind::Or(parts) => all(parts)?.map(Node::Or),
            ExprKind::Not(part) => all(std::slice::from_ref(part.as_ref()))?.and_then(|mut n| n.pop()).map(|n| Node::Not(Box::new(n))),
            ExprKind::Literal(Value::Bool(v)) => Some(Node::Const(*v)),
            ExprKind::Literal(Value::Null) => Some(Node::Const(false)),
            _ => self.atom(e, columns)?.map(Node::Atom),
        })
    }

    fn atom(&mut self, e: &Expr, columns: &[ScanColumn]) -> Result<Option<u32>, LiveError> {
        let used = e.columns();
        let own: Vec<ScanColumn> = columns.iter().filter(|c| used.contains(&c.id)).cloned().collect();
        let row = RowExpr::canonical(own, e.clone());
        let key = key(&row);
        if let Some(known) = self.atom_numbers.get(&key) {
            return Ok(Some(*known));
        }
        let Some(atom) = self.test(&row)? else { return Ok(None) };
        let number = u32::try_from(self.plan.atoms.len()).unwrap_or(u32::MAX);
        self.plan.atoms.push(atom);
        self.atom_numbers.insert(key, number);
        Ok(Some(number))
    }

    fn test(&mut self, row: &RowExpr) -> Result<Option<Atom>, LiveError> {
        if !row.columns.iter().any(|c| matches!(c.leaf, Leaf::Behaviour(_))) {
            let found = EntityExpr::over(self.planner, self.entity, &row.columns, &row.expr)?;
            return Ok(found.map(|e| Atom { test: Test::Row(e), features: vec![] }));
        }
        if let [column] = row.columns.as_slice()
            && let Leaf::Behaviour(b) = &column.leaf
        {
            let Some(feature) = self.feature(b, &column.data_type)? else { return Ok(None) };
            if let Some(test) = self.native(row, feature) {
                return Ok(Some(Atom { test, features: vec![feature] }));
            }
        }
        let (mut inputs, mut features) = (Vec::new(), Vec::new());
        for column in &row.columns {
            inputs.push(match &column.leaf {
                Leaf::Behaviour(b) => {
                    let Some(feature) = self.feature(b, &column.data_type)? else { return Ok(None) };
                    self.open[feature] = true;
                    features.push(feature);
                    Input::Feature(feature)
                }
                _ => {
                    let alone = Expr::column(column.id, column.data_type.clone());
                    match EntityExpr::over(self.planner, self.entity, std::slice::from_ref(column), &alone)? {
                        Some(e) => Input::Row(e),
                        None => return Ok(None),
                    }
                }
            });
        }
        features.sort_unstable();
        features.dedup();
        let Some(expr) = ColumnsExpr::new(self.planner, &row.columns, &row.expr)? else { return Ok(None) };
        Ok(Some(Atom { test: Test::Mixed { inputs, expr }, features }))
    }

    /// Conditions that are tested without a column being made: a feature that is true or false, or compared with a constant of its own type.
    fn native(&mut self, row: &RowExpr, feature: usize) -> Option<Test> {
        let data_type = self.plan.features[feature].data_type.clone();
        let folded = matches!(self.plan.features[feature].how, How::Picked { .. } | How::Folded(_));
        if folded {
            return None;
        }
        let (op, value) = match &row.expr.kind {
            ExprKind::Column(_) if data_type == DataType::Bool => {
                self.open[feature] = true;
                return Some(Test::Truth);
            }
            ExprKind::Compare(op, a, b) => match (&a.kind, &b.kind) {
                (ExprKind::Column(_), ExprKind::Literal(v)) => (*op, v),
                (ExprKind::Literal(v), ExprKind::Column(_)) => (mirrored(*op), v),
                _ => return None,
            },
            _ => return None,
        };
        match (data_type, value) {
            (DataType::Int, Value::Int(v)) => {
                let counts = matches!(self.plan.features[feature].how, How::Count | How::CountDistinct);
                if counts {
                    self.thresholds[feature].extend(match op {
                        BinaryOp::GreaterOrEqual | BinaryOp::Less => vec![*v],
                        BinaryOp::Greater | BinaryOp::LessOrEqual => vec![v.saturating_add(1)],
                        _ => vec![*v, v.saturating_add(1)],
                    });
                } else {
                    self.open[feature] = true;
                }
                Some(Test::Int(op, *v))
            }
            (DataType::Double, Value::Double(v)) if !v.is_nan() && *v != 0.0 => {
                self.open[feature] = true;
                Some(Test::Double(op, *v))
            }
            _ => None,
        }
    }

    fn feature(&mut self, b: &Behaviour, data_type: &DataType) -> Result<Option<usize>, LiveError> {
        let key = key(b);
        if let Some(known) = self.feature_numbers.get(&key) {
            return Ok(Some(*known));
        }
        if b.clock.as_of.is_some() {
            return Ok(None);
        }
        let Some(feature) = self.make(b, data_type)? else { return Ok(None) };
        // Whether its rows can be followed is known before anything is built on it.
        if Marks::new(self.planner, &feature.spec)?.is_none() {
            return Ok(None);
        }
        self.plan.features.push(feature);
        self.open.push(false);
        self.thresholds.push(vec![]);
        self.feature_numbers.insert(key, self.plan.features.len() - 1);
        Ok(Some(self.plan.features.len() - 1))
    }

    fn make(&mut self, b: &Behaviour, data_type: &DataType) -> Result<Option<Feature>, LiveError> {
        let spec = |kinds, visible, carried| MarkSpec { subject: self.entity, role: b.role.clone(), kinds, visible, carried };
        let made = |how, spec, value, range| Feature { how, spec, value, range, data_type: data_type.clone(), thresholds: None };
        match &b.kind {
            BehaviourKind::Sequence(s) => {
                let range = match &s.during {
                    Some(r) => match LiveRange::new(r)? {
                        Some(r) => Some(r),
                        None => return Ok(None),
                    },
                    None => None,
                };
                let Some((sequence, kinds)) = SequenceFeature::new(b, s)? else { return Ok(None) };
                let spec = spec(kinds, s.visible.clone(), Carried::Steps);
                Ok(Some(made(How::Sequence(Box::new(sequence)), spec, DataType::Int, range)))
            }
            BehaviourKind::Aggregate { order: Some(_), .. } => Ok(None),
            BehaviourKind::Aggregate { function, events, value, during, order: None } => {
                let (mut events, during) = match lifted(events, during.as_ref()) {
                    Some(found) => found,
                    None => return Ok(None),
                };
                let range = match &during {
                    Some(r) => match LiveRange::new(r)? {
                        Some(r) => Some(r),
                        None => return Ok(None),
                    },
                    None => None,
                };
                let value_type = value.as_ref().map_or(DataType::Int, |v| v.expr.data_type.clone());
                let (how, carried) = match how(function, value.as_ref(), &value_type, b)? {
                    (How::Count, _) if value.is_some() => {
                        present(&mut events, value.as_ref());
                        (How::Count, Carried::Nothing)
                    }
                    other => other,
                };
                Ok(Some(made(how, spec(vec![Kind { events, holding: vec![] }], None, carried), value_type, range)))
            }
        }
    }

    /// The plan, with lanes for its features.
    pub(crate) fn finish(mut self) -> Result<Plan, LiveError> {
        for (i, feature) in self.plan.features.iter_mut().enumerate() {
            let counted = !self.open[i] && matches!(feature.how, How::Count | How::CountDistinct);
            if counted {
                let mut thresholds = std::mem::take(&mut self.thresholds[i]);
                thresholds.sort_unstable();
                thresholds.dedup();
                feature.thresholds = Some(thresholds);
            }
        }
        self.plan.atoms_of = vec![vec![]; self.plan.features.len()];
        for (number, atom) in self.plan.atoms.iter().enumerate() {
            for f in &atom.features {
                self.plan.atoms_of[*f].push(number as u32);
            }
        }
        let mut numbers: HashMap<(String, u8), usize> = HashMap::new();
        for i in 0..self.plan.features.len() {
            let feature = &self.plan.features[i];
            let keep = keep(feature);
            let class = match keep {
                Keep::Recent(_) => 0,
                Keep::Earliest(_) => 1,
                Keep::RecentDistinct(_) => 2,
                Keep::Window => 3,
            };
            let key = (key(&feature.spec), class);
            let lane = match numbers.get(&key) {
                Some(lane) => *lane,
                None => {
                    let marks = Marks::new(self.planner, &feature.spec)?.ok_or_else(|| LiveError::new("rows that cannot be followed"))?;
                    let codes = marks.codes()?;
                    self.plan.lanes.push(Lane { spec: feature.spec.clone(), marks, codes, keep, features: vec![] });
                    numbers.insert(key, self.plan.lanes.len() - 1);
                    self.plan.lanes.len() - 1
                }
            };
            let known = &mut self.plan.lanes[lane];
            known.features.push(i);
            known.keep = match (known.keep, keep) {
                (Keep::Recent(a), Keep::Recent(b)) => Keep::Recent(a.max(b)),
                (Keep::Earliest(a), Keep::Earliest(b)) => Keep::Earliest(a.max(b)),
                (Keep::RecentDistinct(a), Keep::RecentDistinct(b)) => Keep::RecentDistinct(a.max(b)),
                (other, _) => other,
            };
            self.plan.lane_of.push(lane);
        }
        let mut atoms: Vec<(u32, String)> = self.atom_numbers.into_iter().map(|(key, number)| (number, key)).collect();
        atoms.sort_unstable();
        let lanes: Vec<String> = self.plan.lanes.iter().map(|l| format!("{} {:?}", key(&l.spec), l.keep)).collect();
        self.plan.signature = xxhash_rust::xxh3::xxh3_64(format!("{lanes:?} {atoms:?} {:?}", self.plan.lane_of).as_bytes());
        Ok(self.plan)
    }
}

/// Which rows a feature needs. Nothing later than now is ever among them, so the most recent rows are those at the end of a window that ends now.
fn keep(feature: &Feature) -> Keep {
    let ends_now = feature.range.as_ref().is_none_or(LiveRange::ends_now);
    let unbounded = feature.range.as_ref().is_none_or(LiveRange::is_unbounded);
    let greatest = feature.thresholds.as_ref().map(|t| t.last().copied().unwrap_or(1).clamp(1, i64::from(u32::MAX)) as u32);
    match (&feature.how, greatest) {
        (How::Count, Some(k)) if ends_now && k <= RECENT_MAX => Keep::Recent(k),
        // Each new row is compared with all that are kept.
        (How::CountDistinct, Some(k)) if ends_now && k <= DISTINCT_MAX => Keep::RecentDistinct(k),
        (How::Picked { last: true }, _) if ends_now => Keep::Recent(1),
        (How::Picked { last: false }, _) if ends_now && unbounded => Keep::Earliest(1),
        _ => Keep::Window,
    }
}

const RECENT_MAX: u32 = 4_096;
const DISTINCT_MAX: u32 = 64;

fn how(function: &Aggregation, value: Option<&RowExpr>, value_type: &DataType, b: &Behaviour) -> Result<(How, Carried), LiveError> {
    let number = matches!(value_type, DataType::Int | DataType::Double);
    let plain = number || matches!(value_type, DataType::Bool | DataType::Date | DataType::Timestamp);
    let Some(value) = value.cloned() else {
        return Ok(match function {
            Aggregation::Periods(unit) => (How::Periods(Box::new(Mutex::new(bucketer(&b.clock, *unit)?))), Carried::Nothing),
            _ => (How::Count, Carried::Nothing),
        });
    };
    let code = |missing| Carried::Code { value: value.clone(), missing };
    Ok(match function {
        Aggregation::Count => (How::Count, Carried::Nothing),
        Aggregation::CountDistinct if plain => (How::CountDistinct, Carried::Bits(value)),
        Aggregation::CountDistinct => (How::CountDistinct, code(false)),
        Aggregation::Sum if number => (How::Sum, Carried::Bits(value)),
        Aggregation::Average if number => (How::Average, Carried::Bits(value)),
        Aggregation::Min if plain => (How::Min, Carried::Bits(value)),
        Aggregation::Max if plain => (How::Max, Carried::Bits(value)),
        Aggregation::First | Aggregation::Any => (How::Picked { last: false }, code(true)),
        Aggregation::Last => (How::Picked { last: true }, code(true)),
        Aggregation::BoolAnd => (How::All, Carried::Bits(value)),
        Aggregation::BoolOr => (How::AnyOf, Carried::Bits(value)),
        Aggregation::Periods(unit) => (How::Periods(Box::new(Mutex::new(bucketer(&b.clock, *unit)?))), Carried::Nothing),
        other => (How::Folded(other.clone()), code(true)),
    })
}

/// The events and the one range that bounds them: the aggregate's own, or that of its only case. None when both move.
fn lifted(events: &EventSelect, during: Option<&TimeRange>) -> Option<(EventSelect, Option<TimeRange>)> {
    let mut events = events.clone();
    let moving = events.cases.iter().filter(|c| c.during.as_ref().is_some_and(|r| !is_fixed(r))).count();
    match (moving, during, events.cases.as_mut_slice()) {
        (0, during, _) => Some((events, during.cloned())),
        (_, None, [case]) => {
            let own = case.during.take();
            Some((events, own))
        }
        _ => None,
    }
}

/// Only rows on which the value is there.
fn present(events: &mut EventSelect, value: Option<&RowExpr>) {
    let Some(value) = value else { return };
    let missing = Expr::predicate(ExprKind::IsNull(Box::new(value.expr.clone())));
    let there = RowExpr { columns: value.columns.clone(), expr: Expr::predicate(ExprKind::Not(Box::new(missing))) };
    for case in &mut events.cases {
        case.filter = Some(match case.filter.take() {
            Some(filter) => filter.and(there.clone()),
            None => there.clone(),
        });
    }
}

fn mirrored(op: BinaryOp) -> BinaryOp {
    match op {
        BinaryOp::Less => BinaryOp::Greater,
        BinaryOp::LessOrEqual => BinaryOp::GreaterOrEqual,
        BinaryOp::Greater => BinaryOp::Less,
        BinaryOp::GreaterOrEqual => BinaryOp::LessOrEqual,
        other => other,
    }
}

/// Whether a comparison holds; a missing value is unequal to everything.
pub(crate) fn compares(op: BinaryOp, found: Option<Ordering>) -> bool {
    match op {
        BinaryOp::NotEqual => found != Some(Ordering::Equal),
        BinaryOp::Equal => found == Some(Ordering::Equal),
        BinaryOp::Less => found == Some(Ordering::Less),
        BinaryOp::LessOrEqual => matches!(found, Some(Ordering::Less | Ordering::Equal)),
        BinaryOp::Greater => found == Some(Ordering::Greater),
        BinaryOp::GreaterOrEqual => matches!(found, Some(Ordering::Greater | Ordering::Equal)),
        _ => false,
    }
}

/// The same for things that mean the same: their text without the places in the text that they came from.
fn key(thing: &impl Debug) -> String {
    const SPAN: &str = "Span { ";
    let text = format!("{thing:?}");
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(at) = rest.find(SPAN) {
        out.push_str(&rest[..at]);
        rest = rest[at..].find('}').map_or("", |end| &rest[at + end + 1..]);
    }
    out.push_str(rest);
    out
}
