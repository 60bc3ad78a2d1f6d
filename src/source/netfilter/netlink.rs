//! Netlink sockets: messages out and in, with attributes (netlink(7)).
//!
//! Lengths and types are in the machine's byte order, what nfnetlink's
//! subsystems put into attributes mostly in the network's.

use std::io;
use std::mem::size_of;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::time::Duration;

/// Header of a message: length, type, flags, sequence number, port.
pub const HEADER: usize = 16;

/// Header of nfnetlink behind it: family, version, resource.
pub const FAMILY: usize = 4;

/// Set in the type of an attribute that holds others.
pub const NESTED: u16 = 0x8000;

/// Types of messages that belong to no subsystem.
pub const ERROR: u16 = libc::NLMSG_ERROR as u16;
pub const DONE: u16 = libc::NLMSG_DONE as u16;

/// How long the kernel may take to confirm a request.
const PATIENCE: Duration = Duration::from_secs(5);

/// A message to the kernel.
pub struct Request(Vec<u8>);

impl Request {
    /// For `kind` of `subsystem` of nfnetlink, about `family` and `resource`.
    pub fn new(subsystem: u8, kind: u8, flags: i32, family: i32, resource: u16) -> Request {
        let mut bytes = vec![0; 4];
        bytes.extend((u16::from(subsystem) << 8 | u16::from(kind)).to_ne_bytes());
        bytes.extend((flags as u16 | libc::NLM_F_REQUEST as u16).to_ne_bytes());
        bytes.extend([0; 8]);
        bytes.extend([family as u8, 0]);
        bytes.extend(resource.to_be_bytes());
        Request(bytes)
    }

    /// Attributes only, for one that holds others.
    pub fn nested() -> Request {
        Request(Vec::new())
    }

    /// Those of [`Request::nested`].
    pub fn into_attributes(self) -> Vec<u8> {
        self.0
    }

    /// Adds one attribute.
    pub fn with(mut self, kind: u16, value: &[u8]) -> Request {
        let length = u16::try_from(value.len() + 4).unwrap_or(u16::MAX);
        self.0.extend(length.to_ne_bytes());
        self.0.extend(kind.to_ne_bytes());
        self.0.extend(value);
        self.0.resize(self.0.len().next_multiple_of(4), 0);
        self
    }

    /// What the receiver of it sees behind the header.
    #[cfg(test)]
    pub fn into_body(self) -> Vec<u8> {
        self.0[HEADER..].to_vec()
    }

    /// The whole message.
    pub fn into_bytes(mut self) -> Vec<u8> {
        let length = u32::try_from(self.0.len()).unwrap_or(u32::MAX);
        self.0[..4].copy_from_slice(&length.to_ne_bytes());
        self.0
    }
}

/// A message from the kernel: its type, and what is behind its headers.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    pub kind: u16,
    /// Behind the header of netlink.
    pub body: &'a [u8],
}

impl<'a> Message<'a> {
    /// The attributes behind nfnetlink's header.
    pub fn attributes(self) -> Attributes<'a> {
        attributes(self.body.get(FAMILY..).unwrap_or_default())
    }

    /// The error that an [`ERROR`] message brings; 0 is a confirmation.
    pub fn errno(self) -> i32 {
        self.body.first_chunk().map_or(libc::EBADMSG, |code| i32::from_ne_bytes(*code).saturating_neg())
    }
}

/// The messages of one datagram. What is broken ends it.
pub fn messages(mut bytes: &[u8]) -> impl Iterator<Item = Message<'_>> {
    std::iter::from_fn(move || {
        let length = u32::from_ne_bytes(*bytes.first_chunk()?) as usize;
        let message = bytes.get(..length).filter(|message| message.len() >= HEADER)?;
        let kind = u16::from_ne_bytes([message[4], message[5]]);
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some(Message { kind, body: &message[HEADER..] })
    })
}

/// Types and values of attributes.
#[derive(Clone, Copy, Debug)]
pub struct Attributes<'a>(&'a [u8]);

/// The attributes in `bytes`, such as the value of one that holds others.
pub fn attributes(bytes: &[u8]) -> Attributes<'_> {
    Attributes(bytes)
}

impl<'a> Iterator for Attributes<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<(u16, &'a [u8])> {
        let [a, b, c, d] = *self.0.first_chunk()?;
        let length = usize::from(u16::from_ne_bytes([a, b]));
        let value = self.0.get(4..length)?;
        self.0 = self.0.get(length.next_multiple_of(4)..).unwrap_or_default();
        // The upper two bits say what the rest is made of.
        Some((u16::from_ne_bytes([c, d]) & 0x3fff, value))
    }
}

/// What came of a read.
#[derive(PartialEq, Eq, Debug)]
pub enum Read {
    /// This many bytes.
    Bytes(usize),
    /// Nothing is there.
    Empty,
    /// The kernel had to throw messages away, as nobody read them in time.
    Overrun,
}

/// A socket to netfilter.
pub struct Socket(OwnedFd);

impl Socket {
    /// Opens one with a buffer of about `buffer` bytes in the kernel.
    pub fn open(buffer: u32) -> io::Result<Socket> {
        // SAFETY: three numbers go in, and a descriptor that nobody else has comes out.
        let fd = unsafe {
            libc::socket(libc::AF_NETLINK, libc::SOCK_RAW | libc::SOCK_CLOEXEC, libc::NETLINK_NETFILTER)
        };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: it is open, and owned by nobody yet.
        let socket = Socket(unsafe { OwnedFd::from_raw_fd(fd) });
        // Without a port of its own it is passed over when groups are told.
        // SAFETY: all zeros is an address of netlink without one, and the
        // pointer and the length are those of a living value.
        let bound = unsafe {
            let mut address: libc::sockaddr_nl = std::mem::zeroed();
            address.nl_family = libc::AF_NETLINK as libc::sa_family_t;
            let size = size_of::<libc::sockaddr_nl>() as libc::socklen_t;
            libc::bind(socket.descriptor(), (&raw const address).cast(), size)
        };
        if bound != 0 {
            return Err(io::Error::last_os_error());
        }
        let size = i32::try_from(buffer).unwrap_or(i32::MAX);
        // Beyond the system's limit where this may, within it where not.
        if socket.set(libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, size).is_err() {
            socket.set(libc::SOL_SOCKET, libc::SO_RCVBUF, size)?;
        }
        Ok(socket)
    }

    /// Sets a number among the options of `level`.
    pub fn set(&self, level: i32, option: i32, value: i32) -> io::Result<()> {
        // SAFETY: the pointer and the length are those of a living number.
        let done = unsafe {
            let size = size_of::<i32>() as libc::socklen_t;
            libc::setsockopt(self.descriptor(), level, option, (&raw const value).cast(), size)
        };
        if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }

    /// Is told what the multicast group `group` is told.
    pub fn join(&self, group: i32) -> io::Result<()> {
        self.set(libc::SOL_NETLINK, libc::NETLINK_ADD_MEMBERSHIP, group)
    }

    pub fn descriptor(&self) -> RawFd {
        self.0.as_raw_fd()
    }

    /// Sends `request`; what comes of it comes by [`Socket::read`].
    pub fn send(&self, request: Request) -> io::Result<()> {
        let bytes = request.into_bytes();
        // SAFETY: the pointer and the length are those of a living vector.
        let sent = unsafe { libc::send(self.descriptor(), bytes.as_ptr().cast(), bytes.len(), 0) };
        if usize::try_from(sent) == Ok(bytes.len()) { Ok(()) } else { Err(io::Error::last_os_error()) }
    }

    /// Sends `request`, which asks for a confirmation, and waits for that.
    /// Other messages that come before it are left out.
    pub fn ask(&self, request: Request) -> io::Result<()> {
        self.send(request)?;
        let mut buffer = vec![0; 8192];
        loop {
            if !self.wait(PATIENCE) {
                return Err(io::ErrorKind::TimedOut.into());
            }
            let Read::Bytes(length) = self.read(&mut buffer)? else { continue };
            let confirmed = messages(&buffer[..length]).find(|message| message.kind == ERROR);
            if let Some(message) = confirmed {
                let code = message.errno();
                return if code == 0 { Ok(()) } else { Err(io::Error::from_raw_os_error(code)) };
            }
        }
    }

    /// Waits until something is there, or for `patience`.
    pub fn wait(&self, patience: Duration) -> bool {
        let mut polled = libc::pollfd { fd: self.descriptor(), events: libc::POLLIN, revents: 0 };
        let millis = i32::try_from(patience.as_millis()).unwrap_or(i32::MAX);
        // SAFETY: the pointer is that of one living entry, and the count is one.
        unsafe { libc::poll(&raw mut polled, 1, millis) > 0 }
    }

    /// Takes what is there, without waiting.
    pub fn read(&self, buffer: &mut [u8]) -> io::Result<Read> {
        // SAFETY: the pointer and the length are those of a living slice that
        // is not used meanwhile, and no more than that length is written.
        let read = unsafe {
            libc::recv(self.descriptor(), buffer.as_mut_ptr().cast(), buffer.len(), libc::MSG_DONTWAIT)
        };
        if let Ok(length) = usize::try_from(read) {
            return Ok(Read::Bytes(length));
        }
        let error = io::Error::last_os_error();
        match error.raw_os_error() {
            Some(libc::EAGAIN | libc::EINTR) => Ok(Read::Empty),
            Some(libc::ENOBUFS) => Ok(Read::Overrun),
            _ => Err(error),
        }
    }
}

/// Leaves out what comes to `socket` and `program` returns 0 for (bpf(4), with the
/// kernel's own additions: filter.txt of Linux).
pub fn attach(socket: RawFd, program: &mut [libc::sock_filter]) -> io::Result<()> {
    let len = u16::try_from(program.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
    let program = libc::sock_fprog { len, filter: program.as_mut_ptr() };
    // SAFETY: the pointer is that of a living description of a living slice, with
    // its length; the kernel makes a copy.
    let done = unsafe {
        let size = size_of::<libc::sock_fprog>() as libc::socklen_t;
        let value = (&raw const program).cast();
        libc::setsockopt(socket, libc::SOL_SOCKET, libc::SO_ATTACH_FILTER, value, size)
    };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// A number of 32 bits in the network's order.
pub fn be32(value: &[u8]) -> Option<u32> {
    value.first_chunk().map(|bytes| u32::from_be_bytes(*bytes))
}

/// A number of 64 bits in the network's order.
pub fn be64(value: &[u8]) -> Option<u64> {
    value.first_chunk().map(|bytes| u64::from_be_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_reads_as_it_was_written() {
        let request = Request::new(4, 1, libc::NLM_F_ACK, libc::AF_INET, 5).with(1, &[9]).with(2, b"abcd");
        let bytes = [request.into_bytes(), Request::new(1, 2, 0, 0, 0).into_bytes()].concat();
        let all: Vec<Message<'_>> = messages(&bytes).collect();
        assert_eq!((all.len(), all[0].kind, all[1].kind), (2, 0x0401, 0x0102));
        assert_eq!(all[0].body[..4], [libc::AF_INET as u8, 0, 0, 5]);
        let expected: [(u16, &[u8]); 2] = [(1, &[9]), (2, b"abcd")];
        assert!(all[0].attributes().eq(expected));
    }

    #[test]
    fn what_is_broken_ends_it() {
        let whole = Request::new(1, 2, 0, 0, 0).with(1, b"abcd").into_bytes();
        for end in 0..whole.len() {
            assert_eq!(messages(&whole[..end]).count(), 0, "cut at {end}");
        }
        for length in [0_u16, 3, 200] {
            let mut bytes = whole.clone();
            bytes[HEADER + FAMILY..HEADER + FAMILY + 2].copy_from_slice(&length.to_ne_bytes());
            assert_eq!(messages(&bytes).map(|message| message.attributes().count()).sum::<usize>(), 0);
        }
        assert_eq!(messages(&[0; 64]).count(), 0, "a length of none");
    }
}
