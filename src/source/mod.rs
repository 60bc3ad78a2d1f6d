//! Where frames come from.

mod file;
mod filter;
mod live;
pub mod netfilter;
mod pcapng;

use std::fmt;
use std::os::fd::RawFd;

pub use file::CaptureFile;
pub use filter::Filter;
pub use live::{GATHER, GATHER_TO_ANSWER, HANDED_OVER, Live, LiveOptions, default_interface};

pub use pcapng::Pcapng;

use crate::time::Time;
use crate::wire::LinkType;

/// One frame as it was captured.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    pub time: Time,
    /// The interface it passed, by a number that the source uses for no other…
    pub iface: usize,
    /// …and by name; empty where that is not known.
    pub iface_name: &'a str,
    pub kind: LinkType,
    /// What of it was captured.
    pub bytes: &'a [u8],
    /// How long it was, in bytes.
    pub on_wire: u32,
}

/// What there is to do after a read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// Read again at once.
    More,
    /// Nothing at the moment.
    Idle,
    /// There will never be more.
    End,
}

/// Frames offered and lost so far, as the source itself counts them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Loss {
    pub offered: u64,
    pub lost: u64,
}

/// Why a source gives no frames.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Error {
    /// What was given is wrong: a file that is no capture, a filter with a mistake.
    Input(String),
    /// It failed while running: no permission, the interface is gone.
    Failed(String),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Input(text) | Error::Failed(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for Error {}

/// Somewhere that frames come from.
pub trait Source {
    /// Hands at most about `limit` frames to `each`, without waiting for one.
    fn read(&mut self, limit: usize, each: &mut dyn FnMut(Frame<'_>)) -> Result<State, Error>;

    /// What to wait on with poll(2), for a source that can be idle.
    fn descriptor(&self) -> Option<RawFd> {
        None
    }

    /// What the source has lost before it came here.
    fn loss(&mut self) -> Loss {
        Loss::default()
    }
}
