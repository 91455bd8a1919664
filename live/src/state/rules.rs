//! What holds for all entities of one type: the plan, and the segments that are made of it.

use super::definition::{Input, Node, Test, compares};
use super::feature::Datum;
use super::moment::Moment;
use super::plan::Plan;
use super::rows::Rows;
use arrow::array::{Array, ArrayRef, AsArray, UInt32Array};
use eql_catalog::EntityTypeId;
use eql_planner::live::{LiveError, RangeMemo};
use eql_store::Snapshot;

/// A segment that is followed row by row.
#[derive(Clone, Debug)]
pub(crate) struct Followed {
    pub name: String,
    pub version: u32,
    pub condition: Node,
}

/// Everything that does not change with a commit.
#[derive(Debug)]
pub(crate) struct Rules {
    pub entity: EntityTypeId,
    pub plan: Plan,
    /// By name.
    pub segments: Vec<Followed>,
    /// By atom: numbers of segments.
    pub segments_of: Vec<Vec<u32>>,
    /// By atom: its truth for an entity without rows of which nothing is known.
    pub defaults: Vec<bool>,
    /// Atoms that read an entity's row.
    pub row_atoms: Vec<u32>,
    /// Segments that have such an entity as a member.
    pub default_members: Vec<u32>,
}

impl Rules {
    pub(crate) fn new(entity: EntityTypeId, plan: Plan, segments: Vec<Followed>, snapshot: &Snapshot) -> Result<Self, LiveError> {
        let mut made = Self { entity, plan, segments, segments_of: vec![], defaults: vec![], row_atoms: vec![], default_members: vec![] };
        made.derive(snapshot)?;
        Ok(made)
    }

    /// What follows from the plan and the segments.
    pub(crate) fn derive(&mut self, snapshot: &Snapshot) -> Result<(), LiveError> {
        self.segments_of = vec![vec![]; self.plan.atoms.len()];
        for (number, s) in self.segments.iter().enumerate() {
            let mut atoms = Vec::new();
            s.condition.atoms(&mut atoms);
            atoms.sort_unstable();
            atoms.dedup();
            atoms.iter().for_each(|a| self.segments_of[*a as usize].push(number as u32));
        }
        let reads_row = |test: &Test| match test {
            Test::Row(_) => true,
            Test::Mixed { inputs, .. } => inputs.iter().any(|i| matches!(i, Input::Row(_))),
            _ => false,
        };
        self.row_atoms = (0..self.plan.atoms.len()).filter(|a| reads_row(&self.plan.atoms[*a].test)).map(|a| a as u32).collect();
        let mut memos = self.memos();
        let nobody = |_: u32, _: usize| Rows::NONE;
        let mut at = Moment { now: 0, ranges: &self.plan.ranges, memos: &mut memos };
        let mut defaults = Vec::with_capacity(self.plan.atoms.len());
        for atom in 0..self.plan.atoms.len() as u32 {
            defaults.push(self.truths(snapshot, atom, &[None], &nobody, &mut at)?.first().copied().unwrap_or(false));
        }
        self.defaults = defaults;
        let member = |s: &Followed| s.condition.is(&mut |a| self.defaults[a as usize]);
        self.default_members = (0..self.segments.len()).filter(|s| member(&self.segments[*s])).map(|s| s as u32).collect();
        Ok(())
    }

    /// What nobody found out about ranges yet.
    pub(crate) fn memos(&self) -> Vec<RangeMemo> {
        vec![RangeMemo::default(); self.plan.ranges.len()]
    }

    /// Whether an atom is true of some entities; None is one without rows of which nothing is known. `rows` are those that an ordinal has in a lane.
    pub(crate) fn truths<'r>(
        &self,
        snapshot: &Snapshot,
        atom: u32,
        asked: &[Option<u32>],
        rows: &dyn Fn(u32, usize) -> Rows<'r>,
        at: &mut Moment<'_>,
    ) -> Result<Vec<bool>, LiveError> {
        let a = &self.plan.atoms[atom as usize];
        let ordinals: UInt32Array = asked.iter().copied().collect();
        let values = match &a.test {
            Test::Nothing => return Ok(vec![false; asked.len()]),
            Test::Row(expr) => expr.read(snapshot, &ordinals)?,
            Test::Mixed { inputs, expr } => {
                let mut column = |input: &Input| match input {
                    Input::Row(expr) => expr.read(snapshot, &ordinals),
                    Input::Feature(f) => {
                        let values = asked.iter().map(|o| self.value(*f, *o, rows, at)).collect::<Result<Vec<_>, _>>()?;
                        self.plan.features[*f].column(&values, self.plan.lanes[self.plan.lane_of[*f]].codes.as_ref())
                    }
                };
                let columns: Vec<ArrayRef> = inputs.iter().map(&mut column).collect::<Result<_, _>>()?;
                expr.evaluate(columns, asked.len())?
            }
            test => {
                let feature = a.features.first().copied().unwrap_or_default();
                let truth = |o: &Option<u32>| self.value(feature, *o, rows, at).map(|v| native(test, &v).unwrap_or(false));
                return asked.iter().map(truth).collect();
            }
        };
        let values = values.as_boolean();
        Ok((0..values.len()).map(|i| values.is_valid(i) && values.value(i)).collect())
    }

    fn value<'r>(
        &self,
        feature: usize,
        ordinal: Option<u32>,
        rows: &dyn Fn(u32, usize) -> Rows<'r>,
        at: &mut Moment<'_>,
    ) -> Result<Datum, LiveError> {
        let lane = self.plan.lane_of[feature];
        let l = &self.plan.lanes[lane];
        let rows = ordinal.map_or(Rows { stride: l.stride(), ..Rows::NONE }, |o| rows(o, lane));
        self.plan.features[feature].value(rows, l.codes.as_ref(), l.keep, at)
    }
}

/// Whether a test of one feature holds; None when a column is needed.
pub(crate) fn native(test: &Test, value: &Datum) -> Option<bool> {
    match test {
        Test::Nothing => Some(false),
        Test::Truth => Some(value.truth().unwrap_or(false)),
        Test::Picked { number, .. } => Some(matches!(value, Datum::Code(code) if code == number)),
        Test::Int(op, constant) => Some(compares(*op, value.int().map(|v| v.cmp(constant)))),
        Test::Double(op, constant) => Some(compares(*op, value.double().map(|v| v.total_cmp(constant)))),
        Test::Row(_) | Test::Mixed { .. } => None,
    }
}
