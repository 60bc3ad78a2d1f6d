//! Marks on entries of connection tracking: what has one is stopped by the
//! rules, at its next packet.

use std::io;
use std::net::IpAddr;

use super::conntrack::{GET, PATIENCE, SUBSYSTEM};
use super::entry::attribute;
use super::netlink::{DONE, ERROR, NESTED, Read, Request, Socket, messages};
use crate::engine::Ends;
use crate::wire::proto;

/// IPCTNL_MSG_CT_NEW, without NLM_F_CREATE: changes what is there.
const CHANGE: u8 = 0;

/// Sets and clears the bits of `mask`; the others belong to others.
pub struct Marks {
    socket: Socket,
    mask: u32,
}

impl Marks {
    /// Fails without the right to, and where the kernel lacks nf_conntrack_netlink.
    pub fn open(mask: u32) -> io::Result<Marks> {
        Ok(Marks { socket: Socket::open(64 << 10)?, mask })
    }

    /// Clears all marks of a run before this one, which could not any more.
    pub fn clear(&self) -> io::Result<usize> {
        let all = Socket::open(256 << 10)?;
        let mask = self.mask.to_be_bytes();
        let marked = Request::new(SUBSYSTEM, GET, libc::NLM_F_DUMP, libc::AF_UNSPEC, 0)
            .with(attribute::MARK, &mask)
            .with(attribute::MARK_MASK, &mask);
        all.send(marked)?;
        let (mut buffer, mut cleared) = (vec![0; 64 << 10], 0);
        loop {
            if !all.wait(PATIENCE) {
                return Err(io::ErrorKind::TimedOut.into());
            }
            let Read::Bytes(length) = all.read(&mut buffer)? else { continue };
            for message in messages(&buffer[..length]) {
                if matches!(message.kind, DONE | ERROR) {
                    return Ok(cleared);
                }
                let original = message.attributes().find(|(kind, _)| *kind == attribute::ORIGINAL);
                let Some((_, original)) = original else { continue };
                let family = message.body.first().copied().unwrap_or(0);
                let request = Request::new(SUBSYSTEM, CHANGE, libc::NLM_F_ACK, family.into(), 0)
                    .with(attribute::ORIGINAL | NESTED, original)
                    .with(attribute::MARK, &[0; 4])
                    .with(attribute::MARK_MASK, &mask);
                // One that has ended meanwhile needs no clearing.
                cleared += usize::from(self.socket.ask(request).is_ok());
            }
        }
    }

    /// Marks the flow between `ends`, or clears its mark; `false` when there is
    /// no such flow (any more).
    pub fn set(&self, ends: &Ends, marked: bool) -> io::Result<bool> {
        // Whose source is translated is found by how it began, whose
        // destination is, by its answers.
        let (client, server) = (ends.client, ends.server);
        for (src, dst, answers) in [(client, server, false), (server, client, true)] {
            match self.socket.ask(request(self.mask, ends, src, dst, answers, marked)) {
                Ok(()) => return Ok(true),
                Err(error) if error.raw_os_error() == Some(libc::ENOENT) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(false)
    }
}

/// Asks for the bits of `mask` to be set, or cleared, on the flow that is found
/// by `src` and `dst`: the first packet's, or those of its `answers`.
fn request(
    mask: u32,
    ends: &Ends,
    src: (IpAddr, u16),
    dst: (IpAddr, u16),
    answers: bool,
    marked: bool,
) -> Request {
    let (family, addresses) = match (src.0, dst.0) {
        (IpAddr::V4(src), IpAddr::V4(dst)) => (
            libc::AF_INET,
            Request::nested().with(attribute::V4_SRC, &src.octets()).with(attribute::V4_DST, &dst.octets()),
        ),
        (src, dst) => {
            let wide = |address| match address {
                IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
                IpAddr::V6(v6) => v6.octets(),
            };
            let both = Request::nested().with(attribute::V6_SRC, &wide(src));
            (libc::AF_INET6, both.with(attribute::V6_DST, &wide(dst)))
        }
    };
    let mut protocol = Request::nested().with(attribute::NUMBER, &[ends.proto]);
    match (ends.proto, ends.icmp) {
        (proto::ICMP | proto::ICMPV6, Some((kind, code, id))) => {
            let [id_name, kind_name, code_name] =
                if ends.proto == proto::ICMP { attribute::ICMP } else { attribute::ICMPV6 };
            protocol = protocol
                .with(id_name, &id.to_be_bytes())
                .with(kind_name, &[if answers { answer_of(kind) } else { kind }])
                .with(code_name, &[code]);
        }
        _ => {
            protocol = protocol
                .with(attribute::SRC_PORT, &src.1.to_be_bytes())
                .with(attribute::DST_PORT, &dst.1.to_be_bytes());
        }
    }
    let tuple = Request::nested()
        .with(attribute::ADDRESSES | NESTED, &addresses.into_attributes())
        .with(attribute::PROTOCOL | NESTED, &protocol.into_attributes());
    let mark = if marked { mask } else { 0 };
    Request::new(SUBSYSTEM, CHANGE, libc::NLM_F_ACK, family, 0)
        .with(attribute::ORIGINAL | NESTED, &tuple.into_attributes())
        .with(attribute::MARK, &mark.to_be_bytes())
        .with(attribute::MARK_MASK, &mask.to_be_bytes())
}

/// The type of ICMP that answers `kind`.
fn answer_of(kind: u8) -> u8 {
    match kind {
        8 => 0,
        128 => 129,
        other => other.wrapping_add(1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_names_the_flow_as_it_began_or_as_it_is_answered() {
        let ends = Ends {
            proto: 6,
            client: ("192.168.1.7".parse().unwrap(), 40_000),
            server: ("198.51.100.9".parse().unwrap(), 443),
            icmp: None,
        };
        let ports = |src, dst, answers| {
            let body = request(1 << 30, &ends, src, dst, answers, true).into_body();
            let found = super::super::entry::tuple_of(&body[4..]).unwrap();
            assert!(body.ends_with(&[8, 0, 21, 0, 0x40, 0, 0, 0]) || cfg!(target_endian = "big"));
            found
        };
        assert_eq!(ports(ends.client, ends.server, false), (ends.client, ends.server));
        assert_eq!(ports(ends.server, ends.client, true), (ends.server, ends.client));
    }
}
