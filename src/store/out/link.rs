//! A connection to a server that may go and come back.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs, UdpSocket};
use std::time::Duration;

use super::super::Error;
use super::Peer;

/// How long connecting, and each piece of writing or reading, may take.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// How a server is reached.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Transport {
    Udp,
    Tcp,
}

enum Stream {
    Udp(UdpSocket),
    Tcp(TcpStream),
}

/// The connection, as long as there is one.
pub struct Link {
    peer: Peer,
    stream: Option<Stream>,
}

/// A failure that may pass, with whom it was about.
fn away(peer: &Peer, error: &io::Error) -> Error {
    Error::Retry(format!("{}: {error}", peer.server))
}

impl Link {
    pub fn new(peer: Peer) -> Link {
        Link { peer, stream: None }
    }

    /// Connects if it is not. `true` when the connection is a new one.
    pub fn open(&mut self) -> Result<bool, Error> {
        if self.is_open() {
            return Ok(false);
        }
        let stream = connect(&self.peer).map_err(|error| away(&self.peer, &error))?;
        self.stream = Some(stream);
        Ok(true)
    }

    /// What the other end closed is not open: written to it would be lost unseen.
    fn is_open(&mut self) -> bool {
        if let Some(Stream::Tcp(stream)) = &self.stream
            && is_closed(stream).unwrap_or(true)
        {
            self.close();
        }
        self.stream.is_some()
    }

    /// Sends `bytes` by a connection that is open: by UDP as one datagram.
    pub fn send(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let sent = match &mut self.stream {
            None => Err(io::ErrorKind::NotConnected.into()),
            Some(Stream::Udp(socket)) => socket.send(bytes).map(|_| ()),
            Some(Stream::Tcp(stream)) => stream.write_all(bytes),
        };
        self.checked(sent)
    }

    /// Reads exactly as many bytes as `into` holds.
    pub fn read(&mut self, into: &mut [u8]) -> Result<(), Error> {
        let read = match &mut self.stream {
            Some(Stream::Tcp(stream)) => stream.read_exact(into),
            _ => Err(io::ErrorKind::NotConnected.into()),
        };
        self.checked(read)
    }

    pub fn close(&mut self) {
        self.stream = None;
    }

    /// After a failure nobody knows what arrived: the connection goes with it.
    fn checked<T>(&mut self, result: io::Result<T>) -> Result<T, Error> {
        result.map_err(|error| {
            self.close();
            away(&self.peer, &error)
        })
    }
}

fn connect(peer: &Peer) -> io::Result<Stream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "no address by that name");
    for address in peer.server.to_socket_addrs()? {
        match connect_to(address, peer.transport) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn connect_to(address: SocketAddr, transport: Transport) -> io::Result<Stream> {
    match transport {
        Transport::Udp => {
            let any = if address.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
            let socket = UdpSocket::bind(any)?;
            // Connected, it is told when nobody listens there.
            socket.connect(address)?;
            Ok(Stream::Udp(socket))
        }
        Transport::Tcp => {
            let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
            stream.set_write_timeout(Some(PATIENCE))?;
            stream.set_read_timeout(Some(PATIENCE))?;
            stream.set_nodelay(true)?;
            Ok(Stream::Tcp(stream))
        }
    }
}

/// Whether the other end has closed it. Nothing is read away.
fn is_closed(stream: &TcpStream) -> io::Result<bool> {
    stream.set_nonblocking(true)?;
    let closed = match stream.peek(&mut [0]) {
        Ok(read) => read == 0,
        Err(error) => error.kind() != io::ErrorKind::WouldBlock,
    };
    stream.set_nonblocking(false)?;
    Ok(closed)
}

/// What of the records handed over last has not been sent yet: tried again, it
/// goes on where it stopped, and nothing is sent twice.
#[derive(Default)]
pub struct Outbox {
    messages: Option<VecDeque<Vec<u8>>>,
}

impl Outbox {
    /// Sends what `make` gives, or what is left of it from the last try.
    pub fn send(
        &mut self,
        make: impl FnOnce() -> VecDeque<Vec<u8>>,
        mut send: impl FnMut(&mut Vec<u8>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let messages = self.messages.get_or_insert_with(make);
        while let Some(message) = messages.front_mut() {
            send(message)?;
            messages.pop_front();
        }
        self.messages = None;
        Ok(())
    }

    /// What is left will not be tried again.
    pub fn forget(&mut self) {
        self.messages = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn what_was_sent_is_not_sent_again() {
        let mut outbox = Outbox::default();
        let make = || (0..4).map(|n| vec![n]).collect();
        let (mut sent, mut tries) = (Vec::new(), 0);
        let mut send = |message: &mut Vec<u8>| {
            tries += 1;
            if tries == 3 {
                return Err(Error::Retry("away".into()));
            }
            sent.push(message[0]);
            Ok(())
        };
        assert!(outbox.send(make, &mut send).is_err());
        assert_eq!(outbox.send(|| panic!("there is something left"), &mut send), Ok(()));
        assert_eq!(sent, [0, 1, 2, 3]);
        let mut fails = |_: &mut Vec<u8>| Err(Error::Retry("away".into()));
        assert!(outbox.send(make, &mut fails).is_err());
        outbox.forget();
        assert_eq!(outbox.send(VecDeque::new, fails), Ok(()));
    }

    #[test]
    fn what_the_other_end_closed_is_opened_anew() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = listener.local_addr().unwrap().to_string();
        let mut link = Link::new(Peer { server, transport: Transport::Tcp });
        assert_eq!(link.open(), Ok(true));
        let (other, _) = listener.accept().unwrap();
        assert_eq!(link.open(), Ok(false));
        drop(other);
        while link.open() != Ok(true) {}
        let (mut other, _) = listener.accept().unwrap();
        link.send(b"again").unwrap();
        let mut got = [0; 5];
        other.read_exact(&mut got).unwrap();
        assert_eq!(&got, b"again");
        drop((other, listener));
        while link.open() == Ok(false) {}
        assert!(matches!(link.open(), Err(Error::Retry(_))), "nobody listens there");
    }
}
