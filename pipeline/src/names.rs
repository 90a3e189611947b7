//! Names by dense number, shared between the door, which gives numbers out, and all who render rows.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use evenkeel_schemas::Names;

/// A shared [`Names`]. A row never carries a number before the name is here.
#[derive(Clone, Debug, Default)]
pub struct SharedNames(Arc<RwLock<Names>>);

impl SharedNames {
    /// To look up.
    pub fn read(&self) -> RwLockReadGuard<'_, Names> {
        // Names only grow, in one step: a panic elsewhere cannot leave them half changed.
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn write(&self) -> RwLockWriteGuard<'_, Names> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}
