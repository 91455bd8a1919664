//! Aggregates.

use super::{Expr, SortKey};
use eql_catalog::DataType;
use eql_grammar::ast::Unit;

/// The functions that make one value of many rows.
#[derive(Clone, Debug, PartialEq)]
pub enum Aggregation {
    /// Rows, or non-null values.
    Count,
    /// Different values.
    CountDistinct,
    /// Sum.
    Sum,
    /// Mean, DOUBLE.
    Average,
    /// Least.
    Min,
    /// Greatest.
    Max,
    /// Value of the earliest row.
    First,
    /// Value of the latest row.
    Last,
    /// Any value.
    Any,
    /// Linear interpolation at this fraction.
    Percentile(f64),
    /// Sample standard deviation.
    StdDev,
    /// Standard deviation of a population.
    StdDevPopulation,
    /// Sample variance.
    Variance,
    /// Variance of a population.
    VariancePopulation,
    /// Correlation with the value that stands in `order`.
    Correlation,
    /// Covariance of a sample with the value that stands in `order`.
    Covariance,
    /// Covariance of a population with the value that stands in `order`.
    CovariancePopulation,
    /// The most frequent value, the least of several.
    Mode,
    /// All true.
    BoolAnd,
    /// One true.
    BoolOr,
    /// All values as a list.
    List,
    /// All values joined by a text.
    Join(String),
    /// Different periods of this unit in which rows lie.
    Periods(Unit),
    /// Longest run of consecutive periods of this unit.
    Streak(Unit),
    /// The same over different values only.
    Distinct(Box<Aggregation>),
    /// So many values with the most rows, or with the greatest sum of what they are ordered by: one value, or a list.
    Top(u64),
}

/// An aggregate over the rows of a relation.
#[derive(Clone, Debug, PartialEq)]
pub struct Aggregate {
    /// Which.
    pub function: Aggregation,
    /// Of what; None counts rows.
    pub argument: Option<Expr>,
    /// Only these rows.
    pub filter: Option<Expr>,
    /// For first and last; empty means by time where there is one.
    pub order: Vec<SortKey>,
    /// Of the result.
    pub data_type: DataType,
}
