//! Protocols that begin in words of their own and may go on as another: chat and
//! databases with STARTTLS, and proxies once they are through.

use super::{Dissector, Opening, Side, Sink, Step, Verdict, http, tls};
use crate::wire::bytes::array_at;
use crate::wire::proto;

/// Bytes of a side in which the other protocol has to begin.
const MAX_WORDS: usize = 1 << 14;

/// Waits for TLS, or for HTTP where a proxy may carry it.
#[derive(Default)]
pub struct Words {
    seen: [usize; 2],
    /// Bytes of the client that may be the beginning of the other.
    held: usize,
    /// Whether HTTP may follow; in mail and chat it is somebody's text.
    may_be_http: bool,
}

impl Words {
    /// Of a proxy.
    pub fn of_proxy() -> Words {
        Words { may_be_http: true, ..Words::default() }
    }

    /// Whether TLS, or HTTP where a proxy may carry it, begins here.
    fn other(&self, opening: &Opening<'_>) -> Verdict {
        // Nobody begins TLS in the form of SSL 2 here any more, and its first
        // byte is often in an address.
        let tls = opening.bytes.first() == Some(&tls::HANDSHAKE);
        let verdict = if tls { (tls::TLS.probe)(opening) } else { Verdict::No };
        if verdict == Verdict::No && self.may_be_http { (http::HTTP.probe)(opening) } else { verdict }
    }
}

impl Dissector for Words {
    fn data(&mut self, side: Side, bytes: &[u8], _: &mut dyn Sink) -> Step {
        // The first to speak it is the client.
        if side == Side::Client && self.seen != [0; 2] {
            // What was held back is tried from each of its bytes: it may have
            // been the end of the words. (A proxy is asked for port 80, an
            // upper case P.)
            for at in 0..=self.held.min(bytes.len()) {
                let bytes = bytes.get(at..).unwrap_or_default();
                let opening = Opening { proto: proto::TCP, client_port: 0, server_port: 0, side, bytes };
                match self.other(&opening) {
                    Verdict::Yes => return Step::Again(at),
                    Verdict::More if !bytes.is_empty() => {
                        self.held = bytes.len();
                        return Step::Take(at);
                    }
                    _ => {}
                }
            }
            self.held = 0;
        }
        let seen = &mut self.seen[side as usize];
        *seen = seen.saturating_add(bytes.len());
        if *seen > MAX_WORDS { Step::Done } else { Step::Take(bytes.len()) }
    }
}

/// What HAProxy says before a client's own bytes: who the client is.
pub struct Preface;

/// Version 2 begins with these (its specification, 2.2); then a version, a
/// family, and the length of what follows.
pub const PREFACE_V2: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// The most that version 1 takes (its specification, 2.1).
const MAX_PREFACE_V1: usize = 107;

impl Dissector for Preface {
    fn data(&mut self, _: Side, bytes: &[u8], _: &mut dyn Sink) -> Step {
        let end = if PREFACE_V2.starts_with(bytes) {
            None
        } else if bytes.starts_with(PREFACE_V2) {
            let length = array_at(bytes, PREFACE_V2.len() + 2).map(u16::from_be_bytes);
            length.map(|length| PREFACE_V2.len() + 4 + usize::from(length))
        } else {
            bytes.iter().position(|&byte| byte == b'\n').map(|at| at + 1)
        };
        match end {
            Some(end) if end <= bytes.len() => Step::Again(end),
            None if bytes.len() > MAX_PREFACE_V1 => Step::Done,
            _ => Step::Take(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dissect::dns;

    struct Nobody;

    impl Sink for Nobody {
        fn dns(&mut self, _: dns::Kind, _: Side, _: &dns::Message<'_>) {}
    }

    const HELLO: &[u8] = b"\x16\x03\x01\0\x50\x01\0\0\x4c";

    #[test]
    fn tls_begins_where_the_client_begins_it() {
        let mut words = Words::default();
        let said: [(Side, &[u8]); 4] = [
            (Side::Server, b"220 mail ESMTP\r\n"),
            (Side::Client, b"EHLO a\r\n"),
            (Side::Client, b"STARTTLS\r\n"),
            (Side::Server, b"220 go ahead\r\n"),
        ];
        for (side, bytes) in said {
            assert_eq!(words.data(side, bytes, &mut Nobody), Step::Take(bytes.len()));
        }
        assert_eq!(words.data(Side::Client, &HELLO[..3], &mut Nobody), Step::Take(0));
        assert_eq!(words.data(Side::Client, HELLO, &mut Nobody), Step::Again(0));
    }

    #[test]
    fn a_letter_may_have_a_request_in_it_and_a_proxy_one_behind_its_words() {
        let request = b"GET / HTTP/1.1\r\n";
        for (mut words, step) in
            [(Words::default(), Step::Take(request.len())), (Words::of_proxy(), Step::Again(0))]
        {
            words.data(Side::Client, b"\x05\x01\0", &mut Nobody);
            assert_eq!(words.data(Side::Client, request, &mut Nobody), step);
        }
    }

    #[test]
    fn the_end_of_words_may_look_like_a_beginning() {
        let mut words = Words::of_proxy();
        words.data(Side::Client, b"\x05\x01\0", &mut Nobody);
        assert_eq!(words.data(Side::Client, b"P", &mut Nobody), Step::Take(0));
        assert_eq!(words.data(Side::Client, b"PG", &mut Nobody), Step::Take(1));
        assert_eq!(words.data(Side::Client, b"GET / HTTP/1.1\r\n", &mut Nobody), Step::Again(0));
    }

    #[test]
    fn behind_a_preface_the_client_begins() {
        let second = [PREFACE_V2, &[0x21, 0x11, 0, 3], b"abcGET "].concat();
        for (bytes, end) in [(&b"PROXY UNKNOWN\r\n\x16\x03"[..], 15), (&second, 19)] {
            for cut in 0..end {
                assert_eq!(Preface.data(Side::Client, &bytes[..cut], &mut Nobody), Step::Take(0));
            }
            assert_eq!(Preface.data(Side::Client, bytes, &mut Nobody), Step::Again(end));
        }
        assert_eq!(Preface.data(Side::Client, &[b'P'; 108], &mut Nobody), Step::Done);
    }

    #[test]
    fn a_long_talk_is_left() {
        let mut words = Words::default();
        assert_eq!(words.data(Side::Server, &[b'x'; MAX_WORDS], &mut Nobody), Step::Take(MAX_WORDS));
        assert_eq!(words.data(Side::Server, b"x", &mut Nobody), Step::Done);
    }
}
