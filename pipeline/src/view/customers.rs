//! Customers by number. Numbers are dense, so that they lie one after the other.

use evenkeel_schemas::CustomerId;

use super::Customer;

/// Every customer that anything was said of.
#[derive(Default)]
pub struct Customers(Vec<Customer>);

impl Customers {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// By number.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (CustomerId, &Customer)> {
        self.0.iter().enumerate().map(|(at, customer)| (CustomerId(at as u32), customer))
    }

    pub(super) fn get(&self, id: CustomerId) -> Option<&Customer> {
        self.0.get(id.0 as usize)
    }

    /// A customer, a new one if need be.
    pub(super) fn of(&mut self, id: CustomerId) -> &mut Customer {
        let at = id.0 as usize;
        if at >= self.0.len() {
            self.0.resize_with(at + 1, Customer::default);
        }
        &mut self.0[at]
    }
}
