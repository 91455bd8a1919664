//! Functions of lists.

use super::arithmetic::too_large;
use super::kernel::{int, kernel};
use super::{by_name, guarded_by_name};
use crate::refusal::refuse;
use arrow::array::{Array, ArrayRef, AsArray, Decimal128Array, Float64Array, Int64Array};
use arrow::compute::cast as cast_array;
use arrow::datatypes::{DataType as ArrowType, Decimal128Type, DecimalType, Float64Type, Int64Type};
use datafusion::common::{DataFusionError, Result};
use datafusion::logical_expr::{Expr as DfExpr, cast, lit};
use std::sync::Arc;

/// Members of a list that is made of others.
const MEMBERS_MAX: usize = 1 << 20;
/// Members of all lists of a batch of rows.
const BATCH_MEMBERS_MAX: usize = 1 << 26;

/// The function of a name; None when it is none of this page. `out` is the type of the result.
pub(super) fn call(name: &str, a: &mut Vec<DfExpr>, out: &ArrowType) -> Result<Option<DfExpr>> {
    let mut args = std::mem::take(a);
    Ok(Some(match name {
        // An empty list has no type of its own.
        "list" => cast(by_name("make_array", args)?, out.clone()),
        "element" => by_name("array_element", near(args))?,
        "list_position" => cast(by_name("array_position", args)?, ArrowType::Int64),
        "list_slice" => by_name("array_slice", near(args))?,
        "list_distinct" => by_name("array_distinct", args)?,
        "list_sort" => {
            args.extend([lit("ASC"), lit("NULLS LAST")]);
            by_name("array_sort", args)?
        }
        "list_reverse" => by_name("array_reverse", args)?,
        "list_join" => by_name("array_to_string", args)?,
        "list_concat" => guarded_by_name("array_concat", args, few)?,
        "list_append" => by_name("array_append", args)?,
        "list_prepend" => {
            args.reverse();
            by_name("array_prepend", args)?
        }
        "list_remove" => by_name("array_remove_all", args)?,
        "list_union" => guarded_by_name("array_union", args, few)?,
        "list_intersect" => by_name("array_intersect", args)?,
        "list_except" => by_name("array_except", args)?,
        "list_min" => by_name("array_min", args)?,
        "list_max" => by_name("array_max", args)?,
        "list_sum" => kernel("list_sum", out.clone(), args, sums),
        "list_avg" => kernel("list_avg", ArrowType::Float64, args, means),
        _ => {
            *a = args;
            return Ok(None);
        }
    }))
}

/// Places behind a list, as near as no list is long: DataFusion has no room for farther ones.
fn near(args: Vec<DfExpr>) -> Vec<DfExpr> {
    const FAR: i64 = 1 << 30;
    let near = |a: &[ArrayRef]| -> Result<ArrayRef> { Ok(Arc::new(int(a, 0)?.unary::<_, Int64Type>(|place| place.clamp(-FAR, FAR)))) };
    let mut args = args.into_iter();
    let list = args.next();
    list.into_iter().chain(args.map(|place| kernel("place", ArrowType::Int64, vec![place], near))).collect()
}

/// Refuses lists that have too many members together: doubled thirty times, a member fills any memory.
fn few(a: &[ArrayRef]) -> Result<()> {
    let lists: Vec<_> = a.iter().filter_map(|l| l.as_list_opt::<i32>()).collect();
    let mut all = 0;
    for row in 0..a.first().map_or(0, |l| l.len()) {
        let members: usize = lists.iter().filter(|l| l.is_valid(row)).map(|l| usize::try_from(l.value_length(row)).unwrap_or(0)).sum();
        all += members;
        if members > MEMBERS_MAX || all > BATCH_MEMBERS_MAX {
            return Err(refuse(format!("a list has more than {MEMBERS_MAX} members"), "keep them as rows instead"));
        }
    }
    Ok(())
}

/// Members of each list.
pub(super) fn lengths(a: &[ArrayRef]) -> Result<ArrayRef> {
    let lists = a.first().and_then(|l| l.as_list_opt::<i32>()).ok_or_else(|| DataFusionError::Internal("no list".into()))?;
    Ok(Arc::new((0..lists.len()).map(|i| lists.is_valid(i).then(|| i64::from(lists.value_length(i)))).collect::<Int64Array>()))
}

/// The lists of an array: each list's members, None for NULL.
fn members(a: &[ArrayRef]) -> Result<Vec<Option<ArrayRef>>> {
    let lists = a.first().and_then(|l| l.as_list_opt::<i32>()).ok_or_else(|| DataFusionError::Internal("no list".into()))?;
    Ok((0..lists.len()).map(|i| lists.is_valid(i).then(|| lists.value(i))).collect())
}

fn sums(a: &[ArrayRef]) -> Result<ArrayRef> {
    let lists = members(a)?;
    let element = match a[0].data_type() {
        ArrowType::List(f) => f.data_type().clone(),
        other => other.clone(),
    };
    let overflow = || too_large("the sum of a list", &element);
    Ok(match element {
        ArrowType::Int64 => {
            let one = |l: &Option<ArrayRef>| {
                let Some(l) = l.as_ref().filter(|l| l.null_count() < l.len()) else { return Ok(None) };
                l.as_primitive::<Int64Type>().iter().flatten().try_fold(0i64, i64::checked_add).map(Some).ok_or_else(overflow)
            };
            Arc::new(lists.iter().map(one).collect::<Result<Int64Array>>()?)
        }
        ArrowType::Decimal128(_, s) => {
            let fits = |sum: &i128| Decimal128Type::is_valid_decimal_precision(*sum, Decimal128Type::MAX_PRECISION);
            let one = |l: &Option<ArrayRef>| {
                let Some(l) = l.as_ref().filter(|l| l.null_count() < l.len()) else { return Ok(None) };
                l.as_primitive::<Decimal128Type>()
                    .iter()
                    .flatten()
                    .try_fold(0i128, i128::checked_add)
                    .filter(fits)
                    .map(Some)
                    .ok_or_else(overflow)
            };
            Arc::new(
                lists.iter().map(one).collect::<Result<Decimal128Array>>()?.with_precision_and_scale(Decimal128Type::MAX_PRECISION, s)?,
            )
        }
        _ => Arc::new(lists.iter().map(|l| Ok(numbers(l)?.map(|v| v.iter().sum::<f64>()))).collect::<Result<Float64Array>>()?),
    })
}

fn means(a: &[ArrayRef]) -> Result<ArrayRef> {
    let mean = |v: Vec<f64>| v.iter().sum::<f64>() / v.len() as f64;
    Ok(Arc::new(members(a)?.iter().map(|l| Ok(numbers(l)?.map(mean))).collect::<Result<Float64Array>>()?))
}

/// The numbers in a list; None when there is none.
fn numbers(list: &Option<ArrayRef>) -> Result<Option<Vec<f64>>> {
    let Some(list) = list else { return Ok(None) };
    let values = cast_array(list, &ArrowType::Float64)?;
    let values: Vec<f64> = values.as_primitive::<Float64Type>().iter().flatten().collect();
    Ok(if values.is_empty() { None } else { Some(values) })
}
