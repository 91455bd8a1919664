//! From the bound condition of a segment to atoms and features; what several segments ask is asked once.

use super::feature::{Asked, Feature, How};
use super::plan::{Key, Plan};
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
use std::collections::BTreeMap;
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
    /// Of an atom that nobody asks for any more.
    Nothing,
    /// A feature that is true or false.
    Truth,
    /// A value that is picked, and the text it must have: known by its number in the lane.
    Picked {
        text: String,
        number: u32,
    },
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

/// Adds to a plan what segments ask.
pub(crate) struct Planning<'a> {
    planner: &'a Planner,
    entity: EntityTypeId,
    plan: &'a mut Plan,
    made: Made,
}

/// What was made that was not there before.
#[derive(Debug, Default)]
pub(crate) struct Made {
    pub atoms: Vec<u32>,
    /// Of features: their rows, ready to be followed.
    pub marks: HashMap<usize, Marks>,
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

    /// The same for conditions that are made alike of the same atoms.
    pub(crate) fn key(&self, atoms: &BTreeMap<u32, Key>) -> Key {
        let words = |all: &[Node]| all.iter().map(|n| n.key(atoms)).collect::<Vec<_>>();
        let text = match self {
            Node::Const(v) => format!("{v}"),
            Node::Atom(a) => format!("atom {:?}", atoms.get(a)),
            Node::Not(n) => format!("not {}", n.key(atoms)),
            Node::And(all) => format!("and {:?}", words(all)),
            Node::Or(any) => format!("or {:?}", words(any)),
        };
        xxhash_rust::xxh3::xxh3_128(text.as_bytes())
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
    pub(crate) fn new(planner: &'a Planner, entity: EntityTypeId, plan: &'a mut Plan) -> Self {
        Self { planner, entity, plan, made: Made::default() }
    }

    /// What was made.
    pub(crate) fn done(self) -> Made {
        self.made
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
        if let Some(known) = self.plan.atom_of(key) {
            return Ok(Some(known));
        }
        let Some(atom) = self.test(&row)? else { return Ok(None) };
        let number = self.plan.add_atom(key, atom);
        self.made.atoms.push(number);
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
    fn native(&self, row: &RowExpr, feature: usize) -> Option<Test> {
        let feature = &self.plan.features[feature];
        let (op, value) = match &row.expr.kind {
            ExprKind::Column(_) if feature.data_type == DataType::Bool && !is_folded(&feature.how) => return Some(Test::Truth),
            ExprKind::Compare(op, a, b) => match (&a.kind, &b.kind) {
                (ExprKind::Column(_), ExprKind::Literal(v)) => (*op, v),
                (ExprKind::Literal(v), ExprKind::Column(_)) => (mirrored(*op), v),
                _ => return None,
            },
            _ => return None,
        };
        match (&feature.data_type, value) {
            (DataType::String, Value::String(text)) if matches!(feature.how, How::Picked { .. }) && op == BinaryOp::Equal => {
                Some(Test::Picked { text: text.clone(), number: u32::MAX })
            }
            _ if is_folded(&feature.how) => None,
            (DataType::Int, Value::Int(v)) => Some(Test::Int(op, *v)),
            (DataType::Double, Value::Double(v)) if !v.is_nan() && *v != 0.0 => Some(Test::Double(op, *v)),
            _ => None,
        }
    }

    fn feature(&mut self, b: &Behaviour, data_type: &DataType) -> Result<Option<usize>, LiveError> {
        let key = key(b);
        if let Some(known) = self.plan.feature_of(key) {
            return Ok(Some(known));
        }
        if b.clock.as_of.is_some() {
            return Ok(None);
        }
        let Some(feature) = self.make(b, data_type)? else { return Ok(None) };
        // Whether its rows can be followed is known before anything is built on it.
        let Some(marks) = Marks::new(self.planner, &feature.spec)? else { return Ok(None) };
        let number = self.plan.add_feature(key, feature);
        self.made.marks.insert(number, marks);
        Ok(Some(number))
    }

    /// The number of a range; None when it is not one that moves on. Without one everything counts.
    fn range(&mut self, range: Option<&TimeRange>) -> Result<Option<Option<usize>>, LiveError> {
        let Some(range) = range else { return Ok(Some(None)) };
        let key = key(range);
        if let Some(known) = self.plan.range_of(key) {
            return Ok(Some(Some(known)));
        }
        Ok(LiveRange::new(range)?.map(|made| Some(self.plan.add_range(key, made))))
    }

    fn make(&mut self, b: &Behaviour, data_type: &DataType) -> Result<Option<Feature>, LiveError> {
        let subject = self.entity;
        let spec = |kinds, visible, carried| MarkSpec { subject, role: b.role.clone(), kinds, visible, carried };
        let made = |how, spec, value, range| Feature { how, spec, value, range, data_type: data_type.clone(), asked: Asked::Anything };
        match &b.kind {
            BehaviourKind::Sequence(s) => {
                let Some(range) = self.range(s.during.as_ref())? else { return Ok(None) };
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
                let Some(range) = self.range(during.as_ref())? else { return Ok(None) };
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
}

/// What is computed by a fold, or is one of many values.
fn is_folded(how: &How) -> bool {
    matches!(how, How::Picked { .. } | How::Folded(_))
}

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

/// The same for things that mean the same: of their text without the places in the text that they came from.
pub(crate) fn key(thing: &impl Debug) -> Key {
    const SPAN: &str = "Span { ";
    let text = format!("{thing:?}");
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(at) = rest.find(SPAN) {
        out.push_str(&rest[..at]);
        rest = rest[at..].find('}').map_or("", |end| &rest[at + end + 1..]);
    }
    out.push_str(rest);
    xxhash_rust::xxh3::xxh3_128(out.as_bytes())
}
