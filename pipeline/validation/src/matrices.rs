//! Vectors and matrices of statistics: read from a case, and given as an answer.

use ndarray::{Array1, Array2, ArrayView2};
use rust_decimal::Decimal;

use crate::answer::Answer;
use crate::case::Fault;
use crate::inputs::Node;

/// A list of numbers.
pub(crate) fn vector(node: &Node<'_>) -> Result<Array1<f64>, Fault> {
    node.list()?.iter().map(Node::number).collect()
}

/// A list of rows of the same length, at least one.
pub(crate) fn matrix(node: &Node<'_>) -> Result<Array2<f64>, Fault> {
    let rows = node.list()?;
    let columns = rows.first().ok_or_else(|| node.fault("expected rows of numbers"))?.list()?.len();
    let mut numbers = Vec::with_capacity(rows.len() * columns);
    for row in &rows {
        let row_numbers = row.list()?;
        if row_numbers.len() != columns {
            return Err(row.fault(format_args!("expected {columns} numbers, got {}", row_numbers.len())));
        }
        for number in row_numbers {
            numbers.push(number.number()?);
        }
    }
    Array2::from_shape_vec((rows.len(), columns), numbers).map_err(|error| node.fault(error))
}

impl From<f64> for Answer {
    /// The shortest decimal that is this number; what is none is text, which no expected number equals.
    fn from(number: f64) -> Answer {
        let text = number.to_string();
        text.parse::<Decimal>().map_or(Answer::Text(text), Answer::Number)
    }
}

/// Numbers in their order.
pub(crate) fn list<'a>(numbers: impl IntoIterator<Item = &'a f64>) -> Answer {
    Answer::List(numbers.into_iter().map(|&number| number.into()).collect())
}

/// Rows in their order.
pub(crate) fn rows(matrix: ArrayView2<'_, f64>) -> Answer {
    Answer::List(matrix.rows().into_iter().map(list).collect())
}
