//! What operations make of one value: plain values in, plain values out.

use super::history::BEGINNING;
use crate::EntityOperation;
use crate::limit::LIST_ELEMENTS_MAX;
use eql_catalog::{DataType, Value};

/// One property of one entity while operations are done on it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Cell {
    pub(super) value: Value,
    /// From when it holds; kept for properties with `HISTORY`.
    pub(super) since: Option<i64>,
    /// The time of the `set_once` that gave it.
    pub(super) once: Option<i64>,
}

/// A change of the history of one entity.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Change {
    Holds(i64, Value),
    /// What held from that time on did not.
    Gone(i64),
}

/// Does not fit: the value stays as it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Refused;

impl Cell {
    /// Carries out one operation that became true at a time. What it means for the history goes to `changes`, in order.
    pub(super) fn apply(
        &mut self,
        operation: EntityOperation,
        operand: Value,
        time: i64,
        data_type: &DataType,
        changes: &mut Vec<Change>,
    ) -> Result<(), Refused> {
        match (operation, operand) {
            (EntityOperation::Set, value) => self.set(value, time, changes),
            (EntityOperation::Unset, _) => self.set(Value::Null, time, changes),
            (_, Value::Null) => {}
            (EntityOperation::SetOnce, value) => self.set_once(value, time, changes),
            (EntityOperation::Increment, by) => self.grow(sum(&self.value, &by, data_type)?, time, changes),
            (EntityOperation::Append, Value::List(more)) => self.grow(appended(&self.value, more)?, time, changes),
            (EntityOperation::Union, Value::List(more)) => self.grow(united(&self.value, more)?, time, changes),
            // Admission lets no other through.
            _ => return Err(Refused),
        }
        Ok(())
    }

    /// A value of an earlier time goes into the history alone.
    fn set(&mut self, value: Value, time: i64, changes: &mut Vec<Change>) {
        changes.push(Change::Holds(time, value.clone()));
        if self.since.is_none_or(|since| time >= since) {
            *self = Cell { value, since: Some(time), once: None };
        }
    }

    fn set_once(&mut self, value: Value, time: i64, changes: &mut Vec<Change>) {
        let time = match (&self.value, self.once) {
            // It was cleared at `since`: before that, it had values.
            (Value::Null, _) => time.max(self.since.unwrap_or(BEGINNING)),
            (_, Some(before)) if time < before => {
                changes.push(Change::Gone(self.since.unwrap_or(before)));
                time
            }
            _ => return,
        };
        changes.push(Change::Holds(time, value.clone()));
        *self = Cell { value, since: Some(time), once: Some(time) };
    }

    /// Nothing that was added is ever lost: what comes late counts from the time of the latest value.
    fn grow(&mut self, value: Value, time: i64, changes: &mut Vec<Change>) {
        let time = time.max(self.since.unwrap_or(BEGINNING));
        changes.push(Change::Holds(time, value.clone()));
        *self = Cell { value, since: Some(time), once: None };
    }
}

pub(super) fn sum(value: &Value, by: &Value, data_type: &DataType) -> Result<Value, Refused> {
    match (value, by) {
        (Value::Null, by) => Ok(by.clone()),
        (Value::Int(a), Value::Int(b)) => a.checked_add(*b).map(Value::Int).ok_or(Refused),
        (Value::Double(a), Value::Double(b)) => {
            let sum = a + b;
            if sum.is_finite() || !(a.is_finite() && b.is_finite()) { Ok(Value::Double(sum)) } else { Err(Refused) }
        }
        (Value::Decimal(a, s), Value::Decimal(b, _)) => {
            let precision = if let DataType::Decimal(p, _) = data_type { *p } else { 38 };
            let fits = |n: &i128| n.unsigned_abs() < 10u128.pow(u32::from(precision.min(38)));
            a.checked_add(*b).filter(fits).map(|n| Value::Decimal(n, *s)).ok_or(Refused)
        }
        _ => Err(Refused),
    }
}

fn appended(value: &Value, more: Vec<Value>) -> Result<Value, Refused> {
    let before = elements(value);
    if before.len() + more.len() > LIST_ELEMENTS_MAX {
        return Err(Refused);
    }
    Ok(Value::List([before, &more].concat()))
}

/// Keeps the order of first occurrence; what the list has twice already stays twice.
pub(super) fn united(value: &Value, more: Vec<Value>) -> Result<Value, Refused> {
    let mut all = elements(value).to_vec();
    for item in more {
        if !all.iter().any(|known| same(known, &item)) {
            if all.len() >= LIST_ELEMENTS_MAX {
                return Err(Refused);
            }
            all.push(item);
        }
    }
    Ok(Value::List(all))
}

fn elements(value: &Value) -> &[Value] {
    if let Value::List(items) = value { items } else { &[] }
}

/// Two values that are not numbers are the same here.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Double(a), Value::Double(b)) => a == b || (a.is_nan() && b.is_nan()),
        (Value::List(a), Value::List(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (a, b) => a == b,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use EntityOperation::*;

    fn run(data_type: &DataType, steps: &[(EntityOperation, Value, i64)]) -> (Cell, Vec<Change>) {
        let (mut cell, mut changes) = (Cell { value: Value::Null, since: None, once: None }, Vec::new());
        steps.iter().for_each(|(o, v, t)| cell.apply(*o, v.clone(), *t, data_type, &mut changes).unwrap());
        (cell, changes)
    }

    fn value(data_type: &DataType, steps: &[(EntityOperation, Value, i64)]) -> Value {
        run(data_type, steps).0.value
    }

    fn list(items: &[i64]) -> Value {
        Value::List(items.iter().map(|i| Value::Int(*i)).collect())
    }

    #[test]
    fn set_once_keeps_the_earliest_and_what_was_set() {
        let int = |steps: &[(EntityOperation, i64, i64)]| {
            let steps: Vec<_> = steps.iter().map(|(o, v, t)| (*o, Value::Int(*v), *t)).collect();
            run(&DataType::Int, &steps)
        };
        assert_eq!(int(&[(SetOnce, 1, 5), (SetOnce, 2, 7)]).0.value, Value::Int(1));
        let (cell, changes) = int(&[(SetOnce, 1, 5), (SetOnce, 2, 3), (SetOnce, 3, 3)]);
        assert_eq!(cell, Cell { value: Value::Int(2), since: Some(3), once: Some(3) });
        assert_eq!(changes, [Change::Holds(5, Value::Int(1)), Change::Gone(5), Change::Holds(3, Value::Int(2))]);
        assert_eq!(int(&[(Set, 1, 5), (SetOnce, 2, 3)]).0.value, Value::Int(1));
        assert_eq!(int(&[(SetOnce, 2, 3), (Set, 1, 5), (SetOnce, 4, 1)]).0.value, Value::Int(1));
        assert_eq!(int(&[(Set, 1, 5), (Unset, 0, 6), (SetOnce, 4, 1)]).0, Cell { value: Value::Int(4), since: Some(6), once: Some(6) });
    }

    #[test]
    fn late_values_do_not_overwrite_and_late_increments_are_not_lost() {
        let steps = [(Set, Value::Int(10), 20), (Set, Value::Int(3), 10), (Increment, Value::Int(1), 5)];
        let (cell, changes) = run(&DataType::Int, &steps);
        assert_eq!(cell, Cell { value: Value::Int(11), since: Some(20), once: None });
        assert_eq!(changes.last(), Some(&Change::Holds(20, Value::Int(11))));
    }

    #[test]
    fn sums_that_do_not_fit_are_refused() {
        let refused = |data_type: DataType, a: Value, b: Value| {
            let mut cell = Cell { value: a.clone(), since: None, once: None };
            assert_eq!(cell.apply(Increment, b, 0, &data_type, &mut vec![]), Err(Refused));
            assert_eq!(cell.value, a);
        };
        refused(DataType::Int, Value::Int(i64::MAX), Value::Int(1));
        refused(DataType::Double, Value::Double(f64::MAX), Value::Double(f64::MAX));
        refused(DataType::Decimal(3, 1), Value::Decimal(999, 1), Value::Decimal(1, 1));
        assert_eq!(
            value(&DataType::Decimal(3, 1), &[(Increment, Value::Decimal(5, 1), 0), (Increment, Value::Decimal(5, 1), 0)]),
            Value::Decimal(10, 1)
        );
        assert_eq!(value(&DataType::Int, &[(Increment, Value::Int(-5), 0), (Increment, Value::Null, 1)]), Value::Int(-5));
    }

    #[test]
    fn lists_grow() {
        let ints = DataType::List(Box::new(DataType::Int));
        assert_eq!(value(&ints, &[(Append, list(&[1, 1]), 0), (Append, list(&[1]), 0)]), list(&[1, 1, 1]));
        assert_eq!(value(&ints, &[(Union, list(&[2, 1, 2]), 0), (Union, list(&[3, 1]), 0)]), list(&[2, 1, 3]));
        let mut full = Cell { value: list(&vec![0; LIST_ELEMENTS_MAX]), since: None, once: None };
        assert_eq!(full.apply(Append, list(&[1]), 0, &ints, &mut vec![]), Err(Refused));
        assert_eq!(full.apply(Union, list(&[0]), 0, &ints, &mut vec![]), Ok(()));
    }
}
