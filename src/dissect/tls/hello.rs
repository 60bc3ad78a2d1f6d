//! ClientHello and ServerHello (RFC 8446, 4.1.2 and 4.1.3; RFC 5246, 7.4.1).

use super::ech;
use super::fields::{Fields, numbers};
use super::fingerprint::{Offer, is_grease, ja3, ja3s, ja4};
use crate::dissect::dns::push_text;
use crate::wire::bytes::array_at;

/// Extensions by their numbers (IANA, TLS ExtensionType Values).
pub const SERVER_NAME: u16 = 0;
const SUPPORTED_GROUPS: u16 = 10;
const POINT_FORMATS: u16 = 11;
const SIGNATURE_ALGORITHMS: u16 = 13;
pub const ALPN: u16 = 16;
const SESSION_TICKET: u16 = 35;
const PRE_SHARED_KEY: u16 = 41;
const SUPPORTED_VERSIONS: u16 = 43;
const ENCRYPTED_CLIENT_HELLO: u16 = 0xfe0d;

/// The longest host name (RFC 1035, 2.3.4); what is longer is none.
const MAX_HOST: usize = 255;

/// Names of protocols that are kept. Browsers offer two or three.
const MAX_ALPN: usize = 32;

/// The random of a ServerHello that asks for another hello (RFC 8446, 4.1.3).
const RETRY: [u8; 32] = [
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2,
    0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
];

/// What carries the handshake. It changes a ClientHello a little, and JA4.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Transport {
    Tcp,
    Quic,
    Dtls,
}

/// What a client offers.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ClientHello {
    /// The host it wants, in lower case.
    pub sni: Option<String>,
    pub alpn: Vec<String>,
    /// The highest that it offers.
    pub version: u16,
    /// Empty when the hello has the form of SSL 2, for which there is none.
    pub ja3: String,
    /// Empty when the hello has the form of SSL 2.
    pub ja4: String,
    /// It has an encrypted hello, or only looks like it (GREASE): the number of
    /// the configuration that it was made with.
    pub ech: Option<u8>,
    /// It wants to go on with an earlier session, by a key or a ticket.
    pub resumes: bool,
    pub session_id: Vec<u8>,
    /// The kinds of its extensions in order, without GREASE; read with details.
    pub extensions: Vec<u16>,
}

/// What a server chose.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ServerHello {
    pub version: u16,
    pub cipher: u16,
    /// In TLS 1.3 it is encrypted.
    pub alpn: Option<String>,
    pub ja3s: String,
    pub session_id: Vec<u8>,
    pub accepts_psk: bool,
    /// It is a HelloRetryRequest.
    pub is_retry: bool,
}

impl ClientHello {
    /// Reads the body of the handshake message. Without `details` the
    /// fingerprints are left empty: they take most of the time.
    pub fn read(bytes: &[u8], transport: Transport, details: bool) -> Option<ClientHello> {
        let mut hello = ClientHello::default();
        let mut offer = Offer::default();
        let mut fields = Fields(bytes);
        offer.version = fields.u16()?;
        fields.take(32)?;
        hello.session_id = fields.short()?.to_vec();
        if transport == Transport::Dtls {
            // The cookie (RFC 6347, 4.2.1).
            fields.short()?;
        }
        offer.ciphers = plain_numbers(fields.long()?);
        // Compression methods.
        fields.short()?;
        for_each_extension(fields, |kind, body| {
            if !is_grease(kind) {
                offer.extensions.push(kind);
                // A body that is broken is as if it were empty.
                hello.extension(kind, Fields(body), &mut offer);
            }
        })?;
        hello.version = highest(&offer, transport);
        if details {
            hello.ja3 = ja3(&offer);
            hello.ja4 = ja4(&offer, transport);
            hello.extensions = offer.extensions;
        }
        Some(hello)
    }

    /// Reads a ClientHello in the form of SSL 2 (RFC 5246, E.2), behind its
    /// two bytes of length.
    pub fn read_old(bytes: &[u8]) -> Option<ClientHello> {
        let mut fields = Fields(bytes);
        let kind = fields.u8()?;
        let version = fields.u16()?;
        let [ciphers, session, challenge] = [fields.u16()?, fields.u16()?, fields.u16()?].map(usize::from);
        let fits = kind == 1 && version >> 8 == 3 && ciphers % 3 == 0;
        if !fits || fields.0.len() != ciphers + session + challenge {
            return None;
        }
        fields.take(ciphers)?;
        let session_id = fields.take(session)?.to_vec();
        Some(ClientHello { version, session_id, ..ClientHello::default() })
    }

    fn extension<'a>(&mut self, kind: u16, mut body: Fields<'a>, offer: &mut Offer<'a>) -> Option<()> {
        match kind {
            SERVER_NAME => self.sni = host(body),
            SUPPORTED_GROUPS => offer.groups = plain_numbers(body.long()?),
            POINT_FORMATS => offer.points = body.short()?,
            SIGNATURE_ALGORITHMS => offer.signatures = plain_numbers(body.long()?),
            ALPN => {
                let mut names = Fields(body.long()?);
                offer.alpn = names.clone().short()?;
                self.alpn.clear();
                while let (Some(name), true) = (names.short(), self.alpn.len() < MAX_ALPN) {
                    self.alpn.push(text(name));
                }
            }
            SUPPORTED_VERSIONS => offer.versions = plain_numbers(body.short()?),
            SESSION_TICKET => self.resumes |= !body.is_empty(),
            PRE_SHARED_KEY => self.resumes = true,
            ENCRYPTED_CLIENT_HELLO => self.ech = ech::config_of_hello(body),
            _ => {}
        }
        Some(())
    }

    /// Memory that it takes beside itself, in bytes.
    pub fn held(&self) -> usize {
        let texts = [&self.ja3, &self.ja4].into_iter().chain(&self.sni).chain(&self.alpn);
        texts.map(String::capacity).sum::<usize>()
            + self.alpn.capacity() * size_of::<String>()
            + self.session_id.capacity()
            + self.extensions.capacity() * size_of::<u16>()
    }
}

impl ServerHello {
    /// Reads the body of the handshake message.
    pub fn read(bytes: &[u8]) -> Option<ServerHello> {
        let mut hello = ServerHello::default();
        let mut fields = Fields(bytes);
        let legacy = fields.u16()?;
        hello.version = legacy;
        hello.is_retry = array_at(fields.take(32)?, 0) == Some(RETRY);
        // Drafts of TLS 1.3 before the 22nd had neither of these.
        let is_draft = legacy >> 8 == 0x7f;
        if !is_draft {
            hello.session_id = fields.short()?.to_vec();
        }
        hello.cipher = fields.u16()?;
        if !is_draft {
            // Compression method.
            fields.u8()?;
        }
        let mut extensions = Vec::new();
        for_each_extension(fields, |kind, body| {
            extensions.push(kind);
            hello.extension(kind, Fields(body));
        })?;
        hello.ja3s = ja3s(legacy, hello.cipher, &extensions);
        Some(hello)
    }

    fn extension(&mut self, kind: u16, mut body: Fields<'_>) -> Option<()> {
        match kind {
            ALPN => self.alpn = Some(text(Fields(body.long()?).short()?)),
            SUPPORTED_VERSIONS => self.version = body.u16()?,
            PRE_SHARED_KEY => self.accepts_psk = true,
            _ => {}
        }
        Some(())
    }

    /// Whether what follows is encrypted (TLS 1.3 and its drafts).
    pub fn is_13(&self) -> bool {
        matches!(self.version, 0x0304..0xfe00 | 0xfefc)
    }
}

/// `None` when the block or an extension is longer than what is there.
fn for_each_extension<'a>(mut fields: Fields<'a>, mut each: impl FnMut(u16, &'a [u8])) -> Option<()> {
    // Before RFC 3546 there were none.
    if fields.is_empty() {
        return Some(());
    }
    let mut extensions = Fields(fields.long()?);
    while !extensions.is_empty() {
        each(extensions.u16()?, extensions.long()?);
    }
    Some(())
}

/// The host in a list of server names (RFC 6066, 3).
fn host(mut body: Fields<'_>) -> Option<String> {
    const HOST_NAME: u8 = 0;
    let mut names = Fields(body.long()?);
    while let Some(kind) = names.u8() {
        let name = names.long()?;
        if kind == HOST_NAME && !name.is_empty() && name.len() <= MAX_HOST {
            let mut host = text(name);
            host.make_ascii_lowercase();
            return Some(host);
        }
    }
    None
}

fn highest(offer: &Offer<'_>, transport: Transport) -> u16 {
    let versions = offer.versions.iter().copied();
    let highest = match transport {
        Transport::Dtls => versions.min(),
        // The numbers of drafts are above that of TLS 1.3.
        _ if offer.versions.contains(&0x0304) => Some(0x0304),
        _ => versions.max(),
    };
    highest.unwrap_or(offer.version)
}

fn plain_numbers(bytes: &[u8]) -> Vec<u16> {
    let mut plain = Vec::with_capacity(bytes.len() / 2);
    plain.extend(numbers(bytes).filter(|&value| !is_grease(value)));
    plain
}

fn text(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    push_text(&mut text, bytes, |c| c == '\\');
    text
}

#[cfg(test)]
pub mod tests {
    use super::*;

    pub fn long(bytes: &[u8]) -> Vec<u8> {
        [&(bytes.len() as u16).to_be_bytes(), bytes].concat()
    }

    fn list(values: &[u16]) -> Vec<u8> {
        values.iter().flat_map(|value| value.to_be_bytes()).collect()
    }

    fn extension(kind: u16, body: &[u8]) -> Vec<u8> {
        [&kind.to_be_bytes(), &long(body)[..]].concat()
    }

    fn sni(host: &[u8]) -> Vec<u8> {
        extension(SERVER_NAME, &long(&[&[0], &long(host)[..]].concat()))
    }

    /// A body with these extensions.
    fn client(ciphers: &[u16], extensions: &[Vec<u8>]) -> Vec<u8> {
        let extensions = long(&extensions.concat());
        [&[3, 3][..], &[7; 32], &[2, 8, 9], &long(&list(ciphers)), &[1, 0], &extensions].concat()
    }

    /// The hello in the examples of JA4, with GREASE as browsers send it.
    pub fn example() -> Vec<u8> {
        let ciphers = [
            0x4a4a, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014,
            0x009c, 0x009d, 0x002f, 0x0035,
        ];
        let signatures = [0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601];
        let extensions = [
            extension(0x1a1a, b""),
            extension(0x001b, &[2, 0, 2]),
            sni(b"Www.Example.com"),
            extension(0x0033, &[0; 600]),
            extension(ALPN, &long(b"\x02h2\x08http/1.1")),
            extension(0x4469, b""),
            extension(0x0017, b""),
            extension(0x002d, &[1, 1]),
            extension(SIGNATURE_ALGORITHMS, &long(&list(&signatures))),
            extension(0x0005, &[1, 0, 0, 0, 0]),
            extension(SESSION_TICKET, b""),
            extension(0x0012, b""),
            extension(SUPPORTED_VERSIONS, &[&[6][..], &list(&[0x7a7a, 0x0304, 0x0303])].concat()),
            extension(0xff01, &[0]),
            extension(POINT_FORMATS, &[1, 0]),
            extension(SUPPORTED_GROUPS, &long(&list(&[0x2a2a, 29, 23, 24]))),
            extension(0x0015, &[0; 20]),
            extension(0xdada, &[0]),
        ];
        client(&ciphers, &extensions)
    }

    /// A ServerHello with these extensions.
    pub fn server(version: [u8; 2], random: [u8; 32], extensions: &[u8]) -> Vec<u8> {
        [&version[..], &random, &[1, 7], &[0xc0, 0x2f], &[0], &long(extensions)].concat()
    }

    #[test]
    fn a_browser_is_read() {
        let hello = ClientHello::read(&example(), Transport::Tcp, true).unwrap();
        assert_eq!(hello.sni.as_deref(), Some("www.example.com"));
        assert_eq!(hello.alpn, ["h2", "http/1.1"]);
        assert_eq!(hello.version, 0x0304);
        assert_eq!(hello.ja4, "t13d1516h2_8daaf6152771_e5627efa2ab1");
        assert_eq!(hello.session_id, [8, 9]);
        assert!(hello.ech.is_none() && !hello.resumes);
    }

    #[test]
    fn broken_bodies_are_left_and_broken_blocks_refused() {
        let read =
            |extensions: &[Vec<u8>]| ClientHello::read(&client(&[47], extensions), Transport::Tcp, true);
        let broken = read(&[extension(SERVER_NAME, &[0, 9, 0]), extension(ALPN, &[0, 1, 3])]).unwrap();
        assert_eq!((broken.sni, broken.alpn.len()), (None, 0));
        assert!(broken.ja4.starts_with("t12d010200_"), "{}", broken.ja4);
        assert_eq!(read(&[vec![0, 0, 0, 1]]), None);
        assert_eq!(read(&[sni(b"")]).unwrap().sni, None);
        assert_eq!(read(&[sni(&[b'a'; 256])]).unwrap().sni, None);
        assert_eq!(read(&[sni(b"a\x00\xffB\\")]).unwrap().sni.as_deref(), Some("a\\000\\255b\\\\"));
        let many = read(&[extension(ALPN, &long(&b"\x01a".repeat(5_000)))]).unwrap();
        assert_eq!(many.alpn.len(), MAX_ALPN);
        let bare = [&[3, 1][..], &[0; 32], &[0, 0, 2, 0, 47, 1, 0]].concat();
        assert!(ClientHello::read(&bare, Transport::Tcp, true).is_some(), "no extensions at all");
    }

    #[test]
    fn wishes_to_resume_and_to_hide_are_seen() {
        let read = |kind, body| {
            ClientHello::read(&client(&[47], &[extension(kind, body)]), Transport::Quic, true).unwrap()
        };
        assert!(read(SESSION_TICKET, b"t").resumes && read(PRE_SHARED_KEY, b"").resumes);
        assert_eq!(read(ENCRYPTED_CLIENT_HELLO, &[0, 0, 1, 0, 1, 7, 0, 0, 0, 0]).ech, Some(7));
        assert_eq!(read(ENCRYPTED_CLIENT_HELLO, &[1]).ech, None, "that would be the inner one");
        let draft = read(SUPPORTED_VERSIONS, &[4, 0x7f, 0x1c, 3, 4]);
        assert_eq!((draft.version, &draft.ja4[..3]), (0x0304, "q00"));
    }

    #[test]
    fn dtls_has_a_cookie() {
        let body = [&[0xfe, 0xfd][..], &[0; 32], &[0, 3, 1, 2, 3], &[0, 2, 0, 47, 1, 0]].concat();
        let hello = ClientHello::read(&body, Transport::Dtls, true).unwrap();
        assert_eq!((hello.version, &hello.ja4[..10]), (0xfefd, "dd2i010000"));
    }

    #[test]
    fn a_server_says_what_it_chose() {
        let old = ServerHello::read(&server([3, 3], [1; 32], &extension(ALPN, &long(b"\x02h2")))).unwrap();
        assert_eq!((old.version, old.cipher, old.alpn.as_deref()), (0x0303, 0xc02f, Some("h2")));
        assert!(!old.is_13() && !old.is_retry && !old.accepts_psk);
        let extensions = [extension(SUPPORTED_VERSIONS, &[3, 4]), extension(PRE_SHARED_KEY, &[0, 0])];
        let new = ServerHello::read(&server([3, 3], RETRY, &extensions.concat())).unwrap();
        assert!(new.is_13() && new.is_retry && new.accepts_psk);
        assert_eq!(new.session_id, [7]);
        let draft = [&[0x7f, 0x0e][..], &[0; 32], &[0x13, 0x01], &[0, 0]].concat();
        assert!(ServerHello::read(&draft).unwrap().is_13());
    }

    #[test]
    fn the_form_of_ssl_2_is_read() {
        let hello = [&[1, 3, 1, 0, 3, 0, 0, 0, 16, 0, 0, 47][..], &[5; 16]].concat();
        assert_eq!(ClientHello::read_old(&hello).unwrap().version, 0x0301);
        assert_eq!(ClientHello::read_old(&hello[..20]), None);
    }

    #[test]
    fn nothing_panics_on_what_was_cut_or_changed() {
        let servers = server([3, 3], RETRY, &extension(SUPPORTED_VERSIONS, &[3, 4]));
        for whole in [example(), servers] {
            for end in 0..whole.len() {
                let mut changed = whole.clone();
                changed[end] ^= 0xff;
                for bytes in [&whole[..end], &changed] {
                    for transport in [Transport::Tcp, Transport::Quic, Transport::Dtls] {
                        ClientHello::read(bytes, transport, true);
                    }
                    ClientHello::read_old(bytes);
                    ServerHello::read(bytes);
                }
            }
        }
    }
}
