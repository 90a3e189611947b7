//! Room for what is under way between two threads, by size: who brings more waits.

use std::sync::{Arc, Condvar, Mutex, PoisonError};

/// So much may be under way.
#[derive(Debug)]
pub(crate) struct Room {
    limit: usize,
    taken: Mutex<usize>,
    freed: Condvar,
}

/// A part of a room, given back when this is dropped.
#[derive(Debug)]
pub(crate) struct Share {
    room: Arc<Room>,
    size: usize,
}

impl Room {
    /// An empty room.
    pub fn new(limit: usize) -> Arc<Room> {
        Arc::new(Room { limit, taken: Mutex::default(), freed: Condvar::new() })
    }

    /// Waits until there is room. What is larger than the whole passes once nothing else is in it.
    pub fn take(self: &Arc<Room>, size: usize) -> Share {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        while *taken > 0 && *taken + size > self.limit {
            taken = self.freed.wait(taken).unwrap_or_else(PoisonError::into_inner);
        }
        *taken += size;
        Share { room: self.clone(), size }
    }
}

impl Share {
    /// Becomes one with another share of the same room.
    pub fn join(&mut self, mut other: Share) {
        self.size += std::mem::take(&mut other.size);
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut taken = self.room.taken.lock().unwrap_or_else(PoisonError::into_inner);
        *taken = taken.saturating_sub(self.size);
        self.room.freed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Room;

    #[test]
    fn who_finds_no_room_waits_until_some_is_given_back() {
        let room = Room::new(10);
        let mut first = room.take(6);
        first.join(room.take(4));
        let (told, heard) = crossbeam_channel::bounded(1);
        let waiting = room.clone();
        let thread = std::thread::spawn(move || {
            let share = waiting.take(25);
            told.send(()).unwrap();
            drop(share);
        });
        assert!(heard.recv_timeout(Duration::from_millis(50)).is_err());
        drop(first);
        // Larger than the whole, and alone.
        heard.recv().unwrap();
        thread.join().unwrap();
        drop(room.take(10));
    }
}
