//! Sparse 32-bit numbers to dense ones, by two look-ups.

const BITS: u32 = 10;
const PAGE: usize = 1 << BITS;
/// Stands for a number that is not known.
const NONE: u32 = u32::MAX;

/// A map from sparse numbers to dense ones, in pages: what is near in number shares a page, and a single
/// number far out costs one page and eight bytes per thousand below it.
#[derive(Default)]
pub(crate) struct Pages {
    pages: Vec<Option<Box<[u32; PAGE]>>>,
}

impl Pages {
    /// The dense number of `key`, if it has one.
    pub fn get(&self, key: u32) -> Option<u32> {
        let page = self.pages.get((key >> BITS) as usize)?.as_ref()?;
        Some(page[key as usize % PAGE]).filter(|dense| *dense != NONE)
    }

    /// Gives `key` a dense number.
    pub fn insert(&mut self, key: u32, dense: u32) {
        let page = (key >> BITS) as usize;
        if page >= self.pages.len() {
            self.pages.resize_with(page + 1, || None);
        }
        self.pages[page].get_or_insert_with(|| Box::new([NONE; PAGE]))[key as usize % PAGE] = dense;
    }
}
