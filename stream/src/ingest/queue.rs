//! What waits for the committers, and the room that it takes until it is answered.

use super::IngestError;
use parking_lot::{Condvar, Mutex};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How much there may be between a call's arrival and its answer.
#[derive(Debug)]
pub(crate) struct Room {
    rows: AtomicUsize,
    bytes: AtomicUsize,
    rows_max: usize,
    bytes_max: usize,
}

impl Room {
    pub(crate) fn new(rows_max: usize, bytes_max: usize) -> Arc<Room> {
        Arc::new(Room { rows: AtomicUsize::new(0), bytes: AtomicUsize::new(0), rows_max, bytes_max })
    }

    /// Rows and bytes that are taken.
    pub(crate) fn taken(&self) -> (usize, usize) {
        (self.rows.load(Ordering::Relaxed), self.bytes.load(Ordering::Relaxed))
    }

    /// Takes room, when there is any. A body that is alone always has room: its own size has a limit elsewhere.
    pub(crate) fn take(self: &Arc<Room>, rows: usize, bytes: usize) -> Result<Place, IngestError> {
        let before = (self.rows.fetch_add(rows, Ordering::Relaxed), self.bytes.fetch_add(bytes, Ordering::Relaxed));
        let place = Place { room: self.clone(), rows, bytes };
        let full = |before: usize, more: usize, max: usize| before > 0 && before + more > max;
        if full(before.0, rows, self.rows_max) {
            return Err(IngestError::Full(format!("{} rows wait", before.0)));
        }
        if full(before.1, bytes, self.bytes_max) {
            return Err(IngestError::Full(format!("{} bytes wait", before.1)));
        }
        Ok(place)
    }
}

/// Room in the queue; dropping it gives it back.
#[derive(Debug)]
pub struct Place {
    room: Arc<Room>,
    pub(crate) rows: usize,
    pub(crate) bytes: usize,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.room.rows.fetch_sub(self.rows, Ordering::Relaxed);
        self.room.bytes.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// Work in the order of arrival.
pub(crate) struct Queue<T> {
    state: Mutex<State<T>>,
    arrived: Condvar,
}

struct State<T> {
    waiting: VecDeque<T>,
    closed: bool,
}

impl<T> Queue<T> {
    pub(crate) fn new() -> Queue<T> {
        Queue { state: Mutex::new(State { waiting: VecDeque::new(), closed: false }), arrived: Condvar::new() }
    }

    /// Gives the work back when nobody will do it any more.
    pub(crate) fn push(&self, work: T) -> Result<(), T> {
        let mut state = self.state.lock();
        if state.closed {
            return Err(work);
        }
        state.waiting.push_back(work);
        drop(state);
        self.arrived.notify_one();
        Ok(())
    }

    /// Waits for work, then takes all there is as long as `fits` says so, at least one. None once the queue is closed and empty.
    pub(crate) fn take(&self, mut fits: impl FnMut(&T) -> bool) -> Option<Vec<T>> {
        let mut state = self.state.lock();
        while state.waiting.is_empty() {
            if state.closed {
                return None;
            }
            self.arrived.wait(&mut state);
        }
        let more = state.waiting.iter().enumerate().position(|(n, w)| !fits(w) && n > 0).unwrap_or(state.waiting.len());
        let group = state.waiting.drain(..more).collect();
        if !state.waiting.is_empty() {
            self.arrived.notify_one();
        }
        Some(group)
    }

    /// Takes no more work; what waits is still done.
    pub(crate) fn close(&self) {
        self.state.lock().closed = true;
        self.arrived.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_bounded_and_given_back() {
        let room = Room::new(10, 100);
        let large = room.take(50, 1000).expect("alone it has room");
        assert!(matches!(room.take(1, 1), Err(IngestError::Full(_))));
        drop(large);
        let first = room.take(9, 10).expect("room");
        assert!(room.take(2, 1).is_err() && room.take(1, 91).is_err());
        assert!(room.take(1, 90).is_ok());
        drop(first);
        assert_eq!(room.taken(), (0, 0));
    }

    #[test]
    fn a_closed_queue_is_emptied_first() {
        let queue = Queue::new();
        assert!((0..5).all(|n| queue.push(n).is_ok()));
        assert_eq!(queue.take(|n| *n < 3), Some(vec![0, 1, 2]));
        queue.close();
        assert_eq!((queue.push(9), queue.take(|_| true), queue.take(|_| true)), (Err(9), Some(vec![3, 4]), None));
    }
}
