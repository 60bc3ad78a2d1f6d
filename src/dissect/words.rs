//! Protocols that begin in words of their own and may go on as another: mail,
//! chat and databases with STARTTLS, and proxies once they are through.

use super::{Dissector, Opening, Side, Sink, Step, Verdict, http, tls};
use crate::wire::proto;

/// Bytes of a side in which the other protocol has to begin.
const MAX_WORDS: usize = 1 << 14;

/// Waits for TLS, or for HTTP where a proxy may carry it.
#[derive(Default)]
pub struct Words {
    seen: [usize; 2],
    /// Whether HTTP may follow; in mail and chat it is somebody's text.
    may_be_http: bool,
}

impl Words {
    /// Of a proxy.
    pub fn of_proxy() -> Words {
        Words { may_be_http: true, ..Words::default() }
    }
}

impl Dissector for Words {
    fn data(&mut self, side: Side, bytes: &[u8], _: &mut dyn Sink) -> Step {
        let opening = Opening { proto: proto::TCP, client_port: 0, server_port: 0, side, bytes };
        // The first to speak it is the client.
        if side == Side::Client && self.seen != [0; 2] {
            match (tls::TLS.probe)(&opening) {
                Verdict::Yes => return Step::Again(0),
                Verdict::More => return Step::Take(0),
                Verdict::No => {}
            }
            if self.may_be_http && (http::HTTP.probe)(&opening) == Verdict::Yes {
                return Step::Again(0);
            }
        }
        let seen = &mut self.seen[side as usize];
        *seen = seen.saturating_add(bytes.len());
        if *seen > MAX_WORDS { Step::Done } else { Step::Take(bytes.len()) }
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
    fn a_long_talk_is_left() {
        let mut words = Words::default();
        assert_eq!(words.data(Side::Server, &[b'x'; MAX_WORDS], &mut Nobody), Step::Take(MAX_WORDS));
        assert_eq!(words.data(Side::Server, b"x", &mut Nobody), Step::Done);
    }
}
