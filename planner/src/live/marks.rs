//! What event rows mean to a stream: for each row that counts its subject, its time, and what is to be remembered of it.

use super::codes::Codes;
use super::{EventExpr, LiveError, LiveRows, is_fixed};
use crate::clock;
use crate::planner::Planner;
use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType as ArrowType, Date32Type, Float64Type, Int64Type, TimestampMicrosecondType};
use eql_catalog::{DataType, EntityTypeId, EventType, EventTypeId, PropertyId, Value};
use eql_compiler::bound::{EventSelect, ExprKind, Leaf, RowExpr};
use eql_grammar::ast::BinaryOp;
use eql_store::{EventColumn, EventRows, Snapshot};

/// Rows that pass one selection, and the values of HOLDING on them.
#[derive(Clone, Debug, PartialEq)]
pub struct Kind {
    /// Which rows.
    pub events: EventSelect,
    /// The values that all steps share.
    pub holding: Vec<RowExpr>,
}

/// What is remembered of a row besides its time.
#[derive(Clone, Debug, PartialEq)]
pub enum Carried {
    /// Nothing.
    Nothing,
    /// A number, a truth or a time: its 64 bits. Rows where it is missing do not count.
    Bits(RowExpr),
    /// The number of a value of any type. With `missing` rows without a value count too.
    Code {
        /// The value.
        value: RowExpr,
        /// NULL is a value.
        missing: bool,
    },
    /// A bit for each kind of row in the lower half, the number of the values of HOLDING in the upper one.
    Steps,
}

/// What is to be found.
#[derive(Clone, Debug, PartialEq)]
pub struct MarkSpec {
    /// Whose timeline.
    pub subject: EntityTypeId,
    /// By which role.
    pub role: Option<String>,
    /// The kinds of rows; a single one unless steps are carried.
    pub kinds: Vec<Kind>,
    /// STRICT: rows that break it are marked too, without a bit.
    pub visible: Option<EventSelect>,
    /// What is remembered.
    pub carried: Carried,
}

/// A row that counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The subject.
    pub ordinal: u32,
    /// Microseconds.
    pub time: i64,
    /// What is carried.
    pub payload: i64,
}

/// A specification, compiled.
#[derive(Debug)]
pub struct Marks {
    spec: MarkSpec,
    events: Vec<OfEvent>,
    reads: Vec<EntityTypeId>,
    keyed: Vec<EntityTypeId>,
    segments: Vec<String>,
}

/// What rows of one event type mean.
#[derive(Debug)]
struct OfEvent {
    event: EventTypeId,
    participant: usize,
    cases: Vec<Case>,
    /// Rows break STRICT.
    visible: Vec<Option<EventExpr>>,
    value: Option<EventExpr>,
    /// By kind.
    holding: Vec<Vec<EventExpr>>,
    /// All that is asked of a row is that a property has this text.
    equals: Option<(PropertyId, String)>,
}

#[derive(Debug)]
struct Case {
    kind: usize,
    filter: Option<EventExpr>,
    /// A fixed range of the case.
    during: Option<(i64, i64)>,
}

/// At most 31 bits of a mask.
const KINDS_MAX: usize = 31;

impl Marks {
    /// None when a condition asks for more than rows and what they lead to.
    ///
    /// # Errors
    /// What the lowering refuses.
    pub fn new(planner: &Planner, spec: &MarkSpec) -> Result<Option<Self>, LiveError> {
        if spec.kinds.len() > KINDS_MAX {
            return Ok(None);
        }
        let mut made = Self { spec: spec.clone(), events: vec![], reads: vec![], keyed: vec![], segments: vec![] };
        let mut types: Vec<EventTypeId> = Vec::new();
        for select in spec.kinds.iter().map(|k| &k.events).chain(&spec.visible) {
            types.extend(select.cases.iter().flat_map(|c| &c.events));
        }
        types.sort_unstable();
        types.dedup();
        for event in types {
            let Some(definition) = planner.world.snapshot.catalog().event_by_id(event).cloned() else { continue };
            let Some(participant) = made.participant(&definition) else { continue };
            let Some(found) = made.of_event(planner, event, participant)? else { return Ok(None) };
            made.events.push(found);
        }
        Ok(Some(made))
    }

    /// The event types whose rows it wants.
    pub fn events(&self) -> impl Iterator<Item = EventTypeId> + '_ {
        self.events.iter().map(|e| e.event)
    }

    /// Entity types whose rows decide about events.
    pub fn reads(&self) -> &[EntityTypeId] {
        &self.reads
    }

    /// Those of them that are found by their keys.
    pub fn keyed(&self) -> &[EntityTypeId] {
        &self.keyed
    }

    /// Stored segments whose members decide about events.
    pub fn segments(&self) -> &[String] {
        &self.segments
    }

    /// Numbers for what rows carry.
    ///
    /// # Errors
    /// A type that cannot be compared.
    pub fn codes(&self) -> Result<Option<Codes>, LiveError> {
        let types: Vec<DataType> = match &self.spec.carried {
            Carried::Code { value, .. } => vec![value.expr.data_type.clone()],
            Carried::Steps => {
                self.spec.kinds.first().map_or_else(Vec::new, |k| k.holding.iter().map(|h| h.expr.data_type.clone()).collect())
            }
            _ => vec![],
        };
        if types.is_empty() { Ok(None) } else { Codes::new(&types).map(Some) }
    }

    fn participant(&self, definition: &EventType) -> Option<usize> {
        match &self.spec.role {
            Some(role) => definition.participants.iter().position(|p| p.entity == self.spec.subject && p.name == *role),
            None => definition.participant_of(self.spec.subject),
        }
    }

    fn expr(&mut self, planner: &Planner, event: EventTypeId, row: &RowExpr) -> Result<Option<EventExpr>, LiveError> {
        let made = EventExpr::new(planner, event, row)?;
        if let Some(made) = &made {
            self.reads.extend(made.reads());
            self.keyed.extend(made.keyed());
            self.segments.extend(made.segments().iter().cloned());
        }
        Ok(made)
    }

    fn of_event(&mut self, planner: &Planner, event: EventTypeId, participant: usize) -> Result<Option<OfEvent>, LiveError> {
        let spec = self.spec.clone();
        let mut found =
            OfEvent { event, participant, cases: vec![], visible: vec![], value: None, holding: vec![], equals: equals(&spec, event) };
        for (kind, k) in spec.kinds.iter().enumerate() {
            for case in k.events.cases.iter().filter(|c| c.events.contains(&event)) {
                let during = match &case.during {
                    Some(range) if is_fixed(range) => Some(clock::resolve(range, 0)?),
                    Some(_) => return Ok(None),
                    None => None,
                };
                let filter = match &case.filter {
                    Some(row) => match self.expr(planner, event, row)? {
                        Some(filter) => Some(filter),
                        None => return Ok(None),
                    },
                    None => None,
                };
                found.cases.push(Case { kind, filter, during });
            }
            let mut held = Vec::with_capacity(k.holding.len());
            for row in &k.holding {
                match self.expr(planner, event, row)? {
                    Some(expr) => held.push(expr),
                    None => return Ok(None),
                }
            }
            found.holding.push(held);
        }
        for case in spec.visible.iter().flat_map(|v| &v.cases).filter(|c| c.events.contains(&event)) {
            if case.during.is_some() {
                return Ok(None);
            }
            found.visible.push(match &case.filter {
                Some(row) => match self.expr(planner, event, row)? {
                    Some(filter) => Some(filter),
                    None => return Ok(None),
                },
                None => None,
            });
        }
        if let Carried::Bits(row) | Carried::Code { value: row, .. } = &spec.carried {
            match self.expr(planner, event, row)? {
                Some(value) => found.value = Some(value),
                None => return Ok(None),
            }
        }
        Ok(Some(found))
    }

    /// The rows among `rows` that count, by their places in that list, with what they carry.
    ///
    /// # Errors
    /// A damaged file, or what a condition meets.
    pub fn of_rows(
        &self,
        snapshot: &Snapshot,
        event: EventTypeId,
        events: &EventRows,
        rows: &[u32],
        codes: Option<&mut Codes>,
    ) -> Result<Vec<(u32, i64)>, LiveError> {
        let Some(of) = self.events.iter().find(|e| e.event == event) else { return Ok(vec![]) };
        if of.simple() {
            return Ok((0..u32::try_from(rows.len()).unwrap_or(u32::MAX))
                .map(|i| (i, i64::from(self.spec.carried == Carried::Steps)))
                .collect());
        }
        let mut mask = vec![0u32; rows.len()];
        let mut counts = vec![false; rows.len()];
        for case in &of.cases {
            let passes = of.case(snapshot, events, rows, case)?;
            for (i, _) in passes.iter().enumerate().filter(|(_, p)| **p) {
                mask[i] |= 1 << case.kind;
                counts[i] = true;
            }
        }
        if self.spec.visible.is_some() {
            // What cannot be seen breaks nothing: it has the bit of what is passed over.
            let mut seen = vec![false; rows.len()];
            for filter in &of.visible {
                match filter {
                    None => seen.fill(true),
                    Some(f) => f.passes(snapshot, events, rows)?.iter().enumerate().for_each(|(i, p)| seen[i] |= p),
                }
            }
            for (i, seen) in seen.iter().enumerate() {
                counts[i] |= seen;
                if !seen && mask[i] != 0 {
                    mask[i] |= 1 << self.spec.kinds.len();
                }
            }
        }
        let kept: Vec<u32> = (0..rows.len()).filter(|i| counts[*i]).filter_map(|i| u32::try_from(i).ok()).collect();
        self.carry(of, snapshot, events, rows, kept, &mask, codes)
    }

    /// What the rows that count carry.
    #[allow(clippy::too_many_arguments, reason = "rows, where they are read, and what is known of them")]
    fn carry(
        &self,
        of: &OfEvent,
        snapshot: &Snapshot,
        events: &EventRows,
        rows: &[u32],
        kept: Vec<u32>,
        mask: &[u32],
        codes: Option<&mut Codes>,
    ) -> Result<Vec<(u32, i64)>, LiveError> {
        if kept.is_empty() {
            return Ok(vec![]);
        }
        let list: Vec<u32> = kept.iter().map(|i| rows[*i as usize]).collect();
        match &self.spec.carried {
            Carried::Nothing => Ok(kept.into_iter().map(|i| (i, 0)).collect()),
            Carried::Steps => {
                let held = of.held(snapshot, events, &list, &kept, mask, codes)?;
                let payload =
                    |(n, i): (usize, u32)| (i, i64::from(mask[i as usize]) | (i64::from(held.get(n).copied().unwrap_or(0)) << 32));
                Ok(kept.iter().copied().enumerate().map(payload).collect())
            }
            Carried::Bits(_) => {
                let values = of.values(snapshot, events, &list)?;
                let bits = bits(&values)?;
                Ok(kept.into_iter().zip(bits).filter_map(|(i, b)| Some((i, b?))).collect())
            }
            Carried::Code { missing, .. } => {
                let values = of.values(snapshot, events, &list)?;
                let codes = codes.ok_or_else(|| LiveError::new("values without numbers"))?.of(std::slice::from_ref(&values))?;
                let counts = |n: usize| *missing || values.is_valid(n);
                Ok(kept.into_iter().zip(codes).enumerate().filter(|(n, _)| counts(*n)).map(|(_, (i, c))| (i, i64::from(c))).collect())
            }
        }
    }

    /// The property and the text that a row of an event must have, where nothing else is asked of it.
    pub fn equals(&self, event: EventTypeId) -> Option<(PropertyId, &str)> {
        let of = self.events.iter().find(|e| e.event == event)?;
        of.equals.as_ref().map(|(property, text)| (*property, text.as_str()))
    }

    /// Which participant of an event is the subject.
    pub fn subject_of(&self, event: EventTypeId) -> Option<usize> {
        self.events.iter().find(|e| e.event == event).map(|e| e.participant)
    }

    /// By which role subjects take part.
    pub fn role(&self) -> Option<&str> {
        self.spec.role.as_deref()
    }

    /// The rows that count, each with its place in their order; `equal` are the places of those that have the text of [`Marks::equals`].
    ///
    /// # Errors
    /// As [`Marks::of_rows`].
    pub fn arrived(
        &self,
        snapshot: &Snapshot,
        rows: &LiveRows,
        equal: Option<&[u32]>,
        codes: Option<&mut Codes>,
        out: &mut Vec<(u32, Mark)>,
    ) -> Result<(), LiveError> {
        let Some(of) = self.events.iter().find(|e| e.event == rows.event).filter(|_| rows.concerns(self.role())) else { return Ok(()) };
        let found = match equal {
            Some(places) => {
                let kept = (0..u32::try_from(places.len()).unwrap_or(u32::MAX)).collect();
                let list: Vec<u32> = places.iter().map(|p| rows.rows[*p as usize]).collect();
                self.carry(of, snapshot, &rows.events, &list, kept, &vec![1; places.len()], codes)?
            }
            None => self.of_rows(snapshot, rows.event, &rows.events, &rows.rows, codes)?,
        };
        for (i, payload) in found {
            let place = equal.map_or(i, |places| places[i as usize]) as usize;
            if let Some(ordinal) = rows.subject(of.participant, place) {
                let order = rows.order.get(place).copied().unwrap_or(0);
                out.push((order, Mark { ordinal, time: rows.times[place], payload }));
            }
        }
        Ok(())
    }
}

impl OfEvent {
    /// Every row counts, and carries nothing that has to be read.
    fn simple(&self) -> bool {
        let bare = matches!(self.cases.as_slice(), [case] if case.filter.is_none() && case.during.is_none() && case.kind == 0);
        bare && self.visible.is_empty() && self.value.is_none() && self.holding.iter().all(Vec::is_empty)
    }

    fn case(&self, snapshot: &Snapshot, events: &EventRows, rows: &[u32], case: &Case) -> Result<Vec<bool>, LiveError> {
        let mut passes = match &case.filter {
            Some(f) => f.passes(snapshot, events, rows)?,
            None => vec![true; rows.len()],
        };
        if let Some((start, end)) = case.during {
            let times = events.gather(&EventColumn::Time, rows)?;
            let times = times.as_primitive::<TimestampMicrosecondType>().values();
            passes.iter_mut().zip(times).for_each(|(p, t)| *p &= start <= *t && *t < end);
        }
        Ok(passes)
    }

    fn values(&self, snapshot: &Snapshot, events: &EventRows, rows: &[u32]) -> Result<ArrayRef, LiveError> {
        let value = self.value.as_ref().ok_or_else(|| LiveError::new("rows without a value"))?;
        value.read(snapshot, events, rows)
    }

    /// The numbers of the values of HOLDING: what a row is to an earlier kind wins.
    fn held(
        &self,
        snapshot: &Snapshot,
        events: &EventRows,
        list: &[u32],
        kept: &[u32],
        mask: &[u32],
        codes: Option<&mut Codes>,
    ) -> Result<Vec<u32>, LiveError> {
        let Some(codes) = codes else { return Ok(vec![]) };
        let mut out = vec![eql_timeline::NULL; list.len()];
        for (kind, holding) in self.holding.iter().enumerate().rev() {
            let own: Vec<usize> = (0..kept.len()).filter(|n| mask[kept[*n] as usize] & (1 << kind) != 0).collect();
            if own.is_empty() {
                continue;
            }
            let rows: Vec<u32> = own.iter().map(|n| list[*n]).collect();
            let columns = holding.iter().map(|h| h.read(snapshot, events, &rows)).collect::<Result<Vec<_>, _>>()?;
            for (n, code) in own.into_iter().zip(codes.held(&columns)?) {
                out[n] = code;
            }
        }
        Ok(out)
    }
}

/// The one property that one condition compares with a text.
fn equals(spec: &MarkSpec, event: EventTypeId) -> Option<(PropertyId, String)> {
    let ([kind], None) = (spec.kinds.as_slice(), &spec.visible) else { return None };
    let mut cases = kind.events.cases.iter().filter(|c| c.events.contains(&event));
    let (Some(case), None) = (cases.next(), cases.next()) else { return None };
    let filter = case.filter.as_ref().filter(|_| case.during.is_none())?;
    let [column] = filter.columns.as_slice() else { return None };
    let Leaf::EventProperty(by) = &column.leaf else { return None };
    let (_, property) = by.iter().find(|(e, _)| *e == event)?;
    match &filter.expr.kind {
        ExprKind::Compare(BinaryOp::Equal, a, b) => match (&a.kind, &b.kind) {
            (ExprKind::Column(_), ExprKind::Literal(Value::String(text))) if a.data_type == DataType::String => {
                Some((*property, text.clone()))
            }
            _ => None,
        },
        _ => None,
    }
}

/// The 64 bits of numbers, truths and times.
fn bits(values: &ArrayRef) -> Result<Vec<Option<i64>>, LiveError> {
    Ok(match values.data_type() {
        ArrowType::Int64 => values.as_primitive::<Int64Type>().iter().collect(),
        ArrowType::Float64 => values.as_primitive::<Float64Type>().iter().map(|v| v.map(|v| v.to_bits().cast_signed())).collect(),
        ArrowType::Boolean => values.as_boolean().iter().map(|v| v.map(i64::from)).collect(),
        ArrowType::Date32 => values.as_primitive::<Date32Type>().iter().map(|v| v.map(i64::from)).collect(),
        ArrowType::Timestamp(..) => values.as_primitive::<TimestampMicrosecondType>().iter().collect(),
        _ => cast(values, &ArrowType::Int64)?.as_primitive::<Int64Type>().iter().collect(),
    })
}
