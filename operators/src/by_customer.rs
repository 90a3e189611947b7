//! Something of each customer of a worker, found in two steps: numbers are dense, and each worker has some of them.

use evenkeel_schemas::CustomerId;

/// No place.
const NONE: u32 = u32::MAX;

/// Something of each of some customers.
pub(crate) struct ByCustomer<T> {
    /// By customer, where in `all` it is.
    places: Vec<u32>,
    all: Vec<(CustomerId, T)>,
}

impl<T> Default for ByCustomer<T> {
    fn default() -> Self {
        ByCustomer { places: Vec::new(), all: Vec::new() }
    }
}

impl<T> ByCustomer<T> {
    pub fn get(&self, customer: CustomerId) -> Option<&T> {
        self.place(customer).map(|place| &self.all[place].1)
    }

    pub fn get_mut(&mut self, customer: CustomerId) -> Option<&mut T> {
        self.place(customer).map(|place| &mut self.all[place].1)
    }

    /// What a customer has, a new one if need be.
    pub fn entry(&mut self, customer: CustomerId) -> &mut T
    where
        T: Default,
    {
        let place = self.place(customer).unwrap_or_else(|| {
            let at = customer.0 as usize;
            if at >= self.places.len() {
                self.places.resize(at + 1, NONE);
            }
            self.places[at] = self.all.len() as u32;
            self.all.push((customer, T::default()));
            self.all.len() - 1
        });
        &mut self.all[place].1
    }

    pub fn remove(&mut self, customer: CustomerId) {
        let Some(place) = self.place(customer) else { return };
        self.all.swap_remove(place);
        self.places[customer.0 as usize] = NONE;
        if let Some((moved, _)) = self.all.get(place) {
            self.places[moved.0 as usize] = place as u32;
        }
    }

    /// In no order that means anything, but always the same one.
    pub fn iter(&self) -> impl Iterator<Item = (CustomerId, &T)> {
        self.all.iter().map(|(customer, thing)| (*customer, thing))
    }

    /// As [`ByCustomer::iter`].
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (CustomerId, &mut T)> {
        self.all.iter_mut().map(|(customer, thing)| (*customer, thing))
    }

    fn place(&self, customer: CustomerId) -> Option<usize> {
        let place = self.places.get(customer.0 as usize).copied()?;
        (place != NONE).then_some(place as usize)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use evenkeel_schemas::CustomerId;

    use super::ByCustomer;

    #[test]
    fn it_is_a_map() {
        let (mut all, mut map) = (ByCustomer::<u32>::default(), BTreeMap::new());
        for step in 0..500_u32 {
            let customer = CustomerId(step * 7 % 23);
            if step % 3 == 0 {
                all.remove(customer);
                map.remove(&customer);
            } else {
                *all.entry(customer) += step;
                *map.entry(customer).or_default() += step;
            }
            assert_eq!(all.get(customer), map.get(&customer));
            let mut known: Vec<(CustomerId, u32)> = all.iter().map(|(c, thing)| (c, *thing)).collect();
            known.sort_unstable();
            assert!(known.into_iter().eq(map.iter().map(|(c, thing)| (*c, *thing))));
        }
    }
}
