//! Filters in libpcap's language, for frames that are in hand already.

use pcap::{BpfProgram, Capture, Linktype};

use super::{Error, live};
use crate::wire::LinkType;

/// A filter as text, and what libpcap made of it for each kind of frame so far. The
/// default lets all pass.
#[derive(Default)]
pub struct Filter {
    text: String,
    programs: Vec<(LinkType, Option<BpfProgram>)>,
}

impl Filter {
    /// Fails where `text` is no filter (pcap-filter(7)); an empty one lets all pass.
    pub fn new(text: &str) -> Result<Filter, Error> {
        let filter = Filter { text: text.into(), programs: Vec::new() };
        match filter.compile(LinkType::Ethernet) {
            Err(error) if !text.is_empty() => {
                Err(Error::Input(format!("filter \"{text}\": {}", live::plain(&error))))
            }
            _ => Ok(filter),
        }
    }

    fn compile(&self, kind: LinkType) -> Result<BpfProgram, pcap::Error> {
        // The one whose number in files is not libpcap's own (DLT_RAW).
        let number = if kind == LinkType::Raw { 12 } else { kind.number() };
        Capture::dead(Linktype(number))?.compile(&self.text, true)
    }

    /// Whether the frame `bytes` matches. One of a kind that the filter has no
    /// meaning for, as MAC addresses for bare IP, does not.
    pub fn has(&mut self, kind: LinkType, bytes: &[u8]) -> bool {
        if self.text.is_empty() {
            return true;
        }
        if !self.programs.iter().any(|(known, _)| *known == kind) {
            let program = self.compile(kind).ok();
            self.programs.push((kind, program));
        }
        let program = self.programs.iter().find(|(known, _)| *known == kind);
        program.and_then(|(_, program)| program.as_ref()).is_some_and(|program| program.filter(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_means_the_same_for_each_kind_of_frame() {
        let mut ip = Vec::new();
        etherparse::PacketBuilder::ipv4([10, 0, 0, 1], [10, 0, 0, 2], 64)
            .udp(5, 53)
            .write(&mut ip, b"x")
            .unwrap();
        let ethernet = [&[2; 12][..], &[8, 0], &ip].concat();
        let mut filter = Filter::new("udp port 53").unwrap();
        assert!(filter.has(LinkType::Ethernet, &ethernet) && filter.has(LinkType::Raw, &ip));
        assert!(!filter.has(LinkType::Ethernet, &ip));
        let mut other = Filter::new("ether src 02:02:02:02:02:02").unwrap();
        assert!(other.has(LinkType::Ethernet, &ethernet) && !other.has(LinkType::Raw, &ip));
        assert!(Filter::new("").unwrap().has(LinkType::Raw, b""));
        let Err(Error::Input(text)) = Filter::new("udp prot 53") else { panic!() };
        assert!(text.starts_with("filter \"udp prot 53\": "), "{text}");
    }
}
