//! Signals to the daemon, and waiting for them or for what comes.

use std::io::{self, Read};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

/// SIGTERM and SIGINT end the daemon, SIGHUP makes it reload.
pub struct Signals {
    pub end: Arc<AtomicBool>,
    pub reload: Arc<AtomicBool>,
    /// Becomes readable when a signal came, so that waiting ends.
    wake: UnixStream,
}

impl Signals {
    pub fn register() -> io::Result<Signals> {
        let (wake, waker) = UnixStream::pair()?;
        wake.set_nonblocking(true)?;
        let signals = Signals { end: Arc::default(), reload: Arc::default(), wake };
        for signal in [SIGTERM, SIGINT] {
            signal_hook::flag::register(signal, signals.end.clone())?;
            signal_hook::low_level::pipe::register(signal, waker.try_clone()?)?;
        }
        signal_hook::flag::register(SIGHUP, signals.reload.clone())?;
        signal_hook::low_level::pipe::register(SIGHUP, waker)?;
        Ok(signals)
    }

    /// Waits until one of `descriptors` is readable, a signal comes or
    /// `timeout` is over.
    pub fn wait(&self, descriptors: &[RawFd], timeout: Duration) {
        let all = descriptors.iter().copied().chain([self.wake.as_raw_fd()]);
        let mut polled: Vec<libc::pollfd> =
            all.map(|fd| libc::pollfd { fd, events: libc::POLLIN, revents: 0 }).collect();
        let millis = i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX);
        // SAFETY: the pointer and the length are those of a living vector, and
        // poll(2) writes to `revents` within it only.
        unsafe { libc::poll(polled.as_mut_ptr(), polled.len() as libc::nfds_t, millis) };
        let mut bytes = [0; 64];
        while (&self.wake).read(&mut bytes).is_ok_and(|read| read > 0) {}
    }
}
