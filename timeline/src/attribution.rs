//! Attribution: what led to the goal (rule 18).

mod sweep;

use crate::calendar::Window;
use crate::run::{NULL, Run, UNMATCHED, first_at};
use std::ops::Range;

/// How the credit for a goal is shared among its touches.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Model {
    /// All to the first touch.
    First,
    /// All to the last touch.
    Last,
    /// Equal shares.
    Linear,
    /// So much to the first, to those between together, and to the last; the weights are taken relative to their sum.
    Position(f64, f64, f64),
    /// Half as much for every half-life (µs) before the goal.
    TimeDecay(i64),
    /// 1 to each touch: the one model whose credit does not sum to 1.
    Participation,
}

/// An attribution question, ready to judge runs.
#[derive(Clone, Debug)]
pub struct AttributionSpec {
    /// How credit is shared.
    pub model: Model,
    /// How long before the goal a touch counts; a touch exactly so long before does.
    pub lookback: Option<Window>,
    /// Bounds the time (µs) of goals, end excluded.
    pub start: Range<i64>,
}

/// A share of the credit for one goal.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Credit {
    /// The goal row, relative to the run.
    pub goal: u32,
    /// The touch row; [`UNMATCHED`] is `(direct)`.
    pub touch: u32,
    /// The share.
    pub credit: f64,
}

/// Appends the credit of every goal, goals and touches in order. Bit 0 of the run marks goals, bit 1 touches. A touch of the goal's
/// instant counts if it stands before it in the sort order. With `holding` touches share the goal's code; a goal without one is direct.
pub fn attribution(spec: &AttributionSpec, run: Run<'_>, holding: Option<&[u32]>, out: &mut Vec<Credit>) {
    let time = run.time.get(..run.len()).unwrap_or_default();
    let goals = first_at(time, 0, spec.start.start)..first_at(time, 0, spec.start.end);
    let code = |row: usize| holding.map_or(0, |codes| codes.get(row).copied().unwrap_or(NULL));
    let all: Vec<usize> = (0..time.len().min(goals.end)).filter(|&row| run.mask[row] & 2 != 0).collect();
    let mut touches = Vec::new();
    for goal in goals.filter(|&row| run.mask[row] & 1 != 0) {
        let earliest = spec.lookback.as_ref().map_or(i64::MIN, |window| window.start(time[goal]));
        let before = &all[..all.partition_point(|&row| row < goal)];
        let within = &before[before.partition_point(|&row| time[row] < earliest)..];
        let held = |row: &usize| holding.is_none() || (code(*row) == code(goal) && code(*row) != NULL);
        touches.clear();
        // One touch has it all: the others need not be listed.
        match spec.model {
            Model::First => touches.extend(within.iter().copied().find(held)),
            Model::Last => touches.extend(within.iter().copied().rev().find(held)),
            _ => touches.extend(within.iter().copied().filter(held)),
        }
        let goal_row = goal as u32;
        if touches.is_empty() {
            out.push(Credit { goal: goal_row, touch: UNMATCHED, credit: 1.0 });
        }
        let shares = shares(&spec.model, touches.len(), |place| time[goal].saturating_sub(time[touches[place]]));
        let credits = touches.iter().zip(shares).filter(|(_, credit)| *credit != 0.0);
        out.extend(credits.map(|(&touch, credit)| Credit { goal: goal_row, touch: touch as u32, credit }));
    }
}

/// The shares of `n` touches, first to last; `before` tells how long (µs) before the goal each was.
pub fn shares(model: &Model, n: usize, before: impl Fn(usize) -> i64) -> Vec<f64> {
    let weights: Vec<f64> = match *model {
        Model::First => (0..n).map(|place| f64::from(place == 0)).collect(),
        Model::Last => (0..n).map(|place| f64::from(place + 1 == n)).collect(),
        Model::Linear => vec![1.0; n],
        Model::Position(first, between, last) => (0..n).map(|place| position(first, between, last, place, n)).collect(),
        Model::TimeDecay(half_life) => {
            // Relative to the last touch, so that long ago does not mean 0 / 0.
            let last = n.checked_sub(1).map_or(0, &before);
            let age = |place| before(place).saturating_sub(last) as f64 / half_life.max(1) as f64;
            (0..n).map(|place| (-age(place)).exp2()).collect()
        }
        Model::Participation => return vec![1.0; n],
    };
    let sum: f64 = weights.iter().sum();
    // Weights that are all 0 tell nothing: equal shares.
    if sum > 0.0 { weights.iter().map(|weight| weight / sum).collect() } else { vec![1.0 / n as f64; n] }
}

fn position(first: f64, between: f64, last: f64, place: usize, n: usize) -> f64 {
    match (n, place) {
        (1, _) => 1.0,
        (_, 0) => first,
        (_, place) if place + 1 == n => last,
        _ => between / (n - 2) as f64,
    }
}
