//! What rows of a timeline mean to the steps of a funnel or sequence: a bit for each kind of row that it tells apart.

use super::chunk::Chunk;
use super::coder::{Coder, holding_codes};
use super::entities::Marked;
use super::select::{Select, types};
use super::values::Values;
use crate::world::World;
use arrow::array::ArrayRef;
use arrow::datatypes::DataType as ArrowType;
use datafusion::common::{DataFusionError, Result};
use eql_compiler::bound::{Clock, EventSelect, RowExpr, Step};
use eql_store::{Timeline, arrow_type};
use eql_timeline::RowBits;

/// Bits of a mask.
const BITS: usize = 64;

/// Rows that pass one selection.
struct Kind {
    select: Select,
    /// The values of HOLDING on them; None: they count whatever the value.
    holding: Option<Vec<Values>>,
}

/// What breaks STRICT: any visible row. All others have a bit that says so.
struct Quiet {
    bit: u8,
    visible: Select,
    ignored: Vec<Select>,
}

/// Ready to mark rows. Steps with the same selection share a bit.
pub(crate) struct Marking {
    kinds: Vec<Kind>,
    /// The kind of each step.
    steps: Vec<usize>,
    quiet: Option<Quiet>,
    holding_types: Vec<ArrowType>,
}

/// Rows of a batch that mean something, rising, and what they mean.
pub(crate) struct Compact {
    pub rows: Vec<u32>,
    /// By row: a bit for each kind.
    pub mask: Vec<u64>,
}

/// Where selections are made ready.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    pub world: &'a World,
    pub timeline: &'a Timeline,
    pub clock: &'a Clock,
}

impl Place<'_> {
    fn select(&self, events: &EventSelect) -> Result<Select> {
        Select::new(self.world, self.timeline, events, self.clock)
    }

    fn values(&self, events: &EventSelect, held: &[RowExpr]) -> Result<Vec<Values>> {
        held.iter().map(|h| Values::new(self.world, self.timeline, &types(events), h)).collect()
    }
}

impl Marking {
    /// For these steps; `holding` has the expressions of each, step after step.
    pub(crate) fn new(place: Place<'_>, steps: &[Step], holding: &[RowExpr]) -> Result<Self> {
        let held = holding.len() / steps.len().max(1);
        let (mut kinds, mut numbers, mut seen) = (Vec::new(), Vec::new(), Vec::<&EventSelect>::new());
        for (i, s) in steps.iter().enumerate() {
            let known = seen.iter().position(|e| **e == s.events);
            if known.is_none() {
                let values = place.values(&s.events, &holding[i * held..(i + 1) * held])?;
                kinds.push(Kind { select: place.select(&s.events)?, holding: Some(values) });
                seen.push(&s.events);
            }
            numbers.push(known.unwrap_or(seen.len() - 1));
        }
        let holding_types = holding.iter().take(held).map(|h| arrow_type(&h.expr.data_type)).collect();
        let marking = Self { kinds, steps: numbers, quiet: None, holding_types };
        marking.fits().map(|()| marking)
    }

    fn fits(&self) -> Result<()> {
        let bits = self.kinds.len() + usize::from(self.quiet.is_some());
        if bits <= BITS { Ok(()) } else { Err(DataFusionError::Plan(format!("at most {BITS} kinds of rows are told apart"))) }
    }

    /// Adds rows that are no step; their bit.
    pub(crate) fn other(&mut self, place: Place<'_>, events: &EventSelect, held: Option<&[RowExpr]>) -> Result<u8> {
        let holding = held.map(|h| place.values(events, h)).transpose()?;
        self.kinds.push(Kind { select: place.select(events)?, holding });
        self.fits()?;
        Ok(u8::try_from(self.kinds.len() - 1).unwrap_or(u8::MAX))
    }

    /// Adds the rows that do not break STRICT, after all others; their bit.
    pub(crate) fn quiet(&mut self, place: Place<'_>, visible: &EventSelect, ignoring: &[EventSelect]) -> Result<u8> {
        let bit = u8::try_from(self.kinds.len()).unwrap_or(u8::MAX);
        let ignored = ignoring.iter().map(|e| place.select(e)).collect::<Result<_>>()?;
        self.quiet = Some(Quiet { bit, visible: place.select(visible)?, ignored });
        self.fits()?;
        Ok(bit)
    }

    /// The bit of a step's rows.
    pub(crate) fn bit(&self, step: usize) -> u8 {
        self.steps.get(step).and_then(|k| u8::try_from(*k).ok()).unwrap_or(u8::MAX)
    }

    /// The bits of all steps.
    pub(crate) fn step_bits(&self) -> u64 {
        self.steps.iter().fold(0, |all, k| all | 1 << k)
    }

    /// Marks the event codes it needs.
    pub(crate) fn want(&self, wanted: &mut [bool]) {
        self.kinds.iter().for_each(|k| k.select.want(wanted));
        if let Some(q) = &self.quiet {
            std::iter::once(&q.visible).chain(&q.ignored).for_each(|s| s.want(wanted));
        }
    }

    /// What numbers the values of HOLDING, when there are any.
    pub(crate) fn coder(&self) -> Result<Option<Coder>> {
        if self.holding_types.is_empty() { Ok(None) } else { Coder::new(&self.holding_types).map(Some) }
    }

    /// The rows that are of any kind; None where other rows matter too, or values that they hold.
    pub(crate) fn compact(&self, chunk: &Chunk<'_>) -> Result<Option<Compact>> {
        if self.quiet.is_some() || self.holds() {
            return Ok(None);
        }
        let kinds = self.kinds.iter().map(|k| k.select.bits(chunk)).collect::<Result<Vec<_>>>()?;
        let aligned = chunk.aligned();
        let inside = aligned.rows(0..chunk.len());
        let (mut rows, mut mask) = (Vec::new(), Vec::new());
        for place in 0..kinds.first().map_or(0, |k| k.len()) {
            let mut union = kinds.iter().fold(0, |union, k| union | k[place]);
            while union != 0 {
                let bit = union.trailing_zeros();
                union &= union - 1;
                let row = place * 64 + bit as usize;
                if inside.contains(&row) {
                    rows.push((row - aligned.shift) as u32);
                    mask.push(kinds.iter().enumerate().fold(0, |mask, (kind, k)| mask | (k[place] >> bit & 1) << kind));
                }
            }
        }
        Ok(Some(Compact { rows, mask }))
    }

    /// Whether steps must share a value.
    pub(crate) fn holds(&self) -> bool {
        !self.holding_types.is_empty()
    }

    /// The rows of each step as bits, counted as [`Chunk::aligned`] says.
    pub(crate) fn step_bits_of<'c>(&self, chunk: &Chunk<'c>) -> Result<RowBits<'c>> {
        Ok(RowBits::new(self.steps.iter().map(|k| self.kinds[*k].select.bits(chunk)).collect::<Result<_>>()?))
    }

    /// The rows of a batch.
    pub(crate) fn mark(&self, chunk: &Chunk<'_>, coder: Option<&mut Coder>) -> Result<Marked> {
        let mut mask = vec![0u64; chunk.len()];
        if let Some(q) = &self.quiet {
            mask.fill(1 << q.bit);
            q.visible.rows(chunk, None)?.iter().for_each(|r| mask[*r as usize] = 0);
            for s in &q.ignored {
                s.rows(chunk, None)?.iter().for_each(|r| mask[*r as usize] = 1 << q.bit);
            }
        }
        let mut rows = Vec::with_capacity(self.kinds.len());
        for (bit, kind) in self.kinds.iter().enumerate() {
            let found = kind.select.rows(chunk, None)?;
            found.iter().for_each(|r| mask[*r as usize] |= 1 << bit);
            rows.push(found);
        }
        let holding = coder.map(|c| self.codes(chunk, &rows, c)).transpose()?;
        Ok(Marked { mask, holding, steps: self.steps.iter().map(|k| rows[*k].clone()).collect() })
    }

    fn codes(&self, chunk: &Chunk<'_>, rows: &[Vec<u32>], coder: &mut Coder) -> Result<Vec<u32>> {
        let mut codes = vec![eql_timeline::NULL; chunk.len()];
        // Steps come first among the kinds: what a row is to a step must win.
        for (kind, rows) in self.kinds.iter().zip(rows).rev() {
            let Some(values) = &kind.holding else {
                rows.iter().for_each(|r| codes[*r as usize] = eql_timeline::EVERYWHERE);
                continue;
            };
            let columns: Vec<ArrayRef> = values.iter().map(|v| v.read(chunk, rows)).collect::<Result<_>>()?;
            for (row, code) in rows.iter().zip(holding_codes(coder, &columns)?) {
                codes[*row as usize] = code;
            }
        }
        Ok(codes)
    }
}
